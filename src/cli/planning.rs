//! From flags to a plan: what every command that plans does, in one order.

mod requested;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::requested::assumed;
pub(super) use self::requested::{given, nothing_again, something_to_run, what_to_run};
use super::{
    args::{DocumentArgs, LimitArgs, Origin, Selection},
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
        self, Automation, BadParameter, Document, DocumentKind, Draft, InstanceId,
        NoTargetParameter, Note, Outputs, Parameters, Plan, Refusal, Refused, Replacement,
        Selector, Suspicion, Target, UNTYPED, count,
    },
    rescue::RUNBOOK,
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
    /// The groups that replace the instances, if no document runs.
    pub replacement: Option<Replacement>,
    pub found: Found,
    /// Candidates that are left out for a reason of their own.
    pub refused: BTreeMap<InstanceId, Refused>,
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
    let mut found = match ahead {
        Ahead::Would(found) => *found,
        Ahead::Done(note) => {
            let found = aws::find_document(aws, &name, None).await;
            let mut found = found.map_err(|err| absent(document, err))?;
            found.notes.extend(note);
            found
        }
        Ahead::Nothing => {
            let found = aws::find_document(aws, &name, document.doc_version.as_deref()).await;
            found.map_err(|err| absent(document, err))?
        }
        Ahead::Foreseen => {
            let found = aws::find_document(aws, &name, document.doc_version.as_deref()).await;
            found.or_else(foreseen).map_err(|err| absent(document, err))?
        }
    };
    let automation = automation(document, &name, &parameters, &found)?;
    found.notes.extend(untyped(document, &name, &found));
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
        replacement: None,
        found,
        refused: BTreeMap::new(),
    };
    let is_divided_by_hand = limits.waves.is_some();
    let plan = compose(ground, context, selection, document, limits).map_err(|err| match err {
        Refusal::NotDivisible { .. } if !is_divided_by_hand => Error::from(err)
            .hint("the waves are the document's own; --waves 100% sends to everybody at once"),
        err => match unreached(document, &err) {
            Some(hint) => Error::of(Exit::Usage, &err).hint(hint),
            None => err.into(),
        },
    })?;
    refuse_in_service(&plan)?;
    settings.ceilings().admit(&plan)?;
    Ok(Planned { plan, groups })
}

/// The runbook stops instances for a quarter of an hour, and a group replaces a member in service that
/// is stopped: its root volume would be left on the helper (Auto Scaling guide, health checks).
fn refuse_in_service(plan: &Plan) -> Result<(), Error> {
    let name = plan.document.name.rsplit('/').next().unwrap_or_default();
    if name != RUNBOOK {
        return Ok(());
    }
    let is_in_service =
        |it: &&Target| it.group.is_some() && it.lifecycle.as_deref() == Some("InService");
    let n = plan.population.planned.iter().filter(is_in_service).count();
    if n == 0 {
        return Ok(());
    }
    let message = format!(
        "{RUNBOOK} stops instances, and {} would be replaced meanwhile: in service of a group",
        count(n, "instance")
    );
    Err(Error::new(Exit::Setup, message).hint(
        "`fleet rescue script FILE` with the same selection takes them out of service first, runs it, \
         and brings them back",
    ))
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
        replacement,
        found,
        refused,
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
    // What a rescue gives its runbook is the script that it shows, in base64: that looks like chance.
    let is_rescue = automation.as_ref().is_some_and(|it| it.recovery.is_some());
    let suspicions = parameters.suspicions().into_iter();
    let suspicions = suspicions.filter(|it| !(is_rescue && it.1 == Suspicion::Randomness));
    notes.extend(suspicions.map(|it| suspected(it, document)));
    if automation.is_some() && limits.timeout.is_some() {
        let text = "--timeout is how long SSM tries to hand a command to an instance; an execution \
                    has no such time, and --deadline says how long is waited for it";
        notes.push(Note::new("timeout.unused", text));
    }
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
        document: Document {
            name,
            version,
            hash,
            parameters,
            sidecar,
            dry_run,
            automation,
            replacement,
        },
        declared,
        platforms,
        max_concurrency: limits.max_concurrency(),
        max_errors: limits.max_errors(),
        delivery_timeout: limits.timeout(),
        deadline: limits.deadline,
        rollout: limits.rollout(context.run_id.seed()),
        outputs,
        notes,
        refused,
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
    let asked = document.kind();
    let usage = |message: String| Error::new(Exit::Usage, message);
    let kind = found.kind.unwrap_or(asked);
    if kind != asked && matches!(document.origin, Origin::Plan | Origin::Run) {
        return Err(turned(document, name, asked, kind));
    }
    match kind {
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
        // No document is of the last kind.
        DocumentKind::Command | DocumentKind::Replacement => Ok(None),
        DocumentKind::Automation => {
            let named = document.target_parameter.as_deref();
            let target_parameter =
                plan::target_parameter(name, found.declared.as_ref(), named, given).map_err(
                    |err| {
                        let hint = match (&err, &document.origin) {
                            (_, Origin::Then { .. }) => by_itself(name, "--target-parameter"),
                            (NoTargetParameter::Given { .. }, _) => {
                                "leave it out: fleet fills it in".to_owned()
                            }
                            (_, Origin::Run) => {
                                format!("`fleet run --doc {name}` plans it as what it is now")
                            }
                            (_, Origin::Plan) => {
                                "make a new plan with `fleet plan -o FILE`".to_owned()
                            }
                            (
                                NoTargetParameter::Unreadable { .. }
                                | NoTargetParameter::None { .. }
                                | NoTargetParameter::Several { .. }
                                | NoTargetParameter::Unknown { .. },
                                Origin::Flags,
                            ) => "--target-parameter NAME says which one".to_owned(),
                        };
                        Error::of(Exit::Usage, &err).hint(hint)
                    },
                )?;
            Ok(Some(Automation {
                target_parameter,
                steps: found.steps.clone(),
                assume_role: found.assume_role.clone(),
                recovery: None,
            }))
        }
    }
}

/// Returns what becomes of a flag that is about the first document and never about `--then`'s.
pub(super) fn by_itself(name: &str, flag: &str) -> String {
    format!(
        "{flag} is about the document of --doc, and none reaches {name}: leave it out of --then, and \
         run it afterwards by itself, with `fleet run --doc {name}`"
    )
}

/// Returns why the document of `--then` has not what it needs, where that is a parameter.
fn unreached(document: &DocumentArgs, refusal: &Refusal) -> Option<String> {
    let Origin::Then { passed } = &document.origin else { return None };
    let Refusal::Parameter(BadParameter::Missing { document, name, .. }) = refusal else {
        return None;
    };
    (!passed.contains(name)).then(|| by_itself(document, "--param"))
}

/// Says that there is no document to plan with. `fleet run --publish` puts the one of --doc there, and no
/// other.
pub(super) fn absent(document: &DocumentArgs, err: DocumentError) -> Error {
    match (&err, &document.origin) {
        (DocumentError::Unknown { name, .. }, Origin::Then { .. } | Origin::Run | Origin::Plan)
            if Canned::find(name).is_some() =>
        {
            let hint =
                format!("it is one of fleet's own: `fleet docs publish {name}` puts it there");
            Error::of(Exit::Setup, &err).hint(hint)
        }
        _ => err.into(),
    }
}

/// Returns as what a document is taken whose type nobody could read.
fn untyped(document: &DocumentArgs, name: &str, found: &Found) -> Option<Note> {
    let is_known = document.doc.is_none() || Canned::find(name).is_some() || found.kind.is_some();
    if is_known || document.kind() != DocumentKind::Command {
        return None;
    }
    let mut text = format!("{name} is taken for a command: its type may not be read");
    if document.origin == Origin::Flags {
        text += "; of a runbook, --automation --target-parameter NAME says what it is, and `fleet \
                 policy` with them what it takes";
    }
    Some(Note::new(UNTYPED, text))
}

/// Returns that a document is of another type than when it was planned, or run.
fn turned(document: &DocumentArgs, name: &str, was: DocumentKind, is: DocumentKind) -> Error {
    let word = |it| match it {
        DocumentKind::Command => "Command",
        DocumentKind::Automation => "Automation",
        DocumentKind::Replacement => "none",
    };
    let text = format!("document {name} was of type {} and is of type {}", word(was), word(is));
    match document.origin {
        Origin::Plan => Error {
            causes: vec![text],
            ..Error::new(Exit::Setup, "the plan is stale: the world has moved")
        }
        .hint("make a new plan with `fleet plan -o FILE`"),
        Origin::Run | Origin::Flags | Origin::Then { .. } => Error::new(Exit::Setup, text)
            .hint(format!("`fleet run --doc {name}` plans it as what it is now")),
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
        declared: documents::parse(canned.content).ok().map(|it| it.declared()),
        notes: vec![Note::new("document.unpublished", text)],
        ..Found::default()
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
