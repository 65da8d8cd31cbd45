//! A plan in a file of the user's choice, to be reviewed and carried out later. What was changed in it
//! meanwhile is noticed: it carries a seal over its content.

use std::{fs, io, path::Path};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{atomic, json, ledger::require_schema};
use crate::plan::Plan;

/// The key of the seal.
const SEAL: &str = "seal";

/// Whether the content of a plan file is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Intact,
    Broken,
    /// The plan of a ledger has none, nor has what `--output json` prints.
    Absent,
}

/// Writes a plan to a file, sealed, and readable by the user alone.
pub fn write_plan(path: &Path, plan: &Plan) -> io::Result<()> {
    let path = atomic::place(path)?;
    let mut value = serde_json::to_value(plan)?;
    let seal = seal(&value);
    if let Value::Object(fields) = &mut value {
        fields.insert(SEAL.to_owned(), seal.into());
    }
    atomic::write(&path, (json::pretty(&value) + "\n").as_bytes())
}

/// Reads a plan that [`write_plan`] wrote, or a ledger has.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is none, is of another schema, or has a key that plans do
/// not have: whoever put it there meant something by it.
pub fn read_plan_file(path: &Path) -> io::Result<(Plan, Seal)> {
    let text = fs::read(path)?;
    let mut value: Value = serde_json::from_slice(&text)?;
    require_schema(&value)?;
    let plan: Plan = serde_json::from_slice(&text)?;
    let found = value.as_object_mut().and_then(|it| it.remove(SEAL));
    if let Some(key) = unknown_key(&value, &serde_json::to_value(&plan)?, "") {
        let text = format!("it has a key that plans do not have: {key}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let seal = match found {
        None => Seal::Absent,
        Some(Value::String(it)) if it == seal(&value) => Seal::Intact,
        Some(_) => Seal::Broken,
    };
    Ok((plan, seal))
}

/// Returns the SHA-256 of the values and their order, but not of the space between them.
fn seal(plan: &Value) -> String {
    Sha256::digest(plan.to_string()).iter().map(|it| format!("{it:02x}")).collect()
}

/// Returns the path of a key in `given` that is not in `known`.
fn unknown_key(given: &Value, known: &Value, at: &str) -> Option<String> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given.iter().find_map(|(key, it)| {
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match known.get(key) {
                Some(known) => unknown_key(it, known, &at),
                None => Some(at),
            }
        }),
        (Value::Array(given), Value::Array(known)) => {
            let pairs = given.iter().zip(known).enumerate();
            pairs
                .into_iter()
                .find_map(|(n, (it, known))| unknown_key(it, known, &format!("{at}[{n}]")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing;

    fn check(change: impl FnOnce(&mut Value), expected: Result<Seal, &str>) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("plan.json");
        write_plan(&path, &testing::halted().plan).unwrap();
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        // Not as it was laid out.
        fs::write(&path, value.to_string()).unwrap();
        let found = read_plan_file(&path).map(|(_, seal)| seal).map_err(|it| it.to_string());
        let expected = expected.map_err(|it| format!("it has a key that plans do not have: {it}"));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_changed_in_a_plan_file_is_noticed() {
        check(|_| {}, Ok(Seal::Intact));
        check(|it| drop(it.as_object_mut().unwrap().remove(SEAL)), Ok(Seal::Absent));
        check(|it| it["document"]["name"] = "Other".into(), Ok(Seal::Broken));
        check(|it| it["reason"] = "another".into(), Ok(Seal::Broken));
        check(|it| it["max_errors"] = 9.into(), Err("max_errors"));
        check(|it| it["limits"]["max_erors"] = 9.into(), Err("limits.max_erors"));
        let zone = |it: &mut Value| it["waves"][0]["zones"] = "a".into();
        check(zone, Err("waves[0].zones"));
    }
}
