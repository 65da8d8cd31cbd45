//! Whether fleet's own directory can be written and is nobody else's to read. It leaves nothing
//! behind.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::atomic;

/// What is wrong with the state directory.
#[derive(Debug)]
pub enum StateTrouble {
    Readable { path: PathBuf, mode: u32 },
    Unwritable { path: PathBuf, source: io::Error },
}

/// Looks at the state directory, and at the nearest one above it while it is not there yet.
pub fn look_at_state(directory: &Path) -> Result<(), StateTrouble> {
    let unwritable =
        |path: &Path, source| StateTrouble::Unwritable { path: path.to_owned(), source };
    let there = directory.ancestors().find(|it| it.exists()).unwrap_or(directory);
    atomic::place(&there.join("probe")).map_err(|err| unwritable(there, err))?;
    for path in [
        directory.to_owned(),
        directory.join("runs"),
        directory.join("locks"),
        directory.join("returns"),
    ] {
        match fs::metadata(&path) {
            Ok(it) if it.permissions().mode() & 0o077 != 0 => {
                let mode = it.permissions().mode() & 0o777;
                return Err(StateTrouble::Readable { path, mode });
            }
            Ok(_) => {}
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(unwritable(&path, err)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_others_may_read_is_told() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("a/fleet");
        assert!(look_at_state(&state).is_ok());
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let err = look_at_state(&state).unwrap_err();
        assert!(matches!(err, StateTrouble::Readable { mode: 0o755, .. }), "{err:?}");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(look_at_state(&state).is_ok());
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    }

    #[test]
    fn a_place_that_is_no_directory_cannot_be_written() {
        let err = look_at_state(Path::new("/proc/self/status/fleet")).unwrap_err();
        assert!(matches!(err, StateTrouble::Unwritable { .. }), "{err:?}");
    }
}
