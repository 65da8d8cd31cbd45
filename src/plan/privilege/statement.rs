//! Statements of a policy, and the policy as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Permission, Resource, Scope};

/// One statement: it allows. fleet writes no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Letters and digits (IAM JSON policy elements reference).
    pub sid: String,
    pub actions: Vec<Permission>,
    pub resources: Vec<Resource>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    pub purpose: Purpose,
}

/// `{operator: {key: values}}`, where one of the values suffices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub operator: &'static str,
    pub key: String,
    /// As they are compared: nothing in them is a policy variable.
    pub values: Vec<String>,
}

/// Why a statement is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The plan cannot be carried out without it.
    Required(String),
    /// What it buys.
    Optional(String),
}

impl Purpose {
    /// Returns how the purpose is introduced.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Required(_) => "Required for",
            Self::Optional(_) => "Optional, and buys",
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Required(text) | Self::Optional(text) => text,
        }
    }
}

impl Condition {
    /// Returns the values as a policy has them: `${` begins a variable, unless it is written
    /// `${$}{` (IAM policy variables reference).
    pub fn written(&self) -> Vec<String> {
        self.values.iter().map(|it| it.replace("${", "${$}{")).collect()
    }
}

/// A policy as JSON has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy<'a> {
    version: &'static str,
    statement: Vec<Written<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    effect: &'static str,
    action: Value,
    resource: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// Returns one value as it is, and more as a list: IAM takes both, and the former is shorter.
fn one_or_more(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => values.remove(0).into(),
        _ => values.into(),
    }
}

impl Statement {
    /// Returns the statement on one line, to be pasted.
    pub fn on_one_line(&self, scope: &Scope) -> String {
        serde_json::to_string(&self.written(scope)).expect("a statement is JSON")
    }

    fn written(&self, scope: &Scope) -> Written<'_> {
        let mut condition = serde_json::Map::new();
        for it in &self.conditions {
            let values = one_or_more(it.written());
            let keys = condition.entry(it.operator).or_insert_with(|| json!({}));
            keys[it.key.as_str()] = values;
        }
        let actions: Vec<String> = self.actions.iter().map(|it| it.action().to_owned()).collect();
        let resources: Vec<String> = self.resources.iter().map(|it| it.in_scope(scope)).collect();
        Written {
            sid: (!self.sid.is_empty()).then_some(self.sid.as_str()),
            effect: "Allow",
            action: one_or_more(actions),
            resource: one_or_more(resources),
            condition: (!condition.is_empty()).then_some(condition.into()),
        }
    }
}

impl<'a> Policy<'a> {
    pub fn of(statements: &'a [Statement], scope: &Scope) -> Self {
        let statement = statements.iter().map(|it| it.written(scope)).collect();
        Self { version: "2012-10-17", statement }
    }

    /// Returns the policy on one line, without whitespace between its elements.
    pub fn on_one_line(&self) -> String {
        serde_json::to_string(self).expect("a policy is JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_looks_like_a_policy_variable_is_only_a_text() {
        let condition = Condition {
            operator: "StringEquals",
            key: "ssm:resourceTag/team".to_owned(),
            values: vec!["${aws:username}*".to_owned()],
        };
        let statement = Statement {
            sid: String::new(),
            actions: vec![Permission::SendCommand],
            resources: vec![Resource::instance("*")],
            conditions: vec![condition],
            purpose: Purpose::Required(String::new()),
        };
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/r", "us-east-1").unwrap();
        assert_eq!(
            Policy::of(&[statement], &scope).on_one_line(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:SendCommand","#
                .to_owned()
                + r#""Resource":"arn:aws:ec2:us-east-1:123456789012:instance/*","#
                + r#""Condition":{"StringEquals":{"ssm:resourceTag/team":"${$}{aws:username}*"}}}]}"#
        );
    }
}
