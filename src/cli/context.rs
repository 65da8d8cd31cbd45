//! What a command finds around it: the time, the seed, the simulator, the way to AWS.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    access::{AccessArgs, SessionPolicy},
    device,
    session::{self, Narrowing, Open, Purpose, Sender},
    settings::{Named, Settings},
};
use crate::{
    aws::{self, Access, Aws, Fixed, Role, Tempo},
    error::Error,
    exit::Exit,
    output::{History, Terminal, state_dir},
    plan::{Plan, Redaction, RunId},
    run::Pace,
    sim::{Execution, Sim, World},
};

/// The time and the randomness of one command, which tests pin by FLEET_NOW and FLEET_SEED.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub now: Timestamp,
    pub run_id: RunId,
    is_pinned: bool,
}

impl Context {
    /// # Errors
    /// If FLEET_NOW or FLEET_SEED is set and cannot be read.
    pub(super) fn from_env() -> Result<Self, Error> {
        let now = pinned("FLEET_NOW", "a timestamp such as 2024-07-19T05:27:00Z")?;
        let seed: Option<u32> = pinned("FLEET_SEED", "a whole number")?;
        let is_pinned = now.is_some();
        let now = now.unwrap_or_else(Timestamp::now);
        let random = seed.unwrap_or_else(|| fastrand::u32(..));
        Ok(Self { now, run_id: RunId::new(now, random), is_pinned })
    }

    /// Returns the context of the run that the same command begins after this one.
    ///
    /// # Errors
    /// As `from_env`.
    pub(super) fn next(&self) -> Result<Self, Error> {
        let it = Self::from_env()?;
        if it.run_id != self.run_id {
            return Ok(it);
        }
        // Both are pinned, and no two runs have one name.
        let seed = pinned::<u32>("FLEET_SEED", "a whole number")?.unwrap_or_default();
        Ok(Self { run_id: RunId::new(it.now, seed.wrapping_add(1)), ..it })
    }

    /// Returns what tells the time: by the clock, or always what FLEET_NOW says.
    pub(super) fn clock(&self) -> impl Fn() -> Timestamp + use<> {
        let pinned = self.is_pinned.then_some(self.now);
        move || pinned.unwrap_or_else(Timestamp::now)
    }

    /// Returns the time at which a run starts: planning, and the operator's answer, are over.
    pub(super) fn started(&self) -> Timestamp {
        if self.is_pinned { self.now } else { Timestamp::now() }
    }
}

fn pinned<T: std::str::FromStr>(name: &str, wanted: &str) -> Result<Option<T>, Error> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    match text.parse() {
        Ok(it) => Ok(Some(it)),
        Err(_) => Err(Error::new(Exit::Usage, format!("{name} is `{text}`, not {wanted}"))),
    }
}

/// Returns the runs of this machine.
pub(super) fn history() -> Result<History, Error> {
    Ok(History::of(&state_directory()?))
}

/// Returns where fleet keeps its state.
pub(super) fn state_directory() -> Result<PathBuf, Error> {
    state_dir(|name| std::env::var_os(name)).ok_or_else(|| {
        Error::new(Exit::Setup, "there is no directory for the ledger")
            .hint("set XDG_STATE_HOME or HOME")
    })
}

/// AWS, or a simulated one that lives as long as this value.
#[derive(Debug)]
pub(super) struct Connection {
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

impl Prepared {
    /// Returns whether nobody else can reach what this reaches: a simulator of its own.
    pub(super) fn is_private(&self) -> bool {
        self.sim.is_some()
    }
}

impl Connection {
    /// Returns whether nobody else can reach what this reaches: a simulator of its own.
    pub(super) fn is_private(&self) -> bool {
        self._sim.is_some()
    }

    /// Exchanges a session that only reads for one that may send what the plan says, to whom it
    /// says: its document, and its groups by their names.
    ///
    /// # Errors
    /// If the policy would be too long, or the role is not assumed a second time.
    pub(super) async fn let_send(
        &mut self,
        plan: &Plan,
        groups: &[String],
        terminal: &mut Terminal,
    ) -> Result<(), Error> {
        if let Some(narrowing) = &mut self.narrowing
            && narrowing.kind != plan.document.kind()
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
    pub(super) async fn begin_again(&mut self, context: &Context) -> Result<(), Error> {
        if let Some(role) = &mut self.access.role {
            role.session_name = session_name(context);
        }
        self.aws = Aws::connect(&self.access).await?;
        let access = self.access.clone();
        self.sender =
            self.again.clone().map(|(role_arn, region)| Sender { access, role_arn, region });
        Ok(())
    }

    /// Refuses a runbook that the role's session, which is narrowed to starting it, could not carry
    /// out.
    pub(super) fn admit(&self, plan: &Plan) -> Result<(), Error> {
        match &self.narrowing {
            Some(it) => it.admit(plan),
            None => Ok(()),
        }
    }

    /// Refuses to touch an earlier run with credentials of another account, or where it is not.
    pub(super) fn require_home_of(
        &self,
        account: Option<&str>,
        is_simulated: bool,
    ) -> Result<(), Error> {
        if is_simulated && !self.is_private() {
            let message = "the run was on a simulator of its own, which is gone";
            return Err(Error::new(Exit::Setup, message)
                .hint("`fleet sim` serves one that outlives its runs"));
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

/// The way to AWS, before anybody is asked anything there. The simulator lives as long as it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub access: Access,
    /// The flags, with what the files say where they say nothing.
    pub args: AccessArgs,
    pub settings: Settings,
    pace: Pace,
    /// What every wait is multiplied by: 1 is real time.
    pub speed: f64,
    sim: Option<Sim>,
}

/// Connects as the flags say, starting the simulator first if they ask for it.
pub(super) async fn connect_for(
    args: &AccessArgs,
    context: &Context,
    purpose: Purpose<'_>,
    terminal: &mut Terminal,
) -> Result<Connection, Error> {
    establish(prepare(args, context, terminal).await?, purpose, terminal).await
}

/// Connects for `published` alone, beside the connection that `prepared` is for.
pub(super) async fn connect_beside(
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
pub(super) async fn establish(
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
                let message =
                    "--then takes a session of its own, and a code of the device opens one";
                return Err(Error::new(Exit::Usage, message)
                    .hint("leave --then out, and run its document with the next code"));
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
            narrowing = Some((purpose.kind(), Some(other).filter(|_| role.mfa.is_none())));
        }
    }
    let aws = Aws::connect(&access).await?;
    let sender_of = |(role_arn, region)| Sender { access: access.clone(), role_arn, region };
    let narrowing = narrowing.map(|(kind, other)| Narrowing { kind, other: other.map(sender_of) });
    let sender = sender.map(sender_of);
    Ok(Connection { aws, pace, speed, settings, sender, narrowing, access, again, _sim: sim })
}

/// Reads the files, starts the simulator if one is asked for, and asks for a code if one is needed.
pub(super) async fn prepare(
    args: &AccessArgs,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Prepared, Error> {
    prepare_under(Settings::load(args)?, args, context, terminal).await
}

/// Does the same under settings that are there already.
pub(super) async fn prepare_under(
    settings: Settings,
    args: &AccessArgs,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Prepared, Error> {
    let (mut args, named) = settings.access(args)?;
    let sim = match &args.sim {
        None => None,
        Some(world) => Some(start_sim(world.as_deref(), 0)?),
    };
    let speed = sim.as_ref().map_or(1.0, Sim::speed);
    for notice in sim.iter().flat_map(Sim::notices) {
        terminal.note(&notice);
    }
    refuse_empty_endpoints()?;
    let factor: Option<f64> = pinned("FLEET_PACE", "a number, such as 0.1")?;
    let factor = factor.unwrap_or(1.0 / speed);
    if !(factor.is_finite() && factor > 0.0) {
        let message = format!("FLEET_PACE is `{factor}`, not a number above 0");
        return Err(Error::new(Exit::Usage, message));
    }
    let redaction = settings.redaction(&args);
    if sim.is_none() {
        device::follow_profile(&mut args, terminal).await?;
    }
    if let (None, Some(flag)) = (&args.role_arn, args.role_flag()) {
        let message = format!("{flag} says how to assume a role, and none was named");
        return Err(Error::new(Exit::Usage, message).hint("pass --role-arn ARN"));
    }
    let mut access = access(&args, context, sim.as_ref(), factor, &redaction);
    if let Some(role) = &mut access.role {
        role.within_account = named != Named::ByTheUser;
        role.mfa = device::code(&args, terminal).await?;
    }
    Ok(Prepared {
        access,
        args,
        settings,
        pace: Pace::default().scaled(factor),
        speed: factor,
        sim,
    })
}

/// Returns the region that a connection would have, without making one.
pub(super) async fn region(args: &AccessArgs) -> Result<String, Error> {
    let (args, _) = Settings::load(args)?.access(args)?;
    let access = Access { region: args.region, profile: args.profile, ..Access::default() };
    Ok(aws::region(&access).await?)
}

/// An endpoint variable that is set and empty, as a script leaves it that lacks a value, makes the
/// SDK panic.
fn refuse_empty_endpoints() -> Result<(), Error> {
    let names = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_STS"];
    for name in names.into_iter().chain(["AWS_ENDPOINT_URL_AUTO_SCALING"]) {
        if std::env::var_os(name).is_some_and(|it| it.is_empty()) {
            let message = format!("{name} is set and empty: unset it, or give it a URL");
            return Err(Error::new(Exit::Usage, message));
        }
    }
    Ok(())
}

/// Starts a simulator on a loopback port (0: any that is free) with the world in `path`, or its own
/// without one.
pub(super) fn start_sim(path: Option<&Path>, port: u16) -> Result<Sim, Error> {
    let world = match path {
        Some(path) => World::load(path)?,
        None => World::builtin(Execution::RealWherePossible),
    };
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Sim::start(world, bind)?)
}

fn session_name(context: &Context) -> String {
    format!("fleet-{}", context.run_id)
}

fn access(
    args: &AccessArgs,
    context: &Context,
    sim: Option<&Sim>,
    factor: f64,
    redaction: &Redaction,
) -> Access {
    let role = args.role_arn.as_ref().map(|arn| Role {
        arn: arn.clone(),
        external_id: args.external_id.clone(),
        session_name: session_name(context),
        duration: args.duration,
        tags: args.session_tag.clone(),
        transitive: args.transitive_tag.clone(),
        source_identity: args.source_identity.clone(),
        ..Role::default()
    });
    let from_env = || Access {
        region: args.region.clone(),
        profile: args.profile.clone(),
        endpoint_url: args.endpoint_url.clone(),
        role: role.clone(),
        fixed: None,
        redaction: redaction.clone(),
        tempo: Tempo { factor, seed: context.run_id.seed() },
    };
    match sim {
        None => from_env(),
        Some(sim) => {
            let (access_key_id, secret_access_key) = sim.credentials();
            Access {
                region: Some(args.region.clone().unwrap_or_else(|| sim.region().to_owned())),
                profile: None,
                endpoint_url: Some(sim.endpoint()),
                fixed: Some(Fixed { access_key_id, secret_access_key }),
                ..from_env()
            }
        }
    }
}
