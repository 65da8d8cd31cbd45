//! What a document declares beyond what SSM has a place for: how its findings are read, and how it
//! is rolled out unless somebody says otherwise. `documents/README.md` describes the file.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{limits::Limit, rollout::Rollout};

/// The declarations of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sidecar {
    pub version: String,
    /// It may change the instance.
    pub changes: bool,
    /// What its reader should know before it is sent, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    pub findings: Option<FindingFormat>,
    #[serde(default)]
    pub rollout: RolloutDefaults,
}

/// How to read what a document prints as findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Values that no two instances should share.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub unique: Vec<ValuePath>,
    /// What each exit code says.
    #[serde(default)]
    pub exit: BTreeMap<String, String>,
}

impl FindingFormat {
    /// Returns what is wrong with it, if anything is.
    pub fn fault(&self) -> Option<String> {
        let is_unknown = |it: &&String| !self.verdicts.is_empty() && !self.verdicts.contains(it);
        if let Some(it) = self.good.iter().find(is_unknown) {
            return Some(format!("`{it}` is good, and is none of its verdicts"));
        }
        let code = self.exit.keys().find(|it| it.parse::<i32>().is_err())?;
        Some(format!("`{code}` is not an exit code"))
    }

    /// Returns whether it declares this verdict.
    pub fn knows(&self, verdict: &str) -> bool {
        self.verdicts.iter().any(|it| it == verdict)
    }

    /// Returns what this exit code says.
    pub fn says(&self, code: i32) -> Option<&str> {
        self.exit.get(&code.to_string()).map(String::as_str)
    }
}

/// Where values stand in a JSON object: names with dots between them, each with `[]` behind it
/// where it is a list, as in `host_keys[].sha256`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValuePath(Vec<Step>);

/// One name of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    /// Each element of the list of this name.
    Each(String),
}

/// A text is not a path of values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path such as host_keys[].sha256")]
pub struct NotAPath(String);

impl ValuePath {
    /// Returns the texts and numbers that stand there.
    pub fn values(&self, object: &serde_json::Value) -> Vec<String> {
        let mut found = vec![object];
        for step in &self.0 {
            found = match step {
                Step::Member(name) => found.iter().filter_map(|it| it.get(name)).collect(),
                Step::Each(name) => {
                    let lists = found.iter().filter_map(|it| it.get(name)?.as_array());
                    lists.flatten().collect()
                }
            };
        }
        let text = |it: &serde_json::Value| match it {
            serde_json::Value::String(it) if !it.is_empty() => Some(it.clone()),
            serde_json::Value::Number(it) => Some(it.to_string()),
            _ => None,
        };
        found.into_iter().filter_map(text).collect()
    }
}

impl FromStr for ValuePath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let step = |it: &str| {
            let (name, is_list) = it.strip_suffix("[]").map_or((it, false), |it| (it, true));
            let is_name = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
            let is_sound = !name.is_empty() && name.bytes().all(is_name);
            let of = if is_list { Step::Each } else { Step::Member };
            is_sound.then(|| of(name.to_owned()))
        };
        let steps: Option<Vec<Step>> = text.split('.').map(step).collect();
        steps.map(Self).ok_or_else(|| NotAPath(text.to_owned()))
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match step {
                Step::Member(name) => write!(f, "{dot}{name}")?,
                Step::Each(name) => write!(f, "{dot}{name}[]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for ValuePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ValuePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How a document is rolled out unless a flag says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RolloutDefaults {
    /// As `--waves` takes them; none: one wave.
    #[serde(serialize_with = "written", deserialize_with = "read")]
    #[schemars(with = "String")]
    pub waves: Vec<Limit>,
    /// The most instances of the first wave.
    pub max_first_wave: Option<u32>,
    /// As `--max-errors` takes it.
    #[schemars(with = "Option<String>")]
    pub max_errors: Option<Limit>,
    /// The document to run afterwards, to see that it worked.
    pub verify: Option<String>,
    /// The parameters that are passed on to it.
    pub verify_parameters: Vec<String>,
    /// The parameters with which nothing is changed.
    pub dry_run: BTreeMap<String, String>,
}

impl RolloutDefaults {
    /// Returns the sizes of the waves, as `--waves` takes them: none is larger than the document
    /// wants its first one to be.
    pub fn steps(&self) -> Vec<Limit> {
        let Some(most) = self.max_first_wave.map(Limit::Count) else { return self.waves.clone() };
        match (self.waves.first(), most) {
            (None, most) => vec![most, Limit::Percent(100)],
            (Some(Limit::Count(first)), Limit::Count(most)) if *first <= most => self.waves.clone(),
            // What a share of the population comes to is not known here.
            (Some(_), most) => {
                let larger = |it: &&Limit| match (it, most) {
                    (Limit::Count(it), Limit::Count(most)) => *it > most,
                    _ => true,
                };
                std::iter::once(most).chain(self.waves.iter().filter(larger).copied()).collect()
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wave_is_never_larger_than_the_document_wants() {
        let check = |waves: &str, most, expected: &str| {
            let waves = match waves {
                "" => Vec::new(),
                waves => Rollout::parse_waves(waves).unwrap(),
            };
            let defaults = RolloutDefaults { waves, max_first_wave: most, ..Default::default() };
            let steps: Vec<_> = defaults.steps().iter().map(ToString::to_string).collect();
            assert_eq!(steps.join(","), expected);
            assert!(steps.is_empty() || Rollout::parse_waves(&steps.join(",")).is_ok());
        };
        check("", None, "");
        check("1,10%,100%", None, "1,10%,100%");
        check("1,10%,100%", Some(1), "1,10%,100%");
        check("10%,100%", Some(2), "2,10%,100%");
        check("5,10", Some(2), "2,5,10");
        check("", Some(3), "3,100%");
    }

    #[test]
    fn a_path_finds_texts_and_numbers_in_lists_and_objects() {
        let check = |path: &str, expected: &[&str]| {
            let json = r#"{"id":"a","keys":[{"sum":"x"},{"sum":7},{"sum":null},{}],"in":{"n":1}}"#;
            let path: ValuePath = path.parse().unwrap();
            assert_eq!(path.values(&serde_json::from_str(json).unwrap()), expected, "{path}");
        };
        check("id", &["a"]);
        check("keys[].sum", &["x", "7"]);
        check("in.n", &["1"]);
        check("keys.sum", &[]);
        check("id[].sum", &[]);
        check("nowhere", &[]);
        for it in ["", ".", "a..b", "a[]b", "a[0]", "$.a", "a b"] {
            assert!(it.parse::<ValuePath>().is_err(), "{it}");
        }
    }
}
