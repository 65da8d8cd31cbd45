//! What a caller may do: a principal with its policies, and the decision on one action.
//! It identifies no one: `keyring` does.

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use jiff::{SignedDuration, Timestamp};

use super::{
    api::{ApiError, Call, Caller},
    iam::{self, Context, Decision, Form, Policy, PolicySet, Principal, Request, User},
    ids, kms,
    world::UserSpec,
};

/// A principal and the policies that bear on it.
#[derive(Debug)]
pub(crate) struct Authority {
    pub principal: Principal,
    pub policies: PolicySet,
    /// Session tags that a further AssumeRole inherits.
    pub transitive_tags: Vec<(String, String)>,
    /// What a user has at hand to prove who they are; a session has none.
    pub mfa: Option<MfaDevice>,
    /// Everything is allowed, by a policy that need not be read for each of 10,000 instances.
    pub is_unlimited: bool,
}

/// A device for one-time codes, which shows the same one again and again.
#[derive(Debug, Clone)]
pub(crate) struct MfaDevice {
    /// Its ARN, or its number.
    pub serial: String,
    /// Six digits.
    pub code: String,
    /// When the code opened a session last.
    used: Cell<Option<Timestamp>>,
}

/// How long a device shows a code before it shows the next one (RFC 6238, which AWS's virtual devices
/// follow).
const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(30);

impl MfaDevice {
    pub(crate) fn new(serial: &str, code: &str) -> Self {
        Self { serial: serial.to_owned(), code: code.to_owned(), used: Cell::new(None) }
    }

    /// Uses the code up, and returns whether it was there to be used: once it was, the device has
    /// to show it again first.
    pub(crate) fn use_up(&self, now: Timestamp) -> bool {
        let is_spent = self.used.get().is_some_and(|it| now.duration_since(it) < CODE_LIFETIME);
        if !is_spent {
            self.used.set(Some(now));
        }
        !is_spent
    }
}

const ADMINISTRATOR: &str = "administrator";
const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

impl Authority {
    /// The caller of a world without users. It is a user, so that a role's trust policy has its
    /// say in such a world too.
    pub(crate) fn administrator(account: &str, seed: u64) -> Self {
        let policy = Policy::parse(ALLOW_ALL).expect("the administrator's policy is one");
        Self { is_unlimited: true, ..Self::user(account, seed, ADMINISTRATOR, Some(policy)) }
    }

    pub(crate) fn user(account: &str, seed: u64, name: &str, policy: Option<Policy>) -> Self {
        let user = User {
            arn: format!("arn:aws:iam::{account}:user/{name}"),
            name: name.to_owned(),
            id: ids::principal_id(seed, "AIDA", name),
            tags: Vec::new(),
        };
        Self {
            principal: Principal::User(user),
            policies: PolicySet { identity: policy.into_iter().collect(), ..Default::default() },
            transitive_tags: Vec::new(),
            mfa: None,
            is_unlimited: false,
        }
    }

    /// Returns the authority of a user that the world declares.
    pub(crate) fn of_user(account: &str, seed: u64, spec: &UserSpec) -> Self {
        let mut res = Self::user(account, seed, &spec.name, spec.policy.clone());
        if let Principal::User(it) = &mut res.principal {
            it.tags = spec.tags.clone().into_iter().collect();
        }
        res.mfa = spec.mfa.clone();
        res
    }

    /// Returns the caller that this authority makes of a request.
    pub(crate) fn caller(self: &Rc<Self>) -> Caller {
        let user_id = match &self.principal {
            Principal::User(it) => it.id.clone(),
            Principal::RoleSession(it) => it.id.clone(),
            Principal::Anyone => String::new(),
        };
        let arn = self.principal.arn().unwrap_or_default().to_owned();
        Caller { arn, user_id, authority: Rc::clone(self) }
    }

    /// Returns what every request of this principal has in common for conditions.
    pub(crate) fn context(&self, now: Timestamp, region: &str) -> Context {
        Context::of(&self.principal, now)
            .with("aws:RequestedRegion", region)
            .with("aws:SourceIp", "127.0.0.1")
    }
}

/// What conditions see of a request besides who makes it, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The resource's own tags: `ssm:resourceTag/…`, `aws:ResourceTag/…`.
    pub tags: BTreeMap<String, String>,
    /// The tags that the request puts on it: `aws:RequestTag/…`, `aws:TagKeys`.
    pub given: Vec<(String, String)>,
    /// The keys of the tags that the request takes away: `aws:TagKeys`.
    pub taken: Vec<String>,
    /// `ssm:DocumentType`
    pub document_type: Option<String>,
    /// `kms:RequestAlias`: the name by which a key was asked for.
    pub request_alias: Option<String>,
}

impl Facts {
    /// Returns what there is to see of a resource that has tags.
    pub(crate) fn of_tags(tags: BTreeMap<String, String>) -> Self {
        Self { tags, ..Self::default() }
    }

    fn add_to(&self, context: Context, service: &str) -> Context {
        let tags: Vec<(&String, &String)> = self.tags.iter().collect();
        let given = self.given.iter().map(|(key, _)| key);
        let res = context
            .with_resource_tags(service, &tags)
            .with_tags("aws:RequestTag", &self.given)
            .with_all("aws:TagKeys", given.chain(&self.taken));
        let res = match &self.document_type {
            Some(it) => res.with("ssm:DocumentType", it),
            None => res,
        };
        match &self.request_alias {
            Some(it) => res.with("kms:RequestAlias", it),
            None => res,
        }
    }
}

/// Decides on one action, and words the refusal as the service would.
pub(crate) fn authorize(
    call: &Call,
    action: &str,
    resource: Option<&str>,
    facts: &Facts,
) -> Result<(), ApiError> {
    decide(call, action, resource, facts).map_err(|(_, refusal)| refusal)
}

/// As `authorize`, for a resource of which the service asks only that nothing denies it.
pub(crate) fn heed_denial(
    call: &Call,
    action: &str,
    resource: &str,
    facts: &Facts,
) -> Result<(), ApiError> {
    match decide(call, action, Some(resource), facts) {
        Err((Decision::ExplicitDeny(_), refusal)) => Err(refusal),
        Err((Decision::ImplicitDeny(_) | Decision::Allowed, _)) | Ok(()) => Ok(()),
    }
}

/// What IAM itself is asked for; its denials have the form of Auto Scaling's.
const IAM_ITSELF: [&str; 2] = ["iam:GetRole", "iam:SimulatePrincipalPolicy"];

fn decide(
    call: &Call,
    action: &str,
    resource: Option<&str>,
    facts: &Facts,
) -> Result<(), (Decision, ApiError)> {
    debug_assert!(iam::actions().contains(&action), "no policy may be about {action}");
    if call.caller.authority.is_unlimited {
        return Ok(());
    }
    let service = action.split(':').next().unwrap_or_default();
    let (form, stand_in) = match service {
        // Roles are passed to SSM alone, and it answers.
        "ssm" | "iam" if !IAM_ITSELF.contains(&action) => {
            let all = format!("arn:aws:ssm:{}:{}:*", call.sim.region, call.sim.account);
            (Form::Ssm, Some(all))
        }
        // It names its resource itself.
        "cloudwatch" => (Form::Ssm, None),
        "logs" | "kms" => (Form::Ssm, None),
        "s3" => (Form::S3, None),
        "autoscaling" | "iam" => (Form::AutoScaling, None),
        "ec2" => (Form::Ec2, None),
        // The other services' denials have the form of STS's.
        _ => (Form::Sts, None),
    };
    let named = resource.map(str::to_owned).or(stand_in);
    let authority = &call.caller.authority;
    let context = authority.context(call.sim.clock.now(), &call.sim.region);
    let context = facts.add_to(context, service);
    let context =
        if service == "kms" { kms::with_facts(context, &call.sim.account) } else { context };
    let context = match action {
        "iam:PassRole" => context.with("iam:PassedToService", "ssm.amazonaws.com"),
        "iam:CreateServiceLinkedRole" => context.with("iam:AWSServiceName", "ssm.amazonaws.com"),
        _ => context, // of no other action does anything else follow
    };
    let request = Request { action, resource: named.as_deref().unwrap_or("*"), context: &context };
    match iam::authorise(&authority.principal, &authority.policies, &request) {
        Decision::Allowed => Ok(()),
        denied => Err((denied, denial(call, action, named.as_deref(), denied, form))),
    }
}

pub(crate) fn denial(
    call: &Call,
    action: &str,
    resource: Option<&str>,
    decision: Decision,
    form: Form,
) -> ApiError {
    let message = iam::message(&call.caller.arn, action, resource, decision, form);
    ApiError::new(form.code(), message).with_status(form.status())
}
