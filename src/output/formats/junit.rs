//! For CI: a suite a wave, a case an instance, and a suite of what was changed for the run and is not
//! back: a case a change. It is the dialect that Jenkins, GitLab and others share (junit-10.xsd of
//! Jenkins' xunit plugin), in characters that XML 1.0 allows.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use quick_xml::escape::escape;

use super::{
    super::{
        sanitize::sanitize,
        words::{beyond, one_line, outcome, place, some_of, why},
    },
    add,
    facts::{facts, sentence},
};
use crate::run::{GroupChange, InstanceFacts, Outcome, Report};

/// What a case can come to. Only `passed` is a success; `skipped` turns no build red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Passed,
    /// The document ran, and failed.
    Failed,
    /// It is not known to have run to its end.
    Errored,
    /// It was left alone, or had nothing to do.
    Skipped,
}

/// How many cases came to what.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: u32,
    failures: u32,
    errors: u32,
    skipped: u32,
}

pub(super) fn render(report: &Report) -> String {
    let mut waves: BTreeMap<u32, Vec<&InstanceFacts>> = BTreeMap::new();
    for it in &report.waves {
        waves.entry(it.index).or_default();
    }
    for it in &report.instances {
        waves.entry(it.wave).or_default().push(it);
    }
    let left = report.left_changed();
    let all = Counts::of(report.instances.iter()).with(&left);
    let took = report.run.ended.map(|it| it.duration_since(report.run.started));
    let mut res = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let name = format!("fleet run {}", report.run.id);
    let Counts { tests, failures, errors, .. } = all;
    add(
        &mut res,
        format_args!(
            "<testsuites name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" \
             errors=\"{errors}\" time=\"{}\">\n",
            attribute(&name),
            seconds(took)
        ),
    );
    for (index, cases) in &waves {
        suite(&mut res, report, *index, cases);
    }
    if !left.is_empty() {
        left_changed(&mut res, report, &left);
    }
    res + "</testsuites>\n"
}

fn suite(to: &mut String, report: &Report, index: u32, cases: &[&InstanceFacts]) {
    let wave = report.waves.iter().find(|it| it.index == index);
    let (started, ended) = (wave.and_then(|it| it.started), wave.and_then(|it| it.ended));
    let took = started.zip(ended).map(|(from, to)| to.duration_since(from));
    let at = started.unwrap_or(report.run.started);
    head(to, report, &format!("wave {index}"), Counts::of(cases.iter().copied()), (at, took));
    for it in cases {
        case(to, it);
    }
    to.push_str("  </testsuite>\n");
}

/// Adds the beginning of a suite that began at a time and took a while.
fn head(
    to: &mut String,
    report: &Report,
    name: &str,
    counts: Counts,
    (at, took): (Timestamp, Option<SignedDuration>),
) {
    let Counts { tests, failures, errors, skipped } = counts;
    let (at, took) = (timestamp(at), seconds(took));
    let head = format_args!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\" time=\"{took}\" timestamp=\"{at}\">\n"
    );
    add(to, head);
    to.push_str("    <properties>\n");
    let verdict = ("Verdict", sentence(report));
    for (name, value) in facts(report).iter().chain([&verdict]) {
        let value = attribute(value);
        add(to, format_args!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
    }
    to.push_str("    </properties>\n");
}

/// Adds what was changed for the run and is not back as it was: the run has failed by that, however
/// its instances did.
fn left_changed(to: &mut String, report: &Report, left: &[GroupChange]) {
    let at = report.run.ended.unwrap_or(report.run.started);
    head(to, report, "groups", Counts::default().with(left), (at, None));
    let restore = report.restoring().map(|it| format!("; `{it}` brings it back"));
    for it in left {
        let (name, class) = (attribute(&name(it)), attribute(&class(report, it)));
        let message = format!("{}{}", it.text, restore.as_deref().unwrap_or_default());
        let message = attribute(&message);
        add(
            to,
            format_args!(
                "    <testcase name=\"{name}\" classname=\"{class}\" time=\"0.000\">\n      \
                 <failure type=\"left_changed\" message=\"{message}\">{message}</failure>\n    \
                 </testcase>\n"
            ),
        );
    }
    to.push_str("  </testsuite>\n");
}

/// Returns what a change is about, so that no two of a group have the same name.
fn name(it: &GroupChange) -> String {
    match (&it.group, &it.processes[..], &it.instances[..]) {
        (_, [], []) => "groups".to_owned(),
        (None, _, instances) => format!("instance {}", some_of(instances)),
        (Some(_), [], instances) => format!("members {}", some_of(instances)),
        (Some(_), processes, _) => format!("processes {}", processes.join(", ")),
    }
}

/// Returns the group of a change, or that of the instance that it is about.
fn class(report: &Report, it: &GroupChange) -> String {
    let of_instance = || {
        let id = it.instances.first()?;
        let facts = report.instances.iter().find(|it| it.instance_id == *id)?;
        facts.group.clone()
    };
    let group = it.group.clone().or_else(of_instance);
    group.unwrap_or_else(|| "groups".to_owned()).replace('/', ".")
}

fn case(to: &mut String, it: &InstanceFacts) {
    let took = it.started.zip(it.ended).map(|(from, to)| to.duration_since(from));
    let class = place(it.group.as_deref(), it.zone.as_deref()).replace('/', ".");
    add(
        to,
        format_args!(
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\">",
            attribute(it.instance_id.as_str()),
            attribute(&class),
            seconds(took)
        ),
    );
    let element = match standing(it) {
        Standing::Passed => None,
        Standing::Failed => Some("failure"),
        Standing::Errored => Some("error"),
        Standing::Skipped => Some("skipped"),
    };
    if let Some(element) = element {
        let (kind, message) = (it.outcome.word(), attribute(&message(it)));
        // Some readers show the message, some the text.
        add(
            to,
            format_args!(
                "\n      <{element} type=\"{kind}\" message=\"{message}\">{message}</{element}>"
            ),
        );
    }
    // A case has no place for properties, so what is missing is told behind what there is.
    let beyond = beyond(&[it]);
    let streams = [("system-out", &it.stdout, beyond), ("system-err", &it.stderr, None)];
    for (element, output, beyond) in streams {
        let breaks = if output.is_empty() || output.ends_with('\n') { "" } else { "\n" };
        let beyond = beyond.map(|it| format!("{breaks}… {it}")).unwrap_or_default();
        if !output.is_empty() || !beyond.is_empty() {
            let (output, beyond) = (sanitize(output), escape(beyond.as_str()));
            add(to, format_args!("\n      <{element}>{}{beyond}</{element}>", escape(&*output)));
        }
    }
    to.push_str("\n    </testcase>\n");
}

/// Returns the outcome, the exit code and what says most about why.
fn message(it: &InstanceFacts) -> String {
    let code = it.response_code.filter(|it| *it != 0);
    let code = code.map(|it| format!(", exit code {it}")).unwrap_or_default();
    let why = why(it).map(|it| format!(": {it}")).unwrap_or_default();
    format!("{}{code}{why}", outcome(it.outcome))
}

fn standing(it: &InstanceFacts) -> Standing {
    match it.outcome {
        Outcome::Succeeded if it.is_found_wanting() => Standing::Failed,
        Outcome::Succeeded => Standing::Passed,
        Outcome::Failed | Outcome::ExecutionTimedOut => Standing::Failed,
        Outcome::DeliveryTimedOut
        | Outcome::Undeliverable
        | Outcome::AccessDenied
        | Outcome::InvalidPlatform
        | Outcome::LeftGroup
        | Outcome::Unknown => Standing::Errored,
        // What had begun has left something behind.
        Outcome::Cancelled if it.started.is_some() => Standing::Errored,
        Outcome::Skipped | Outcome::Cancelled | Outcome::Terminated | Outcome::NotAttempted => {
            Standing::Skipped
        }
    }
}

impl Counts {
    fn of<'a>(cases: impl Iterator<Item = &'a InstanceFacts>) -> Self {
        let mut res = Self::default();
        for it in cases {
            res.tests += 1;
            match standing(it) {
                Standing::Passed => {}
                Standing::Failed => res.failures += 1,
                Standing::Errored => res.errors += 1,
                Standing::Skipped => res.skipped += 1,
            }
        }
        res
    }

    /// Adds what was changed and is not back: each is a failure.
    fn with(mut self, left: &[GroupChange]) -> Self {
        let n = u32::try_from(left.len()).unwrap_or(u32::MAX);
        self.tests += n;
        self.failures += n;
        self
    }
}

/// Returns text that can stand between quotes, in one line.
fn attribute(text: &str) -> String {
    escape(one_line(text)).into_owned()
}

/// Returns seconds as `1.250`; what is not known took no time that a reader could add up.
fn seconds(took: Option<SignedDuration>) -> String {
    format!("{:.3}", took.unwrap_or_default().as_secs_f64().max(0.0))
}

/// Returns the time without its zone, as readers of JUnit want it; it is UTC.
fn timestamp(it: Timestamp) -> String {
    it.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
