//! What IAM's simulator is asked, so that it is known whether a document may be sent, or a runbook be
//! started: an action, a resource, and what conditions would see.

use super::Site;
use crate::{
    aws::Opinion,
    plan::{GROUP_TAG, Resource, Target},
};

pub(super) const SEND_COMMAND: &str = "ssm:SendCommand";
pub(super) const CANCEL_COMMAND: &str = "ssm:CancelCommand";
pub(super) const START: &str = "ssm:StartAutomationExecution";
pub(super) const STOP: &str = "ssm:StopAutomationExecution";

/// Without it no execution can be followed.
const FOLLOW: &str = "ssm:GetAutomationExecution";
const PASS_ROLE: &str = "iam:PassRole";

/// The most groups, and the most named instances, that are asked about: each takes a call.
const MOST: usize = 10;

/// Keys of conditions, with a value each.
pub(super) type Facts = Vec<(String, String)>;

/// What a denial means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing can be run without it.
    Needed,
    /// The service authorization reference lists it; whether it is asked for is UNVERIFIED.
    Listed,
    /// What runs can be stopped with it.
    Stopping,
}

/// An action on a resource, and what conditions see of it.
pub(super) struct Question {
    pub action: &'static str,
    pub resource: Resource,
    pub facts: Facts,
    /// How the keys begin, in lower case, that the resource cannot have.
    lacks: &'static [&'static str],
    pub weight: Weight,
}

/// AWS's own documents have no tags that an account could see, and no document is of a group.
const OF_TAGS: [&str; 2] = ["ssm:resourcetag/", "aws:resourcetag/"];
const OF_GROUPS: [&str; 2] =
    ["ssm:resourcetag/aws:autoscaling:", "aws:resourcetag/aws:autoscaling:"];

impl Question {
    fn on_document(name: &str) -> Self {
        let resource = Resource::document(name);
        let lacks: &[&str] = match resource {
            Resource::OfAws { .. } => &OF_TAGS,
            Resource::Any
            | Resource::Own { .. }
            | Resource::Unique { .. }
            | Resource::Objects { .. }
            | Resource::Named { .. }
            | Resource::Shared { .. } => &OF_GROUPS,
        };
        let weight = Weight::Needed;
        Self { action: SEND_COMMAND, resource, facts: Vec::new(), lacks, weight }
    }

    fn on_instance(id: &str, facts: Facts) -> Self {
        let (resource, weight) = (Resource::instance(id), Weight::Needed);
        Self { action: SEND_COMMAND, resource, facts, lacks: &[], weight }
    }

    /// Of executions, which have no tags before they are started.
    fn on_executions(action: &'static str, weight: Weight) -> Self {
        let resource = Resource::every_execution();
        Self { action, resource, facts: Vec::new(), lacks: &OF_TAGS, weight }
    }

    /// Takes out what is missing because there is nothing to tell.
    pub(super) fn settled(&self, opinion: Opinion) -> Opinion {
        let Opinion::Open(missing) = opinion else { return opinion };
        let is_lacking = |key: &String| {
            let key = key.to_lowercase();
            self.lacks.iter().any(|it| key.starts_with(it))
        };
        let (lacking, missing): (Vec<String>, _) = missing.into_iter().partition(is_lacking);
        match lacking.is_empty() || !missing.is_empty() {
            true => Opinion::Open(missing),
            false => Opinion::Denied,
        }
    }
}

/// Returns what sending a document takes, and cancelling; `None` where nobody to send to is known.
pub(super) fn of_sending(name: &str, site: &Site) -> Option<Vec<Question>> {
    let whom = whom(site);
    let cancel = Question {
        action: CANCEL_COMMAND,
        resource: Resource::Any,
        facts: Vec::new(),
        lacks: &[],
        weight: Weight::Stopping,
    };
    (!whom.is_empty())
        .then(|| [Question::on_document(name)].into_iter().chain(whom).chain([cancel]).collect())
}

/// Returns what starting a runbook takes, passing its steps this role, following, and stopping. Denials
/// name the definition; the service authorization reference lists the document and the execution.
pub(super) fn of_starting(name: &str, version: Option<&str>, role: Option<&str>) -> Vec<Question> {
    let [document, definition] = Resource::runbook(name);
    let version = version.unwrap_or("$DEFAULT");
    let of_document = Question { action: START, ..Question::on_document(name) };
    let named = |it: &str| {
        let it = it.strip_suffix(":*").unwrap_or(it);
        format!("{it}:{version}")
    };
    let definition = match definition {
        Resource::OfAws { name } => Resource::OfAws { name: named(&name) },
        Resource::Own { service, name } => Resource::Own { service, name: named(&name) },
        Resource::Shared { arn } => Resource::Shared { arn: named(&arn) },
        other => other, // no runbook is called otherwise
    };
    let lacks = of_document.lacks;
    let mut res = vec![
        Question { resource: definition, lacks, ..Question::on_executions(START, Weight::Needed) },
        Question { resource: document, weight: Weight::Listed, ..of_document },
        Question::on_executions(START, Weight::Listed),
        Question::on_executions(FOLLOW, Weight::Needed),
        Question::on_executions(STOP, Weight::Stopping),
    ];
    res.extend(role.map(|arn| Question {
        action: PASS_ROLE,
        resource: Resource::role(arn),
        facts: vec![("iam:PassedToService".to_owned(), "ssm.amazonaws.com".to_owned())],
        lacks: &[],
        weight: Weight::Needed,
    }));
    res
}

/// Returns the instances that would be sent to: one of each group, one of all that have the tags,
/// and those that are named.
fn whom(site: &Site) -> Vec<Question> {
    let selector = &site.selector;
    let candidates = site.candidates().unwrap_or_default();
    let resolved = site.population.as_ref().and_then(|it| it.as_ref().ok());
    let groups = resolved.map_or(&selector.groups, |it| &it.groups);
    let of_group = groups.iter().take(MOST).map(|group| {
        let is_of_group = |it: &&Target| it.group.as_ref() == Some(group);
        let one = candidates.iter().find(is_of_group).map_or("*", |it| it.id.as_str());
        Question::on_instance(one, tagged(GROUP_TAG, group))
    });
    let tags = selector.tags.iter().flat_map(|it| tagged(&it.key, &it.value)).collect();
    let of_tags = Question::on_instance("*", tags);
    let named = selector.instances.iter().take(MOST).map(|id| {
        let group = candidates.iter().find(|it| it.id == *id).and_then(|it| it.group.as_ref());
        let facts = group.map(|it| tagged(GROUP_TAG, it)).unwrap_or_default();
        Question::on_instance(id.as_str(), facts)
    });
    let of_tags = (!selector.tags.is_empty()).then_some(of_tags);
    of_group.chain(of_tags).chain(named).collect()
}

/// Returns a tag of a resource, under both names that policies may use for it.
fn tagged(key: &str, value: &str) -> Facts {
    let named = |prefix: &str| (format!("{prefix}/{key}"), value.to_owned());
    vec![named("ssm:resourceTag"), named("aws:ResourceTag")]
}
