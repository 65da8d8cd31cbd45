//! From flags to a plan: what every command that plans does, in one order.

use jiff::Timestamp;

use super::{
    args::{DocumentArgs, LimitArgs, Selection},
    context::{Connection, Context},
    declarations::Declarations,
    publishing::Ahead,
    settings::Settings,
};
use crate::{
    aws::{self, Aws, DocumentError, Found, Resolved},
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    plan::{
        self, Automation, Document, DocumentKind, Draft, NoTargetParameter, Note, Outputs,
        Parameters, Plan, Platform, Refusal, Selector, Suspicion, Target,
    },
};

/// A plan, and the groups whose members are read again at the end.
#[derive(Debug)]
pub(super) struct Planned {
    pub plan: Plan,
    pub groups: Vec<String>,
}

/// What was found for a plan, and as whom.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub aws: &'a Aws,
    pub settings: &'a Settings,
    pub is_simulated: bool,
    pub selector: Selector,
    pub resolved: Resolved,
    pub name: String,
    pub parameters: Parameters,
    pub declarations: Declarations,
    pub automation: Option<Automation>,
    pub found: Found,
}

/// Returns the selector that the flags name.
pub(super) fn selector(selection: &Selection) -> Result<Selector, Error> {
    let selector = selection.selector();
    if selector.is_empty() {
        return Err(Error::new(Exit::Usage, "no instances were selected")
            .hint("pass --asg, --asg-tag, --instance or --tag"));
    }
    Ok(selector)
}

/// Resolves everything that the flags name into a plan. It only reads.
pub(super) async fn plan(
    connection: &Connection,
    context: &Context,
    selection: &Selection,
    document: &DocumentArgs,
    limits: &LimitArgs,
    ahead: Ahead,
) -> Result<Planned, Error> {
    let aws = &connection.aws;
    let settings = &connection.settings;
    let selector = selector(selection)?;
    let document = &document.clone().read().await?;
    let given = given(document)?;
    let resolved = aws::resolve(aws, &selector).await?;
    let (name, parameters) = what_to_run(document, given, resolved.candidates.as_deref())?;
    let declarations = Declarations::of(document, &name)?;
    let found = match ahead {
        Ahead::Would(found) => *found,
        Ahead::Done(note) => {
            let mut found = aws::find_document(aws, &name, None).await?;
            found.notes.extend(note);
            found
        }
        Ahead::Nothing => aws::find_document(aws, &name, document.doc_version.as_deref()).await?,
        Ahead::Foreseen => {
            let found = aws::find_document(aws, &name, document.doc_version.as_deref()).await;
            found.or_else(foreseen)?
        }
    };
    let automation = automation(document, &name, &parameters, &found)?;
    if automation.is_some() && limits.storage.is_given() {
        let message = format!(
            "--output-s3, --output-logs and --full-output are about what instances print, and {name} \
             is a runbook"
        );
        let hint = "leave them out: the report has the outputs of its steps";
        return Err(Error::new(Exit::Usage, message).hint(hint));
    }
    let groups = resolved.groups.clone();
    let ground = Ground {
        aws,
        settings,
        is_simulated: connection.is_private(),
        selector,
        resolved,
        name,
        parameters,
        declarations,
        automation,
        found,
    };
    let is_divided_by_hand = limits.waves.is_some();
    let plan = compose(ground, context, selection, document, limits).map_err(|err| match err {
        Refusal::NotDivisible { .. } if !is_divided_by_hand => Error::from(err)
            .hint("the waves are the document's own; --waves 100% sends to everybody at once"),
        err => err.into(),
    })?;
    settings.ceilings().admit(&plan)?;
    Ok(Planned { plan, groups })
}

/// Makes the plan of what was found. The ceilings have yet to admit it.
pub(super) fn compose(
    ground: Ground<'_>,
    context: &Context,
    selection: &Selection,
    document: &DocumentArgs,
    limits: &LimitArgs,
) -> Result<Plan, Refusal> {
    let Ground {
        aws,
        settings,
        is_simulated,
        selector,
        resolved,
        name,
        parameters,
        declarations,
        automation,
        found,
    } = ground;
    let limits = settings.limits(limits);
    let is_concurrency_given = limits.max_concurrency.is_some();
    let are_errors_given = limits.max_errors.is_some();
    let (limits, rollout) = declarations.limits(limits);
    let Resolved { groups, candidates, mut notes } = resolved;
    notes.extend(assumed(document, candidates.as_deref()));
    let Found { version, hash, platforms, declared, notes: more, .. } = found;
    let dry_run = declarations.dry_run(&parameters, declared.as_ref());
    notes.extend(declarations.notes(hash.as_deref(), dry_run));
    notes.extend(rollout);
    let sidecar = declarations.sidecar;
    notes.extend(more);
    notes.extend(aws.notes.iter().cloned());
    notes.extend(session_end(aws, context.now, limits.deadline));
    notes.extend(settings.note());
    let parameters = parameters.withholding(aws.redaction.clone());
    notes.extend(parameters.suspicions().into_iter().map(|it| suspected(it, document)));
    // A place that a file names is for commands.
    let outputs = match &automation {
        Some(_) => Outputs::default(),
        None => limits.storage.outputs(),
    };
    let mut draft = Draft {
        run_id: context.run_id.clone(),
        parent_id: None,
        created: context.now,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        reason: limits.reason.as_ref().map(|it| aws.redaction.apply(it).into_owned()),
        operator: aws.operator.clone(),
        account: aws.account.clone(),
        region: aws.region.clone(),
        is_simulated,
        selector,
        groups,
        candidates,
        include: selection.include(),
        document: Document { name, version, hash, parameters, sidecar, dry_run, automation },
        declared,
        platforms,
        max_concurrency: limits.max_concurrency(),
        max_errors: limits.max_errors(),
        delivery_timeout: limits.timeout(),
        deadline: limits.deadline,
        rollout: limits.rollout(context.run_id.seed()),
        outputs,
        notes,
    };
    let plan = plan::build(draft.clone())?;
    // What nobody asked for gives way to a ceiling; what somebody did ask for is refused.
    let ceilings = settings.ceilings();
    let concurrency = ceilings.tighter_concurrency(&plan).filter(|_| !is_concurrency_given);
    let errors = ceilings.tighter_errors(&plan).filter(|_| !are_errors_given);
    if concurrency.is_none() && errors.is_none() {
        return Ok(plan);
    }
    draft.max_concurrency = concurrency.unwrap_or(draft.max_concurrency);
    draft.max_errors = errors.unwrap_or(draft.max_errors);
    plan::build(draft)
}

/// Returns how the document is run over instances, if it is a runbook: its type decides, and the
/// flag where that may not be read.
pub(super) fn automation(
    document: &DocumentArgs,
    name: &str,
    given: &Parameters,
    found: &Found,
) -> Result<Option<Automation>, Error> {
    let asked = if document.automation { DocumentKind::Automation } else { DocumentKind::Command };
    let usage = |message: String| Error::new(Exit::Usage, message);
    match found.kind.unwrap_or(asked) {
        DocumentKind::Command if document.automation => {
            let message =
                format!("--automation was passed, and document {name} is of type Command");
            Err(usage(message).hint("leave --automation out: Run Command sends it"))
        }
        DocumentKind::Command if document.target_parameter.is_some() => {
            let message = format!(
                "--target-parameter says what takes the instance in a runbook, and document {name} \
                 is of type Command"
            );
            let hint = match found.kind {
                Some(_) => "leave it out: Run Command names the instances itself",
                None => "pass --automation too, if it is a runbook: its type may not be read",
            };
            Err(usage(message).hint(hint))
        }
        DocumentKind::Command => Ok(None),
        DocumentKind::Automation => {
            let named = document.target_parameter.as_deref();
            let target_parameter =
                plan::target_parameter(name, found.declared.as_ref(), named, given).map_err(
                    |err| {
                        let hint = match err {
                            NoTargetParameter::Given { .. } => "leave it out: fleet fills it in",
                            NoTargetParameter::Unreadable { .. }
                            | NoTargetParameter::None { .. }
                            | NoTargetParameter::Several { .. }
                            | NoTargetParameter::Unknown { .. } => {
                                "--target-parameter NAME says which one"
                            }
                        };
                        Error::of(Exit::Usage, &err).hint(hint)
                    },
                )?;
            Ok(Some(Automation { target_parameter, steps: found.steps.clone() }))
        }
    }
}

/// Returns the document that fleet has under the name of the one that the account lacks.
fn foreseen(err: DocumentError) -> Result<Found, DocumentError> {
    let DocumentError::Unknown { name, region } = &err else { return Err(err) };
    let Some(canned) = Canned::find(name) else { return Err(err) };
    let text =
        format!("{name} is not published in {region} yet: this is of the one that fleet has");
    Ok(Found {
        version: None,
        hash: Some(canned.hash()),
        kind: Some(DocumentKind::Command),
        platforms: Vec::new(),
        steps: Vec::new(),
        declared: documents::parse(canned.content).ok().map(|it| it.declared()),
        notes: vec![Note::new("document.unpublished", text)],
    })
}

/// Returns what becomes of a secret, and what would keep it.
fn suspected((name, why): (&str, Suspicion), document: &DocumentArgs) -> Note {
    let (looks, is_withheld) = match why {
        Suspicion::Name => ("is a secret by its name", "fleet withholds it"),
        Suspicion::Shape => ("has a secret in it by its shape", "fleet withholds it"),
        Suspicion::Randomness => {
            ("may have a secret in it", "fleet shows it, unless --redact says what it is")
        }
    };
    // Run Command keeps its history for 30 days (SSM guide).
    let mut text = format!(
        "parameter {name} {looks}: {is_withheld}, but SSM keeps what it is sent in the history of \
         commands for 30 days. Keep it in Parameter Store and send {{{{ssm:NAME}}}}, which is put \
         in on the instance (of type String: a SecureString is for the script itself to fetch)"
    );
    let is_the_command = name == "commands" && !document.command.is_empty();
    if document.params.is_on_the_command_line(name) || is_the_command {
        text += "; --param-file keeps it out of the process list of this machine";
    }
    Note::new("parameter.secret", text)
}

/// Returns what the end of a session means that nobody can renew during the run.
fn session_end(aws: &Aws, now: Timestamp, deadline: Option<u64>) -> Option<Note> {
    let ends = aws.session_ends?;
    let at = ends.strftime("%Y-%m-%dT%H:%M:%SZ");
    let left = u64::try_from(ends.duration_since(now).as_secs()).unwrap_or(0);
    let text = match deadline {
        Some(deadline) if deadline <= left => {
            format!("the session of the MFA code ends at {at}, after the deadline of the run")
        }
        Some(deadline) => format!(
            "the session of the MFA code ends at {at}, before the deadline of the run, and nobody \
             can renew it during the run: --duration {deadline}s asks for one that lasts; a run \
             that outlasts it loses sight of what still runs, until `fleet watch RUN --mfa-serial \
             DEVICE` follows it with a new code"
        ),
        None => format!(
            "the session of the MFA code ends at {at}, and nobody can renew it during the run: one \
             that lasts longer loses sight of what still runs, until `fleet watch RUN --mfa-serial \
             DEVICE` follows it with a new code; --duration asks for more, --deadline keeps the run \
             within it"
        ),
    };
    Some(Note::new("session.ends", text))
}

/// Refuses flags that say again what a plan says that was written down.
pub(super) fn nothing_again(
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
pub(super) fn something_to_run(document: &DocumentArgs) -> Result<(), Error> {
    if document.doc.is_none() && document.command.iter().all(|it| it.trim().is_empty()) {
        return Err(Error::new(Exit::Usage, "there is nothing to run")
            .hint("pass --doc NAME, or a command after `--`"));
    }
    Ok(())
}

/// Gathers `--param`: a name that is repeated makes a list.
pub(super) fn given(document: &DocumentArgs) -> Result<Parameters, Error> {
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
fn assumed(document: &DocumentArgs, candidates: Option<&[Target]>) -> Option<Note> {
    let is_known = candidates.is_some_and(|it| it.iter().any(|it| it.platform.is_some()));
    if document.doc.is_some() || is_known {
        return None;
    }
    let text = "the platform of the instances is not known, and the command is sent for a shell: \
                for Windows pass --doc AWS-RunPowerShellScript";
    Some(Note::new("document.assumed", text))
}

/// Returns the document's name and its parameters: as given, or the one that runs a command.
pub(super) fn what_to_run(
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
