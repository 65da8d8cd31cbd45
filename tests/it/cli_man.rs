//! `fleet man`: pages from the same definitions as `--help`.

use std::fs;

use crate::support::FleetEnv;

#[test]
fn the_page_is_printed_and_a_page_for_each_command_is_written() {
    let env = FleetEnv::new();
    drop(env.run(&["man"]).exits(0).prints(&[".TH fleet 1", "fleet\\-run(1)", "Exit codes"]));
    fs::create_dir(env.path("man")).unwrap();
    drop(env.run(&["man", "--dir", "man"]).exits(0));
    for page in ["fleet", "fleet-run", "fleet-plan", "fleet-targets", "fleet-sim"] {
        let text = fs::read_to_string(env.path(&format!("man/{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    let nowhere = env.run(&["man", "--dir", "nowhere"]).exits(2);
    drop(nowhere.complains(&["nowhere", "nothing was sent"]));
}

#[test]
fn help_lists_the_commands_and_the_exit_codes() {
    let env = FleetEnv::new();
    for args in [&["--help"][..], &["help"]] {
        drop(env.run(args).exits(0).prints(&["targets", "completions", "Exit codes: 0 all"]));
    }
    drop(env.run(&["run", "--help"]).exits(0).prints(&["--max-concurrency", "[default: 10%]"]));
    drop(env.run(&["--version"]).exits(0).prints(&["fleet "]));
    drop(env.run(&[]).exits(2).complains(&["Usage: fleet"]));
}
