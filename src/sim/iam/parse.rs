//! From the JSON of a policy to its statements.
//! It knows which elements there are, and refuses the others by name.

use super::{
    condition::parse_conditions,
    json::Json,
    pattern::{Pattern, Syntax},
    policy::{Effect, Listed, PolicyError, Statement, Version},
};

/// What a statement is over: resources, or principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Permissions,
    Trust,
}

impl Kind {
    fn scope(self) -> [&'static str; 2] {
        match self {
            Self::Permissions => ["Resource", "NotResource"],
            Self::Trust => ["Principal", "NotPrincipal"],
        }
    }

    fn prohibited(self) -> [&'static str; 2] {
        match self {
            Self::Permissions => Self::Trust.scope(),
            Self::Trust => Self::Permissions.scope(),
        }
    }
}

/// An element that has a `Not…` form, as it was given.
pub(super) struct Element<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a Json,
    pub(super) negated: bool,
}

/// Reads what a statement is over.
pub(super) type ParseScope<S> = fn(&Element<'_>, Version, Effect) -> Result<S, String>;

/// Parses a policy whose statements are over `S`.
pub(super) fn parse<S>(
    text: &str,
    kind: Kind,
    parse_scope: ParseScope<S>,
) -> Result<Vec<Statement<S>>, PolicyError> {
    let json = Json::parse(text).map_err(|err| PolicyError(format!("invalid JSON: {err}")))?;
    let members = object(&json, "the policy").map_err(PolicyError)?;
    let mut version = Version::V2008;
    let mut statements = None;
    for (key, value) in members {
        match key.as_str() {
            "Version" => version = parse_version(value).map_err(PolicyError)?,
            "Id" => drop(string(value, "Id").map_err(PolicyError)?),
            "Statement" => statements = Some(one_or_many(value)),
            _ => return Err(PolicyError(format!("unknown element {key:?} of the policy"))),
        }
    }
    let statements = statements.filter(|it| !it.is_empty());
    let statements = statements.ok_or_else(|| PolicyError("Statement is missing".to_owned()))?;
    let mut sids = Vec::new();
    let parsed = statements.iter().zip(1..).map(|(it, n)| {
        parse_statement(it, kind, version, parse_scope, &mut sids)
            .map_err(|err| PolicyError(format!("statement {n}: {err}")))
    });
    parsed.collect()
}

fn parse_statement<'a, S>(
    json: &'a Json,
    kind: Kind,
    version: Version,
    parse_scope: ParseScope<S>,
    sids: &mut Vec<&'a str>,
) -> Result<Statement<S>, String> {
    let mut effect = None;
    let mut action = None;
    let mut scope = None;
    let mut conditions = Vec::new();
    for (key, value) in object(json, "a statement")? {
        let [plain, not] = kind.scope();
        match key.as_str() {
            "Sid" => add_sid(string(value, "Sid")?, kind, sids)?,
            "Effect" => effect = Some(parse_effect(value)?),
            "Action" => only(&mut action, "Action", value, false)?,
            "NotAction" => only(&mut action, "NotAction", value, true)?,
            "Condition" => conditions = parse_conditions(value, version)?,
            it if it == plain => only(&mut scope, plain, value, false)?,
            it if it == not => only(&mut scope, not, value, true)?,
            it if kind.prohibited().contains(&it) => {
                return Err(format!("{it} is not allowed in this kind of policy"));
            }
            _ => return Err(format!("unknown element {key:?}")),
        }
    }
    let effect = effect.ok_or("Effect is missing")?;
    let action = action.ok_or("Action is missing")?;
    let scope = scope.ok_or_else(|| format!("{} is missing", kind.scope()[0]))?;
    let actions = parse_actions(&action)?;
    let scope = parse_scope(&scope, version, effect)?;
    Ok(Statement { effect, actions, scope, conditions })
}

/// Takes an element that may be given once, in its plain or its `Not…` form.
fn only<'a>(
    slot: &mut Option<Element<'a>>,
    name: &'static str,
    value: &'a Json,
    negated: bool,
) -> Result<(), String> {
    match slot.replace(Element { name, value, negated }) {
        None => Ok(()),
        Some(other) => Err(format!("{} and {name} exclude each other", other.name)),
    }
}

fn add_sid<'a>(sid: &'a str, kind: Kind, sids: &mut Vec<&'a str>) -> Result<(), String> {
    // Identity-based policies allow letters and digits only (IAM reference, Sid).
    let is_plain = sid.chars().all(|it| it.is_ascii_alphanumeric());
    if kind == Kind::Permissions && !is_plain {
        return Err(format!("the Sid {sid:?} has other characters than letters and digits"));
    }
    if !sid.is_empty() && sids.contains(&sid) {
        return Err(format!("the Sid {sid:?} is given twice"));
    }
    sids.push(sid);
    Ok(())
}

fn parse_version(json: &Json) -> Result<Version, String> {
    match string(json, "Version")? {
        "2012-10-17" => Ok(Version::V2012),
        "2008-10-17" => Ok(Version::V2008),
        other => Err(format!("unknown Version {other:?}")),
    }
}

fn parse_effect(json: &Json) -> Result<Effect, String> {
    match string(json, "Effect")? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(format!("unknown Effect {other:?}")),
    }
}

fn parse_actions(element: &Element<'_>) -> Result<Listed<Pattern>, String> {
    let parse_one = |text: &str| {
        let has_vendor = text
            .split_once(':')
            .is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
        if !has_vendor && text != "*" {
            return Err(format!("the action {text:?} names no service"));
        }
        Pattern::parse(&text.to_lowercase(), Syntax { wildcards: true, variables: false })
    };
    listed(element, parse_one)
}

pub(super) fn parse_resources(
    element: &Element<'_>,
    version: Version,
    _: Effect,
) -> Result<Listed<Pattern>, String> {
    let parse_one = |text: &str| {
        if text != "*" && !text.starts_with("arn:") {
            return Err(format!("the resource {text:?} is neither an ARN nor \"*\""));
        }
        Pattern::parse(text, version.globbing())
    };
    listed(element, parse_one)
}

fn listed(
    element: &Element<'_>,
    parse_one: impl Fn(&str) -> Result<Pattern, String>,
) -> Result<Listed<Pattern>, String> {
    let items = strings(element.value, element.name)?;
    let items = items.into_iter().map(parse_one).collect::<Result<_, _>>()?;
    Ok(if element.negated { Listed::AllBut(items) } else { Listed::Only(items) })
}

pub(super) fn object<'a>(json: &'a Json, what: &str) -> Result<&'a [(String, Json)], String> {
    match json {
        Json::Object(members) => Ok(members),
        other => Err(format!("{what} is {}, not an object", other.kind())),
    }
}

pub(super) fn string<'a>(json: &'a Json, what: &str) -> Result<&'a str, String> {
    match json {
        Json::Text(text) => Ok(text),
        other => Err(format!("{what} is {}, not a string", other.kind())),
    }
}

/// Reads a string or a list of strings; an empty list is refused.
pub(super) fn strings<'a>(json: &'a Json, what: &str) -> Result<Vec<&'a str>, String> {
    let items = one_or_many(json);
    if items.is_empty() {
        return Err(format!("{what} is an empty list"));
    }
    items.iter().map(|it| string(it, what)).collect()
}

pub(super) fn one_or_many(json: &Json) -> &[Json] {
    match json {
        Json::List(items) => items,
        other => std::slice::from_ref(other),
    }
}
