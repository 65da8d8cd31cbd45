//! `fleet.toml`: which role, which region, which limits, and what is never to be exceeded. It reads
//! and checks; flags win over it, and what becomes of it is the command line's matter.
//!
//! Two files are read, the one in the working directory and the user's own. What the nearer one
//! says wins; ceilings and redactions of both hold, so that neither loosens the other.

mod raw;
mod source;

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use regex::Regex;
use toml::Spanned;

use self::source::Source;
pub use self::source::{Origin, Standing, Value};
use crate::plan::{
    Ceiling, CeilingRule, DocumentPattern, Limit, S3Place, Scope, check_session_tag,
    parse_deadline, parse_delivery_timeout, parse_external_id, parse_log_group, parse_mfa_serial,
    parse_session_length, parse_source_identity,
};

/// What the file is called, wherever it is looked for.
pub const FILE_NAME: &str = "fleet.toml";

/// A configuration file is no longer than this; whatever is, is something else.
const LONGEST: u64 = 1024 * 1024;

/// What the files say, the word that wins first.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub files: Vec<File>,
}

/// What one file says: of the environment that was chosen, then of all.
#[derive(Debug, Clone)]
pub struct File {
    pub path: Arc<PathBuf>,
    pub standing: Standing,
    pub sections: Vec<Section>,
}

/// The keys of one table, checked.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub role_arn: Option<Value<String>>,
    pub external_id: Option<Value<String>>,
    /// Seconds.
    pub duration: Option<Value<i32>>,
    pub mfa_serial: Option<Value<String>>,
    pub session_tags: Option<Value<Vec<(String, String)>>>,
    pub transitive_tags: Option<Value<Vec<String>>>,
    pub source_identity: Option<Value<String>>,
    pub region: Option<Value<String>>,
    pub aws_profile: Option<Value<String>>,
    pub max_concurrency: Option<Value<Limit>>,
    pub max_errors: Option<Value<Limit>>,
    /// Seconds.
    pub timeout: Option<Value<u32>>,
    /// Seconds.
    pub deadline: Option<Value<u64>>,
    /// Where instances put all that they print.
    pub output_s3: Option<Value<S3Place>>,
    pub output_logs: Option<Value<String>>,
    pub redact: Vec<Regex>,
    pub ceilings: Vec<Ceiling>,
}

/// Why a file is not followed. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{origin}: {message}")]
    Refused { origin: Origin, message: String, snippet: Option<String> },
    #[error("could not read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{} belongs to somebody else, or others may write to it: it is not followed",
        path.display()
    )]
    NotYours { path: PathBuf },
    #[error("no configuration file has an environment `{name}`")]
    NoSuchEnvironment { name: String, known: Vec<String>, looked_in: Vec<PathBuf> },
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// A file that was named: no other is read.
    pub named: Option<PathBuf>,
    pub working_directory: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/fleet`, by default `~/.config/fleet`.
    pub own: Option<PathBuf>,
}

impl Config {
    /// Reads the files in `places`; `environment` is the `[profile.NAME]` that applies.
    ///
    /// # Errors
    /// If a file is there and cannot be read, says something that is not understood, or is not the
    /// user's, or if no file has the environment.
    pub fn load(places: &Places, environment: Option<&str>) -> Result<Self, ConfigError> {
        let found = match &places.named {
            Some(path) => vec![(path.clone(), Standing::Named)],
            None => {
                let here = places.working_directory.iter();
                let here = here.map(|it| (it.join(FILE_NAME), Standing::WorkingDirectory));
                let own = places.own.iter().map(|it| (it.join(FILE_NAME), Standing::Own));
                here.chain(own).collect()
            }
        };
        let mut res = Self::default();
        let (mut known, mut is_known) = (Vec::new(), environment.is_none());
        for (path, standing) in found {
            let Some(text) = read(&path, standing)? else { continue };
            let path = Arc::new(path);
            let source = Source { path: Arc::clone(&path), standing, text: &text };
            let mut raw: raw::Section =
                toml::from_str(&text).map_err(|err| source.unreadable(&err))?;
            let profiles = std::mem::take(&mut raw.profile);
            let mut sections = Vec::new();
            for (name, profile) in profiles {
                // Those that were not chosen are checked too: a mistake shows before its day comes.
                let section = source.section(profile)?;
                if environment == Some(name.as_str()) {
                    is_known = true;
                    sections.push(section);
                }
                known.push(name);
            }
            sections.push(source.section(raw)?);
            res.files.push(File { path, standing, sections });
        }
        if let (Some(name), false) = (environment, is_known) {
            let looked_in = res.files.iter().map(|it| it.path.to_path_buf()).collect();
            return Err(ConfigError::NoSuchEnvironment { name: name.to_owned(), known, looked_in });
        }
        Ok(res)
    }

    /// Returns the sections of all files, the word that wins first.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.files.iter().flat_map(|it| &it.sections)
    }
}

impl File {
    /// Returns what the first section says that says it.
    pub fn first<T>(&self, of: impl Fn(&Section) -> Option<&Value<T>>) -> Option<&Value<T>> {
        self.sections.iter().find_map(of)
    }
}

/// Returns the text of a file, or `None` if there is none.
fn read(path: &Path, standing: Standing) -> Result<Option<String>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(it) => it,
        Err(err) if err.kind() == io::ErrorKind::NotFound && standing != Standing::Named => {
            return Ok(None);
        }
        Err(err) => return Err(unreadable(err)),
    };
    // A folder that several people write to must not choose a role for whoever passes through it.
    let me = rustix::process::geteuid().as_raw();
    let is_mine = metadata.uid() == me || metadata.uid() == 0;
    let is_writable_by_others = metadata.is_file() && metadata.mode() & 0o002 != 0;
    if standing == Standing::WorkingDirectory && (!is_mine || is_writable_by_others) {
        return Err(ConfigError::NotYours { path: path.to_owned() });
    }
    if metadata.len() > LONGEST {
        let err = io::Error::new(io::ErrorKind::InvalidData, "it is longer than 1 MiB");
        return Err(unreadable(err));
    }
    std::fs::read_to_string(path).map(Some).map_err(unreadable)
}

impl Source<'_> {
    fn section(&self, raw: raw::Section) -> Result<Section, ConfigError> {
        if let Some(name) = raw.profile.keys().next() {
            let message = format!("a profile holds no profile, and here is `{name}`");
            let at = self.text.find(&format!(".profile.{name}")).unwrap_or(0);
            return Err(self.refuse(&(at..at), message));
        }
        let (limits, ceilings) = (raw.limits, raw.ceilings);
        let mut rules = Vec::new();
        let mut rule = |rule, origin: &Origin| {
            rules.push(Ceiling { rule, origin: origin.to_string() });
        };
        if let Some(it) = self.value(ceilings.max_concurrency, Limit::parse_concurrency)? {
            rule(CeilingRule::MaxConcurrency(it.value), &it.origin);
        }
        if let Some(it) = self.value(ceilings.max_errors, Limit::parse_errors)? {
            rule(CeilingRule::MaxErrors(it.value), &it.origin);
        }
        if let Some(it) = ceilings.require_plan.filter(|it| *it.get_ref()) {
            rule(CeilingRule::RequirePlan, &self.origin(&it.span()));
        }
        if let Some(it) = ceilings.allow_documents {
            let origin = self.origin(&it.span());
            let patterns = it.into_inner().into_iter().map(DocumentPattern);
            rule(CeilingRule::AllowDocuments(patterns.collect()), &origin);
        }
        if let Some(it) = raw.aws_profile.as_ref().filter(|_| self.is_found_here()) {
            let message = "a file in the working directory chooses no profile of the AWS \
                           configuration: put it into your own fleet.toml, or pass --config";
            return Err(self.refuse(&it.span(), message));
        }
        let place = raw.output.s3.as_ref().or(raw.output.logs.as_ref());
        if let Some(it) = place.filter(|_| self.is_found_here()) {
            let message = "a file in the working directory says of no place where instances put \
                           what they print: put it into your own fleet.toml, or pass --config";
            return Err(self.refuse(&it.span(), message));
        }
        let mut session_tags = None;
        if let Some(raw) = raw.session_tags {
            for (key, value) in raw.get_ref() {
                check_session_tag(key, value)
                    .map_err(|why| self.refuse(&raw.span(), format!("tag {key}: {why}")))?;
            }
            let origin = self.origin(&raw.span());
            let value = raw.into_inner().into_iter().collect();
            session_tags = Some(Value { value, origin });
        }
        Ok(Section {
            role_arn: self.value(raw.role_arn, role_arn)?,
            external_id: self.value(raw.external_id, parse_external_id)?,
            duration: self.value(raw.duration, parse_session_length)?,
            mfa_serial: self.value(raw.mfa_serial, parse_mfa_serial)?,
            session_tags,
            transitive_tags: self.kept(raw.transitive_tags),
            source_identity: self.value(raw.source_identity, parse_source_identity)?,
            region: self.value(raw.region, region)?,
            aws_profile: self.value(raw.aws_profile, plain)?,
            max_concurrency: self.value(limits.max_concurrency, Limit::parse_concurrency)?,
            max_errors: self.value(limits.max_errors, Limit::parse_errors)?,
            timeout: self.value(limits.timeout, parse_delivery_timeout)?,
            deadline: self.value(limits.deadline, parse_deadline)?,
            output_s3: self.value(raw.output.s3, str::parse::<S3Place>)?,
            output_logs: self.value(raw.output.logs, parse_log_group)?,
            redact: raw.redact.iter().map(|it| self.pattern(it)).collect::<Result<_, _>>()?,
            ceilings: rules,
        })
    }

    fn is_found_here(&self) -> bool {
        self.standing == Standing::WorkingDirectory
    }

    fn value<T, E: ToString>(
        &self,
        raw: Option<Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Value<T>>, ConfigError> {
        let Some(raw) = raw else { return Ok(None) };
        let value =
            parse(raw.get_ref()).map_err(|err| self.refuse(&raw.span(), err.to_string()))?;
        Ok(Some(Value { value, origin: self.origin(&raw.span()) }))
    }

    fn kept<T>(&self, raw: Option<Spanned<T>>) -> Option<Value<T>> {
        raw.map(|it| {
            let origin = self.origin(&it.span());
            Value { value: it.into_inner(), origin }
        })
    }

    /// What the reader of TOML says repeats what is there, and a pattern may be the very secret that
    /// it keeps out.
    fn unreadable(&self, err: &toml::de::Error) -> ConfigError {
        let span = err.span().unwrap_or(0..0);
        if self.may_be_a_pattern(&span) {
            let message = "it is not a list of strings, [\"…\", \"…\"], or one of them has no end";
            return self.refuse_unseen(&span, message);
        }
        self.refuse(&span, err.message().replace('\n', ": "))
    }

    /// A pattern may be the very secret that it keeps out, so it is not repeated.
    fn pattern(&self, raw: &Spanned<String>) -> Result<Regex, ConfigError> {
        redaction(raw.get_ref()).map_err(|message| self.refuse_unseen(&raw.span(), message))
    }
}

/// Parses a pattern of what is to be withheld; the error does not repeat it.
pub fn redaction(text: &str) -> Result<Regex, String> {
    let pattern = Regex::new(text).map_err(|_| "it is not a regular expression".to_owned())?;
    if pattern.is_match("") {
        return Err("it matches where nothing is, and so everywhere".to_owned());
    }
    Ok(pattern)
}

fn plain(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it is empty") } else { Ok(text.to_owned()) }
}

/// Parses the ARN of a role.
pub fn role_arn(text: &str) -> Result<String, &'static str> {
    match Scope::of_role(text, "") {
        Some(_) => Ok(text.to_owned()),
        None => Err("it is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME"),
    }
}

/// Parses the name of a region.
pub fn region(text: &str) -> Result<String, &'static str> {
    let is_region =
        !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    if is_region { Ok(text.to_owned()) } else { Err("it is not a region such as eu-west-1") }
}

#[cfg(test)]
mod tests;
