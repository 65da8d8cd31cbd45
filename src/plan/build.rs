//! From what was found to a plan, or to the reason why there is none.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Declared, Dispatch, Document, DocumentKind, Excluded, Exclusion, GROUP_TAG, Include,
    InstanceId, Limit, Limits, Note, Operator, Outputs, Plan, Platform, Population, Refused,
    Replacement, Rollout, RunId, SCHEMA, Selector, ShrinkingWave, Target, VALUES_PER_TAG, Wave,
    check_roles, exclusion,
    parameters::{self, BadParameter},
};

/// Everything that a plan is made from; `aws` fills it, the command line tops it up.
#[derive(Debug, Clone)]
pub struct Draft {
    pub run_id: RunId,
    /// The run whose instances this one takes up again.
    pub parent_id: Option<RunId>,
    pub created: Timestamp,
    pub tool_version: String,
    pub reason: Option<String>,
    pub operator: Operator,
    pub account: Option<String>,
    pub region: String,
    pub is_simulated: bool,
    pub selector: Selector,
    /// The groups that the selector named or matched, in their order.
    pub groups: Vec<String>,
    /// `None` where the caller may not list them.
    pub candidates: Option<Vec<Target>>,
    pub include: Include,
    pub document: Document,
    /// What the document declares; `None` where its content could not be read.
    pub declared: Option<BTreeMap<String, Declared>>,
    /// Where the document runs; empty means unknown or everywhere.
    pub platforms: Vec<Platform>,
    pub max_concurrency: Limit,
    pub max_errors: Limit,
    pub delivery_timeout: u32,
    pub deadline: Option<u64>,
    pub rollout: Rollout,
    pub outputs: Outputs,
    pub notes: Vec<Note>,
    /// Candidates that are left out for a reason of their own.
    pub refused: BTreeMap<InstanceId, Refused>,
}

/// Why there is no plan. Nothing has been sent.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    #[error("document {document} runs on {}, and every instance that could be reached is {found}", listed(.runs_on))]
    WrongPlatform { document: String, runs_on: Vec<Platform>, found: String },
    #[error("{selector} matches no instance")]
    NothingMatched { selector: String },
    #[error("{selector} matches {matched}, and none is eligible: {reasons}")]
    NothingEligible { selector: String, matched: String, reasons: String },
    #[error(
        "the population of {selector} cannot be listed by this caller, and only groups that are named can be reached without listing them"
    )]
    NotListable { selector: String },
    #[error(
        "the population of {selector} cannot be listed by this caller, and waves can only be cut from a list"
    )]
    NotDivisible { selector: String },
    #[error("stopping after wave 0 would send nothing: waves are counted from 1")]
    StopBeforeAll,
    #[error("there is no wave {after} to stop after: the plan has {}", super::count(*.n_waves, "wave"))]
    StopBeyondAll { after: u32, n_waves: usize },
    #[error(transparent)]
    ShrinkingWave(#[from] ShrinkingWave),
}

fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the plan that `draft` amounts to.
pub fn build(draft: Draft) -> Result<Plan, Refusal> {
    if let Some(declared) = &draft.declared {
        let mut declared = declared.clone();
        // The run fills it in, for each instance.
        if let Some(it) = &draft.document.automation {
            declared.remove(&it.target_parameter);
        }
        parameters::check(&draft.document.name, &declared, &draft.document.parameters)?;
    }
    if let Some(it) = &draft.document.automation {
        check_roles(it.assume_role.as_ref(), &draft.document.parameters)?;
    }
    if draft.rollout.stop_after_wave == Some(0) {
        return Err(Refusal::StopBeforeAll);
    }
    let population = match &draft.candidates {
        Some(candidates) => divide(&draft, candidates),
        // Groups named by their own tags cannot be resolved without listing them either, and a
        // command without a tag value would reach nobody knows whom.
        None if draft.document.kind() == DocumentKind::Command
            && draft.selector.is_groups_only()
            && draft.selector.group_tags.is_empty()
            && !draft.groups.is_empty() =>
        {
            Population { is_listed: false, planned: Vec::new(), excluded: Vec::new() }
        }
        None => return Err(Refusal::NotListable { selector: draft.selector.to_string() }),
    };
    if population.is_listed && population.planned.is_empty() {
        return Err(nothing(&draft, &population));
    }
    if !population.is_listed && draft.rollout.has_waves() {
        return Err(Refusal::NotDivisible { selector: draft.selector.to_string() });
    }
    if let Some(shrinking) = draft.rollout.shrinking(&population.planned) {
        return Err(shrinking.into());
    }
    let waves = draft.rollout.cut(&population.planned);
    if let Some(after) = draft.rollout.stop_after_wave.filter(|it| *it as usize > waves.len()) {
        return Err(Refusal::StopBeyondAll { after, n_waves: waves.len() });
    }
    let dispatch = dispatch(&draft, &population, &waves);
    let planned = population.is_listed.then_some(population.planned.len());
    let planned = planned.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let mut limits = Limits::resolve(draft.max_concurrency, draft.max_errors, planned);
    limits.worst_case_failures = draft.rollout.worst_case(&limits, &waves);
    let mut notes = draft.notes;
    let document = &draft.document;
    notes.extend(document.replacement.iter().flat_map(Replacement::notes));
    // A rescue's checks look at its role themselves.
    if document.automation.as_ref().is_some_and(|it| it.recovery.is_none()) {
        notes.extend(document.acting().and_then(|it| it.note(&document.name)));
    }
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        run_id: draft.run_id,
        parent_id: draft.parent_id,
        created: draft.created,
        tool_version: draft.tool_version,
        reason: draft.reason,
        operator: draft.operator,
        account: draft.account,
        region: draft.region,
        is_simulated: draft.is_simulated,
        is_written: false,
        selector: draft.selector,
        groups: draft.groups,
        document: draft.document,
        limits,
        delivery_timeout: draft.delivery_timeout,
        deadline: draft.deadline,
        dispatch,
        population,
        waves,
        rollout: draft.rollout,
        outputs: draft.outputs,
        then: None,
        notes,
    })
}

fn divide(draft: &Draft, candidates: &[Target]) -> Population {
    let mut population = Population { is_listed: true, planned: Vec::new(), excluded: Vec::new() };
    let mut seen = std::collections::BTreeSet::new();
    for target in candidates {
        // Two selectors may match one instance; it is planned once.
        if !seen.insert(&target.id) {
            continue;
        }
        let by_name = draft.selector.exclude.contains(&target.id).then_some(Exclusion::ByName);
        let refused = draft.refused.get(&target.id).filter(|_| by_name.is_none());
        let reason = by_name
            .or_else(|| refused.map(|it| it.reason))
            .or_else(|| exclusion(target, draft.include, &draft.platforms));
        let Some(reason) = reason else {
            population.planned.push(target.clone());
            continue;
        };
        let why = refused.and_then(|it| it.why.clone());
        population.excluded.push(Excluded { why, ..Excluded::new(target, reason) });
    }
    population
}

fn nothing(draft: &Draft, population: &Population) -> Refusal {
    let selector = draft.selector.to_string();
    if population.excluded.is_empty() {
        return Refusal::NothingMatched { selector };
    }
    let of_other_platforms =
        || population.excluded.iter().filter(|it| it.reason == Exclusion::Platform);
    if of_other_platforms().next().is_some() {
        let found = of_other_platforms().filter_map(|it| it.platform.as_ref());
        let mut found: Vec<String> = found.map(ToString::to_string).collect();
        found.sort();
        found.dedup();
        return Refusal::WrongPlatform {
            document: draft.document.name.clone(),
            runs_on: draft.platforms.clone(),
            found: found.join(" or "),
        };
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for it in &population.excluded {
        *reasons.entry(it.to_string()).or_default() += 1;
    }
    let reasons: Vec<String> = reasons.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let matched = super::count(population.excluded.len(), "instance");
    Refusal::NothingEligible { selector, matched, reasons: reasons.join("; ") }
}

/// One command by tag if that reaches exactly the plan, ids otherwise.
fn dispatch(draft: &Draft, population: &Population, waves: &[Wave]) -> Dispatch {
    let by_tag = |why: &str| Dispatch::Tag {
        key: GROUP_TAG.to_owned(),
        values: draft.groups.clone(),
        why: why.to_owned(),
    };
    let by_ids = |why: &str| Dispatch::Ids { why: why.to_owned() };
    match draft.document.kind() {
        DocumentKind::Automation => {
            return by_ids("each instance is an execution of its own, within fleet's window");
        }
        DocumentKind::Replacement => {
            return by_ids(
                "each instance is ended by itself, and its slot held until another is there",
            );
        }
        DocumentKind::Command => {}
    }
    if !population.is_listed {
        return by_tag("the caller may not list the group, and its tag reaches it");
    }
    if !draft.selector.is_groups_only() {
        return by_ids("the selection is not exactly one tag");
    }
    if waves.len() > 1 {
        return by_ids("one command by tag would reach every wave at once");
    }
    if draft.groups.len() > VALUES_PER_TAG {
        return by_ids("SSM takes at most 5 values of one tag");
    }
    // The tag also reaches instances in Standby or about to terminate. One that SSM has never
    // heard of is not reached, so leaving it out changes nothing.
    let is_reached = |it: &Excluded| it.reason != Exclusion::AgentNotRegistered;
    if population.excluded.iter().any(is_reached) {
        return by_ids("the tag would also reach instances that the plan leaves out");
    }
    by_tag("the plan is exactly what the group's tag matches, in one wave")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::{Agent, InstanceId, Parameters};

    pub(in crate::plan) fn target(n: u32) -> Target {
        Target {
            id: InstanceId::parse(&format!("i-{n:017x}")).unwrap(),
            group: Some("web".to_owned()),
            zone: None,
            lifecycle: Some("InService".to_owned()),
            health: None,
            platform: Some(Platform::Linux),
            agent: Agent::Online,
            agent_version: None,
            computer_name: None,
        }
    }

    pub(in crate::plan) fn draft(candidates: Vec<Target>) -> Draft {
        let created: Timestamp = "2024-07-19T04:09:00Z".parse().unwrap();
        Draft {
            run_id: RunId::new(created, 1),
            parent_id: None,
            created,
            tool_version: "0".to_owned(),
            reason: None,
            operator: Operator::default(),
            account: None,
            region: "us-east-1".to_owned(),
            is_simulated: false,
            selector: Selector { groups: vec!["web".to_owned()], ..Selector::default() },
            groups: vec!["web".to_owned()],
            candidates: Some(candidates),
            include: Include::default(),
            document: Document {
                name: "Doc".to_owned(),
                version: None,
                hash: None,
                parameters: Parameters::default(),
                sidecar: None,
                dry_run: None,
                automation: None,
                replacement: None,
            },
            declared: None,
            platforms: Vec::new(),
            max_concurrency: Limit::Percent(10),
            max_errors: Limit::Count(0),
            delivery_timeout: 600,
            deadline: None,
            rollout: Rollout::default(),
            outputs: Outputs::default(),
            notes: Vec::new(),
            refused: BTreeMap::new(),
        }
    }

    #[test]
    fn a_whole_group_goes_by_tag_in_one_command() {
        let plan = build(draft((0..3).map(target).collect())).unwrap();
        assert!(matches!(&plan.dispatch, Dispatch::Tag { values, .. } if values == &["web"]));
        assert_eq!(plan.waves.len(), 1);
        assert_eq!(plan.planned(), Some(3));
    }

    #[test]
    fn an_instance_left_out_makes_the_rest_go_by_ids() {
        let standby = Target { lifecycle: Some("Standby".to_owned()), ..target(1) };
        let plan = build(draft(vec![target(0), standby])).unwrap();
        assert!(matches!(plan.dispatch, Dispatch::Ids { .. }));
        assert_eq!(plan.population.excluded[0].reason, Exclusion::Standby);
        assert_eq!(plan.planned(), Some(1));
    }

    #[test]
    fn an_instance_that_ssm_does_not_know_is_not_reached_by_the_tag_either() {
        let unknown = Target { agent: Agent::NotRegistered, ..target(1) };
        let plan = build(draft(vec![target(0), unknown])).unwrap();
        assert!(matches!(plan.dispatch, Dispatch::Tag { .. }));
    }

    #[test]
    fn an_instance_matched_twice_is_planned_once() {
        let plan = build(draft(vec![target(0), target(0)])).unwrap();
        assert_eq!(plan.planned(), Some(1));
    }

    #[test]
    fn a_group_that_may_not_be_listed_is_reached_by_its_tag() {
        let plan = build(Draft { candidates: None, ..draft(Vec::new()) }).unwrap();
        assert!(matches!(plan.dispatch, Dispatch::Tag { .. }));
        assert_eq!((plan.planned(), plan.limits.worst_case_failures), (None, None));
    }

    #[test]
    fn groups_that_may_not_be_listed_must_be_named() {
        let tags = vec!["role=web".parse().unwrap()];
        for selector in [
            Selector { group_tags: tags.clone(), ..Selector::default() },
            Selector { groups: vec!["web".to_owned()], group_tags: tags, ..Selector::default() },
        ] {
            let groups = selector.groups.clone();
            let draft = Draft { selector, groups, candidates: None, ..draft(Vec::new()) };
            assert!(matches!(build(draft), Err(Refusal::NotListable { .. })));
        }
    }

    #[test]
    fn nothing_eligible_says_why_for_each_reason() {
        let offline = |n| Target { agent: Agent::ConnectionLost, ..target(n) };
        let standby = Target { lifecycle: Some("Standby".to_owned()), ..target(2) };
        let refusal = build(draft(vec![offline(0), offline(1), standby])).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "--asg web matches 3 instances, and none is eligible: \
             2 agent lost its connection (--include offline takes it); \
             1 in Standby (--include standby takes it)"
        );
        let refusal = build(draft(Vec::new())).unwrap_err();
        assert_eq!(refusal.to_string(), "--asg web matches no instance");
    }

    #[test]
    fn a_document_for_another_platform_is_refused_by_name() {
        let platforms = vec![Platform::Windows];
        let refusal = build(Draft { platforms, ..draft(vec![target(0)]) }).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "document Doc runs on Windows, and every instance that could be reached is Linux"
        );
    }
}
