//! The world file as it is written, before anything in it is believed.
//! Every value that is checked further keeps its place in the text.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct World {
    pub account: Option<Spanned<String>>,
    pub region: Option<Spanned<String>>,
    pub seed: Option<u64>,
    pub speed: Option<Spanned<f64>>,
    pub visible_after: Option<Spanned<String>>,
    pub ping_lag: Option<Spanned<String>>,
    pub sts_active: Option<bool>,
    pub buckets: Option<Spanned<Vec<String>>>,
    pub topics: Option<Spanned<Vec<String>>>,
    pub network: Option<Network>,
    #[serde(default)]
    pub image: Vec<Image>,
    #[serde(default)]
    pub key: Vec<Key>,
    #[serde(default)]
    pub group: Vec<Group>,
    #[serde(default)]
    pub outcome: Vec<Outcome>,
    #[serde(default)]
    pub runbook: Vec<Runbook>,
    #[serde(default)]
    pub document: Vec<Document>,
    #[serde(default)]
    pub user: Vec<User>,
    #[serde(default)]
    pub role: Vec<Role>,
    #[serde(default)]
    pub policy: Vec<ManagedPolicy>,
    #[serde(default)]
    pub alarm: Vec<Alarm>,
    #[serde(default)]
    pub resource_group: Vec<ResourceGroup>,
    #[serde(default)]
    pub fault: Vec<Fault>,
    #[serde(default)]
    pub event: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub name: Spanned<String>,
    pub size: Spanned<usize>,
    pub min: Option<Spanned<u32>>,
    pub max: Option<Spanned<u32>>,
    pub desired: Option<Spanned<u32>>,
    pub platform: Option<Spanned<String>>,
    pub zones: Option<Spanned<Vec<String>>>,
    pub tags: Option<Spanned<BTreeMap<String, String>>>,
    pub run: Option<Spanned<String>>,
    pub termination_hook: Option<Spanned<String>>,
    pub launch_failure: Option<String>,
    pub instance_refresh: Option<Spanned<String>>,
    pub setup: Option<Spanned<String>>,
    pub suspended: Option<Spanned<Vec<String>>>,
    pub instance_type: Option<Spanned<String>>,
    pub image: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub stores_output: Option<bool>,
    #[serde(default)]
    pub instance: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instance {
    pub index: Spanned<usize>,
    pub ping: Option<Spanned<String>>,
    pub lifecycle: Option<Spanned<String>>,
    pub platform: Option<Spanned<String>>,
    pub health: Option<Spanned<String>>,
    pub agent_version: Option<String>,
    pub setup: Option<Spanned<String>>,
    pub zone: Option<Spanned<String>>,
    pub state: Option<Spanned<String>>,
    pub impaired: Option<bool>,
    pub instance_type: Option<Spanned<String>>,
    pub root: Option<Spanned<String>>,
    pub encrypted: Option<Spanned<bool>>,
    pub image: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub snapshot: Option<Spanned<String>>,
    pub product_codes: Option<Vec<String>>,
    pub spot: Option<bool>,
    pub stop_protection: Option<bool>,
    pub public_ip: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub internet: Option<Spanned<String>>,
    pub endpoints: Option<Vec<String>>,
    pub default_egress: Option<bool>,
    pub free_addresses: Option<u32>,
    pub not_offered: Option<BTreeMap<String, Vec<String>>>,
    pub ebs_encryption: Option<bool>,
    pub ebs_key: Option<Spanned<String>>,
    pub vpcs: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    pub name: Spanned<String>,
    pub platform: Option<Spanned<String>>,
    pub product_codes: Option<Vec<String>>,
    pub deregistered: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub name: Spanned<String>,
    pub state: Option<Spanned<String>>,
    pub account: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub group: Option<Spanned<String>>,
    pub instances: Option<Spanned<Vec<usize>>>,
    pub document: Option<Spanned<String>>,
    pub after: Option<Spanned<String>>,
    pub exit: Option<Spanned<i32>>,
    pub status: Option<Spanned<String>>,
    pub stdout: Option<Spanned<String>>,
    pub stderr: Option<Spanned<String>>,
    pub agent: Option<Spanned<String>>,
    pub away: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runbook {
    pub group: Option<Spanned<String>>,
    pub instances: Option<Spanned<Vec<usize>>>,
    pub document: Option<Spanned<String>>,
    pub after: Option<Spanned<String>>,
    #[serde(default)]
    pub step: Vec<RunbookStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunbookStep {
    pub name: Spanned<String>,
    pub after: Option<Spanned<String>>,
    pub status: Option<Spanned<String>>,
    pub message: Option<Spanned<String>>,
    pub failure_type: Option<Spanned<String>>,
    pub failure_stage: Option<Spanned<String>>,
    pub outputs: Option<Spanned<BTreeMap<String, Texts>>>,
}

/// A text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub after: Spanned<String>,
    pub since: Option<Spanned<String>>,
    pub group: Spanned<String>,
    pub kind: Spanned<String>,
    pub count: Option<Spanned<usize>>,
    pub instances: Option<Spanned<Vec<usize>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub name: Spanned<String>,
    pub file: Spanned<String>,
    pub account: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub name: Spanned<String>,
    pub access_key_id: Spanned<String>,
    pub secret_access_key: Spanned<String>,
    pub policy: Option<Spanned<String>>,
    pub tags: Option<Spanned<BTreeMap<String, String>>>,
    pub mfa_serial: Option<Spanned<String>>,
    pub mfa_code: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManagedPolicy {
    pub arn: Spanned<String>,
    pub file: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub name: Spanned<String>,
    pub trust: Spanned<String>,
    pub policy: Option<Spanned<String>>,
    pub max_session_duration: Option<Spanned<String>>,
    pub tags: Option<Spanned<BTreeMap<String, String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alarm {
    pub name: Spanned<String>,
    pub state: Option<Spanned<String>>,
    pub becomes: Option<Spanned<String>>,
    pub after: Option<Spanned<String>>,
    pub since: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceGroup {
    pub name: Spanned<String>,
    pub tags: Spanned<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub operation: Spanned<String>,
    pub calls: Option<Spanned<Vec<u64>>>,
    pub rate: Option<Spanned<f64>>,
    pub calls_per_second: Option<Spanned<f64>>,
    pub kind: Spanned<String>,
    pub delay: Option<Spanned<String>>,
    pub age: Option<Spanned<String>>,
}
