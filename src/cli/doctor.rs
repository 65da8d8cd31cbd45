//! `fleet doctor`: before the incident, what would not work during it.

use std::rc::Rc;

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    access::{AccessArgs, SessionPolicy},
    args::{DocumentArgs, LimitArgs, OutputArgs, Selection},
    context::{Context, Prepared, prepare_under, state_directory},
    declarations::Declarations,
    planning::{self, Ground},
    session::{one_code, policy_in, too_long, unpassed},
    settings::Settings,
    then::Wish,
};
use crate::{
    aws::{self, Access, Aws},
    doctor::{self, Asked, Following, Narrowing, Outlook, Site, Trouble, examine},
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{
        Acting, DocumentKind, Documents, Outputs, Parameters, Refusal, Scope, reading_policy,
        session_permissions, session_policy,
    },
};

/// Check before an incident what would not work during it; it only reads
#[derive(Debug, Clone, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Also check what is run afterwards over the same instances: see `fleet run --then`
    #[arg(long, value_name = "DOC", value_parser = NonEmptyStringValueParser::new())]
    then: Option<String>,
}

pub(super) async fn doctor(args: &DoctorArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let DocumentArgs { doc, command, params, .. } = &args.document;
    if doc.is_none() && command.is_empty() && params.is_given() {
        let message = "--param says what a document is given, and none was named";
        return Err(
            Error::new(Exit::Usage, message).hint("pass --doc NAME, or a command after `--`")
        );
    }
    if doc.is_none() && command.is_empty() && args.then.is_some() {
        let message = "--then says what follows a document, and none was named";
        return Err(
            Error::new(Exit::Usage, message).hint("pass --doc NAME, or a command after `--`")
        );
    }
    let context = Context::from_env()?;
    // A file that is not understood is one of the things to be found out.
    let (settings, configuration) = match Settings::load(&args.access) {
        Ok(settings) => {
            let files = settings.files();
            (settings, Ok(files))
        }
        Err(err) => (Settings::default(), Err(misunderstood(err))),
    };
    let prepared = prepare_under(settings, &args.access, &context, terminal).await?;
    let site = site(args, &context, &prepared, configuration).await?;
    let following = match &args.then {
        Some(name) => following(name, args, &context, &prepared, &site).await?,
        None => Following::Nothing,
    };
    let diagnosis = examine(&site, &following).await;
    terminal.diagnosis(&diagnosis);
    Ok(if diagnosis.has_failed() { Exit::Setup } else { Exit::Success })
}

fn misunderstood(err: Error) -> Trouble {
    let Error { message, hints, .. } = err;
    let mend = "every other command refuses to start until it is mended; the checks below go by \
                the flags and the environment alone";
    let remedy = hints.iter().map(String::as_str).chain([mend]).collect::<Vec<_>>().join("; ");
    Trouble { said: message, remedy }
}

async fn site(
    args: &DoctorArgs,
    context: &Context,
    prepared: &Prepared,
    configuration: Result<Vec<String>, Trouble>,
) -> Result<Site, Error> {
    let Prepared { access, args: flags, settings, .. } = prepared;
    let document = &args.document.clone().read().await?;
    let given = planning::given(document)?.withholding(access.redaction.clone());
    let wanted = flags.session_policy.as_ref().unwrap_or(&SessionPolicy::Plan);
    let region = match &access.region {
        Some(region) => Ok(region.clone()),
        None => aws::region(access).await.map_err(|err| Trouble::of(err.into())),
    };
    let caller = connect(&Access { role: None, ..access.clone() }).await;
    let session = match &access.role {
        Some(role) if caller.is_ok() => {
            let mut role = role.clone();
            role.policy = match wanted {
                // It may read, whatever the role may do besides.
                SessionPolicy::Plan => Some(reading_policy(&doctor::actions())),
                SessionPolicy::None => None,
                SessionPolicy::File(path) => Some(policy_in(path)?),
            };
            Some(connect(&Access { role: Some(role), ..access.clone() }).await)
        }
        Some(_) | None => None,
    };
    let mut site = Site {
        configuration,
        region,
        caller,
        role_arn: access.role.as_ref().map(|it| it.arn.clone()),
        session,
        selector: args.selection.selector(),
        population: None,
        asked: None,
        outlook: Outlook::Unasked,
        ceilings: settings.ceilings(),
        narrowing: Narrowing::Unasked,
        outputs: settings.limits(&args.limits).storage.outputs(),
        state_directory: state_directory().ok(),
        now: Box::new(context.clock()),
    };
    if let Some(aws) = site.session().filter(|_| !site.selector.is_empty()) {
        let found = aws::resolve(aws, &site.selector).await;
        site.population = Some(found.map_err(|err| Trouble::of(err.into())));
    }
    site.asked = asked(document, given, &site).await;
    site.outlook = outlook(args, document, context, prepared, &site);
    site.narrowing = narrowing(wanted, document, &site.outputs, &site)?;
    Ok(site)
}

/// Returns what is looked at for the run that is to follow the one that `first` is about: by the
/// same sessions, for the same instances.
async fn following(
    name: &str,
    args: &DoctorArgs,
    context: &Context,
    prepared: &Prepared,
    first: &Site,
) -> Result<Following, Error> {
    let Outlook::Planned(plan) = &first.outlook else { return Ok(Following::Unplanned) };
    let Prepared { access, args: flags, settings, .. } = prepared;
    let wish = Wish::Named(name.to_owned());
    let document = wish.document(&plan.document);
    let limits = wish.limits(&args.limits);
    let given = planning::given(&document)?.withholding(access.redaction.clone());
    let mut site = Site {
        configuration: first.configuration.clone(),
        region: first.region.clone(),
        caller: first.caller.clone(),
        role_arn: first.role_arn.clone(),
        session: first.session.clone(),
        selector: first.selector.clone(),
        population: first.population.clone(),
        asked: None,
        outlook: Outlook::Unasked,
        ceilings: settings.ceilings(),
        narrowing: Narrowing::Unasked,
        outputs: settings.limits(&limits).storage.outputs(),
        state_directory: first.state_directory.clone(),
        now: Box::new(context.clock()),
    };
    let args = DoctorArgs { document, limits, then: None, ..args.clone() };
    let document = &args.document;
    site.asked = asked(document, given, &site).await;
    site.outlook = outlook(&args, document, context, prepared, &site);
    let wanted = flags.session_policy.as_ref().unwrap_or(&SessionPolicy::Plan);
    let takes_a_code = access.role.as_ref().is_some_and(|it| it.mfa.is_some());
    site.narrowing = match takes_a_code {
        true => Narrowing::Refused(Trouble::of(one_code())),
        false => narrowing(wanted, document, &site.outputs, &site)?,
    };
    Ok(Following::Planned(Box::new(site)))
}

/// Looks the document up that a run with these flags would send.
async fn asked(
    document: &DocumentArgs,
    given: Parameters,
    site: &Site,
) -> Option<Result<Asked, Trouble>> {
    if document.doc.is_none() && document.command.is_empty() {
        return None;
    }
    let population = site.population.as_ref().and_then(|it| it.as_ref().ok());
    let candidates = population.and_then(|it| it.candidates.as_deref());
    let (name, parameters) = match planning::what_to_run(document, given, candidates) {
        Ok(it) => it,
        Err(err) => return Some(Err(Trouble::of(err))),
    };
    let found = match site.session() {
        None => None,
        Some(aws) => {
            let found = aws::find_document(aws, &name, document.doc_version.as_deref()).await;
            Some(found.map_err(|err| Trouble::of(planning::absent(document, err))))
        }
    };
    Some(Ok(Asked { name, parameters, found }))
}

/// Makes the plan that a run would be made from, as far as no other check has the reason why there
/// can be none.
fn outlook(
    args: &DoctorArgs,
    document: &DocumentArgs,
    context: &Context,
    prepared: &Prepared,
    site: &Site,
) -> Outlook {
    if site.asked.is_none() || site.selector.is_empty() {
        return Outlook::Unasked;
    }
    let (Some(aws), Some(Ok(asked)), Some(Ok(resolved))) =
        (site.session(), &site.asked, &site.population)
    else {
        return Outlook::Blocked;
    };
    let Some(Ok(found)) = &asked.found else { return Outlook::Blocked };
    let declarations = match Declarations::of(document, &asked.name) {
        Ok(it) => it,
        Err(err) => return Outlook::Refused(Trouble::of(err)),
    };
    let automation = match planning::automation(document, &asked.name, &asked.parameters, found) {
        Ok(it) => it,
        Err(err) => return Outlook::Refused(Trouble::of(err)),
    };
    let ground = Ground {
        replacement: None,
        declarations,
        aws,
        settings: &prepared.settings,
        is_simulated: prepared.is_private(),
        selector: site.selector.clone(),
        resolved: resolved.clone(),
        name: asked.name.clone(),
        parameters: asked.parameters.clone(),
        automation,
        found: found.clone(),
        refused: std::collections::BTreeMap::new(),
    };
    match planning::compose(ground, context, &args.selection, document, &args.limits) {
        Ok(plan) => Outlook::Planned(Box::new(plan)),
        Err(Refusal::Parameter(_)) => Outlook::Blocked,
        Err(refusal) => Outlook::Refused(Trouble::of(refusal.into())),
    }
}

/// Makes the session policy of a run with these flags, to see whether it can be made.
fn narrowing(
    wanted: &SessionPolicy,
    document: &DocumentArgs,
    outputs: &Outputs,
    site: &Site,
) -> Result<Narrowing, Error> {
    let Some(role_arn) = &site.role_arn else { return Ok(Narrowing::Unasked) };
    match wanted {
        SessionPolicy::None => return Ok(Narrowing::NotWanted),
        SessionPolicy::File(path) => {
            return Ok(Narrowing::Written { length: policy_in(path)?.chars().count() });
        }
        SessionPolicy::Plan => {}
    }
    let mut selector = site.selector.clone();
    if let Some(Ok(resolved)) = &site.population {
        selector.groups.clone_from(&resolved.groups);
        selector.group_tags.clear();
    }
    if selector.is_empty() || site.asked.is_none() {
        return Ok(Narrowing::Unasked);
    }
    // Groups that are selected by tags have no names before they are read.
    let is_open = !selector.group_tags.is_empty();
    let scope = site.region.as_ref().ok().and_then(|it| Scope::of_role(role_arn, it));
    let Some(scope) = scope.filter(|_| !is_open) else { return Ok(Narrowing::Open) };
    let documents = document.documents();
    let (kind, acting) = (kind_of(document, site), acting_of(document, site));
    if let Some(Ok(Asked { name, found: Some(Ok(_)), .. })) = &site.asked
        && kind == DocumentKind::Automation
        && acting.role().is_none()
    {
        return Ok(Narrowing::Refused(Trouble::of(unpassed(name, &acting, &document.origin))));
    }
    let documents = Documents { names: &documents, kind, role: acting.role() };
    let permissions = session_permissions(&selector, documents.kind, outputs);
    Ok(match session_policy(&scope, &selector, documents, &permissions, outputs) {
        Ok(it) => Narrowing::Made { length: it.json.chars().count(), folded: it.folded },
        Err(err) => Narrowing::Refused(Trouble::of(too_long(&err))),
    })
}

/// Returns what SSM does with the document, as far as that is known.
fn kind_of(document: &DocumentArgs, site: &Site) -> DocumentKind {
    let asked = site.asked.as_ref().and_then(|it| it.as_ref().ok());
    let found = asked.and_then(|it| it.found.as_ref()).and_then(|it| it.as_ref().ok());
    found.and_then(|it| it.kind).unwrap_or(document.kind())
}

/// Returns whose permissions the steps of a runbook have, as far as that is known.
fn acting_of(document: &DocumentArgs, site: &Site) -> Acting {
    let Some(Ok(asked)) = &site.asked else { return document.acting() };
    let found = asked.found.as_ref().and_then(|it| it.as_ref().ok());
    Acting::of(found.and_then(|it| it.assume_role.as_ref()), &asked.parameters)
}

async fn connect(access: &Access) -> Result<Rc<Aws>, Trouble> {
    Aws::connect(access).await.map(Rc::new).map_err(|err| Trouble::of(err.into()))
}
