//! `--report FILE`: proved writable before the run, written whole after it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    atomic,
    folded::Folds,
    formats::{ReportFormat, render},
};
use crate::run::Report;

/// A place for a report in the format that its ending names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    format: ReportFormat,
}

impl ReportFile {
    /// Proves that the report can be written to `path`. Whatever is there stays as it is.
    pub fn check(path: &Path) -> io::Result<Self> {
        let refused = |kind, why: &str| {
            let text = format!("could not write a report to {}: {why}", path.display());
            Err(io::Error::new(kind, text))
        };
        let Some(format) = ReportFormat::of(path) else {
            let why = format!("its format is its ending, one of {}", ReportFormat::endings());
            return refused(io::ErrorKind::InvalidInput, &why);
        };
        match atomic::place(path) {
            Ok(path) => Ok(Self { path, format }),
            Err(err) => refused(err.kind(), &err.to_string()),
        }
    }

    /// Writes the report of the run in `directory`, whole or not at all.
    pub fn write(&self, report: &Report, folds: Folds, directory: &Path) -> io::Result<()> {
        let text = render(self.format, report, folds, directory)?;
        atomic::write(&self.path, text.as_bytes())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::output::{json, testing};

    #[test]
    fn checking_leaves_nothing_behind_and_writing_replaces_the_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("report.json");
        let file = ReportFile::check(&path).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        fs::write(&path, "the old one, and longer than nothing").unwrap();
        ReportFile::check(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("the old one"));
        let report = testing::halted().report();
        file.write(&report, Folds::default(), home.path()).unwrap();
        let written: Report = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(json::line(&written), json::line(&report));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("dir.json")).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let check = |name: &str, why: &str| {
            let path = home.path().join(name);
            let expected = format!("could not write a report to {}: {why}", path.display());
            assert_eq!(ReportFile::check(&path).unwrap_err().to_string(), expected);
        };
        let endings =
            "its format is its ending, one of .json, .jsonl, .html, .md, .csv, .xml, .txt";
        check("report.xlsx", endings);
        check("report", endings);
        check("dir.json", "it is a directory");
        check("none/report.json", "its directory does not exist");
        check("file/report.json", "Not a directory (os error 20)");
    }

    #[test]
    fn a_link_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (link, target) = (home.path().join("link.json"), home.path().join("target.json"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let file = ReportFile::check(&link).unwrap();
        file.write(&testing::halted().report(), Folds::default(), home.path()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().starts_with('{'));
    }
}
