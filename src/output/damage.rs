//! The events of a ledger as they stand in its file, and what shows that they are not all that
//! happened. It repairs nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::ledger::require_schema;
use crate::run::{Event, EventKind};

/// The first place that shows that lines are missing, repeated or no events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}: {what}", path.display())]
pub struct Damage {
    path: PathBuf,
    line: usize,
    what: String,
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage)
    }
}

/// Returns the events in `path`. A last line that was torn by a crash is passed over.
///
/// # Errors
/// [`Damage`] if anything else is no event, if the numbers have a gap or a repetition, or if there
/// are no events, or none that tells of the end, where other files say that there were.
pub fn read_events(path: &Path) -> io::Result<Vec<Event>> {
    match salvage_events(path)? {
        (events, None) => Ok(events),
        (_, Some(damage)) => Err(damage.into()),
    }
}

/// Returns whatever events can be read, and what shows that they are not all.
pub(super) fn salvage_events(path: &Path) -> io::Result<(Vec<Event>, Option<Damage>)> {
    let bytes = fs::read(path)?;
    let (mut events, mut damage): (Vec<Event>, Option<Damage>) = (Vec::new(), None);
    let mut found = |line: usize, what: String| {
        damage.get_or_insert_with(|| Damage { path: path.to_owned(), line, what });
    };
    let (mut seq, mut n_lines) = (0, 0);
    for (index, line) in bytes.split_inclusive(|it| *it == b'\n').enumerate() {
        n_lines = index + 1;
        if index == 0 {
            require_schema_of_first(line)?;
        }
        match serde_json::from_slice::<Event>(line) {
            Ok(event) => {
                if event.seq != seq + 1 {
                    found(n_lines, out_of_order(seq, event.seq));
                }
                seq = event.seq;
                events.push(event);
            }
            // Only the last line can lack its end.
            Err(_) if !line.ends_with(b"\n") => {}
            Err(err) => found(n_lines, err.to_string()),
        }
    }
    let has = |name| fs::symlink_metadata(path.with_file_name(name)).is_ok();
    let has_ended = events.iter().any(|it| matches!(it.data, EventKind::RunFinished { .. }));
    if !has_ended && has("report.json") {
        found(n_lines, "the end is missing: report.json tells how the run ended".to_owned());
    } else if events.is_empty() && has("plan.json") {
        let text = "there is no event: it was emptied, or its process died before the first one";
        found(n_lines, text.to_owned());
    }
    Ok((events, damage))
}

fn out_of_order(before: u64, seq: u64) -> String {
    if seq <= before {
        format!("event {seq} comes again after event {before}")
    } else if before == 0 {
        format!("the first event is event {seq}: those before it are missing")
    } else {
        format!("event {seq} follows event {before}: those between them are missing")
    }
}

/// Refuses a ledger whose first event holds a plan of another schema.
fn require_schema_of_first(line: &[u8]) -> io::Result<()> {
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(line) else {
        return Ok(()); // it is refused for what it is
    };
    require_schema(&event["data"]["plan"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{json, testing};

    /// Writes lines, with `rest` behind them, and returns what shows that they are damaged.
    fn damage(lines: &[usize], rest: &str, beside: &[&str]) -> (usize, Option<String>) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("events.jsonl");
        let events = testing::halted().events;
        let text: String = lines.iter().map(|it| json::line(&events[*it]) + "\n").collect();
        fs::write(&path, text + rest).unwrap();
        beside.iter().for_each(|it| fs::write(home.path().join(it), "{}").unwrap());
        let (events, damage) = salvage_events(&path).unwrap();
        assert_eq!(read_events(&path).is_ok(), damage.is_none());
        let text = damage.map(|it| it.to_string());
        (events.len(), text.map(|it| it.split_once("events.jsonl, ").unwrap().1.to_owned()))
    }

    #[test]
    fn lines_that_are_missing_repeated_or_torn_are_named_and_the_others_are_read() {
        let check = |lines: &[usize], rest: &str, n_read, expected: Option<&str>| {
            let (n, text) = damage(lines, rest, &[]);
            assert_eq!((n, text.as_deref()), (n_read, expected), "{lines:?} {rest}");
        };
        check(&[0, 1, 2], "", 3, None);
        check(&[0, 1], r#"{"seq":3,"#, 2, None);
        let between = "line 3: event 4 follows event 2: those between them are missing";
        check(&[0, 1, 3], "", 3, Some(between));
        check(&[0, 1, 1, 2], "", 4, Some("line 3: event 2 comes again after event 2"));
        check(&[2], "", 1, Some("line 1: the first event is event 3: those before it are missing"));
        let (n, text) = damage(&[0, 1], "{\"seq\":3,\n", &[]);
        assert!(n == 2 && text.unwrap().starts_with("line 3: "));
    }

    #[test]
    fn what_lies_beside_them_shows_that_events_are_gone() {
        let text = |lines: &[usize], beside: &[&str]| damage(lines, "", beside).1;
        assert_eq!(text(&[], &[]), None);
        assert!(text(&[], &["plan.json"]).unwrap().contains("there is no event"));
        assert!(
            text(&[0, 1], &["plan.json", "report.json"]).unwrap().contains("the end is missing")
        );
        assert_eq!(text(&[0, 1], &["plan.json"]), None);
    }
}
