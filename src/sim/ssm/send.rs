//! SendCommand: authorises, refuses what AWS refuses at once, and accepts the rest.
//! The order of the checks is UNVERIFIED (D21): authorisation, validation, document, instances
//! and platform, parameters.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    rc::Rc,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    command::{Chosen, Command, Echo},
    content::{Content, Kind},
    documents::{SIZE_LIMIT, missing, platform_word},
    drive,
    engine::{Pace, plus},
    nodes,
    parameters::{self, Given},
    shapes::SEND_COMMAND,
    status::{Cancel, Status, Tally},
    targets::{self, Target},
    validate::{Checked, invalid},
};
use crate::sim::api::{ApiError, Call};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    document_name: String,
    instance_ids: Vec<String>,
    targets: Vec<Target>,
    document_version: Option<String>,
    document_hash: Option<String>,
    document_hash_type: Option<String>,
    timeout_seconds: Option<i64>,
    comment: String,
    parameters: Given,
    #[serde(rename = "OutputS3BucketName")]
    bucket: Option<String>,
    #[serde(rename = "OutputS3KeyPrefix")]
    key_prefix: String,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    service_role_arn: String,
    notification_config: Option<NotificationConfig>,
    cloud_watch_output_config: CloudWatch,
    alarm_configuration: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct NotificationConfig {
    notification_arn: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CloudWatch {
    cloud_watch_log_group_name: String,
    cloud_watch_output_enabled: bool,
}

/// The delivery timeout of a request without one.
const DEFAULT_TIMEOUT: i64 = 3600;

pub(super) fn send_command(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::types(SEND_COMMAND, body)?;
    authorize(call, &checked)?;
    let request: Request = checked.request()?;
    request.check_shape()?;
    let (document, content) = request.document(call)?;
    request.check_instances(call, &content)?;
    parameters::check(&document, &content, &request.parameters)?;
    request.check_size(call)?;
    request.check_outputs()?;
    let chosen = request.chosen(call, &content);
    let command = request.command(call, document, content, chosen);
    let answer = json!({ "Command": command.to_json() });
    drive::launch(&call.sim, command);
    Ok(answer)
}

/// Authorises the document and every instance that is named, each as a resource of its own.
fn authorize(call: &Call, checked: &Checked) -> Result<(), ApiError> {
    let action = "ssm:SendCommand";
    if let Some(name) = checked.text("DocumentName") {
        let (arn, tags) = {
            let state = call.sim.state.borrow();
            let documents = &state.ssm.documents;
            (documents.arn(&call.sim, name), documents.tags(&call.sim, name))
        };
        call.authorize(action, Some(&arn), &tags)?;
    }
    let mut ids = checked.list::<String>("InstanceIds");
    ids.extend(checked.list::<Target>("Targets").iter().filter_map(Target::ids).flatten().cloned());
    for id in ids {
        authorize_instance(call, &id)?;
    }
    Ok(())
}

/// The instance resource is EC2's, also for ids that do not exist: those have no tags.
fn authorize_instance(call: &Call, id: &str) -> Result<(), ApiError> {
    let sim = &call.sim;
    let arn = format!("arn:aws:ec2:{}:{}:instance/{id}", sim.region, sim.account);
    let tags = sim.state.borrow().instances.get(id).map(|it| it.tags.clone());
    call.authorize("ssm:SendCommand", Some(&arn), &tags.unwrap_or_default())
}

impl Request {
    fn check_shape(&self) -> Result<(), ApiError> {
        // D1, UNVERIFIED in code and wording.
        match (self.instance_ids.is_empty(), self.targets.is_empty()) {
            (true, true) => Err(invalid("Either InstanceIds or Targets must be specified")),
            (false, false) => Err(invalid("InstanceIds and Targets cannot both be specified")),
            (true, false) | (false, true) if self.alarm_configuration.is_some() => {
                Err(invalid("AlarmConfiguration is not implemented by this simulator"))
            }
            (true, false) | (false, true) => targets::check(&self.targets),
        }
    }

    fn document(&self, call: &Call) -> Result<(String, Rc<Content>), ApiError> {
        let state = call.sim.state.borrow();
        let document = state.ssm.documents.find(&call.sim, &self.document_name)?;
        let version = document.version(self.document_version.as_deref())?;
        if version.content.kind != Kind::Command {
            return Err(missing(&self.document_name)); // "wrong type" is InvalidDocument as well
        }
        let status = version.status(call.sim.clock.now());
        if status != "Active" {
            // UNVERIFIED in code and wording; that it must be Active is documented.
            let message = format!("Document {} is {status}, not Active.", document.name);
            return Err(ApiError::new("InvalidDocument", message));
        }
        if let Some(hash) = &self.document_hash {
            let is_sha256 = self.document_hash_type.as_deref() != Some("Sha1");
            if !is_sha256 || !hash.eq_ignore_ascii_case(&version.hash) {
                // D2, UNVERIFIED.
                return Err(ApiError::new("InvalidDocument", "The document hash does not match."));
            }
        }
        Ok((document.name.clone(), Rc::clone(&version.content)))
    }

    /// One unusable id fails the whole call; no invocation is created (aws-facts §1.5).
    fn check_instances(&self, call: &Call, content: &Content) -> Result<(), ApiError> {
        let unique: BTreeSet<_> = self.instance_ids.iter().collect();
        if unique.len() < self.instance_ids.len() {
            return Err(ApiError::bare("DuplicateInstanceId"));
        }
        let named = self.targets.iter().filter_map(Target::ids).flatten();
        let state = call.sim.state.borrow();
        let platforms = content.platforms();
        let (mut unusable, mut misplaced) = (Vec::new(), None);
        for id in self.instance_ids.iter().chain(named) {
            match state.instances.get(id).filter(|it| nodes::is_managed(it)) {
                None => unusable.push(id.as_str()),
                Some(it) if !platforms.contains(&it.platform) => {
                    misplaced = misplaced.or(Some((id, it.platform)));
                }
                Some(_) => {}
            }
        }
        if !unusable.is_empty() {
            let (ids, account) = (unusable.join(", "), &call.sim.account);
            let message = format!("Instances [[{ids}]] not in a valid state for account {account}");
            return Err(ApiError::new("InvalidInstanceId", message));
        }
        if let Some((id, platform)) = misplaced {
            let platform = platform_word(platform);
            let message = format!(
                "Cannot perform operation for instance id {id} of platform type {platform}"
            );
            return Err(ApiError::new("UnsupportedPlatformType", message));
        }
        Ok(())
    }

    /// "This quota also includes the content specified for input parameters at runtime."
    fn check_size(&self, call: &Call) -> Result<(), ApiError> {
        let state = call.sim.state.borrow();
        let document = state.ssm.documents.find(&call.sim, &self.document_name)?;
        let text = &document.version(self.document_version.as_deref())?.text;
        let given: usize = self
            .parameters
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
            .sum();
        if text.len() + given > SIZE_LIMIT {
            let message = "The size limit of a document is 64 KB.";
            return Err(ApiError::new("MaxDocumentSizeExceeded", message));
        }
        Ok(())
    }

    /// There is neither S3 nor SNS here: no bucket and no topic exists.
    fn check_outputs(&self) -> Result<(), ApiError> {
        if self.bucket.is_some() {
            return Err(ApiError::bare("InvalidOutputFolder"));
        }
        let role = &self.service_role_arn;
        let is_role = role.starts_with("arn:aws:iam::") && role.contains(":role/");
        if !role.is_empty() && !is_role {
            return Err(ApiError::new(
                "InvalidRole",
                "The role name can't contain invalid characters.",
            ));
        }
        if self.notification_config.as_ref().is_some_and(|it| !it.notification_arn.is_empty()) {
            let message = "One or more configuration items isn't valid. \
                           This simulator has no SNS topics.";
            return Err(ApiError::new("InvalidNotificationConfig", message));
        }
        Ok(())
    }

    /// What a tag matched but the caller may not reach, or the document does not run on, gets an
    /// invocation that says so; explicit ids were refused before (C10).
    fn chosen(&self, call: &Call, content: &Content) -> Vec<Chosen> {
        let platforms = content.platforms();
        let state = call.sim.state.borrow();
        if self.targets.is_empty() {
            let instances = self.instance_ids.iter().filter_map(|it| state.instances.get(it));
            return instances.map(targets::chosen).collect();
        }
        let mut res = targets::resolve(&self.targets, &state);
        drop(state);
        for it in &mut res {
            if authorize_instance(call, &it.instance).is_err() {
                it.refused = Some(Status::AccessDenied);
            } else if !platforms.contains(&it.platform) {
                it.refused = Some(Status::InvalidPlatform);
            }
        }
        res
    }

    fn command(
        self,
        call: &Call,
        document: String,
        content: Rc<Content>,
        chosen: Vec<Chosen>,
    ) -> Command {
        let sim = &call.sim;
        let requested = sim.clock.now();
        let timeout_seconds = self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT);
        let delivery = std::time::Duration::from_secs(timeout_seconds.unsigned_abs());
        let execution = parameters::execution_timeout(&content, &self.parameters);
        let max_concurrency = self.max_concurrency.unwrap_or_else(|| "50".to_owned());
        let max_errors = self.max_errors.unwrap_or_else(|| "0".to_owned());
        // D3, UNVERIFIED: percentages are rounded down, concurrency to at least 1.
        let limit = resolved(&max_concurrency, chosen.len()).max(1);
        Command {
            sequence: sim.state.borrow_mut().ssm.next_sequence(),
            id: command_id(&mut sim.random.borrow_mut()),
            document,
            version: self.document_version.unwrap_or_else(|| "$DEFAULT".to_owned()),
            requested,
            expires: plus(requested, delivery + execution),
            visible: plus(requested, sim.visible_after),
            max_errors: resolved(&max_errors, chosen.len()),
            pace: Pace::limited_to(limit),
            steps_timeout: parameters::steps_timeout(&content, &self.parameters),
            content,
            echo: Echo {
                comment: self.comment,
                parameters: json!(self.parameters),
                instance_ids: self.instance_ids,
                targets: self.targets.iter().map(Target::to_json).collect(),
                timeout_seconds,
                max_concurrency,
                max_errors,
                service_role: self.service_role_arn,
                key_prefix: self.key_prefix,
                log_group: self.cloud_watch_output_config.cloud_watch_log_group_name,
                log_enabled: self.cloud_watch_output_config.cloud_watch_output_enabled,
            },
            given: self.parameters,
            chosen,
            resolved: false,
            invocations: Vec::new(),
            by_instance: HashMap::new(),
            tally: Tally::default(),
            cancel: Cancel::None,
            queue: BinaryHeap::new(),
            pushed: 0,
            starts: Vec::new(),
            wake: Rc::default(),
            scripts: BTreeMap::new(),
        }
    }
}

/// A number, or a percentage of the targets.
fn resolved(limit: &str, n: usize) -> usize {
    match limit.strip_suffix('%') {
        Some(percent) => n * percent.parse::<usize>().unwrap_or(0) / 100,
        None => limit.parse().unwrap_or(0),
    }
}

/// A version 4 UUID out of the world's own randomness.
fn command_id(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..) & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("{a}-{b}-{c}-{d}-{e}")
}
