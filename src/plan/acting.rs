//! Whose permissions the steps of a runbook have, as its content and its parameters say. It does not
//! know whether that role is there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BadParameter, Declared, Document, Note, Parameters, Scope};

/// The parameter of the role that the steps act as, by the convention of every runbook of AWS's.
pub const ASSUME_ROLE: &str = "AutomationAssumeRole";

/// What a runbook has for `assumeRole`. What it comes to is kept nowhere: that hangs on parameters,
/// which may be secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssumeRole {
    /// As the content has it: an ARN, `{{ Parameter }}`, or empty.
    pub text: String,
    /// The parameters that stand in it, and what each is where it is not given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, String>,
}

/// Whose permissions the steps of a runbook have: a role's that `assumeRole` names, which the caller
/// has to be allowed to pass, and otherwise those of whoever starts it (Automation guide, setting
/// up).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acting {
    /// The role of this ARN.
    Role(String),
    /// Whoever starts it. This parameter would name a role, if any does.
    Starter { parameter: Option<String> },
    /// The content was not read, and no parameter has the name that names a role by convention.
    Unread,
    /// What it has for a role is the ARN of none before it is started. UNVERIFIED: that variables such
    /// as `{{ global:ACCOUNT_ID }}` may stand there.
    Unresolved { text: String, parameter: Option<String> },
}

impl AssumeRole {
    /// Returns what a content has that declares these parameters.
    pub fn of(text: &str, declared: &BTreeMap<String, Declared>) -> Self {
        let default = |it: &Declared| it.default.clone().unwrap_or_default();
        let named = placeholders(text).filter_map(|it| Some((it, declared.get(it)?)));
        let defaults = named.map(|(name, it)| (name.to_owned(), default(it))).collect();
        Self { text: text.trim().to_owned(), defaults }
    }

    fn with(&self, given: &Parameters) -> Acting {
        let mut res = self.text.clone();
        for name in placeholders(&self.text) {
            let value = match (given.0.get(name), self.defaults.get(name)) {
                (_, None) => continue, // a variable of the service's, or of Parameter Store
                (Some(values), _) => values.first().map_or("", String::as_str),
                (None, Some(default)) => default.as_str(),
            };
            let open = format!("{{{{{name}}}}}");
            res = squeezed(&res).replace(&open, value.trim());
        }
        let parameter = self.alone().map(ToOwned::to_owned);
        match res.as_str() {
            "" => Acting::Starter { parameter },
            it if is_role(it) => Acting::Role(res),
            _ => Acting::Unresolved { text: self.text.clone(), parameter },
        }
    }

    /// Returns the parameter that is all that stands there, if it is so.
    fn alone(&self) -> Option<&str> {
        placeholders(&self.text).next().filter(|it| {
            self.defaults.contains_key(*it) && squeezed(&self.text) == format!("{{{{{it}}}}}")
        })
    }
}

/// Holds what is given for the role that the steps of a runbook act as against what names one: of the
/// parameter that is called so by convention, and of the one that its content has.
pub fn check_roles(content: Option<&AssumeRole>, given: &Parameters) -> Result<(), BadParameter> {
    let own = content.and_then(AssumeRole::alone).filter(|it| *it != ASSUME_ROLE);
    [ASSUME_ROLE].into_iter().chain(own).try_for_each(|it| given.check_role(it))
}

impl Acting {
    /// Returns whose permissions the steps have that are given these parameters; `None` stands for a
    /// content that was not read, where only the parameter can tell that is called so by convention.
    pub fn of(content: Option<&AssumeRole>, given: &Parameters) -> Self {
        if let Some(content) = content {
            return content.with(given);
        }
        match given.0.get(ASSUME_ROLE).and_then(|it| it.first()) {
            Some(value) if !value.is_empty() => {
                let defaults = BTreeMap::from([(ASSUME_ROLE.to_owned(), String::new())]);
                AssumeRole { text: format!("{{{{ {ASSUME_ROLE} }}}}"), defaults }.with(given)
            }
            Some(_) | None => Self::Unread,
        }
    }

    /// Returns the role, if one is known.
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Role(arn) => Some(arn),
            Self::Starter { .. } | Self::Unread | Self::Unresolved { .. } => None,
        }
    }

    /// Returns why nobody can tell which role has to be passed, if it is so.
    pub fn open(&self, document: &str) -> Option<String> {
        match self {
            Self::Role(_) | Self::Starter { .. } => None,
            Self::Unread => Some(format!(
                "which role the steps of {document} act as cannot be told: its content was not read"
            )),
            Self::Unresolved { text, .. } => Some(format!(
                "which role the steps of {document} act as cannot be told before it is started: \
                 `{text}` is not the ARN of one"
            )),
        }
    }

    /// Returns what the reader of a plan should know of it.
    pub(super) fn note(&self, document: &str) -> Option<Note> {
        let text = match self {
            Self::Role(_) => return None,
            Self::Starter { parameter: Some(name) } => format!(
                "{name} is empty: the steps of {document} act with the permissions of whoever \
                 starts it; --param {name}=ARN names a role that they act as"
            ),
            Self::Starter { parameter: None } => format!(
                "{document} names no role: its steps act with the permissions of whoever starts it"
            ),
            Self::Unread => format!(
                "{}; unless it names one, they act with the permissions of whoever starts it",
                self.open(document)?
            ),
            Self::Unresolved { .. } => self.open(document)?,
        };
        Some(Note::new("automation.role", text))
    }
}

impl Document {
    /// Returns whose permissions its steps have, if it is a runbook.
    pub fn acting(&self) -> Option<Acting> {
        let automation = self.automation.as_ref()?;
        Some(Acting::of(automation.assume_role.as_ref(), &self.parameters))
    }

    /// Returns the role that is passed to its steps, if one is known.
    pub fn passed_role(&self) -> Option<String> {
        self.acting()?.role().map(ToOwned::to_owned)
    }
}

/// Returns the names between double braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|it| Some(it.split_once("}}")?.0.trim()))
}

/// Returns the text without spaces, of which an ARN has none.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A pattern is no role: in a policy it would be many.
fn is_role(text: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_+=,.@:/-".contains(it);
    let is_global = text.split(':').nth(3) == Some("");
    let is_whole = text.starts_with("arn:aws") && is_global && !text.ends_with('/');
    is_whole && text.chars().all(is_plain) && Scope::of_role(text, "").is_some()
}

/// Returns whether a parameter of this value may name a role, or none. Variables of the service's and
/// of Parameter Store, such as `{{ global:ACCOUNT_ID }}` and `{{ ssm:name }}`, are known to the service
/// alone (Automation guide, system variables).
pub(super) fn may_be_role(value: &str) -> bool {
    let has_variable = placeholders(value).any(|it| it.contains(':'));
    value.is_empty() || has_variable || is_role(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/ops/runbooks";

    fn acting(text: &str, declared: &[(&str, Option<&str>)], given: &[(&str, &str)]) -> Acting {
        let one = |(name, default): &(&str, Option<&str>)| {
            let default = default.map(ToOwned::to_owned);
            ((*name).to_owned(), Declared { default, ..Declared::default() })
        };
        let declared: BTreeMap<_, _> = declared.iter().map(one).collect();
        Acting::of(Some(&AssumeRole::of(text, &declared)), &parameters(given))
    }

    fn parameters(given: &[(&str, &str)]) -> Parameters {
        given.iter().map(|(name, it)| ((*name).to_owned(), vec![(*it).to_owned()])).collect()
    }

    fn starter(parameter: Option<&str>) -> Acting {
        Acting::Starter { parameter: parameter.map(ToOwned::to_owned) }
    }

    #[test]
    fn the_role_is_the_one_that_the_content_names() {
        let role = Acting::Role(ROLE.to_owned());
        assert_eq!(acting(ROLE, &[], &[]), role);
        let own = [("MyRole", None)];
        assert_eq!(acting("{{ MyRole }}", &own, &[("MyRole", ROLE)]), role);
        assert_eq!(acting("{{MyRole}}", &[("MyRole", Some(ROLE))], &[]), role);
        let path = "arn:aws:iam::123456789012:role/{{ Path }}/runbooks";
        assert_eq!(acting(path, &[("Path", Some("ops"))], &[]), role);
    }

    #[test]
    fn without_a_role_the_steps_act_as_whoever_starts_them() {
        assert_eq!(acting("", &[], &[]), starter(None));
        // A parameter that the content makes no use of names nothing.
        let unused = [(ASSUME_ROLE, Some(""))];
        assert_eq!(acting("", &unused, &[(ASSUME_ROLE, ROLE)]), starter(None));
        let own = [("MyRole", Some(ROLE))];
        assert_eq!(acting("{{ MyRole }}", &own, &[("MyRole", "")]), starter(Some("MyRole")));
    }

    #[test]
    fn a_content_that_was_not_read_leaves_the_convention() {
        assert_eq!(Acting::of(None, &parameters(&[])), Acting::Unread);
        assert_eq!(Acting::of(None, &parameters(&[("MyRole", ROLE)])), Acting::Unread);
        let given = parameters(&[(ASSUME_ROLE, ROLE)]);
        assert_eq!(Acting::of(None, &given).role(), Some(ROLE));
    }

    #[test]
    fn what_is_given_for_a_role_is_the_arn_of_one_or_known_to_the_service_alone() {
        let own = BTreeMap::from([("MyRole".to_owned(), Declared::default())]);
        let content = AssumeRole::of("{{ MyRole }}", &own);
        let check = |name: &str, value: &str, is_good: bool| {
            let refused = check_roles(Some(&content), &parameters(&[(name, value)])).err();
            let refused = refused.map(|it| it.to_string());
            let words = format!("parameter `{name}` is `{value}`, which is not the ARN of a role");
            let is_named = |it: &str| it.starts_with(&words) && it.contains("::123456789012:role/");
            assert_eq!(refused.as_deref().map(is_named), (!is_good).then_some(true), "{refused:?}");
        };
        for name in [ASSUME_ROLE, "MyRole"] {
            check(name, ROLE, true);
            check(name, "arn:aws-us-gov:iam::123456789012:role/x", true);
            // Whoever starts it, and what Automation puts there itself.
            for known_later in ["", "{{ssm:runbooks}}", "arn:aws:iam::{{global:ACCOUNT_ID}}:role/x"]
            {
                check(name, known_later, true);
            }
            for wrong in [
                "my-role",
                "arn:aws:iam::123:role/x",
                "arn:aws:iam::123456789012:user/x",
                "arn:aws:iam::123456789012:role/",
                "arn:aws:sts::123456789012:assumed-role/x/y",
                "arn:aws:iam:us-east-1:123456789012:role/x",
                "aws:iam::123456789012:role/x",
                " arn:aws:iam::123456789012:role/x",
                "arn:aws:iam::123456789012:role/*",
                "{{ MyRole }}",
                "{{ssm:runbooks",
            ] {
                check(name, wrong, false);
            }
        }
        check("Name", "my-role", true);
        assert!(check_roles(None, &parameters(&[(ASSUME_ROLE, "my-role")])).is_err());
    }

    #[test]
    fn what_is_no_role_before_it_is_started_is_not_known() {
        let check = |text: &str, given: &[(&str, &str)]| {
            let found = acting(text, &[("MyRole", None)], given);
            assert!(
                matches!(&found, Acting::Unresolved { text: it, .. } if it == text),
                "{found:?}"
            );
        };
        check("arn:aws:iam::{{ global:ACCOUNT_ID }}:role/runbooks", &[]);
        check("{{ ssm:runbooks }}", &[]);
        check("{{ MyRole }}", &[("MyRole", "runbooks")]);
        // In a policy that would be every role.
        check("{{ MyRole }}", &[("MyRole", "arn:aws:iam::123456789012:role/*")]);
    }
}
