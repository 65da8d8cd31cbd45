//! What a role's session may do at the most: made from what the command is for, and from the plan
//! once there is one. It says nothing of what the role itself may do.

use std::path::Path;

use super::{access::SessionPolicy, args::Origin, planning::by_itself};
use crate::{
    aws::{Access, Aws},
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{
        ASSUME_ROLE, Acting, DocumentKind, Documents, LONGEST_SESSION_POLICY, Outputs, Plan,
        PolicyTooLong, Scope, Selector, document_policy, planning_actions, reading_policy,
        replacing_policy, rescue_policy, session_permissions, session_policy,
    },
    rescue::RUNBOOK,
};

/// What a connection is for: all that a role's session will be able to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To read what a plan is made of.
    Read,
    /// To read by these actions.
    Look { actions: &'a [&'static str] },
    /// To start the runbook of a rescue as this role, if there is one, and to change these groups and
    /// their instances, and back.
    /// The document that tells afterwards whether anything is left is sent, if there is one.
    Rescue { groups: &'a [String], role: Option<&'a str>, online: Option<&'a str> },
    /// To have these groups replace their members.
    Replace { groups: &'a [String] },
    /// To follow what was sent to whom the selector names, and to cancel it.
    /// Output is fetched from where `outputs` says.
    Follow { selector: &'a Selector, kind: DocumentKind, outputs: &'a Outputs },
    /// To send these documents to what the selector names, to follow, and to read.
    Run {
        selector: &'a Selector,
        documents: Documents<'a>,
        /// What the selector's instances were once selected by; a policy can name it where it
        /// cannot name all of them.
        wider: Option<&'a Selector>,
        outputs: &'a Outputs,
    },
    /// To read what the plans of several runs are made of, each of which sends in a session that is
    /// made for it.
    Runs,
    /// To read documents, and to publish those of these names.
    Documents { published: &'a [&'a str] },
}

/// What has to be read before it is known what a session is to send, or to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// Groups that are selected by tags have no names before they are read.
    Groups,
    /// Which of two documents runs a command is known when the platform is.
    Document,
    Both,
    /// There are several runs.
    Runs,
}

impl Purpose<'_> {
    /// Returns as what documents can be sent.
    pub(super) fn kind(&self) -> DocumentKind {
        match self {
            Self::Run { documents, .. } => documents.kind,
            Self::Follow { kind, .. } => *kind,
            Self::Rescue { .. } => DocumentKind::Automation,
            Self::Replace { .. } => DocumentKind::Replacement,
            Self::Read | Self::Look { .. } | Self::Runs | Self::Documents { .. } => {
                DocumentKind::Command
            }
        }
    }

    /// Returns the role that may be passed to the steps of a runbook.
    pub(super) fn role(&self) -> Option<&str> {
        match self {
            Self::Run { documents, .. } => documents.role,
            Self::Rescue { role, .. } => *role,
            Self::Read
            | Self::Look { .. }
            | Self::Replace { .. }
            | Self::Follow { .. }
            | Self::Runs
            | Self::Documents { .. } => None,
        }
    }

    /// Returns what has to be read first, if anything has to.
    pub(super) fn open(&self) -> Option<Open> {
        let (selector, documents) = match self {
            Self::Run { selector, documents, .. } => (selector, documents),
            Self::Runs => return Some(Open::Runs),
            Self::Read
            | Self::Look { .. }
            | Self::Rescue { .. }
            | Self::Replace { .. }
            | Self::Follow { .. }
            | Self::Documents { .. } => return None,
        };
        match (selector.group_tags.is_empty(), documents.names.len() <= 1) {
            (true, true) => None,
            (false, true) => Some(Open::Groups),
            (true, false) => Some(Open::Document),
            (false, false) => Some(Open::Both),
        }
    }
}

impl Open {
    /// Returns what one session for reading and sending may do that a second one need not.
    pub(super) fn without_a_second_code(self) -> &'static str {
        match self {
            Self::Groups => {
                "the role's session may send to the instances of any Auto Scaling group: to narrow \
                 it to the groups that the tag names would take a second code of the device"
            }
            Self::Document => {
                "the role's session may send AWS-RunShellScript and AWS-RunPowerShellScript: to \
                 narrow it to the one that is sent would take a second code of the device, and \
                 --doc says it beforehand"
            }
            Self::Both => {
                "the role's session may send AWS-RunShellScript and AWS-RunPowerShellScript to the \
                 instances of any Auto Scaling group: to narrow it to what is sent would take a \
                 second code of the device"
            }
            Self::Runs => "the role's session may read, and send nothing",
        }
    }
}

/// The way to a session that sends, for whoever has one that only reads, or sends commands.
#[derive(Debug)]
pub(super) struct Sender {
    pub access: Access,
    pub role_arn: String,
    pub region: String,
    /// What the instances were once selected by; a policy can name it where it cannot name all of
    /// them.
    pub wider: Option<Selector>,
}

impl Sender {
    /// Assumes the role again, narrowed to the plan.
    pub(super) async fn open(
        self,
        plan: &Plan,
        groups: &[String],
        terminal: &mut Terminal,
    ) -> Result<Aws, Error> {
        let Self { mut access, role_arn, region, wider } = self;
        let selector = plan.selector.naming(groups);
        let names = [plan.document.name.as_str()];
        let role = plan.document.passed_role();
        let documents =
            Documents { names: &names, kind: plan.document.kind(), role: role.as_deref() };
        let (selector, outputs) = (&selector, &plan.outputs);
        let purpose = Purpose::Run { selector, documents, wider: wider.as_ref(), outputs };
        let narrowed = policy(&SessionPolicy::Plan, &role_arn, &region, purpose, terminal)?;
        if let Some(role) = &mut access.role {
            role.policy = narrowed;
        }
        Ok(Aws::connect(&access).await?)
    }
}

/// What a role's session is narrowed to: a session that sends commands starts no runbook, and one that
/// starts a runbook passes it no other role. What a document is, and whom its content names, is often
/// known only when the session is there already.
#[derive(Debug)]
pub(super) struct Narrowing {
    pub kind: DocumentKind,
    /// The role that may be passed to the steps of a runbook.
    pub role: Option<String>,
    /// How to open a session for something else; `None` where that would take a second code.
    pub other: Option<Sender>,
}

impl Narrowing {
    /// Returns whether the session is one that can send what the plan says.
    pub(super) fn fits(&self, plan: &Plan) -> bool {
        self.kind == plan.document.kind() && self.role == plan.document.passed_role()
    }

    /// Returns whether the plan can be carried out.
    ///
    /// # Errors
    /// If the steps of a runbook would act with a session that may do nothing but start them:
    /// without a role of their own they have the permissions of whoever starts them (Automation
    /// guide, setting up). Or if nobody can tell which role has to be passed to them.
    pub(super) fn admit(&self, plan: &Plan, origin: &Origin) -> Result<(), Error> {
        let name = &plan.document.name;
        let Some(acting) = plan.document.acting() else { return Ok(()) };
        if acting.role().is_none() {
            return Err(unpassed(name, &acting, origin));
        }
        if self.fits(plan) || self.other.is_some() {
            return Ok(());
        }
        let (narrowed_to, hint) = match self.kind {
            DocumentKind::Automation => (
                "passing its steps another role than the one that they act as",
                "--session-policy none lets the role alone decide".to_owned(),
            ),
            DocumentKind::Command | DocumentKind::Replacement => {
                ("sending commands", "pass --automation".to_owned())
            }
        };
        let message = format!(
            "{name} is a runbook, and the role's session is narrowed to {narrowed_to}: another one \
             would take a second code of the device"
        );
        Err(Error::new(Exit::Usage, message).hint(hint))
    }
}

/// Says why the steps of a runbook could do nothing under a narrowed session, and what lets them.
pub(super) fn unpassed(name: &str, acting: &Acting, origin: &Origin) -> Error {
    let message = match acting.open(name) {
        Some(why) => {
            format!(
                "{why}, and the role's session is narrowed to passing them a role that is known"
            )
        }
        None => format!(
            "the role's session is narrowed to starting {name}, and without a role of their own its \
             steps would act with that session: they would be denied"
        ),
    };
    let err = Error::new(Exit::Setup, message);
    let parameter = match acting {
        Acting::Starter { parameter } | Acting::Unresolved { parameter, .. } => {
            parameter.as_deref()
        }
        Acting::Unread => Some(ASSUME_ROLE),
        Acting::Role(_) => None,
    };
    let err = match (parameter, origin) {
        (Some(it), Origin::Then { passed }) if !passed.iter().any(|of| of == it) => {
            err.hint(by_itself(name, "--param"))
        }
        (Some(it), _) if *acting == Acting::Unread => err.hint(format!(
            "--param {it}=ARN names it where {name} has that parameter, as every runbook of AWS's"
        )),
        (Some(it), _) => err.hint(format!("--param {it}=ARN names the role that the steps act as")),
        (None, _) if matches!(acting, Acting::Starter { .. }) => {
            err.hint(format!("{name} takes none: only its content, as assumeRole, could name one"))
        }
        (None, _) => err,
    };
    err.hint("--session-policy none lets them do all that the assumed role may")
}

/// Returns why a code of a device does not do for two runs.
pub(super) fn one_code() -> Error {
    let message = "--then takes a session of its own, and a code of the device opens one";
    Error::new(Exit::Usage, message).hint(
        "leave --then out (`fleet retry` does with --no-then), and run its document with the next \
         code",
    )
}

/// Returns the session policy that the user wants, `None` for the role's own permissions.
pub(super) fn policy(
    wanted: &SessionPolicy,
    role_arn: &str,
    region: &str,
    purpose: Purpose<'_>,
    terminal: &mut Terminal,
) -> Result<Option<String>, Error> {
    match wanted {
        SessionPolicy::None => return Ok(None),
        SessionPolicy::File(path) => return policy_in(path).map(Some),
        SessionPolicy::Plan => {}
    }
    let scope = Scope::of_role(role_arn, region).ok_or_else(|| {
        Error::new(Exit::Usage, format!("`{role_arn}` is not the ARN of a role"))
            .hint("a role's ARN is arn:aws:iam::ACCOUNT:role/NAME")
    })?;
    let (selector, documents, wider, outputs) = match purpose {
        Purpose::Read | Purpose::Runs => return Ok(Some(reading_policy(&planning_actions()))),
        Purpose::Look { actions } => return Ok(Some(reading_policy(actions))),
        Purpose::Rescue { groups, role, online } => {
            let start = role.map(|it| (RUNBOOK, it));
            return rescue_policy(&scope, groups, start, online)
                .map(Some)
                .map_err(|it| too_long(&it));
        }
        Purpose::Replace { groups } => {
            return replacing_policy(&scope, groups).map(Some).map_err(|it| too_long(&it));
        }
        Purpose::Follow { selector, kind, outputs } => {
            (selector, Documents { kind, ..Documents::default() }, None, outputs)
        }
        Purpose::Run { selector, documents, wider, outputs } => {
            (selector, documents, wider, outputs)
        }
        Purpose::Documents { published } => {
            return document_policy(&scope, published).map(Some).map_err(|it| too_long(&it));
        }
    };
    let permissions = session_permissions(selector, documents.kind, outputs);
    let narrowed_to = |it| session_policy(&scope, it, documents, &permissions, outputs);
    let res = narrowed_to(selector).or_else(|err| {
        // Ids would be no shorter, and tags of groups name none before they are read.
        let is_named = |it: &&Selector| it.instances.is_empty() && it.group_tags.is_empty();
        let wider = wider.filter(is_named).ok_or_else(|| err.clone())?;
        let policy = narrowed_to(wider).map_err(|_| err)?;
        terminal.note(&format!(
            "the role's session may send to all of {wider}: no session policy has room for the \
             ids of {} instances",
            selector.instances.len()
        ));
        Ok(policy)
    });
    match res {
        Ok(policy) => {
            policy.folded.iter().for_each(|it| terminal.note(it));
            Ok(Some(policy.json))
        }
        Err(err) => Err(too_long(&err)),
    }
}

/// Says that a selection cannot be put into a session policy, and what can be done about it.
pub(super) fn too_long(err: &PolicyTooLong) -> Error {
    Error::of(Exit::Setup, err).hint(
        "name fewer of them at a time, select whole groups rather than instances, or let the role \
         alone decide: --session-policy none",
    )
}

/// Reads a session policy of the user's own.
pub(super) fn policy_in(path: &Path) -> Result<String, Error> {
    let refused = |message: String| Error::new(Exit::Usage, message);
    let text = std::fs::read_to_string(path).map_err(|err| {
        refused(format!("could not read the session policy {}", path.display())).because(&err)
    })?;
    let length = text.chars().count();
    if length > LONGEST_SESSION_POLICY {
        let message = format!(
            "the session policy {} has {length} characters, and STS takes {LONGEST_SESSION_POLICY}",
            path.display()
        );
        return Err(refused(message).hint("spaces and line ends count: `jq -c` takes them out"));
    }
    Ok(text)
}
