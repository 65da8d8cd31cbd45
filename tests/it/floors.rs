//! The benchmark of design.md §8, in its smallest form: that it still runs and measures, not what.

use std::process::Command;

use serde_json::Value;

use crate::support::{repository, skip};

#[test]
fn the_benchmark_measures_every_client_that_it_has_and_says_which_it_lacks() {
    const TEST: &str = "the_benchmark_measures_every_client_that_it_has";
    let python = std::env::var("FLEET_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !Command::new(&python).arg("--version").output().is_ok_and(|it| it.status.success()) {
        return skip(TEST, "there is no Python: set FLEET_TEST_PYTHON, or install python3");
    }
    let output = Command::new(&python)
        .arg("-B")
        .arg(repository("benches/floors/floors.py"))
        .args(["--fleet", env!("CARGO_BIN_EXE_fleet"), "--sizes", "20:5:10", "--clients", "fleet"])
        .arg("--json")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 1: a floor is missed, which a build without optimisation may do.
    assert!([Some(0), Some(1)].contains(&output.status.code()), "{said}");
    let measured: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|err| panic!("{err}:\n{said}"));
    let runs = measured["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "a plain run, and one whose first answer is lost");
    for run in runs {
        assert_eq!((&run["client"], &run["instances"]), (&"fleet".into(), &20.into()));
        assert_eq!((&run["executed"], &run["duplicates"]), (&20.into(), &0.into()), "{run}");
        for figure in ["calls", "cpu", "peak_rss_mib", "wall", "to_report"] {
            assert!(run[figure].is_number(), "{figure} is missing: {run}");
        }
    }
    assert_eq!(runs[1]["loses_answer"], true);
    let floors = measured["floors"].as_array().unwrap();
    assert_eq!(floors.len(), 6, "{measured}");
    // Those of other sizes and clients were not measured, and say so.
    let is_unknown = |it: &&Value| it["holds"].is_null();
    assert_eq!(floors.iter().filter(is_unknown).count(), 4, "{measured}");
}
