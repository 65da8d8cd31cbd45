//! What holds for one command: its flags, and behind them what `fleet.toml` says.

use std::{cell::RefCell, path::PathBuf};

use super::{access::AccessArgs, args::LimitArgs};
use crate::{
    config::{Config, ConfigError, File, Origin, Places, Section, Standing, Value},
    error::Error,
    exit::Exit,
    plan::{Ceilings, Note, Redaction},
};

/// The files that hold for this command, and what of them it used.
#[derive(Debug, Default)]
pub(super) struct Settings {
    config: Config,
    used: RefCell<Vec<Origin>>,
}

/// Where the role that is to be assumed was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By a flag, by an earlier run, or by a file that the user chose or owns.
    ByTheUser,
    /// By a file in the folder that fleet was started in, which may be anybody's.
    ByTheFolder(Origin),
}

impl Settings {
    /// Reads the files.
    pub(super) fn load(args: &AccessArgs) -> Result<Self, Error> {
        let places = Places {
            named: args.config.clone(),
            working_directory: std::env::current_dir().ok(),
            own: own_directory(),
        };
        let config = Config::load(&places, args.env.as_deref())?;
        Ok(Self { config, used: RefCell::default() })
    }

    /// Returns the access that the flags name, and what the files say where they name none.
    pub(super) fn access(&self, args: &AccessArgs) -> Result<(AccessArgs, Named), Error> {
        let mut res = args.clone();
        let mut named = Named::ByTheUser;
        if res.region.is_none() {
            res.region = self.first(|it| it.region.as_ref());
        }
        if res.profile.is_none() && res.sim.is_none() {
            res.profile = self.first(|it| it.aws_profile.as_ref());
        }
        if res.role_arn.is_none()
            && let Some(role) = self.find(|it| it.role_arn.as_ref())
        {
            res.role_arn = Some(self.use_up(role));
            if role.origin.standing == Standing::WorkingDirectory {
                named = Named::ByTheFolder(role.origin.clone());
            }
        }
        let Some(role_arn) = res.role_arn.clone() else {
            return Ok((res, named));
        };
        let files = self.config.files.iter();
        let of_role: Vec<&Section> = files.flat_map(|it| of_role(it, &role_arn)).collect();
        res.external_id =
            res.external_id.or_else(|| self.of(&of_role, |it| it.external_id.as_ref()));
        res.duration = res.duration.or_else(|| self.of(&of_role, |it| it.duration.as_ref()));
        res.mfa_serial = res.mfa_serial.or_else(|| self.of(&of_role, |it| it.mfa_serial.as_ref()));
        res.source_identity =
            res.source_identity.or_else(|| self.of(&of_role, |it| it.source_identity.as_ref()));
        if res.session_tag.is_empty() {
            res.session_tag = self.of(&of_role, |it| it.session_tags.as_ref()).unwrap_or_default();
        }
        if res.transitive_tag.is_empty() {
            let keys = self.of(&of_role, |it| it.transitive_tags.as_ref());
            res.transitive_tag = keys.unwrap_or_default();
        }
        check_tags(&res)?;
        Ok((res, named))
    }

    /// Returns the limits that the flags name, and what the files say where they name none.
    pub(super) fn limits(&self, args: &LimitArgs) -> LimitArgs {
        let mut res = args.clone();
        res.max_concurrency =
            res.max_concurrency.or_else(|| self.first(|it| it.max_concurrency.as_ref()));
        res.max_errors = res.max_errors.or_else(|| self.first(|it| it.max_errors.as_ref()));
        res.timeout = res.timeout.or_else(|| self.first(|it| it.timeout.as_ref()));
        res.deadline = res.deadline.or_else(|| self.first(|it| it.deadline.as_ref()));
        let s3 = self.first(|it| it.output_s3.as_ref());
        res.storage = res.storage.or_place(s3, self.first(|it| it.output_logs.as_ref()));
        res
    }

    /// Returns the ceilings of all files.
    pub(super) fn ceilings(&self) -> Ceilings {
        Ceilings(self.config.sections().flat_map(|it| it.ceilings.clone()).collect())
    }

    /// Returns what the flags and all files want withheld.
    pub(super) fn redaction(&self, args: &AccessArgs) -> Redaction {
        let of_files = self.config.sections().flat_map(|it| &it.redact);
        Redaction::new(args.redact.iter().chain(of_files).cloned().collect())
    }

    /// Returns what of the files was used, for whoever reviews the plan.
    pub(super) fn note(&self) -> Option<Note> {
        let used = self.used.borrow();
        let files = self.config.files.iter().filter_map(|file| {
            let keys = used.iter().filter(|it| it.path == file.path);
            let keys: Vec<String> =
                keys.map(|it| format!("{} (line {})", it.key, it.line)).collect();
            (!keys.is_empty()).then(|| format!("{} says {}", file.path.display(), keys.join(", ")))
        });
        let files: Vec<String> = files.collect();
        (!files.is_empty()).then(|| Note::new("config.used", files.join("; ")))
    }

    /// Returns the files that are followed, for people.
    pub(super) fn files(&self) -> Vec<String> {
        self.config.files.iter().map(|it| it.path.display().to_string()).collect()
    }

    fn find<T>(&self, of: impl Fn(&Section) -> Option<&Value<T>>) -> Option<&Value<T>> {
        self.config.sections().find_map(of)
    }

    fn first<T: Clone>(&self, of: impl Fn(&Section) -> Option<&Value<T>>) -> Option<T> {
        self.find(of).map(|it| self.use_up(it))
    }

    fn of<T: Clone>(
        &self,
        sections: &[&Section],
        of: impl Fn(&Section) -> Option<&Value<T>>,
    ) -> Option<T> {
        sections.iter().find_map(|it| of(it)).map(|it| self.use_up(it))
    }

    fn use_up<T: Clone>(&self, it: &Value<T>) -> T {
        let mut used = self.used.borrow_mut();
        if !used.contains(&it.origin) {
            used.push(it.origin.clone());
        }
        it.value.clone()
    }
}

/// Returns the sections whose word on a session is for this role, and not for another one: an external
/// id is shared with one party alone. A section that names no role speaks of the one that the
/// sections behind it name, if they name one.
fn of_role<'a>(file: &'a File, role_arn: &str) -> impl Iterator<Item = &'a Section> {
    let is_of_role = |n: &usize| {
        let named = file.sections[*n..].iter().find_map(|it| it.role_arn.as_ref());
        named.is_none_or(|it| it.value == role_arn)
    };
    let sections: Vec<usize> = (0..file.sections.len()).filter(is_of_role).collect();
    sections.into_iter().map(|n| &file.sections[n])
}

/// The most session tags (AssumeRole reference).
const MOST_TAGS: usize = 50;

fn check_tags(access: &AccessArgs) -> Result<(), Error> {
    let keys: Vec<String> = access.session_tag.iter().map(|(key, _)| key.to_lowercase()).collect();
    for (n, key) in keys.iter().enumerate() {
        // Keys differ by more than their case (AssumeRole reference).
        if keys[..n].contains(key) {
            let message = format!("the session tag `{key}` is there twice");
            return Err(Error::new(Exit::Usage, message));
        }
    }
    // STS takes no more (AssumeRole reference), and would repeat them all in its refusal.
    if keys.len() > MOST_TAGS {
        let message = format!("there are {} session tags, and STS takes {MOST_TAGS}", keys.len());
        return Err(Error::new(Exit::Usage, message).hint("pass fewer --session-tag"));
    }
    let is_known = |it: &&String| keys.contains(&it.to_lowercase());
    match access.transitive_tag.iter().find(|it| !is_known(it)) {
        None => Ok(()),
        Some(key) => {
            let message = format!("the transitive tag `{key}` is no tag of this session");
            Err(Error::new(Exit::Usage, message).hint(format!("pass --session-tag {key}=VALUE")))
        }
    }
}

/// Returns `$XDG_CONFIG_HOME/fleet`, by default `~/.config/fleet`. A relative path is to be ignored
/// (XDG base directory specification).
fn own_directory() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let config = absolute("XDG_CONFIG_HOME");
    let config = config.or_else(|| absolute("HOME").map(|it| it.join(".config")));
    config.map(|it| it.join("fleet"))
}

impl From<ConfigError> for Error {
    fn from(err: ConfigError) -> Self {
        let it = Self::of(Exit::Usage, &err);
        match err {
            ConfigError::Refused { snippet: Some(snippet), .. } => {
                Self { causes: vec![format!("this line:\n{snippet}")], ..it }
            }
            ConfigError::Refused { snippet: None, .. } | ConfigError::Unreadable { .. } => it,
            ConfigError::NotYours { .. } => {
                it.hint("pass --config FILE to follow it all the same, or start fleet elsewhere")
            }
            ConfigError::NoSuchEnvironment { looked_in, .. } if looked_in.is_empty() => {
                it.hint("there is no fleet.toml here, nor in the user's configuration directory")
            }
            ConfigError::NoSuchEnvironment { known, .. } if known.is_empty() => {
                it.hint("an environment is a table [profile.NAME]")
            }
            ConfigError::NoSuchEnvironment { known, .. } => {
                it.hint(format!("there is {}", known.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_one_roles_session_is_not_said_of_anothers() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("fleet.toml");
        let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
        let check = |text: &str, environment: Option<&str>, to: &str, expected: Option<&str>| {
            let text = text.replace("ROLE", &role(""));
            std::fs::write(&path, &text).unwrap();
            let places = Places { named: Some(path.clone()), working_directory: None, own: None };
            let config = Config::load(&places, environment).unwrap();
            let (file, role) = (&config.files[0], role(to));
            let found = of_role(file, &role).find_map(|it| it.external_id.as_ref());
            let found = found.map(|it| it.value.as_str());
            assert_eq!(found, expected, "{environment:?} {to}:\n{text}");
        };
        let both = "role_arn = \"ROLEa\"\nexternal_id = \"for-a\"\n\
                    [profile.b]\nrole_arn = \"ROLEb\"\n";
        check(both, None, "a", Some("for-a"));
        check(both, Some("b"), "b", None);
        check(both, Some("b"), "a", Some("for-a"));
        let shared = "external_id = \"shared\"\n[profile.b]\nrole_arn = \"ROLEb\"\n";
        check(shared, Some("b"), "b", Some("shared"));
        check(shared, None, "c", Some("shared"));
        let nearer = "role_arn = \"ROLEa\"\n[profile.b]\nexternal_id = \"for-a\"\n";
        check(nearer, Some("b"), "a", Some("for-a"));
        check(nearer, Some("b"), "c", None);
    }
}
