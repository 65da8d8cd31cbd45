//! The session policy of a run: what its role session may do at the most, whatever the role may.
//! It is made from what was asked for, before anything is read, so that reading is narrowed too; where
//! that does not say what is sent, or to whom, a session that only reads comes first.

use serde_json::json;

use super::{
    Dispatch, DocumentKind, Outputs, Plan, Selector, count,
    privilege::{
        Documents, Fitting, LONGEST_SESSION_POLICY, Manner, Needs, Permission, Purpose, Resource,
        Scope, Statement, fit, sending, used_on,
    },
};

/// A session policy would be longer than STS takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session policy for {} has {length} characters even when it is folded, and STS takes \
     {LONGEST_SESSION_POLICY}", whom(*.n_groups, *.n_instances)
)]
pub struct PolicyTooLong {
    pub length: usize,
    pub n_groups: usize,
    pub n_instances: usize,
}

fn whom(n_groups: usize, n_instances: usize) -> String {
    let named = [(n_groups, "group"), (n_instances, "instance")];
    let named = named.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(n, noun));
    let named: Vec<String> = named.collect();
    if named.is_empty() { "this selection".to_owned() } else { named.join(" and ") }
}

/// Returns the policy that lets a session send `documents` to what `selector` names, and make use
/// of `permissions` besides.
pub fn session_policy(
    scope: &Scope,
    selector: &Selector,
    documents: Documents<'_>,
    permissions: &[Permission],
    outputs: &Outputs,
) -> Result<Fitting, PolicyTooLong> {
    let statements = statements(selector, documents, permissions, outputs);
    fit(statements, scope, LONGEST_SESSION_POLICY).map_err(|length| {
        let (n_groups, n_instances) = (selector.groups.len(), selector.instances.len());
        PolicyTooLong { length, n_groups, n_instances }
    })
}

/// Returns every permission that a run over `selector` may make use of.
pub fn session_permissions(
    selector: &Selector,
    kind: DocumentKind,
    outputs: &Outputs,
) -> Vec<Permission> {
    Needs::of(selector, Manner { kind, ..Manner::default() }, outputs).all().collect()
}

/// Returns the policy of a session that can do nothing but `actions`, which only read.
pub fn reading_policy(actions: &[&str]) -> String {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// Returns the actions by which a plan is made.
pub fn planning_actions() -> Vec<&'static str> {
    let permissions = Permission::ALL.into_iter().filter(|it| it.is_for_planning());
    permissions.map(Permission::action).collect()
}

/// Returns the statements, on a line each, that let the plan's document be sent to its instances;
/// none where the account is not known.
pub fn reaching(plan: &Plan) -> Vec<String> {
    let Some(account) = plan.account.clone() else { return Vec::new() };
    let caller = plan.operator.caller_arn.as_deref().unwrap_or_default();
    let partition = caller.strip_prefix("arn:").and_then(|it| it.split(':').next());
    let partition = partition.unwrap_or_else(|| Scope::partition_of(&plan.region)).to_owned();
    let scope = Scope { partition, region: plan.region.clone(), account };
    let whom = match &plan.dispatch {
        Dispatch::Tag { values, .. } => Selector { groups: values.clone(), ..Selector::default() },
        Dispatch::Ids { .. } => plan.selector.clone(),
    };
    let statements =
        sending(&whom, Documents::commands(&[&plan.document.name])).into_iter().skip(1);
    statements.map(|it| Statement { sid: String::new(), ..it }.on_one_line(&scope)).collect()
}

fn statements(
    selector: &Selector,
    documents: Documents<'_>,
    permissions: &[Permission],
    outputs: &Outputs,
) -> Vec<Statement> {
    let mut statements = sending(selector, documents);
    let (of_documents, others): (Vec<Permission>, Vec<_>) =
        permissions.iter().filter(|it| !it.is_of_sending()).partition(|it| it.is_of_documents());
    // One statement names the documents, for what is read of them as for sending them.
    if let Some(first) = statements.first_mut() {
        first.actions.extend(of_documents);
    }
    let mut places: Vec<(Resource, Vec<Permission>)> = vec![(Resource::Any, Vec::new())];
    for it in others {
        let place = used_on(it, outputs);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, permissions)) => permissions.push(it),
            None => places.push((place, vec![it])),
        }
    }
    statements.extend(places.into_iter().map(|(place, actions)| Statement {
        sid: String::new(),
        actions,
        resources: vec![place],
        conditions: Vec::new(),
        purpose: Purpose::Required(String::new()),
    }));
    for it in &mut statements {
        it.sid.clear();
    }
    statements
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::InstanceId;

    fn policy(selector: &Selector, documents: &[&str]) -> Result<Fitting, PolicyTooLong> {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/ops/fleet", "us-east-1");
        let outputs = Outputs::default();
        let permissions = session_permissions(selector, DocumentKind::Command, &outputs);
        let documents = Documents::commands(documents);
        session_policy(&scope.unwrap(), selector, documents, &permissions, &outputs)
    }

    fn groups(groups: &[&str]) -> Selector {
        let groups = groups.iter().map(|it| (*it).to_owned()).collect();
        Selector { groups, ..Selector::default() }
    }

    fn instances(n: usize) -> Selector {
        let ids = (0..n).map(|it| InstanceId::parse(&format!("i-{it:017x}")).unwrap());
        Selector { instances: ids.collect(), ..Selector::default() }
    }

    #[test]
    fn documents_and_instances_have_statements_of_their_own() {
        let policy = policy(&groups(&["web"]), &["Restart"]).unwrap();
        assert_eq!(policy.folded, None);
        let policy: Value = serde_json::from_str(&policy.json).unwrap();
        let [document, instances, reads] = policy["Statement"].as_array().unwrap().as_slice()
        else {
            panic!("{policy}")
        };
        assert_eq!(document["Resource"], "arn:aws:ssm:us-east-1:123456789012:document/Restart");
        assert_eq!(
            document["Action"],
            json!(["ssm:SendCommand", "ssm:DescribeDocument", "ssm:GetDocument"])
        );
        assert!(document.get("Condition").is_none());
        assert_eq!(instances["Resource"], "arn:aws:ec2:us-east-1:123456789012:instance/*");
        assert_eq!(
            instances["Condition"]["StringEquals"]["ssm:resourceTag/aws:autoscaling:groupName"],
            "web"
        );
        assert_eq!(reads["Resource"], "*");
        let actions = reads["Action"].as_array().unwrap();
        assert!(!actions.contains(&"ssm:SendCommand".into()), "{actions:?}");
        assert!(
            !actions.contains(&"autoscaling:DescribeAutoScalingInstances".into()),
            "{actions:?}"
        );
    }

    #[test]
    fn only_the_place_that_output_is_fetched_from_can_be_read() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let policy = |outputs: &Outputs| {
            let whom = groups(&["web"]);
            let permissions = session_permissions(&whom, DocumentKind::Command, outputs);
            let documents = Documents::commands(&["Restart"]);
            session_policy(&scope, &whom, documents, &permissions, outputs).unwrap().json
        };
        let s3 = "s3://logs/runs".parse().ok();
        let mut outputs = Outputs { s3, log_group: Some("/runs".to_owned()), full: true };
        let statement =
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/runs/*"}"#;
        assert!(policy(&outputs).contains(statement), "{}", policy(&outputs));
        assert!(!policy(&outputs).contains("logs:GetLogEvents"));
        outputs.s3 = None;
        let statement = r#"{"Effect":"Allow","Action":"logs:GetLogEvents","Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/runs:log-stream:*"}"#;
        assert!(policy(&outputs).contains(statement), "{}", policy(&outputs));
        outputs.full = false;
        assert!(!policy(&outputs).contains("logs:"));
    }

    #[test]
    fn only_executions_can_be_read_and_stopped_by_who_starts_a_runbook() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let (whom, outputs, kind) =
            (groups(&["web"]), Outputs::default(), DocumentKind::Automation);
        let permissions = session_permissions(&whom, kind, &outputs);
        let documents = Documents { kind, ..Documents::commands(&["Mend"]) };
        let policy = session_policy(&scope, &whom, documents, &permissions, &outputs).unwrap().json;
        let statement = r#"{"Effect":"Allow","Action":["ssm:GetAutomationExecution","ssm:DescribeAutomationStepExecutions","ssm:StopAutomationExecution"],"Resource":"arn:aws:ssm:us-east-1:123456789012:automation-execution/*"}"#;
        assert!(policy.contains(statement), "{policy}");
    }

    #[test]
    fn several_groups_share_one_statement() {
        let policy = policy(&groups(&["a", "b", "c"]), &["Restart"]).unwrap();
        let policy: Value = serde_json::from_str(&policy.json).unwrap();
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 3);
        assert_eq!(
            policy["Statement"][1]["Condition"]["StringEquals"]["ssm:resourceTag/aws:autoscaling:groupName"],
            json!(["a", "b", "c"])
        );
    }

    #[test]
    fn named_instances_are_named_in_the_policy() {
        let ids = ["i-01234567", "mi-0123456789abcdef0"];
        let instances = ids.map(|it| InstanceId::parse(it).unwrap()).to_vec();
        let selector = Selector { instances, ..Selector::default() };
        let policy = policy(&selector, &["Restart"]).unwrap().json;
        assert!(policy.contains("arn:aws:ec2:us-east-1:123456789012:instance/i-01234567"));
        assert!(policy.contains(":ssm:us-east-1:123456789012:managed-instance/mi-0123456789abcd"));
        assert!(!policy.contains("instance/*"));
    }

    #[test]
    fn many_instances_are_named_by_id_alone_and_that_is_said() {
        assert_eq!(policy(&instances(10), &["Restart"]).unwrap().folded, None);
        let folded = policy(&instances(25), &["Restart"]).unwrap();
        assert!(folded.folded.is_some());
        assert!(folded.json.contains("\"arn:aws:ec2:*:*:instance/i-00000000000000003\""));
        // Documents of the same name live in many accounts.
        assert!(folded.json.contains("arn:aws:ssm:us-east-1:123456789012:document/Restart"));
        assert!(folded.json.len() <= LONGEST_SESSION_POLICY);
    }

    #[test]
    fn a_selection_that_does_not_fit_is_refused_with_its_length() {
        let names: Vec<String> = (0..200).map(|it| format!("a-rather-long-group-{it}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let err = policy(&groups(&names), &["Restart"]).unwrap_err();
        assert!(err.length > LONGEST_SESSION_POLICY);
        assert!(err.to_string().starts_with("the session policy for 200 groups has "), "{err}");
        let err = policy(&instances(50), &["Restart"]).unwrap_err();
        assert!(err.to_string().starts_with("the session policy for 50 instances has "), "{err}");
    }

    #[test]
    fn a_session_that_sends_nothing_only_reads_and_cancels() {
        let policy = policy(&groups(&["web"]), &[]).unwrap().json;
        assert!(!policy.contains("SendCommand"), "{policy}");
        assert!(policy.contains("ssm:CancelCommand"), "{policy}");
    }
}
