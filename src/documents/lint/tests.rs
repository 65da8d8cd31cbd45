//! Each rule: what it finds, where, and what it leaves alone.

use super::*;

/// Requires exactly these findings, as `line:column code`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = lint(text);
    let shown: Vec<String> = found
        .iter()
        .map(|it| format!("{}:{} {}", it.place.line, it.place.column, it.code))
        .collect();
    assert_eq!(shown, expected, "{found:#?}");
    for it in &found {
        assert!(!it.message.is_empty() && !it.remedy.is_empty(), "{it:?}");
    }
}

/// Returns a document of one shell script, in a `|` block whose first line is line 16; without
/// findings of its own.
fn shell(parameter: &str, script: &str) -> String {
    let lines: String = script.lines().map(|it| format!("          {it}\n")).collect();
    format!(
        "schemaVersion: '2.2'\n\
         description: d\n\
         parameters:\n\
         \u{20} Name:\n\
         \u{20}   type: String\n\
         \u{20}   {parameter}\n\
         mainSteps:\n\
         \u{20} - action: aws:runShellScript\n\
         \u{20}   name: one\n\
         \u{20}   precondition:\n\
         \u{20}     StringEquals: [platformType, Linux]\n\
         \u{20}   inputs:\n\
         \u{20}     timeoutSeconds: '60'\n\
         \u{20}     runCommand:\n\
         \u{20}       - |\n{lines}"
    )
}

/// Requires these findings in a script with a safe parameter that it uses.
#[track_caller]
fn check_script(script: &str, expected: &[&str]) {
    check(&shell("allowedPattern: '^[a-z]+$'", &format!("{script}\n: '{{{{ Name }}}}'")), expected);
}

#[test]
fn a_sound_document_is_clean() {
    check(&shell("allowedPattern: '^[a-z]+$'", "set -eu\necho '{{ Name }}'\nls"), &[]);
}

#[test]
fn a_text_that_is_no_document_has_a_place() {
    check("{\n\"a\": \n", &["3:1 document.syntax"]);
    check("a: [\n", &["1:4 document.syntax"]);
    let found = lint("a: [\n");
    assert_eq!(found[0].message, "the content is not YAML: unclosed bracket '['");
    check("", &["1:1 document.syntax"]);
    check("- a\n", &["1:1 document.syntax"]);
    check("description: x\n", &["1:1 schema.missing"]);
    check("schemaVersion: '9'\n", &["1:16 schema.unknown"]);
    let large = format!("# {}\n", "x".repeat(LARGEST));
    check(&large, &["1:1 document.size", "2:1 document.syntax"]);
}

#[test]
fn keys_that_nobody_reads_are_named_with_what_was_meant() {
    let text = "schemaVersion: '2.2'\ndescripton: x\nmainSteps:\n- action: aws:runShelScript\n  \
                name: a\n  nextStep: b\n  input: {}\n  inputs: {}\n- name: b\n";
    check(
        text,
        &[
            "2:1 document.unknown-key",
            "4:11 step.unknown-plugin",
            "6:3 step.automation-key",
            "7:3 step.unknown-key",
            "9:3 key.missing",
        ],
    );
    let found = lint(text);
    assert_eq!(found[0].remedy, "write description");
    assert_eq!(found[1].remedy, "write aws:runShellScript");
    assert_eq!(found[3].remedy, "write inputs");
}

#[test]
fn inputs_are_known_in_any_case_and_have_bounds() {
    let text = "{\"schemaVersion\":\"1.2\",\n\"runtimeConfig\":{\"aws:runShellScript\":{\n\
                \"properties\":[{\"id\":\"0\",\"RUNCOMMAND\":[\"ls\"],\n\"timeoutSeconds\":3,\n\
                \"commands\":1}]}}}";
    check(text, &["1:18 schema.old", "4:18 step.timeout", "5:1 step.unknown-input"]);
}

#[test]
fn a_declaration_is_held_against_itself() {
    let text = "schemaVersion: '2.2'\nparameters:\n  my_name:\n    type: Strin\n    default: x\n    \
                allowedValues: [a, b]\n  Other:\n    type: String\n    allowedPattern: '[a-z]+'\n    \
                default: A1\nmainSteps:\n- action: aws:runShellScript\n  name: a\n  precondition: \
                {StringEquals: [platformType, Linux]}\n  inputs:\n    runCommand: ['ls {{ my_name \
                }} {{Other}}']\n";
    check(
        text,
        &[
            "3:3 parameter.name",
            "4:11 parameter.type",
            "5:14 parameter.default",
            "9:21 parameter.pattern-unanchored",
            "10:14 parameter.default",
        ],
    );
}

#[test]
fn references_and_declarations_meet() {
    let text =
        shell("allowedPattern: '^[a-z]+$'", "set -e\necho {{ Nane }}\necho {{ .State }} {{ssm:x}}");
    check(&text, &["4:3 parameter.unused", "17:16 reference.undeclared"]);
    assert_eq!(lint(&text)[1].remedy, "write {{ Name }}");
}

#[test]
fn a_value_that_could_become_code_is_found_where_it_stands() {
    let free = "description: any";
    let found = ["4:3 parameter.unconstrained", "16:17 script.injection"];
    check(&shell(free, "exit '{{ Name }}'"), &found);
    let check_in = |pattern: &str, script: &str, is_found: bool| {
        let parameter = format!("allowedPattern: \"{pattern}\"");
        let found = ["16:17 script.injection"];
        check(&shell(&parameter, script), &found[..usize::from(is_found)]);
    };
    check_in("^[^']*$", "exit '{{ Name }}'", false);
    check_in("^[^']*$", "exit \"{{ Name }}\"", true);
    check_in("^[^']*$", "exit  {{ Name }} ", true);
    check_in("^[a-z /.-]*$", "exit  {{ Name }} ", false);
    check_in("^.*$", "# exi t{{ Name }} ", false);
    // Look-around is Java's: what cannot be read is not judged.
    check_in("^(?!-).*$", "exit '{{ Name }}'", false);
    check(&shell("allowedValues: [a, 'b;c']", "exit {{ Name }}"), &[]);
}

#[test]
fn an_environment_variable_is_no_text_and_a_whole_line_is_meant_to_be_code() {
    let variable = "{allowedPattern: ^.*$, interpolationType: ENV_VAR, type: String}";
    let text = shell("description: d", "exit \"$SSM_Name\"").replace(
        "  Name:\n    type: String\n    description: d\n",
        &format!("  Name: {variable}\n\n\n"),
    );
    check(&text, &[]);
    let whole = "schemaVersion: '2.2'\nparameters:\n  c: {type: StringList}\nmainSteps:\n- action: \
                 aws:runShellScript\n  name: a\n  inputs:\n    runCommand: '{{ c }}'\n";
    check(whole, &["3:3 parameter.unconstrained", "5:3 precondition.missing"]);
}

#[test]
fn only_the_last_exit_code_counts_unless_the_script_sees_to_it() {
    check_script("cd /nowhere\nls", &["16:11 script.last-exit-code"]);
    for handled in ["set -e", "set -euo pipefail", "set -o errexit", "cd x || exit 1", "trap x ERR"]
    {
        check_script(&format!("{handled}\nls"), &[]);
    }
    check_script("#!/bin/bash -e\nls", &[]);
    check_script("#!/usr/bin/env python3\nimport os\nprint(1)", &[]);
}

#[test]
fn an_exit_code_that_means_something_is_told() {
    check_script("set -e\nexit 194", &["17:11 script.special-exit-code"]);
    check_script("set -e\necho 'exit 194' # exit 194", &[]);
    check_script("set -e\nexit 194 # fleet: allow script.special-exit-code", &[]);
    check_script("set -e\nexit 3010", &[]);
    let text = shell("allowedValues: [a]", "set -e\n[ -e /done ] || { : {{ Name }}; exit 194; }");
    assert_eq!(lint(&text).iter().map(|it| it.level).collect::<Vec<_>>(), [Level::Advice]);
}

#[test]
fn a_child_that_holds_the_output_is_found() {
    let held = ["17:11 script.background"];
    check_script("set -e\nsleep 100 &", &held);
    check_script("set -e\nnohup ./server >log &", &held);
    check_script("set -e\n./server 2>/dev/null & echo", &held);
    for fine in [
        "./server >log 2>&1 &",
        "./server &>/dev/null &",
        "./server >/dev/null 2>&1 </dev/null &",
        "{ a; b; } >>log 2>&1 &",
        "a && b",
        "echo 'a & b'",
        "sleep 1 & wait",
        "a 2>&1 | b",
        "a |& b",
        "echo $((0$(stat -c %a f) & 0777))",
    ] {
        check_script(&format!("set -e\n{fine}"), &[]);
    }
}

#[test]
fn a_plugin_of_one_platform_needs_a_precondition_where_there_are_two() {
    let step = |plugin: &str, name: &str, more: &str| {
        format!("- action: {plugin}\n  name: {name}\n  inputs: {{runCommand: [ls]}}\n{more}")
    };
    let linux = "  precondition: {StringEquals: [platformType, Linux]}\n";
    let text = format!(
        "schemaVersion: '2.2'\nmainSteps:\n{}{}",
        step("aws:runShellScript", "unix", linux),
        step("aws:runPowerShellScript", "windows", "")
    );
    check(&text, &["7:3 precondition.missing"]);
    assert_eq!(lint(&text)[0].level, Level::Warning);
    let bad = "  precondition: {StringNotEquals: [platformType, Linux]}\n";
    let text =
        format!("schemaVersion: '2.0'\nmainSteps:\n{}", step("aws:runShellScript", "unix", bad));
    check(&text, &["6:17 precondition.schema", "6:18 precondition.form"]);
}

#[test]
fn automation_has_its_own_actions_references_and_scripts() {
    let text = "schemaVersion: '0.3'\nassumeRole: '{{ Role }}'\nparameters:\n  Role: {type: \
                AWS::IAM::Role::Arn}\n  Path: {type: String}\nmainSteps:\n- name: run\n  action: \
                aws:runCommand\n  timeoutSeconds: 5\n  inputs:\n    DocumentName: \
                AWS-RunShellScript\n    Parameters:\n      commands:\n      - rm -r {{ Path }}\n- \
                name: say\n  action: aws:sleep\n  inputs:\n    Duration: '{{ run.Output }} {{ rum.X }} \
                {{ global:DATE }}'\n- name: bad\n  action: aws:runShellScript\n";
    check(
        text,
        &["14:15 script.injection", "18:33 reference.undeclared", "20:11 step.unknown-plugin"],
    );
}

#[test]
fn no_text_makes_it_panic() {
    let base =
        shell("allowedPattern: '^[a-z]+$'", "set -eu\ncat <<EOF\n$(echo '{{ Name }}' \\\"`&\nEOF");
    for end in (0..base.len()).filter(|it| base.is_char_boundary(*it)) {
        lint(&base[..end]);
        lint(&format!("{}\u{e9}{{{{", &base[..end]));
    }
}

#[test]
fn the_names_of_several_steps_can_be_asked_for() {
    let steps = |names: &[&str]| {
        let step = |name: &&str| {
            format!(
                "  - action: aws:runShellScript\n    name: {name}\n    precondition:\n      \
                 StringEquals: [platformType, Linux]\n    inputs:\n      runCommand: ['true']\n"
            )
        };
        let steps: String = names.iter().map(step).collect();
        format!("schemaVersion: '2.2'\ndescription: d\nmainSteps:\n{steps}")
    };
    check(&steps(&["run"]), &[]);
    check(&steps(&["stop", "start"]), &[]);
    check(&steps(&["stop", "run"]), &["10:5 step.short-name"]);
}
