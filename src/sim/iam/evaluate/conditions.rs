//! Whatever conditions policies have, and whatever keys a request has: nothing is allowed that
//! they do not allow, and no key is taken to be absent that nobody provides.
//! The model here knows three operators and shares no code with the evaluator.

use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::json;

use super::{super::keys, *};

/// Of every kind: of a principal, a request, a resource and its tags, and never there at all.
const KEYS: [&str; 8] = [
    "ssm:DocumentType",
    "aws:RequestTag/team",
    "ssm:resourceTag/team",
    "aws:PrincipalTag/team",
    "aws:SourceIdentity",
    "sts:ExternalId",
    "iam:PassedToService",
    "aws:SourceVpce",
];
const VALUES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
struct Guard {
    operator: &'static str,
    key: &'static str,
    values: Vec<&'static str>,
}

type Facts = BTreeMap<&'static str, &'static str>;

impl Guard {
    fn holds(&self, facts: &Facts) -> bool {
        let found = facts.get(self.key).map(|it| self.values.contains(it));
        match self.operator {
            "StringEquals" => found == Some(true),
            "StringNotEquals" => found != Some(true),
            "StringEqualsIfExists" => found != Some(false),
            other => panic!("{other}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Model {
    effect: &'static str,
    guards: Vec<Guard>,
}

impl Model {
    fn json(&self) -> serde_json::Value {
        let mut conditions = serde_json::Map::new();
        for Guard { operator, key, values } in &self.guards {
            let keys = conditions.entry(*operator).or_insert_with(|| json!({}));
            // Key names ignore case.
            keys[key.to_uppercase()] = json!(values);
        }
        json!({ "Effect": self.effect, "Action": "ssm:*", "Resource": "*", "Condition": conditions })
    }

    fn counts(&self, facts: &Facts) -> bool {
        self.guards.iter().all(|it| it.holds(facts))
    }
}

fn guard() -> impl Strategy<Value = Guard> {
    let operators = ["StringEquals", "StringNotEquals", "StringEqualsIfExists"];
    (select(operators.to_vec()), select(KEYS.to_vec()), subsequence(VALUES.to_vec(), 1..3))
        .prop_map(|(operator, key, values)| Guard { operator, key, values })
}

fn statement() -> impl Strategy<Value = Model> {
    (select(vec!["Allow", "Allow", "Deny"]), vec(guard(), 0..3)).prop_map(|(effect, mut guards)| {
        // A key stands under an operator once.
        guards.sort_by_key(|it| (it.operator, it.key));
        guards.dedup_by_key(|it| (it.operator, it.key));
        Model { effect, guards }
    })
}

fn document(statements: &[serde_json::Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_statement_counts_exactly_if_all_its_conditions_hold(
        statements in vec(statement(), 1..5),
        facts in btree_map(select(KEYS.to_vec()), select(VALUES.to_vec()), 0..KEYS.len()),
    ) {
        let text = document(&statements.iter().map(Model::json).collect::<Vec<_>>());
        let policies =
            PolicySet { identity: vec![Policy::parse(&text).unwrap()], ..PolicySet::default() };
        let context =
            facts.iter().fold(Context::default(), |res, (key, value)| res.with(key, *value));
        let request = Request { action: "ssm:GetDocument", resource: "*", context: &context };
        let has = |effect| statements.iter().any(|it| it.effect == effect && it.counts(&facts));
        let found = evaluate(&policies, &request);
        prop_assert_eq!(found.is_allowed(), has("Allow") && !has("Deny"), "{:?}", found);
    }

    #[test]
    fn a_key_that_nobody_provides_is_refused_by_name_where_it_would_decide(
        key in "[a-z0-9-]{2,8}:[A-Za-z]{1,12}(/[a-z]{1,4})?",
        action in select(vec!["*", "ssm:Send*", "ssm:GetDocument", "sts:*", "ec2:Describe*"]),
        effect in select(vec!["Allow", "Deny"]),
        as_variable: bool,
    ) {
        prop_assume!(!keys::is_modelled(&key.to_lowercase()));
        let mut statement = json!({ "Effect": effect, "Action": action, "Resource": "*" });
        if as_variable {
            statement["Resource"] = json!(format!("arn:aws:ssm:*:*:document/${{{key}}}"));
        } else {
            statement["Condition"] = json!({ "StringLike": { key.clone(): "*" } });
        }
        let why = Policy::parse(&document(&[statement.clone()])).unwrap_err().to_string();
        let expected = format!(
            "statement 1: the condition key {} is not modelled by this simulator",
            key.to_lowercase()
        );
        prop_assert_eq!(why, expected);
        // What is about other services decides nothing here.
        statement["Action"] = json!("s3:PutObject");
        prop_assert!(Policy::parse(&document(&[statement])).is_ok());
    }
}
