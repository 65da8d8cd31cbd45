//! Documents that print findings: how they are read, what becomes of a run of them, and how
//! fleet's own come into the account.

use std::{fmt::Write as _, fs};

use serde_json::{Value, json};

use crate::support::{FleetEnv, Record, SimProcess, repository};

fn line(verdict: &str, more: &Value) -> String {
    let mut it =
        json!({"schema": "fleet.sshd/1", "verdict": verdict, "findings": [], "changed": []});
    it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    it.to_string()
}

fn healthy(key: &str) -> String {
    line("healthy", &json!({"host_keys": [{"type": "ed25519", "sha256": key}]}))
}

fn latent() -> String {
    let finding = json!({"code": "config.syntax", "effect": "next-restart", "severity": "high",
        "path": "/etc/ssh/sshd_config", "line": 7, "evidence": "Bad option: \u{1b}[2Jx"});
    line("latent", &json!({"findings": [finding]}))
}

fn broken() -> String {
    let finding = json!({"code": "hostkeys.missing", "effect": "now", "severity": "high"});
    line("broken", &json!({"findings": [finding]}))
}

/// A world with fleet's own documents and a group of `size`, whose instances print `outputs`.
fn world(size: usize, outputs: &[(&[usize], i32, &str)]) -> SimProcess {
    let mut world = format!("speed = 50.0\n[[group]]\nname = \"web\"\nsize = {size}\n");
    for (instances, exit, stdout) in outputs {
        let instances = match instances {
            [] => String::new(),
            it => format!("group = \"web\"\ninstances = {it:?}\n"),
        };
        let stdout = Value::from(*stdout);
        write!(world, "[[outcome]]\n{instances}exit = {exit}\nstdout = {stdout}\n").unwrap();
    }
    let names = ["Fleet-CheckSshd", "Fleet-RepairSshd"];
    let files = names.map(|name| {
        write!(world, "[[document]]\nname = \"{name}\"\nfile = \"{name}.yaml\"\n").unwrap();
        let path = repository(&format!("documents/{name}.yaml"));
        (format!("{name}.yaml"), fs::read_to_string(path).unwrap())
    });
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    SimProcess::start(&world, &files)
}

fn env(sim: &SimProcess) -> FleetEnv {
    FleetEnv::of(sim).set("FLEET_PACE", "0.02")
}

const CHECK: [&str; 6] = ["run", "--asg", "web", "--yes", "--doc", "Fleet-CheckSshd"];

#[test]
fn the_findings_of_sixty_are_one_sentence_in_every_output() {
    let (latent, broken) = (latent(), broken());
    let outputs = [
        (&[4, 11][..], 11, latent.as_str()),
        (&[7], 10, &broken),
        (&[20], 0, &healthy("SHA256:own")),
        (&[], 0, &healthy("SHA256:cloned")),
    ];
    let outputs: Vec<_> = outputs.iter().map(|(it, exit, out)| (*it, *exit, *out)).collect();
    let sim = world(60, &outputs);
    let env = env(&sim);
    let sentence = "sshd: 57 healthy, 2 latent (config.syntax), 1 broken (hostkeys.missing)\n";
    let output = env.run(&[&CHECK[..], &["--max-concurrency", "100%"]].concat()).exits(1);
    let output = output.prints(&[
        sentence,
        "latent: config.syntax; /etc/ssh/sshd_config:7: Bad option: x",
        "finding     hostkeys.missing (high, now) on 1 instance: i-",
        "shared      host_keys[].sha256: SHA256:cloned is the same on 56 instances:",
    ]);
    assert!(
        !output.stdout.contains("{\"schema\"") && !output.stdout.contains('\u{1b}'),
        "{output}"
    );
    let record = env.record();
    let report = record.replayed().complete();
    let findings = &report["findings"][0];
    assert_eq!(findings["subject"], "sshd");
    let verdicts = json!([
        {"verdict": "healthy", "good": true, "count": 57, "codes": []},
        {"verdict": "latent", "good": false, "count": 2,
         "codes": [{"code": "config.syntax", "count": 2}]},
        {"verdict": "broken", "good": false, "count": 1,
         "codes": [{"code": "hostkeys.missing", "count": 1}]},
    ]);
    assert_eq!(findings["verdicts"], verdicts);
    assert_eq!(findings["shared"][0]["instances"].as_array().unwrap().len(), 56);
    let instances = report["instances"].as_array().unwrap();
    let broken = instances.iter().find(|it| it["response_code"] == 10).unwrap();
    assert_eq!(broken["findings"]["state"], "read");
    assert_eq!(broken["findings"]["findings"][0]["code"], "hostkeys.missing");
    assert_eq!(broken["hint"], "broken: somebody is kept out now");
    // Shown again, it says the same; and the plan has what it was read by.
    drop(env.run(&["report", "last"]).exits(0).prints(&[sentence]));
    let again = env.run(&["report", "last", "--output", "json"]).exits(0).json();
    assert_eq!(&again["findings"], &report["findings"]);
    let format = |it| env.run(&["report", "last", "--format", it]).exits(0);
    drop(format("csv").prints(&["\"broken\",\"hostkeys.missing\",,,,\r\n"]));
    for it in ["md", "html", "junit", "text"] {
        drop(format(it).prints(&["57 healthy, 2 latent", "1 broken"]));
    }
    assert_eq!(record.plan["document"]["sidecar"]["findings"]["schema"], "fleet.sshd/1");
}

#[test]
fn what_cannot_be_read_is_told_and_is_never_good() {
    let garbage = "healthy\u{1b}[31m";
    let foreign = healthy("x").replace("sshd/1", "sshd/2");
    let unheard = line("splendid", &json!({}));
    let sim = world(
        4,
        &[(&[0], 0, garbage), (&[1], 0, &foreign), (&[2], 0, &unheard), (&[3], 0, &healthy("x"))],
    );
    let env = env(&sim);
    // Every instance exits with 0, and the run does not.
    let output = env.run(&CHECK).exits(1);
    drop(output.prints(&[
        "sshd: 1 healthy, 3 unreadable\n",
        "the output is not one JSON object: expected value",
        "its schema is `fleet.sshd/2`, not `fleet.sshd/1`",
        "its verdict `splendid` is none of: healthy, latent",
        "the findings of 3 that succeeded are not good or",
    ]));
    let report = &env.record().report;
    assert_eq!(report["totals"], json!({"succeeded": 4}));
    assert_eq!(report["verdict"]["kind"], "instances_failed");
}

#[test]
fn output_that_the_list_cuts_is_completed_before_it_is_read() {
    let finding = json!({"code": "keys.none", "effect": "now", "evidence": "e".repeat(200)});
    let long = line("broken", &json!({"findings": vec![finding; 40]}));
    let sim = world(
        70,
        &[(&[0], 10, &long), (&[], 0, &line("healthy", &json!({"pad": "p".repeat(3000)})))],
    );
    // Seventy reads take their time on a machine that is busy.
    let env = env(&sim).set("FLEET_PACE", "0.3");
    let output = env.run(&[&CHECK[..], &["--max-concurrency", "100%"]].concat()).exits(1);
    drop(output.prints(&["sshd: 69 healthy, 1 broken (keys.none)\n"]));
    assert_eq!(sim.stats().calls("GetCommandInvocation"), 70);
    let _ = env.record().replayed();
}

#[test]
fn output_that_stays_cut_is_not_good() {
    let long = line("healthy", &json!({"pad": "p".repeat(30_000)}));
    let sim = world(1, &[(&[], 0, &long)]);
    let env = env(&sim);
    let output = env.run(&CHECK).exits(1);
    drop(output.prints(&["sshd: 1 unreadable\n", "not read    the output was cut: on 1 instance"]));
}

#[test]
fn any_document_can_print_findings_and_one_may_declare_them() {
    let it = json!({"schema": "acme.disk/1", "verdict": "full", "findings": [
        {"code": "disk.full", "effect": "now", "path": "/var"}]});
    let sim =
        world(3, &[(&[0], 4, &it.to_string()), (&[], 0, &it.to_string().replace("full", "fine"))]);
    let env = env(&sim);
    let run = ["run", "--asg", "web", "--yes", "--max-errors", "3"];
    let command = ["--", "check-disk"];
    let output = env.run(&[&run[..], &command].concat()).exits(1);
    drop(output.prints(&["acme.disk/1: 2 fine (disk.fine), 1 full (disk.full)\n"]));
    let sidecar = "version = '1'\nchanges = false\n[findings]\nschema = 'acme.disk/1'\n\
        subject = 'disk'\nverdicts = ['fine', 'full']\ngood = ['fine']\n\
        [findings.exit]\n4 = 'a disk is full'\n";
    env.write("disk.fleet.toml", sidecar);
    let declared = ["--sidecar", "disk.fleet.toml"];
    let output = env.run(&[&run[..], &declared, &command].concat()).exits(1);
    drop(output.prints(&["disk: 2 fine, 1 full (disk.full)\n"]));
    // Whoever is run again is read as before.
    drop(env.run(&["retry", "last", "--yes"]).exits(1).prints(&["disk: 1 full (disk.full)\n"]));
    let last = Record::read(env.runs().last().unwrap());
    assert_eq!(last.report["instances"][0]["hint"], "a disk is full");
    env.write("bad.fleet.toml", "version = '1'\nchanges = false\nfindings = 7\n");
    let output = env.run(&[&run[..], &["--sidecar", "bad.fleet.toml"], &command].concat()).exits(2);
    drop(output.complains(&["the sidecar bad.fleet.toml cannot be read", "nothing was sent"]));
}

const REPAIR: [&str; 4] = ["--asg", "web", "--doc", "Fleet-RepairSshd"];

#[test]
fn a_document_is_rolled_out_as_it_declares_unless_a_flag_says_otherwise() {
    let sim = world(20, &[]);
    let env = env(&sim);
    let plan = |flags: &[&str]| {
        let output = env.run(&[&["plan"], &REPAIR[..], flags, &["--output", "json"]].concat());
        output.exits(0).json()
    };
    let sizes = |plan: &Value| -> Vec<usize> {
        let waves = plan["waves"].as_array().unwrap().iter();
        waves.map(|it| it["instances"].as_array().unwrap().len()).collect()
    };
    let declared = plan(&[]);
    assert_eq!(sizes(&declared), [1, 1, 18]);
    assert_eq!(declared["limits"]["max_errors"]["input"], "0");
    assert_eq!(declared["document"]["dry_run"], true);
    assert_eq!(sizes(&plan(&["--waves", "50%,100%"])), [10, 10]);
    assert_eq!(plan(&["--max-errors", "3"])["limits"]["max_errors"]["input"], "3");
    env.write("fleet.toml", "[limits]\nmax_errors = \"2\"\n");
    assert_eq!(plan(&[])["limits"]["max_errors"]["input"], "2");
    fs::remove_file(env.path("fleet.toml")).unwrap();
    env.write("fleet.toml", "[ceilings]\nmax_errors = \"1\"\n");
    let output = env.run(&[&["plan"], &REPAIR[..], &["--max-errors", "3"]].concat());
    drop(output.exits(2).complains(&["--max-errors 3 is above the ceiling of 1"]));
    // What nobody asked for gives way.
    let check = ["plan", "--asg", "web", "--doc", "Fleet-CheckSshd", "--output", "json"];
    let check = env.run(&check).exits(0).json();
    assert_eq!(check["limits"]["max_errors"]["input"], "1");
    fs::remove_file(env.path("fleet.toml")).unwrap();
    let text = env.run(&[&["plan"], &REPAIR[..]].concat()).exits(0);
    let text = text.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for it in [
        "a dry run on the instances: with DryRun = true Fleet-RepairSshd tells what it would change",
        "Fleet-RepairSshd declares --waves 1,10%,100% and --max-errors 0, as no flag says otherwise",
    ] {
        assert!(text.contains(it), "{it}\n{text}");
    }
    let real = plan(&["--param", "DryRun=false"]);
    assert_eq!(real["document"]["dry_run"], false);
    assert!(real["notes"].to_string().contains("may change the instances"), "{}", real["notes"]);
}

#[test]
fn a_frozen_plan_keeps_its_waves_and_what_its_findings_are_read_by() {
    let sim = world(6, &[(&[], 0, &healthy("x"))]);
    let env = env(&sim);
    let flags = ["--param", "DryRun=false", "--waves", "100%", "-o", "plan.json"];
    drop(env.run(&[&["plan"], &REPAIR[..], &flags].concat()).exits(0));
    let again = ["run", "--plan", "plan.json", "--yes", "--sidecar", "x.fleet.toml"];
    drop(env.run(&again).exits(2).complains(&["no flag may say so again", "nothing was sent"]));
    let output = env.run(&["run", "--plan", "plan.json", "--yes"]).exits(0);
    drop(output.prints(&["sshd: 6 healthy\n"]));
    assert_eq!(env.record().complete()["waves"].as_array().unwrap().len(), 1);
}

#[test]
fn what_changed_instances_names_the_document_that_verifies_it() {
    let changed = json!({"changed": [{"action": "start", "path": "ssh.service"}]});
    let sim = world(3, &[(&[], 0, &line("healthy", &changed))]);
    let env = env(&sim);
    let run = [&["run", "--yes"], &REPAIR[..], &["--param", "Users=ec2-user,ops"]].concat();
    drop(env.run(&run).exits(0));
    let dry = &env.record().report;
    assert_eq!(dry["verdict"]["next_commands"], json!([]));
    let output = env.run(&[&run[..], &["--param", "DryRun=false"]].concat()).exits(0);
    let next = "fleet run --region us-east-1 --asg web --doc Fleet-CheckSshd \
                --param 'Users=ec2-user,ops'";
    drop(output.prints(&[next, "changed     start ssh.service on 3 instances"]));
    // It can be pasted.
    let words = shell_words::split(&next.replacen("fleet ", "", 1)).unwrap();
    let words: Vec<_> = words.iter().map(String::as_str).chain(["--yes"]).collect();
    drop(env.run(&words).exits(0).prints(&["sshd: 3 healthy\n"]));
}

fn bare() -> SimProcess {
    let stdout = Value::from(healthy("x"));
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n[[outcome]]\nstdout = {stdout}\n"
    );
    SimProcess::start(&world, &[])
}

#[test]
fn an_account_without_the_document_is_told_how_to_publish_it() {
    let sim = bare();
    let env = env(&sim);
    let output = env.run(&CHECK).exits(3);
    drop(output.complains(&[
        "there is no document Fleet-CheckSshd in us-east-1",
        "`fleet docs publish Fleet-CheckSshd` puts it there, and so does `fleet run --publish`",
        "nothing was sent",
    ]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn publish_puts_the_document_there_first_and_a_plan_only_says_so() {
    let sim = bare();
    let env = env(&sim);
    let dry = env.run(&[&CHECK[..], &["--publish", "--dry-run"]].concat()).exits(0);
    drop(dry.prints(&["Fleet-CheckSshd version 1: would be created"]));
    let plan = ["plan", "--asg", "web", "--doc", "Fleet-CheckSshd", "--publish"];
    drop(env.run(&plan).exits(0).prints(&["Fleet-CheckSshd version 1: would be created"]));
    let output = env.run(&["run", "--asg", "web", "--doc", "Fleet-CheckSshd", "--publish"]);
    drop(output.exits(2).complains(&["there is no terminal to ask"]));
    for (ceiling, why) in [
        ("allow_documents = ['AWS-*']", "document Fleet-CheckSshd is not among those"),
        ("require_plan = true", "a run carries out a plan that was written down"),
    ] {
        env.write("fleet.toml", &format!("[ceilings]\n{ceiling}\n"));
        let output = env.run(&[&CHECK[..], &["--publish"]].concat()).exits(2);
        drop(output.complains(&[why, "nothing was sent"]));
    }
    fs::remove_file(env.path("fleet.toml")).unwrap();
    assert_eq!(sim.stats().calls("CreateDocument"), 0);
    let output = env.run(&[&CHECK[..], &["--publish"]].concat()).exits(0);
    drop(output.prints(&["Fleet-CheckSshd version 1: created", "sshd: 2 healthy\n"]));
    drop(env.run(&["docs", "verify", "Fleet-CheckSshd"]).exits(0));
    // It is there: nothing is left to publish.
    let output = env.run(&[&CHECK[..], &["--publish"]].concat()).exits(0);
    assert!(!output.stdout.contains("created"), "{output}");
    assert_eq!(sim.stats().calls("CreateDocument"), 1);
    let other = ["run", "--asg", "web", "--yes", "--publish", "--doc", "Mine"];
    drop(env.run(&other).exits(2).complains(&["fleet has no document Mine", "nothing was sent"]));
}

#[test]
fn somebody_elses_copy_is_told_of_and_publishing_makes_it_fleets_again() {
    let sim = world(2, &[(&[], 0, &healthy("x"))]);
    let theirs = fs::read_to_string(repository("documents/Fleet-CheckSshd.yaml")).unwrap();
    let theirs = theirs.replace("# Purpose:", "# Changed:");
    drop(sim);
    let stdout = Value::from(healthy("x"));
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n[[outcome]]\nstdout = {stdout}\n\
         [[document]]\nname = \"Fleet-CheckSshd\"\nfile = \"theirs.yaml\"\n"
    );
    let sim = SimProcess::start(&world, &[("theirs.yaml", &theirs)]);
    let env = env(&sim);
    let differs = "the account's Fleet-CheckSshd is not the one that this fleet has";
    let output = env.run(&CHECK).exits(0);
    let text = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(differs), "{output}");
    let output = env.run(&[&CHECK[..], &["--publish"]].concat()).exits(0);
    let output = output.prints(&["Fleet-CheckSshd version 2: updated"]);
    let output = output.complains(&["-# Changed:", "+# Purpose:"]);
    assert!(!output.stdout.contains("is not the one"), "{output}");
}

#[test]
fn the_built_in_world_takes_fleets_documents() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.02");
    let run = ["run", "--sim", "--publish", "--asg", "batch", "--doc", "Fleet-CheckSshd"];
    let output = env.run(&[&run[..], &["--dry-run"]].concat()).exits(0);
    drop(output.prints(&["would be created"]));
    drop(env.run(&run).exits(1).prints(&["Fleet-CheckSshd version 1: created", "unreadable"]));
}
