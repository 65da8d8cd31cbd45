//! Reads the file beside a document, `NAME.fleet.toml`.

use crate::plan::Sidecar;

/// A text is not a sidecar.
#[derive(Debug, thiserror::Error)]
#[error("it is not a sidecar: {0}")]
pub struct BadSidecar(#[source] Box<toml::de::Error>);

/// Reads a sidecar.
pub fn sidecar(text: &str) -> Result<Sidecar, BadSidecar> {
    toml::from_str(text).map_err(|err| BadSidecar(Box::new(err)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sidecar_of_the_documentation_is_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/documents/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let it = sidecar(rest.split_once("```").unwrap().0).unwrap();
        assert_eq!(it.findings.as_ref().unwrap().good, ["healthy"]);
        assert_eq!((it.rollout.waves.len(), it.rollout.max_first_wave), (3, Some(1)));
        let again: Sidecar = serde_json::from_str(&serde_json::to_string(&it).unwrap()).unwrap();
        assert_eq!(again, it);
    }

    #[test]
    fn what_is_no_sidecar_says_why() {
        let check = |text: &str, why: &str| {
            let err = sidecar(text).unwrap_err().to_string();
            assert!(err.contains(why), "{err}");
        };
        check("version = '1'\nchanges = true\nwaves = 1", "unknown field `waves`");
        check("changes = true", "missing field `version`");
        let rollout = "version = '1'\nchanges = true\n[rollout]\n";
        check(&format!("{rollout}waves = '0%'"), "`0%` is not a whole number from 1");
        check(&format!("{rollout}max_errors = 'x'"), "`x` is not a whole number from 0");
    }
}
