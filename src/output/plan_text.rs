//! A plan in one screen: what would be done, to whom, within which limits, and what is left out.

use std::collections::BTreeMap;

use super::{
    page::{BOLD, PLAIN, Page},
    words::{count, cut, one_line, some_of},
};
use crate::plan::{
    Automation, Bound, Dispatch, Document, DocumentKind, Excluded, IDS_PER_COMMAND, InstanceId,
    Limits, Plan, Selector, Sequel,
};

/// How much of a parameter's value is shown.
const VALUE_SHOWN: usize = 200;

/// How many instances that were named are shown by their ids.
const NAMED: usize = 5;

/// What the worst case of a command by tag does not hold: SSM counts neither Undeliverable nor
/// AccessDenied nor InvalidPlatform as errors (SendCommand reference).
const UNHELD: &str = "SSM does not count whom it cannot reach or is denied, and goes on until fleet \
                      sees it";

pub(super) fn page(plan: &Plan, columns: usize) -> Page {
    let mut page = Page::default();
    let document = &plan.document;
    let version = document.version.as_ref().map(|it| format!(" version {it}"));
    page.line(&[
        (BOLD, &document.name),
        (PLAIN, &version.unwrap_or_default()),
        (PLAIN, " on "),
        (BOLD, &whom(plan)),
    ]);
    page.whole_fact("run", plan.run_id.as_str());
    let account = plan.account.as_deref().unwrap_or("unknown account");
    page.fact("account", &format!("{account}, {}", plan.region), columns);
    for (label, arn) in [("caller", &plan.operator.caller_arn), ("role", &plan.operator.role_arn)] {
        if let Some(arn) = arn {
            page.whole_fact(label, arn);
        }
    }
    if let Some(reason) = &plan.reason {
        page.fact("reason", reason, columns);
    }
    parameters(&mut page, document, "parameters", columns);
    if let Some(replacement) = &document.replacement {
        let groups = count(replacement.groups.len(), "group");
        let text =
            format!("none: {groups} replaced member by member, each ended and launched anew");
        page.fact("document", &text, columns);
    }
    if let Some(automation) = &document.automation {
        page.fact("runbook", &runbook(automation), columns);
    }
    population(&mut page, plan, columns);
    page.fact("dispatch", &dispatch(plan), columns);
    if let [_, _, ..] = plan.waves.as_slice() {
        let waves = plan.waves.iter().map(|it| it.instances.len().to_string());
        let waves = waves.collect::<Vec<_>>().join(", ");
        page.fact("waves", &format!("{}: {waves}", plan.waves.len()), columns);
    }
    page.fact("limits", &limits(&plan.limits, plan.planned()), columns);
    if matches!(plan.dispatch, Dispatch::Tag { .. }) && plan.limits.worst_case_failures.is_some() {
        page.fact("", UNHELD, columns);
    }
    page.fact("", &typed(&plan.limits), columns);
    let seconds = |it: u64| count(usize::try_from(it).unwrap_or(usize::MAX), "second");
    // An execution is not delivered to anybody, and has no time at which it expires.
    if document.kind() == DocumentKind::Command {
        let delivery = seconds(u64::from(plan.delivery_timeout));
        // ExpiresAfter is TimeoutSeconds and the document's executionTimeout (SSM guide).
        let text =
            format!("given up without an answer after {delivery} and the document's own timeout");
        page.fact("delivery", &text, columns);
    }
    if let Some(deadline) = plan.deadline {
        let text = format!("{} from the start; what still runs is cancelled", seconds(deadline));
        page.fact("deadline", &text, columns);
    } else if document.kind() == DocumentKind::Automation {
        // What it waits for has a time of its own in each of its steps (Automation reference).
        let text = "none: an execution takes what its steps take, and is followed for seven days at \
                    most; --deadline says when what still runs is cancelled";
        page.fact("deadline", text, columns);
    }
    if let Some(then) = &plan.then {
        sequel(&mut page, then, plan.planned(), columns);
    }
    for note in &plan.notes {
        page.fact("note", &note.text, columns);
    }
    page
}

/// Returns what was selected; of many that were named, how many.
fn whom(plan: &Plan) -> String {
    let n_named = plan.selector.instances.len();
    if n_named <= NAMED {
        return plan.selector.to_string();
    }
    let rest = Selector { instances: Vec::new(), ..plan.selector.clone() };
    format!("{rest} {n_named} named instances").trim_start().to_owned()
}

/// Adds what is run afterwards.
fn sequel(page: &mut Page, then: &Sequel, planned: Option<u32>, columns: usize) {
    let Sequel { document, limits: bounds, notes, .. } = then;
    let version = document.version.as_ref().map(|it| format!(" version {it}"));
    let when = match then.only_looks() {
        true => "once this has come to its end, or was stopped",
        false => "once this has come to its end",
    };
    let text = format!(
        "{}{} on those that this was sent to, as a run of its own, {when}; the worse verdict of \
         the two is the exit code",
        document.name,
        version.unwrap_or_default()
    );
    page.fact("then", &text, columns);
    parameters(page, document, "", columns);
    if let Some(automation) = &document.automation {
        page.fact("", &runbook(automation), columns);
    }
    page.fact("", &limits(bounds, planned), columns);
    for note in notes {
        page.fact("", &note.text, columns);
    }
}

fn parameters(page: &mut Page, document: &Document, mut label: &str, columns: usize) {
    for (name, values) in document.parameters.redacted() {
        let values = values.iter().map(|it| one_line(it)).collect::<Vec<_>>().join(" ⏎ ");
        page.fact(label, &format!("{name} = {}", cut(&values, VALUE_SHOWN)), columns);
        label = "";
    }
}

fn population(page: &mut Page, plan: &Plan, columns: usize) {
    if !plan.population.is_listed {
        page.fact("planned", "whoever the tag reaches: the group may not be listed", columns);
        return;
    }
    page.fact("planned", &count(plan.population.planned.len(), "instance"), columns);
    let mut zones: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for it in &plan.population.planned {
        let zones = zones.entry(it.group.as_deref().unwrap_or("no group")).or_default();
        *zones.entry(it.zone.as_deref().unwrap_or("unknown zone")).or_default() += 1;
    }
    for (group, zones) in zones {
        let n: usize = zones.values().sum();
        let zones = zones.iter().map(|(zone, n)| format!("{zone} {n}")).collect::<Vec<_>>();
        page.fact("", &format!("{group} {n}: {}", zones.join(", ")), columns);
    }
    excluded(page, &plan.population.excluded, columns);
}

/// Adds who was left out, one line a reason.
pub(super) fn excluded(page: &mut Page, excluded: &[Excluded], columns: usize) {
    let mut reasons: BTreeMap<String, Vec<&InstanceId>> = BTreeMap::new();
    for it in excluded {
        reasons.entry(it.to_string()).or_default().push(&it.instance_id);
    }
    let mut label = "left out";
    for (why, ids) in reasons {
        let text = format!("{}, {why}: {}", count(ids.len(), "instance"), some_of(&ids));
        page.fact(label, &text, columns);
        label = "";
    }
}

fn dispatch(plan: &Plan) -> String {
    let why = plan.dispatch.why();
    match &plan.dispatch {
        Dispatch::Tag { key, values, .. } => {
            format!("one command by tag {key}={}: {why}", values.join(","))
        }
        Dispatch::Ids { .. } if plan.document.kind() != DocumentKind::Command => {
            format!("by ids: {why}")
        }
        Dispatch::Ids { .. } => format!("by ids, at most {IDS_PER_COMMAND} a command: {why}"),
    }
}

fn runbook(automation: &Automation) -> String {
    let Automation { target_parameter, steps, assume_role: _, recovery: _ } = automation;
    let steps = match steps.len() {
        0 => "steps that are not known".to_owned(),
        n => count(n, "step"),
    };
    format!("Automation, {steps}; {target_parameter} takes the instance")
}

/// Returns the limits as integers and what they come to.
fn limits(limits: &Limits, planned: Option<u32>) -> String {
    let resolved = limits.max_errors.resolved.zip(limits.max_concurrency.resolved);
    match (resolved, limits.worst_case_failures.zip(planned)) {
        (Some((budget, concurrency)), Some((worst, planned))) => {
            format!(
                "budget {budget}, concurrency {concurrency}: at most {worst} of {planned} can fail"
            )
        }
        _ => {
            let Limits { max_errors, max_concurrency, .. } = limits;
            let word = |it: &Bound| it.resolved.map_or(it.input.to_string(), |it| it.to_string());
            format!(
                "budget {}, concurrency {}: what that means is not known before the group's size is",
                word(max_errors),
                word(max_concurrency)
            )
        }
    }
}

fn typed(limits: &Limits) -> String {
    format!(
        "from --max-errors {} and --max-concurrency {}",
        limits.max_errors.input, limits.max_concurrency.input
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        output::testing,
        plan::{self, AssumeRole, Draft, Limit, Note},
    };

    fn text(plan: &Plan) -> String {
        anstream::adapter::strip_str(&page(plan, 80).into_text()).to_string()
    }

    #[test]
    fn a_plan_is_one_screen() {
        insta::assert_snapshot!(text(&testing::twenty()), @r"
        AWS-RunShellScript version 1 on --asg web
          run         20240719-040900-abcdef
          account     123456789012, us-east-1
          caller      arn:aws:sts::123456789012:assumed-role/fleet-web/op
          role        arn:aws:iam::123456789012:role/fleet-web
          parameters  commands = uname -a; uptime
                      dbPassword = ‹redacted›
          planned     20 instances
                      web 20: us-east-1a 10, us-east-1b 10
          left out    2 instances, agent lost its connection (--include offline takes
                      it): i-00000000000000015, i-00000000000000016
                      1 instance, in Standby (--include standby takes it):
                      i-00000000000000014
          dispatch    by ids, at most 50 a command: the tag would also reach instances
                      that the plan leaves out
          limits      budget 0, concurrency 2: at most 2 of 20 can fail
                      from --max-errors 0 and --max-concurrency 10%
          delivery    given up without an answer after 600 seconds and the document's
                      own timeout
        ");
    }

    #[test]
    fn a_runbook_says_what_takes_the_instance_and_whose_permissions_its_steps_have() {
        let mut draft = testing::draft((0..4).map(testing::target).collect());
        draft.document.automation = Some(Automation {
            target_parameter: "InstanceId".to_owned(),
            steps: ["look", "mend"].map(ToOwned::to_owned).to_vec(),
            assume_role: Some(AssumeRole {
                text: "{{ MyRole }}".to_owned(),
                defaults: [("MyRole".to_owned(), String::new())].into(),
            }),
            recovery: None,
        });
        let text = text(&plan::build(draft).unwrap());
        let lines = "  runbook     Automation, 2 steps; InstanceId takes the instance\n";
        assert!(text.contains(lines), "{text}");
        assert!(text.contains("MyRole is empty: the steps of"), "{text}");
        assert!(!text.contains("delivery"), "{text}");
        let open = "  deadline    none: an execution takes what its steps take";
        assert!(text.contains(open), "{text}");
    }

    #[test]
    fn a_group_that_cannot_be_listed_has_no_worst_case_yet() {
        let note = Note::new("permission.missing", "autoscaling:DescribeAutoScalingGroups denied");
        let draft = Draft {
            candidates: None,
            max_errors: Limit::Percent(5),
            deadline: Some(1),
            reason: Some("INC-7".to_owned()),
            notes: vec![note],
            ..testing::draft(Vec::new())
        };
        insta::assert_snapshot!(text(&plan::build(draft).unwrap()), @r"
        AWS-RunShellScript version 1 on --asg web
          run         20240719-040900-abcdef
          account     123456789012, us-east-1
          caller      arn:aws:sts::123456789012:assumed-role/fleet-web/op
          role        arn:aws:iam::123456789012:role/fleet-web
          reason      INC-7
          parameters  commands = uname -a; uptime
                      dbPassword = ‹redacted›
          planned     whoever the tag reaches: the group may not be listed
          dispatch    one command by tag aws:autoscaling:groupName=web: the caller may
                      not list the group, and its tag reaches it
          limits      budget 5%, concurrency 10%: what that means is not known before
                      the group's size is
                      from --max-errors 5% and --max-concurrency 10%
          delivery    given up without an answer after 600 seconds and the document's
                      own timeout
          deadline    1 second from the start; what still runs is cancelled
          note        autoscaling:DescribeAutoScalingGroups denied
        ");
    }
}
