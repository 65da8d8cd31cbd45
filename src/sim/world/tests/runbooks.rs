//! `[[runbook]]`: what a world may say of a runbook, and what not.

use super::{GROUP, check, parse};
use crate::sim::scripts::StepEnd;

#[test]
fn a_runbook_is_scripted_step_by_step() {
    let world = parse(&format!(
        "{GROUP}[[runbook]]\ndocument = \"Own-*\"\ngroup = \"web\"\ninstances = [1]\nafter = \"2s\"\n\
         [[runbook.step]]\nname = \"a\"\nstatus = \"Failed\"\nmessage = \"no\"\n\
         failure_type = \"Permission\"\n\
         [[runbook.step]]\nname = \"b\"\noutputs = {{ Output = \"x\", Many = [\"y\", \"z\"] }}\n"
    ))
    .unwrap();
    let [it] = world.runbooks.as_slice() else { panic!("{:?}", world.runbooks) };
    assert_eq!((it.document.as_str(), it.instances.as_deref()), ("Own-*", Some(&[1][..])));
    assert_eq!(
        (it.steps["a"].end, it.steps["a"].failure_type),
        (StepEnd::Failed, Some("Permission"))
    );
    assert_eq!(
        (it.steps["b"].outputs["Output"].len(), it.steps["b"].outputs["Many"].len()),
        (1, 2)
    );
}

#[test]
fn a_script_that_cannot_be_is_refused_with_its_place() {
    let step = format!("{GROUP}[[runbook]]\n[[runbook.step]]\nname = \"a\"\n");
    for (text, expected) in [
        (
            format!("{GROUP}[[runbook]]\ngroup = \"db\""),
            "5:9: runbook.group: the world has no group \"db\"",
        ),
        (
            format!("{GROUP}[[runbook]]\ninstances = [2]"),
            "5:13: runbook.instances: 2 is out of range: the group has 2 instances, counted from 0",
        ),
        (
            format!("{step}status = \"Done\""),
            "7:10: runbook.step.status: unknown value \"Done\", expected Success, Failed, \
             TimedOut, InProgress or Waiting",
        ),
        (
            format!("{step}message = \"no\""),
            "7:11: runbook.step.message: expected status \"Failed\" or \"TimedOut\" beside it",
        ),
        (
            format!("{step}status = \"Failed\"\noutputs = {{ a = \"b\" }}"),
            "8:11: runbook.step.outputs: a step that does not succeed puts nothing out",
        ),
        (
            format!("{step}status = \"Waiting\"\nafter = \"1s\""),
            "8:9: runbook.step.after: such a step ends with its own timeoutSeconds, or never",
        ),
        (
            format!("{step}[[runbook.step]]\nname = \"a\""),
            "8:8: runbook.step.name: the step \"a\" is scripted twice",
        ),
        (
            format!("{GROUP}[[runbook]]\n[[runbook]]\ndocument = \"Own\""),
            "6:12: runbook: it never decides: runbook 1 of this world comes first and takes all \
             of it",
        ),
    ] {
        check(&text, &format!("w.toml:{expected}"));
    }
}
