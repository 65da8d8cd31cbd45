//! The documents that a template deploys along with the role.

use std::path::Path;

use super::{PolicyArgs, basis::Basis};
use crate::{
    aws::Publication,
    cli::docs::wanted::of_canned,
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    output::{NewDocument, Terminal},
};

/// Returns the document of fleet's that the template deploys along with the role, and says if a plan
/// leaves it out.
pub(super) fn shipped_for(
    args: &PolicyArgs,
    basis: &Basis,
    terminal: &mut Terminal,
) -> Result<Option<NewDocument>, Error> {
    let name = basis.documents.first().map(String::as_str);
    if let (Some(_), Some(version)) = (&args.plan, &basis.version)
        && let Some(it) = shipped(args, (name, None))?
    {
        terminal.note(&format!(
            "{} is published already, as version {version}: the template leaves it out",
            it.name
        ));
    }
    shipped(args, (name, basis.version.as_deref()))
}

/// Returns the document of fleet's that a template deploys along with the role: the one that is
/// named, unless a version is, which somebody has published.
pub(super) fn shipped(
    args: &PolicyArgs,
    (name, version): (Option<&str>, Option<&str>),
) -> Result<Option<NewDocument>, Error> {
    let canned = name.and_then(Canned::find);
    let canned = canned.filter(|_| args.is_template() && version.is_none());
    canned
        .map(|it| {
            let Publication { name, content, tags, .. } = of_canned(it)?;
            Ok(NewDocument { name, text: content, tags })
        })
        .transpose()
}

/// Reads the document that a template deploys under the name that --doc gives.
pub(super) fn new_document(args: &PolicyArgs, path: &Path) -> Result<NewDocument, Error> {
    let refused = |message: String| Error::new(Exit::Usage, message);
    let text = std::fs::read_to_string(path).map_err(|err| {
        refused(format!("could not read the document {}", path.display())).because(&err)
    })?;
    let content = documents::content(&text)
        .map_err(|err| refused(format!("{} is not a document", path.display())).because(&err))?;
    // It may be a number as well as a text.
    let schema = content.get("schemaVersion").map(ToString::to_string).unwrap_or_default();
    let kind = match schema.trim_matches('"') {
        "0.3" => "an Automation runbook",
        "1.0" => "a Session document",
        _ => "",
    };
    if !kind.is_empty() {
        let message = format!("{} is {kind}, which Run Command does not send", path.display());
        return Err(refused(message));
    }
    let name = args.document.doc.clone().unwrap_or_default();
    if name.starts_with("arn:") || crate::plan::is_reserved_name(&name) {
        let message = format!("`{name}` is not a name that a document of yours can have");
        return Err(refused(message));
    }
    Ok(NewDocument { name, text, tags: Vec::new() })
}
