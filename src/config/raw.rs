//! `fleet.toml` as it is written, before anything in it is believed. Every value keeps its place.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The file itself, or one environment in it: `[profile.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    #[serde(alias = "role")]
    pub role_arn: Option<Spanned<String>>,
    pub external_id: Option<Spanned<String>>,
    pub duration: Option<Spanned<String>>,
    pub mfa_serial: Option<Spanned<String>>,
    pub session_tags: Option<Spanned<BTreeMap<String, String>>>,
    pub transitive_tags: Option<Spanned<Vec<String>>>,
    pub source_identity: Option<Spanned<String>>,
    pub region: Option<Spanned<String>>,
    pub aws_profile: Option<Spanned<String>>,
    pub redact: Vec<Spanned<String>>,
    pub limits: Limits,
    pub output: Output,
    pub ceilings: Ceilings,
    pub profile: BTreeMap<String, Self>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub max_concurrency: Option<Spanned<String>>,
    pub max_errors: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    pub deadline: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Output {
    pub s3: Option<Spanned<String>>,
    pub logs: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ceilings {
    pub max_concurrency: Option<Spanned<String>>,
    pub max_errors: Option<Spanned<String>>,
    pub require_plan: Option<Spanned<bool>>,
    pub allow_documents: Option<Spanned<Vec<String>>>,
}
