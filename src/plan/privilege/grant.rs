//! From a selection to the statements that let it be run, and nothing else.

use super::{Condition, Needs, Permission, Purpose, Resource, Statement};
use crate::plan::{GROUP_TAG, Selector};

/// The documents that may be sent, by name or ARN.
pub type Documents<'a> = &'a [&'a str];

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
    let send = [Permission::SendCommand];
    for permission in grant.needs.required.iter().filter(|it| !send.contains(it)) {
        let purpose = Purpose::Required(permission.buys().to_owned());
        statements.push(reading(permission.name(), *permission, grant.documents, purpose));
    }
    if grant.level == Level::Full {
        for permission in &grant.needs.optional {
            let sid = format!("Optional{}", permission.name());
            let purpose = Purpose::Optional(permission.buys().to_owned());
            statements.push(reading(&sid, *permission, grant.documents, purpose));
        }
    }
    statements
}

fn reading(sid: &str, permission: Permission, on: Documents<'_>, purpose: Purpose) -> Statement {
    let resources = match permission.is_of_documents() {
        true => on.iter().map(|it| Resource::document(it)).collect(),
        false => vec![Resource::Any],
    };
    Statement {
        sid: sid.to_owned(),
        actions: vec![permission],
        resources,
        conditions: Vec::new(),
        purpose,
    }
}

/// Returns the statements on SendCommand: one for the documents, one for each way in which
/// instances are named.
///
/// Documents and instances stand in statements of their own: an instance's tag in the condition
/// of a document's statement would refuse the document, which has no such tag.
pub(in crate::plan) fn sending(whom: &Selector, documents: Documents<'_>) -> Vec<Statement> {
    if documents.is_empty() {
        return Vec::new();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{InstanceId, Manner};

    fn sids(whom: &Selector, level: Level) -> Vec<String> {
        let needs = Needs::of(whom, Manner::default());
        let statements = grant(Grant { whom, documents: &["Restart"], needs: &needs, level });
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
        let statements = sending(&whom, &["Restart"]);
        let sids: Vec<_> = statements.iter().map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ["SendDocument", "SendToGroups", "SendToTagged", "SendToInstances"]);
        // Every one of the tags must be there.
        assert_eq!(statements[2].conditions.len(), 2);
        assert!(statements[0].conditions.is_empty() && statements[3].conditions.is_empty());
    }

    #[test]
    fn whoever_sends_nothing_may_send_nothing() {
        let whom = Selector { groups: vec!["web".to_owned()], ..Selector::default() };
        assert_eq!(sending(&whom, &[]), []);
    }
}
