//! The `Condition` element: operators, quantifiers, and what a missing key means.
//! It refuses operators and values that it cannot compare, when it parses and not when it decides.

use super::{
    comparison::{Family, Order, Test},
    context::Context,
    json::Json,
    parse::{object, one_or_many},
    pattern::Pattern,
    policy::Version,
};

/// One key under one operator. A statement applies if all of its conditions hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// `Null`: whether the key is absent.
    Absent {
        key: String,
        expected: Vec<bool>,
    },
    Compared(Compared),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    key: String,
    tests: Vec<Test>,
    /// `StringNotEquals` and its like hold if none of the tests does.
    negated: bool,
    quantifier: Quantifier,
    if_exists: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Single,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

impl Condition {
    pub(super) fn holds(&self, context: &Context) -> bool {
        match self {
            Self::Absent { key, expected } => expected.contains(&context.values(key).is_none()),
            Self::Compared(it) => it.holds(context),
        }
    }

    /// Returns the keys that it looks at, in lower case: its own, and those of variables.
    pub(super) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Absent { key, .. } => vec![key],
            Self::Compared(Compared { key, tests, .. }) => {
                let patterns = tests.iter().filter_map(Test::pattern);
                patterns.flat_map(Pattern::keys).chain([key.as_str()]).collect()
            }
        }
    }
}

impl Compared {
    fn holds(&self, context: &Context) -> bool {
        let Some(values) = context.values(&self.key) else {
            return self.holds_without_key();
        };
        let passes = |value: &String| self.tests.iter().any(|it| it.passes(value, context));
        match (self.quantifier, self.negated) {
            // Of a key with several values that is used without a quantifier, each is looked at.
            (Quantifier::Single | Quantifier::Any, false) => values.iter().any(passes),
            (Quantifier::All, false) => values.iter().all(passes),
            (Quantifier::Single | Quantifier::All, true) => !values.iter().any(passes),
            (Quantifier::Any, true) => !values.iter().all(passes),
        }
    }

    /// A missing key fails a positive operator and satisfies a negated one; ForAllValues holds
    /// over no values, ForAnyValue does not (IAM reference, condition operators).
    fn holds_without_key(&self) -> bool {
        match self.quantifier {
            Quantifier::Single => self.if_exists || self.negated,
            Quantifier::Any => self.if_exists,
            Quantifier::All => true,
        }
    }
}

/// Parses a Condition block: `{operator: {key: value or values}}`.
pub(super) fn parse_conditions(json: &Json, version: Version) -> Result<Vec<Condition>, String> {
    let mut res = Vec::new();
    for (operator_name, keys) in object(json, "Condition")? {
        let operator = Operator::parse(operator_name)
            .ok_or_else(|| format!("unknown condition operator {operator_name:?}"))?;
        for (key, values) in object(keys, operator_name)? {
            if !key.split_once(':').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()) {
                return Err(format!("the condition key {key:?} names no service"));
            }
            let condition = operator
                .condition(key, values, version)
                .map_err(|err| format!("{operator_name} of {key}: {err}"))?;
            res.push(condition);
        }
    }
    Ok(res)
}

struct Operator {
    base: Base,
    quantifier: Quantifier,
    if_exists: bool,
}

#[derive(Clone, Copy)]
enum Base {
    Null,
    Is(Family),
    Not(Family),
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (quantifier, name) = match name.split_once(':') {
            None => (Quantifier::Single, name),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(_) => return None,
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let base = Base::parse(name)?;
        // Null has neither form (IAM reference, IfExists).
        let is_plain = quantifier == Quantifier::Single && !if_exists;
        (is_plain || !matches!(base, Base::Null)).then_some(Self { base, quantifier, if_exists })
    }

    fn condition(&self, key: &str, json: &Json, version: Version) -> Result<Condition, String> {
        let values = one_or_many(json).iter().map(scalar).collect::<Result<Vec<_>, _>>()?;
        if values.is_empty() {
            return Err("there are no values".to_owned());
        }
        let key = key.to_lowercase();
        let (family, negated) = match self.base {
            Base::Is(family) => (family, false),
            Base::Not(family) => (family, true),
            Base::Null => {
                let expected = values.iter().map(|it| parse_bool(it)).collect::<Result<_, _>>()?;
                return Ok(Condition::Absent { key, expected });
            }
        };
        let tests = values.iter().map(|it| family.test(it, version)).collect::<Result<_, _>>()?;
        let (quantifier, if_exists) = (self.quantifier, self.if_exists);
        Ok(Condition::Compared(Compared { key, tests, negated, quantifier, if_exists }))
    }
}

impl Base {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Null" => Self::Null,
            "StringEquals" => Self::Is(Family::Text),
            "StringNotEquals" => Self::Not(Family::Text),
            "StringEqualsIgnoreCase" => Self::Is(Family::TextIgnoringCase),
            "StringNotEqualsIgnoreCase" => Self::Not(Family::TextIgnoringCase),
            "StringLike" => Self::Is(Family::Like),
            "StringNotLike" => Self::Not(Family::Like),
            // Equals and Like behave identically for ARNs (IAM reference).
            "ArnEquals" | "ArnLike" => Self::Is(Family::Arn),
            "ArnNotEquals" | "ArnNotLike" => Self::Not(Family::Arn),
            "Bool" => Self::Is(Family::Bool),
            "IpAddress" => Self::Is(Family::Ip),
            "NotIpAddress" => Self::Not(Family::Ip),
            "NumericEquals" => Self::Is(Family::Number(Order::Equal)),
            "NumericNotEquals" => Self::Not(Family::Number(Order::Equal)),
            "NumericLessThan" => Self::Is(Family::Number(Order::Less)),
            "NumericLessThanEquals" => Self::Is(Family::Number(Order::LessOrEqual)),
            "NumericGreaterThan" => Self::Is(Family::Number(Order::Greater)),
            "NumericGreaterThanEquals" => Self::Is(Family::Number(Order::GreaterOrEqual)),
            "DateEquals" => Self::Is(Family::Date(Order::Equal)),
            "DateNotEquals" => Self::Not(Family::Date(Order::Equal)),
            "DateLessThan" => Self::Is(Family::Date(Order::Less)),
            "DateLessThanEquals" => Self::Is(Family::Date(Order::LessOrEqual)),
            "DateGreaterThan" => Self::Is(Family::Date(Order::Greater)),
            "DateGreaterThanEquals" => Self::Is(Family::Date(Order::GreaterOrEqual)),
            _ => return None,
        })
    }
}

/// Reads a value; IAM takes numbers and booleans as well as their text.
fn scalar(json: &Json) -> Result<String, String> {
    match json {
        Json::Text(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(it) => Ok(it.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => {
            Err(format!("a value is {}, not a string", json.kind()))
        }
    }
}

pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

#[cfg(test)]
mod tests;
