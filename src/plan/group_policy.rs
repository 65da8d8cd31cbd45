//! The session policy of a command that changes Auto Scaling groups: a role's session can then do
//! this to these groups, and nothing else.

use serde_json::{Value, json};

use super::{
    policy::PolicyTooLong,
    privilege::{LONGEST_SESSION_POLICY, Scope},
};

/// Returns the policy that lets a session read by `reads`, and change `groups` by `changes`.
pub fn group_policy(
    scope: &Scope,
    reads: &[&str],
    changes: &[&str],
    groups: &[String],
) -> Result<String, PolicyTooLong> {
    let Scope { partition, region, account } = scope;
    let mut statements = vec![json!({"Effect":"Allow","Action":reads,"Resource":"*"})];
    if !groups.is_empty() {
        let arn = |name: &String| {
            format!(
                "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{name}"
            )
        };
        let groups: Vec<String> = groups.iter().map(arn).collect();
        statements.push(json!({"Effect":"Allow","Action":changes,"Resource":groups}));
    }
    let policy: Value = json!({"Version":"2012-10-17","Statement":statements});
    let policy = policy.to_string();
    let length = policy.chars().count();
    if length > LONGEST_SESSION_POLICY {
        return Err(PolicyTooLong { length, n_groups: groups.len(), n_instances: 0 });
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_groups_can_be_changed() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let policy = |names: &[&str]| {
            let groups: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            group_policy(&scope, &["ec2:DescribeInstances"], &["autoscaling:ExitStandby"], &groups)
        };
        let of_web: Value = serde_json::from_str(&policy(&["web"]).unwrap()).unwrap();
        let arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web";
        assert_eq!(of_web["Statement"][1]["Resource"], json!([arn]));
        assert!(!policy(&[]).unwrap().contains("ExitStandby"));
        assert!(policy(&["web"; 40]).is_err());
    }
}
