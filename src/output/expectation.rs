//! How long a run may take, by what earlier runs of the same document have taken here. Where there
//! are none, it guesses nothing.

use std::{fs::File, io::BufReader, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};

use super::history::History;
use crate::{plan::Plan, run::Kind};

/// The most runs that are looked at, and of those of the document.
const LOOKED_AT: usize = 100;
const OF_DOCUMENT: usize = 10;

/// The most bytes of reports that are read for it.
const BYTES: u64 = 64 << 20;

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub took_ms: u64,
    /// By so many runs.
    pub runs: usize,
}

/// What matters of an earlier report.
#[derive(Debug, Deserialize)]
struct Past {
    run: PastRun,
    document: PastDocument,
    limits: PastLimits,
    waves: Vec<PastWave>,
    verdict: Option<PastVerdict>,
}

#[derive(Debug, Deserialize)]
struct PastRun {
    id: String,
    #[serde(default)]
    is_simulated: bool,
}

#[derive(Debug, Deserialize)]
struct PastDocument {
    name: String,
    parameters: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct PastLimits {
    max_concurrency: PastBound,
}

#[derive(Debug, Deserialize)]
struct PastBound {
    resolved: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct PastWave {
    instances: Vec<IgnoredAny>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct PastVerdict {
    kind: Kind,
}

impl History {
    /// Returns how long the run of `plan` may take: what one round of instances took in the middle
    /// one of the earlier runs of its document, for as many rounds as it has, and its pauses.
    ///
    /// What a document is given as its program makes another document of it. Runs that did not go to
    /// their end, and simulated ones for a real one, say nothing.
    pub fn expected(&self, plan: &Plan) -> Option<Expected> {
        let mut bytes = 0;
        let mut rounds = Vec::new();
        for path in self.newest_reports().ok()?.into_iter().take(LOOKED_AT) {
            bytes += path.metadata().map_or(0, |it| it.len());
            if rounds.len() == OF_DOCUMENT || bytes > BYTES {
                break;
            }
            rounds.extend(read(&path).filter(|it| it.is_like(plan)).and_then(|it| it.round_ms()));
        }
        rounds.sort_unstable();
        let round = *rounds.get(rounds.len() / 2)?;
        let most = plan.limits.max_concurrency.resolved;
        let n_rounds: u64 = plan.waves.iter().map(|it| n_rounds(it.instances.len(), most)).sum();
        let n_pauses = plan.waves.len().saturating_sub(1) as u64;
        let pauses = plan.rollout.pause.unwrap_or(0) * 1000 * n_pauses;
        Some(Expected { took_ms: round * n_rounds + pauses, runs: rounds.len() })
    }
}

fn read(report: &Path) -> Option<Past> {
    serde_json::from_reader(BufReader::new(File::open(report).ok()?)).ok()
}

/// Returns how many times instances go out, so many at once.
fn n_rounds(n: usize, most: Option<u32>) -> u64 {
    let most = most.map_or(n, |it| it as usize).max(1);
    n.div_ceil(most).max(1) as u64
}

impl Past {
    fn is_like(&self, plan: &Plan) -> bool {
        const PROGRAM: &str = "commands";
        let given = plan.document.parameters.redacted();
        let ours: Option<Vec<&str>> =
            given.get(PROGRAM).map(|it| it.iter().map(AsRef::as_ref).collect());
        let theirs: Option<Vec<&str>> =
            self.document.parameters.get(PROGRAM).map(|it| it.iter().map(String::as_str).collect());
        let has_ended = self
            .verdict
            .as_ref()
            .is_some_and(|it| matches!(it.kind, Kind::Succeeded | Kind::InstancesFailed));
        has_ended
            && self.run.id != plan.run_id.as_str()
            && self.run.is_simulated == plan.is_simulated
            && self.document.name == plan.document.name
            && ours == theirs
    }

    /// Returns what a round took, in milliseconds.
    fn round_ms(&self) -> Option<u64> {
        let most = self.limits.max_concurrency.resolved;
        let (mut took, mut rounds) = (0, 0);
        for wave in &self.waves {
            let span = wave.ended?.duration_since(wave.started?).as_millis();
            took += u64::try_from(span).ok()?;
            rounds += n_rounds(wave.instances.len(), most);
        }
        took.checked_div(rounds)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{
        output::{Ledger, testing},
        plan::{self, Draft, Limit, RunId},
    };

    /// Leaves the report of a run of two rounds that took `seconds`, changed by `change`.
    fn leave(
        home: &Path,
        n: u32,
        seconds: f64,
        change: impl Fn(&mut crate::run::Report),
    ) -> PathBuf {
        let mut story = testing::mixed();
        story.plan.run_id = RunId::new(testing::at(f64::from(n)), n);
        let mut report = story.report();
        report.run.id = story.plan.run_id.clone();
        report.limits.max_concurrency.resolved = Some(20);
        report.waves[0].started = Some(testing::at(0.0));
        report.waves[0].ended = Some(testing::at(seconds));
        change(&mut report);
        Ledger::create(home, &story.plan).unwrap().finish(&report).unwrap()
    }

    fn plan(n: u32, most: u32) -> Plan {
        let candidates = (0..n).map(testing::target).collect();
        let draft = Draft { max_concurrency: Limit::Count(most), ..testing::draft(candidates) };
        plan::build(draft).unwrap()
    }

    #[test]
    fn a_run_is_expected_to_take_what_its_rounds_took_before() {
        let home = tempfile::tempdir().unwrap();
        let history = History::of(home.path());
        assert_eq!(history.expected(&plan(30, 10)), None);
        for (n, seconds) in [(1, 20.0), (2, 40.0), (3, 400.0)] {
            leave(home.path(), n, seconds, |_| {});
        }
        // Three rounds of twenty seconds: the middle one of three runs.
        let expected = Some(Expected { took_ms: 60_000, runs: 3 });
        assert_eq!(history.expected(&plan(30, 10)), expected);
    }

    #[test]
    fn other_programs_other_documents_simulated_and_unfinished_runs_say_nothing() {
        let home = tempfile::tempdir().unwrap();
        leave(home.path(), 1, 20.0, |it| it.document.name = "Another".to_owned());
        leave(home.path(), 2, 20.0, |it| it.run.is_simulated = true);
        leave(home.path(), 3, 20.0, |it| it.verdict = None);
        leave(home.path(), 4, 20.0, |it| {
            it.verdict.as_mut().unwrap().kind = Kind::Halted;
        });
        leave(home.path(), 5, 20.0, |it| {
            let other = [("commands".to_owned(), vec!["sleep 600".to_owned()])];
            it.document.parameters = other.into_iter().collect();
        });
        let torn = leave(home.path(), 6, 20.0, |_| {});
        std::fs::write(torn, "{").unwrap();
        assert_eq!(History::of(home.path()).expected(&plan(30, 10)), None);
    }
}
