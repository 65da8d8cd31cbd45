//! A world whose operator can do nothing but take on one role, which sends one document.

use serde_json::{Value, json};

use super::{FleetEnv, SimProcess};

/// The role of [`Scoped`].
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/fleet";

/// The document that a role may send, named `Restart`.
pub(crate) const DOCUMENT: &str = "schemaVersion: \"2.2\"\nmainSteps:\n  - action: aws:runShellScript\n    name: run\n    \
     inputs:\n      runCommand: [\"true\"]\n";

const IDENTITIES: &str = r#"
[[document]]
name = "Restart"
file = "restart.yaml"

[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "operator.json"

[[role]]
name = "fleet"
trust = "trust.json"
policy = "role.json"
"#;

/// What differs from test to test; everything else is of the world.
pub(crate) struct Scoped {
    /// Groups, outcomes and faults, as a world has them.
    pub groups: String,
    pub document: String,
    pub trust: Value,
    pub operator: Value,
    pub role: Value,
}

impl Scoped {
    /// Returns a world of these groups, whose role may do what the statements say.
    pub(crate) fn of(groups: &str, statements: &Value) -> Self {
        let trusted = json!(["sts:AssumeRole", "sts:TagSession"]);
        Self {
            groups: groups.to_owned(),
            document: DOCUMENT.to_owned(),
            trust: policy(&json!({
                "Effect": "Allow", "Action": trusted,
                "Principal": {"AWS": "arn:aws:iam::123456789012:user/operator"},
            })),
            operator: policy(&allow(&json!("sts:AssumeRole"), ROLE)),
            role: policy(statements),
        }
    }

    /// Serves it, and returns whoever acts as its operator, with a fiftieth of fleet's own waits.
    pub(crate) fn start(&self) -> (SimProcess, FleetEnv) {
        self.start_with("", &[])
    }

    /// The same with keys of the world's own, and beside other files, which its groups may name.
    pub(crate) fn start_with(&self, keys: &str, more: &[(&str, &str)]) -> (SimProcess, FleetEnv) {
        let (trust, operator) = (self.trust.to_string(), self.operator.to_string());
        let role = self.role.to_string();
        let files = [
            ("restart.yaml", self.document.as_str()),
            ("trust.json", &trust),
            ("operator.json", &operator),
            ("role.json", &role),
        ];
        let sim = SimProcess::start(
            &format!("speed = 50.0\n{keys}\n{IDENTITIES}\n{}", self.groups),
            &[&files[..], more].concat(),
        );
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
        (sim, env)
    }
}

/// Returns a policy of one statement, or of a list of them.
pub(crate) fn policy(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Returns a statement that allows an action, or a list of them.
pub(crate) fn allow(action: &Value, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// Returns the statement that allows everything.
pub(crate) fn allow_all() -> Value {
    allow(&json!("*"), "*")
}
