//! Turns a world's text into a world, or into an error that names the place.
//! It knows where things are in the text; what a group or a role may be is its neighbours' matter.

use std::{collections::BTreeMap, io, ops::RangeInclusive, string::FromUtf8Error, time::Duration};

use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::{World, WorldError, elsewhere, raw};

/// Reads a file that the world names.
pub(super) type ReadFile<'a> = &'a dyn Fn(&str) -> io::Result<String>;

/// A world's text, and what errors call it.
pub(super) struct Source<'a> {
    text: &'a str,
    origin: String,
}

const DEFAULT_ACCOUNT: &str = "123456789012";
const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_VISIBLE_AFTER: Duration = Duration::from_secs(1);

/// The clock divides by it and multiplies with it: beyond this, timers lose their meaning.
const SPEEDS: RangeInclusive<f64> = 0.001..=1_000_000.0;

/// No simulated wait is longer than this.
const MAX_DURATION: SignedDuration = SignedDuration::from_hours(24 * 365);

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, origin: String) -> Self {
        Self { text, origin }
    }

    pub(super) fn world(&self, file: ReadFile<'_>) -> Result<World, WorldError> {
        let raw: raw::World = self.read()?;
        let account = self.account(raw.account)?;
        let region = self.region(raw.region)?;
        let materials = self.materials(raw.image, raw.key, &account)?;
        let network = self.network(raw.network, &materials)?;
        let is_shut_out = |it: &&raw::Group| it.stores_output == Some(false);
        let shut_out = raw.group.iter().filter(is_shut_out).map(|it| it.name.get_ref().clone());
        let shut_out = shut_out.collect();
        let groups = self.groups(raw.group, &region, (&materials, file))?;
        let outcomes = self.outcomes(raw.outcome, &groups)?;
        let events = self.events(raw.event, &groups)?;
        let documents = self.documents(&raw.document, [&account, &region], file)?;
        let runbooks = self.runbooks(raw.runbook, &groups, &documents)?;
        let users = self.users(&raw.user, file)?;
        let roles = self.roles(&raw.role, file)?;
        let policies = self.policies(&raw.policy, &account, file)?;
        let elsewhere = elsewhere::Raw {
            buckets: raw.buckets,
            shut_out,
            topics: raw.topics,
            alarms: raw.alarm,
            resource_groups: raw.resource_group,
        };
        let elsewhere = self.elsewhere(elsewhere, [&account, &region], &roles)?;
        let visible_after =
            self.duration_or(raw.visible_after, "visible_after", DEFAULT_VISIBLE_AFTER)?;
        Ok(World {
            account,
            region,
            seed: raw.seed.unwrap_or(1),
            speed: self.speed(raw.speed)?,
            visible_after,
            ping_lag: self.duration_or(raw.ping_lag, "ping_lag", Duration::ZERO)?,
            sts_active: raw.sts_active.unwrap_or(true),
            groups,
            outcomes,
            runbooks,
            events,
            documents,
            users,
            roles,
            policies,
            elsewhere,
            network,
            images: materials.images,
            keys: materials.keys,
            faults: self.faults(raw.fault)?,
            notices: Vec::new(),
        })
    }

    /// Reads the text, whatever the values say.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, WorldError> {
        toml::from_str(self.text).map_err(|err| {
            let at = err.span().unwrap_or(0..0);
            self.error(at.start, self.key_at(at.start), err.message().replace('\n', ": "))
        })
    }

    fn account(&self, raw: Option<Spanned<String>>) -> Result<String, WorldError> {
        let Some(it) = raw else { return Ok(DEFAULT_ACCOUNT.to_owned()) };
        if !is_account(it.get_ref()) {
            let message = format!("{:?} is not an account: expected 12 digits", it.get_ref());
            return Err(self.refuse(&it, "account", message));
        }
        Ok(it.into_inner())
    }

    fn region(&self, raw: Option<Spanned<String>>) -> Result<String, WorldError> {
        let Some(it) = raw else { return Ok(DEFAULT_REGION.to_owned()) };
        let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        if !it.get_ref().contains('-') || !it.get_ref().bytes().all(is_plain) {
            let message = format!("{:?} is not a region such as us-east-1", it.get_ref());
            return Err(self.refuse(&it, "region", message));
        }
        Ok(it.into_inner())
    }

    fn speed(&self, raw: Option<Spanned<f64>>) -> Result<f64, WorldError> {
        let Some(it) = raw else { return Ok(1.0) };
        if !SPEEDS.contains(it.get_ref()) {
            let message = format!("{} is out of range: expected 0.001 to 1,000,000", it.get_ref());
            return Err(self.refuse(&it, "speed", message));
        }
        Ok(it.into_inner())
    }

    /// Reads a duration such as `1s`, `500ms` or `1h30m`.
    pub(super) fn duration(&self, it: &Spanned<String>, key: &str) -> Result<Duration, WorldError> {
        let parsed = it.get_ref().parse::<SignedDuration>().ok();
        let parsed = parsed.filter(|it| *it <= MAX_DURATION);
        parsed.and_then(|it| Duration::try_from(it).ok()).ok_or_else(|| {
            let message = format!(
                "{:?} is not a duration: expected such as \"1s\", \"500ms\" or \"1h30m\", up to a \
                 year",
                it.get_ref()
            );
            self.refuse(it, key, message)
        })
    }

    pub(super) fn duration_or(
        &self,
        it: Option<Spanned<String>>,
        key: &str,
        default: Duration,
    ) -> Result<Duration, WorldError> {
        it.map_or(Ok(default), |it| self.duration(&it, key))
    }

    /// Finds a word among those allowed.
    pub(super) fn word<T: Copy>(
        &self,
        it: &Spanned<String>,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<T, WorldError> {
        if let Some((_, res)) = words.iter().find(|(word, _)| word == it.get_ref()) {
            return Ok(*res);
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = match words.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            other => other.join(""),
        };
        let message = format!("unknown value {:?}, expected {expected}", it.get_ref());
        Err(self.refuse(it, key, message))
    }

    /// Refuses tags whose keys AWS does not take.
    pub(super) fn check_tag_keys(
        &self,
        tags: &Spanned<BTreeMap<String, String>>,
        key: &str,
    ) -> Result<(), WorldError> {
        for it in tags.get_ref().keys() {
            if it.starts_with("aws:") {
                let message =
                    format!("{it:?} is reserved: tags that begin with aws: are AWS's own");
                return Err(self.refuse(tags, key, message));
            }
            // 128 Unicode characters (IAM and EC2 Auto Scaling references, Tag).
            if it.is_empty() || it.chars().count() > 128 {
                let message =
                    format!("{it:?} is not the key of a tag: expected 1 to 128 characters");
                return Err(self.refuse(tags, key, message));
            }
        }
        Ok(())
    }

    /// Reads the file that a value names.
    pub(super) fn file(
        &self,
        it: &Spanned<String>,
        key: &str,
        read: ReadFile<'_>,
    ) -> Result<String, WorldError> {
        read(it.get_ref())
            .map_err(|err| self.refuse(it, key, format!("could not read {}: {err}", it.get_ref())))
    }

    /// Refuses a value, in words that follow the key.
    pub(super) fn refuse<T>(
        &self,
        value: &Spanned<T>,
        key: &str,
        message: impl Into<String>,
    ) -> WorldError {
        self.error(value.span().start, key.to_owned(), message.into())
    }

    fn error(&self, offset: usize, key: String, message: String) -> WorldError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|it| *it != '\n').count() + 1;
        WorldError::Invalid { origin: self.origin.clone(), line, column, key, message }
    }

    /// Returns the key whose line holds `offset`, with its table's name before it: for errors of
    /// the TOML reader, which knows the place but not the path.
    fn key_at(&self, offset: usize) -> String {
        let start = self.text.get(..offset).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
        let line = self.text.get(start..).and_then(|it| it.lines().next()).unwrap_or_default();
        let table = self.text.get(..start).unwrap_or_default().lines().rev().find_map(header);
        let key = line.split_once('=').map(|(key, _)| key.trim().trim_matches('"'));
        match (header(line), table, key) {
            (Some(table), _, _) => table.to_owned(),
            (None, Some(table), Some(key)) => format!("{table}.{key}"),
            (None, None, Some(key)) => key.to_owned(),
            (None, _, None) => String::new(),
        }
    }
}

/// Says where a world stops being text.
pub(super) fn not_text(err: &FromUtf8Error, origin: String) -> WorldError {
    let good = err.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(err.as_bytes().get(..good).unwrap_or_default());
    Source::new(&text, origin).error(good, String::new(), "this is not UTF-8".to_owned())
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

/// Returns the name in a line such as `[[group]]`.
fn header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let inner = inner.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(inner);
    let is_key = |it: char| it.is_ascii_alphanumeric() || "._- ".contains(it);
    (!inner.is_empty() && inner.chars().all(is_key)).then_some(inner.trim())
}
