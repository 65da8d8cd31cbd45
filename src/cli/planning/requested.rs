//! What the flags ask for: the document's name and its parameters, or the command that stands for one.
//! It asks no service.

use crate::{
    cli::args::{DocumentArgs, LimitArgs, Selection},
    error::Error,
    exit::Exit,
    plan::{Note, Parameters, Platform, Target},
};

/// Refuses flags that say again what a plan says that was written down.
pub(in crate::cli) fn nothing_again(
    selection: &Selection,
    document: &DocumentArgs,
    limits: &LimitArgs,
) -> Result<(), Error> {
    if selection.is_given() || document.is_given() || limits.is_given() {
        let message = "--plan says whom, what and how fast; no flag may say so again";
        return Err(Error::new(Exit::Usage, message));
    }
    Ok(())
}

/// Refuses flags that name neither a document nor a command.
pub(in crate::cli) fn something_to_run(document: &DocumentArgs) -> Result<(), Error> {
    if document.doc.is_none() && document.command.iter().all(|it| it.trim().is_empty()) {
        return Err(Error::new(Exit::Usage, "there is nothing to run")
            .hint("pass --doc NAME, or a command after `--`"));
    }
    Ok(())
}

/// Gathers `--param`: a name that is repeated makes a list.
pub(in crate::cli) fn given(document: &DocumentArgs) -> Result<Parameters, Error> {
    let mut parameters = Parameters::default();
    for (name, values) in document.params.values() {
        parameters.0.entry(name.clone()).or_default().extend(values.iter().cloned());
    }
    if !document.command.is_empty() && parameters.0.contains_key("commands") {
        let message = "`-- COMMAND` and --param commands=… say the same thing twice";
        return Err(Error::new(Exit::Usage, message));
    }
    Ok(parameters)
}

/// Returns what a command is taken to be for where no platform is known.
pub(super) fn assumed(document: &DocumentArgs, candidates: Option<&[Target]>) -> Option<Note> {
    let is_known = candidates.is_some_and(|it| it.iter().any(|it| it.platform.is_some()));
    if document.doc.is_some() || is_known {
        return None;
    }
    let text = "the platform of the instances is not known, and the command is sent for a shell: \
                for Windows pass --doc AWS-RunPowerShellScript";
    Some(Note::new("document.assumed", text))
}

/// Returns the document's name and its parameters: as given, or the one that runs a command.
pub(in crate::cli) fn what_to_run(
    document: &DocumentArgs,
    mut parameters: Parameters,
    candidates: Option<&[Target]>,
) -> Result<(String, Parameters), Error> {
    if let Some(name) = &document.doc {
        return Ok((name.clone(), parameters));
    }
    let is_windows = |it: &Target| it.platform == Some(Platform::Windows);
    let candidates = candidates.unwrap_or_default();
    let n_windows = candidates.iter().filter(|it| is_windows(it)).count();
    let n_others = candidates.iter().filter(|it| it.platform.is_some() && !is_windows(it)).count();
    if n_windows > 0 && n_others > 0 {
        let message = "a command runs on one platform, and the selection has Windows and others";
        return Err(Error::new(Exit::Usage, message)
            .hint("pass --doc AWS-RunShellScript or --doc AWS-RunPowerShellScript"));
    }
    let (name, line) = if n_windows > 0 {
        ("AWS-RunPowerShellScript", document.command.join(" "))
    } else {
        ("AWS-RunShellScript", shell_line(&document.command))
    };
    parameters.0.insert("commands".to_owned(), vec![line]);
    Ok((name.to_owned(), parameters))
}

/// Returns the command as a shell line: one word is a line already, several are quoted, so that
/// they arrive as they were typed here.
fn shell_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => shell_words::join(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_arrives_as_it_was_typed() {
        let check = |words: &[&str], line: &str| {
            let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(shell_line(&words), line);
        };
        check(&["uptime"], "uptime");
        check(&["df -h | tail -1"], "df -h | tail -1");
        check(&["echo", "a b", "$HOME"], "echo 'a b' '$HOME'");
    }
}
