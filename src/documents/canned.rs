//! The documents under `documents/`, embedded: each exactly as it is published, with its sidecar.

use super::{BadSidecar, hash, sidecar};
use crate::plan::{Platform, Sidecar};

/// A document that ships with fleet.
#[derive(Debug, Clone, Copy)]
pub struct Canned {
    pub name: &'static str,
    /// YAML, byte for byte as the service stores it.
    pub content: &'static str,
    sidecar: &'static str,
}

/// All of them, in the order of their names: every `NAME.yaml` with the `NAME.fleet.toml` beside it,
/// as `build.rs` lists them.
pub const CANNED: &[Canned] = include!(concat!(env!("OUT_DIR"), "/canned.rs"));

impl Canned {
    /// Returns the document of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        CANNED.iter().find(|it| it.name == name)
    }

    /// Returns what it declares beyond what SSM has a place for.
    ///
    /// # Errors
    /// If the sidecar is no sidecar, which a test excludes.
    pub fn sidecar(&self) -> Result<Sidecar, BadSidecar> {
        sidecar(self.sidecar)
    }

    /// Returns the platforms that its steps run on.
    pub fn platforms(&self) -> Vec<Platform> {
        let content = super::content(self.content).unwrap_or_default();
        let steps = content["mainSteps"].as_array().into_iter().flatten();
        let words = steps.filter_map(|it| it["precondition"]["StringEquals"][1].as_str());
        words.map(Platform::parse).collect()
    }

    /// Returns the SHA-256 of its content, in hexadecimal: what the service calls its hash.
    pub fn hash(&self) -> String {
        hash(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Level, lint, parse};

    #[test]
    fn every_document_of_the_folder_is_sound() {
        for it in CANNED {
            let findings = lint(it.content);
            let bad: Vec<_> = findings.iter().filter(|it| it.level != Level::Advice).collect();
            assert!(bad.is_empty(), "{}: {bad:#?}", it.name);
            parse(it.content).unwrap();
            assert_eq!(it.platforms().len(), 1, "{}: where it runs", it.name);
            let sidecar = it.sidecar().unwrap();
            assert!(it.content.contains(&sidecar.version), "{}: its version", it.name);
            if let Some(verify) = sidecar.rollout.verify {
                assert!(Canned::find(&verify).is_some(), "{}: {verify}", it.name);
            }
        }
    }
}
