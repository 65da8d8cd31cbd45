//! What a rescue has the runbook do: the recipes that ship with fleet, and scripts of one's own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::script::{OfflineScript, Unsendable};
use crate::plan::{Online, Platform};

/// The template of the role that the runbook acts as, and of its operators' policy.
pub const ROLE_TEMPLATE: &str = include_str!("../../documents/rescue/role.yaml");

/// A recipe as `documents/rescue/NAME.toml` has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub about: String,
    pub platform: Platform,
    pub online: Online,
    /// What the line begins with by which a script says how it ended.
    pub sentinel: String,
    pub scripts: BTreeMap<String, Variant>,
}

/// One of a recipe's scripts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub about: String,
    /// The words after the sentinel that are a success.
    pub good: Vec<String>,
    /// Whether the instance answers afterwards.
    #[serde(default = "yes")]
    pub answers: bool,
    pub text: String,
}

fn yes() -> bool {
    true
}

/// What is to be done to each root volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Cure {
    /// The recipe's name, or the file's.
    pub name: String,
    pub about: String,
    pub script: OfflineScript,
    /// What the script is for; `None` where nobody says it.
    pub platform: Option<Platform>,
    /// The document that does the same where the agent answers, and tells afterwards whether it has
    /// helped.
    pub online: Option<Online>,
    /// Whether the instance answers afterwards.
    pub answers: bool,
    /// What the line begins with by which the script says how it ended, and the words after it that
    /// are a success.
    pub sentinel: Option<(String, Vec<String>)>,
}

impl Recipe {
    /// Returns the recipe for the channel file 291.
    pub fn crowdstrike() -> Self {
        let text = include_str!("../../documents/rescue/crowdstrike.toml");
        toml::from_str(text).expect("a test reads the recipe")
    }

    /// Returns what the script of this name does; `name` is the recipe's own.
    ///
    /// # Panics
    /// If the recipe has no such script, or one that cannot be sent: a test excludes both.
    pub fn cure(&self, name: &str, script: &str) -> Cure {
        let variant = &self.scripts[script];
        let text = variant.text.trim_start_matches('\n');
        Cure {
            name: name.to_owned(),
            about: variant.about.clone(),
            script: OfflineScript::of(text.as_bytes()).expect("a test encodes the scripts"),
            platform: Some(self.platform.clone()),
            online: Some(self.online.clone()),
            answers: variant.answers,
            sentinel: Some((self.sentinel.clone(), variant.good.clone())),
        }
    }
}

impl Cure {
    /// Returns what a script of one's own does.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn of_script(name: &str, bytes: &[u8]) -> Result<Self, Unsendable> {
        Ok(Self {
            name: name.to_owned(),
            about: "runs a script of your own".to_owned(),
            script: OfflineScript::of(bytes)?,
            platform: None,
            online: None,
            answers: true,
            sentinel: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use regex::Regex;

    use super::*;

    #[test]
    fn every_script_of_the_recipe_can_be_sent_and_says_how_it_ended() {
        let recipe = Recipe::crowdstrike();
        let names: Vec<&str> = recipe.scripts.keys().map(String::as_str).collect();
        assert_eq!(names, ["all-291", "bad-window", "report-only"]);
        for (name, variant) in &recipe.scripts {
            let cure = recipe.cure("crowdstrike", name);
            let last = cure.script.text().lines().last().unwrap();
            assert!(last.starts_with(&format!("\"{} $s n=$n\"", recipe.sentinel)), "{last}");
            for word in &variant.good {
                assert!(cure.script.text().contains(&format!("$s='{word}'")), "{name}: {word}");
            }
        }
        assert!(crate::documents::Canned::find(&recipe.online.document).is_some());
    }

    #[test]
    fn all_291_begins_with_the_command_that_aws_published() {
        let cure = Recipe::crowdstrike().cure("crowdstrike", "all-291");
        let first = "Z2V0LWNoaWxkaXRlbSAtcGF0aCAiJGVudjpFQzJSRVNDVUVfT0ZGTElORV9EUklWRVxXaW5kb3dzXFN5c3RlbTMyXGRyaXZlcnNcQ3Jvd2RTdHJpa2VcIiAtSW5jbHVkZSBDLTAwMDAwMjkxKi5zeXMgLVJlY3Vyc2UgfCBmb3JlYWNoIHsgJF8uRGVsZXRlKCl9";
        let line = cure.script.text().lines().next().unwrap();
        assert_eq!(OfflineScript::of(line.as_bytes()).unwrap().encoded(), first);
        assert!(cure.script.encoded().starts_with(&first[..first.len() - 4]));
    }

    /// .NET counts 100 ns since the year 1 (System.DateTime.Ticks).
    #[test]
    fn the_window_is_that_of_the_statement_to_the_tick() {
        let ticks = |it: &str| {
            let it: Timestamp = it.parse().unwrap();
            (i128::from(it.as_second()) + 62_135_596_800) * 10_000_000
        };
        let window = Regex::new(r"\$t -ge (\d+) -and \$t -lt (\d+)\n").unwrap();
        for name in ["bad-window", "report-only"] {
            let cure = Recipe::crowdstrike().cure("crowdstrike", name);
            let found = window.captures(cure.script.text()).unwrap();
            let bound = |n: usize| found[n].parse::<i128>().unwrap();
            assert_eq!(bound(1), ticks("2024-07-19T04:09:00Z"));
            assert_eq!(bound(2), ticks("2024-07-19T05:27:00Z"));
        }
    }

    #[test]
    fn a_report_deletes_nothing() {
        let cure = Recipe::crowdstrike().cure("crowdstrike", "report-only");
        let deleting = Regex::new(r"(?i)\bri\b|\brm\b|\bdel\b|remove|delete|move").unwrap();
        assert_eq!(deleting.find(cure.script.text()), None);
    }
}
