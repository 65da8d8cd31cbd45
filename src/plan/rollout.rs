//! How a plan is cut into waves: sizes, zones, and who goes first.
//! It knows no randomness but its seed, so that a plan can be made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    limits::{BadLimit, Limit, Limits},
    target::Target,
    wave::Wave,
};

/// How the population is reached: all at once, or in waves. The default is one wave of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Cumulative sizes as typed; the last step repeats until everybody is covered. None: one wave.
    pub waves: Vec<Limit>,
    /// Each zone is finished before the next one starts, in order of name.
    pub by_zone: bool,
    /// Seconds between the end of a wave and the start of the next.
    pub pause: Option<u64>,
    /// Nothing is sent after this wave, counted from 1.
    pub stop_after_wave: Option<u32>,
    /// Errors allowed within a wave, besides those allowed to the whole run.
    pub max_errors_per_wave: Option<Limit>,
    /// Decides who goes first; from the run id.
    pub seed: u64,
}

/// Sizes that are not steps of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWaves {
    #[error(transparent)]
    Size(#[from] BadLimit),
    #[error(
        "{next} follows {one}: sizes are cumulative, so each is larger than the one before, and \
         the last repeats by itself"
    )]
    NotGrowing { one: Limit, next: Limit },
}

/// A step to fewer instances than the share before it, as it turns out for this group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{next} follows {one} in --waves, which is {reached} of these instances: sizes are cumulative, \
     so each is larger than the one before"
)]
pub struct ShrinkingWave {
    pub one: Limit,
    pub reached: u32,
    pub next: u32,
}

impl Rollout {
    /// Parses `--waves`: sizes with commas between them, each a number or a share, and each larger
    /// than the one before where the two can be compared.
    pub fn parse_waves(text: &str) -> Result<Vec<Limit>, BadWaves> {
        let parse = |it: &str| Limit::parse_concurrency(it.trim());
        let steps = text.split(',').map(parse).collect::<Result<Vec<_>, _>>()?;
        for (at, next) in steps.iter().enumerate() {
            let shrinks = |one: &&Limit| match (**one, *next) {
                (Limit::Count(one), Limit::Count(next)) => one >= next,
                (Limit::Percent(one), Limit::Percent(next)) => one >= next,
                // A share is at least one instance. Otherwise it depends on the group which of a
                // number and a share is the larger.
                (Limit::Percent(_), Limit::Count(next)) => next <= 1,
                (Limit::Count(_), Limit::Percent(_)) => false,
            };
            if let Some(one) = steps[..at].iter().rev().find(shrinks) {
                return Err(BadWaves::NotGrowing { one: *one, next: *next });
            }
        }
        Ok(steps)
    }

    /// Returns the first step to a number that is not beyond what the share before it is of
    /// `planned`, or of a zone of them. A share that is no larger than what was reached before it
    /// is one of a small group, and no mistake.
    pub(super) fn shrinking(&self, planned: &[Target]) -> Option<ShrinkingWave> {
        let zones = by_zone(planned.iter().collect());
        let sizes: Vec<usize> = match self.by_zone {
            true => zones.values().map(Vec::len).collect(),
            false => vec![planned.len()],
        };
        sizes.into_iter().find_map(|it| self.shrinking_of(it))
    }

    fn shrinking_of(&self, population: usize) -> Option<ShrinkingWave> {
        let population = u32::try_from(population).unwrap_or(u32::MAX);
        let mut reached = 0;
        for (at, step) in self.waves.iter().enumerate() {
            let before = at.checked_sub(1).map(|it| self.waves[it]);
            if let (Some(one @ Limit::Percent(_)), Limit::Count(next)) = (before, *step)
                && next <= reached
            {
                return Some(ShrinkingWave { one, reached, next });
            }
            reached = step.resolve_errors(population).max(reached + 1).min(population.max(1));
        }
        None
    }

    /// Returns whether it asks for waves, which only a population that is listed can be cut into.
    pub fn has_waves(&self) -> bool {
        self.by_zone || !matches!(self.waves[..], [] | [Limit::Percent(100)])
    }

    /// Cuts `planned` into waves. One wave keeps the order; several have the order of a shuffle
    /// by the seed, with the zones taking turns.
    pub(super) fn cut(&self, planned: &[Target]) -> Vec<Wave> {
        let zones = if self.by_zone {
            by_zone(planned.iter().collect()).into_iter().collect()
        } else {
            vec![(None, planned.iter().collect::<Vec<_>>())]
        };
        let mut waves = Vec::new();
        for (zone, targets) in zones {
            let mut order = self.order(targets).into_iter();
            let zone = zone.filter(|_| self.by_zone);
            for size in sizes(&self.waves, order.len()) {
                let instances: Vec<_> = order.by_ref().take(size).map(|it| it.id.clone()).collect();
                waves.push(self.wave(waves.len(), zone, instances));
            }
        }
        if let [] | [_] = waves[..] {
            let zone = waves.pop().and_then(|it| it.zone);
            let instances = planned.iter().map(|it| it.id.clone()).collect();
            waves = vec![self.wave(0, zone.as_deref(), instances)];
        }
        waves
    }

    fn wave(&self, at: usize, zone: Option<&str>, instances: Vec<super::InstanceId>) -> Wave {
        let n_instances = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        let max_errors = self.max_errors_per_wave.and_then(|it| match it {
            // Nobody is listed yet: a share of them cannot be told.
            Limit::Percent(_) if instances.is_empty() => None,
            it => Some(it.resolve_errors(n_instances)),
        });
        let index = u32::try_from(at + 1).unwrap_or(u32::MAX);
        Wave { index, instances, zone: zone.map(ToOwned::to_owned), max_errors }
    }

    /// Orders by a shuffle, with the zones taking turns, so that a wave touches them evenly. It
    /// does not depend on the order in which the instances were listed.
    fn order<'a>(&self, mut targets: Vec<&'a Target>) -> Vec<&'a Target> {
        targets.sort_by(|one, other| one.id.cmp(&other.id));
        fastrand::Rng::with_seed(self.seed).shuffle(&mut targets);
        let mut turns: Vec<(usize, usize, &Target)> = Vec::with_capacity(targets.len());
        // The zone whose instance comes first has the first turn, not the first by name.
        let mut zones: BTreeMap<Option<&str>, (usize, usize)> = BTreeMap::new();
        for target in targets {
            let n_zones = zones.len();
            let (rank, n_taken) = zones.entry(target.zone.as_deref()).or_insert((n_zones, 0));
            turns.push((*n_taken, *rank, target));
            *n_taken += 1;
        }
        turns.sort_by_key(|(turn, rank, _)| (*turn, *rank));
        turns.into_iter().map(|(_, _, target)| target).collect()
    }

    /// Returns how many of `waves` may start.
    fn n_allowed(&self, waves: &[Wave]) -> usize {
        self.stop_after_wave.map_or(waves.len(), |it| waves.len().min(it as usize))
    }

    /// Returns how many can fail before the run has stopped, for whichever wave is the worst.
    ///
    /// The waves before have at most their own budgets of errors, and everything that runs when
    /// the budget of a wave or of the run is spent may still add its own.
    pub(super) fn worst_case(&self, limits: &Limits, waves: &[Wave]) -> Option<u32> {
        let slots = limits.max_concurrency.resolved?;
        let errors = limits.max_errors.resolved?;
        limits.worst_case_failures?;
        let (mut before, mut worst) = (0_u32, 0);
        for wave in waves.iter().take(self.n_allowed(waves)) {
            let size = u32::try_from(wave.instances.len()).unwrap_or(u32::MAX);
            let running = slots.min(size);
            let allowed = wave.max_errors.unwrap_or(size).min(size);
            let within = before.saturating_add(size.min(allowed.saturating_add(running)));
            worst = worst.max(within.min(errors.saturating_add(running)));
            before = before.saturating_add(allowed);
        }
        Some(worst)
    }
}

fn by_zone(targets: Vec<&Target>) -> BTreeMap<Option<&str>, Vec<&Target>> {
    let mut zones: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for target in targets {
        zones.entry(target.zone.as_deref()).or_default().push(target);
    }
    zones
}

/// Returns the sizes of the waves over `population` instances.
fn sizes(steps: &[Limit], population: usize) -> Vec<usize> {
    let all = u32::try_from(population).unwrap_or(u32::MAX);
    let mut sizes = Vec::new();
    let mut done = 0;
    for step in steps {
        if done == population {
            return sizes;
        }
        let reached = (step.resolve_errors(all) as usize).max(done + 1).min(population);
        sizes.push(reached - done);
        done = reached;
    }
    let step = sizes.last().copied().unwrap_or(population).max(1);
    while done < population {
        let size = step.min(population - done);
        sizes.push(size);
        done += size;
    }
    sizes
}

#[cfg(test)]
mod tests;
