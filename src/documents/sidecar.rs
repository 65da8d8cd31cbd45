//! Reads the file beside a document, `NAME.fleet.toml`.

use crate::plan::{FindingFormat, Sidecar};

/// A text is not a sidecar.
#[derive(Debug, thiserror::Error)]
pub enum BadSidecar {
    #[error("it is not a sidecar: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    #[error("it is not a sidecar: unknown field `{0}`")]
    UnknownField(String),
    #[error("its findings cannot be read so: {0}")]
    Findings(String),
}

/// Reads a sidecar.
pub fn sidecar(text: &str) -> Result<Sidecar, BadSidecar> {
    let it: Sidecar = toml::from_str(text).map_err(|err| BadSidecar::Toml(Box::new(err)))?;
    // A plan that a newer fleet has written may have more; a file that is written by hand may not.
    let known = serde_json::to_value(&it).expect("a sidecar has string keys alone");
    if let Some(field) = unknown(&toml::from_str(text).unwrap_or_default(), &known) {
        return Err(BadSidecar::UnknownField(field));
    }
    match it.findings.as_ref().and_then(FindingFormat::fault) {
        Some(fault) => Err(BadSidecar::Findings(fault)),
        None => Ok(it),
    }
}

/// Returns the first key, with those around it, that nobody has read.
fn unknown(written: &toml::Table, known: &serde_json::Value) -> Option<String> {
    written.iter().find_map(|(key, value)| match (value, known.get(key)) {
        (_, None) => Some(key.clone()),
        (toml::Value::Table(written), Some(known)) => {
            unknown(written, known).map(|it| format!("{key}.{it}"))
        }
        (_, Some(_)) => None,
    })
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
        check("version = '1'\nchanges = true\n[rollout]\nx = 1", "unknown field `rollout.x`");
        check("changes = true", "missing field `version`");
        let rollout = "version = '1'\nchanges = true\n[rollout]\n";
        check(&format!("{rollout}waves = '0%'"), "`0%` is not a whole number from 1");
        check(&format!("{rollout}max_errors = 'x'"), "`x` is not a whole number from 0");
        let findings = "version = '1'\nchanges = true\n[findings]\nschema = 's'\nsubject = 's'\n";
        check(&format!("{findings}unique = ['a[0]']"), "`a[0]` is not a path");
        check(&format!("{findings}verdicts = ['a']\ngood = ['b']"), "`b` is good, and is none");
        check(&format!("{findings}exit = {{ x = 'y' }}"), "`x` is not an exit code");
    }
}
