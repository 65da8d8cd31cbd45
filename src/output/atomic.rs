//! A file that is either the old one or the whole new one, whatever happens in between.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// How much of its name a file that is not finished bears, in bytes.
const LONGEST_KEPT: usize = 200;

/// Writes `text` beside `path`, brings it to the disk, and puts it in the place of `path`. Only
/// its owner may read it: instances say what they like in it.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let res = fill(&beside, text).and_then(|()| fs::rename(&beside, path));
    if res.is_err() {
        // The first error is the one to report; a leftover is removed as far as that works.
        drop(fs::remove_file(&beside));
        return res;
    }
    sync_directory(path)
}

/// Returns where a file is to be written that the user calls `path`, and proves that it can be.
/// Whatever is there stays as it is. A link stays a link: what it names is replaced; devices and
/// other things that are no files are refused, since replacing one would destroy it.
pub(super) fn place(path: &Path) -> io::Result<PathBuf> {
    let refused = |kind, why: &str| Err(io::Error::new(kind, why.to_owned()));
    let is_link = fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(_) if is_link => {
            return refused(io::ErrorKind::InvalidInput, "it is a link to nothing");
        }
        Err(_) => path.to_owned(),
    };
    match fs::metadata(&target) {
        Ok(it) if it.is_dir() => return refused(io::ErrorKind::IsADirectory, "it is a directory"),
        Ok(it) if !it.is_file() => {
            return refused(io::ErrorKind::InvalidInput, "it is not a regular file");
        }
        Ok(_) => drop(OpenOptions::new().append(true).open(&target)?),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    let parent = target.parent().filter(|it| !it.as_os_str().is_empty());
    match try_beside(&target) {
        Ok(()) => Ok(target),
        Err(err) if parent.is_some_and(|it| !it.exists()) => {
            refused(err.kind(), "its directory does not exist")
        }
        Err(err) => Err(err),
    }
}

/// Creates and removes the file that [`write()`] would fill first.
fn try_beside(path: &Path) -> io::Result<()> {
    let beside = beside(path);
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?);
    fs::remove_file(&beside)
}

fn fill(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Brings the entry of `path` in its directory to the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// A hidden name in the same directory, because only there a rename is atomic. Chance keeps it from
/// what another fleet writes at the time, and from what a killed one has left: in a container each
/// has the same process id.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The name of the file leaves no room for more in the longest names (`NAME_MAX`).
    let n_kept = name.floor_char_boundary(LONGEST_KEPT);
    path.with_file_name(format!(".{}.{:016x}.tmp", &name[..n_kept], fastrand::u64(..)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_file_is_refused_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link.json");
        symlink(home.path().join("nowhere/target.json"), &link).unwrap();
        assert_eq!(place(&link).unwrap_err().to_string(), "it is a link to nothing");
        assert!(link.is_symlink());
        let device = place(Path::new("/dev/null")).unwrap_err();
        assert_eq!(device.to_string(), "it is not a regular file");
    }

    #[test]
    fn what_a_killed_process_left_is_not_in_the_way() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(format!("{}.json", "x".repeat(250)));
        let left = home.path().join(format!(".x.json.{}.tmp", std::process::id()));
        fs::write(&left, "").unwrap();
        for path in [&home.path().join("x.json"), &path] {
            assert_eq!(place(path).unwrap(), *path);
            write(path, b"new").unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), "new");
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_link_stays_a_link_and_what_it_names_is_written() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("target.json"), home.path().join("link.json"));
        fs::write(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        write(&place(&link).unwrap(), b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }
}
