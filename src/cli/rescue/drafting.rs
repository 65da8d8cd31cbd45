//! The plan of a rescue: whom the preflight passes, what each is given, and how each was before.

use std::collections::BTreeMap;

use super::{
    plan::withhold,
    run::HowArgs,
    selecting::{Selected, select},
};
use crate::{
    aws::{self, Aws, Found},
    cli::{
        args::{DocumentArgs, LimitArgs, ParamArgs},
        context::{Connection, Context, establish, prepare},
        declarations::Declarations,
        planning::{self, Ground, Planned},
        session::Purpose,
    },
    error::Error,
    exit::Exit,
    output::{RescuePlan, Terminal},
    plan::{
        Automation, Before, Document, DocumentKind, Exclusion, InstanceId, Limit, Parameters,
        Recovery, Refused, Replacement, TERMINATION,
    },
    rescue::{Cure, Judged, Members, Preflight, RUNBOOK, Site, parameters, preflight},
};

/// The parameter of the runbook that takes the instance.
const INSTANCE: &str = "InstanceId";

/// A plan, and the connection that it was made over.
pub(super) struct Drafted {
    pub connection: Connection,
    pub planned: Planned,
    /// What whoever agrees to it takes upon themselves.
    pub doubt: Option<&'static str>,
}

/// What nobody has said anything of, and no check can see.
const LOCKED: &str = "though BitLocker may lock root volumes, and whoever has such a one would be \
                      stopped for nothing";

/// Checks everything and makes the plan; it only reads.
pub(super) async fn draft(
    cure: Cure,
    members: Members,
    args: &HowArgs,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Drafted, Error> {
    let cure = args.manner.proved(cure);
    let selector = planning::selector(&args.selection)?;
    let is_named = !selector.groups.is_empty() && selector.is_groups_only();
    // Which groups tags and instances lead to is known when they are read.
    let groups = if is_named { selector.groups.clone() } else { vec!["*".to_owned()] };
    let role = args.manner.automation_role.as_deref();
    let online = cure.online.as_ref().map(|it| it.document.as_str());
    let purpose = match members {
        Members::Standby => Purpose::Rescue { groups: &groups, role, online },
        Members::Replaced => Purpose::Replace { groups: &groups },
    };
    let prepared = prepare(&args.access, context, terminal).await?;
    if members == Members::Standby && role.is_none() && prepared.is_narrowed() {
        let message =
            "the runbook would act as the role's session, which is narrowed to starting it";
        return Err(Error::new(Exit::Usage, message)
            .hint("--automation-role ARN; `fleet rescue prepare` prints the template of one"));
    }
    let mut connection = establish(prepared, purpose, terminal).await?;
    withhold(&mut connection.aws, &cure.script);
    let aws = &connection.aws;
    let found = select(aws, &selector).await?;
    found.require_somebody(&cure)?;
    let Selected { resolved, targets, answering } = found;
    let n_answering = answering.len();
    let answers = Refused { reason: Exclusion::Answers, why: None };
    let mut refused: BTreeMap<InstanceId, Refused> =
        answering.into_iter().map(|it| (it, answers.clone())).collect();
    let limit = args.limits.max_concurrency();
    let wishes = args.manner.wishes(limit, members, targets.len());
    let mut recovery = Recovery {
        sentinel: cure.sentinel.as_ref().map(|(it, _)| it.clone()),
        good: cure.sentinel.as_ref().map(|(_, it)| it.clone()).unwrap_or_default(),
        answers: cure.answers,
        ..Recovery::default()
    };
    let site = aws::rescue_site(aws, cure, wishes, &targets, context.now).await;
    let judged = preflight(&site);
    let region = aws.region.clone();
    let preview = RescuePlan::new(region, &site, &judged, n_answering, &aws.redaction);
    terminal.rescue_preview(&preview);
    refuse_for_all(&judged)?;
    let doubt = site.may_be_locked().then_some(LOCKED);
    let n_able = match members {
        Members::Standby => {
            recovery.instances = each(&site, &judged, &mut refused);
            recovery.instances.len()
        }
        Members::Replaced => n_passing(&judged, &mut refused),
    };
    if n_able == 0 {
        let what = match members {
            Members::Standby => "rescued",
            Members::Replaced => "replaced",
        };
        let message = match targets.len() {
            1 => format!("the 1 instance cannot be {what}"),
            n => format!("of {n} instances none can be {what}"),
        };
        return Err(Error::new(Exit::NothingEligible, message)
            .hint("`fleet rescue plan` with the same flags tells what speaks against each"));
    }
    let Work { name, document, found, automation, replacement } = match members {
        Members::Standby => runbook(aws, site, recovery).await?,
        Members::Replaced => replacement(&site).await?,
    };
    let ground = Ground {
        aws,
        settings: &connection.settings,
        is_simulated: connection.is_private(),
        selector,
        name: name.to_owned(),
        parameters: planning::given(&document)?,
        declarations: Declarations::of(&document, name)?,
        automation,
        replacement,
        found,
        refused,
        resolved,
    };
    let limits = limits(&args.limits);
    let selection = args.selection.with_everybody();
    let groups = ground.resolved.groups.clone();
    let plan = planning::compose(ground, context, &selection, &document, &limits)?;
    connection.admit(&plan, &document.origin)?;
    connection.settings.ceilings().admit(&plan)?;
    Ok(Drafted { connection, planned: Planned { plan, groups }, doubt })
}

/// What is done to those that the checks pass.
struct Work {
    name: &'static str,
    document: DocumentArgs,
    found: Found,
    automation: Option<Automation>,
    replacement: Option<Replacement>,
}

async fn runbook(aws: &Aws, site: Site, mut recovery: Recovery) -> Result<Work, Error> {
    let common = common(&mut recovery.instances);
    recovery.online = site.online.clone().ok().flatten();
    let version = site.runbook.ok().and_then(|it| it.version);
    let found = aws::find_document(aws, RUNBOOK, version.as_deref()).await?;
    let automation = Automation {
        target_parameter: INSTANCE.to_owned(),
        steps: found.steps.clone(),
        assume_role: found.assume_role.clone(),
        recovery: Some(recovery),
    };
    let automation = Some(automation);
    let document = document(RUNBOOK, version, common, automation.clone()).await?;
    Ok(Work { name: RUNBOOK, document, found, automation, replacement: None })
}

async fn replacement(site: &Site) -> Result<Work, Error> {
    let groups = site.groups.iter().flatten();
    let groups = groups.map(|(name, it)| (name.clone(), it.members.clone())).collect();
    let found = Found { kind: Some(DocumentKind::Replacement), ..Found::default() };
    Ok(Work {
        name: TERMINATION,
        document: document(TERMINATION, None, BTreeMap::new(), None).await?,
        found,
        automation: None,
        replacement: Some(Replacement { groups }),
    })
}

/// Refuses whom the checks do not pass, and returns how many are left.
fn n_passing(judged: &Preflight, refused: &mut BTreeMap<InstanceId, Refused>) -> usize {
    let (able, others): (Vec<_>, Vec<_>) =
        judged.instances.iter().partition(|it| it.readiness.may_start());
    refused.extend(others.into_iter().map(|it| (it.id.clone(), against(it))));
    able.len()
}

/// Returns that the checks of an instance keep it out, and what the first that does has found.
fn against(it: &Judged) -> Refused {
    let row = it.rows.iter().find(|it| it.stops);
    let why = row.map(|it| {
        let finding = &it.finding;
        format!("check {}, {}: {}", it.number, finding.check, finding.said)
    });
    Refused { reason: Exclusion::Preflight, why }
}

/// Refuses a rescue against which something speaks that holds for all instances.
fn refuse_for_all(judged: &Preflight) -> Result<(), Error> {
    let Some(row) = judged.shared.iter().find(|it| it.stops) else { return Ok(()) };
    let finding = &row.finding;
    let message = format!("check {}, {}: {}", row.number, finding.check, finding.said);
    let err = Error::new(Exit::Setup, message);
    Err(match &finding.remedy {
        Some(it) => err.hint(it),
        None => err,
    })
}

/// Returns how each instance was that passes, with what the runbook is given for it; the others are
/// refused.
fn each(
    site: &Site,
    judged: &Preflight,
    refused: &mut BTreeMap<InstanceId, Refused>,
) -> BTreeMap<InstanceId, Before> {
    let mut res = BTreeMap::new();
    for (verdict, facts) in judged.instances.iter().zip(&site.instances) {
        let before = before(site, facts).filter(|_| verdict.readiness.may_start());
        match before {
            Some(it) => drop(res.insert(verdict.id.clone(), it)),
            None => drop(refused.insert(verdict.id.clone(), against(verdict))),
        }
    }
    res
}

fn before(site: &Site, it: &crate::rescue::Instance) -> Option<Before> {
    let declared = &site.runbook.as_ref().ok()?.declared;
    let described = it.described.as_ref().ok()?;
    let mut parameters = parameters(site, it, declared).ok()?;
    parameters.remove(INSTANCE);
    Some(Before {
        state: described.state.clone(),
        root_device: described.root_device.clone(),
        volume: described.root_volume.clone()?,
        delete_on_termination: described.goes_with_instance,
        parameters,
    })
}

/// Takes what all are given alike out of what each is given.
fn common(each: &mut BTreeMap<InstanceId, Before>) -> BTreeMap<String, Vec<String>> {
    let first = each.values().next().map(|it| it.parameters.clone()).unwrap_or_default();
    let is_common = |name: &String, value: &mut Vec<String>| {
        each.values().all(|it| it.parameters.get(name) == Some(value))
    };
    let mut common = first;
    common.retain(is_common);
    for it in each.values_mut() {
        it.parameters.retain(|name, _| !common.contains_key(name));
    }
    common
}

/// Returns what is run as flags would name it.
async fn document(
    name: &str,
    version: Option<String>,
    given: BTreeMap<String, Vec<String>>,
    automation: Option<Automation>,
) -> Result<DocumentArgs, Error> {
    let parameters: Parameters = given.into_iter().collect();
    let document = Document {
        name: name.to_owned(),
        version,
        hash: None,
        parameters,
        sidecar: None,
        dry_run: None,
        automation,
        replacement: None,
    };
    DocumentArgs::again(&document, &ParamArgs::default()).await
}

/// Returns the limits that hold where no flag says otherwise: one instance before all others.
fn limits(given: &LimitArgs) -> LimitArgs {
    let mut res = given.clone();
    if res.waves.is_none() {
        res.waves = Some(vec![Limit::Count(1), Limit::Percent(100)].into());
    }
    res
}
