//! Compares one value of a request with one value of a policy.
//! It does not know whether the operator around it is negated or quantified.

use std::net::IpAddr;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{condition::parse_bool, context::Context, pattern::Pattern, policy::Version};

/// The kinds of comparison, each with its negation outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    TextIgnoringCase,
    Like,
    Arn,
    Bool,
    Ip,
    Number(Order),
    Date(Order),
}

/// What a value of the request has to be beside the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A comparison with a value of a policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Text(Pattern),
    TextIgnoringCase(Pattern),
    Arn(Pattern),
    Bool(bool),
    Ip(Network),
    Number(Order, f64),
    Date(Order, Timestamp),
}

impl Family {
    /// Reads a value of a policy. Policy variables are for strings and ARNs only (IAM reference).
    pub(super) fn test(self, value: &str, version: Version) -> Result<Test, String> {
        Ok(match self {
            Self::Text => Test::Text(Pattern::parse(value, version.plain())?),
            Self::TextIgnoringCase => {
                Test::TextIgnoringCase(Pattern::parse(value, version.plain())?)
            }
            Self::Like => Test::Text(Pattern::parse(value, version.globbing())?),
            Self::Arn => Test::Arn(Pattern::parse(value, version.globbing())?),
            Self::Bool => Test::Bool(parse_bool(value)?),
            Self::Ip => Test::Ip(Network::parse(value).ok_or(format!("{value:?} is no network"))?),
            Self::Number(order) => {
                Test::Number(order, parse_number(value).ok_or(format!("{value:?} is no number"))?)
            }
            Self::Date(order) => {
                Test::Date(order, parse_date(value).ok_or(format!("{value:?} is no date"))?)
            }
        })
    }
}

impl Test {
    /// Returns the pattern that it compares with, if it is one of text.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Text(it) | Self::TextIgnoringCase(it) | Self::Arn(it) => Some(it),
            Self::Bool(_) | Self::Ip(_) | Self::Number(..) | Self::Date(..) => None,
        }
    }

    pub(super) fn passes(&self, value: &str, context: &Context) -> bool {
        match self {
            Self::Text(pattern) => pattern.matches(value, context),
            Self::TextIgnoringCase(pattern) => pattern.matches_ignoring_case(value, context),
            Self::Arn(pattern) => pattern.matches_arn(value, context),
            Self::Bool(expected) => parse_bool(value) == Ok(*expected),
            Self::Ip(network) => value.parse().is_ok_and(|it| network.contains(it)),
            Self::Number(order, limit) => {
                parse_number(value).is_some_and(|it| order.holds(&it, limit))
            }
            Self::Date(order, limit) => parse_date(value).is_some_and(|it| order.holds(&it, limit)),
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }
}

/// An address or a CIDR block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |it| it.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|it: &f64| it.is_finite())
}

/// Reads an ISO 8601 time, a date, or seconds since 1970.
fn parse_date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(it) = text.parse() {
        return Some(it);
    }
    // `Date` would also take the date of a time without an offset, and lose the time.
    if text.contains('T') {
        return None;
    }
    let date: Date = text.parse().ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp())
}
