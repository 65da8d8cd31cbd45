//! `fleet.toml`: what it chooses, what it never lets happen, and whom it is not believed.

use std::fs;

use crate::support::{FleetEnv, Output, SimProcess, repository};

const ROLE: &str = "arn:aws:iam::123456789012:role/fleet";

/// Returns an environment with `text` as the fleet.toml of its working directory.
fn with(text: &str) -> FleetEnv {
    let env = FleetEnv::new();
    env.write("fleet.toml", text);
    env
}

/// Runs `args` over a group of 40 of a simulator of their own.
fn run(env: &FleetEnv, args: &[&str]) -> Output {
    env.run(&[&["run", "--sim", "--asg", "batch"], args, &["--", "true"]].concat())
}

/// Requires that `args` are refused, and that stderr names all of `names`.
fn refused(env: &FleetEnv, args: &[&str], names: &[&str]) {
    drop(run(env, args).exits(2).complains(names).complains(&["nothing was sent"]));
    assert!(env.runs().is_empty(), "{args:?}");
}

#[test]
fn a_ceiling_refuses_a_looser_flag_and_names_its_place() {
    let env = with("[ceilings]\nmax_concurrency = \"25%\"\nmax_errors = \"5%\"\n");
    let place = "fleet.toml, line 2: ceilings.max_concurrency";
    refused(&env, &["--max-concurrency", "50%"], &["--max-concurrency 50%", "25%", place]);
    refused(&env, &["--max-concurrency", "11"], &["--max-concurrency 11", "25%", place]);
    let place = "fleet.toml, line 3: ceilings.max_errors";
    refused(&env, &["--max-errors", "10"], &["--max-errors 10", "5%", place]);
    refused(&env, &["--dry-run", "--max-errors", "6%"], &["--max-errors 6%", place]);
    let within = ["--dry-run", "--max-concurrency", "25%", "--max-errors", "5%"];
    drop(run(&env, &within).exits(0));
}

#[test]
fn a_plan_that_was_written_down_and_a_retry_are_held_to_it_as_well() {
    let env = FleetEnv::new();
    let flags = ["--sim", "--asg", "batch", "--max-concurrency", "50%", "--max-errors", "9"];
    let out = ["-o", "plan.json", "--quiet", "--", "true"];
    drop(env.run(&[&["plan"], &flags[..], &out[..]].concat()).exits(0));
    env.write("fleet.toml", "[ceilings]\nmax_concurrency = \"25%\"\n");
    let output = env.run(&["run", "--sim", "--plan", "plan.json"]).exits(2);
    drop(output.complains(&["--max-concurrency 50%", "line 2: ceilings.max_concurrency"]));
    let sim = SimProcess::of(&repository("tests/worlds/one_fails.toml"));
    let env = FleetEnv::of(&sim);
    let args = ["run", "--yes", "--asg", "web", "--max-concurrency", "100%", "--", "true"];
    drop(env.run(&args).exits(1));
    env.write("fleet.toml", "[ceilings]\nallow_documents = [\"Fleet-*\"]\n");
    let n_commands = sim.stats().commands();
    let output = env.run(&["retry", "last", "--yes"]).exits(2);
    drop(output.complains(&["AWS-RunShellScript", "Fleet-*", "ceilings.allow_documents"]));
    assert_eq!(sim.stats().commands(), n_commands);
}

#[test]
fn documents_are_allowed_by_name() {
    let env = with("[ceilings]\nallow_documents = [\"Fleet-*\", \"AWS-RunShellScript\"]\n");
    drop(run(&env, &["--dry-run"]).exits(0));
    env.write("fleet.toml", "[ceilings]\nallow_documents = [\"AWS-RunPowerShell*\"]\n");
    let place = "line 2: ceilings.allow_documents";
    refused(&env, &[], &["AWS-RunShellScript", "AWS-RunPowerShell*", place]);
}

#[test]
fn a_run_that_needs_a_plan_runs_one_and_nothing_else() {
    let env = with("[ceilings]\nrequire_plan = true\n");
    refused(&env, &[], &["ceilings.require_plan", "fleet plan -o FILE"]);
    drop(run(&env, &["--dry-run"]).exits(0));
    let args = ["--sim", "--asg", "win", "-o", "plan.json", "--quiet", "--", "hostname"];
    drop(env.run(&[&["plan"], &args[..]].concat()).exits(0));
    drop(env.run(&["run", "--sim", "--plan", "plan.json", "--quiet"]).exits(0));
}

#[test]
fn a_default_gives_way_to_a_ceiling() {
    let env = with("[ceilings]\nmax_concurrency = \"5%\"\n");
    let output = run(&env, &["--dry-run", "--output", "json"]).exits(0);
    assert_eq!(output.json()["limits"]["max_concurrency"]["input"], "5%");
    env.write("fleet.toml", "[ceilings]\nmax_concurrency = \"2\"\n");
    let output = run(&env, &["--dry-run", "--output", "json"]).exits(0);
    assert_eq!(output.json()["limits"]["max_concurrency"]["input"], "2");
}

#[test]
fn an_environment_has_its_role_region_and_limits_and_flags_win() {
    let env = with(&format!(
        "[limits]\nmax_concurrency = \"3\"\n\
         [profile.production]\nrole_arn = \"{ROLE}\"\nlimits = {{ max_errors = \"20%\" }}\n"
    ));
    let plan = |args: &[&str]| run(&env, &[&["--dry-run", "--output", "json"], args].concat());
    let made = plan(&["--env", "production"]).exits(0).json();
    assert_eq!(made["operator"]["role_arn"], ROLE);
    assert_eq!(made["limits"]["max_concurrency"]["input"], "3");
    assert_eq!(made["limits"]["max_errors"]["input"], "20%");
    let notes = made["notes"].to_string();
    for key in ["profile.production.role_arn (line 4)", "limits.max_concurrency (line 2)"] {
        assert!(notes.contains(key), "{notes}");
    }
    let made = plan(&["--env", "production", "--max-errors", "1"]).exits(0).json();
    assert_eq!(made["limits"]["max_errors"]["input"], "1");
    let made = plan(&[]).exits(0).json();
    assert!(made["operator"]["role_arn"].is_null());
    refused(&env, &["--env", "prod"], &["`prod`", "production"]);
}

#[test]
fn the_users_own_file_is_read_behind_the_folders() {
    let env = FleetEnv::new();
    fs::create_dir_all(env.path("home/.config/fleet")).unwrap();
    let own =
        "[limits]\nmax_errors = \"7\"\nmax_concurrency = \"1\"\n[ceilings]\nmax_errors = \"8\"\n";
    env.write("home/.config/fleet/fleet.toml", own);
    env.write("fleet.toml", "[limits]\nmax_concurrency = \"2\"\n[ceilings]\nmax_errors = \"9\"\n");
    let made = run(&env, &["--dry-run", "--output", "json"]).exits(0).json();
    assert_eq!(made["limits"]["max_concurrency"]["input"], "2");
    assert_eq!(made["limits"]["max_errors"]["input"], "7");
    refused(&env, &["--max-errors", "9"], &["home/.config/fleet/fleet.toml, line 5"]);
    env.write("other.toml", "");
    let args = ["--dry-run", "--config", "other.toml", "--max-errors", "9"];
    drop(run(&env, &args).exits(0));
}

#[test]
fn what_is_wrong_is_shown_with_its_line() {
    let env = with("[ceilings]\nmax_concurency = \"25%\"\n");
    let output = run(&env, &[]).exits(2);
    let names = ["fleet.toml, line 2: ceilings.max_concurency", "max_concurency = \"25%\"", "^^^^"];
    drop(output.complains(&names).complains(&["`max_concurrency`", "nothing was sent"]));
    refused(&env, &["--config", "missing.toml"], &["missing.toml"]);
}

#[test]
fn a_folder_chooses_no_role_of_another_account() {
    let foreign = "arn:aws:iam::666666666666:role/fleet";
    let env = with(&format!("role_arn = \"{foreign}\"\n"));
    let output = run(&env, &[]).exits(3);
    drop(output.complains(&[foreign, "123456789012", "another account", "--config"]));
    // Whoever names the file, or the role, is asked for the role itself.
    let output = run(&env, &["--config", "fleet.toml"]).exits(3);
    drop(output.complains(&["could not assume", foreign]));
}

#[test]
fn a_flag_for_a_role_needs_a_role() {
    let env = FleetEnv::new();
    for flags in [["--external-id", "xyz"], ["--duration", "1h"], ["--session-tag", "a=b"]] {
        refused(&env, &flags, &[flags[0], "--role-arn"]);
    }
    let role = ["--role-arn", ROLE];
    let tags = ["--session-tag", "a=b", "--session-tag", "A=c"];
    refused(&env, &[&role[..], &tags].concat(), &["`a`", "twice"]);
    refused(&env, &[&role[..], &["--transitive-tag", "a"]].concat(), &["`a`", "--session-tag a="]);
    let device = ["--mfa-serial", "arn:aws:iam::123456789012:mfa/op"];
    refused(&env, &[&role[..], &device].concat(), &["mfa/op", "no terminal", "--mfa-token"]);
    let code = ["--mfa-token", "123456"];
    refused(&env, &[&role[..], &code].concat(), &["--mfa-serial"]);
    refused(&env, &[&role[..], &["--mfa-token", "12345"]].concat(), &["six digits"]);
}
