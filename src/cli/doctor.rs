//! `fleet doctor`: before the incident, what would not work during it.

use clap::Args;

use super::{
    access::{AccessArgs, SessionPolicy},
    args::{DocumentArgs, OutputArgs, Selection},
    context::{Context, Prepared, policy_in, prepare, state_directory},
    planning,
};
use crate::{
    aws::{self, Access, Aws},
    doctor::{self, Population, Site, Trouble, examine},
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{Platform, Selector},
};

/// Check before an incident what would not work during it; it only reads
#[derive(Debug, Clone, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) async fn doctor(args: &DoctorArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let context = Context::from_env()?;
    let prepared = prepare(&args.access, &context, terminal).await?;
    let diagnosis = examine(&site(args, &context, &prepared).await?).await;
    terminal.diagnosis(&diagnosis);
    Ok(if diagnosis.has_failed() { Exit::Setup } else { Exit::Success })
}

async fn site(args: &DoctorArgs, context: &Context, prepared: &Prepared) -> Result<Site, Error> {
    let Prepared { access, args: flags, settings, .. } = prepared;
    let region = match &access.region {
        Some(region) => Ok(region.clone()),
        None => aws::region(access).await.map_err(|err| Trouble::of(err.into())),
    };
    let caller = connect(&Access { role: None, ..access.clone() }).await;
    let session = match &access.role {
        Some(role) if caller.is_ok() => {
            let mut role = role.clone();
            role.policy = match &flags.session_policy {
                // It may read, whatever the role may do besides.
                None | Some(SessionPolicy::Plan) => Some(reading()),
                Some(SessionPolicy::None) => None,
                Some(SessionPolicy::File(path)) => Some(policy_in(path)?),
            };
            Some(connect(&Access { role: Some(role), ..access.clone() }).await)
        }
        Some(_) | None => None,
    };
    let selector = args.selection.selector();
    let mut site = Site {
        configuration: settings.files(),
        region,
        caller,
        role_arn: access.role.as_ref().map(|it| it.arn.clone()),
        session,
        selector,
        population: None,
        document: None,
        parameters: planning::given(&args.document.clone().read()?)?,
        state_directory: state_directory().ok(),
        now: Box::new(context.clock()),
    };
    if let Some(aws) = site.session().filter(|_| !site.selector.is_empty()) {
        site.population = Some(population(aws, &site.selector).await);
    }
    site.document = document(&args.document, site.platform());
    Ok(site)
}

/// Returns the document that a run with these flags would send, and its version.
fn document(args: &DocumentArgs, platform: Option<&Platform>) -> Option<(String, Option<String>)> {
    let command = match platform {
        Some(Platform::Windows) => "AWS-RunPowerShellScript",
        _ => "AWS-RunShellScript",
    };
    let command = (!args.command.is_empty()).then(|| command.to_owned());
    Some((args.doc.clone().or(command)?, args.doc_version.clone()))
}

async fn connect(access: &Access) -> Result<Aws, Trouble> {
    Aws::connect(access).await.map_err(|err| Trouble::of(err.into()))
}

async fn population(aws: &Aws, selector: &Selector) -> Result<Population, Trouble> {
    match aws::resolve(aws, selector).await {
        Ok(it) => Ok(Population { groups: it.groups, candidates: it.candidates }),
        Err(err) => Err(Trouble::of(err.into())),
    }
}

/// Returns the policy of a session that can do nothing but what the checks read.
fn reading() -> String {
    let statement = serde_json::json!({
        "Effect": "Allow", "Action": doctor::actions(), "Resource": "*",
    });
    serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}
