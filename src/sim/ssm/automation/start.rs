//! StartAutomationExecution: authorises, refuses what AWS refuses at once, and starts the rest.
//! The order of the checks is UNVERIFIED: authorisation, validation, document, role, targets,
//! parameters, token, limits.

use std::{collections::BTreeMap, rc::Rc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    engine::{Engine, RUNNING},
    execution::{Execution, Status, StepRun, substituted},
    parameters::{self, refused, with_defaults},
    play,
    rate::Rate,
    runbook::Runbook,
    shapes::START,
    support::Permits,
};
use crate::sim::{
    api::{ApiError, Call, Facts},
    authority,
    iam::Context,
    ids,
    ssm::{
        accept::resolved,
        content::Content,
        pace::Pace,
        parameters::Given,
        validate::{Checked, invalid},
    },
    state::State,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    document_name: String,
    document_version: Option<String>,
    pub parameters: Given,
    client_token: Option<String>,
    mode: Option<String>,
    pub target_parameter_name: Option<String>,
    pub targets: Vec<Target>,
    pub target_maps: Vec<Given>,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    tags: Vec<Tag>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Target {
    pub key: String,
    pub values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

/// What a request says besides its token: a token that comes with anything else is refused.
pub(super) type Asked = Value;

/// Executions that wait for a place, at the most (quotas of Systems Manager).
const WAITING: usize = 1_000;

/// "Maximum of 5 tags" (StartAutomationExecution).
const MAX_TAGS: usize = 5;

/// Who assumes the role of a runbook.
const SERVICE: &str = "ssm.amazonaws.com";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

pub(super) fn start_automation_execution(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(START, body);
    authorize(call, &checked)?;
    let request: Request = checked.request()?;
    if request.mode.as_deref() == Some("Interactive") {
        return Err(invalid("Mode Interactive is not implemented by this simulator"));
    }
    if request.tags.len() > MAX_TAGS {
        return Err(invalid(format!("An automation can have at most {MAX_TAGS} tags")));
    }
    let (document, version, content, runbook) = request.document(call)?;
    let role = request.role(call, &content, &runbook)?;
    let declared: Vec<&str> = content.parameters.iter().map(|it| it.name.as_str()).collect();
    request.check_targets(&declared)?;
    parameters::check(&content, &request.parameters, &request.targeted())?;
    let sim = &call.sim;
    let asked = asked(body);
    let token = request.client_token.as_ref().map(|it| it.to_ascii_lowercase());
    let mut state = sim.state.borrow_mut();
    if let Some((before, id)) = token.as_ref().and_then(|it| state.ssm.automations.tokens.get(it)) {
        if *before == asked {
            return Ok(json!({ "AutomationExecutionId": id }));
        }
        let message = "Error returned when an idempotent operation is retried and the parameters \
                       don't match the original call to the API with the same idempotency token.";
        return Err(ApiError::new("IdempotentParameterMismatch", message));
    }
    let waiting = state.ssm.automations.active().filter(|it| it.status == Status::Pending);
    if waiting.count() >= WAITING && state.ssm.automations.running().0 >= RUNNING {
        let message = "The number of simultaneously running Automation executions exceeded the \
                       allowable limit.";
        return Err(ApiError::new("AutomationExecutionLimitExceededException", message));
    }
    let id = ids::uuid(&mut sim.random.borrow_mut());
    let rate = if request.is_targeted() {
        let children = request.children(call, &state, &id)?;
        // Whether Automation refuses the whole or starts the others is UNVERIFIED.
        for it in &children {
            parameters::check(&content, &it.parameters, &[])?;
            let instances = instances_in(&state, &it.parameters);
            play::check(sim, &state, (&document, &runbook), &instances)?;
        }
        Some(request.rate(children))
    } else {
        None
    };
    let now = sim.clock.now();
    let shown = with_defaults(&content, &request.parameters);
    let instances = instances_in(&state, &shown);
    if rate.is_none() {
        play::check(sim, &state, (&document, &runbook), &instances)?;
    }
    let steps = if rate.is_some() { Vec::new() } else { steps(sim.seed, &id, &runbook) };
    let execution = Execution {
        sequence: state.ssm.automations.next_sequence(),
        id: id.clone(),
        document,
        version,
        content,
        runbook,
        requested: now,
        ended: None,
        status: Status::Pending,
        parameters: shown,
        instances,
        permits: permits(call, &role),
        role,
        executed_by: call.caller.arn.clone(),
        tags: request.tags.into_iter().map(|it| (it.key, it.value)).collect(),
        steps,
        current: None,
        begun: 0,
        failure_message: None,
        is_doomed: false,
        stop: None,
        is_unwinding: false,
        tick: 0,
        parent: None,
        rate,
        memory: BTreeMap::new(),
    };
    if let Some(token) = token {
        state.ssm.automations.tokens.insert(token, (asked, id.clone()));
    }
    state.timeline.command_sent(now);
    state.ssm.automations.insert(execution);
    Engine { sim, state: &mut state, at: now }.start_queued();
    Ok(json!({ "AutomationExecutionId": id }))
}

/// Authorises the runbook, by the ARN that denials name. The service authorization reference also
/// lists the document and the execution; that only a Deny of them counts is UNVERIFIED.
fn authorize(call: &Call, checked: &Checked) -> Result<(), ApiError> {
    let action = "ssm:StartAutomationExecution";
    let Some(name) = checked.text("DocumentName") else {
        return call.authorize(action, None, &Facts::default()); // validation refuses it next
    };
    let (document, facts) = {
        let state = call.sim.state.borrow();
        let documents = &state.ssm.documents;
        (documents.arn(&call.sim, name), documents.facts(&call.sim, name))
    };
    let version = checked.text("DocumentVersion").unwrap_or("$DEFAULT");
    let given: Vec<Tag> = checked.list("Tags");
    let given = given.into_iter().map(|it| (it.key, it.value)).collect();
    let facts = Facts { given, ..facts };
    let definition = document.replacen(":document/", ":automation-definition/", 1);
    call.authorize(action, Some(&format!("{definition}:{version}")), &facts)?;
    authority::heed_denial(call, action, &document, &facts)?;
    let (region, account) = (&call.sim.region, &call.sim.account);
    let execution = format!("arn:aws:ssm:{region}:{account}:automation-execution/*");
    authority::heed_denial(call, action, &execution, &Facts { tags: BTreeMap::new(), ..facts })
}

impl Request {
    fn document(
        &self,
        call: &Call,
    ) -> Result<(String, String, Rc<Content>, Rc<Runbook>), ApiError> {
        let missing = || {
            let message = "An Automation runbook with the specified name couldn't be found.";
            ApiError::new("AutomationDefinitionNotFoundException", message)
        };
        let state = call.sim.state.borrow();
        let document =
            state.ssm.documents.find(&call.sim, &self.document_name).map_err(|_| missing())?;
        let version = document.version(self.document_version.as_deref()).map_err(|_| {
            let message =
                "An Automation runbook with the specified name and version couldn't be found.";
            ApiError::new("AutomationDefinitionVersionNotFoundException", message)
        })?;
        let runbook = version.content.runbook.as_ref().ok_or_else(missing)?;
        if version.status(call.sim.clock.now()) != "Active" {
            return Err(missing()); // UNVERIFIED in code and wording
        }
        let number = version.number.to_string();
        Ok((document.name.clone(), number, Rc::clone(&version.content), Rc::clone(runbook)))
    }

    fn rate(&self, children: Vec<super::rate::Child>) -> Rate {
        let n = children.len();
        let max_concurrency = self.max_concurrency.clone().unwrap_or_else(|| "10".to_owned());
        let max_errors = self.max_errors.clone().unwrap_or_else(|| "0".to_owned());
        Rate {
            parameter: self.target_parameter_name.clone().unwrap_or_default(),
            targets: self.targets_json(),
            target_maps: json!(self.target_maps),
            // D3, UNVERIFIED: percentages are rounded down, concurrency to at least 1.
            pace: Pace::limited_to(resolved(&max_concurrency, n).max(1)),
            errors_allowed: resolved(&max_errors, n),
            max_concurrency,
            max_errors,
            children,
        }
    }

    /// Returns the role that the runbook acts with; empty: it acts as its caller.
    fn role(&self, call: &Call, content: &Content, runbook: &Runbook) -> Result<String, ApiError> {
        let Some(text) = &runbook.assume_role else { return Ok(String::new()) };
        let given = with_defaults(content, &self.parameters);
        let targeted = self.targeted();
        let (mut by_targets, mut is_awaited) = (false, false);
        let res = substituted(text, |name| {
            by_targets |= targeted.contains(&name);
            let value = match name {
                "global:ACCOUNT_ID" => Some(call.sim.account.clone()),
                "global:AWS_PARTITION" => Some("aws".to_owned()),
                "global:REGION" => Some(call.sim.region.clone()),
                _ => given.get(name).map(|it| it.first().cloned().unwrap_or_default()),
            };
            is_awaited |= value.is_none() && content.parameters.iter().any(|it| it.name == name);
            value
        });
        if by_targets {
            let message =
                "An assumeRole that the targets give is not implemented by this simulator.";
            return Err(refused(message));
        }
        // A parameter without a value is refused by its name, after this.
        if !is_awaited && !res.is_empty() {
            check_role(call, &res)?;
        }
        Ok(res)
    }
}

/// As an issue quotes it.
const NOT_ASSUMED: &str = "The defined assume role is unable to be assumed.";

/// Refuses a role that does not exist or does not trust Systems Manager, or that the caller may not
/// pass.
fn check_role(call: &Call, arn: &str) -> Result<(), ApiError> {
    call.authorize("iam:PassRole", Some(arn), &Facts::default())?;
    let sim = &call.sim;
    let own = format!("arn:aws:iam::{}:role/", sim.account);
    // The last part is the name; the others are its path.
    let name = arn.strip_prefix(&own).and_then(|it| it.rsplit('/').next());
    // "aws:SourceAccount" and "aws:SourceArn" keep other accounts' runbooks out (user guide, setting
    // up Automation); the latter is taken to be some execution of the account.
    let source =
        format!("arn:aws:ssm:{}:{}:automation-execution/{NOBODY}", sim.region, sim.account);
    let context =
        Context::default().with("aws:SourceAccount", &sim.account).with("aws:SourceArn", source);
    let can_be_assumed = name.is_some_and(|name| {
        let found = sim.roles.iter().find(|it| it.name == name);
        sim.roles.is_empty() || found.is_some_and(|it| it.trust.admits_service(SERVICE, &context))
    });
    if can_be_assumed {
        return Ok(());
    }
    Err(refused(NOT_ASSUMED))
}

/// Returns what the execution may do: what its role may, or its caller.
fn permits(call: &Call, role: &str) -> Permits {
    if !role.is_empty() {
        return Permits::of_role(&call.sim, role);
    }
    let authority = &call.caller.authority;
    if authority.is_unlimited { Permits::All } else { Permits::Of(authority.policies.clone()) }
}

/// Returns the instances that the parameters of an execution name.
pub(super) fn instances_in(state: &State, parameters: &Given) -> Vec<String> {
    let is_known = |it: &&String| state.instances.contains_key(*it);
    parameters.values().flatten().filter(is_known).cloned().collect()
}

/// The steps of an execution before any has begun.
pub(super) fn steps(seed: u64, id: &str, runbook: &Runbook) -> Vec<StepRun> {
    let run = |name: &String| StepRun {
        id: ids::named_uuid(seed, "step", &format!("{id}/{name}")),
        status: Status::Pending,
        started: None,
        ended: None,
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        failure: None,
    };
    runbook.steps.iter().map(|it| run(&it.name)).collect()
}

fn asked(body: &Value) -> Asked {
    let mut res = body.clone();
    if let Some(it) = res.as_object_mut() {
        it.retain(|key, value| key != "ClientToken" && !value.is_null());
    }
    res
}
