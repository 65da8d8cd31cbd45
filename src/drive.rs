//! The loop: it waits for replies, interrupts and time, feeds the core, and carries out what the
//! core asks for. It decides nothing.

mod fetching;
mod groups;
mod repairs;
mod waits;
mod ward;

use std::{future::Future, pin::Pin, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

pub use self::{
    fetching::fetch,
    repairs::mend_each,
    waits::Waits,
    ward::{Ward, WardError},
};
use crate::{
    aws::Aws,
    output::{Ledger, Orders, Terminal},
    plan::{DocumentKind, IRREVOCABLE, Plan},
    run::{
        CancelAnswer, Conclusion, Effect, Event, EventKind, Fold, GroupChange, Observed,
        OnInterrupt, Pace, PuttingBack, Refusal, RefusalKind, Report, Resume, Run, Settlement,
        Step, Taken,
    },
    signal::{Inquiries, Inquiry, Interrupts},
};

/// Where the story of a run goes.
pub struct Sinks<'a> {
    pub terminal: &'a mut Terminal,
    pub ledger: &'a mut Ledger,
}

type Reply<'a> = Pin<Box<dyn Future<Output = Observed> + 'a>>;

/// What is driven, and whose members are read again at the end.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    pub plan: &'a Plan,
    pub groups: &'a [String],
    pub pace: Pace,
    /// What the first interrupt means for what runs.
    pub on_interrupt: OnInterrupt,
    /// What is changed besides; a run that takes nobody out of service has none.
    pub ward: Option<Ward<'a>>,
}

/// Where a run begins.
#[derive(Debug)]
pub enum Beginning {
    /// It is new. From this wall clock on, time is measured on a monotonic one.
    New(Timestamp),
    /// Its process is gone, and these events are what it left.
    Left { events: Vec<Event>, mode: Resume, now: Timestamp },
}

/// How often it is looked whether `fleet cancel` has left word, while nothing else happens.
const GLANCE: Duration = Duration::from_millis(200);

/// Runs a plan to its end and returns the report.
pub async fn drive(
    aws: &mut Aws,
    course: Course<'_>,
    beginning: Beginning,
    sinks: Sinks<'_>,
    interrupts: &mut Interrupts,
) -> Report {
    let Course { plan, pace, on_interrupt, ward, .. } = course;
    let orders = Orders::of(sinks.ledger.directory());
    let mut books = Books { fold: Fold::default(), sinks, orders, has_complained: false };
    let (mut run, mut step, clock) = match beginning {
        Beginning::New(started) => {
            let (run, step) = Run::start(plan.clone(), pace, started);
            (run, step, Clock::starting_at(Duration::ZERO))
        }
        Beginning::Left { events, mode, now } => {
            let started = events.first().map_or(now, |it| it.at);
            let elapsed = Duration::try_from(now.duration_since(started)).unwrap_or_default();
            // A wall clock may have been set back meanwhile; the story does not go back in time.
            let told = events.iter().map(|it| Duration::from_millis(it.elapsed_ms)).max();
            let elapsed = elapsed.max(told.unwrap_or_default());
            let recalled = books.orders.news();
            let plan = plan.clone();
            let (run, step) = Run::resume(plan, pace, started, &events, elapsed, mode, recalled);
            books.recall(&events);
            (run, step, Clock::starting_at(elapsed))
        }
    };
    let mut inquiries = Inquiries::listen();
    // What was seen, and is told after the order that may explain it.
    let mut held = None;
    loop {
        let ending = {
            // The replies borrow the connection; the books of its calls are read after them.
            let aws: &Aws = aws;
            let mut replies: FuturesUnordered<Reply<'_>> = FuturesUnordered::new();
            loop {
                let wake = step.wake;
                let is_finished = step.is_finished;
                let is_written = books.write(&step);
                books.tick(&clock);
                let mut ending = is_finished.then_some(Ending::Over);
                for effect in step.effects {
                    if let Effect::Conclude(conclusion) = effect {
                        ending.get_or_insert(Ending::Concluding(conclusion));
                        continue;
                    }
                    let clearance = books.clearance(&effect, is_written);
                    replies.push(perform(aws, &course, effect, clearance));
                }
                if let Some(it) = ending {
                    break it;
                }
                let mut observed = loop {
                    if let Some(observed) = held.take() {
                        break observed;
                    }
                    tokio::select! {
                        biased;
                        () = interrupts.next() => break Observed::Interrupted(on_interrupt),
                        Some(mut observed) = replies.next() => {
                            observed.withhold(&aws.redaction);
                            break observed;
                        }
                        () = clock.until(wake) => break Observed::Tick,
                        inquiry = inquiries.next() => {
                            books.tick(&clock);
                            answer(books.sinks.terminal, inquiry);
                        }
                        () = sleep(GLANCE) => {
                            books.tick(&clock);
                            if books.orders.pending().is_some() {
                                break Observed::Tick;
                            }
                        }
                    }
                };
                if let Some(what) = books.orders.news() {
                    held = Some(observed);
                    observed = Observed::CancelOrdered(what);
                }
                step = run.apply(clock.elapsed(), observed);
            }
        };
        let conclusion = match ending {
            Ending::Over => return books.fold.report().expect("the run has started"),
            Ending::Concluding(it) => it,
        };
        let changes = match (&ward, conclusion.putting_back) {
            (None, _) => Vec::new(),
            (Some(ward), PuttingBack::Later) => ward.left(&conclusion, "interrupted"),
            (Some(ward), PuttingBack::Now) => {
                bring_back(aws, ward, &conclusion, (&mut books, &clock), interrupts).await
            }
        };
        let calls = aws.calls.tally();
        let observed = Observed::Concluded {
            changes,
            api_calls: calls.by_operation.clone(),
            throttled: calls.throttled.clone(),
        };
        step = run.apply(clock.elapsed(), observed);
    }
}

/// How the loop ends.
enum Ending {
    Over,
    Concluding(Conclusion),
}

/// Brings instances and groups back, and lets the operator see that time goes on, or leave it.
async fn bring_back(
    aws: &Aws,
    ward: &Ward<'_>,
    conclusion: &Conclusion,
    (books, clock): (&mut Books<'_>, &Clock),
    interrupts: &mut Interrupts,
) -> Vec<GroupChange> {
    let waits = Waits::default();
    let work = ward.put_back(aws, &conclusion.sent, &conclusion.changed, &waits);
    let work = waits.told(work, ward.factor, |news| {
        books.tick(clock);
        if let Some(it) = news {
            books.sinks.terminal.note(it);
        }
    });
    tokio::select! {
        biased;
        () = interrupts.next() => ward.left(conclusion, "interrupted"),
        rows = work => match rows {
            Ok(rows) => rows,
            Err(err) => ward.left(conclusion, &ward::with_causes(&err)),
        },
    }
}

/// Does what the operator wants of a run that goes on, in this process or in another.
pub fn answer(terminal: &mut Terminal, inquiry: Inquiry) {
    match inquiry {
        Inquiry::Signalled => terminal.answer(),
        Inquiry::Typed => {
            terminal.typed();
            terminal.answer();
        }
        Inquiry::Returned => terminal.returned(),
    }
}

/// Time since the start of the run, which may lie before this process.
struct Clock {
    began: Instant,
    before: Duration,
}

impl Clock {
    fn starting_at(before: Duration) -> Self {
        Self { began: Instant::now(), before }
    }

    fn elapsed(&self) -> Duration {
        self.before + self.began.elapsed()
    }

    async fn until(&self, wake: Option<Duration>) {
        // A moment beyond what a clock can show never comes.
        let at = wake.and_then(|it| self.began.checked_add(it.saturating_sub(self.before)));
        match at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// Returns the reply that `effect` will have.
fn perform<'a>(
    aws: &'a Aws,
    course: &Course<'a>,
    effect: Effect,
    clearance: Clearance,
) -> Reply<'a> {
    let (plan, groups) = (course.plan, course.groups);
    let kind = plan.document.kind();
    match effect {
        Effect::Send { send, .. } if clearance != Clearance::Given => {
            let refusal = match clearance {
                Clearance::Withdrawn => Refusal {
                    kind: RefusalKind::Withdrawn,
                    code: "Withdrawn".to_owned(),
                    message: "taken back by `fleet cancel` before it was sent".to_owned(),
                    advice: Vec::new(),
                },
                Clearance::Given | Clearance::Unwritten => Refusal {
                    kind: RefusalKind::Other,
                    code: "LedgerNotWritten".to_owned(),
                    message: "the ledger could not be written, so nothing was sent".to_owned(),
                    advice: Vec::new(),
                },
            };
            Box::pin(async move { Observed::Refused { send, refusal } })
        }
        Effect::Send { send, request } => match kind {
            DocumentKind::Command => Box::pin(aws.send(plan, send, request)),
            DocumentKind::Automation => Box::pin(aws.start(plan, send, request)),
            DocumentKind::Replacement => Box::pin(aws.terminate(plan, send, request)),
        },
        Effect::Settle { send, again: Some(_), .. } if clearance != Clearance::Given => {
            let reason = "it was not asked for again: the run was taken back meanwhile, or its \
                          ledger could not be written";
            let settlement = Settlement::Failed { is_denied: false, reason: reason.to_owned() };
            Box::pin(async move { Observed::Settled { send, settlement } })
        }
        Effect::Settle { send, again: Some(request), .. } => {
            Box::pin(aws.start_again(plan, send, request))
        }
        Effect::Settle { send, token, again: None } => Box::pin(async move {
            match kind {
                DocumentKind::Command | DocumentKind::Automation => {
                    aws.settle(plan, send, &token).await
                }
                DocumentKind::Replacement => aws.find_termination(plan, send, &token).await,
            }
        }),
        Effect::FindSends => Box::pin(aws.find_sends(plan)),
        Effect::ReadCounts { command_ids } => Box::pin(async move {
            match kind {
                DocumentKind::Command => aws.read_counts(plan, &command_ids).await,
                DocumentKind::Automation => aws.read_stages(plan, &command_ids).await,
                DocumentKind::Replacement => aws.read_replacements(plan, &command_ids).await,
            }
        }),
        Effect::ReadRows { command_id, scope } => match kind {
            DocumentKind::Command => Box::pin(aws.read_rows(command_id, scope)),
            DocumentKind::Automation => Box::pin(aws.read_execution(plan, command_id, scope)),
            DocumentKind::Replacement => Box::pin(aws.read_replacement(plan, command_id, scope)),
        },
        Effect::Cancel { command_id, instances } => match kind {
            DocumentKind::Command => Box::pin(aws.cancel(command_id, instances)),
            DocumentKind::Automation => Box::pin(aws.stop(command_id)),
            DocumentKind::Replacement => Box::pin(async move {
                let answer = CancelAnswer::Refused(IRREVOCABLE.to_owned());
                Observed::CancelAnswered { command_id, answer }
            }),
        },
        Effect::ReadOutput { command_id, instance_id, plugins } => {
            Box::pin(async move { aws.read_output(&command_id, instance_id, &plugins).await })
        }
        Effect::ReadMembership => Box::pin(aws.read_membership(plan, groups)),
        Effect::TakeOut { instances } => match course.ward {
            Some(ward) => {
                Box::pin(async move { Observed::Taken(ward.take_out(aws, &instances).await) })
            }
            None => Box::pin(async { Observed::Taken(Taken::All) }),
        },
        Effect::Conclude(_) => unreachable!("the loop ends with it"),
    }
}

/// Whether a send may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clearance {
    Given,
    /// What is not written down is not sent: nobody could tell afterwards what became of it.
    Unwritten,
    /// `fleet cancel` came between the decision and the send.
    Withdrawn,
}

struct Books<'a> {
    fold: Fold,
    sinks: Sinks<'a>,
    orders: Orders,
    has_complained: bool,
}

impl Books<'_> {
    /// Returns whether `effect` may be carried out, now that its intent is on the disk.
    fn clearance(&self, effect: &Effect, is_written: bool) -> Clearance {
        let (Effect::Send { request, .. } | Effect::Settle { again: Some(request), .. }) = effect
        else {
            return Clearance::Given;
        };
        let pending = self.orders.pending();
        if pending.is_some_and(|it| it.forbids(&request.targets)) {
            Clearance::Withdrawn
        } else if is_written {
            Clearance::Given
        } else {
            Clearance::Unwritten
        }
    }

    /// Takes in what an earlier process wrote down: for the report and the progress, not again for
    /// the ledger or a script.
    fn recall(&mut self, events: &[Event]) {
        for event in events {
            self.fold.apply(event);
            self.sinks.terminal.recalled_event(event);
        }
    }

    /// Lets the operator see that time goes on.
    fn tick(&mut self, clock: &Clock) {
        let now = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sinks.terminal.tick(now);
    }

    /// Hands the step's events to every reader, the ledger first. Returns whether the ledger has
    /// them, on disk where an intent is among them.
    fn write(&mut self, step: &Step) -> bool {
        let is_intent = |it: &Event| matches!(it.data, EventKind::SendIntended { .. });
        let written = if step.events.is_empty() {
            Ok(())
        } else if step.events.iter().any(is_intent) {
            self.sinks.ledger.append(&step.events)
        } else {
            self.sinks.ledger.append_unsynced(&step.events)
        };
        for event in &step.events {
            self.fold.apply(event);
            self.sinks.terminal.event(event);
        }
        if let Err(err) = &written
            && !std::mem::replace(&mut self.has_complained, true)
        {
            let directory = self.sinks.ledger.directory().display();
            self.sinks
                .terminal
                .warning(&format!("could not write the ledger in {directory}: {err}"));
        }
        written.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_moment_beyond_all_clocks_never_comes() {
        for wake in [Duration::MAX, Duration::from_secs(u64::MAX)] {
            let clock = Clock::starting_at(Duration::from_secs(1));
            assert_eq!(clock.until(Some(wake)).now_or_never(), None);
        }
    }
}
