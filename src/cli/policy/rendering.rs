//! The text of a policy in each format, held to what AWS takes of it.

use super::{PolicyArgs, PolicyFormat, PolicyLevel, basis::Basis};
use crate::{
    cli::{session::too_long, settings::Settings},
    error::Error,
    exit::Exit,
    output::{self, NewDocument, Passed, Template, Terminal, User},
    plan::{
        Documents, Fitting, Grant, LONGEST_MANAGED_POLICY, LONGEST_ROLE_POLICY, Level, Purpose,
        Statement, fit, grant, session_policy, union,
    },
};

/// The largest template that CloudFormation takes without a bucket, in bytes (CloudFormation
/// quotas).
const LARGEST_DIRECT_TEMPLATE: usize = 51_200;

/// Returns the text of the format, and tells what each optional statement buys.
pub(super) fn render(
    args: &PolicyArgs,
    basis: &Basis,
    deployed: &[NewDocument],
    terminal: &mut Terminal,
) -> Result<String, Error> {
    let session = (args.format == PolicyFormat::Session).then_some(PolicyLevel::Full);
    let level = args.level.or(session).unwrap_or(PolicyLevel::Minimal);
    let names: Vec<&str> = basis.documents.iter().map(String::as_str).collect();
    let (kind, role) = (basis.kind, basis.role.as_deref());
    let documents = Documents { names: &names, kind, role };
    if args.format == PolicyFormat::Session {
        if let Some(then) = &basis.then {
            let message = "each of the two runs has a session of its own, and so a policy";
            return Err(Error::new(Exit::Usage, message).hint(format!(
                "leave --then out for that of the first, and pass --doc {} for that of the second",
                then.document
            )));
        }
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
    let first = grant(Grant { whom: &basis.whom, documents, needs: &basis.needs, level });
    let second = basis.then.as_ref().map(|it| it.granted(&basis.whom, level));
    let statements = union(first, second.unwrap_or_default());
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
        documents: deployed,
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
