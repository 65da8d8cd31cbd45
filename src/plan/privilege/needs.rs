//! Which permissions a selection cannot do without, and which would help.

use super::Permission;
use crate::plan::{Dispatch, DocumentKind, Exclusion, Outputs, Plan, Rollout, Selector, Sequel};

/// What a plan does that decides which reads it depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// The instances are named by id, so that they have to be known.
    pub is_by_ids: bool,
    /// Somebody is left out, or waits, for what Auto Scaling says of single instances.
    pub minds_lifecycle: bool,
    /// Somebody is left out for what their agent says.
    pub minds_agents: bool,
    /// The platform of the instances chose the document, where a shell's is not the default.
    pub minds_platform: bool,
    /// What SSM does with the document.
    pub kind: DocumentKind,
    /// The steps of a runbook act as a role that is passed to them.
    pub passes_role: bool,
    /// Something without which nothing can be started stands in the document alone: that it is a
    /// runbook, which parameter takes the instance, or which role its steps act as.
    pub reads_content: bool,
    /// The plan was written down, and its document is held against the one that is there.
    pub compares_document: bool,
    /// The same of its instances, which are those that the groups have.
    pub compares_members: bool,
}

impl Manner {
    pub fn of_plan(plan: &Plan) -> Self {
        let excluded = |reasons: &[Exclusion]| {
            plan.population.excluded.iter().any(|it| reasons.contains(&it.reason))
        };
        let by_lifecycle = excluded(&[Exclusion::Standby, Exclusion::NotInService]);
        Self {
            is_by_ids: matches!(plan.dispatch, Dispatch::Ids { .. }),
            minds_lifecycle: plan.rollout.by_zone || by_lifecycle,
            minds_agents: excluded(&[
                Exclusion::AgentOffline,
                Exclusion::AgentNotRegistered,
                Exclusion::Platform,
            ]),
            minds_platform: false,
            kind: plan.document.kind(),
            passes_role: plan.document.passed_role().is_some(),
            reads_content: false,
            compares_document: false,
            compares_members: false,
        }
    }

    /// Returns the manner of a plan that was written down: it is carried out if it is the one that
    /// would be made then, and what was known of the world has to be known again.
    pub fn of_written(plan: &Plan) -> Self {
        Self {
            compares_document: plan.document.hash.is_some(),
            compares_members: plan.population.is_listed,
            ..Self::of_plan(plan)
        }
    }

    fn of_sequel(sequel: &Sequel) -> Self {
        let kind = sequel.document.kind();
        let passes_role = sequel.document.passed_role().is_some();
        // No flag says what it is.
        let reads_content = kind == DocumentKind::Automation;
        Self { kind, passes_role, reads_content, ..Self::default() }
    }

    /// Returns the manner of a plan that has not been made, as far as its flags decide it.
    pub fn of_flags(selector: &Selector, rollout: &Rollout) -> Self {
        Self {
            is_by_ids: !selector.is_groups_only() || rollout.has_waves(),
            minds_lifecycle: rollout.by_zone,
            minds_agents: false,
            ..Self::default()
        }
    }
}

/// The permissions of one run, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Without one of them this plan cannot be made, or not be carried out. What is made in its place
    /// may be another: without the groups' lists a run goes by tag, and says what that costs.
    pub required: Vec<Permission>,
    /// Without one of them something is lost, which a note names.
    pub optional: Vec<Permission>,
    /// What output is fetched from.
    pub outputs: Outputs,
}

impl Needs {
    pub fn of(selector: &Selector, manner: Manner, outputs: &Outputs) -> Self {
        let has_groups = !(selector.groups.is_empty() && selector.group_tags.is_empty());
        let has_others = !(selector.instances.is_empty() && selector.tags.is_empty());
        let has_tags = (!selector.group_tags.is_empty(), !selector.tags.is_empty());
        Self::with((has_groups, has_others), has_tags, manner, outputs)
    }

    /// Returns what a run needs that follows another one: it names the instances by their ids.
    pub fn of_sequel(sequel: &Sequel) -> Self {
        Self::by_ids(Manner::of_sequel(sequel), &sequel.outputs)
    }

    /// The same where it stands in a plan that was written down.
    pub fn of_written_sequel(sequel: &Sequel) -> Self {
        let compares_document = sequel.document.hash.is_some();
        let manner = Manner { compares_document, ..Manner::of_sequel(sequel) };
        Self::by_ids(manner, &sequel.outputs)
    }

    /// Returns what a run needs that selects instances by nothing but their ids.
    pub fn by_ids(manner: Manner, outputs: &Outputs) -> Self {
        let manner = Manner { is_by_ids: true, ..manner };
        Self::with((false, true), (false, false), manner, outputs)
    }

    fn with(
        (has_groups, has_others): (bool, bool),
        (has_group_tags, has_tags): (bool, bool),
        manner: Manner,
        outputs: &Outputs,
    ) -> Self {
        let is_command = manner.kind == DocumentKind::Command;
        let is_runbook = manner.kind == DocumentKind::Automation;
        let mut needs = Self { outputs: outputs.clone(), ..Self::default() };
        for permission in Permission::ALL {
            // Whether the run makes use of it at all, and whether it depends on it.
            let (is_used, is_required) = match permission {
                Permission::SendCommand | Permission::ListCommandInvocations => (is_command, true),
                Permission::StartAutomationExecution | Permission::GetAutomationExecution => {
                    (is_runbook, true)
                }
                Permission::DescribeAutomationExecutions
                | Permission::DescribeAutomationStepExecutions
                | Permission::StopAutomationExecution => (is_runbook, false),
                Permission::PassRole => (manner.passes_role, true),
                Permission::DescribeAutoScalingGroups => {
                    let is_chosen = manner.is_by_ids || manner.minds_platform;
                    (has_groups, is_chosen || has_group_tags || manner.compares_members)
                }
                Permission::DescribeAutoScalingInstances => (has_others, manner.minds_lifecycle),
                Permission::DescribeInstanceInformation => {
                    let is_asked = manner.minds_agents || manner.minds_platform;
                    (true, is_asked || has_tags)
                }
                Permission::DescribeScalingActivities | Permission::DescribeInstanceProperties => {
                    (has_groups, false)
                }
                Permission::GetObject => (outputs.fetched_s3().is_some(), false),
                Permission::GetLogEvents => (outputs.fetched_logs().is_some(), false),
                Permission::DescribeDocument => (true, manner.compares_document),
                Permission::GetDocument => (true, manner.reads_content),
                Permission::ListCommands
                | Permission::GetCommandInvocation
                | Permission::CancelCommand => (is_command, false),
            };
            match (is_used, is_required) {
                (true, true) => needs.required.push(permission),
                (true, false) => needs.optional.push(permission),
                (false, _) => {}
            }
        }
        needs
    }

    /// Returns all of them.
    pub fn all(&self) -> impl Iterator<Item = Permission> {
        let is_in = |it: &Permission| self.required.contains(it) || self.optional.contains(it);
        Permission::ALL.into_iter().filter(is_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(flags: &str, manner: Manner) -> Vec<&'static str> {
        let mut selector = Selector::default();
        for flag in flags.split_whitespace() {
            match flag.split_once(':').unwrap() {
                ("asg", name) => selector.groups.push(name.to_owned()),
                ("asg-tag", tag) => selector.group_tags.push(tag.parse().unwrap()),
                ("tag", tag) => selector.tags.push(tag.parse().unwrap()),
                (_, id) => selector.instances.push(crate::plan::InstanceId::parse(id).unwrap()),
            }
        }
        let required = Needs::of(&selector, manner, &Outputs::default()).required.into_iter();
        required.skip(2).map(Permission::name).collect()
    }

    #[test]
    fn a_plan_requires_only_what_it_cannot_be_carried_out_without() {
        let check = |flags: &str, manner, expected: &[&str]| {
            assert_eq!(required(flags, manner), expected, "{flags}");
        };
        let by_tag = Manner::default();
        let by_ids = Manner { is_by_ids: true, ..by_tag };
        check("asg:web", by_tag, &[]);
        check("asg:web", by_ids, &["DescribeAutoScalingGroups"]);
        check("asg-tag:role=web", by_tag, &["DescribeAutoScalingGroups"]);
        check("instance:i-01234567", by_ids, &[]);
        check("tag:role=web", by_ids, &["DescribeInstanceInformation"]);
        let chosen = Manner { minds_platform: true, ..by_tag };
        check("asg:win", chosen, &["DescribeAutoScalingGroups", "DescribeInstanceInformation"]);
        check("instance:i-01234567", chosen, &["DescribeInstanceInformation"]);
        let minding = Manner { minds_lifecycle: true, minds_agents: true, ..by_ids };
        check(
            "instance:i-01234567",
            minding,
            &["DescribeAutoScalingInstances", "DescribeInstanceInformation"],
        );
        check("asg:web", minding, &["DescribeAutoScalingGroups", "DescribeInstanceInformation"]);
        let written = Manner { compares_document: true, compares_members: true, ..by_tag };
        check("asg:web", written, &["DescribeAutoScalingGroups", "DescribeDocument"]);
    }

    #[test]
    fn nothing_is_wanted_that_the_run_does_not_use() {
        let selector = Selector { groups: vec!["web".to_owned()], ..Selector::default() };
        let needs = Needs::of(&selector, Manner::default(), &Outputs::default());
        assert!(!needs.all().any(|it| it == Permission::DescribeAutoScalingInstances));
        assert_eq!(needs.all().count(), Permission::ALL.len() - 9);
        let runbook = Manner { kind: DocumentKind::Automation, ..Manner::default() };
        let needs = Needs::of(&selector, runbook, &Outputs::default());
        let (start, get) =
            (Permission::StartAutomationExecution, Permission::GetAutomationExecution);
        assert_eq!(needs.required, [start, get]);
        assert!(!needs.all().any(|it| it.name().contains("Command")));
        // What no flag says is read of the document itself.
        let unsaid = Manner { reads_content: true, ..runbook };
        let needs = Needs::of(&selector, unsaid, &Outputs::default());
        assert!(needs.required.contains(&Permission::GetDocument), "{needs:?}");
        let s3 = "s3://logs".parse().ok();
        let outputs = Outputs { s3, log_group: Some("runs".to_owned()), full: true };
        let needs = Needs::of(&selector, Manner::default(), &outputs);
        assert!(needs.optional.contains(&Permission::GetObject));
        assert!(!needs.optional.contains(&Permission::GetLogEvents));
    }
}
