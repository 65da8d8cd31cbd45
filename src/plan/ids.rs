//! Names that come from outside, parsed once at the border.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// An EC2 instance or managed node id: `i-` with 8 or 17 word characters, `mi-` with 17
/// (botocore model of SendCommand.InstanceIds).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct InstanceId(String);

/// What was given instead of an instance id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instance id (i- or mi- and 8 or 17 hexadecimal digits)")]
pub struct NotAnInstanceId(String);

impl InstanceId {
    /// Returns the id in `text`, which must be one as a whole.
    pub fn parse(text: &str) -> Result<Self, NotAnInstanceId> {
        let refused = || NotAnInstanceId(text.to_owned());
        let (digits, lengths): (&str, &[usize]) = match text.strip_prefix("mi-") {
            Some(digits) => (digits, &[17]),
            None => (text.strip_prefix("i-").ok_or_else(refused)?, &[8, 17]),
        };
        let is_word = digits.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        if is_word && lengths.contains(&digits.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(refused())
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = NotAnInstanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A run's name: its UTC start and six hexadecimal digits, so that names sort by time and two
/// runs of one second differ. It is part of the role session name and of every command's comment.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Returns the name of the run that started at `started`; `random` tells runs of one second
    /// apart, and only its low 24 bits are used.
    pub fn new(started: jiff::Timestamp, random: u32) -> Self {
        let stamp = started.strftime("%Y%m%d-%H%M%S");
        Self(format!("{stamp}-{:06x}", random & 0x00ff_ffff))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a number that follows from the name: the seed of what the run leaves to chance. It
    /// has at most 53 bits, so that every reader of JSON gets it whole (FNV-1a).
    pub fn seed(&self) -> u64 {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.0.bytes().fold(0xcbf2_9ce4_8422_2325, step) >> 11
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_has_its_prefix_and_its_length() {
        let check = |text: &str, accepted: bool| {
            assert_eq!(InstanceId::parse(text).is_ok(), accepted, "{text}");
        };
        check("i-0123456789abcdef0", true);
        check("i-01234567", true);
        check("mi-0123456789abcdef0", true);
        check("mi-01234567", false);
        check("i-012345678", false);
        check("i-0123456789abcdef0 ", false);
        check("i-0123456789abcde/0", false);
        check("web", false);
        check("", false);
    }

    #[test]
    fn a_run_id_sorts_by_time() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let first = RunId::new(at("2024-07-19T04:09:00Z"), 0xabcdef);
        assert_eq!(first.as_str(), "20240719-040900-abcdef");
        assert!(first < RunId::new(at("2024-07-19T05:27:00Z"), 0));
    }
}
