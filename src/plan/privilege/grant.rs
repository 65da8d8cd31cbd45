//! From a selection to the statements that let it be run, and nothing else.

use super::{Condition, Needs, Permission, Purpose, Resource, Statement};
use crate::plan::{DocumentKind, GROUP_TAG, Outputs, Selector};

/// The documents that may be sent, by name or ARN, and as what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Documents<'a> {
    pub names: &'a [&'a str],
    pub kind: DocumentKind,
    /// The role that the steps of a runbook act as.
    pub role: Option<&'a str>,
}

impl<'a> Documents<'a> {
    pub fn commands(names: &'a [&'a str]) -> Self {
        Self { names, ..Self::default() }
    }
}

/// How much is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What the plan cannot be carried out without.
    Minimal,
    /// Also what buys something.
    Full,
}

/// What is granted: sending `documents` to whom `whom` names, and what the run reads besides.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// Groups that are named by tags of their own are any group's, until they are resolved.
    pub whom: &'a Selector,
    /// None: nothing is sent.
    pub documents: Documents<'a>,
    pub needs: &'a Needs,
    pub level: Level,
}

/// Returns a statement for each thing that is granted, so that each can be taken out alone.
pub fn grant(grant: Grant<'_>) -> Vec<Statement> {
    let mut statements = sending(grant.whom, grant.documents);
    for permission in grant.needs.required.iter().filter(|it| !it.is_of_sending()) {
        let purpose = Purpose::Required(permission.buys().to_owned());
        statements.push(reading(permission.name(), *permission, grant, purpose));
    }
    if grant.level == Level::Full {
        for permission in &grant.needs.optional {
            let sid = format!("Optional{}", permission.name());
            let purpose = Purpose::Optional(permission.buys().to_owned());
            statements.push(reading(&sid, *permission, grant, purpose));
        }
    }
    statements
}

fn reading(sid: &str, permission: Permission, grant: Grant<'_>, purpose: Purpose) -> Statement {
    let resources = match permission.is_of_documents() {
        true => grant.documents.names.iter().map(|it| Resource::document(it)).collect(),
        false => vec![used_on(permission, &grant.needs.outputs)],
    };
    Statement {
        sid: sid.to_owned(),
        actions: vec![permission],
        resources,
        conditions: Vec::new(),
        purpose,
    }
}

/// Returns what a permission is granted on that is neither one of sending nor one of documents.
pub(in crate::plan) fn used_on(permission: Permission, outputs: &Outputs) -> Resource {
    let place = match permission {
        Permission::GetAutomationExecution
        | Permission::DescribeAutomationStepExecutions
        | Permission::StopAutomationExecution => Some(Resource::every_execution()),
        Permission::GetObject => outputs.fetched_s3().map(Resource::objects),
        Permission::GetLogEvents => outputs.fetched_logs().map(Resource::log_streams),
        Permission::SendCommand
        | Permission::ListCommandInvocations
        | Permission::DescribeAutoScalingGroups
        | Permission::DescribeAutoScalingInstances
        | Permission::DescribeScalingActivities
        | Permission::DescribeInstanceInformation
        | Permission::DescribeInstanceProperties
        | Permission::DescribeDocument
        | Permission::GetDocument
        | Permission::ListCommands
        | Permission::GetCommandInvocation
        | Permission::CancelCommand
        | Permission::StartAutomationExecution
        | Permission::DescribeAutomationExecutions
        | Permission::PassRole => None,
    };
    place.unwrap_or(Resource::Any)
}

/// Returns the statements on what sends: for SendCommand one for the documents, and one for each
/// way in which instances are named.
///
/// Documents and instances stand in statements of their own: an instance's tag in the condition
/// of a document's statement would refuse the document, which has no such tag.
pub(in crate::plan) fn sending(whom: &Selector, documents: Documents<'_>) -> Vec<Statement> {
    if documents.names.is_empty() {
        return Vec::new();
    }
    match documents.kind {
        DocumentKind::Command => {}
        DocumentKind::Automation => return starting(documents),
        // Nothing is sent.
        DocumentKind::Replacement => return Vec::new(),
    }
    let documents = documents.names;
    let statement = |sid: &str, resources, conditions, purpose: &str| Statement {
        sid: sid.to_owned(),
        actions: vec![Permission::SendCommand],
        resources,
        conditions,
        purpose: Purpose::Required(purpose.to_owned()),
    };
    let mut statements = vec![statement(
        "SendDocument",
        documents.iter().map(|it| Resource::document(it)).collect(),
        Vec::new(),
        "sending this document, and no other",
    )];
    let group = |operator, values| Condition {
        operator,
        key: format!("ssm:resourceTag/{GROUP_TAG}"),
        values,
    };
    if !whom.groups.is_empty() {
        let condition = group("StringEquals", whom.groups.clone());
        let instances = vec![Resource::instance("*")];
        let purpose = "sending to the instances of these Auto Scaling groups, and no others";
        statements.push(statement("SendToGroups", instances, vec![condition], purpose));
    }
    if !whom.group_tags.is_empty() {
        // Which groups they are is not known; that it is a group's instance is.
        let condition = group("Null", vec!["false".to_owned()]);
        let instances = vec![Resource::instance("*")];
        let purpose = "sending to the instances of any Auto Scaling group";
        statements.push(statement("SendToAnyGroup", instances, vec![condition], purpose));
    }
    if !whom.tags.is_empty() {
        let conditions = whom.tags.iter().map(|it| Condition {
            operator: "StringEquals",
            key: format!("ssm:resourceTag/{}", it.key),
            values: vec![it.value.clone()],
        });
        let instances = vec![Resource::instance("*"), Resource::every_managed_instance()];
        let purpose = "sending to the instances with all of these tags, and no others";
        statements.push(statement("SendToTagged", instances, conditions.collect(), purpose));
    }
    if !whom.instances.is_empty() {
        let ids = whom.instances.iter().map(|it| Resource::instance(it.as_str()));
        let purpose = "sending to these instances, and no others";
        statements.push(statement("SendToInstances", ids.collect(), Vec::new(), purpose));
    }
    statements
}

/// Returns the statements on StartAutomationExecution. It is authorised on the runbook and on the
/// execution that comes of it, and not on the instance: that is a parameter like others, and what
/// the steps may do to it is for the role to say that they act as.
fn starting(documents: Documents<'_>) -> Vec<Statement> {
    let runbooks = documents.names.iter().flat_map(|it| Resource::runbook(it));
    let mut statements = vec![Statement {
        sid: "StartAutomation".to_owned(),
        actions: vec![Permission::StartAutomationExecution],
        resources: runbooks.chain([Resource::every_execution()]).collect(),
        conditions: Vec::new(),
        purpose: Purpose::Required("starting this runbook, and no other".to_owned()),
    }];
    if let Some(role) = documents.role {
        statements.push(Statement {
            sid: "PassRole".to_owned(),
            actions: vec![Permission::PassRole],
            resources: vec![Resource::role(role)],
            conditions: vec![Condition {
                operator: "StringEquals",
                key: "iam:PassedToService".to_owned(),
                values: vec!["ssm.amazonaws.com".to_owned()],
            }],
            purpose: Purpose::Required(Permission::PassRole.buys().to_owned()),
        });
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{InstanceId, Manner};

    fn sids(whom: &Selector, level: Level) -> Vec<String> {
        let needs = Needs::of(whom, Manner::default(), &Outputs::default());
        let statements = grant(Grant {
            whom,
            documents: Documents::commands(&["Restart"]),
            needs: &needs,
            level,
        });
        statements.into_iter().map(|it| it.sid).collect()
    }

    #[test]
    fn a_group_takes_three_statements_and_full_names_what_each_other_buys() {
        let whom = Selector { groups: vec!["web".to_owned()], ..Selector::default() };
        let minimal = ["SendDocument", "SendToGroups", "ListCommandInvocations"];
        assert_eq!(sids(&whom, Level::Minimal), minimal);
        let full = sids(&whom, Level::Full);
        assert_eq!(full[..3], minimal);
        assert!(full[3..].iter().all(|it| it.starts_with("Optional")), "{full:?}");
        assert!(full.iter().all(|it| it.bytes().all(|it| it.is_ascii_alphanumeric())), "{full:?}");
    }

    #[test]
    fn each_way_to_name_instances_has_a_statement_of_its_own() {
        let whom = Selector {
            groups: vec!["web".to_owned()],
            tags: vec!["role=web".parse().unwrap(), "stage=prod".parse().unwrap()],
            instances: vec![InstanceId::parse("i-01234567").unwrap()],
            ..Selector::default()
        };
        let statements = sending(&whom, Documents::commands(&["Restart"]));
        let sids: Vec<_> = statements.iter().map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ["SendDocument", "SendToGroups", "SendToTagged", "SendToInstances"]);
        // Every one of the tags must be there.
        assert_eq!(statements[2].conditions.len(), 2);
        assert!(statements[0].conditions.is_empty() && statements[3].conditions.is_empty());
    }

    #[test]
    fn whoever_sends_nothing_may_send_nothing() {
        let whom = Selector { groups: vec!["web".to_owned()], ..Selector::default() };
        assert_eq!(sending(&whom, Documents::default()), []);
    }

    #[test]
    fn a_runbook_is_started_and_its_role_is_passed_to_nobody_but_ssm() {
        let role = "arn:aws:iam::123456789012:role/runbooks";
        let names = &["AWSSupport-TroubleshootSSH"][..];
        let documents = Documents { names, kind: DocumentKind::Automation, role: Some(role) };
        let statements = sending(&Selector::default(), documents);
        let scope = super::super::Scope::of_role(role, "us-east-1").unwrap();
        let lines: Vec<_> = statements.iter().map(|it| it.on_one_line(&scope)).collect();
        assert_eq!(
            lines,
            [
                r#"{"Sid":"StartAutomation","Effect":"Allow","Action":"ssm:StartAutomationExecution","Resource":["arn:aws:ssm:us-east-1::document/AWSSupport-TroubleshootSSH","arn:aws:ssm:us-east-1::automation-definition/AWSSupport-TroubleshootSSH:*","arn:aws:ssm:us-east-1:123456789012:automation-execution/*"]}"#,
                r#"{"Sid":"PassRole","Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/runbooks","Condition":{"StringEquals":{"iam:PassedToService":"ssm.amazonaws.com"}}}"#,
            ]
        );
    }
}
