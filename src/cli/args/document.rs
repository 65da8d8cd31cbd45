//! The document of a run, and what it is given.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::{
    documents,
    error::Error,
    exit::Exit,
    plan::{ASSUME_ROLE, Acting, Document, DocumentKind, Documents, Parameters, Sidecar},
};

/// What runs a command of a user's: on Linux and macOS, and on Windows.
pub(in crate::cli) const SHELLS: [&str; 2] = ["AWS-RunShellScript", "AWS-RunPowerShellScript"];

/// What a document is given.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct ParamArgs {
    /// Parameter of the document; repeated for a list, or a JSON array of strings
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, Vec<String>)>,
    /// Parameter whose value is in a file, or on standard input (-): it does not stand in the
    /// process list; a line end at its end is dropped
    #[arg(long = "param-file", value_name = "NAME=FILE", value_parser = parameter_file)]
    param_file: Vec<(String, PathBuf)>,
    /// From files that were read, and from earlier runs.
    #[arg(skip)]
    read: Vec<(String, Vec<String>)>,
}

impl ParamArgs {
    /// Reads the files, once: what stood on standard input is gone then. What is dropped while it
    /// waits for one that nobody writes to, as an interrupt does, leaves a thread behind in its read.
    pub(in crate::cli) async fn read(mut self) -> Result<Self, Error> {
        for (name, path) in std::mem::take(&mut self.param_file) {
            let from = path.clone();
            let reading = tokio::task::spawn_blocking(move || match from.as_os_str() == "-" {
                true => std::io::read_to_string(std::io::stdin()),
                false => std::fs::read_to_string(&from),
            });
            let text = reading.await.map_err(std::io::Error::other).flatten();
            let mut text = text.map_err(|err| {
                let message = format!("could not read {} for parameter {name}", path.display());
                Error::new(Exit::Usage, message).because(&err)
            })?;
            for end in ['\n', '\r'] {
                if text.ends_with(end) {
                    text.pop();
                }
            }
            self.read.push((name, vec![text]));
        }
        Ok(self)
    }

    /// Returns those that have the name of one of `parameters`.
    pub(in crate::cli) fn among(&self, parameters: &Parameters) -> Self {
        let is_one = |name: &String| parameters.0.contains_key(name);
        let mut res = self.clone();
        res.param.retain(|it| is_one(&it.0));
        res.param_file.retain(|it| is_one(&it.0));
        res.read.retain(|it| is_one(&it.0));
        res
    }

    /// Returns whether any was given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        !(self.param.is_empty() && self.param_file.is_empty() && self.read.is_empty())
    }

    /// Returns all values. The files must have been read.
    pub(in crate::cli) fn values(&self) -> impl Iterator<Item = &(String, Vec<String>)> {
        self.read.iter().chain(&self.param)
    }

    /// Returns whether a value stands on the command line, where anybody may read it.
    pub(in crate::cli) fn is_on_the_command_line(&self, name: &str) -> bool {
        self.param.iter().any(|it| it.0 == name)
    }
}

/// Who named a document, which decides what advice on it can be followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) enum Origin {
    /// Flags of its own.
    #[default]
    Flags,
    /// `--then`, or what took its place in an earlier run: no flag is about it, and only these
    /// parameters of the first document reach it.
    Then { passed: Vec<String> },
    /// A plan that was written down.
    Plan,
    /// An earlier run.
    Run,
}

/// What is run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Document")]
pub(in crate::cli) struct DocumentArgs {
    /// SSM document: a name, or the ARN of a shared one
    #[arg(long, value_name = "DOC", conflicts_with = "command",
          value_parser = NonEmptyStringValueParser::new())]
    pub doc: Option<String>,
    /// Version of the document: a number, $LATEST or $DEFAULT
    #[arg(long, value_name = "VERSION", requires = "doc", value_parser = document_version)]
    pub doc_version: Option<String>,
    #[command(flatten)]
    pub params: ParamArgs,
    /// What a document of your own declares, as NAME.fleet.toml: how its findings are read, and how
    /// it is rolled out
    #[arg(long, value_name = "FILE", alias = "findings")]
    pub sidecar: Option<PathBuf>,
    /// What it declared when it was planned before.
    #[arg(skip)]
    pub before: Option<Sidecar>,
    #[arg(skip)]
    pub origin: Origin,
    /// The document is an Automation runbook, as its type says where that may be read: an execution
    /// for each instance
    #[arg(long, requires = "doc")]
    pub automation: bool,
    /// Parameter of an Automation runbook that takes the instance, where its content does not tell
    #[arg(long, value_name = "NAME", requires = "doc", value_parser = NonEmptyStringValueParser::new())]
    pub target_parameter: Option<String>,
    /// A shell command to run: short for AWS-RunShellScript, or AWS-RunPowerShellScript on Windows
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl DocumentArgs {
    /// Returns the document of an earlier run at its version, with its parameters; `given` stand in
    /// for those that were withheld, or replace them.
    pub(in crate::cli) async fn again(
        document: &Document,
        given: &ParamArgs,
    ) -> Result<Self, Error> {
        let given = given.clone().read().await?;
        let mut parameters = document.parameters.clone();
        parameters.0.retain(|name, _| !given.values().any(|it| it.0 == *name));
        if let Some(name) = parameters.missing_secrets().first() {
            let message = format!("the ledger withholds the value of parameter {name}");
            return Err(Error::new(Exit::Usage, message)
                .hint(format!("pass it again: --param-file {name}=FILE")));
        }
        let read = parameters.0.into_iter().chain(given.read).collect();
        Ok(Self {
            doc: Some(document.name.clone()),
            doc_version: document.version.clone(),
            params: ParamArgs { read, ..given },
            sidecar: None,
            before: document.sidecar.clone(),
            origin: Origin::Run,
            automation: document.automation.is_some(),
            target_parameter: document.automation.as_ref().map(|it| it.target_parameter.clone()),
            command: Vec::new(),
        })
    }

    /// Returns the document that shows whether `first` worked, with the parameters that this passes
    /// on to it.
    pub(in crate::cli) fn verifying(name: &str, first: &Document) -> Self {
        let rollout = first.sidecar.as_ref().map(|it| &it.rollout);
        let passed = rollout.filter(|it| it.verify.as_deref() == Some(name));
        let passed: Vec<String> =
            passed.into_iter().flat_map(|it| it.verify_parameters.clone()).collect();
        let given = &first.parameters.0;
        let read = passed.iter().filter_map(|it| Some((it.clone(), given.get(it)?.clone())));
        let params = ParamArgs { read: read.collect(), ..ParamArgs::default() };
        let origin = Origin::Then { passed };
        Self { doc: Some(name.to_owned()), params, origin, ..Self::default() }
    }

    /// Returns whether a document or a command was given; its parameters are another matter.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.doc.is_some() || self.sidecar.is_some() || !self.command.is_empty()
    }

    /// Reads the files that hold parameters, once.
    pub(in crate::cli) async fn read(self) -> Result<Self, Error> {
        Ok(Self { params: self.params.read().await?, ..self })
    }

    /// Returns what is sent: `names` are its documents, `role` is that of its steps. That a document
    /// is a runbook is known before it is read only where the flag says so, or its name.
    pub(in crate::cli) fn sent<'a>(
        &self,
        names: &'a [&'a str],
        role: Option<&'a str>,
    ) -> Documents<'a> {
        Documents { names, kind: self.kind(), role }
    }

    /// Returns what SSM does with the document, as far as that is known before it is read.
    pub(in crate::cli) fn kind(&self) -> DocumentKind {
        match self.automation || self.doc.as_deref().is_some_and(documents::is_runbook) {
            true => DocumentKind::Automation,
            false => DocumentKind::Command,
        }
    }

    /// Returns whose permissions the steps of a runbook have, as far as that is known before it is
    /// read.
    pub(in crate::cli) fn acting(&self) -> Acting {
        let given = self.params.values().filter(|(name, _)| name == ASSUME_ROLE).cloned();
        Acting::of(None, &given.collect())
    }

    /// Returns the documents that may be sent: which of two runs a command is known only when the
    /// platform is.
    pub(in crate::cli) fn documents(&self) -> Vec<&str> {
        match &self.doc {
            Some(name) => vec![name],
            None => SHELLS.to_vec(),
        }
    }
}

fn parameter(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    if name.is_empty() {
        return Err("it has no name before the =".to_owned());
    }
    // A JSON array of strings is a list; anything else is one value, brackets or not.
    let values = serde_json::from_str::<Vec<String>>(value).unwrap_or(vec![value.to_owned()]);
    Ok((name.to_owned(), values))
}

fn parameter_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("it is not NAME=FILE")?;
    if name.is_empty() || path.is_empty() {
        return Err("it is not NAME=FILE".to_owned());
    }
    Ok((name.to_owned(), path.into()))
}

pub(in crate::cli) fn document_version(text: &str) -> Result<String, &'static str> {
    let is_number = text.parse::<u32>().is_ok_and(|it| it > 0) && !text.starts_with(['0', '+']);
    if is_number || matches!(text, "$LATEST" | "$DEFAULT") {
        return Ok(text.to_owned());
    }
    Err("it is not a number from 1, $LATEST or $DEFAULT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_one_value_or_a_json_array_of_strings() {
        let check = |text: &str, values: &[&str]| {
            assert_eq!(parameter(text).unwrap().1, values, "{text}");
        };
        check("commands=uname -a; uptime", &["uname -a; uptime"]);
        check("commands=[\"a\",\"b\"]", &["a", "b"]);
        check("commands=[ -f /etc/passwd ]", &["[ -f /etc/passwd ]"]);
        check("empty=", &[""]);
        check("a=b=c", &["b=c"]);
        assert!(parameter("commands").is_err());
        assert!(parameter("=x").is_err());
    }
}
