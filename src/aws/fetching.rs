//! All that a step has printed: from SSM where that is all, otherwise from the bucket or the log
//! group that the instance has put it into. It hands bytes on as they come, and keeps none.

mod reach;

use std::{
    cell::{Cell, RefCell},
    io,
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

pub use self::reach::Reach;
use super::{
    clients::Aws,
    command::{LONGEST_STDERR, LONGEST_STDOUT},
    denial,
    error::{AwsError, ErrorKind},
    signed::{Request, Service},
};
use crate::{
    plan::{Outputs, S3Place},
    run::{Fetch, FetchStep, StoredFrom},
};

/// How much of an object is asked for at once: what one answer holds in memory.
const PART: u64 = 4 << 20;

/// An upload may be seen a moment after the invocation has ended: so often it is looked for again.
const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// When so many instances have put nothing there, nobody else is waited for: their profile may not.
const PATIENCE: u32 = 3;

/// Pages of a log stream: a hundred MiB and more, at up to 1 MiB a page.
const MOST_PAGES: usize = 4_096;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What became of a stream over all steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub from: StoredFrom,
    /// How many bytes were printed; `None` where that is not known.
    pub printed: Option<u64>,
    pub is_whole: bool,
    pub why: Option<String>,
}

impl Default for Got {
    fn default() -> Self {
        Self { from: StoredFrom::Ssm, printed: Some(0), is_whole: true, why: None }
    }
}

impl Got {
    /// Takes in what became of one step's.
    fn add(&mut self, step: Self) {
        if step.from != StoredFrom::Ssm {
            self.from = step.from;
        }
        self.printed = self.printed.zip(step.printed).map(|(a, b)| a + b);
        self.is_whole &= step.is_whole;
        self.why = self.why.take().or(step.why);
    }

    fn cut(why: impl Into<String>, printed: Option<u64>, from: StoredFrom) -> Self {
        Self { from, printed, is_whole: false, why: Some(why.into()) }
    }
}

/// Fetches for many instances, and learns from each what it need not ask of the next.
#[derive(Debug)]
pub struct Fetcher<'a> {
    aws: &'a Aws,
    outputs: &'a Outputs,
    /// Why the place is not asked any more.
    closed: RefCell<Option<String>>,
    /// How many have put nothing there.
    n_absent: Cell<u32>,
    /// GetCommandInvocation is not permitted.
    is_denied: Cell<bool>,
    /// Where the bucket is, if it is elsewhere.
    region: RefCell<Option<String>>,
}

/// Why there is nothing to be had from the place.
enum Trouble {
    /// It is not there: the instance has not put it there, or not yet.
    Absent,
    /// Nobody's is to be had.
    Closed(String),
    /// Nothing of this one is to be had.
    Failed(String),
    /// It broke off; so many bytes there are, if that is known.
    Broken(String, Option<u64>),
    /// It could not be written down.
    Unwritten(io::Error),
}

impl<'a> Fetcher<'a> {
    pub fn new(aws: &'a Aws, outputs: &'a Outputs) -> Self {
        Self {
            aws,
            outputs,
            closed: RefCell::default(),
            n_absent: Cell::default(),
            is_denied: Cell::default(),
            region: RefCell::default(),
        }
    }

    /// Hands both streams of an instance to `sink`, each in the order of its steps. An error is the
    /// sink's.
    pub async fn fetch(
        &self,
        fetch: &Fetch,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> io::Result<[Got; 2]> {
        let mut res = [Got::default(), Got::default()];
        for step in &fetch.steps {
            let kept = self.kept(fetch, step).await;
            for (stream, got) in Stream::BOTH.into_iter().zip(&mut res) {
                sink(stream, Piece::StepBegins)?;
                let kept = match &kept {
                    Ok(it) => Ok(&it[stream as usize]),
                    Err(why) => Err(why.as_str()),
                };
                got.add(self.stream(fetch, step, stream, kept, sink).await?);
            }
        }
        Ok(res)
    }

    /// Returns what SSM has kept of a step, or why that cannot be known.
    ///
    /// It is text: bytes that are none have become U+FFFD. In S3 they are what they were.
    async fn kept(&self, fetch: &Fetch, step: &FetchStep) -> Result<[Kept; 2], String> {
        if self.is_denied.get() {
            return Err("ssm:GetCommandInvocation is not permitted".to_owned());
        }
        let call = self.aws.ssm.get_command_invocation().command_id(&fetch.command_id);
        // The only step needs no name (see `read_output`).
        let name = Some(step.name.clone()).filter(|_| fetch.steps.len() > 1);
        let call = call.instance_id(fetch.instance_id.as_str()).set_plugin_name(name);
        let answer = self.aws.ask("GetCommandInvocation", || call.clone().send()).await;
        let answer = answer.map_err(|err| {
            self.is_denied.set(err.kind == ErrorKind::Denied);
            match err.kind {
                ErrorKind::Denied => "ssm:GetCommandInvocation is not permitted".to_owned(),
                _ => err.to_string(), // whatever it is, SSM's part of the output is not to be had
            }
        })?;
        let kept = |text: Option<&str>, longest| {
            let text = text.unwrap_or_default().to_owned();
            let is_spoilt = self.outputs.s3.is_some() && text.contains('\u{fffd}');
            Kept { is_whole: text.len() < longest && !is_spoilt, text }
        };
        Ok([
            kept(answer.standard_output_content(), LONGEST_STDOUT),
            kept(answer.standard_error_content(), LONGEST_STDERR),
        ])
    }

    async fn stream(
        &self,
        fetch: &Fetch,
        step: &FetchStep,
        stream: Stream,
        kept: Result<&Kept, &str>,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> io::Result<Got> {
        if let Ok(kept) = kept
            && kept.is_whole
        {
            sink(stream, Piece::Bytes(kept.text.as_bytes()))?;
            return Ok(Got { printed: Some(kept.text.len() as u64), ..Got::default() });
        }
        let why = match self.ask_place(fetch, step, stream, sink).await {
            Ok(got) => return Ok(compared(got, kept.ok())),
            Err(Trouble::Unwritten(err)) => return Err(err),
            // What is there already is more than SSM has.
            Err(Trouble::Broken(why, printed)) => {
                return Ok(Got::cut(why, printed, self.place()));
            }
            Err(Trouble::Closed(why) | Trouble::Failed(why)) => why,
            Err(Trouble::Absent) => {
                let where_to = match (&self.outputs.s3, &self.outputs.log_group) {
                    (Some(place), _) => format!("{place}: s3:PutObject"),
                    (None, group) => {
                        format!("{}: logs:PutLogEvents", group.as_deref().unwrap_or_default())
                    }
                };
                let (place, action) = where_to.rsplit_once(": ").unwrap_or_default();
                format!("the instance has put nothing into {place}; its profile may lack {action}")
            }
        };
        match kept {
            Ok(kept) => {
                sink(stream, Piece::Bytes(kept.text.as_bytes()))?;
                Ok(Got::cut(why, None, StoredFrom::Ssm))
            }
            Err(unknown) => Ok(Got::cut(format!("{why}; {unknown}"), None, StoredFrom::Ssm)),
        }
    }

    /// Returns which place is read, if one is.
    fn place(&self) -> StoredFrom {
        match (&self.outputs.s3, &self.outputs.log_group) {
            (Some(_), _) => StoredFrom::S3,
            (None, Some(_)) => StoredFrom::Logs,
            (None, None) => StoredFrom::Ssm,
        }
    }

    async fn ask_place(
        &self,
        fetch: &Fetch,
        step: &FetchStep,
        stream: Stream,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> Result<Got, Trouble> {
        if let Some(why) = self.closed.borrow().clone() {
            return Err(Trouble::Closed(why));
        }
        let looks = if self.n_absent.get() < PATIENCE { LOOKS } else { 1 };
        for look in 1..=looks {
            let res = match (&self.outputs.s3, &self.outputs.log_group) {
                (Some(place), _) => self.ask_s3(place, step, stream, sink).await,
                (None, Some(group)) => self.ask_logs(group, fetch, step, stream, sink).await,
                (None, None) => Err(Trouble::Closed(
                    "SSM keeps 24,000 and 8,000 characters, and the run was sent with neither \
                     --output-s3 nor --output-logs"
                        .to_owned(),
                )),
            };
            match res {
                Err(Trouble::Absent) if look < looks => {
                    sleep(self.aws.pacing.scaled(BETWEEN_LOOKS)).await;
                }
                Err(Trouble::Absent) => self.n_absent.set(self.n_absent.get() + 1),
                Err(Trouble::Closed(why)) => {
                    self.closed.replace(Some(why.clone()));
                    return Err(Trouble::Closed(why));
                }
                res => return res,
            }
        }
        Err(Trouble::Absent)
    }

    async fn ask_s3(
        &self,
        place: &S3Place,
        step: &FetchStep,
        stream: Stream,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> Result<Got, Trouble> {
        let url = match stream {
            Stream::Stdout => &step.urls.stdout,
            Stream::Stderr => &step.urls.stderr,
        };
        let Some(key) = key_in(url, &place.bucket) else {
            return Err(Trouble::Closed("SSM does not say where in the bucket it is".to_owned()));
        };
        let (mut at, mut total) = (0, None);
        while total.is_none_or(|total| at < total) {
            let region = self.region.borrow().clone();
            let request =
                Request::object(&place.bucket, key, (at, at + PART - 1), region.as_deref());
            let answer = self.aws.ask_signed("GetObject", request).await.map_err(|err| {
                if at > 0 {
                    Trouble::Broken(err.to_string(), total)
                } else {
                    s3_trouble(place, &err)
                }
            })?;
            if let Some(region) = answer.moved_to {
                let is_new = self.region.borrow().as_ref() != Some(&region);
                if !is_new {
                    let why = format!("{place} is in {region}, which does not have it either");
                    return Err(Trouble::Closed(why));
                }
                self.region.replace(Some(region));
                continue;
            }
            // Whoever answers without saying of how much has sent all of it.
            total = Some(answer.total.unwrap_or(at + answer.body.len() as u64));
            if answer.body.is_empty() && total != Some(at) {
                return Err(Trouble::Broken("S3 sent an empty part".to_owned(), total));
            }
            at += answer.body.len() as u64;
            sink(stream, Piece::Bytes(&answer.body)).map_err(Trouble::Unwritten)?;
        }
        Ok(Got { from: StoredFrom::S3, printed: total, ..Got::default() })
    }

    async fn ask_logs(
        &self,
        group: &str,
        fetch: &Fetch,
        step: &FetchStep,
        stream: Stream,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> Result<Got, Trouble> {
        let Fetch { instance_id, command_id, .. } = fetch;
        // What a stream's name cannot have is a hyphen in it (amazon-ssm-agent runpluginutil.go).
        let step = step.name.replace([':', '*'], "-");
        let name = format!("{command_id}/{instance_id}/{step}/{}", stream.name());
        let (mut token, mut printed) = (None::<String>, 0);
        for _ in 0..MOST_PAGES {
            let body = json!({
                "logGroupName": group,
                "logStreamName": name,
                "startFromHead": true,
                "nextToken": token,
            });
            let request = Request::json(&Service::LOGS, "GetLogEvents", &body);
            let is_first = token.is_none();
            let broken = |why: String| match is_first {
                true => Trouble::Failed(why),
                false => Trouble::Broken(why, None),
            };
            let answer =
                self.aws.ask_signed("GetLogEvents", request).await.map_err(
                    |err| match is_first {
                        true => logs_trouble(group, &err),
                        false => broken(err.to_string()),
                    },
                )?;
            let page: LogPage = answer
                .json()
                .map_err(|err| broken(format!("GetLogEvents answered no JSON: {err}")))?;
            for event in page.events {
                // Lines are joined in an event, and the break at its end is left out (agent).
                let breaks = if event.message.ends_with('\n') { "" } else { "\n" };
                for text in [event.message.as_str(), breaks] {
                    printed += text.len() as u64;
                    sink(stream, Piece::Bytes(text.as_bytes())).map_err(Trouble::Unwritten)?;
                }
            }
            // At the end it is the one that was sent (GetLogEvents reference).
            if page.next_forward_token.is_none() || page.next_forward_token == token {
                return Ok(Got {
                    from: StoredFrom::Logs,
                    printed: Some(printed),
                    ..Got::default()
                });
            }
            token = page.next_forward_token;
        }
        Err(Trouble::Broken(format!("{name} has more than {MOST_PAGES} pages"), None))
    }
}

/// A part of a stream.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// What comes is of another step, and begins a line.
    StepBegins,
    Bytes(&'a [u8]),
}

/// What SSM has kept of a stream of a step.
#[derive(Debug)]
struct Kept {
    text: String,
    is_whole: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogPage {
    #[serde(default)]
    events: Vec<LogEvent>,
    next_forward_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LogEvent {
    #[serde(default)]
    message: String,
}

/// Looks whether a log group has at least what SSM has kept: events may come late, and nothing says
/// which is the last (UNVERIFIED: how late).
fn compared(got: Got, kept: Option<&Kept>) -> Got {
    let least = kept.map_or(0, |it| it.text.len() as u64);
    match got.printed {
        Some(n) if got.from == StoredFrom::Logs && n < least => {
            Got::cut("the log group has less of it than SSM has kept", None, StoredFrom::Logs)
        }
        _ => got,
    }
}

/// Returns the key that a URL of SSM's is about: `https://s3.REGION.amazonaws.com/BUCKET/KEY`.
fn key_in<'u>(url: &'u str, bucket: &str) -> Option<&'u str> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    path.strip_prefix(bucket)?.strip_prefix('/').filter(|it| !it.is_empty())
}

fn s3_trouble(place: &S3Place, err: &AwsError) -> Trouble {
    match (err.kind, err.code.as_str()) {
        (_, "NoSuchKey") => Trouble::Absent,
        // Whoever may not list a bucket is not told that a key is absent, but that they may not
        // list (GetObject reference).
        (ErrorKind::Denied, _) => match denial::read(&err.message) {
            Some(it) if it.action == "s3:ListBucket" => Trouble::Absent,
            Some(_) => Trouble::Closed(format!("s3:GetObject on {place} is not permitted")),
            None => {
                let text = format!("s3:GetObject on {place} is not permitted, or it is not there");
                Trouble::Failed(text)
            }
        },
        (_, "NoSuchBucket") => Trouble::Closed(format!("there is no bucket {}", place.bucket)),
        _ => Trouble::Failed(err.to_string()),
    }
}

fn logs_trouble(group: &str, err: &AwsError) -> Trouble {
    match (err.kind, err.code.as_str()) {
        (_, "ResourceNotFoundException") => Trouble::Absent,
        (ErrorKind::Denied, _) => {
            Trouble::Closed(format!("logs:GetLogEvents on {group} is not permitted"))
        }
        _ => Trouble::Failed(err.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_what_follows_the_bucket() {
        let url = "https://s3.eu-west-1.amazonaws.com/logs/runs/c/i/stdout";
        assert_eq!(key_in(url, "logs"), Some("runs/c/i/stdout"));
        assert_eq!(key_in(url, "log"), None);
        assert_eq!(key_in("", "logs"), None);
    }
}
