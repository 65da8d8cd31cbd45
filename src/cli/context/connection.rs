//! The way to AWS, once somebody was asked there, and the sessions that it may have besides.

use super::{
    Context,
    preparation::{Prepared, prepare, session_name},
};
use crate::{
    aws::{self, Access, Aws},
    cli::{
        access::{AccessArgs, SessionPolicy},
        args::Origin,
        session::{self, Narrowing, Open, Purpose, Sender},
        settings::Settings,
    },
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{Plan, Selector},
    run::Pace,
    sim::Sim,
};

/// AWS, or a simulated one that lives as long as this value.
#[derive(Debug)]
pub(in crate::cli) struct Connection {
    pub aws: Aws,
    pub pace: Pace,
    /// What every wait is multiplied by: 1 is real time.
    pub speed: f64,
    pub settings: Settings,
    /// How to open a session that sends, where this one only reads.
    sender: Option<Sender>,
    /// What the role's session is narrowed to, if it is.
    narrowing: Option<Narrowing>,
    /// By which it was made, for a run after the first.
    access: Access,
    /// The role, where each of several runs has a session of its own that sends.
    again: Option<(String, String)>,
    _sim: Option<Sim>,
}

impl Connection {
    /// Returns whether nobody else can reach what this reaches: a simulator of its own.
    pub(in crate::cli) fn is_private(&self) -> bool {
        self._sim.is_some()
    }

    /// Exchanges a session that only reads for one that may send what the plan says, to whom it
    /// says: its document, and its groups by their names.
    ///
    /// # Errors
    /// If the policy would be too long, or the role is not assumed a second time.
    pub(in crate::cli) async fn let_send(
        &mut self,
        plan: &Plan,
        groups: &[String],
        terminal: &mut Terminal,
    ) -> Result<(), Error> {
        if let Some(narrowing) = &mut self.narrowing
            && !narrowing.fits(plan)
        {
            self.sender = self.sender.take().or_else(|| narrowing.other.take());
        }
        let Some(sender) = self.sender.take() else { return Ok(()) };
        let reader = std::mem::replace(&mut self.aws, sender.open(plan, groups, terminal).await?);
        self.aws.calls.absorb(reader.calls);
        Ok(())
    }

    /// Makes ready for the run that follows the one that was carried out: in the sessions, and under
    /// the counters, of its own.
    ///
    /// # Errors
    /// If the credentials do not hold any more.
    pub(in crate::cli) async fn begin_again(&mut self, context: &Context) -> Result<(), Error> {
        if let Some(role) = &mut self.access.role {
            role.session_name = session_name(context);
        }
        self.aws = Aws::connect(&self.access).await?;
        let access = self.access.clone();
        let again = self.again.clone();
        self.sender =
            again.map(|(role_arn, region)| Sender { access, role_arn, region, wider: None });
        Ok(())
    }

    /// Lets the session that sends be narrowed to this, where it cannot name all of the instances.
    pub(in crate::cli) fn narrowed_at_least_to(mut self, selector: Selector) -> Self {
        if let Some(sender) = &mut self.sender {
            sender.wider = Some(selector);
        }
        self
    }

    /// Refuses a runbook that the role's session, which is narrowed to starting it, could not carry
    /// out.
    pub(in crate::cli) fn admit(&self, plan: &Plan, origin: &Origin) -> Result<(), Error> {
        match &self.narrowing {
            Some(it) => it.admit(plan, origin),
            None => Ok(()),
        }
    }

    /// Refuses to touch an earlier run with credentials of another account, or in another region, where
    /// what it knows of would be taken for gone.
    pub(in crate::cli) fn require_home_of(
        &self,
        account: Option<&str>,
        region: &str,
        is_simulated: bool,
    ) -> Result<(), Error> {
        if is_simulated && !self.is_private() {
            let message = "the run was on a simulator of its own, which is gone";
            return Err(Error::new(Exit::Setup, message)
                .hint("`fleet sim` serves one that outlives its runs"));
        }
        if self.aws.region != region {
            let is = &self.aws.region;
            let message = format!("the run is of region {region}, and this is {is}");
            return Err(
                Error::new(Exit::Setup, message).hint("without --region it is looked for there")
            );
        }
        let here = self.aws.account.as_deref();
        if here == account {
            return Ok(());
        }
        let known = |it: Option<&str>| it.unwrap_or("unknown").to_owned();
        let (was, is) = (known(account), known(here));
        let message = format!("the run is of account {was}, and these credentials are of {is}");
        Err(Error::new(Exit::Setup, message))
    }
}

/// Connects as the flags say, starting the simulator first if they ask for it.
pub(in crate::cli) async fn connect_for(
    args: &AccessArgs,
    context: &Context,
    purpose: Purpose<'_>,
    terminal: &mut Terminal,
) -> Result<Connection, Error> {
    establish(prepare(args, context, terminal).await?, purpose, terminal).await
}

/// Connects for `published` alone, beside the connection that `prepared` is for.
pub(in crate::cli) async fn connect_beside(
    prepared: &Prepared,
    published: &[&str],
    terminal: &mut Terminal,
) -> Result<Aws, Error> {
    let Prepared { access, args, .. } = prepared;
    let mut access = access.clone();
    if access.role.is_some() && access.region.is_none() {
        access.region = Some(aws::region(&access).await?);
    }
    if let (Some(role), Some(region)) = (&mut access.role, &access.region) {
        if role.mfa.is_some() {
            let message = "a role that takes a code is assumed once, and publishing takes a session of its own";
            return Err(Error::new(Exit::Usage, message)
                .hint("`fleet docs publish` first, then run without --publish"));
        }
        let wanted = args.session_policy.as_ref().unwrap_or(&SessionPolicy::Plan);
        let purpose = Purpose::Documents { published };
        role.policy = session::policy(wanted, &role.arn, region, purpose, terminal)?;
    }
    Ok(Aws::connect(&access).await?)
}

/// Connects on a way that is prepared.
pub(in crate::cli) async fn establish(
    prepared: Prepared,
    purpose: Purpose<'_>,
    terminal: &mut Terminal,
) -> Result<Connection, Error> {
    let Prepared { mut access, args, settings, pace, speed, sim } = prepared;
    if access.role.is_some() && access.region.is_none() {
        access.region = Some(aws::region(&access).await?);
    }
    let wanted = args.session_policy.as_ref().unwrap_or(&SessionPolicy::Plan);
    let (mut sender, mut again, mut narrowing) = (None, None, None);
    if let (Some(role), Some(region)) = (&mut access.role, &access.region) {
        let is_narrowed = *wanted == SessionPolicy::Plan;
        let open = purpose.open().filter(|it| is_narrowed || *it == Open::Runs);
        let purpose = match open {
            Some(Open::Runs) if role.mfa.is_some() => {
                return Err(session::one_code());
            }
            Some(open) if role.mfa.is_some() => {
                terminal.note(open.without_a_second_code());
                purpose
            }
            // The role's own permissions, or a policy of the user's, hold for every run.
            Some(_) if !is_narrowed => Purpose::Read,
            Some(open) => {
                sender = Some((role.arn.clone(), region.clone()));
                again = sender.clone().filter(|_| open == Open::Runs);
                Purpose::Read
            }
            None => purpose,
        };
        role.policy = session::policy(wanted, &role.arn, region, purpose, terminal)?;
        if is_narrowed {
            let other = (role.arn.clone(), region.clone());
            let passed = purpose.role().map(ToOwned::to_owned);
            let other = Some(other).filter(|_| role.mfa.is_none());
            narrowing = Some((purpose.kind(), passed, other));
        }
    }
    let aws = Aws::connect(&access).await?;
    let sender_of =
        |(role_arn, region)| Sender { access: access.clone(), role_arn, region, wider: None };
    let narrowing =
        narrowing.map(|(kind, role, other)| Narrowing { kind, role, other: other.map(sender_of) });
    let sender = sender.map(sender_of);
    Ok(Connection { aws, pace, speed, settings, sender, narrowing, access, again, _sim: sim })
}
