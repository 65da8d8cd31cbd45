//! STS: who a caller is, and the roles that they may take on.
//! It decides nothing by itself: `iam` reads the policies, `keyring` keeps the credentials.

mod mfa;
mod parameters;
mod session;
mod violations;

use jiff::SignedDuration;

use self::parameters::Asked;
use super::{
    api::{ApiError, Call},
    authority::{Authority, denial},
    iam::{
        self, AssumeRole, Decision, Form as DenialForm, ParameterError, Policy, PolicyKind,
        TrustPolicy,
    },
    ids,
    keyring::{Credentials, Keyring},
    wire::{
        form::Form,
        protocol::{no_action, not_implemented},
        xml::Xml,
    },
    world::{PolicySpec, RoleSpec, World},
};

/// The roles of the account, and the keys to hand out for them.
pub(crate) struct Sts {
    roles: Vec<Role>,
    /// Managed policies that a session can be limited with.
    policies: Vec<PolicySpec>,
    /// An administrator may deactivate STS in a region (IAM guide, managing STS in a region).
    is_active: bool,
}

struct Role {
    name: String,
    arn: String,
    id: String,
    trust: TrustPolicy,
    policy: Option<Policy>,
    max_session_duration: i64,
    tags: Vec<(String, String)>,
}

/// The operations that STS has and the simulator has not (the service model 2011-06-15).
const ABSENT: [&str; 9] = [
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
];

/// The packed form of policies and tags is opaque; their plain text is measured in its place.
const PACKED_LIMIT: usize = 4_096;

impl Sts {
    pub(crate) fn new(world: &World) -> Self {
        let role = |it: &RoleSpec| Role {
            name: it.name.clone(),
            arn: format!("arn:aws:iam::{}:role/{}", world.account, it.name),
            id: ids::principal_id(world.seed, "AROA", &it.name),
            trust: it.trust.clone(),
            policy: it.policy.clone(),
            max_session_duration: i64::try_from(it.max_session_duration.as_secs())
                .unwrap_or(i64::MAX),
            tags: it.tags.clone().into_iter().collect(),
        };
        Self {
            roles: world.roles.iter().map(role).collect(),
            policies: world.policies.clone(),
            is_active: world.sts_active,
        }
    }

    /// Answers one operation into `xml`.
    pub(crate) fn call(
        &self,
        call: &Call,
        keyring: &Keyring,
        form: &Form,
        xml: &mut Xml,
    ) -> Result<(), ApiError> {
        match call.operation.as_str() {
            // It needs no permission, and none can deny it (API reference).
            "GetCallerIdentity" => {
                xml.text("Arn", &call.caller.arn);
                xml.text("UserId", &call.caller.user_id);
                xml.text("Account", &call.sim.account);
                Ok(())
            }
            "AssumeRole" if !self.is_active => Err(region_disabled(&call.sim.account)),
            "AssumeRole" => self.assume_role(call, keyring, form, xml),
            other if ABSENT.contains(&other) => Err(not_implemented(other)),
            other => Err(no_action(other, "2011-06-15")),
        }
    }

    fn assume_role(
        &self,
        call: &Call,
        keyring: &Keyring,
        form: &Form,
        xml: &mut Xml,
    ) -> Result<(), ApiError> {
        let asked = Asked::read(form)?;
        let caller = &call.caller.authority;
        let role = self.roles.iter().find(|it| it.arn == asked.role_arn);
        // AWS answers alike for a role that does not exist and one that is out of reach.
        let Some(role) = role else {
            let decision = Decision::ImplicitDeny(PolicyKind::Resource);
            return Err(refusal(call, "sts:AssumeRole", &asked.role_arn, decision));
        };
        let request = asked.request(caller)?;
        if let Some(it) = asked.mfa {
            mfa::check(it, caller, call.sim.clock.now())?;
        }
        let context = caller
            .context(call.sim.clock.now(), &call.sim.region)
            .with_resource_tags("iam", &role.tags);
        iam::authorise_assume_role(
            &request,
            &role.trust,
            &caller.principal,
            &caller.policies,
            context,
        )
        .map_err(|it| refusal(call, it.action, &role.arn, it.decision))?;
        let seconds =
            iam::session_duration(asked.duration, role.max_session_duration, &caller.principal)
                .map_err(|it| bad_parameter(&it))?;
        let policies = self.session_policies(&asked)?;
        let packed = asked.packed_size();
        if packed > PACKED_LIMIT {
            return Err(too_large("session tags", packed, PACKED_LIMIT));
        }
        let session = session::authority(call, role, &request, policies);
        let (arn, id) = (
            session.principal.arn().unwrap_or_default().to_owned(),
            format!("{}:{}", role.id, request.session_name),
        );
        let expiration = call.sim.clock.now() + SignedDuration::from_secs(seconds);
        let credentials = keyring.mint(session, expiration, &mut call.sim.random.borrow_mut());
        write_credentials(&credentials, xml);
        xml.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &id);
            xml.text("Arn", &arn);
        });
        if packed > 0 {
            xml.value("PackedPolicySize", (packed * 100).div_ceil(PACKED_LIMIT));
        }
        if let Some(it) = &request.source_identity {
            xml.text("SourceIdentity", it);
        }
        Ok(())
    }

    /// Returns the session policies of a call, which limit the session together; none limit
    /// nothing.
    fn session_policies(&self, asked: &Asked<'_>) -> Result<Option<Vec<Policy>>, ApiError> {
        let mut res = Vec::new();
        if let Some(it) = asked.policy {
            res.push(iam::session_policy(it).map_err(|it| bad_parameter(&it))?);
        }
        for arn in &asked.policy_arns {
            // Neither the code nor the words of this refusal are documented for STS; the sentences
            // are those of IAM's AttachRolePolicy. UNVERIFIED.
            if !arn.starts_with("arn:aws:iam::") || !arn.contains(":policy/") {
                let message = format!("ARN {arn} is not valid.");
                return Err(ApiError::new("ValidationError", message));
            }
            let known = self.policies.iter().find(|it| it.arn == **arn).ok_or_else(|| {
                let message = format!("Policy {arn} does not exist or is not attachable.");
                ApiError::new("ValidationError", message)
            })?;
            res.push(known.policy.clone());
        }
        let chars = asked.policy_chars();
        if chars > iam::MAX_POLICY_CHARS {
            return Err(too_large("session policies", chars, iam::MAX_POLICY_CHARS));
        }
        Ok((!res.is_empty()).then_some(res))
    }
}

/// The words are those that users of the service have been shown. That it comes before the
/// parameters are looked at is UNVERIFIED.
fn region_disabled(account: &str) -> ApiError {
    let message = format!(
        "STS is not activated in this region for account:{account}. Your account administrator can \
         activate STS in this region using the IAM Console."
    );
    ApiError::new("RegionDisabledException", message).with_status(403)
}

fn too_large(what: &str, size: usize, limit: usize) -> ApiError {
    let percent = (size * 100).div_ceil(limit);
    let message = format!("Packed size of {what} consumes {percent}% of allotted space.");
    ApiError::new("PackedPolicyTooLarge", message)
}

fn write_credentials(credentials: &Credentials, xml: &mut Xml) {
    let expiration = credentials.expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &credentials.access_key_id);
        xml.text("SecretAccessKey", &credentials.secret_access_key);
        xml.text("SessionToken", &credentials.session_token);
        xml.text("Expiration", &expiration);
    });
}

fn refusal(call: &Call, action: &str, role_arn: &str, decision: Decision) -> ApiError {
    denial(call, action, Some(role_arn), decision, DenialForm::Sts)
}

fn bad_parameter(err: &ParameterError) -> ApiError {
    ApiError::new(err.code(), err.to_string())
}
