//! Instances whose outcome, exit code and output are the same, for a reader: what is printed forty
//! times hides what is printed once. The groups that are stored are exact; these are a view of them.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{
    masking::masked,
    report::{InstanceFacts, Report},
    status::Outcome,
};
use crate::plan::DocumentKind;

/// What counts as the same output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Folding {
    /// Each character is.
    Exact,
    /// It is up to what differs by nature: ids, addresses, names, times, process ids, durations. JSON
    /// is compared as JSON.
    #[default]
    Masked,
    /// Nothing is: each instance stands by itself.
    None,
}

/// Instances that came to the same; there is at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    pub outcome: Outcome,
    pub response_code: Option<i32>,
    pub hint: Option<&'a str>,
    /// In the order of the report.
    pub members: Vec<&'a InstanceFacts>,
    /// The output of them all: masked where theirs differs, else as it is.
    pub stdout: Cow<'a, str>,
    pub stderr: Cow<'a, str>,
    /// Theirs differs in what is masked, or in how its JSON is written.
    pub is_masked: bool,
}

impl Group<'_> {
    pub fn is_silent(&self) -> bool {
        self.stdout.trim().is_empty() && self.stderr.trim().is_empty()
    }

    /// Returns stdout and stderr in the form in which they are compared.
    pub fn compared(&self, folding: Folding) -> [Cow<'_, str>; 2] {
        let first = self.members[0];
        [&first.stdout, &first.stderr].map(|it| match folding {
            Folding::Masked => comparable(it),
            Folding::Exact | Folding::None => Cow::Borrowed(&**it),
        })
    }

    /// Returns whether more was printed than the report has.
    pub fn is_truncated(&self) -> bool {
        self.members.iter().any(|it| it.truncated)
    }
}

/// Returns every instance in the group that it belongs to: failures first, and within an outcome
/// the largest group.
pub fn groups(report: &Report, folding: Folding) -> Vec<Group<'_>> {
    // Who came in place of whom is all that a replacement says.
    let folding = match (report.document.kind(), folding) {
        (DocumentKind::Replacement, Folding::Masked) => Folding::Exact,
        (DocumentKind::Replacement | DocumentKind::Command | DocumentKind::Automation, it) => it,
    };
    let mut comparable = Comparable { folding, seen: HashMap::new() };
    let mut members: BTreeMap<_, Vec<&InstanceFacts>> = BTreeMap::new();
    for (at, it) in report.instances.iter().enumerate() {
        let (stdout, stderr) = (comparable.of(&it.stdout), comparable.of(&it.stderr));
        let apart = (folding == Folding::None).then_some(at);
        let key = (it.outcome, it.response_code, it.hint.as_deref(), stdout, stderr, apart);
        members.entry(key).or_default().push(it);
    }
    let groups = members.into_iter().map(|(key, members)| {
        let (outcome, response_code, hint, stdout, stderr, _) = key;
        let first = members[0];
        let one = |of: fn(&InstanceFacts) -> &str| members.iter().all(|it| of(it) == of(first));
        let (one_stdout, one_stderr) = (one(|it| &it.stdout), one(|it| &it.stderr));
        Group {
            outcome,
            response_code,
            hint,
            stdout: if one_stdout { Cow::Borrowed(&*first.stdout) } else { stdout },
            stderr: if one_stderr { Cow::Borrowed(&*first.stderr) } else { stderr },
            members,
            is_masked: !(one_stdout && one_stderr),
        }
    });
    let mut groups: Vec<_> = groups.collect();
    let mut order = HashMap::new();
    for (at, it) in report.instances.iter().enumerate() {
        order.insert(&it.instance_id, at);
    }
    let first = |it: &Group<'_>| order.get(&it.members[0].instance_id).copied();
    groups.sort_by_cached_key(|it| (it.outcome, Reverse(it.members.len()), first(it)));
    groups
}

/// Output in the form in which it is compared; each text is looked at once.
struct Comparable<'a> {
    folding: Folding,
    seen: HashMap<&'a str, Cow<'a, str>>,
}

impl<'a> Comparable<'a> {
    fn of(&mut self, text: &'a str) -> Cow<'a, str> {
        match self.folding {
            Folding::Exact | Folding::None => Cow::Borrowed(text),
            Folding::Masked => self.seen.entry(text).or_insert_with(|| comparable(text)).clone(),
        }
    }
}

fn comparable(text: &str) -> Cow<'_, str> {
    match canonical_json(text) {
        Some(json) => Cow::Owned(masked(&json).into_owned()),
        None => masked(text.trim_end()),
    }
}

/// Returns an object or an array with its keys in order and over several lines, or `None` if `text`
/// is neither. A single number or string is text like any other.
fn canonical_json(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::InstanceId, run::Fold};

    /// A report of instances with these outputs.
    fn report(outputs: &[&str]) -> Report {
        let ledger =
            include_str!("../../tests/ledgers/v1/runs/20261121-010000-000001/events.jsonl");
        let mut fold = Fold::default();
        for line in ledger.lines() {
            fold.apply(&serde_json::from_str(line).unwrap());
        }
        let mut report = fold.report().unwrap();
        let instance = |(n, stdout): (usize, &&str)| {
            let id = InstanceId::parse(&format!("i-{n:017x}")).unwrap();
            let mut it = InstanceFacts::of(id, 1);
            it.outcome = Outcome::Succeeded;
            it.stdout = (*stdout).to_owned();
            it
        };
        report.instances = outputs.iter().enumerate().map(instance).collect();
        report
    }

    fn check(outputs: &[&str], folding: Folding, expected: &[(usize, &str)]) {
        let report = report(outputs);
        let groups = groups(&report, folding);
        let found: Vec<_> = groups.iter().map(|it| (it.members.len(), &*it.stdout)).collect();
        assert_eq!(found, expected, "{folding:?}");
    }

    #[test]
    fn output_is_equal_up_to_what_differs_by_nature() {
        let outputs = ["ip-10-0-0-1 up 3 days, 1:02\n", "ip-10-0-0-2 up 4 days, 3:04\n", "down"];
        let masked = "‹host› up ‹duration›";
        check(&outputs, Folding::Masked, &[(2, masked), (1, "down")]);
        let each = [(1, outputs[0]), (1, outputs[1]), (1, outputs[2])];
        check(&outputs, Folding::Exact, &each);
    }

    #[test]
    fn what_is_the_same_is_shown_as_it_is() {
        let outputs = ["listening on 10.0.0.1", "listening on 10.0.0.1"];
        check(&outputs, Folding::Masked, &[(2, outputs[0])]);
        check(&outputs, Folding::None, &[(1, outputs[0]), (1, outputs[0])]);
    }

    #[test]
    fn who_came_in_place_of_whom_is_told_of_each_replacement() {
        let said =
            |new: usize, old: usize| format!("i-{new:017x} is in service in place of i-{old:017x}");
        let said = [said(7, 0), said(8, 1)];
        let mut report = report(&[&said[0], &said[1]]);
        assert_eq!(groups(&report, Folding::Masked).len(), 1);
        report.document.replacement = Some(crate::plan::Replacement::default());
        let groups = groups(&report, Folding::Masked);
        let told: Vec<&str> = groups.iter().map(|it| &*it.stdout).collect();
        assert_eq!(told, said);
    }

    #[test]
    fn json_is_compared_as_json() {
        let outputs =
            [r#"{"a": 1, "b": [2]}"#, "{\"b\":[2],\n \"a\":1}\n", r#"{"a": 1, "b": [3]}"#];
        let same = "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}";
        check(&outputs, Folding::Masked, &[(2, same), (1, outputs[2])]);
    }
}
