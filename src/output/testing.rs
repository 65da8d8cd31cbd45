//! Plans and runs to render in tests: the real plan and the real state machine over hand-made
//! answers of the service.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    io::{self, Write},
    rc::Rc,
    time::Duration,
};

use jiff::Timestamp;

use super::terminal::{Format, Terminal};
use crate::{
    plan::{
        self, Agent, Document, Draft, FindingFormat, Include, InstanceId, Limit, Operator, Plan,
        Platform, RunId, Selector, Sidecar, Target,
    },
    run::{
        Accepted, CancelAnswer, Counts, Effect, Event, EventKind, Fold, Membership, Observed, Pace,
        Plugin, Report, Row, Run, SendTargets, Status, Step, StepUrls,
    },
};

/// A plan, what happened, and what became of it.
pub(super) struct Story {
    pub(super) plan: Plan,
    pub(super) events: Vec<Event>,
}

impl Story {
    pub(super) fn report(&self) -> Report {
        let mut fold = Fold::default();
        self.events.iter().for_each(|it| fold.apply(it));
        fold.report().expect("the run has started")
    }
}

pub(super) fn at(seconds: f64) -> Timestamp {
    let start: Timestamp = "2024-07-19T04:09:00Z".parse().unwrap();
    start + Duration::from_secs_f64(seconds)
}

pub(super) fn id(n: u32) -> InstanceId {
    InstanceId::parse(&format!("i-{n:017x}")).unwrap()
}

pub(super) fn target(n: u32) -> Target {
    Target {
        id: id(n),
        group: Some("web".to_owned()),
        zone: Some(format!("us-east-1{}", if n.is_multiple_of(2) { 'a' } else { 'b' })),
        lifecycle: Some("InService".to_owned()),
        health: Some("Healthy".to_owned()),
        platform: Some(Platform::Linux),
        agent: Agent::Online,
        agent_version: Some("3.3.551.0".to_owned()),
        computer_name: None,
    }
}

pub(super) fn draft(candidates: Vec<Target>) -> Draft {
    let parameters = [("commands", vec!["uname -a; uptime"]), ("dbPassword", vec!["hunter2"])];
    let parameters = parameters.map(|(name, values)| {
        (name.to_owned(), values.into_iter().map(ToOwned::to_owned).collect())
    });
    Draft {
        outputs: plan::Outputs::default(),
        run_id: RunId::new(at(0.0), 0xabcdef),
        parent_id: None,
        created: at(0.0),
        tool_version: "0.1.0".to_owned(),
        reason: None,
        operator: Operator {
            caller_arn: Some("arn:aws:sts::123456789012:assumed-role/fleet-web/op".to_owned()),
            role_arn: Some("arn:aws:iam::123456789012:role/fleet-web".to_owned()),
            session_name: None,
        },
        account: Some("123456789012".to_owned()),
        region: "us-east-1".to_owned(),
        is_simulated: false,
        selector: Selector { groups: vec!["web".to_owned()], ..Selector::default() },
        groups: vec!["web".to_owned()],
        candidates: Some(candidates),
        include: Include::default(),
        document: Document {
            name: "AWS-RunShellScript".to_owned(),
            version: Some("1".to_owned()),
            hash: None,
            parameters: parameters.into_iter().collect(),
            sidecar: None,
            dry_run: None,
            automation: None,
            replacement: None,
        },
        declared: None,
        platforms: vec![Platform::Linux, Platform::MacOs],
        max_concurrency: Limit::Percent(10),
        max_errors: Limit::Count(0),
        delivery_timeout: 600,
        deadline: None,
        rollout: plan::Rollout::default(),
        refused: BTreeMap::new(),
        notes: Vec::new(),
    }
}

/// Twenty in the plan, three left out for two reasons.
pub(super) fn twenty() -> Plan {
    let standby = Target { lifecycle: Some("Standby".to_owned()), ..target(20) };
    let offline = |n| Target { agent: Agent::ConnectionLost, ..target(n) };
    let candidates = (0..20).map(target).chain([standby, offline(21), offline(22)]);
    plan::build(draft(candidates.collect())).unwrap()
}

/// How one instance ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) details: &'static str,
    pub(super) code: Option<i32>,
    pub(super) stdout: &'static str,
    pub(super) stderr: &'static str,
}

pub(super) fn success(stdout: &'static str) -> End {
    End { details: "Success", code: Some(0), stdout, stderr: "" }
}

pub(super) fn failure(code: i32, stderr: &'static str) -> End {
    End { details: "Failed", code: Some(code), stdout: "", stderr }
}

fn row(instance_id: &InstanceId, end: End) -> Row {
    let status_word = match end.details {
        "Undeliverable" | "Terminated" => "Failed",
        other => other,
    };
    let output = match end.stderr {
        "" => end.stdout.to_owned(),
        stderr => format!("{}\n----------ERROR-------\n{stderr}", end.stdout),
    };
    let plugin = Plugin {
        name: "aws:runShellScript".to_owned(),
        response_code: end.code,
        started: Some(at(1.0)),
        ended: Some(at(2.25)),
        output,
        urls: StepUrls::default(),
    };
    Row {
        instance_id: instance_id.clone(),
        status: Status::parse(status_word, end.details),
        status_word: status_word.to_owned(),
        details_word: end.details.to_owned(),
        requested: Some(at(0.5)),
        progress: None,
        failure: None,
        note: None,
        plugins: end.code.map(|_| plugin).into_iter().collect(),
    }
}

/// Plays a whole run of `plan`, whose instances end as `end` says.
pub(super) fn play(plan: Plan, end: impl Fn(&InstanceId) -> End) -> Story {
    let (mut run, step) = Run::start(plan.clone(), Pace::default(), at(0.0));
    let mut events = Vec::new();
    let mut elapsed = Duration::ZERO;
    let mut sent: BTreeMap<String, Vec<InstanceId>> = BTreeMap::new();
    let planned: Vec<_> = plan.population.planned.iter().map(|it| it.id.clone()).collect();
    let mut effects = VecDeque::new();
    let mut take = |step: Step, effects: &mut VecDeque<Effect>| {
        events.extend(step.events);
        effects.extend(step.effects);
        (step.wake, step.is_finished)
    };
    let (mut wake, mut is_finished) = take(step, &mut effects);
    while !is_finished {
        let observed = match effects.pop_front() {
            None => {
                elapsed = wake.expect("a run that is not finished waits for something");
                Observed::Tick
            }
            Some(Effect::Send { send, request }) => {
                let command_id = format!("11111111-2222-3333-4444-{send:012}");
                let ids = match request.targets {
                    SendTargets::Ids(ids) => ids,
                    SendTargets::Tag { .. } => planned.clone(),
                };
                sent.insert(command_id.clone(), ids);
                let accepted = Accepted { command_id, expires_in: None, expires_after: None };
                Observed::Accepted { send, accepted }
            }
            Some(Effect::ReadCounts { command_ids }) => {
                let counts = command_ids.into_iter().map(|command_id| {
                    let n = u32::try_from(sent[&command_id].len()).unwrap();
                    Counts {
                        command_id,
                        is_final: true,
                        targets: n,
                        completed: n,
                        errors: 0,
                        delivery_timed_out: 0,
                        stage: None,
                    }
                });
                Observed::Counted { counts: counts.collect() }
            }
            Some(Effect::ReadRows { command_id, scope }) => {
                let rows = sent[&command_id].iter().map(|it| row(it, end(it))).collect();
                Observed::Read { command_id, scope, rows }
            }
            Some(Effect::Cancel { command_id, .. }) => {
                Observed::CancelAnswered { command_id, answer: CancelAnswer::Taken }
            }
            Some(Effect::ReadMembership) => Observed::MembershipRead {
                membership: Membership {
                    groups: vec!["web".to_owned()],
                    members: Some(planned.clone()),
                    departures: BTreeMap::new(),
                    note: None,
                },
            },
            Some(Effect::TakeOut { .. }) => unreachable!("nobody is taken out here"),
            Some(Effect::Conclude(_)) => Observed::Concluded {
                changes: Vec::new(),
                api_calls: [
                    ("ListCommandInvocations".to_owned(), 3),
                    ("SendCommand".to_owned(), 1),
                ]
                .into(),
                throttled: BTreeMap::new(),
            },
            Some(Effect::ReadOutput { .. }) => unreachable!("no output is cut here"),
            Some(Effect::Settle { .. } | Effect::FindSends) => {
                unreachable!("no send is doubted here")
            }
        };
        let step = run.apply(elapsed, observed);
        (wake, is_finished) = take(step, &mut effects);
    }
    Story { plan, events }
}

/// Returns the end of the `n`th instance at this time, which failed if it said something on stderr.
pub(super) fn ended(n: u32, at_ms: u64, stderr: &'static str) -> Event {
    let end = if stderr.is_empty() { success("ok") } else { failure(1, stderr) };
    let instance_id = target(n).id;
    let row = row(&instance_id, end);
    let data = EventKind::InstanceFinished {
        wave: 1,
        command_id: None,
        outcome: row.outcome().unwrap(),
        execution: Some(row.execution()),
        hint: None,
        withheld_by: None,
        instance_id,
    };
    Event { seq: u64::from(n) + 2, at: at(0.0), elapsed_ms: at_ms, data }
}

/// Twenty by ids, two at a time; one of the second pair fails, which spends the budget.
pub(super) fn halted() -> Story {
    play(twenty(), |it| match it.as_str() {
        it if it.ends_with("03") => {
            failure(3, "df: /var is full\nfailed to run commands: exit status 3")
        }
        _ => success("Linux web 6.1\n"),
    })
}

/// Forty at once with three kinds of failure and two kinds of output.
pub(super) fn mixed() -> Story {
    let draft = Draft {
        max_concurrency: Limit::Percent(100),
        max_errors: Limit::Percent(10),
        ..draft((0..40).map(target).collect())
    };
    play(plan::build(draft).unwrap(), |it| match it.as_str() {
        it if it.ends_with("03") => failure(3, "\x1b[31mdf: /var is full\x1b[0m\n"),
        it if it.ends_with("07") => failure(-1, ""),
        it if it.ends_with("1f") => End { details: "Undeliverable", code: None, ..success("") },
        it if it.ends_with('0') => success("nginx 1.25\ntwo\tcolumns\n"),
        _ => success("nginx 1.24\n"),
    })
}

const HEALTHY: &str = r#"{"schema":"fleet.sshd/1","verdict":"healthy","findings":[],"host_keys":[{"sha256":"SHA256:aaa"}],"changed":[{"action":"start","path":"ssh.service"}]}"#;
const LATENT: &str = r#"{"schema":"fleet.sshd/1","verdict":"latent","findings":[{"code":"config.syntax","effect":"next-restart","severity":"high","path":"/etc/ssh/sshd_config","line":7,"evidence":"Bad configuration option: \u001b[31mUseDNSS"},{"code":"config.deprecated","effect":"none","severity":"info"}],"changed":[{"action":"comment-line","path":"/etc/ssh/sshd_config","planned":true}]}"#;
const BROKEN: &str = r#"{"schema":"fleet.sshd/1","verdict":"broken","findings":[{"code":"hostkeys.missing","effect":"now","severity":"high"}],"rolled_back":true}"#;

/// Returns what a document about sshd declares of its findings.
pub(super) fn declared() -> Sidecar {
    let words = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    let findings = FindingFormat {
        schema: "fleet.sshd/1".to_owned(),
        subject: "sshd".to_owned(),
        verdicts: words(&["healthy", "latent", "degraded", "unknown", "broken"]),
        good: words(&["healthy"]),
        unique: vec!["host_keys[].sha256".parse().unwrap()],
        ..FindingFormat::default()
    };
    Sidecar { findings: Some(findings), ..Sidecar::default() }
}

/// Twelve with findings of every kind: read, unreadable, and none; as `sidecar` declares them.
pub(super) fn checked(sidecar: Option<Sidecar>) -> Story {
    let mut draft = Draft {
        max_concurrency: Limit::Percent(100),
        max_errors: Limit::Percent(100),
        ..draft((0..12).map(target).collect())
    };
    draft.document.sidecar = sidecar;
    let end = |code, stdout| End { stdout, ..failure(code, "") };
    play(plan::build(draft).unwrap(), |it| match it.as_str() {
        it if it.ends_with('3') || it.ends_with('5') => end(11, LATENT),
        it if it.ends_with('7') => end(10, BROKEN),
        it if it.ends_with('9') => success("\u{1b}[2Jhealthy"),
        it if it.ends_with('a') => End { details: "Undeliverable", code: None, ..success("") },
        _ => success(HEALTHY),
    })
}

/// What a terminal was told, on either stream.
#[derive(Clone, Default)]
pub(super) struct Heard {
    pub(super) out: Buffer,
    pub(super) err: Buffer,
}

#[derive(Clone, Default)]
pub(super) struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Buffer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns what `tell` makes a terminal of eighty columns say.
pub(super) fn heard(format: Format, tell: impl FnOnce(&mut Terminal)) -> Heard {
    let heard = Heard::default();
    let (out, err) = (Box::new(heard.out.clone()), Box::new(heard.err.clone()));
    tell(&mut Terminal::with_writers(format, false, out, err, 80));
    heard
}
