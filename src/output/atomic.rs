//! A file that is either the old one or the whole new one, whatever happens in between.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Who may read the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Readers {
    Owner,
    /// As the umask says.
    Usual,
}

/// Writes `text` beside `path`, brings it to the disk, and puts it in the place of `path`.
pub(super) fn write(path: &Path, text: &[u8], readers: Readers) -> io::Result<()> {
    let beside = beside(path);
    let res = fill(&beside, text, readers).and_then(|()| fs::rename(&beside, path));
    if res.is_err() {
        // The first error is the one to report; a leftover is removed as far as that works.
        drop(fs::remove_file(&beside));
        return res;
    }
    sync_directory(path)
}

/// Creates and removes the file that [`write()`] would fill first.
pub(super) fn try_beside(path: &Path) -> io::Result<()> {
    let beside = beside(path);
    drop(OpenOptions::new().write(true).create_new(true).open(&beside)?);
    fs::remove_file(&beside)
}

fn fill(path: &Path, text: &[u8], readers: Readers) -> io::Result<()> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Usual => 0o666,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Brings the entry of `path` in its directory to the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// A hidden name in the same directory, because only there a rename is atomic. Two fleets that
/// write one report at a time differ in their process ids.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
