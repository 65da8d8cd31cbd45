//! Which documents a command is about, and what each is to be in the account.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    aws::{HASH_TAG, Kind, Publication, VERSION_TAG},
    documents::{self, CANNED, Canned, Level, Notation},
    error::Error,
    exit::Exit,
    plan::Sidecar,
};

/// Fleet's documents by name, or files.
#[derive(Debug, Clone, Args)]
pub(super) struct Which {
    /// Documents of fleet; without a name or a file, all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// A document of your own, under the name of its file; NAME.fleet.toml beside it is its sidecar
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Which {
    pub(super) fn publications(&self) -> Result<Vec<Publication>, Error> {
        let canned: Vec<&Canned> = if self.names.is_empty() && self.files.is_empty() {
            CANNED.iter().collect()
        } else {
            self.names.iter().map(|it| named(it)).collect::<Result<_, _>>()?
        };
        let mut res: Vec<_> = canned.into_iter().map(of_canned).collect::<Result<_, _>>()?;
        for path in &self.files {
            res.push(of_file(path)?);
        }
        for (at, it) in res.iter().enumerate() {
            if res[..at].iter().any(|other| other.name == it.name) {
                return Err(Error::new(Exit::Usage, format!("{} is named twice", it.name)));
            }
        }
        Ok(res)
    }
}

pub(in crate::cli) fn named(name: &str) -> Result<&'static Canned, Error> {
    Canned::find(name).ok_or_else(|| {
        let known: Vec<&str> = CANNED.iter().map(|it| it.name).collect();
        Error::new(Exit::Usage, format!("fleet has no document {name}")).hint(format!(
            "it has {}; `fleet docs publish --file FILE` puts one of your own there",
            known.join(", ")
        ))
    })
}

/// Returns what a document of fleet is to be in the account.
pub(in crate::cli) fn of_canned(canned: &Canned) -> Result<Publication, Error> {
    let sidecar = canned.sidecar().map_err(|err| {
        let message = format!("the sidecar of {} cannot be read", canned.name);
        Error::new(Exit::Bug, message).because(&err)
    })?;
    publication(canned.name, canned.content.to_owned(), Some(&sidecar))
}

fn of_file(path: &Path) -> Result<Publication, Error> {
    let file = path.display();
    let refused = |message: String| Error::new(Exit::Usage, message);
    let content = std::fs::read_to_string(path)
        .map_err(|err| refused(format!("could not read {file}")).because(&err))?;
    let name = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    // The service's rule (CreateDocument reference); it refuses some prefixes besides.
    let is_name = (3..=128).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it));
    if !is_name {
        let message = format!("`{name}`, from {file}, cannot be the name of a document");
        return Err(refused(message).hint("a name has 3 to 128 of a-z, A-Z, 0-9, _, - and ."));
    }
    let findings = documents::lint(&content);
    if let Some(it) = findings.iter().find(|it| it.level == Level::Error) {
        let (line, column) = (it.place.line, it.place.column);
        let message = format!("{file}:{line}:{column}: {} [{}]", it.message, it.code);
        return Err(refused(message)
            .hint(it.remedy.clone())
            .hint(format!("`fleet docs lint {file}` says more")));
    }
    let beside = path.with_extension("fleet.toml");
    let sidecar = match std::fs::read_to_string(&beside) {
        Ok(text) => Some(documents::sidecar(&text).map_err(|err| {
            refused(format!("{} cannot be read", beside.display())).because(&err)
        })?),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => None,
        Err(err) => {
            return Err(refused(format!("could not read {}", beside.display())).because(&err));
        }
    };
    publication(name, content, sidecar.as_ref())
}

fn publication(
    name: &str,
    content: String,
    sidecar: Option<&Sidecar>,
) -> Result<Publication, Error> {
    let read = documents::parse(&content).map_err(|err| {
        Error::new(Exit::Usage, format!("{name} is not a document")).because(&err)
    })?;
    let kind = match read.schema_version.as_str() {
        "0.3" => Kind::Automation,
        "1.0" => {
            let message = format!("{name} is a Session document, which fleet does not publish");
            return Err(Error::new(Exit::Usage, message));
        }
        _ => Kind::Command,
    };
    let hash = documents::hash(&content);
    let mut tags = vec![(HASH_TAG.to_owned(), hash.clone())];
    tags.extend(sidecar.map(|it| (VERSION_TAG.to_owned(), it.version.clone())));
    Ok(Publication {
        name: name.to_owned(),
        notation: Notation::of(&content),
        content,
        hash,
        kind,
        tags,
    })
}
