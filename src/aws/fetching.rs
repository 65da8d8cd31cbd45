//! All that a step has printed: from SSM where that is all, otherwise from the bucket or the log
//! group that the instance has put it into. It hands bytes on as they come, and keeps none.

mod logs;
mod reach;
mod s3;

use std::{
    cell::{Cell, RefCell},
    io,
    time::Duration,
};

use tokio::time::sleep;

pub use self::reach::Reach;
use super::{
    clients::Aws,
    command::{LONGEST_STDERR, LONGEST_STDOUT},
    error::ErrorKind,
};
use crate::{
    plan::Outputs,
    run::{Fetch, FetchStep, StoredFrom},
};

/// An upload may be seen a moment after the invocation has ended: so often it is looked for again.
const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// When so many instances have put nothing there, nobody else is waited for: their profile may not.
const PATIENCE: u32 = 3;

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
            Ok(got) => return Ok(logs::compared(got, kept.ok())),
            Err(Trouble::Unwritten(err)) => return Err(err),
            // What is there already is more than SSM has.
            Err(Trouble::Broken(why, printed)) => {
                return Ok(Got::cut(why, printed, self.place()));
            }
            Err(Trouble::Closed(why) | Trouble::Failed(why)) => why,
            Err(Trouble::Absent) => {
                let (place, action) = match (&self.outputs.s3, &self.outputs.log_group) {
                    (Some(place), _) => (place.to_string(), "s3:PutObject"),
                    (None, group) => (group.clone().unwrap_or_default(), "logs:PutLogEvents"),
                };
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
