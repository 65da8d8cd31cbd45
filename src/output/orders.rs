//! What `fleet cancel` tells a run: it is left beside the run's events, where whichever process
//! carries the run out finds it before it sends anything. An order is never taken away.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{atomic, json};
use crate::{plan::InstanceId, run::Cancellation};

const FILE: &str = "cancel.jsonl";

/// The orders of one run, read from the first to the last.
#[derive(Debug)]
pub struct Orders {
    path: PathBuf,
    /// How many bytes have been taken in.
    length: usize,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    at: Timestamp,
    /// `None`: the whole run.
    instances: Option<BTreeSet<InstanceId>>,
}

impl Orders {
    /// Returns the orders to the run in `directory`, none of them read.
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join(FILE), length: 0 }
    }

    /// Leaves an order; it is on the disk when this returns.
    pub fn leave(directory: &Path, what: &Cancellation, at: Timestamp) -> io::Result<()> {
        let path = directory.join(FILE);
        let instances = match what {
            Cancellation::Run => None,
            Cancellation::Instances(ids) => Some(ids.clone()),
        };
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&path)?;
        // A line that another process did not live to end ends here.
        let is_torn = fs::read(&path)?.last().is_some_and(|it| *it != b'\n');
        let end = if is_torn { "\n" } else { "" };
        let line = json::line(&Order { at, instances });
        // One write, so that orders of two processes do not mix.
        file.write_all(format!("{end}{line}\n").as_bytes())?;
        file.sync_all()?;
        atomic::sync_directory(&path)
    }

    /// Returns what was ordered since this was asked last.
    pub fn news(&mut self) -> Option<Cancellation> {
        let (what, length) = self.read()?;
        self.length = length;
        Some(what)
    }

    /// Returns what was ordered and has not been taken in by [`Orders::news`].
    pub fn pending(&self) -> Option<Cancellation> {
        self.read().map(|(what, _)| what)
    }

    /// Reads what lies beyond the bytes that have been taken in. What cannot be read may take
    /// everything back, and a send cannot be: it is taken for that.
    fn read(&self) -> Option<(Cancellation, usize)> {
        match fs::metadata(&self.path) {
            Ok(it) if usize::try_from(it.len()).is_ok_and(|it| it <= self.length) => return None,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return None,
            Ok(_) | Err(_) => {}
        }
        let Ok(bytes) = fs::read(&self.path) else {
            return (self.length < usize::MAX).then_some((Cancellation::Run, usize::MAX));
        };
        let whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let lines = bytes.get(self.length..whole)?.split(|it| *it == b'\n');
        let orders = lines.filter(|it| !it.is_empty()).map(|it| match serde_json::from_slice(it) {
            Ok(Order { instances: Some(ids), .. }) => Cancellation::Instances(ids),
            Ok(Order { instances: None, .. }) | Err(_) => Cancellation::Run,
        });
        orders.reduce(Cancellation::and).map(|it| (it, whole))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn ids(ids: &[&str]) -> Cancellation {
        Cancellation::Instances(ids.iter().map(|it| InstanceId::parse(it).unwrap()).collect())
    }

    fn leave(directory: &Path, what: &Cancellation) {
        Orders::leave(directory, what, "2024-07-19T04:09:00Z".parse().unwrap()).unwrap();
    }

    #[test]
    fn an_order_is_read_once_and_by_every_reader() {
        let home = tempfile::tempdir().unwrap();
        let mut orders = Orders::of(home.path());
        assert_eq!(orders.news(), None);
        leave(home.path(), &ids(&["i-00000001"]));
        assert_eq!(orders.pending(), Some(ids(&["i-00000001"])));
        assert_eq!(orders.news(), Some(ids(&["i-00000001"])));
        assert_eq!((orders.news(), orders.pending()), (None, None));
        leave(home.path(), &ids(&["i-00000002"]));
        assert_eq!(orders.news(), Some(ids(&["i-00000002"])));
        let mut another = Orders::of(home.path());
        assert_eq!(another.news(), Some(ids(&["i-00000001", "i-00000002"])));
        leave(home.path(), &Cancellation::Run);
        assert_eq!(another.news(), Some(Cancellation::Run));
        let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_without_an_end_is_no_order_and_one_that_makes_no_sense_is_the_widest() {
        let home = tempfile::tempdir().unwrap();
        let mut orders = Orders::of(home.path());
        fs::write(home.path().join(FILE), r#"{"at":"2024"#).unwrap();
        assert_eq!(orders.news(), None);
        leave(home.path(), &ids(&["i-00000001"]));
        assert_eq!(orders.news(), Some(Cancellation::Run));
        assert_eq!(orders.news(), None);
    }
}
