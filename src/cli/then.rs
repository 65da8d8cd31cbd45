//! `--then`: a document that shows afterwards whether the first one worked. It is a run of its own, over
//! those that it was for, and its verdict is the command's. Nothing follows a run that has not come
//! to its end.

use super::{
    args::{Also, DocumentArgs, LimitArgs, Selection},
    context::{Connection, Context},
    execute::{Carried, Conduct, Consent, Reports, carry_out, interrupted},
    planning::{self, Planned},
    publishing::Ahead,
};
use crate::{
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{Note, Plan},
    run::{InstanceFacts, Outcome, Report},
    signal::Interrupts,
};

/// What a verdict of 0 or 1 says: the run has come to its end.
const FINISHED: [u8; 2] = [0, 1];

/// What promises that nothing was sent, which is not so once there was a first run.
const NOTHING_SENT: [u8; 3] = [2, 3, 4];

/// A document that is run after another one.
#[derive(Debug)]
pub(super) struct Then {
    name: String,
    document: DocumentArgs,
    limits: LimitArgs,
    conduct: Conduct,
}

impl Then {
    /// Takes as many at once, and gives them as much time, as the first run does. How many may fail
    /// is the document's own to say: who is broken still is for it to find.
    pub(super) fn of(name: &str, plan: &Plan, limits: &LimitArgs, conduct: &Conduct) -> Self {
        Self {
            name: name.to_owned(),
            document: DocumentArgs::verifying(name, &plan.document),
            limits: LimitArgs {
                max_concurrency: limits.max_concurrency,
                timeout: limits.timeout,
                reason: limits.reason.clone(),
                storage: limits.storage.clone(),
                ..LimitArgs::default()
            },
            conduct: Conduct {
                consent: conduct.consent,
                reports: Reports { files: Vec::new(), folds: conduct.reports.folds },
                on_interrupt: conduct.on_interrupt,
            },
        }
    }

    /// Looks before the first run whether this one could be sent to those whom that is for, and has
    /// the plan say what comes after it.
    ///
    /// # Errors
    /// If it could not: nothing has been sent then.
    pub(super) async fn foresee(
        &self,
        connection: &Connection,
        context: &Context,
        selection: &Selection,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let planned = self.plan(connection, context, selection).await?;
        connection.settings.ceilings().admit_run(&planned.plan).map_err(|err| {
            Error::from(err).hint(format!("plan {} by itself, and leave --then out", self.name))
        })?;
        let text = format!(
            "--then {}: a run of its own over those that this one was sent to, once it has come to \
             its end; its verdict is the exit code",
            self.name
        );
        plan.notes.push(Note::new("then", text));
        Ok(())
    }

    async fn plan(
        &self,
        connection: &Connection,
        context: &Context,
        selection: &Selection,
    ) -> Result<Planned, Error> {
        let (document, limits) = (&self.document, &self.limits);
        let planned =
            planning::plan(connection, context, selection, document, limits, Ahead::Nothing)
                .await?;
        connection.admit(&planned.plan)?;
        Ok(planned)
    }

    /// Runs it over those whom the first run was for, and returns its verdict; that of the first
    /// one where nothing follows it.
    pub(super) async fn follow(
        self,
        mut connection: Connection,
        context: &Context,
        first: Carried,
        terminal: &mut Terminal,
        interrupts: &mut Interrupts,
    ) -> Result<Exit, Error> {
        let Carried { exit, report } = first;
        let Some(report) = report else { return Ok(exit) };
        let (name, run) = (self.name.clone(), report.run.id.clone());
        if !FINISHED.contains(&exit.code()) {
            terminal.hint(&format!("{name} was not run: run {run} has not come to its end"));
            return Ok(exit);
        }
        let meant: Vec<_> = report.instances.iter().filter(was_meant).collect();
        if meant.is_empty() {
            terminal.hint(&format!("{name} was not run: run {run} was sent to nobody"));
            return Ok(exit);
        }
        let ids = meant.into_iter().map(|it| it.instance_id.clone()).collect();
        // Whom the first run took although they are left out by default is looked at as well.
        let selection = Selection::of_instances(ids, Also::ALL.to_vec());
        terminal.next_run();
        match self.run(&mut connection, context, selection, &report, terminal, interrupts).await {
            Ok(exit) if NOTHING_SENT.contains(&exit.code()) => Ok(Exit::Verdict(1)),
            Ok(exit) => Ok(exit),
            Err(err) => {
                let exit = match err.exit {
                    Exit::Interrupted => Exit::Interrupted,
                    _ => Exit::Verdict(1), // whatever it is, the first run was sent
                };
                let done = format!("run {run} has ended, and {name} was not run after it");
                Err(Error { exit, ..err }.but(done))
            }
        }
    }

    async fn run(
        self,
        connection: &mut Connection,
        context: &Context,
        selection: Selection,
        first: &Report,
        terminal: &mut Terminal,
        interrupts: &mut Interrupts,
    ) -> Result<Exit, Error> {
        let context = context.next()?;
        let planning = async {
            connection.begin_again(&context).await?;
            self.plan(connection, &context, &selection).await
        };
        let mut planned = tokio::select! {
            planned = planning => planned?,
            () = interrupts.next() => return Err(interrupted()),
        };
        planned.plan.parent_id = Some(first.run.id.clone());
        // Who has consented to the first has seen in its plan that this follows.
        let conduct = Conduct { consent: Consent::Given, ..self.conduct };
        let done = carry_out(connection, planned, &context, conduct, terminal, interrupts).await?;
        Ok(done.exit)
    }
}

/// Returns whether the first run was for it. Whoever was refused or could not be reached is looked at
/// as well: that nobody could do anything there is no success.
fn was_meant(it: &&InstanceFacts) -> bool {
    match it.outcome {
        Outcome::Succeeded
        | Outcome::Failed
        | Outcome::ExecutionTimedOut
        | Outcome::DeliveryTimedOut
        | Outcome::Undeliverable
        | Outcome::AccessDenied
        | Outcome::InvalidPlatform
        | Outcome::Skipped
        | Outcome::Unknown => true,
        // It is gone, or was taken back, or kept for another time.
        Outcome::LeftGroup | Outcome::Cancelled | Outcome::Terminated | Outcome::NotAttempted => {
            false
        }
    }
}
