//! Whom and what a policy is for: as the flags have it, as a plan that was written down does, or as one
//! that is made now. It only reads.

use std::path::Path;

use super::{PolicyArgs, deployed::shipped, following::Following};
use crate::{
    cli::{
        args::SHELLS,
        context::{Context, connect_for, region},
        planning,
        publishing::Ahead,
        session,
        settings::Settings,
        then::{self, Wish},
    },
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    output::{Terminal, read_plan},
    plan::{Acting, DocumentKind, Manner, Needs, Plan, Scope, Selector, check_roles},
};

/// Whom and what the policy is for.
pub(super) struct Basis {
    /// The groups are named here, also those that were selected by tags of theirs.
    pub whom: Selector,
    /// As the flags have it.
    pub selector: Selector,
    pub documents: Vec<String>,
    /// As which the document is there, if somebody has published it or said so.
    pub version: Option<String>,
    pub kind: DocumentKind,
    /// The role that the steps of a runbook act as.
    pub role: Option<String>,
    pub needs: Needs,
    pub scope: Scope,
    pub then: Option<Following>,
}

/// Returns the basis if the flags say everything.
pub(super) async fn from_flags(
    args: &PolicyArgs,
    selector: &Selector,
) -> Result<Option<Basis>, Error> {
    let (Some(account), Some(document)) = (&args.account, &args.document.doc) else {
        return Ok(None);
    };
    // Which groups have a tag only Auto Scaling knows.
    if !selector.group_tags.is_empty() {
        return Ok(None);
    }
    let region = region(&args.access).await?;
    let of_region = || Scope::partition_of(&region).to_owned();
    let partition = args.partition.clone().unwrap_or_else(of_region);
    let kind = args.document.kind();
    if kind == DocumentKind::Automation {
        let given = planning::given(&args.document)?;
        check_roles(None, &given).map_err(|it| Error::of(Exit::Usage, &it))?;
    }
    let acting = Some(args.document.acting()).filter(|_| kind == DocumentKind::Automation);
    let role = acting.as_ref().and_then(Acting::role).map(ToOwned::to_owned);
    let manner = Manner {
        is_by_ids: kind == DocumentKind::Automation,
        kind,
        passes_role: role.is_some(),
        reads_content: kind == DocumentKind::Automation && !is_said(args),
        ..Manner::of_flags(selector, &args.limits.rollout(0))
    };
    let outputs = Settings::load(&args.access)?.limits(&args.limits).storage.outputs();
    Ok(Some(Basis {
        whom: selector.clone(),
        selector: selector.clone(),
        documents: vec![document.clone()],
        version: args.document.doc_version.clone(),
        kind,
        role,
        needs: Needs::of(selector, manner, &outputs),
        scope: Scope { partition, region, account: account.clone() },
        then: args.then.as_ref().map(|it| Following::named(it, &outputs)),
    }))
}

/// Returns what the flags leave open of what they grant: nothing is read of a document, and fleet
/// knows few by their names.
pub(super) fn untold(args: &PolicyArgs) -> Vec<String> {
    let is_known = |name: &str| {
        Canned::find(name).is_some() || documents::is_runbook(name) || SHELLS.contains(&name)
    };
    let mut res = Vec::new();
    let document = &args.document;
    if let Some(name) = document.doc.as_deref() {
        match document.kind() {
            DocumentKind::Automation => res.extend(document.acting().open(name).map(|why| {
                format!(
                    "{why}; if they act as one, `fleet policy` without --account, which reads \
                         it, grants iam:PassRole as well"
                )
            })),
            DocumentKind::Command | DocumentKind::Replacement if is_known(name) => {}
            DocumentKind::Command | DocumentKind::Replacement => {
                res.push(format!(
                    "{name} is taken for a command: pass --automation if it is a runbook"
                ));
            }
        }
    }
    if let Some(name) = args.then.as_deref().filter(|it| !is_known(it)) {
        res.push(format!(
            "{name} is taken for a command: if it is a runbook, leave --account out, so that it is read"
        ));
    }
    res
}

/// Reads what `fleet plan` reads.
pub(super) async fn from_the_world(
    args: &PolicyArgs,
    terminal: &mut Terminal,
) -> Result<Basis, Error> {
    if args.doc_file.is_some() {
        let message = "--doc-file deploys a document that is not there yet, so that nothing can be \
                       planned with it";
        return Err(Error::new(Exit::Usage, message).hint("pass --account, and name the groups"));
    }
    let context = Context::from_env()?;
    let mut access = args.access.clone();
    if Settings::load(&access)?.access(&access)?.0.role_arn.is_none() {
        // It is for the role that is to be made, and not for this session.
        access.source_identity = None;
    }
    let connection = connect_for(&access, &context, session::Purpose::Read, terminal).await?;
    let PolicyArgs { selection, document, limits, .. } = args;
    let planned =
        planning::plan(&connection, &context, selection, document, limits, Ahead::Foreseen);
    let mut planned = planned.await?;
    if let Some(name) = &args.then {
        let (wish, first, ahead) = (Wish::Named(name.clone()), &planned.plan, Ahead::Foreseen);
        let sequel =
            then::foresee(&wish, &connection, &context, selection, limits, first, ahead).await?;
        sequel.notes.iter().for_each(|it| terminal.note(&it.text));
        planned.plan.then = Some(Box::new(sequel));
    }
    planned.plan.notes.iter().for_each(|it| terminal.note(&it.text));
    let given = (args.document.doc.as_deref(), args.document.doc_version.as_deref());
    if let (Some(it), Some(version)) = (shipped(args, given)?, &planned.plan.document.version) {
        terminal.note(&format!(
            "{} is published already, as version {version}, and a stack that makes it too is \
             refused: --doc-version {version} leaves it out of the template",
            it.name
        ));
    }
    if let (Some(given), Some(found)) = (&args.account, &planned.plan.account)
        && given != found
    {
        let message = format!("--account says {given}, and these credentials are of {found}");
        return Err(Error::new(Exit::Usage, message));
    }
    basis_of(args, planned.plan, planned.groups)
}

/// Reads a plan that was written down.
pub(super) fn frozen(args: &PolicyArgs, path: &Path) -> Result<Basis, Error> {
    planning::nothing_again(&args.selection, &args.document, &args.limits)?;
    if args.document.params.is_given() {
        let message = "--plan has its parameters, and a policy has no use for a --param";
        return Err(Error::new(Exit::Usage, message));
    }
    let plan = read_plan(path).map_err(|err| {
        let message = format!("the plan {} cannot be read", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })?;
    let planned = plan.population.planned.iter();
    let mut groups: Vec<String> = plan.selector.groups.clone();
    if !plan.selector.group_tags.is_empty() {
        groups.extend(planned.filter_map(|it| it.group.clone()));
    }
    groups.sort();
    groups.dedup();
    basis_of(args, plan, groups)
}

fn basis_of(args: &PolicyArgs, plan: Plan, groups: Vec<String>) -> Result<Basis, Error> {
    let caller = plan.operator.caller_arn.as_deref().unwrap_or_default();
    let of_caller = caller.strip_prefix("arn:").and_then(|it| it.split(':').next());
    let partition = args.partition.as_deref().or(of_caller);
    let partition = partition.unwrap_or_else(|| Scope::partition_of(&plan.region)).to_owned();
    let account = args.account.clone().or(plan.account.clone()).ok_or_else(|| {
        Error::new(Exit::Setup, "the account is not known").hint("pass --account")
    })?;
    // One that `fleet plan --publish` would make has its first version already, and is not there.
    let is_there = !plan.notes.iter().any(|it| it.code == "document.unpublished")
        || plan.document.version.is_none();
    let version = match args.plan {
        Some(_) => {
            let latest = || "$LATEST".to_owned();
            is_there.then(|| plan.document.version.clone().unwrap_or_else(latest))
        }
        None => args.document.doc_version.clone(),
    };
    // Where the platform cannot be read, a command is taken for a shell's.
    let is_chosen =
        !args.document.command.is_empty() && plan.document.name == "AWS-RunPowerShellScript";
    // A plan that was written down says what its document is.
    let is_said = args.plan.is_some() || is_said(args);
    let reads_content = plan.document.acting().is_some_and(|it| {
        let before = Acting::of(None, &plan.document.parameters);
        !is_said || (it.role().is_some() && it != before)
    });
    let (of_plan, then) = match (args.plan.is_some(), plan.then.as_deref()) {
        (true, then) => (Manner::of_written(&plan), then.map(Following::written)),
        (false, then) => (Manner::of_plan(&plan), then.map(Following::planned)),
    };
    let manner = Manner { minds_platform: is_chosen, reads_content, ..of_plan };
    let needs = Needs::of(&plan.selector, manner, &plan.outputs);
    let selector = plan.selector;
    Ok(Basis {
        whom: Selector { groups, group_tags: Vec::new(), ..selector.clone() },
        selector,
        version,
        kind: plan.document.kind(),
        role: plan.document.passed_role(),
        documents: vec![plan.document.name],
        needs,
        scope: Scope { partition, region: plan.region, account },
        then,
    })
}

/// Returns whether the flags say of a runbook what a run has to know of it.
fn is_said(args: &PolicyArgs) -> bool {
    let document = &args.document;
    document.kind() == DocumentKind::Automation && document.target_parameter.is_some()
}

/// Refuses what cannot be true at once: a region is of one partition, and a document is sent in the
/// region it is in.
pub(super) fn agree(args: &PolicyArgs, region: &str, documents: &[String]) -> Result<(), Error> {
    let known = Scope::known_partition_of(region);
    if let (Some(known), Some(given)) = (known, args.partition.as_deref())
        && known != given
    {
        let message = format!("--partition says {given}, and {region} is a region of {known}");
        return Err(Error::new(Exit::Usage, message).hint("leave one of the two out"));
    }
    let partition = known.or(args.partition.as_deref());
    for arn in documents.iter().filter(|it| it.starts_with("arn:")) {
        let mut parts = arn.split(':').skip(1);
        let (of, _, at) = (parts.next(), parts.next(), parts.next());
        if partition.is_some_and(|it| of != Some(it)) || at != Some(region) {
            let message = format!("the document {arn} is not of {region}, where it would be sent");
            return Err(Error::new(Exit::Usage, message)
                .hint("pass the --region of the document, or a document of the region"));
        }
    }
    Ok(())
}
