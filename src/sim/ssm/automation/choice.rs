//! The choices of `aws:branch`: what a variable is compared with, and where that leads.
//! It knows no execution; the values come with the question.

use serde_json::{Map, Value};

/// One entry of `Choices`.
#[derive(Debug)]
pub(in crate::sim::ssm) struct Choice {
    pub next: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare { variable: String, operator: Operator, with: Value },
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    StringEquals,
    EqualsIgnoreCase,
    StartsWith,
    EndsWith,
    Contains,
    NumericEquals,
    NumericGreater,
    NumericLesser,
    NumericGreaterOrEquals,
    NumericLesserOrEquals,
    BooleanEquals,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("StringEquals", Operator::StringEquals),
    ("EqualsIgnoreCase", Operator::EqualsIgnoreCase),
    ("StartsWith", Operator::StartsWith),
    ("EndsWith", Operator::EndsWith),
    ("Contains", Operator::Contains),
    ("NumericEquals", Operator::NumericEquals),
    ("NumericGreater", Operator::NumericGreater),
    ("NumericLesser", Operator::NumericLesser),
    ("NumericGreaterOrEquals", Operator::NumericGreaterOrEquals),
    ("NumericLesserOrEquals", Operator::NumericLesserOrEquals),
    ("BooleanEquals", Operator::BooleanEquals),
];

impl Choice {
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(object) = value else { return Err("a choice is no map".to_owned()) };
        let next = object.get("NextStep").and_then(Value::as_str);
        let next = next.ok_or("a choice has no NextStep")?.to_owned();
        Ok(Self { next, test: Test::read(object)? })
    }

    /// Whether it applies; `resolve` makes texts of what the document wrote.
    pub(super) fn applies(&self, resolve: &dyn Fn(&str) -> String) -> bool {
        self.test.holds(resolve)
    }
}

impl Test {
    fn read(object: &Map<String, Value>) -> Result<Self, String> {
        let all = |it: &Value| match it {
            Value::Array(all) => all.iter().map(Self::of).collect::<Result<Vec<_>, _>>(),
            _ => Err("And and Or are lists".to_owned()),
        };
        if let Some(it) = object.get("And") {
            return Ok(Self::And(all(it)?));
        }
        if let Some(it) = object.get("Or") {
            return Ok(Self::Or(all(it)?));
        }
        if let Some(it) = object.get("Not") {
            return Ok(Self::Not(Box::new(Self::of(it)?)));
        }
        let variable = object.get("Variable").and_then(Value::as_str);
        let variable = variable.ok_or("a choice has no Variable")?.to_owned();
        let found = OPERATORS.iter().find_map(|(name, it)| Some((*it, object.get(*name)?)));
        let (operator, with) =
            found.ok_or("a choice has no operator that this simulator implements")?;
        Ok(Self::Compare { variable, operator, with: with.clone() })
    }

    fn of(value: &Value) -> Result<Self, String> {
        let object = value.as_object().ok_or("a choice is no map")?;
        Self::read(object)
    }

    fn holds(&self, resolve: &dyn Fn(&str) -> String) -> bool {
        match self {
            Self::And(all) => all.iter().all(|it| it.holds(resolve)),
            Self::Or(all) => all.iter().any(|it| it.holds(resolve)),
            Self::Not(it) => !it.holds(resolve),
            Self::Compare { variable, operator, with } => {
                let with = match with {
                    Value::String(it) => resolve(it),
                    other => other.to_string(),
                };
                operator.holds(&resolve(variable), &with)
            }
        }
    }
}

impl Operator {
    fn holds(self, value: &str, with: &str) -> bool {
        let numbers =
            || Some((value.trim().parse::<f64>().ok()?, with.trim().parse::<f64>().ok()?));
        let compare = |is: fn(f64, f64) -> bool| numbers().is_some_and(|(a, b)| is(a, b));
        match self {
            Self::StringEquals => value == with,
            Self::EqualsIgnoreCase | Self::BooleanEquals => value.eq_ignore_ascii_case(with),
            Self::StartsWith => value.starts_with(with),
            Self::EndsWith => value.ends_with(with),
            Self::Contains => value.contains(with),
            Self::NumericEquals => compare(|a, b| a == b),
            Self::NumericGreater => compare(|a, b| a > b),
            Self::NumericLesser => compare(|a, b| a < b),
            Self::NumericGreaterOrEquals => compare(|a, b| a >= b),
            Self::NumericLesserOrEquals => compare(|a, b| a <= b),
        }
    }
}
