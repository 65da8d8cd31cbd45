//! How fast, how far and how long a run goes.

use clap::Args;

use crate::{
    cli::storage::StorageArgs,
    plan::{BadWaves, Limit, Plan, Rollout},
    run::Report,
};

/// How fast, how far, how long.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct LimitArgs {
    /// How many instances may run at once, over the whole run: N or P% [default: 10%]
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_concurrency)]
    pub max_concurrency: Option<Limit>,
    /// How many may fail before the run is stopped: N or P%; everything that is no success counts
    /// [default: 0]
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_errors)]
    pub max_errors: Option<Limit>,
    /// How long SSM tries to reach an instance, such as 10m: 30s to 720h; whoever never answers is
    /// given up when the document's own timeout has passed as well [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_delivery_timeout)]
    pub timeout: Option<u32>,
    /// When to stop sending and cancel what runs, counted from the start in real time, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_deadline)]
    pub deadline: Option<u64>,
    /// Run in waves of these cumulative sizes, such as 1,5%,25%,100%; the last step repeats until
    /// everybody is covered
    #[arg(long, value_name = "N|P%,…", value_parser = steps)]
    pub waves: Option<Steps>,
    /// Finish one availability zone before the next; --waves then holds within each
    #[arg(long)]
    pub by_zone: bool,
    /// Wait this long between two waves, in real time however fast a simulation runs, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_deadline)]
    pub pause: Option<u64>,
    /// Send nothing after wave N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub stop_after_wave: Option<u32>,
    /// How many may fail within one wave before the run is stopped: N or P%
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_errors)]
    pub max_errors_per_wave: Option<Limit>,
    /// Why this is run; kept in the report
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `--waves`.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Steps(Vec<Limit>);

impl From<Vec<Limit>> for Steps {
    fn from(steps: Vec<Limit>) -> Self {
        Self(steps)
    }
}

fn steps(text: &str) -> Result<Steps, BadWaves> {
    Rollout::parse_waves(text).map(Steps)
}

impl LimitArgs {
    pub(in crate::cli) fn max_concurrency(&self) -> Limit {
        self.max_concurrency.unwrap_or(Limit::Percent(10))
    }

    pub(in crate::cli) fn max_errors(&self) -> Limit {
        self.max_errors.unwrap_or(Limit::Count(0))
    }

    /// Seconds.
    pub(in crate::cli) fn timeout(&self) -> u32 {
        self.timeout.unwrap_or(600)
    }

    /// Returns how the population is cut into waves; `seed` decides who goes first.
    pub(in crate::cli) fn rollout(&self, seed: u64) -> Rollout {
        Rollout {
            waves: self.waves.clone().map(|it| it.0).unwrap_or_default(),
            by_zone: self.by_zone,
            pause: self.pause,
            stop_after_wave: self.stop_after_wave,
            max_errors_per_wave: self.max_errors_per_wave,
            seed,
        }
    }

    pub(in crate::cli) fn of_plan(plan: &Plan) -> Self {
        let rollout = plan.rollout.clone();
        Self {
            // That there are none was decided, too.
            waves: Some(Steps(rollout.waves)),
            by_zone: rollout.by_zone,
            pause: rollout.pause,
            stop_after_wave: rollout.stop_after_wave,
            max_errors_per_wave: rollout.max_errors_per_wave,
            max_concurrency: Some(plan.limits.max_concurrency.input),
            max_errors: Some(plan.limits.max_errors.input),
            timeout: plan.document.is_delivered().then_some(plan.delivery_timeout),
            deadline: plan.deadline,
            reason: plan.reason.clone(),
            storage: StorageArgs::of(&plan.outputs),
        }
    }

    /// Returns whether any of them was given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.rollout(0) != Rollout::default()
            || self.max_concurrency.is_some()
            || self.max_errors.is_some()
            || self.timeout.is_some()
            || self.deadline.is_some()
            || self.reason.is_some()
            || self.storage.is_given()
    }

    /// Returns these limits, and those of an earlier run where none was given.
    pub(in crate::cli) fn or_those_of(&self, before: &Report) -> Self {
        let limits = &before.limits;
        Self {
            max_concurrency: self.max_concurrency.or(Some(limits.max_concurrency.input)),
            max_errors: self.max_errors.or(Some(limits.max_errors.input)),
            reason: self.reason.clone().or_else(|| before.run.reason.clone()),
            storage: self.storage.or_those_of(&before.outputs),
            ..self.clone()
        }
    }
}
