//! `fleet policy`: the least privilege for exactly this plan, ready to deploy.

mod basis;
mod deployed;
mod flags;
mod following;
mod rendering;

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use self::{
    basis::{agree, from_flags, from_the_world, frozen, untold},
    deployed::{new_document, shipped, shipped_for},
    flags::{account, check_document_name, partition},
    rendering::render,
};
use super::{
    access::AccessArgs,
    args::{DocumentArgs, LimitArgs, Selection},
    planning,
};
use crate::{error::Error, exit::Exit, output::Terminal};

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
    /// Also grant what it takes to run this document afterwards: see `fleet run --then`
    #[arg(long, value_name = "DOC", value_parser = NonEmptyStringValueParser::new(),
          conflicts_with = "plan", help_heading = "Policy")]
    then: Option<String>,
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
            for name in args.document.doc.iter().chain(&args.then) {
                check_document_name(name)?;
            }
            match from_flags(args, &selector).await? {
                Some(basis) => {
                    terminal.note("made from the flags alone: nothing was read");
                    untold(args).iter().for_each(|it| terminal.note(it));
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
    let unpublished = basis.then.as_ref().filter(|it| !it.is_published);
    let second = match unpublished {
        Some(it) => shipped(args, (Some(it.document.as_str()), None))?,
        None => None,
    };
    let mut documents = Vec::from_iter(document);
    documents.extend(second.filter(|it| documents.iter().all(|of| of.name != it.name)));
    let text = render(args, &basis, &documents, terminal)?;
    terminal.text(&text);
    Ok(Exit::Success)
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
