//! IAM over the wire: what a role is, and what its policies would say. How policies are evaluated,
//! `iam` knows.

use super::{
    absent,
    api::{ApiError, Call, Facts},
    iam::{self, Context, Decision, Policy, PolicySet, Request},
    ids,
    wire::{form::Form, protocol::not_implemented, xml::Xml},
    world::RoleSpec,
};

/// "MaxItems … defaults to 100", and is 1,000 at the most.
const PAGE: usize = 100;
const MAX_PAGE: i64 = 1_000;

/// The parameters that SimulatePrincipalPolicy has and the simulator has not (the service model
/// 2010-05-08).
const ABSENT: [&str; 5] = [
    "CallerArn",
    "PolicyExclusionList",
    "ResourceHandlingOption",
    "ResourceOwner",
    "ResourcePolicy",
];

/// Answers one operation into `xml`.
pub(crate) fn call(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    match call.operation.as_str() {
        "GetRole" => get_role(call, form, xml),
        "SimulatePrincipalPolicy" => simulate(call, form, xml),
        other => Err(not_implemented(other)),
    }
}

fn get_role(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let name = form.text("RoleName").unwrap_or_default();
    let arn = format!("arn:aws:iam::{}:role/{name}", call.sim.account);
    call.authorize("iam:GetRole", Some(&arn), &Facts::default())?;
    let role = find(call, name)?;
    xml.element("Role", |xml| {
        xml.text("Path", "/");
        xml.text("RoleName", name);
        xml.text("RoleId", &ids::principal_id(call.sim.seed, "AROA", name));
        xml.text("Arn", &arn);
        let created = call.sim.clock.epoch().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        xml.text("CreateDate", &created);
        xml.text("AssumeRolePolicyDocument", &percent_encoded(&role.trust_text));
        xml.value("MaxSessionDuration", role.max_session_duration.as_secs());
    });
    Ok(())
}

fn find<'a>(call: &'a Call, name: &str) -> Result<&'a RoleSpec, ApiError> {
    let found = call.sim.roles.iter().find(|it| it.name == name);
    found.ok_or_else(|| {
        let message = format!("The role with name {name} cannot be found.");
        ApiError::new("NoSuchEntity", message).with_status(404)
    })
}

fn simulate(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let source = form.text("PolicySourceArn").unwrap_or_default();
    call.authorize("iam:SimulatePrincipalPolicy", Some(source), &Facts::default())?;
    absent::check_form(form, &ABSENT, "InvalidInput")?;
    let mut policies = policies_of(call, source)?;
    for it in form.texts("PolicyInputList")? {
        policies.identity.push(parse(it)?);
    }
    let boundary = form.texts("PermissionsBoundaryPolicyInputList")?;
    if !boundary.is_empty() {
        policies.boundary = Some(boundary.into_iter().map(parse).collect::<Result<_, _>>()?);
    }
    let actions = form.texts("ActionNames")?;
    if actions.is_empty() {
        return Err(invalid("ActionNames must not be empty"));
    }
    let resources = match form.texts("ResourceArns")? {
        it if it.is_empty() => vec!["*"],
        it => it,
    };
    let context = context(call, form, source)?;
    let mut results = Vec::new();
    for action in actions {
        if !action.contains(':') {
            return Err(invalid(format!("Invalid Entity Action: {action}")));
        }
        for resource in &resources {
            let request = Request { action, resource, context: &context };
            let decision = iam::simulate(&policies, &request);
            results.push((action, *resource, decision, iam::missing_keys(&policies, &request)));
        }
    }
    let from: usize = match form.text("Marker").filter(|it| !it.is_empty()) {
        Some(it) => it.parse().map_err(|_| invalid("The marker is not valid"))?,
        None => 0,
    };
    let size = match form.integer("MaxItems")? {
        None => PAGE,
        Some(it) if (1..=MAX_PAGE).contains(&it) => usize::try_from(it).unwrap_or(PAGE),
        Some(it) => return Err(invalid(format!("MaxItems {it} is out of range"))),
    };
    let n = results.len();
    let page = results.into_iter().skip(from).take(size);
    xml.list("EvaluationResults", page, |xml, (action, resource, decision, missing)| {
        let decision = match decision {
            Decision::Allowed => "allowed",
            Decision::ExplicitDeny(_) => "explicitDeny",
            Decision::ImplicitDeny(_) => "implicitDeny",
        };
        let missing = || missing.iter().map(String::as_str);
        xml.text("EvalActionName", action);
        xml.text("EvalResourceName", resource);
        xml.text("EvalDecision", decision);
        xml.texts("MatchedStatements", []);
        // Of a resource that was named, what is missing stands beside that resource
        // (EvaluationResult reference).
        if resource == "*" {
            xml.texts("MissingContextValues", missing());
            return;
        }
        xml.texts("MissingContextValues", []);
        xml.list("ResourceSpecificResults", [resource], |xml, resource| {
            xml.text("EvalResourceName", resource);
            xml.text("EvalResourceDecision", decision);
            xml.texts("MatchedStatements", []);
            xml.texts("MissingContextValues", missing());
        });
    });
    xml.value("IsTruncated", from + size < n);
    if from + size < n {
        xml.value("Marker", from + size);
    }
    Ok(())
}

/// The policies of a role or a user. A world without roles has them all, and they may do everything;
/// so may whoever calls in a world without users.
fn policies_of(call: &Call, source: &str) -> Result<PolicySet, ApiError> {
    let own = format!("arn:aws:iam::{}:", call.sim.account);
    let resource = source.strip_prefix(&own).unwrap_or_default();
    let name = |kind: &str| resource.strip_prefix(kind).and_then(|it| it.rsplit('/').next());
    let policy = match (name("role/"), name("user/")) {
        (Some(_), _) if call.sim.roles.is_empty() => Some(parse(EVERYTHING)?),
        (Some(name), _) => find(call, name)?.policy.clone(),
        (None, Some(_)) if call.sim.users.is_empty() => Some(parse(EVERYTHING)?),
        (None, Some(name)) => {
            let found = call.sim.users.iter().find(|it| it.name == name);
            let missing = || {
                let message = format!("The user with name {name} cannot be found.");
                ApiError::new("NoSuchEntity", message).with_status(404)
            };
            found.ok_or_else(missing)?.policy.clone()
        }
        (None, None) => return Err(invalid(format!("Invalid Entity Arn: {source}"))),
    };
    Ok(PolicySet { identity: policy.into_iter().collect(), ..PolicySet::default() })
}

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn parse(text: &str) -> Result<Policy, ApiError> {
    Policy::parse(text).map_err(|err| invalid(err.to_string()))
}

/// What conditions see: the principal, and the entries of the request. A policy cannot ask for a key
/// that is not modelled, so such an entry decides nothing.
fn context(call: &Call, form: &Form, source: &str) -> Result<Context, ApiError> {
    let mut res = Context::default()
        .with("aws:PrincipalArn", source)
        .with("aws:PrincipalAccount", &call.sim.account)
        .with("aws:RequestedRegion", &call.sim.region)
        .with("aws:SecureTransport", "true");
    for prefix in form.members("ContextEntries")? {
        let key = form.text(&format!("{prefix}.ContextKeyName")).unwrap_or_default();
        if key.is_empty() {
            return Err(invalid("ContextKeyName must not be empty"));
        }
        if iam::is_condition_key(key) {
            res = res.with_all(key, form.texts(&format!("{prefix}.ContextKeyValues"))?);
        }
    }
    Ok(res)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", message)
}

/// As policies are returned: "URL-encoded compliant with RFC 3986" (GetRole).
fn percent_encoded(text: &str) -> String {
    let mut res = String::new();
    for it in text.bytes() {
        if it.is_ascii_alphanumeric() || b"-_.~".contains(&it) {
            res.push(char::from(it));
        } else {
            let digit =
                |it: u8| char::from_digit(u32::from(it), 16).unwrap_or('0').to_ascii_uppercase();
            res.extend(['%', digit(it >> 4), digit(it & 15)]);
        }
    }
    res
}
