//! Whatever the policies, nothing is allowed that one of them does not allow.
//! The model here reads statements as sets of names and shares no code with the evaluator.

use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::{
    super::{
        policy::TrustPolicy,
        principal::fixtures::{session, user},
        session::{AssumeRole, authorise_assume_role},
        trust::authorise_on_role,
    },
    *,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/web";
const ACTIONS: [&str; 5] = [
    "ssm:SendCommand",
    "ssm:ListCommands",
    "sts:AssumeRole",
    "sts:TagSession",
    "sts:SetSourceIdentity",
];
const RESOURCES: [&str; 3] = [
    ROLE,
    "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
    "arn:aws:ec2:us-east-1:1:instance/i-1",
];
const PRINCIPALS: [&str; 6] = [
    "*",
    "123456789012",
    "210987654321",
    "arn:aws:iam::123456789012:user/ann",
    "arn:aws:iam::123456789012:role/path/base",
    "arn:aws:sts::123456789012:assumed-role/base/s",
];

/// A statement as sets of names; `scope` holds resources or principals.
#[derive(Debug, Clone)]
struct Model {
    denies: bool,
    actions: Vec<&'static str>,
    scope: Vec<&'static str>,
    /// The statement counts only if a one-time code was shown.
    needs_mfa: bool,
}

impl Model {
    fn is_about(&self, action: &str, scope: &[&str]) -> bool {
        self.actions.contains(&action) && self.scope.iter().any(|it| scope.contains(it))
    }

    fn json(&self, scope_name: &str) -> serde_json::Value {
        let scope = match scope_name {
            "Principal" => serde_json::json!({"AWS": self.scope}),
            _ => serde_json::json!(self.scope),
        };
        let effect = if self.denies { "Deny" } else { "Allow" };
        let mut res =
            serde_json::json!({"Effect": effect, "Action": self.actions, scope_name: scope});
        if self.needs_mfa {
            res["Condition"] = serde_json::json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
        }
        res
    }
}

fn text(statements: &[Model], scope_name: &str) -> String {
    let statements: Vec<_> = statements.iter().map(|it| it.json(scope_name)).collect();
    serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn policy(statements: &[Model]) -> Vec<Policy> {
    let is_empty = statements.is_empty();
    if is_empty { vec![] } else { vec![Policy::parse(&text(statements, "Resource")).unwrap()] }
}

fn allows(statements: &[Model], action: &str, scope: &[&str]) -> bool {
    statements.iter().any(|it| !it.denies && it.is_about(action, scope))
        && !denies(statements, action, scope)
}

fn denies(statements: &[Model], action: &str, scope: &[&str]) -> bool {
    statements.iter().any(|it| it.denies && it.is_about(action, scope))
}

fn statements(scope: &'static [&'static str]) -> impl Strategy<Value = Vec<Model>> {
    let one = (
        prop::bool::weighted(0.2),
        subsequence(ACTIONS.to_vec(), 1..=ACTIONS.len()),
        subsequence(scope.to_vec(), 1..=scope.len()),
    );
    let plain = |(denies, actions, scope)| Model { denies, actions, scope, needs_mfa: false };
    vec(one.prop_map(plain), 0..4)
}

/// Statements of which some ask for a one-time code.
fn guarded(scope: &'static [&'static str]) -> impl Strategy<Value = Vec<Model>> {
    let guard = |(mut all, guards): (Vec<Model>, [bool; 4])| {
        all.iter_mut().zip(guards).for_each(|(it, needs_mfa)| it.needs_mfa = needs_mfa);
        all
    };
    (statements(scope), prop::array::uniform4(prop::bool::weighted(0.3))).prop_map(guard)
}

/// The statements that count, with or without a one-time code.
fn counting(statements: &[Model], has_mfa: bool) -> Vec<Model> {
    statements.iter().filter(|it| has_mfa || !it.needs_mfa).cloned().collect()
}

/// The names under which a trust policy reaches a caller.
fn names(caller: &Principal) -> Vec<&str> {
    let mut res = vec!["*"];
    res.extend(caller.account());
    res.extend(caller.arn());
    if let Principal::RoleSession(session) = caller {
        res.push(&session.role_arn);
    }
    res
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_request_is_allowed_exactly_if_every_kind_of_policy_allows_it(
        identity in statements(&RESOURCES),
        session in prop::option::of(vec(statements(&RESOURCES), 1..4)),
        boundary in prop::option::of(statements(&RESOURCES)),
        action in prop::sample::select(ACTIONS.to_vec()),
        resource in prop::sample::select(RESOURCES.to_vec()),
    ) {
        let policies = PolicySet {
            identity: policy(&identity),
            // The inline session policy and the managed ones limit together.
            session: session.as_ref().map(|it| it.iter().flat_map(|it| policy(it)).collect()),
            boundary: boundary.as_deref().map(policy),
        };
        let session = session.map(|it| it.concat());
        let context = Context::default();
        let found = evaluate(&policies, &Request { action, resource, context: &context });
        let layers = [Some(identity), session, boundary];
        let mut layers = layers.iter().flatten();
        let expected = layers.all(|it| allows(it, action, &[resource]));
        prop_assert_eq!(found.is_allowed(), expected);
    }

    #[test]
    fn a_role_is_never_assumed_against_its_trust_or_the_callers_policies(
        trust in statements(&PRINCIPALS),
        identity in statements(&RESOURCES),
        limit in prop::option::of(statements(&RESOURCES)),
        caller in prop::sample::select(vec![user("123456789012"), user("210987654321"), session()]),
        action in prop::sample::select(ACTIONS.to_vec()),
    ) {
        prop_assume!(!trust.is_empty());
        let policies = PolicySet {
            identity: policy(&identity),
            session: limit.as_deref().map(policy),
            boundary: None,
        };
        let trust_policy = TrustPolicy::parse(&text(&trust, "Principal")).unwrap();
        let context = Context::of(&caller, Timestamp::UNIX_EPOCH);
        let request = Request { action, resource: ROLE, context: &context };
        let found = authorise_on_role(&trust_policy, &caller, &policies, &request);

        let names = names(&caller);
        let trusted = allows(&trust, action, &names);
        let own = allows(&identity, action, &[ROLE]);
        let within_limit = limit.as_ref().is_none_or(|it| allows(it, action, &[ROLE]));
        let denied = denies(&identity, action, &[ROLE])
            || limit.as_ref().is_some_and(|it| denies(it, action, &[ROLE]));
        if found.is_allowed() {
            prop_assert!(trusted && !denied);
            let by_account = caller.account() != Some("123456789012")
                || !allows(&trust, action, &names.iter().copied().filter(|it| it.len() != 12).collect::<Vec<_>>());
            prop_assert!(!by_account || own);
            let by_itself = caller.arn().is_some_and(|it| allows(&trust, action, &[it]));
            prop_assert!(by_itself || within_limit);
        } else {
            prop_assert!(!(trusted && own && within_limit));
        }
    }

    #[test]
    fn a_role_is_assumed_only_if_each_action_behind_the_call_is_allowed(
        trust in guarded(&PRINCIPALS),
        identity in guarded(&RESOURCES),
        caller in prop::sample::select(vec![user("123456789012"), user("210987654321"), session()]),
        tags in vec(("[a-c]", "[x-z]"), 0..2),
        inherited_tags in vec(("[a-c]", "[x-z]"), 0..2),
        source_identity in prop::option::of(Just("ann".to_owned())),
        has_mfa: bool,
    ) {
        prop_assume!(!trust.is_empty());
        let mut needed = vec!["sts:AssumeRole"];
        if !tags.is_empty() || !inherited_tags.is_empty() {
            needed.push("sts:TagSession");
        }
        if source_identity.is_some() {
            needed.push("sts:SetSourceIdentity");
        }
        let call = AssumeRole {
            role_arn: ROLE.to_owned(),
            tags,
            inherited_tags,
            source_identity,
            has_mfa,
            ..AssumeRole::default()
        };
        let policies = PolicySet { identity: policy(&identity), ..PolicySet::default() };
        let trust_policy = TrustPolicy::parse(&text(&trust, "Principal")).unwrap();
        let context = Context::of(&caller, Timestamp::UNIX_EPOCH);
        let found = authorise_assume_role(&call, &trust_policy, &caller, &policies, context);

        let (trust, identity) = (counting(&trust, has_mfa), counting(&identity, has_mfa));
        let names = names(&caller);
        let trusted = needed.iter().all(|it| allows(&trust, it, &names));
        let denied = needed.iter().any(|it| denies(&identity, it, &[ROLE]));
        let own = needed.iter().all(|it| allows(&identity, it, &[ROLE]));
        if found.is_ok() {
            prop_assert!(trusted && !denied);
            prop_assert!(own || caller.account() == Some("123456789012"));
            prop_assert!(
                call.source_identity.is_none()
                    || allows(&identity, "sts:SetSourceIdentity", &[ROLE])
            );
        } else {
            prop_assert!(!(trusted && own));
        }
    }

    #[test]
    fn a_session_of_a_role_may_do_no_more_than_trust_role_and_session_policy_allow(
        trust in statements(&PRINCIPALS),
        role in statements(&RESOURCES),
        limit in statements(&RESOURCES),
        action in prop::sample::select(ACTIONS.to_vec()),
        resource in prop::sample::select(RESOURCES.to_vec()),
    ) {
        prop_assume!(!trust.is_empty());
        let caller = user("123456789012");
        let everything =
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let own =
            PolicySet { identity: vec![Policy::parse(everything).unwrap()], ..PolicySet::default() };
        let trust_policy = TrustPolicy::parse(&text(&trust, "Principal")).unwrap();
        let context = Context::of(&caller, Timestamp::UNIX_EPOCH);
        let assume = Request { action: "sts:AssumeRole", resource: ROLE, context: &context };
        let assumed = authorise_on_role(&trust_policy, &caller, &own, &assume).is_allowed();

        let of_session =
            PolicySet { identity: policy(&role), session: Some(policy(&limit)), boundary: None };
        let context = Context::of(&session(), Timestamp::UNIX_EPOCH);
        let request = Request { action, resource, context: &context };
        let allowed = assumed && authorise(&session(), &of_session, &request).is_allowed();
        let expected = allows(&trust, "sts:AssumeRole", &names(&caller))
            && allows(&role, action, &[resource])
            && allows(&limit, action, &[resource]);
        prop_assert_eq!(allowed, expected);
    }
}
