//! The role that is assumed for a run: asked for once, up front, and renewed while the run lasts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::types::Tag;
use tokio::sync::watch;

use super::error::{AwsError, ErrorKind, chain, explain};

/// A session that ends sooner than this is renewed before it is used, as the SDK does.
const MARGIN: Duration = Duration::from_secs(10);

/// The role to assume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub external_id: Option<String>,
    /// `fleet-RUN_ID`, so that CloudTrail can be joined to the report.
    pub session_name: String,
    /// Seconds: 900 to 43200, and at most the role's MaxSessionDuration; 3600 for a chained role.
    pub duration: Option<i32>,
    /// An inline session policy, at most 2,048 characters: what the session may do at the most.
    pub policy: Option<String>,
    pub mfa: Option<Mfa>,
    /// Keys and values; STS takes 50 at the most.
    pub tags: Vec<(String, String)>,
    /// Keys of tags that hold for roles assumed from this session as well.
    pub transitive: Vec<String>,
    pub source_identity: Option<String>,
    /// Assume it only if the caller is of the role's account: nobody the user trusts has named it.
    pub within_account: bool,
}

/// A device and the code that it shows. A code is good for one call, and for a short while.
#[derive(Clone, PartialEq, Eq)]
pub struct Mfa {
    pub serial: String,
    pub code: String,
}

impl std::fmt::Debug for Mfa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mfa").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// Hands out the role's credentials and asks for new ones when they expire.
#[derive(Debug)]
pub(super) struct Assumed {
    sts: aws_sdk_sts::Client,
    role: Role,
    current: watch::Sender<Credentials>,
    /// The service does not take the current ones any more, whatever they say of themselves.
    is_refused: AtomicBool,
}

impl Assumed {
    /// Returns when the session ends.
    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.current.borrow().expiry()
    }

    /// Returns the device without whose code there is no other session.
    pub(super) fn device(&self) -> Option<&str> {
        self.role.mfa.as_ref().map(|it| it.serial.as_str())
    }

    /// Has the next call open a new session. Returns whether there can be one.
    pub(super) fn renew(&self) -> bool {
        if self.role.mfa.is_some() {
            return false;
        }
        self.is_refused.store(true, Ordering::Relaxed);
        true
    }

    /// Returns the session's credentials, those of a new one if it has ended.
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let current = self.current.borrow().clone();
        let is_over = current
            .expiry()
            .is_some_and(|it| it <= SystemTime::from(jiff::Timestamp::now()) + MARGIN);
        if !self.is_refused.swap(false, Ordering::Relaxed) && !is_over {
            return Ok(current);
        }
        if self.role.mfa.is_some() {
            // The service is to say that it is over: by this machine's clock it may be wrong.
            return Ok(current);
        }
        let fresh = ask(&self.sts, &self.role).await.map_err(CredentialsError::provider_error)?;
        self.current.send_replace(fresh.clone());
        Ok(fresh)
    }

    /// Assumes the role now, so that a refusal is the first thing that is heard.
    pub(super) async fn assume(
        sts: aws_sdk_sts::Client,
        role: Role,
    ) -> Result<Arc<Self>, AwsError> {
        let first = ask(&sts, &role).await?;
        let (current, _) = watch::channel(first);
        Ok(Arc::new(Self { sts, role, current, is_refused: AtomicBool::new(false) }))
    }
}

/// The provider as the SDK wants it: shared and cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct AssumedProvider(pub(super) Arc<Assumed>);

impl ProvideCredentials for AssumedProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.0.credentials())
    }
}

async fn ask(sts: &aws_sdk_sts::Client, role: &Role) -> Result<Credentials, AwsError> {
    let answer = sts
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(&role.session_name)
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.duration)
        .set_policy(role.policy.clone())
        .set_serial_number(role.mfa.as_ref().map(|it| it.serial.clone()))
        .set_token_code(role.mfa.as_ref().map(|it| it.code.clone()))
        .set_source_identity(role.source_identity.clone())
        .set_tags(tags(role))
        .set_transitive_tag_keys((!role.transitive.is_empty()).then(|| role.transitive.clone()))
        .send()
        .await
        .map_err(|err| explain("AssumeRole", &err))?;
    let missing = |what: &dyn std::error::Error| AwsError {
        operation: "AssumeRole",
        kind: ErrorKind::Refused,
        code: String::new(),
        message: format!("the answer has no usable credentials: {what}"),
        request_id: None,
    };
    let Some(it) = answer.credentials else {
        return Err(missing(&CredentialsError::not_loaded_no_source()));
    };
    let expires = SystemTime::try_from(it.expiration).map_err(|err| missing(&err))?;
    let (key, secret, token) = (it.access_key_id, it.secret_access_key, it.session_token);
    Ok(Credentials::new(key, secret, Some(token), Some(expires), "fleet-assume-role"))
}

fn tags(role: &Role) -> Option<Vec<Tag>> {
    let tags = role.tags.iter().map(|(key, value)| {
        Tag::builder().key(key).value(value).build().expect("both members are set")
    });
    let tags: Vec<Tag> = tags.collect();
    (!tags.is_empty()).then_some(tags)
}

/// Says of the end of a session why no other one follows. A run cannot ask for a code: nobody may be
/// there, and a code is good for a moment.
pub(super) fn no_second_code(serial: &str, err: AwsError) -> AwsError {
    let message = format!(
        "{}: the session that a code of {serial} opened has ended, and the run cannot ask for \
         another code",
        err.message
    );
    AwsError { kind: ErrorKind::SessionOver, message, ..err }
}

/// Returns the error of a credential chain that gave nothing.
pub(super) fn no_credentials(err: &CredentialsError) -> AwsError {
    AwsError {
        operation: "the credential chain",
        kind: ErrorKind::NoCredentials,
        code: String::new(),
        message: chain(err),
        request_id: None,
    }
}
