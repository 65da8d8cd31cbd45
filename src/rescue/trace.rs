//! What an execution of the runbook tells of the instance that it was about. AWS publishes neither
//! the steps of its runbook nor what they put out (all of it UNVERIFIED), so that ids are looked for
//! in everything that steps were given and have put out, and no step is known by its name alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

/// An execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub execution: String,
    /// The instance that it was started for.
    pub instance: String,
    /// Automation's word, such as `Failed`.
    pub status: String,
    pub is_under_way: bool,
    pub started: Option<Timestamp>,
    /// The runbook's parameter UniqueId, if it was given.
    pub unique: Option<String>,
    /// In their order.
    pub steps: Vec<TraceStep>,
}

/// A step of an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceStep {
    pub name: String,
    /// Such as `aws:executeAwsApi`.
    pub action: String,
    /// Automation's word; `Pending` before it begins.
    pub status: String,
    /// Each as JSON.
    pub inputs: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, Vec<String>>,
}

/// How the names of calls begin that change nothing.
const LOOKS: [&str; 3] = ["describe", "get", "list"];

impl TraceStep {
    /// Returns whether a step of this kind changes nothing, whatever comes of it (Automation actions
    /// reference). What a script or a function of the document does is not known.
    fn only_looks(&self) -> bool {
        let api = self.inputs.get("Api").map(|it| it.trim_matches('"').to_ascii_lowercase());
        let looks = api.is_some_and(|api| LOOKS.iter().any(|it| api.starts_with(it)));
        match self.action.as_str() {
            "aws:branch" | "aws:sleep" | "aws:pause" | "aws:approve" => true,
            "aws:executeAwsApi"
            | "aws:assertAwsResourceProperty"
            | "aws:waitForAwsResourceProperty" => looks,
            _ => false, // there are more, and there will be
        }
    }
}

impl Trace {
    /// Returns the ids of volumes that any step names.
    pub fn volumes(&self) -> BTreeSet<String> {
        self.texts().flat_map(|it| ids(it, "vol-")).collect()
    }

    /// Returns whether a step names this id.
    pub fn names(&self, id: &str) -> bool {
        let kind = id.split_inclusive('-').next().unwrap_or_default();
        self.texts().any(|it| ids(it, kind).any(|it| it == id))
    }

    /// Returns whether it is proved that it has changed nothing, and that it saw the instance as older
    /// ones have left it: it has ended, not in success, whatever has begun of it can only look, and it
    /// has found no volume. Without a step there is no proof.
    pub fn is_void(&self) -> bool {
        let mut begun = self.steps.iter().filter(|it| it.status != "Pending").peekable();
        let has_ended_badly = !self.is_under_way && self.status != "Success";
        let has_only_looked = begun.peek().is_some() && begun.all(TraceStep::only_looks);
        has_ended_badly && has_only_looked && self.volumes().is_empty()
    }

    /// Returns whether a step has begun that detaches a volume.
    pub fn has_detached(&self) -> bool {
        let detaches = |it: &TraceStep| {
            let calls = it.inputs.get("Api").is_some_and(|it| it.contains("DetachVolume"));
            calls || it.name.to_ascii_lowercase().contains("detach")
        };
        self.steps.iter().any(|it| it.status != "Pending" && detaches(it))
    }

    /// Returns whether a step has begun that stops the instance, or takes its volume, for which it is
    /// stopped.
    pub fn has_stopped(&self) -> bool {
        let stops =
            |it: &TraceStep| it.action == "aws:changeInstanceState" && it.status != "Pending";
        self.has_detached() || self.steps.iter().any(stops)
    }

    /// Returns the state of the instance before it was stopped.
    pub fn power(&self) -> Option<&'static str> {
        let before = self.steps.iter().take_while(|it| it.action != "aws:changeInstanceState");
        let outputs = before.flat_map(|it| &it.outputs);
        let mut states = outputs.filter(|(name, _)| name.ends_with("State"));
        states.find_map(|(_, values)| match values.as_slice() {
            [it] if it == "running" => Some("running"),
            [it] if it == "stopped" => Some("stopped"),
            _ => None,
        })
    }

    /// Returns whether the root volume was to go with the instance.
    pub fn deletes_on_termination(&self) -> Option<bool> {
        let outputs = self.steps.iter().flat_map(|it| &it.outputs);
        let mut told = outputs.filter(|(name, _)| name.ends_with("DeleteOnTermination"));
        told.find_map(|(_, values)| match values.as_slice() {
            [it] => it.to_ascii_lowercase().parse().ok(),
            _ => None,
        })
    }

    /// Returns the name of the stack that it makes its helper with.
    pub fn stack(&self) -> Option<String> {
        let mut makes = self.steps.iter().filter(|it| it.action == "aws:createStack");
        let name = makes.find_map(|it| it.inputs.get("StackName"))?;
        Some(name.trim_matches('"').to_owned()).filter(|it| !it.is_empty())
    }

    /// Returns whether it has made a stack that it has not deleted.
    pub fn leaves_a_stack(&self) -> bool {
        let has = |action: &str, is: &dyn Fn(&str) -> bool| {
            self.steps.iter().any(|it| it.action == action && is(&it.status))
        };
        has("aws:createStack", &|it| it != "Pending")
            && !has("aws:deleteStack", &|it| it == "Success")
    }

    /// Returns how it ended, at which step.
    pub fn ended(&self) -> String {
        let is_bad = |it: &&TraceStep| !["Success", "Pending"].contains(&it.status.as_str());
        let at = self.steps.iter().find(is_bad).map(|it| format!(" at {}", it.name));
        format!("ended as {}{}", self.status, at.unwrap_or_default())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(|it| {
            let inputs = it.inputs.values().map(String::as_str);
            inputs.chain(it.outputs.values().flatten().map(String::as_str))
        })
    }
}

/// Returns the ids of this kind in a text: 8 or 17 hexadecimal digits.
fn ids(text: &str, kind: &str) -> impl Iterator<Item = String> {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let words = text.split(move |it: char| !is_word(it));
    words.filter_map(move |it| {
        let digits = it.strip_prefix(kind)?;
        let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
        ([8, 17].contains(&digits.len()) && is_hex).then(|| it.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, action: &str, status: &str, outputs: &[(&str, &str)]) -> TraceStep {
        let outputs = outputs.iter().map(|(name, it)| ((*name).to_owned(), vec![(*it).to_owned()]));
        TraceStep {
            name: name.to_owned(),
            action: action.to_owned(),
            status: status.to_owned(),
            outputs: outputs.collect(),
            ..TraceStep::default()
        }
    }

    fn of(steps: Vec<TraceStep>) -> Trace {
        Trace { steps, ..Trace::default() }
    }

    #[test]
    fn ids_are_found_whole_wherever_they_stand() {
        let text = "{\"VolumeId\":\"vol-0123456789abcdef0\",\"x\":[\"vol-01234567\"]} vol-012 myvol-01234567";
        let trace = of(vec![step("any", "any", "Success", &[("Payload", text)])]);
        let expected = ["vol-01234567", "vol-0123456789abcdef0"].map(str::to_owned);
        assert_eq!(trace.volumes(), expected.into());
        assert!(trace.names("vol-01234567") && !trace.names("vol-0123456"));
    }

    #[test]
    fn how_an_instance_was_is_read_before_it_is_stopped_and_never_after() {
        let stop = step("stop", "aws:changeInstanceState", "Success", &[("AState", "stopped")]);
        let told = step("look", "aws:executeAwsApi", "Success", &[("State", "running")]);
        assert_eq!(of(vec![told.clone(), stop.clone()]).power(), Some("running"));
        assert_eq!(of(vec![stop, told]).power(), None);
        let check = |value: &str, expected: Option<bool>| {
            let step = step("look", "any", "Success", &[("DeleteOnTermination", value)]);
            assert_eq!(of(vec![step]).deletes_on_termination(), expected, "{value}");
        };
        check("True", Some(true));
        check("false", Some(false));
        check("No output available yet", None);
    }

    #[test]
    fn a_stack_is_left_until_it_is_seen_to_be_deleted() {
        let mut made = step("make", "aws:createStack", "Success", &[]);
        made.inputs.insert("StackName".to_owned(), "\"AWSSupport-EC2Rescue-1\"".to_owned());
        let deleted = |status: &str| step("delete", "aws:deleteStack", status, &[]);
        let trace = of(vec![made.clone(), deleted("Pending")]);
        assert_eq!(trace.stack().as_deref(), Some("AWSSupport-EC2Rescue-1"));
        assert!(trace.leaves_a_stack());
        assert!(of(vec![made.clone(), deleted("Failed")]).leaves_a_stack());
        assert!(!of(vec![made, deleted("Success")]).leaves_a_stack());
        assert!(!of(vec![deleted("Pending")]).leaves_a_stack());
    }

    #[test]
    fn only_what_ended_badly_and_has_called_for_descriptions_and_found_no_volume_is_void() {
        let call = |api: &str, action: &str, status: &str| {
            let mut step = step("any", action, status, &[]);
            step.inputs.insert("Api".to_owned(), format!("\"{api}\""));
            step
        };
        let looks = call("DescribeInstances", "aws:executeAwsApi", "Success");
        let asserts = call("describe_volumes", "aws:assertAwsResourceProperty", "Failed");
        let detaches = |status: &str| call("DetachVolume", "aws:executeAwsApi", status);
        let check = |steps: &[&TraceStep], expected: bool| {
            let steps: Vec<TraceStep> = steps.iter().map(|it| (*it).clone()).collect();
            let trace = Trace { status: "Failed".to_owned(), ..of(steps) };
            assert_eq!(trace.is_void(), expected, "{trace:?}");
            assert!(!Trace { status: "Success".to_owned(), ..trace.clone() }.is_void());
            assert!(!Trace { is_under_way: true, ..trace }.is_void());
        };
        check(&[&looks, &asserts, &detaches("Pending")], true);
        let mut finds = looks.clone();
        finds.outputs.insert("VolumeId".to_owned(), vec!["vol-01234567".to_owned()]);
        check(&[&finds, &asserts], false);
        check(&[&looks, &detaches("Failed")], false);
        check(&[&looks, &step("any", "aws:executeScript", "Failed", &[])], false);
        check(&[&step("any", "aws:executeAwsApi", "Failed", &[])], false);
        check(&[&detaches("Pending")], false);
        check(&[], false);
    }

    #[test]
    fn only_a_step_that_has_begun_has_detached_anything() {
        let check = |status: &str, expected: bool| {
            let steps = vec![step("detachRootVolume", "aws:executeAwsApi", status, &[])];
            assert_eq!(of(steps).has_detached(), expected, "{status}");
        };
        check("Pending", false);
        check("Failed", true);
        let mut by_call = step("one", "aws:executeAwsApi", "Success", &[]);
        by_call.inputs.insert("Api".to_owned(), "\"DetachVolume\"".to_owned());
        assert!(of(vec![by_call]).has_detached());
    }
}
