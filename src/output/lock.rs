//! One run at a time over a group, on this machine. The lock ends with the process that holds it,
//! however that ends, so there are no stale ones.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::plan::RunId;

/// The groups of a run, held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _files: Vec<File>,
}

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another run is under way over {name}: {holder}")]
    Held { name: String, holder: String },
    #[error("could not create the lock {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Lock {
    /// Takes the lock of every group in `groups`, of an account and a region; all or none.
    pub fn take(
        state_dir: &Path,
        account: &str,
        region: &str,
        groups: &[String],
        holder: &RunId,
    ) -> Result<Self, LockError> {
        let directory = state_dir.join("locks");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LockError::Io { path, source }
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&directory).map_err(failed(&directory))?;
        let mut files = Vec::new();
        for name in groups {
            let path = directory.join(file_name(&[account, region, name]));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let mut file = options.open(&path).map_err(failed(&path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Who holds it is for the reader's sake; that it is held is certain.
                    file.read_to_string(&mut holder).ok();
                    let holder = holder.trim().to_owned();
                    return Err(LockError::Held { name: name.clone(), holder });
                }
                Err(TryLockError::Error(err)) => return Err(failed(&path)(err)),
            }
            let text = format!("run {holder}, process {}\n", std::process::id());
            let written = file.set_len(0).and_then(|()| file.rewind());
            written.and_then(|()| file.write_all(text.as_bytes())).map_err(failed(&path))?;
            files.push(file);
        }
        Ok(Self { _files: files })
    }
}

/// The longest name that file systems take, in bytes (`NAME_MAX`). A group's name has up to 255
/// characters (CreateAutoScalingGroup reference), and may be longer still as part of a file name.
const LONGEST_NAME: usize = 255;

/// How much of a longer one is left as it is, for people.
const KEPT: usize = 128;

/// Returns a file name that differs wherever the parts do: what a file name cannot hold, and the
/// sign that joins the parts, is written in hexadecimal; what is too long ends in its hash.
fn file_name(parts: &[&str]) -> String {
    let escaped = parts.iter().map(|part| {
        part.bytes().fold(String::new(), |name, it| {
            if it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.') {
                name + &char::from(it).to_string()
            } else {
                format!("{name}%{it:02x}")
            }
        })
    });
    let name = escaped.collect::<Vec<_>>().join("_");
    if name.len() + ".lock".len() <= LONGEST_NAME {
        return name + ".lock";
    }
    let hash = Sha256::digest(&name);
    let hash: String = hash.iter().map(|it| format!("{it:02x}")).collect();
    // It is ASCII by now. No escape has two of this sign in a row.
    format!("{}%%{hash}.lock", &name[..KEPT])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u32) -> RunId {
        RunId::new("2024-07-19T04:09:00Z".parse().unwrap(), n)
    }

    #[test]
    fn a_group_is_held_by_one_run_until_that_ends() {
        let home = tempfile::tempdir().unwrap();
        let take = |groups: &[&str], n| {
            let groups: Vec<String> = groups.iter().map(|it| (*it).to_owned()).collect();
            Lock::take(home.path(), "123456789012", "us-east-1", &groups, &run(n))
        };
        let first = take(&["web", "batch"], 1).unwrap();
        let Err(LockError::Held { name, holder }) = take(&["api", "web"], 2) else {
            panic!("held twice")
        };
        assert_eq!(name, "web");
        assert!(holder.starts_with("run 20240719-040900-000001, process "), "{holder}");
        // What the second run had taken before it failed is free again.
        take(&["api"], 3).unwrap();
        drop(first);
        take(&["web"], 4).unwrap();
        let long = ["_".repeat(255)];
        let held = take(&[&long[0]], 5).unwrap();
        assert!(take(&[&long[0]], 6).is_err());
        drop(held);
    }

    #[test]
    fn names_that_differ_have_files_that_differ() {
        assert_eq!(file_name(&["1", "us-east-1", "a/b"]), "1_us-east-1_a%2fb.lock");
        assert_ne!(file_name(&["1", "a_b"]), file_name(&["1", "a", "b"]));
        assert_ne!(file_name(&["a%2fb"]), file_name(&["a/b"]));
        let place = ["123456789012", "us-east-1"];
        let of = |group: &str| file_name(&[&place[..], &[group]].concat());
        let (plain, escaped) = ("a".repeat(255), "_".repeat(255));
        for group in [&plain, &escaped] {
            let (one, other) = (format!("{}b", &group[1..]), format!("{}c", &group[1..]));
            assert!(of(&one).len() <= 255 && of(&other).len() <= 255, "{}", of(&one));
            assert_ne!(of(&one), of(&other));
        }
    }
}
