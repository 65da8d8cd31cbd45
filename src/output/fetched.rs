//! The files that output is fetched into: `outputs/INSTANCE.stdout` and `.stderr` in the directory of
//! a run. They hold the bytes of the instance, but for what is to be withheld.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::plan::{InstanceId, Redaction};

/// Below the directory of a run.
const FOLDER: &str = "outputs";

/// A secret may lie across two parts of a stream: so much is held back until more has come. What is
/// longer than that, and no line of it is a secret, is not recognised.
const HELD: usize = 64 * 1024;

/// Where a stream is cut for withholding is tried so often, a little further back each time.
const CUTS: usize = 64;

/// The folder of one run.
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
}

impl OutputFolder {
    /// Makes the folder of the run in `directory`, if it is not there.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FOLDER);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            res => res?,
        }
        Ok(Self { path })
    }

    /// Begins the file of a stream; it is there once it is finished, and not before.
    pub fn begin<'a>(
        &self,
        id: &InstanceId,
        stream: &str,
        redaction: &'a Redaction,
    ) -> io::Result<Writing<'a>> {
        let name = format!("{id}.{stream}");
        let part = self.path.join(format!("{name}.part"));
        // One that a process has left that is gone.
        fs::remove_file(&part).or_else(absent)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        Ok(Writing {
            file: BufWriter::new(file),
            part,
            path: self.path.join(&name),
            name: format!("{FOLDER}/{name}"),
            withheld: Withheld { redaction, held: Vec::new() },
            written: 0,
            last: None,
            begins_line: false,
            is_finished: false,
        })
    }
}

fn absent(err: io::Error) -> io::Result<()> {
    if err.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(err) }
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writing<'a> {
    file: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
    name: String,
    withheld: Withheld<'a>,
    written: u64,
    last: Option<u8>,
    /// The next byte, if there is one, begins a line.
    begins_line: bool,
    is_finished: bool,
}

impl Writing<'_> {
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.begins_line && !bytes.is_empty() {
            self.begins_line = false;
            self.put(b"\n")?;
        }
        self.withheld.held.extend_from_slice(bytes);
        while let Some(bytes) = self.withheld.next() {
            self.put(&bytes)?;
        }
        Ok(())
    }

    /// What comes next, if anything comes, is on a line of its own.
    pub fn begin_line(&mut self) -> io::Result<()> {
        let rest = self.withheld.rest();
        self.put(&rest)?;
        self.begins_line = self.last.is_some_and(|it| it != b'\n');
        Ok(())
    }

    /// Gives the file its name, and returns that and its length.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        let rest = self.withheld.rest();
        self.put(&rest)?;
        self.file.flush()?;
        fs::rename(&self.part, &self.path)?;
        self.is_finished = true;
        Ok((self.name.clone(), self.written))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.last = bytes.last().copied().or(self.last);
        self.file.write_all(bytes)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            // Half a file would look like a whole one that is short.
            fs::remove_file(&self.part).ok();
        }
    }
}

/// Withholds in a stream of bytes, of which it holds back the end.
#[derive(Debug)]
struct Withheld<'a> {
    redaction: &'a Redaction,
    held: Vec<u8>,
}

impl Withheld<'_> {
    /// Returns the next bytes that nothing to come can change.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.held.len() < 2 * HELD {
            return None;
        }
        let mut end = self.held.len() - HELD;
        let whole = self.applied(&self.held);
        // A cut is good if nothing that is withheld lies across it.
        for _ in 0..CUTS {
            let before = self.held[..end].iter().rposition(|it| *it == b'\n').map(|at| at + 1);
            let cut = before.filter(|it| *it > 0).unwrap_or(end);
            let (head, tail) = self.held.split_at(cut);
            let (head, tail) = (self.applied(head), self.applied(tail));
            if whole.len() == head.len() + tail.len() && whole.starts_with(&head) {
                drop(self.held.drain(..cut));
                return Some(head);
            }
            end = cut.saturating_sub(HELD / CUTS).max(1);
        }
        self.held.clear();
        Some(whole)
    }

    fn rest(&mut self) -> Vec<u8> {
        let res = self.applied(&self.held);
        self.held.clear();
        res
    }

    /// Withholds in the text of `bytes`; what is no text stays as it is.
    fn applied(&self, bytes: &[u8]) -> Vec<u8> {
        let mut res = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            res.extend_from_slice(self.redaction.apply(chunk.valid()).as_bytes());
            res.extend_from_slice(chunk.invalid());
        }
        res
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn id() -> InstanceId {
        InstanceId::parse("i-01234567").unwrap()
    }

    /// Writes `parts` and returns what is in the file.
    fn written(parts: &[&[u8]], redaction: &Redaction) -> Vec<u8> {
        let home = tempfile::tempdir().unwrap();
        let folder = OutputFolder::open(home.path()).unwrap();
        let mut writing = folder.begin(&id(), "stdout", redaction).unwrap();
        parts.iter().for_each(|it| writing.write(it).unwrap());
        let (name, bytes) = writing.finish().unwrap();
        let res = fs::read(home.path().join(name)).unwrap();
        assert_eq!(res.len() as u64, bytes);
        res
    }

    #[test]
    fn only_the_owner_may_read_and_half_a_file_is_none() {
        let home = tempfile::tempdir().unwrap();
        let redaction = Redaction::default();
        let folder = OutputFolder::open(home.path()).unwrap();
        let mut writing = folder.begin(&id(), "stdout", &redaction).unwrap();
        writing.write(b"half").unwrap();
        let mode = |it: &Path| fs::metadata(it).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.path().join("outputs")), 0o700);
        assert_eq!(mode(&home.path().join("outputs/i-01234567.stdout.part")), 0o600);
        drop(writing);
        assert_eq!(fs::read_dir(home.path().join("outputs")).unwrap().count(), 0);
    }

    #[test]
    fn a_step_begins_on_a_line_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let redaction = Redaction::default();
        let folder = OutputFolder::open(home.path()).unwrap();
        let mut writing = folder.begin(&id(), "stdout", &redaction).unwrap();
        for text in ["", "one", "two\n", "three", ""] {
            writing.begin_line().unwrap();
            writing.write(text.as_bytes()).unwrap();
        }
        let (name, _) = writing.finish().unwrap();
        assert_eq!(fs::read_to_string(home.path().join(name)).unwrap(), "one\ntwo\nthree");
    }

    #[test]
    fn bytes_stay_what_they_are_and_secrets_do_not_however_they_come() {
        let secret = "correct-horse-battery";
        let redaction = Redaction::default().knowing([secret]);
        let mut bytes = b"\x1b[31m\xff\xfe\0 = correct-horse-battery\n".repeat(9_000);
        bytes.extend_from_slice(&b"y".repeat(300_000));
        bytes.extend_from_slice(secret.as_bytes());
        let plain = written(&[&bytes], &Redaction::default());
        assert_eq!(plain, bytes);
        for size in [7, 4096, 65_536, 1 << 20] {
            let parts: Vec<&[u8]> = bytes.chunks(size).collect();
            let res = written(&parts, &redaction);
            assert!(!res.windows(secret.len()).any(|it| it == secret.as_bytes()), "{size}");
            assert!(res.starts_with(b"\x1b[31m\xff\xfe\0 = "));
            let n = String::from_utf8_lossy(&res).matches("‹redacted›").count();
            assert_eq!(n, 9_001, "{size}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn a_secret_across_two_parts_is_withheld(at in 60_000_usize..140_000, breaks: bool) {
            let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\nMIIEdef\n-----END RSA PRIVATE KEY-----";
            let filler = if breaks { "line of text\n" } else { "line-of-text-" };
            let mut text = filler.repeat(20_000);
            text.insert_str(at, key);
            let parts: Vec<&[u8]> = text.as_bytes().chunks(8_192).collect();
            let res = String::from_utf8(written(&parts, &Redaction::default())).unwrap();
            prop_assert!(!res.contains("MIIE"), "{at}");
            prop_assert_eq!(res.len(), text.len() - key.len() + "‹redacted›".len());
        }
    }
}
