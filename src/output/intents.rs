//! What is about to be sent besides the run's own sends: a file beside its events. A line is on the
//! disk before anything goes out.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::atomic;

const FILE: &str = "reports.txt";

/// Writes a token down, and returns whether it was there before.
///
/// # Errors
/// If it is not on the disk; nothing may be sent then.
pub fn intend(directory: &Path, token: &str) -> io::Result<bool> {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    // A line that was torn never came to be sent, unless it is whole but for its end.
    if text.lines().any(|it| it == token) {
        return Ok(true);
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    let apart = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{apart}{token}\n").as_bytes())?;
    file.sync_data()?;
    atomic::sync_directory(&path)?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_new_once() {
        let directory = tempfile::tempdir().unwrap();
        let intend = |token| intend(directory.path(), token).unwrap();
        assert_eq!([intend("one"), intend("two"), intend("one")], [false, false, true]);
        let path = directory.path().join(FILE);
        fs::write(&path, "one\ntw").unwrap();
        assert!(!intend("two"));
        assert!(intend("two"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\ntwo\n");
    }
}
