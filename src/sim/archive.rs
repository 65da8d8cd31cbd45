//! What the account's buckets and log groups hold: the output of commands that were sent there.
//! It decides nobody's permission and answers no request.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;

/// How much is held, in bytes: what comes later is lost, as if its upload had failed. Output that
/// instances share is counted for each.
const CAPACITY: usize = 1 << 30;

/// An event of a log holds so many bytes at the most: the agent's `MessageLengthThresholdInBytes`.
const EVENT: usize = 200_000;

/// All buckets and all log groups of the account.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    /// By bucket and key.
    objects: BTreeMap<String, BTreeMap<String, Object>>,
    /// By group and stream.
    streams: BTreeMap<String, BTreeMap<String, Stream>>,
    held: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub content: Bytes,
    pub stored: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub events: Vec<Bytes>,
    pub stored: Timestamp,
}

impl Archive {
    /// Makes the buckets that the world has.
    pub(crate) fn of_buckets(buckets: &BTreeSet<String>) -> Self {
        let objects = buckets.iter().map(|it| (it.clone(), BTreeMap::new())).collect();
        Self { objects, ..Self::default() }
    }

    pub(crate) fn put(&mut self, bucket: &str, key: String, content: Bytes, stored: Timestamp) {
        let fits = self.make_room(content.len());
        if let Some(objects) = self.objects.get_mut(bucket).filter(|_| fits) {
            objects.insert(key, Object { content, stored });
        }
    }

    /// Writes a stream as the agent does: lines together in an event, as many as go into one, and
    /// without the line break at its end; what is longer than an event goes into several.
    pub(crate) fn log(&mut self, group: &str, stream: String, content: &Bytes, stored: Timestamp) {
        if !self.make_room(content.len()) {
            return;
        }
        let streams = self.streams.entry(group.to_owned()).or_default();
        streams.insert(stream, Stream { events: events_of(content), stored });
    }

    fn make_room(&mut self, n: usize) -> bool {
        let held = self.held.saturating_add(n);
        if held <= CAPACITY {
            self.held = held;
        }
        held <= CAPACITY
    }

    /// Returns the objects of a bucket by key; `None` if there is no such bucket.
    pub(crate) fn bucket(&self, name: &str) -> Option<&BTreeMap<String, Object>> {
        self.objects.get(name)
    }

    /// Returns the streams of a log group by name; `None` if there is no such group.
    pub(crate) fn log_group(&self, name: &str) -> Option<&BTreeMap<String, Stream>> {
        self.streams.get(name)
    }
}

fn events_of(content: &Bytes) -> Vec<Bytes> {
    let mut res = Vec::new();
    let mut rest = content.clone();
    while !rest.is_empty() {
        if rest.len() <= EVENT {
            let end = if rest.ends_with(b"\n") { rest.len() - 1 } else { rest.len() };
            res.push(rest.slice(..end));
            break;
        }
        match rest[..EVENT].iter().rposition(|it| *it == b'\n') {
            Some(at) => {
                res.push(rest.slice(..at));
                rest = rest.slice(at + 1..);
            }
            None => res.push(rest.split_to(EVENT)),
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_together_into_events_and_a_long_one_into_several() {
        let check = |content: String, expected: &[usize]| {
            let sizes: Vec<usize> = events_of(&content.into()).iter().map(Bytes::len).collect();
            assert_eq!(sizes, expected);
        };
        check(String::new(), &[]);
        check("a\nb\n".to_owned(), &[3]);
        check("a\nb".to_owned(), &[3]);
        check(format!("{}\n", "x".repeat(99_999)).repeat(3), &[199_999, 99_999]);
        check("x".repeat(450_000), &[200_000, 200_000, 50_000]);
    }

    #[test]
    fn what_does_not_fit_is_not_stored() {
        let mut archive = Archive::of_buckets(&BTreeSet::from(["b".to_owned()]));
        archive.held = CAPACITY - 2;
        archive.put("b", "too-long".to_owned(), Bytes::from_static(b"abc"), Timestamp::UNIX_EPOCH);
        archive.put("b", "fits".to_owned(), Bytes::from_static(b"ab"), Timestamp::UNIX_EPOCH);
        assert_eq!(archive.bucket("b").unwrap().keys().collect::<Vec<_>>(), ["fits"]);
    }
}
