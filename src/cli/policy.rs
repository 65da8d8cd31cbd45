//! `fleet policy`: the least privilege for exactly this plan, ready to deploy.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{
    access::AccessArgs,
    args::{DocumentArgs, LimitArgs, Selection},
    context::{Context, connect_for, region},
    docs::wanted::of_canned,
    planning,
    publishing::Ahead,
    session::{self, too_long},
    settings::Settings,
};
use crate::{
    aws::Publication,
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    output::{self, NewDocument, Passed, Template, Terminal, User, read_plan},
    plan::{
        DocumentKind, Documents, Fitting, Grant, LONGEST_MANAGED_POLICY, LONGEST_ROLE_POLICY,
        Level, Manner, Needs, Plan, Purpose, Scope, Selector, Statement, assume_role, fit, grant,
        is_account, session_policy,
    },
};

/// Print the least privilege that a run with the same flags needs; it only reads
///
/// With --account nothing is read, unless the flags leave open which groups or which document
/// they mean.
#[derive(Debug, Clone, Args)]
pub(super) struct PolicyArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "iam", help_heading = "Policy")]
    format: PolicyFormat,
    /// How much to grant [default: minimal; full for --format session, as a run has it]
    #[arg(long, value_name = "LEVEL", help_heading = "Policy")]
    level: Option<PolicyLevel>,
    /// Account of the instances; with it the policy is made from the flags alone
    #[arg(long, value_name = "ID", value_parser = account, help_heading = "Policy")]
    account: Option<String>,
    /// Partition, such as aws, aws-cn or aws-us-gov; otherwise that of the region
    #[arg(long, value_name = "NAME", value_parser = partition, help_heading = "Policy")]
    partition: Option<String>,
    /// Make the policy of the plan in this file, as `fleet plan -o` wrote it
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    plan: Option<PathBuf>,
    /// Deploy this document too, under the name that --doc gives
    #[arg(long, value_name = "FILE", requires = "doc", help_heading = "Policy")]
    doc_file: Option<PathBuf>,
    /// Also make the user who may assume the role, without an access key
    #[arg(long, help_heading = "Policy")]
    with_user: bool,
    /// Print no notes
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl PolicyArgs {
    fn is_template(&self) -> bool {
        matches!(self.format, PolicyFormat::Cloudformation | PolicyFormat::Terraform)
    }
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyFormat {
    /// A policy to attach to a role or a user, as JSON
    Iam,
    /// The policy that narrows the session of an assumed role, on one line
    Session,
    /// A CloudFormation template with the role and its trust policy
    Cloudformation,
    /// The same for Terraform
    Terraform,
}

/// `--level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyLevel {
    /// What the plan cannot be carried out without
    Minimal,
    /// Also each permission that buys something, in a statement of its own
    Full,
}

/// The largest template that CloudFormation takes without a bucket, in bytes (CloudFormation
/// quotas).
const LARGEST_DIRECT_TEMPLATE: usize = 51_200;

/// Whom and what the policy is for.
struct Basis {
    /// The groups are named here, also those that were selected by tags of theirs.
    whom: Selector,
    /// As the flags have it.
    selector: Selector,
    documents: Vec<String>,
    /// As which the document is there, if somebody has published it or said so.
    version: Option<String>,
    kind: DocumentKind,
    /// The role that the steps of a runbook act as.
    role: Option<String>,
    needs: Needs,
    scope: Scope,
}

pub(super) async fn policy(args: &PolicyArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let own = args.doc_file.as_ref().map(|path| new_document(args, path)).transpose()?;
    refuse_useless(args)?;
    if let Some(region) = &args.access.region {
        agree(args, region, args.document.doc.as_slice())?;
    }
    let basis = match &args.plan {
        Some(path) => frozen(args, path)?,
        None => {
            planning::something_to_run(&args.document)?;
            let selector = planning::selector(&args.selection)?;
            if let Some(name) = &args.document.doc {
                check_document_name(name)?;
            }
            match from_flags(args, &selector).await? {
                Some(basis) => {
                    terminal.note("made from the flags alone: nothing was read");
                    basis
                }
                None => from_the_world(args, terminal).await?,
            }
        }
    };
    agree(args, &basis.scope.region, &basis.documents)?;
    let document = match own {
        Some(it) => Some(it),
        None => shipped_for(args, &basis, terminal)?,
    };
    let text = render(args, &basis, document.as_ref(), terminal)?;
    terminal.text(&text);
    Ok(Exit::Success)
}

/// Returns the text of the format, and tells what each optional statement buys.
fn render(
    args: &PolicyArgs,
    basis: &Basis,
    document: Option<&NewDocument>,
    terminal: &mut Terminal,
) -> Result<String, Error> {
    let session = (args.format == PolicyFormat::Session).then_some(PolicyLevel::Full);
    let level = args.level.or(session).unwrap_or(PolicyLevel::Minimal);
    let names: Vec<&str> = basis.documents.iter().map(String::as_str).collect();
    let (kind, role) = (basis.kind, basis.role.as_deref());
    let documents = Documents { names: &names, kind, role };
    if args.format == PolicyFormat::Session {
        let permissions: Vec<_> = match level {
            PolicyLevel::Minimal => basis.needs.required.clone(),
            PolicyLevel::Full => basis.needs.all().collect(),
        };
        let outputs = &basis.needs.outputs;
        let policy = session_policy(&basis.scope, &basis.whom, documents, &permissions, outputs);
        let policy = policy.map_err(|err| too_long(&err))?;
        policy.folded.iter().for_each(|it| terminal.note(it));
        return Ok(format!("{}\n", policy.json));
    }
    let level = match level {
        PolicyLevel::Minimal => Level::Minimal,
        PolicyLevel::Full => Level::Full,
    };
    let statements = grant(Grant { whom: &basis.whom, documents, needs: &basis.needs, level });
    let Fitting { statements, json, folded } = fit(statements, &basis.scope, LONGEST_ROLE_POLICY)
        .map_err(|length| {
        let message = format!(
            "the policy has {length} characters even when it is folded, and IAM takes \
                 {LONGEST_ROLE_POLICY} in a role"
        );
        let hint = "name fewer instances at a time, or select whole groups";
        Error::new(Exit::Setup, message).hint(hint)
    })?;
    folded.iter().for_each(|it| terminal.note(it));
    let length = json.chars().count();
    if length > LONGEST_MANAGED_POLICY {
        terminal.note(&format!(
            "the policy has {length} characters: too long for a managed policy, which takes \
             {LONGEST_MANAGED_POLICY}; it fits into a role as an inline policy"
        ));
    }
    for Statement { sid, purpose, .. } in &statements {
        if let Purpose::Optional(buys) = purpose {
            terminal.note(&format!("{sid} buys {buys}"));
        }
    }
    let description = format!("The role for fleet run {}", basis.selector);
    let user = if args.with_user { User::New } else { User::Existing };
    let scope = &basis.scope;
    let (access, _) = Settings::load(&args.access)?.access(&args.access)?;
    let identity = access.source_identity.map(|_| Passed::SourceIdentity);
    let passed: Vec<Passed> = [Passed::Tags].into_iter().chain(identity).collect();
    let template = Template {
        description: &description,
        statements: &statements,
        scope,
        document,
        user,
        passed: &passed,
    };
    Ok(match args.format {
        PolicyFormat::Iam | PolicyFormat::Session => output::iam(&statements, scope),
        PolicyFormat::Cloudformation => {
            let text = output::cloudformation(&template);
            if text.len() > LARGEST_DIRECT_TEMPLATE {
                terminal.note(&format!(
                    "the template has {} bytes, and CloudFormation takes {LARGEST_DIRECT_TEMPLATE} \
                     directly: deploy it by way of S3, `aws cloudformation deploy --s3-bucket …`",
                    text.len()
                ));
            }
            text
        }
        PolicyFormat::Terraform => output::terraform(&template),
    })
}

/// Returns the basis if the flags say everything.
async fn from_flags(args: &PolicyArgs, selector: &Selector) -> Result<Option<Basis>, Error> {
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
    let kind = args.document.sent(&[]).kind;
    let role = args.document.assume_role().filter(|_| kind == DocumentKind::Automation);
    let manner = Manner {
        is_by_ids: kind == DocumentKind::Automation,
        kind,
        passes_role: role.is_some(),
        ..Manner::of_flags(selector, &args.limits.rollout(0))
    };
    let settings = Settings::load(&args.access)?;
    Ok(Some(Basis {
        whom: selector.clone(),
        selector: selector.clone(),
        documents: vec![document.clone()],
        version: args.document.doc_version.clone(),
        kind,
        role: role.map(ToOwned::to_owned),
        needs: Needs::of(selector, manner, &settings.limits(&args.limits).storage.outputs()),
        scope: Scope { partition, region, account: account.clone() },
    }))
}

/// Reads what `fleet plan` reads.
async fn from_the_world(args: &PolicyArgs, terminal: &mut Terminal) -> Result<Basis, Error> {
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
    let planned = planned.await?;
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
fn frozen(args: &PolicyArgs, path: &Path) -> Result<Basis, Error> {
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
    let manner = Manner { minds_platform: is_chosen, ..Manner::of_plan(&plan) };
    let needs = Needs::of(&plan.selector, manner, &plan.outputs);
    let selector = plan.selector;
    Ok(Basis {
        whom: Selector { groups, group_tags: Vec::new(), ..selector.clone() },
        selector,
        version,
        kind: plan.document.kind(),
        role: assume_role(&plan.document.parameters)
            .filter(|_| plan.document.automation.is_some())
            .map(ToOwned::to_owned),
        documents: vec![plan.document.name],
        needs,
        scope: Scope { partition, region: plan.region, account },
    })
}

/// Refuses what cannot be true at once: a region is of one partition, and a document is sent in the
/// region it is in.
fn agree(args: &PolicyArgs, region: &str, documents: &[String]) -> Result<(), Error> {
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

/// Returns the document of fleet's that the template deploys along with the role, and says if a plan
/// leaves it out.
fn shipped_for(
    args: &PolicyArgs,
    basis: &Basis,
    terminal: &mut Terminal,
) -> Result<Option<NewDocument>, Error> {
    let name = basis.documents.first().map(String::as_str);
    if let (Some(_), Some(version)) = (&args.plan, &basis.version)
        && let Some(it) = shipped(args, (name, None))?
    {
        terminal.note(&format!(
            "{} is published already, as version {version}: the template leaves it out",
            it.name
        ));
    }
    shipped(args, (name, basis.version.as_deref()))
}

/// Returns the document of fleet's that a template deploys along with the role: the one that is
/// named, unless a version is, which somebody has published.
fn shipped(
    args: &PolicyArgs,
    (name, version): (Option<&str>, Option<&str>),
) -> Result<Option<NewDocument>, Error> {
    let canned = name.and_then(Canned::find);
    let canned = canned.filter(|_| args.is_template() && version.is_none());
    canned
        .map(|it| {
            let Publication { name, content, tags, .. } = of_canned(it)?;
            Ok(NewDocument { name, text: content, tags })
        })
        .transpose()
}

/// Refuses flags that the format has no use for.
fn refuse_useless(args: &PolicyArgs) -> Result<(), Error> {
    let is_template = args.is_template();
    let useless = [("--with-user", args.with_user), ("--doc-file", args.doc_file.is_some())];
    match useless.iter().find(|(_, is_given)| *is_given && !is_template) {
        None => Ok(()),
        Some((flag, _)) => {
            let message = format!("{flag} belongs to --format cloudformation and terraform");
            Err(Error::new(Exit::Usage, message))
        }
    }
}

/// Refuses what SSM would not take as a name either (SendCommand reference), before it stands in a
/// policy.
fn check_document_name(name: &str) -> Result<(), Error> {
    let is_good = |it: char| it.is_ascii_alphanumeric() || "_-.:/".contains(it);
    if (3..=128).contains(&name.len()) && name.chars().all(is_good) {
        return Ok(());
    }
    Err(Error::new(Exit::Usage, format!("`{name}` is not the name of a document, nor an ARN")))
}

fn new_document(args: &PolicyArgs, path: &Path) -> Result<NewDocument, Error> {
    let refused = |message: String| Error::new(Exit::Usage, message);
    let text = std::fs::read_to_string(path).map_err(|err| {
        refused(format!("could not read the document {}", path.display())).because(&err)
    })?;
    let content = documents::content(&text)
        .map_err(|err| refused(format!("{} is not a document", path.display())).because(&err))?;
    // It may be a number as well as a text.
    let schema = content.get("schemaVersion").map(ToString::to_string).unwrap_or_default();
    let kind = match schema.trim_matches('"') {
        "0.3" => "an Automation runbook",
        "1.0" => "a Session document",
        _ => "",
    };
    if !kind.is_empty() {
        let message = format!("{} is {kind}, which Run Command does not send", path.display());
        return Err(refused(message));
    }
    let name = args.document.doc.clone().unwrap_or_default();
    if name.starts_with("arn:") || crate::plan::is_reserved_name(&name) {
        let message = format!("`{name}` is not a name that a document of yours can have");
        return Err(refused(message));
    }
    Ok(NewDocument { name, text, tags: Vec::new() })
}

fn account(text: &str) -> Result<String, &'static str> {
    if is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("it is not the 12 digits of an account")
    }
}

fn partition(text: &str) -> Result<String, &'static str> {
    let is_partition = text == "aws"
        || text.strip_prefix("aws-").is_some_and(|it| {
            !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
        });
    if is_partition {
        Ok(text.to_owned())
    } else {
        Err("it is not aws, aws-cn, aws-us-gov or another")
    }
}
