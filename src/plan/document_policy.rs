//! The session policy of a command that reads documents, or puts them into the account: a role's
//! session can then do this and nothing else.

use serde_json::{Value, json};

use super::{
    policy::PolicyTooLong,
    privilege::{LONGEST_SESSION_POLICY, Resource, Scope},
};

/// What is read of documents. ListDocuments knows no resources (service authorisation reference).
const READS: [&str; 3] = ["ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListDocuments"];

/// What publishing a document needs besides; the tags need a permission of their own.
const PUBLISHES: [&str; 4] = [
    "ssm:AddTagsToResource",
    "ssm:CreateDocument",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
];

/// Returns the policy that lets a session read documents, and publish those of these names.
pub fn document_policy(scope: &Scope, published: &[&str]) -> Result<String, PolicyTooLong> {
    let mut statements = vec![json!({"Effect":"Allow","Action":READS,"Resource":"*"})];
    if !published.is_empty() {
        let documents: Vec<String> =
            published.iter().map(|it| Resource::document(it).in_scope(scope)).collect();
        statements.push(json!({"Effect":"Allow","Action":PUBLISHES,"Resource":documents}));
    }
    let policy: Value = json!({"Version":"2012-10-17","Statement":statements});
    let (policy, length) = (policy.to_string(), policy.to_string().chars().count());
    if length > LONGEST_SESSION_POLICY {
        return Err(PolicyTooLong { length, n_groups: 0, n_instances: 0 });
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_documents_can_be_published() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let read = |names: &[&str]| -> Value {
            serde_json::from_str(&document_policy(&scope, names).unwrap()).unwrap()
        };
        let policy = read(&["Fleet-A"]);
        let arn = "arn:aws:ssm:us-east-1:123456789012:document/Fleet-A";
        assert_eq!(policy["Statement"][1]["Resource"], json!([arn]));
        assert!(!read(&[]).to_string().contains("CreateDocument"));
        assert!(document_policy(&scope, &["Fleet-A"; 40]).is_err());
    }
}
