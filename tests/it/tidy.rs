//! The rules of design.md §7 that a machine can check, and that the documentation lists what the
//! program has.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

use crate::support::{FleetEnv, repository};

/// Who may import whom: imports point down.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("plan", &[]),
    ("run", &["plan"]),
    ("rescue", &["documents", "plan"]),
    ("documents", &["plan"]),
    ("config", &["plan"]),
    ("doctor", &["aws", "documents", "error", "output", "plan"]),
    ("aws", &["documents", "plan", "rescue", "run"]),
    ("output", &["documents", "plan", "rescue", "run"]),
    ("drive", &["aws", "output", "plan", "rescue", "run", "signal"]),
    ("exit", &[]),
    ("signal", &[]),
    // It must not share our misunderstandings.
    ("sim", &[]),
];

/// A file of src/, by its path below it.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Returns the top-level module that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Returns the text without comments.
    fn code(&self) -> String {
        let comment = Regex::new(r"(?m)^\s*//.*$|\s//[^\n]*$").unwrap();
        comment.replace_all(&self.text, "").into_owned()
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests/") || self.path.ends_with("tests.rs")
    }

    /// Returns the modules of this crate that it names.
    fn imports(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut res = BTreeSet::new();
        for (at, it) in code.match_indices("crate::") {
            // `$crate::` and `clap_crate::` are somebody else's.
            if code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == '$') {
                continue;
            }
            res.extend(first_names(&code[at + it.len()..]));
        }
        res
    }
}

/// Returns the first name of a path, or those of a braced list of paths.
fn first_names(rest: &str) -> Vec<String> {
    let name = |it: &str| {
        let end = it.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(it.len());
        it[..end].to_owned()
    };
    let Some(list) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut depth, mut begins, mut res) = (0, true, Vec::new());
    for (at, it) in list.char_indices() {
        match it {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            it if begins && !it.is_whitespace() => {
                res.push(name(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    res
}

fn sources() -> Vec<Source> {
    let root = repository("src");
    let mut res = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let below = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                res.push(Source { path: below, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    res
}

#[test]
fn the_names_of_a_braced_import_are_found() {
    assert_eq!(first_names("plan::{InstanceId, Note};"), ["plan"]);
    assert_eq!(
        first_names("{\n    aws::{self, Access},\n    error::Error,\n    sim::{Sim, World},\n};"),
        ["aws", "error", "sim"]
    );
}

#[test]
fn imports_point_down() {
    let sources = sources();
    for (module, allowed) in MAY_IMPORT {
        let of_module: Vec<_> = sources.iter().filter(|it| it.module() == module).collect();
        assert!(!of_module.is_empty(), "there is no {module}");
        for source in of_module {
            for import in source.imports() {
                let is_allowed = import == module || allowed.contains(&import.as_str());
                assert!(is_allowed, "src/{} imports {import}", source.path);
            }
        }
    }
}

#[test]
fn plan_run_and_rescue_know_no_async_no_clock_no_io() {
    let banned = Regex::new(
        r"\basync\b|\.await\b|\btokio\b|\bfutures::|\bstd::(io|fs|env|net|process|thread)\b|Instant::now|Timestamp::now|SystemTime|\baws_\w+",
    );
    let banned = banned.unwrap();
    for source in sources() {
        if ["plan", "rescue", "run"].contains(&source.module()) && !source.is_test() {
            let code = source.code();
            let found = banned.find(&code).map(|it| it.as_str());
            assert_eq!(found, None, "src/{}", source.path);
        }
    }
}

#[test]
fn only_cli_names_clap_and_only_aws_names_the_sdk() {
    let clap = Regex::new(r"\bclap(_\w+)?::").unwrap();
    let sdk = Regex::new(r"\baws_\w+(::|\b)").unwrap();
    // Signatures are checked with the crate that makes them; hardly anything else could be right.
    let sigv4 = Regex::new(r"\baws_(sigv4|credential_types|smithy_runtime_api)::").unwrap();
    for source in sources() {
        let (module, code) = (source.module(), source.code());
        if module != "cli" {
            assert!(!clap.is_match(&code), "src/{} names clap", source.path);
        }
        if module == "aws" || source.is_test() {
            continue;
        }
        for found in sdk.find_iter(&code).map(|it| it.as_str()).filter(|it| it.ends_with("::")) {
            let is_sigv4 = module == "sim" && sigv4.is_match(found);
            assert!(is_sigv4, "src/{} names {found}", source.path);
        }
    }
}

#[test]
fn only_output_writes_to_a_terminal_or_a_file() {
    // The simulator and its instances are not fleet's voice.
    let writing = Regex::new(r"\bfs::(write|rename|remove\w*|create_dir\w*)\b|\bio::stdout\b");
    let writing = writing.unwrap();
    for source in sources() {
        if ["output", "sim"].contains(&source.module()) || source.is_test() {
            continue;
        }
        let code = source.code();
        let code = code.split("#[cfg(test)]").next().unwrap();
        let found = writing.find(code).map(|it| it.as_str());
        assert_eq!(found, None, "src/{}", source.path);
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    for source in sources().iter().filter(|it| !it.is_test()) {
        let n_lines = source.text.lines().count();
        assert!(n_lines <= 500, "src/{} has {n_lines} lines", source.path);
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for source in sources() {
        let is_documented = source.text.starts_with("//! ");
        assert!(is_documented || source.is_test(), "src/{} has no `//!`", source.path);
    }
}

/// Returns the commands that `fleet --help` lists.
fn commands() -> Vec<String> {
    let help = FleetEnv::new().run(&["--help"]).exits(0).stdout;
    let lines = help.lines().skip_while(|it| *it != "Commands:").skip(1);
    let lines = lines.take_while(|it| !it.is_empty());
    let names = lines.filter(|it| it.starts_with("  ") && !it.starts_with("   "));
    let names = names.map(|it| it.split_whitespace().next().unwrap().to_owned());
    names.filter(|it| it != "help").collect()
}

#[test]
fn every_command_has_a_test_file_and_is_in_the_readme() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let file = repository(&format!("tests/it/cli_{command}.rs"));
        assert!(file.exists(), "there is no {}", file.display());
        assert!(readme.contains(&format!("`fleet {command}")), "the README lacks {command}");
    }
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_contract() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    for code in [0, 1, 2, 3, 4, 5, 6, 70, 130] {
        assert!(readme.contains(&format!("\n| {code} | ")), "the README lacks {code}");
    }
}

/// Returns the lines of the README's blocks that start fleet, as its arguments.
fn readme_lines() -> Vec<Vec<String>> {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let starts = ["cargo run --release -- ", "fleet ", "$ fleet "];
    let mut is_block = false;
    let mut res = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        }
        let rest = starts.iter().find_map(|it| line.strip_prefix(it)).filter(|_| is_block);
        if let Some(rest) = rest {
            res.push(shell_words::split(rest).unwrap());
        }
    }
    res
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let lines = readme_lines();
    assert!(lines.len() >= 4, "{lines:?}");
    std::thread::scope(|scope| {
        for line in &lines {
            scope.spawn(|| {
                let root = repository("").display().to_string();
                let args = line.iter().map(|it| it.replace("--sim=", &format!("--sim={root}")));
                let args: Vec<String> = args.collect();
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                match args[0] {
                    // It serves until it is stopped: cli_sim has it.
                    "sim" => {}
                    _ => {
                        let env = FleetEnv::new();
                        let output = env.run(&args);
                        assert!([Some(0), Some(1)].contains(&output.code), "{args:?}:\n{output}");
                        env.runs().iter().for_each(|it| read_complete(it));
                    }
                }
            });
        }
    });
}

fn read_complete(run: &Path) {
    crate::support::Record::read(run).complete();
}
