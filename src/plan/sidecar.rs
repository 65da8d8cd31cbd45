//! What a document declares beyond what SSM has a place for: how its findings are read, and how it
//! is rolled out unless somebody says otherwise. `documents/README.md` describes the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{limits::Limit, rollout::Rollout};

/// The declarations of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    pub version: String,
    /// It may change the instance.
    pub changes: bool,
    pub findings: Option<FindingFormat>,
    #[serde(default)]
    pub rollout: RolloutDefaults,
}

/// How to read what a document prints as findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingFormat {
    /// The `schema` that the output carries, such as `fleet.sshd/1`.
    pub schema: String,
    /// What the findings are about, as the recap calls it: `sshd`.
    pub subject: String,
    /// Every verdict there is, the best first.
    #[serde(default)]
    pub verdicts: Vec<String>,
    /// The verdicts that need nothing done.
    #[serde(default)]
    pub good: Vec<String>,
    /// Values that no two instances should share, as in `host_keys[].sha256`.
    #[serde(default)]
    pub unique: Vec<String>,
    /// What each exit code says.
    #[serde(default)]
    pub exit: BTreeMap<String, String>,
}

/// How a document is rolled out unless a flag says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutDefaults {
    /// As `--waves` takes them; none: one wave.
    #[serde(serialize_with = "written", deserialize_with = "read")]
    pub waves: Vec<Limit>,
    /// The most instances of the first wave.
    pub max_first_wave: Option<u32>,
    /// As `--max-errors` takes it.
    pub max_errors: Option<Limit>,
    /// The document to run afterwards, to see that it worked.
    pub verify: Option<String>,
    /// The parameters that are passed on to it.
    pub verify_parameters: Vec<String>,
    /// The parameters with which nothing is changed.
    pub dry_run: BTreeMap<String, String>,
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Limit>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // What is written where there are none.
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Rollout::parse_waves(&text).map_err(D::Error::custom)
}

fn written<S: Serializer>(waves: &[Limit], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&waves.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}
