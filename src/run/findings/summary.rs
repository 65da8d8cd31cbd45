//! The findings of many instances in a few numbers.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, Finding, Findings, Reading};
use crate::{
    plan::{FindingFormat, InstanceId},
    run::InstanceFacts,
};

/// The most verdicts, codes and changes that are kept; an instance may print any.
const KEPT: usize = 200;

/// The most schemas that are told of where nobody has declared one.
const SCHEMAS: usize = 10;

/// What the instances that print findings of one schema have found together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingSummary {
    pub schema: String,
    /// What the findings are about; the schema where nobody has declared it.
    pub subject: String,
    /// In the declared order, the best first; otherwise the most frequent first.
    pub verdicts: Vec<VerdictFacts>,
    /// Instances whose output was to be findings and is none.
    pub unread: Vec<UnreadFacts>,
    /// Planned instances on which the document did not come to an end of its own.
    pub without: u32,
    /// The most severe first.
    pub codes: Vec<CodeFacts>,
    pub changed: Vec<ChangeFacts>,
    /// Instances whose changes were taken back.
    pub rolled_back: Vec<InstanceId>,
    /// Values that should be each instance's own, and are not.
    pub shared: Vec<SharedFacts>,
    /// There were more verdicts, codes or changes than are here.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictFacts {
    pub verdict: String,
    pub good: Option<bool>,
    pub count: u32,
    /// What led to it: what hurts or will, the most frequent first. None for a good one.
    pub codes: Vec<CodeCount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeCount {
    pub code: String,
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadFacts {
    pub why: String,
    pub instances: Vec<InstanceId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeFacts {
    pub code: String,
    pub instances: Vec<InstanceId>,
    /// As the first of them has it.
    pub sample: Finding,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeFacts {
    pub change: Change,
    pub instances: Vec<InstanceId>,
}

/// Values that the same instances share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedFacts {
    pub path: String,
    pub values: Vec<String>,
    pub instances: Vec<InstanceId>,
}

/// Sums up what the instances have found: by schema, and under the declared one alone if there is
/// one.
pub(in crate::run) fn summarise(
    format: Option<&FindingFormat>,
    instances: &[InstanceFacts],
) -> Vec<FindingSummary> {
    let mut by_schema: BTreeMap<&str, Vec<(&InstanceId, &Findings)>> = BTreeMap::new();
    let mut unread: BTreeMap<&str, Vec<InstanceId>> = BTreeMap::new();
    let mut without = 0;
    for it in instances {
        match it.findings.as_deref() {
            Some(Reading::Read(found)) => {
                by_schema.entry(&found.schema).or_default().push((&it.instance_id, found));
            }
            Some(Reading::Unread { why }) => {
                unread.entry(why).or_default().push(it.instance_id.clone());
            }
            None => without += 1,
        }
    }
    if let Some(format) = format {
        let found = by_schema.remove(format.schema.as_str()).unwrap_or_default();
        let order = |it: &VerdictFacts| {
            let at = format.verdicts.iter().position(|known| *known == it.verdict);
            at.unwrap_or(usize::MAX)
        };
        let mut res = summary(&format.schema, &found);
        res.subject.clone_from(&format.subject);
        res.verdicts.sort_by_key(order);
        res.without = without;
        let mut unread: Vec<_> = unread.into_iter().collect();
        unread.sort_by_key(|(_, instances)| Reverse(instances.len()));
        let unread = unread
            .into_iter()
            .map(|(why, instances)| UnreadFacts { why: why.to_owned(), instances });
        res.unread = unread.collect();
        return vec![res];
    }
    let mut by_schema: Vec<_> = by_schema.into_iter().collect();
    by_schema.sort_by_key(|(_, found)| Reverse(found.len()));
    by_schema.truncate(SCHEMAS);
    by_schema.iter().map(|(schema, found)| summary(schema, found)).collect()
}

fn summary(schema: &str, found: &[(&InstanceId, &Findings)]) -> FindingSummary {
    let mut codes = codes(found);
    let mut changed = changed(found);
    let mut verdicts = verdicts(found);
    let truncated = codes.len().max(changed.len()).max(verdicts.len()) > KEPT;
    codes.truncate(KEPT);
    changed.truncate(KEPT);
    verdicts.truncate(KEPT);
    let rolled_back = found.iter().filter(|(_, it)| it.rolled_back).map(|(id, _)| (*id).clone());
    FindingSummary {
        schema: schema.to_owned(),
        subject: schema.to_owned(),
        verdicts,
        unread: Vec::new(),
        without: 0,
        codes,
        changed,
        rolled_back: rolled_back.collect(),
        shared: shared(found),
        truncated,
    }
}

fn verdicts(found: &[(&InstanceId, &Findings)]) -> Vec<VerdictFacts> {
    let mut members: BTreeMap<(&str, Option<bool>), Vec<&Findings>> = BTreeMap::new();
    for (_, it) in found {
        members.entry((&it.verdict, it.good)).or_default().push(it);
    }
    let verdict = |((verdict, good), members): ((&str, Option<bool>), Vec<&Findings>)| {
        let codes = if good == Some(true) { Vec::new() } else { reasons(&members) };
        VerdictFacts { verdict: verdict.to_owned(), good, count: count(members.len()), codes }
    };
    let mut res: Vec<_> = members.into_iter().map(verdict).collect();
    res.sort_by_key(|it| Reverse(it.count));
    res
}

/// Returns what led to a verdict: what hurts or will, and where nothing does, whatever was found.
fn reasons(members: &[&Findings]) -> Vec<CodeCount> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for it in members {
        let has_felt = it.findings.iter().any(Finding::is_felt);
        let told = it.findings.iter().filter(|it| it.is_felt() || !has_felt);
        for code in told.map(|it| it.code.as_str()).collect::<BTreeSet<_>>() {
            *counts.entry(code).or_default() += 1;
        }
    }
    let mut res: Vec<_> = counts
        .into_iter()
        .map(|(code, count)| CodeCount { code: code.to_owned(), count })
        .collect();
    res.sort_by_key(|it| Reverse(it.count));
    res.truncate(KEPT);
    res
}

fn codes(found: &[(&InstanceId, &Findings)]) -> Vec<CodeFacts> {
    let mut res: BTreeMap<&str, CodeFacts> = BTreeMap::new();
    for (id, it) in found {
        for finding in &it.findings {
            let facts = res.entry(&finding.code).or_insert_with(|| CodeFacts {
                code: finding.code.clone(),
                instances: Vec::new(),
                sample: finding.clone(),
            });
            if facts.instances.last() != Some(id) {
                facts.instances.push((*id).clone());
            }
        }
    }
    let mut res: Vec<_> = res.into_values().collect();
    res.sort_by_key(|it| (severity(&it.sample), !it.sample.is_felt(), Reverse(it.instances.len())));
    res
}

fn severity(it: &Finding) -> usize {
    let words = ["high", "medium", "low", "info"];
    let word = it.severity.as_deref().unwrap_or_default();
    // A word that is not known may be a worse one.
    words.iter().position(|it| *it == word).unwrap_or(0)
}

fn changed(found: &[(&InstanceId, &Findings)]) -> Vec<ChangeFacts> {
    let mut res: BTreeMap<Change, Vec<InstanceId>> = BTreeMap::new();
    for (id, it) in found {
        for change in &it.changed {
            // What is told of one instance alone would keep the same change of two apart.
            let instances = res.entry(Change { detail: None, ..change.clone() }).or_default();
            if instances.last() != Some(id) {
                instances.push((*id).clone());
            }
        }
    }
    let facts = |(change, instances)| ChangeFacts { change, instances };
    let mut res: Vec<_> = res.into_iter().map(facts).collect();
    res.sort_by_key(|it| (it.change.planned, Reverse(it.instances.len())));
    res
}

/// Returns the values that more than one instance has, those of the same instances together.
fn shared(found: &[(&InstanceId, &Findings)]) -> Vec<SharedFacts> {
    let mut holders: BTreeMap<(&str, &str), Vec<&InstanceId>> = BTreeMap::new();
    for (id, it) in found {
        for (path, values) in &it.unique {
            for value in values {
                holders.entry((path, value)).or_default().push(id);
            }
        }
    }
    let mut shared: BTreeMap<(&str, Vec<&InstanceId>), Vec<String>> = BTreeMap::new();
    for ((path, value), holders) in holders {
        if holders.len() > 1 {
            shared.entry((path, holders)).or_default().push(value.to_owned());
        }
    }
    let facts = |((path, holders), values): ((&str, Vec<&InstanceId>), _)| SharedFacts {
        path: path.to_owned(),
        values,
        instances: holders.into_iter().cloned().collect(),
    };
    shared.into_iter().map(facts).collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances(n: u32, line: impl Fn(u32) -> String) -> Vec<InstanceFacts> {
        let instance = |n| {
            let id = InstanceId::parse(&format!("i-{n:017x}")).unwrap();
            let reading = super::super::read(None, &line(n), false);
            InstanceFacts { findings: reading.map(Box::new), ..InstanceFacts::of(id, 1) }
        };
        (0..n).map(instance).collect()
    }

    #[test]
    fn however_many_words_the_instances_make_up_the_summary_is_bounded() {
        let of = |line: fn(u32) -> String| summarise(None, &instances(500, line));
        let schemas = of(|n| format!(r#"{{"schema":"s{n}","verdict":"v","findings":[]}}"#));
        assert_eq!(schemas.len(), SCHEMAS);
        let verdicts = of(|n| format!(r#"{{"schema":"s","verdict":"v{n}","findings":[]}}"#));
        assert_eq!((verdicts[0].verdicts.len(), verdicts[0].truncated), (KEPT, true));
        let codes = of(|n| {
            format!(r#"{{"schema":"s","verdict":"v","findings":[{{"code":"c{n}"}}],"changed":[]}}"#)
        });
        assert_eq!((codes[0].codes.len(), codes[0].truncated), (KEPT, true));
    }

    #[test]
    fn what_is_found_twice_on_an_instance_counts_once() {
        let line = r#"{"schema":"s","verdict":"bad","findings":[{"code":"a","effect":"now"},
            {"code":"a","effect":"now"},{"code":"b","effect":"none"}],
            "changed":[{"action":"x","detail":"1"},{"action":"x","detail":"2"}]}"#;
        let [it] = &summarise(None, &instances(3, |_| line.to_owned()))[..] else { panic!() };
        let [verdict] = &it.verdicts[..] else { panic!() };
        // What does not hurt led to nothing.
        assert_eq!(verdict.codes, [CodeCount { code: "a".to_owned(), count: 3 }]);
        assert_eq!((it.codes[0].instances.len(), it.codes[1].instances.len()), (3, 3));
        assert_eq!((it.changed.len(), it.changed[0].instances.len()), (1, 3));
    }
}
