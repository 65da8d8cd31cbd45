//! KMS, as far as a rescue asks what a volume is encrypted with: DescribeKey. Nothing is encrypted,
//! and every other operation is refused.

use serde_json::{Value, json};

use super::{
    absent,
    api::{ApiError, Call, Facts},
    iam::Context,
    ids,
    state::Simulator,
    timeline,
};

/// A key that the world declares. What is encrypted without one has AWS's own for EBS.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its alias is `alias/NAME`.
    pub name: String,
    pub state: KeyState,
    /// Whose it is. The policy of a key of another account lets this one use it.
    pub account: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
}

/// The name of AWS's own key for EBS, whose alias has it.
const EBS: &str = "aws/ebs";

/// ScheduleKeyDeletion, PendingWindowInDays: "the default value is 30".
const DELETION: i64 = 30 * 24 * 3600;

/// A key of the account, or one of another that may be used here.
struct Found<'a> {
    name: &'a str,
    account: &'a str,
    state: KeyState,
}

/// What a request names it by.
enum Named {
    Id(String),
    Alias(String),
}

/// Returns the ARN of the key of that name; `None`: AWS's own for EBS.
pub(crate) fn arn(sim: &Simulator, name: Option<&str>) -> String {
    find(sim, name.unwrap_or(EBS)).unwrap_or_else(|| ebs(sim)).arn(sim)
}

/// As EC2 names the key that new volumes have: by its alias if it is AWS's own.
pub(crate) fn default_of_ebs(sim: &Simulator) -> String {
    match &sim.network.ebs_key {
        Some(it) => arn(sim, Some(it)),
        None => format!("alias/{EBS}"),
    }
}

/// Adds what requests about keys have in common: every key here is of one kind.
pub(crate) fn with_facts(context: Context, caller_account: &str) -> Context {
    context
        .with("kms:CallerAccount", caller_account)
        .with("kms:KeySpec", "SYMMETRIC_DEFAULT")
        .with("kms:KeyUsage", "ENCRYPT_DECRYPT")
        .with("kms:KeyOrigin", "AWS_KMS")
        .with("kms:MultiRegion", "false")
}

/// Answers one operation; `body` is the request's JSON object.
pub(crate) fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    timeline::catch_up(&call.sim);
    match call.operation.as_str() {
        "DescribeKey" => describe_key(call, body),
        other => {
            let message = format!("The operation {other} is not implemented by this simulator");
            Err(ApiError::new("UnknownOperationException", message))
        }
    }
}

fn describe_key(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let asked = match body.get("KeyId") {
        None | Some(Value::Null) => {
            let message = "1 validation error detected: Value null at 'keyId' failed to satisfy \
                           constraint: Member must not be null";
            return Err(ApiError::new("ValidationException", message));
        }
        Some(Value::String(it)) => within_bounds(it)?,
        Some(_) => {
            let message = "KeyId is not a string";
            return Err(ApiError::new("SerializationException", message));
        }
    };
    let sim = &call.sim;
    let (named, account) = read(call, asked)?;
    let all = std::iter::once(ebs(sim)).chain(sim.keys.iter().map(Found::of));
    let found = all.filter(|it| it.account == account).find(|it| match &named {
        Named::Id(id) => it.id(sim) == *id,
        Named::Alias(alias) => it.name == *alias,
    });
    // A key that is not there cannot allow anything either: who asks is looked at first.
    let resource = match (&found, &named) {
        (Some(it), _) => it.arn(sim),
        (None, Named::Id(id)) => arn_of(sim, &account, &format!("key/{id}")),
        (None, Named::Alias(alias)) => arn_of(sim, &account, &format!("alias/{alias}")),
    };
    let request_alias = match &named {
        Named::Alias(it) => Some(format!("alias/{it}")),
        Named::Id(_) => None,
    };
    let facts = Facts { request_alias, ..Facts::default() };
    call.authorize("kms:DescribeKey", Some(&resource), &facts)?;
    absent::check_body(body, &["GrantTokens"], "UnsupportedOperationException")?;
    let found = found.ok_or_else(|| {
        let message = match &named {
            Named::Id(_) => format!("Key '{resource}' does not exist"),
            Named::Alias(_) => format!("Alias {resource} is not found."),
        };
        ApiError::new("NotFoundException", message)
    })?;
    Ok(json!({ "KeyMetadata": found.metadata(call) }))
}

/// "Minimum length of 1. Maximum length of 2048." (DescribeKey reference, KeyId)
fn within_bounds(id: &str) -> Result<&str, ApiError> {
    let bound = match id.chars().count() {
        0 => "greater than or equal to 1",
        2049.. => "less than or equal to 2048",
        _ => return Ok(id),
    };
    let message = format!(
        "1 validation error detected: Value '{id}' at 'keyId' failed to satisfy constraint: Member \
         must have length {bound}"
    );
    Err(ApiError::new("ValidationException", message))
}

/// Reads a key's id, its ARN, its alias or that one's ARN, and whose key it is.
fn read(call: &Call, asked: &str) -> Result<(Named, String), ApiError> {
    let not_found = |message: String| ApiError::new("NotFoundException", message);
    let own = call.sim.account.clone();
    let (resource, account) = match asked.strip_prefix("arn:") {
        None => (asked, own),
        Some(rest) => match rest.split(':').collect::<Vec<_>>()[..] {
            [_, "kms", region, account, resource] if region == call.sim.region => {
                (resource, account.to_owned())
            }
            [_, "kms", region, _, _] => return Err(not_found(format!("Invalid arn {region}"))),
            _ => {
                let message = format!("{asked} is not a valid ARN");
                return Err(ApiError::new("InvalidArnException", message));
            }
        },
    };
    if let Some(alias) = resource.strip_prefix("alias/") {
        return Ok((Named::Alias(alias.to_owned()), account));
    }
    let is_arn = asked.starts_with("arn:");
    let id = resource.strip_prefix("key/").filter(|_| is_arn).or((!is_arn).then_some(resource));
    let is_id =
        |it: &&str| it.len() == 36 && it.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    let id = id.filter(is_id).ok_or_else(|| not_found(format!("Invalid keyId '{asked}'")))?;
    Ok((Named::Id(id.to_owned()), account))
}

fn ebs(sim: &Simulator) -> Found<'_> {
    Found { name: EBS, account: &sim.account, state: KeyState::Enabled }
}

fn find<'a>(sim: &'a Simulator, name: &str) -> Option<Found<'a>> {
    sim.keys.iter().find(|it| it.name == name).map(Found::of)
}

fn arn_of(sim: &Simulator, account: &str, resource: &str) -> String {
    format!("arn:aws:kms:{}:{account}:{resource}", sim.region)
}

impl<'a> Found<'a> {
    fn of(key: &'a Key) -> Self {
        Self { name: &key.name, account: &key.account, state: key.state }
    }

    fn id(&self, sim: &Simulator) -> String {
        ids::named_uuid(sim.seed, "key", self.name)
    }

    fn arn(&self, sim: &Simulator) -> String {
        arn_of(sim, self.account, &format!("key/{}", self.id(sim)))
    }

    fn metadata(&self, call: &Call) -> Value {
        let sim = &call.sim;
        let epoch = sim.clock.epoch().as_second();
        let is_aws = self.name == EBS;
        let about_ebs = "Default key that protects my EBS volumes when no other key is defined";
        let mut res = json!({
            "AWSAccountId": self.account,
            "KeyId": self.id(sim),
            "Arn": self.arn(sim),
            "CreationDate": epoch - DELETION,
            "Enabled": self.state == KeyState::Enabled,
            "Description": if is_aws { about_ebs } else { "" },
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": match self.state {
                KeyState::Enabled => "Enabled",
                KeyState::Disabled => "Disabled",
                KeyState::PendingDeletion => "PendingDeletion",
            },
            "Origin": "AWS_KMS",
            "KeyManager": if is_aws { "AWS" } else { "CUSTOMER" },
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": false,
        });
        // "Present only when the KMS key is scheduled for deletion" (KeyMetadata reference).
        if self.state == KeyState::PendingDeletion {
            res["DeletionDate"] = json!(epoch + DELETION);
        }
        res
    }
}
