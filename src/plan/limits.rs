//! How many instances may run at once and how many may fail, as typed and as integers.
//! Percentages are resolved here, and nowhere else.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The largest absolute limit: SendCommand takes at most seven characters (botocore model).
const LARGEST: u32 = 9_999_999;

/// A number of instances, or a share of the population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Count(u32),
    /// 0 to 100.
    Percent(u8),
}

/// Why a limit was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct BadLimit {
    text: String,
    wanted: &'static str,
}

impl Limit {
    /// Parses `--max-concurrency`: 1 to 9999999, or 1% to 100%. Zero would run nothing.
    pub fn parse_concurrency(text: &str) -> Result<Self, BadLimit> {
        let wanted = "a whole number from 1 to 9999999 or a percentage from 1% to 100%";
        match Self::parse(text) {
            Some(Self::Count(0) | Self::Percent(0)) | None => {
                Err(BadLimit { text: text.to_owned(), wanted })
            }
            Some(it) => Ok(it),
        }
    }

    /// Parses `--max-errors`: 0 to 9999999, or 0% to 100%.
    pub fn parse_errors(text: &str) -> Result<Self, BadLimit> {
        let wanted = "a whole number from 0 to 9999999 or a percentage from 0% to 100%";
        Self::parse(text).ok_or(BadLimit { text: text.to_owned(), wanted })
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        // SSM's patterns know neither signs nor leading zeros; `parse` alone would take both.
        let is_plain = !digits.is_empty()
            && digits.bytes().all(|it| it.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        let number: u32 = digits.parse().ok().filter(|_| is_plain)?;
        if digits.len() == text.len() {
            (number <= LARGEST).then_some(Self::Count(number))
        } else {
            u8::try_from(number).ok().filter(|it| *it <= 100).map(Self::Percent)
        }
    }

    /// Returns the slots among `population` instances: a share is rounded down, and at least 1.
    pub fn resolve_concurrency(self, population: u32) -> u32 {
        self.resolve(population).max(1)
    }

    /// Returns the errors allowed among `population` instances: a share is rounded down.
    pub fn resolve_errors(self, population: u32) -> u32 {
        self.resolve(population)
    }

    // 10 % of 50 allows five errors and stops at the sixth (SendCommand reference). How AWS
    // rounds 10 % of 7 is UNVERIFIED; rounding down is the side that stops earlier.
    fn resolve(self, population: u32) -> u32 {
        match self {
            Self::Count(it) => it,
            Self::Percent(share) => {
                let share = u64::from(population) * u64::from(share) / 100;
                u32::try_from(share).expect("a share of at most 100% is no larger than the whole")
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(it) => write!(f, "{it}"),
            Self::Percent(it) => write!(f, "{it}%"),
        }
    }
}

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_errors(text)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A limit as typed and what it means for this population. `resolved` is absent while the
/// population is not known, which happens under a role that may not list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    #[schemars(with = "String", regex(pattern = r"^[0-9]{1,7}%?$"))]
    pub input: Limit,
    pub resolved: Option<u32>,
}

/// The limits of a whole run, over its waves and commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    pub max_concurrency: Bound,
    pub max_errors: Bound,
    /// How many instances can fail before the run has stopped: the budget and everything that was
    /// running when it was spent (SSM guide: running invocations complete and may add failures).
    pub worst_case_failures: Option<u32>,
}

impl Limits {
    /// Resolves both limits over `population` instances; `None` where it is not known.
    pub fn resolve(max_concurrency: Limit, max_errors: Limit, population: Option<u32>) -> Self {
        let known = |limit: Limit| match (limit, population) {
            (Limit::Count(it), None) => Some(it),
            (_, Some(population)) => Some(limit.resolve(population)),
            (Limit::Percent(_), None) => None,
        };
        // More slots than instances would say nothing.
        let most = population.unwrap_or(LARGEST).max(1);
        let slots = known(max_concurrency).map(|it| it.clamp(1, most));
        let errors = known(max_errors);
        let worst_case_failures = population
            .zip(slots.zip(errors))
            .map(|(population, (slots, errors))| population.min(slots.saturating_add(errors)));
        Self {
            max_concurrency: Bound { input: max_concurrency, resolved: slots },
            max_errors: Bound { input: max_errors, resolved: errors },
            worst_case_failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_what_ssm_takes() {
        let check = |text: &str, concurrency: Option<Limit>, errors: Option<Limit>| {
            assert_eq!(Limit::parse_concurrency(text).ok(), concurrency, "{text}");
            assert_eq!(Limit::parse_errors(text).ok(), errors, "{text}");
        };
        let both = |it| (Some(it), Some(it));
        for (text, (concurrency, errors)) in [
            ("1", both(Limit::Count(1))),
            ("9999999", both(Limit::Count(9_999_999))),
            ("1%", both(Limit::Percent(1))),
            ("100%", both(Limit::Percent(100))),
            ("0", (None, Some(Limit::Count(0)))),
            ("0%", (None, Some(Limit::Percent(0)))),
        ] {
            check(text, concurrency, errors);
        }
        let refused = ["", "%", "101%", "1.5", "abc", "-1", "+1", "05", "05%", "10000000", " 1"];
        for text in refused.into_iter().chain(["1 %", "99999999999999"]) {
            check(text, None, None);
        }
    }

    #[test]
    fn a_refused_limit_names_what_was_given_and_what_is_wanted() {
        assert_eq!(
            Limit::parse_concurrency("0").unwrap_err().to_string(),
            "`0` is not a whole number from 1 to 9999999 or a percentage from 1% to 100%"
        );
    }

    #[test]
    fn a_share_is_rounded_down_and_runs_at_least_one() {
        let check = |share, population, slots, errors| {
            let limit = Limit::Percent(share);
            assert_eq!(limit.resolve_concurrency(population), slots, "{share}% of {population}");
            assert_eq!(limit.resolve_errors(population), errors, "{share}% of {population}");
        };
        check(10, 50, 5, 5);
        check(10, 7, 1, 0);
        check(100, 7, 7, 7);
        check(0, 7, 1, 0);
        check(99, 1, 1, 0);
    }

    #[test]
    fn the_worst_case_is_the_budget_and_what_is_running() {
        let check = |slots, errors, population, worst| {
            let limits = Limits::resolve(slots, errors, Some(population));
            assert_eq!(limits.worst_case_failures, Some(worst));
        };
        check(Limit::Count(2), Limit::Count(0), 20, 2);
        check(Limit::Percent(10), Limit::Count(2), 100, 12);
        check(Limit::Count(50), Limit::Count(5), 20, 20);
    }
}
