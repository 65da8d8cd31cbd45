//! Why an execution did not succeed: the step that made it fail, and what else is said of it. It
//! reads what the service has answered, and asks for nothing.

use aws_sdk_ssm::types::{AutomationExecution, FailureDetails, StepExecution};

use crate::run::{Outcome, Status};

/// The most steps that are named beside the one that made an execution fail.
const OTHERS: usize = 3;

/// What Automation says around any reason, as captures have it (UNVERIFIED as a promise): it tells
/// nothing, and takes the room of what does.
const BEFORE: &str = "Step fails when it is Execute/Cancelling action.";
const BEHIND: &str =
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";

/// Returns why an execution did not succeed: the step that made it fail with what it said, what the
/// execution says that the step does not, and which steps failed after it. `place` names a step.
pub(super) fn failure(
    execution: &AutomationExecution,
    steps: &[StepExecution],
    place: impl Fn(&str) -> String,
) -> Option<String> {
    let failed = failed(steps);
    let said = execution.failure_message().map(reason);
    let first = Some(0).filter(|_| !failed.is_empty() && !execution.step_executions_truncated);
    // Where steps are missing, one that may fail is not taken for the one that was not shown.
    let Some(root) = root(&failed, said).or(first) else {
        return said.map(ToOwned::to_owned);
    };
    let of = |it: &StepExecution| it.step_name().map(&place).unwrap_or_default();
    let (own, beside) = match (failed[root].failure_message().map(reason), said) {
        (Some(own), Some(said)) if !are_one(own, said) => (Some(own), Some(said)),
        // The one with more around it.
        (own, said) => (own.into_iter().chain(said).max_by_key(|it| it.len()), None),
    };
    let mut res = of(failed[root]);
    res.extend(own.into_iter().flat_map(|it| [": ", it]));
    res.push_str(&failed[root].failure_details().map(details).unwrap_or_default());
    res.extend(beside.into_iter().flat_map(|it| ["; the execution says: ", it]));
    let later = &failed[root + 1..];
    if !later.is_empty() {
        let mut names: Vec<String> = later.iter().take(OTHERS).map(|it| of(it)).collect();
        if later.len() > OTHERS {
            names.push(format!("{} more", later.len() - OTHERS));
        }
        res.extend(["; failed after it: ", &names.join(", ")]);
    }
    Some(res)
}

/// Returns at which step an execution was cancelled, with what was said about that.
pub(super) fn cancelled(
    execution: &AutomationExecution,
    steps: &[StepExecution],
    place: impl Fn(&str) -> String,
) -> Option<String> {
    let step = steps.iter().rfind(|it| outcome(it) == Some(Outcome::Cancelled));
    let name = step.and_then(StepExecution::step_name).or(execution.current_step_name());
    let own = step.and_then(StepExecution::failure_message);
    let said = own.or(execution.failure_message()).map(reason);
    match (name.map(|it| format!("at {}", place(it))), said) {
        (Some(at), Some(said)) => Some(format!("{at}: {said}")),
        (at, said) => at.or_else(|| said.map(ToOwned::to_owned)),
    }
}

fn outcome(it: &StepExecution) -> Option<Outcome> {
    Status::of_automation(it.step_status()?.as_str()).outcome()
}

/// Returns the steps that did not succeed, in the order in which they ended.
fn failed(steps: &[StepExecution]) -> Vec<&StepExecution> {
    let is_failed = |it: &&StepExecution| outcome(it).is_some_and(|it| it != Outcome::Succeeded);
    let mut res: Vec<_> = steps.iter().filter(is_failed).collect();
    // Those of the same instant, and those without one, stay as they were listed.
    let at = |it: &&StepExecution| it.execution_end_time().map(|it| (it.secs(), it.subsec_nanos()));
    res.sort_by_key(|it| at(it).unwrap_or((i64::MAX, 0)));
    res
}

/// Returns which of the failed steps made the execution fail: the one that its message names, or
/// repeats (`Step launchInstance failed maximum allowed times. …`, recorded); otherwise the first
/// that is critical. A step that may fail is not, nor is a clean-up that comes after.
fn root(failed: &[&StepExecution], said: Option<&str>) -> Option<usize> {
    let is_named = |it: &&StepExecution, said: &str| {
        let name = it.step_name().filter(|it| !it.is_empty());
        name.is_some_and(|name| said.starts_with(&format!("Step {name} ")))
    };
    let is_repeated = |it: &&StepExecution, said: &str| {
        it.failure_message().is_some_and(|own| are_one(reason(own), said))
    };
    let named = said.and_then(|said| failed.iter().rposition(|it| is_named(it, said)));
    let repeated = || {
        let said = said?;
        // Two steps may have failed alike.
        let critical = failed.iter().position(|it| is_critical(it) && is_repeated(it, said));
        critical.or_else(|| failed.iter().position(|it| is_repeated(it, said)))
    };
    let critical = || failed.iter().position(is_critical);
    named.or_else(repeated).or_else(critical)
}

/// "If the onFailure property is set to Continue in a step, the value is false by default. Otherwise,
/// the value is true" (Automation guide, properties shared by all actions).
fn is_critical(it: &&StepExecution) -> bool {
    it.is_critical().unwrap_or_else(|| it.on_failure() != Some("Continue"))
}

/// Returns whether two messages say the same: one may have more around it.
fn are_one(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && (one.contains(other) || other.contains(one))
}

/// Returns what a message says about the failure at hand.
fn reason(message: &str) -> &str {
    let text = message.trim();
    let inner = text.strip_prefix(BEFORE).unwrap_or(text);
    let inner = inner.strip_suffix(BEHIND).unwrap_or(inner).trim();
    if inner.is_empty() { text } else { inner }
}

fn details(it: &FailureDetails) -> String {
    let words = [it.failure_stage(), it.failure_type()].into_iter().flatten();
    let words: Vec<&str> = words.collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::types::AutomationExecutionStatus;
    use aws_smithy_types::DateTime;

    use super::*;

    /// Returns a step that ended so and so many seconds after the beginning.
    fn step(name: &str, status: &str, at: i64, said: &str) -> StepExecution {
        let details = FailureDetails::builder().failure_stage("Invocation").failure_type("Action");
        StepExecution::builder()
            .step_name(name)
            .step_status(AutomationExecutionStatus::from(status))
            .execution_end_time(DateTime::from_secs(at))
            .set_failure_message(Some(said.to_owned()).filter(|it| !it.is_empty()))
            .set_failure_details((status == "Failed").then(|| details.build()))
            .build()
    }

    fn may_fail(mut step: StepExecution) -> StepExecution {
        step.is_critical = Some(false);
        step
    }

    fn execution(said: &str) -> AutomationExecution {
        let said = Some(said.to_owned()).filter(|it| !it.is_empty());
        AutomationExecution::builder().set_failure_message(said).build()
    }

    fn place(name: &str) -> String {
        format!("step {name}")
    }

    fn check(said: &str, steps: &[StepExecution], expected: &str) {
        assert_eq!(failure(&execution(said), steps, place).as_deref(), Some(expected));
    }

    #[test]
    fn a_clean_up_that_fails_does_not_hide_what_it_came_after() {
        let clean = || step("clean", "Failed", 9, "nothing to clean");
        let cause = || step("act", "Failed", 5, "the volume is locked");
        let both =
            "step act: the volume is locked (Invocation, Action); failed after it: step clean";
        // By the execution's message, and without one by what each step is.
        check("the volume is locked", &[cause(), may_fail(clean())], both);
        check("the volume is locked", &[cause(), clean()], both);
        check("", &[may_fail(clean()), cause()], both);
        check("", &[clean(), cause()], both);
    }

    #[test]
    fn a_step_that_may_fail_is_not_why_a_later_one_did() {
        let early = || may_fail(step("look", "Failed", 1, "no tag"));
        let cause = || step("act", "TimedOut", 5, "no answer");
        check("no answer", &[early(), cause()], "step act: no answer");
        check("", &[early(), cause()], "step act: no answer");
        let mut early = step("look", "Failed", 1, "no tag");
        early.on_failure = Some("Continue".to_owned());
        check("", &[early.clone(), cause()], "step act: no answer");
        check("", &[early], "step look: no tag (Invocation, Action)");
    }

    #[test]
    fn a_step_that_may_fail_is_not_taken_for_one_that_is_not_shown() {
        let early = [may_fail(step("look", "Failed", 1, "no tag"))];
        let mut execution = execution("no answer");
        execution.step_executions_truncated = true;
        assert_eq!(failure(&execution, &early, place).as_deref(), Some("no answer"));
    }

    #[test]
    fn the_step_that_the_execution_names_made_it_fail() {
        let steps = [step("a", "Failed", 1, "denied"), step("ab", "Failed", 2, "refused")];
        let said = "Step ab failed maximum allowed times. refused";
        check(said, &steps, &format!("step ab: {said} (Invocation, Action)"));
        let said = "Step ab failed maximum allowed times. You are not authorized";
        let told = format!("step ab: refused (Invocation, Action); the execution says: {said}");
        check(said, &steps, &told);
    }

    #[test]
    fn what_execution_and_step_say_alike_is_told_once() {
        let around = |text: &str| format!("{BEFORE} {text} {BEHIND}");
        let steps = [step("a", "Failed", 1, &around("no such volume"))];
        let once = "step a: no such volume (Invocation, Action)";
        check(&around("no such volume"), &steps, once);
        check("no such volume", &steps, once);
        check("", &steps, once);
        check("no such volume", &[step("a", "Failed", 1, "")], once);
    }

    #[test]
    fn what_only_the_execution_says_is_told_too() {
        let steps = [step("a", "Failed", 1, "denied")];
        let told = "step a: denied (Invocation, Action); the execution says: the alarm went off";
        check("the alarm went off", &steps, told);
        check("the alarm went off", &[step("a", "Success", 1, "")], "the alarm went off");
        assert_eq!(failure(&execution(""), &[], place), None);
    }

    #[test]
    fn of_many_steps_that_failed_later_few_are_named() {
        let steps: Vec<_> = (0..9).map(|at| step(&at.to_string(), "TimedOut", at, "")).collect();
        let told = "step 0: late; failed after it: step 1, step 2, step 3, 5 more";
        check("late", &steps, told);
    }

    #[test]
    fn a_cancelled_execution_names_the_step_it_was_at() {
        let check = |said: &str, steps: &[StepExecution], expected: Option<&str>| {
            assert_eq!(cancelled(&execution(said), steps, place).as_deref(), expected);
        };
        let early = may_fail(step("look", "Failed", 1, "no tag"));
        let steps = [early, step("act", "Cancelled", 2, "")];
        check("", &steps, Some("at step act"));
        check("stopped by an alarm", &steps, Some("at step act: stopped by an alarm"));
        check("stopped by an alarm", &[], Some("stopped by an alarm"));
        check("", &[step("act", "Success", 1, "")], None);
    }

    #[test]
    fn of_a_failure_is_told_what_is_its_own() {
        let check = |text: &str, expected: &str| assert_eq!(reason(text), expected);
        check(&format!("{BEFORE} no such volume {BEHIND}"), "no such volume");
        check("Step timed out. no answer", "Step timed out. no answer");
        check(&format!("{BEFORE} {BEHIND}"), &format!("{BEFORE} {BEHIND}"));
    }
}
