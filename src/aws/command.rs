//! SendCommand and what follows it: each function makes the calls of one effect and says what it
//! saw. A failure to read is an observation too.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_sdk_ssm::{
    config::{Builder, retry::RetryConfig},
    operation::list_commands::ListCommandsOutput,
    types::{
        CloudWatchOutputConfig, Command, CommandFilter, CommandFilterKey, CommandStatus,
        DocumentHashType, Target,
    },
};
use jiff::Timestamp;

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind},
    targets::read_members,
};
use crate::{
    plan::{InstanceId, Note, Outputs, Plan, Redaction},
    run::{
        Accepted, CancelAnswer, Counts, Denial, Found, Membership, Observed, Output, OutputAnswer,
        ReadKind, Refusal, RefusalKind, SendRequest, SendTargets, Settlement, push_block, withheld,
    },
};

/// The clocks of the service and of this machine may differ by this much.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// What GetCommandInvocation returns at the most (botocore model).
pub(super) const LONGEST_STDOUT: usize = 24_000;
pub(super) const LONGEST_STDERR: usize = 8_000;

impl Aws {
    /// Sends one command, once.
    ///
    /// SendCommand has no idempotency token, and the SDK repeats it after a lost answer: retries
    /// are off for this call alone, and what has no clear answer is reported as doubted. Only when
    /// the service refuses it because the session has ended is it made again, in a new session.
    pub async fn send(&self, plan: &Plan, send: u32, request: SendRequest) -> Observed {
        let document = &plan.document;
        let parameters = document.parameters.0.iter();
        let parameters: HashMap<_, _> = parameters.map(|(k, v)| (k.clone(), v.clone())).collect();
        let seconds = i32::try_from(plan.delivery_timeout).unwrap_or(i32::MAX);
        let call = self
            .ssm
            .send_command()
            .document_name(&document.name)
            .set_document_version(document.version.clone())
            .set_document_hash(document.hash.clone())
            .set_document_hash_type(document.hash.as_ref().map(|_| DocumentHashType::Sha256))
            .set_parameters((!parameters.is_empty()).then_some(parameters))
            .timeout_seconds(seconds)
            .comment(&request.token)
            .max_concurrency(&request.max_concurrency)
            .max_errors(&request.max_errors);
        // The bucket's region is not said: the service ignores OutputS3Region, and finds the bucket by
        // itself (SendCommand reference).
        let Outputs { s3, log_group, .. } = &plan.outputs;
        let prefix = s3.as_ref().map(|it| it.prefix.clone()).filter(|it| !it.is_empty());
        let logs = log_group.as_ref().map(|it| {
            let config = CloudWatchOutputConfig::builder().cloud_watch_log_group_name(it);
            config.cloud_watch_output_enabled(true).build()
        });
        let call = call
            .set_output_s3_bucket_name(s3.as_ref().map(|it| it.bucket.clone()))
            .set_output_s3_key_prefix(prefix)
            .set_cloud_watch_output_config(logs);
        let call = match request.targets {
            SendTargets::Tag { key, values } => {
                let target = Target::builder().key(format!("tag:{key}")).set_values(Some(values));
                call.targets(target.build())
            }
            SendTargets::Ids(ids) => {
                call.set_instance_ids(Some(ids.iter().map(ToString::to_string).collect()))
            }
        };
        let try_once = || {
            let once = Builder::new().retry_config(RetryConfig::disabled());
            call.clone().customize().config_override(once).send()
        };
        match self.ask_once("SendCommand", try_once).await {
            Ok(answer) => match answer.command.as_ref().and_then(accepted) {
                Some(accepted) => Observed::Accepted { send, accepted },
                None => Observed::Doubted { send, reason: "the answer names no command".into() },
            },
            Err(err) if err.is_proof_of_nothing() => {
                Observed::Refused { send, refusal: refusal(err) }
            }
            Err(err) => Observed::Doubted { send, reason: err.message },
        }
    }

    /// Looks for a send's token among the commands of this run.
    pub async fn settle(&self, plan: &Plan, send: u32, token: &str) -> Observed {
        let settlement = match self.commands_since(plan.created).await {
            Ok(commands) => {
                let ours = commands.iter().find(|it| it.comment() == Some(token));
                match ours.and_then(accepted) {
                    Some(accepted) => Settlement::Accepted(accepted),
                    None => Settlement::NotFound,
                }
            }
            Err(err) => Settlement::Failed {
                is_denied: err.kind == ErrorKind::Denied,
                reason: err.to_string(),
            },
        };
        Observed::Settled { send, settlement }
    }

    /// Looks for every send of this run.
    pub async fn find_sends(&self, plan: &Plan) -> Observed {
        match self.commands_since(plan.created).await {
            Ok(commands) => {
                let found = commands.iter().filter_map(|it| found(it, plan)).collect();
                Observed::SendsListed { found }
            }
            Err(err) => Observed::SendsNotListed { denial: denial(&err), reason: err.to_string() },
        }
    }

    /// Reads the counters of `command_ids`: one call for one of them, a listing for several.
    pub async fn read_counts(&self, plan: &Plan, command_ids: &[String]) -> Observed {
        let commands = match command_ids {
            [only] => self.command(only).await,
            _ => self.commands_since(plan.created).await,
        };
        match commands {
            Ok(commands) => {
                let counts = commands.iter().filter_map(counts);
                let counts = counts.filter(|it| command_ids.contains(&it.command_id)).collect();
                Observed::Counted { counts }
            }
            Err(err) => read_failed(ReadKind::Counts, &err),
        }
    }

    async fn command(&self, id: &str) -> Result<Vec<Command>, AwsError> {
        let request = self.ssm.list_commands().command_id(id);
        let answer = self.ask("ListCommands", || request.clone().send()).await?;
        Ok(answer.commands.unwrap_or_default())
    }

    async fn commands_since(&self, start: Timestamp) -> Result<Vec<Command>, AwsError> {
        let since = start.saturating_sub(CLOCK_SKEW).unwrap_or(start);
        let filter = CommandFilter::builder()
            .key(CommandFilterKey::InvokedAfter)
            .value(since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .build()
            .expect("both members are set");
        let request = self.ssm.list_commands().filters(filter).max_results(50);
        let mut commands = Vec::new();
        let page = |token| request.clone().set_next_token(token).send();
        let take = |page: ListCommandsOutput| {
            commands.extend(page.commands.unwrap_or_default());
            page.next_token
        };
        self.pages("ListCommands", page, take).await?;
        Ok(commands)
    }

    pub async fn cancel(&self, command_id: String, instances: Option<Vec<InstanceId>>) -> Observed {
        let answer = cancel_answer(self.request_cancel(&command_id, instances.as_deref()).await);
        Observed::CancelAnswered { command_id, answer }
    }

    /// Asks for the end of a command, on these instances or on all.
    pub async fn request_cancel(
        &self,
        command_id: &str,
        instances: Option<&[InstanceId]>,
    ) -> Result<(), AwsError> {
        let ids = instances.map(|it| it.iter().map(ToString::to_string).collect());
        let call = self.ssm.cancel_command().command_id(command_id).set_instance_ids(ids);
        self.ask("CancelCommand", || call.clone().send()).await.map(drop)
    }

    /// Completes output that the list had cut. Where it is not permitted, what there is stays.
    pub async fn read_output(
        &self,
        command_id: &str,
        instance_id: InstanceId,
        plugins: &[String],
    ) -> Observed {
        let mut output = Output { stdout: String::new(), stderr: String::new(), truncated: false };
        for plugin in plugins {
            let call = self.ssm.get_command_invocation().command_id(command_id);
            let call = call.instance_id(instance_id.as_str());
            // The only step needs no name, and may have one of fewer than the four characters that
            // GetCommandInvocation takes (reference).
            let name = Some(plugin.clone()).filter(|_| plugins.len() > 1);
            let call = call.set_plugin_name(name);
            let answer = self.ask("GetCommandInvocation", || call.clone().send()).await;
            let answer = match answer {
                Ok(it) => it,
                Err(err) => {
                    let answer = match denial(&err) {
                        Some(it) => OutputAnswer::Denied(it),
                        None => OutputAnswer::Failed(err.to_string()),
                    };
                    return Observed::OutputRead { instance_id, answer };
                }
            };
            let stdout = answer.standard_output_content().unwrap_or_default();
            let stderr = answer.standard_error_content().unwrap_or_default();
            output.truncated |= stdout.len() >= LONGEST_STDOUT || stderr.len() >= LONGEST_STDERR;
            add(&mut output, stdout, stderr, &self.redaction);
        }
        Observed::OutputRead { instance_id, answer: OutputAnswer::Read(output) }
    }

    /// Reads who is in the groups now, and what took those of the plan who are not any more.
    pub async fn read_membership(&self, plan: &Plan, groups: &[String]) -> Observed {
        let membership = match read_members(self, groups).await {
            Ok(members) => {
                let (departures, note) = self.departures(plan, groups, &members).await;
                Membership { groups: groups.to_vec(), members: Some(members), departures, note }
            }
            Err(err) => {
                let text = format!("the group could not be read again at the end: {err}");
                let note = Some(Note::new("coverage.unverified", text));
                let departures = BTreeMap::new();
                Membership { groups: groups.to_vec(), members: None, departures, note }
            }
        };
        Observed::MembershipRead { membership }
    }
}

/// Adds what a step said. It may be cut in the middle of a secret, which could not be told any more
/// once another step's output follows.
fn add(output: &mut Output, stdout: &str, stderr: &str, redaction: &Redaction) {
    push_block(&mut output.stdout, &withheld(stdout, redaction));
    push_block(&mut output.stderr, &withheld(stderr, redaction));
}

pub(super) fn read_failed(of: ReadKind, err: &AwsError) -> Observed {
    // Neither keys that have expired nor permissions come back by waiting: whoever reads the report
    // needs to know what would help.
    let is_for_good =
        matches!(err.kind, ErrorKind::BadCredentials | ErrorKind::SessionOver | ErrorKind::Denied);
    let advice = if is_for_good { err.advice() } else { Vec::new() };
    let advice: String = advice.iter().map(|it| format!("; {}", it.text)).collect();
    Observed::ReadFailed { of, denial: denial(err), reason: format!("{err}{advice}") }
}

pub(super) fn cancel_answer(answer: Result<(), AwsError>) -> CancelAnswer {
    let Err(err) = answer else { return CancelAnswer::Taken };
    match denial(&err) {
        Some(it) => CancelAnswer::Denied(it),
        None => CancelAnswer::Refused(err.to_string()),
    }
}

fn denial(err: &AwsError) -> Option<Denial> {
    (err.kind == ErrorKind::Denied).then(|| Denial { action: err.action() })
}

pub(super) fn refusal(err: AwsError) -> Refusal {
    let kind = match (err.kind, err.code.as_str()) {
        (ErrorKind::Throttled, _) => RefusalKind::Throttled,
        (ErrorKind::Denied, _) => RefusalKind::AccessDenied,
        (_, "InvalidInstanceId") => RefusalKind::InvalidInstances(ids_in(&err.message)),
        (
            ErrorKind::BadCredentials
            | ErrorKind::SessionOver
            | ErrorKind::NoCredentials
            | ErrorKind::Unreachable
            | ErrorKind::Refused
            | ErrorKind::Ambiguous,
            _,
        ) => RefusalKind::Other,
    };
    let advice = err.advice();
    let code = if err.code.is_empty() { "NoConnection".to_owned() } else { err.code };
    Refusal { kind, code, message: err.message, advice }
}

/// Returns the ids that a message names: `Instances [[i-…]] not in a valid state` (recorded). The
/// message may also be empty (recorded), and then nobody is named.
fn ids_in(message: &str) -> Vec<InstanceId> {
    let words = message.split(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_');
    words.filter_map(|it| InstanceId::parse(it).ok()).collect()
}

fn accepted(command: &Command) -> Option<Accepted> {
    let expires_after = command.expires_after().and_then(timestamp);
    let requested = command.requested_date_time().and_then(timestamp);
    let expires_in = expires_after
        .zip(requested)
        .and_then(|(end, start)| Duration::try_from(end.duration_since(start)).ok());
    let command_id = command.command_id()?.to_owned();
    Some(Accepted { command_id, expires_in, expires_after })
}

/// Reads a command as a send of the run of `plan`; `None` if it is not one.
fn found(command: &Command, plan: &Plan) -> Option<Found> {
    let token = command.comment()?;
    let number = token.strip_prefix("fleet:")?.strip_prefix(plan.run_id.as_str())?;
    let send = number.strip_prefix(':')?.parse().ok()?;
    // An id that is none of ours leaves the send as one that cannot be understood.
    let ids = command.instance_ids().iter().map(|it| InstanceId::parse(it));
    Some(Found {
        send,
        token: token.to_owned(),
        instances: ids.collect::<Result<_, _>>().unwrap_or_default(),
        accepted: accepted(command)?,
        max_concurrency: command.max_concurrency().unwrap_or_default().to_owned(),
        max_errors: command.max_errors().unwrap_or_default().to_owned(),
    })
}

fn counts(command: &Command) -> Option<Counts> {
    let count = |it: i32| u32::try_from(it).unwrap_or(0);
    let is_final = matches!(
        command.status(),
        Some(
            CommandStatus::Success
                | CommandStatus::Failed
                | CommandStatus::Cancelled
                | CommandStatus::TimedOut
        )
    );
    Some(Counts {
        command_id: command.command_id()?.to_owned(),
        is_final,
        targets: count(command.target_count),
        completed: count(command.completed_count),
        errors: count(command.error_count),
        delivery_timed_out: count(command.delivery_timed_out_count),
        stage: None,
    })
}

pub(super) fn timestamp(it: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(it.subsec_nanos()).ok()?;
    Timestamp::new(it.secs(), nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_cut_is_withheld_though_another_step_says_more() {
        let redaction = Redaction::default().knowing(["correct-horse"]);
        let mut output = Output { stdout: String::new(), stderr: String::new(), truncated: false };
        add(&mut output, "a correct-ho--output truncated--", "correct-", &redaction);
        add(&mut output, "done", "done", &redaction);
        assert_eq!(output.stdout, "a ‹redacted›\n--output truncated--\ndone");
        assert_eq!(output.stderr, "‹redacted›\ndone");
    }

    #[test]
    fn ids_are_found_in_the_message_as_recorded() {
        let message = "Instances [[i-00903e1796f3b1cb6, i-01234567]] not in a valid state for \
                       account 775288309636";
        let ids: Vec<String> = ids_in(message).iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["i-00903e1796f3b1cb6", "i-01234567"]);
        assert_eq!(ids_in(""), []);
    }
}
