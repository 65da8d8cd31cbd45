//! STS: who a caller is, and the roles that they may take on.
//! It decides nothing by itself: `iam` reads the policies, `keyring` keeps the credentials.

mod parameters;

use jiff::SignedDuration;

use self::parameters::Asked;
use super::{
    api::{ApiError, Call},
    authority::{Authority, denial},
    iam::{
        self, AssumeRole, Decision, Form as DenialForm, ParameterError, Policy, PolicyKind,
        PolicySet, Principal, RoleSession, TrustPolicy,
    },
    ids,
    keyring::{Credentials, Keyring},
    wire::{form::Form, protocol::no_action, xml::Xml},
    world::World,
};

/// The roles of the account, and the keys to hand out for them.
pub(crate) struct Sts {
    roles: Vec<Role>,
}

struct Role {
    name: String,
    arn: String,
    id: String,
    trust: TrustPolicy,
    policy: Option<Policy>,
    max_session_duration: i64,
}

/// The packed form of policies and tags is opaque; their plain text is measured in its place.
const PACKED_LIMIT: usize = 4_096;

impl Sts {
    pub(crate) fn new(world: &World) -> Self {
        let role = |it: &super::world::RoleSpec| Role {
            name: it.name.clone(),
            arn: format!("arn:aws:iam::{}:role/{}", world.account, it.name),
            id: ids::principal_id(world.seed, "AROA", &it.name),
            trust: it.trust.clone(),
            policy: it.policy.clone(),
            max_session_duration: i64::try_from(it.max_session_duration.as_secs())
                .unwrap_or(i64::MAX),
        };
        Self { roles: world.roles.iter().map(role).collect() }
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
            "AssumeRole" => self.assume_role(call, keyring, form, xml),
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
        let context = caller.context(call.sim.clock.now(), &call.sim.region);
        iam::authorise_assume_role(
            &request,
            &role.trust,
            &caller.principal,
            &caller.policies,
            context,
        )
        .map_err(|it| refusal(call, it.action, &role.arn, it.decision))?;
        if asked.serial_number.is_some() {
            // No user of the simulator has an MFA device.
            let message = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
            return Err(ApiError::new("AccessDenied", message).with_status(403));
        }
        let seconds =
            iam::session_duration(asked.duration, role.max_session_duration, &caller.principal)
                .map_err(|it| bad_parameter(&it))?;
        let policy =
            asked.policy.map(iam::session_policy).transpose().map_err(|it| bad_parameter(&it))?;
        let packed = asked.packed_size();
        if packed > PACKED_LIMIT {
            let percent = packed * 100 / PACKED_LIMIT;
            let message =
                format!("Packed size of session tags consumes {percent}% of allotted space.");
            return Err(ApiError::new("PackedPolicyTooLarge", message));
        }
        let session = session(call, role, &request, policy);
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
}

/// Makes the authority of a session that was granted.
fn session(call: &Call, role: &Role, request: &AssumeRole, policy: Option<Policy>) -> Authority {
    let tags = [request.inherited_tags.as_slice(), request.tags.as_slice()].concat();
    let is_transitive = |key: &str| {
        request.inherited_tags.iter().any(|(it, _)| it == key)
            || request.transitive_tag_keys.iter().any(|it| it.eq_ignore_ascii_case(key))
    };
    let transitive_tags = tags.iter().filter(|(key, _)| is_transitive(key)).cloned().collect();
    let principal = RoleSession {
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{}/{}",
            call.sim.account, role.name, request.session_name
        ),
        role_arn: role.arn.clone(),
        id: format!("{}:{}", role.id, request.session_name),
        tags,
        issued: call.sim.clock.now(),
        mfa: false,
        source_identity: request.source_identity.clone(),
    };
    Authority {
        principal: Principal::RoleSession(principal),
        policies: PolicySet {
            identity: role.policy.iter().cloned().collect(),
            session: policy.map(|it| vec![it]),
            boundary: None,
        },
        transitive_tags,
        is_unlimited: false,
    }
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
