//! The way to AWS before anybody is asked there: what flags, files and the environment say of it, and a
//! simulator of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use super::{Context, pinned};
use crate::{
    aws::{self, Access, Fixed, Role, Tempo},
    cli::{
        access::{AccessArgs, SessionPolicy},
        device,
        settings::{Named, Settings},
    },
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::Redaction,
    run::Pace,
    sim::{Execution, Sim, World},
};

/// The way to AWS, before anybody is asked anything there. The simulator lives as long as it.
#[derive(Debug)]
pub(in crate::cli) struct Prepared {
    pub access: Access,
    /// The flags, with what the files say where they say nothing.
    pub args: AccessArgs,
    pub settings: Settings,
    pub(super) pace: Pace,
    /// What every wait is multiplied by: 1 is real time.
    pub speed: f64,
    pub(super) sim: Option<Sim>,
}

impl Prepared {
    /// Returns whether nobody else can reach what this reaches: a simulator of its own.
    pub(in crate::cli) fn is_private(&self) -> bool {
        self.sim.is_some()
    }

    /// Returns whether a role is assumed whose session may do less than the role.
    pub(in crate::cli) fn is_narrowed(&self) -> bool {
        let policy = self.args.session_policy.as_ref().unwrap_or(&SessionPolicy::Plan);
        self.access.role.is_some() && *policy != SessionPolicy::None
    }
}

/// Reads the files, starts the simulator if one is asked for, and asks for a code if one is needed.
pub(in crate::cli) async fn prepare(
    args: &AccessArgs,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Prepared, Error> {
    prepare_under(Settings::load(args)?, args, context, terminal).await
}

/// Does the same under settings that are there already.
pub(in crate::cli) async fn prepare_under(
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
pub(in crate::cli) async fn region(args: &AccessArgs) -> Result<String, Error> {
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
pub(in crate::cli) fn start_sim(path: Option<&Path>, port: u16) -> Result<Sim, Error> {
    let world = match path {
        Some(path) => World::load(path)?,
        None => World::builtin(Execution::RealWherePossible),
    };
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Sim::start(world, bind)?)
}

pub(super) fn session_name(context: &Context) -> String {
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
