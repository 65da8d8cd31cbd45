//! Streams of a log group, a page at a time.

use std::io;

use serde::Deserialize;
use serde_json::json;

use super::{Fetcher, Got, Kept, Piece, Stream, Trouble};
use crate::{
    aws::{
        error::{AwsError, ErrorKind},
        signed::{Request, Service},
    },
    run::{Fetch, FetchStep, StoredFrom},
};

/// Pages of a log stream: a hundred MiB and more, at up to 1 MiB a page.
const MOST_PAGES: usize = 4_096;

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

impl Fetcher<'_> {
    pub(super) async fn ask_logs(
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

/// Looks whether a log group has at least what SSM has kept: events may come late, and nothing says
/// which is the last (UNVERIFIED: how late).
pub(super) fn compared(got: Got, kept: Option<&Kept>) -> Got {
    let least = kept.map_or(0, |it| it.text.len() as u64);
    match got.printed {
        Some(n) if got.from == StoredFrom::Logs && n < least => {
            Got::cut("the log group has less of it than SSM has kept", None, StoredFrom::Logs)
        }
        _ => got,
    }
}

pub(super) fn logs_trouble(group: &str, err: &AwsError) -> Trouble {
    match (err.kind, err.code.as_str()) {
        (_, "ResourceNotFoundException") => Trouble::Absent,
        (ErrorKind::Denied, _) => {
            Trouble::Closed(format!("logs:GetLogEvents on {group} is not permitted"))
        }
        _ => Trouble::Failed(err.to_string()),
    }
}
