//! Instances that have no root volume, and what tells which volume was theirs: executions of the
//! runbook, its helpers, and where volumes hang. It only reads.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::{
    operation::describe_automation_executions::DescribeAutomationExecutionsOutput,
    types::{
        AutomationExecution, AutomationExecutionFilter, AutomationExecutionFilterKey, StepExecution,
    },
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{
    account::read_helpers,
    automation::{self, UNDER_WAY},
    instances::root,
};
use crate::{
    aws::{automation::Steps, clients::Aws, command::timestamp, error::AwsError, signed::Element},
    plan::InstanceId,
    rescue::{
        Execution, Halted, Helper, Hold, Loose, RUNBOOK, Seen, Stranded, Trace, TraceStep, Wreckage,
    },
};

/// How many executions are read for the sake of one that may be older than they are kept: the
/// console shows thirty days of them.
const EXECUTIONS: usize = 1000;

impl Aws {
    /// Reads which of the instances have no root volume, and all that tells where it is. The volumes
    /// `chosen` are read too.
    pub async fn wreckage(
        &self,
        ids: &BTreeSet<InstanceId>,
        chosen: &BTreeSet<&str>,
    ) -> Result<Wreckage, AwsError> {
        let Wreckage { stranded, halted, roots, .. } = self.instances(ids).await?;
        let helpers: Vec<Helper> = read_helpers(self).await?.iter().map(helper).collect();
        let is_nothing = stranded.is_empty() && halted.is_empty() && helpers.is_empty();
        let traces = if is_nothing { Vec::new() } else { self.traces(&stranded, &halted).await? };
        let mut volumes = self.volumes_on(&helpers).await?;
        let named = traces.iter().flat_map(Trace::volumes);
        let wanted: BTreeSet<String> =
            named.chain(chosen.iter().map(|it| (*it).to_owned())).collect();
        let wanted = wanted.iter().filter(|it| !volumes.contains_key(*it));
        let wanted: Vec<&str> = wanted.map(String::as_str).collect();
        let found =
            self.ask_ec2_for_each("DescribeVolumes", "volume-id", &wanted, "volumeSet").await?;
        let found: Vec<_> = found.iter().map(loose).collect();
        volumes.extend(found);
        Ok(Wreckage { stranded, halted, roots, traces, helpers, volumes })
    }

    /// Reads which executions on any of these instances have not ended.
    pub async fn under_way(&self, ids: &BTreeSet<InstanceId>) -> Seen<Vec<String>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let is_on =
            |it: &Execution| ids.iter().any(|id| it.instance.as_deref() == Some(id.as_str()));
        let all = automation::executions(self).await?.into_iter();
        Ok(all.filter(is_on).map(|it| it.id).collect())
    }

    /// Reads who has no root volume, who is stopped and has one, and which.
    async fn instances(&self, ids: &BTreeSet<InstanceId>) -> Result<Wreckage, AwsError> {
        let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
        let found = self
            .ask_ec2_for_each("DescribeInstances", "instance-id", &ids, "reservationSet")
            .await?;
        let mut res = Wreckage::default();
        for it in found.iter().flat_map(|it| it.set("instancesSet")) {
            let Ok(id) = InstanceId::parse(it.at(&["instanceId"])) else { continue };
            if let Some(root) = root(it) {
                res.roots.insert(id.clone(), root.at(&["ebs", "volumeId"]).to_owned());
            }
            res.stranded.extend(stranded(it, &id));
            res.halted.extend(halted(it, &id));
        }
        Ok(res)
    }

    async fn volumes_on(&self, helpers: &[Helper]) -> Result<BTreeMap<String, Loose>, AwsError> {
        let holders: Vec<&str> = helpers.iter().map(|it| it.id.as_str()).collect();
        let found = self
            .ask_ec2_for_each("DescribeVolumes", "attachment.instance-id", &holders, "volumeSet")
            .await?;
        Ok(found.iter().map(loose).collect())
    }

    /// Reads executions, the newest first, until there is one of each instance that may have changed
    /// anything; and all that are under way.
    async fn traces(
        &self,
        stranded: &[Stranded],
        halted: &[Halted],
    ) -> Result<Vec<Trace>, AwsError> {
        let filter = AutomationExecutionFilter::builder()
            .key(AutomationExecutionFilterKey::DocumentNamePrefix)
            .values(RUNBOOK)
            .build()
            .expect("a key and a value are all that a filter needs");
        let request = self.ssm.describe_automation_executions().filters(filter);
        let mut all = Vec::new();
        let page = |token| request.clone().set_next_token(token).send();
        let take = |page: DescribeAutomationExecutionsOutput| {
            all.extend(page.automation_execution_metadata_list.unwrap_or_default());
            page.next_token
        };
        self.pages("DescribeAutomationExecutions", page, take).await?;
        // That they come in this order is UNVERIFIED.
        all.sort_by_key(|it| std::cmp::Reverse(at(it.execution_start_time())));
        let mut missing: BTreeSet<&str> = stranded.iter().map(|it| it.id.as_str()).collect();
        let mut stopped: BTreeMap<&str, Timestamp> =
            halted.iter().map(|it| (it.id.as_str(), it.launched)).collect();
        let mut res = Vec::new();
        for (n, it) in all.iter().enumerate() {
            let status = it.automation_execution_status().map_or("", |it| it.as_str());
            // What was before an instance was started last has not stopped it.
            stopped.retain(|_, launched| at(it.execution_start_time()) > Some(*launched));
            let is_all = missing.is_empty() && stopped.is_empty();
            if (is_all || n >= EXECUTIONS) && !UNDER_WAY.contains(&status) {
                continue;
            }
            let Some(id) = it.automation_execution_id() else { continue };
            let Some(trace) = self.trace(id).await? else { continue };
            // What has changed nothing leaves what an older one tells as it is.
            if !trace.is_void() {
                missing.remove(trace.instance.as_str());
                stopped.remove(trace.instance.as_str());
            }
            res.push(trace);
        }
        Ok(res)
    }

    async fn trace(&self, id: &str) -> Result<Option<Trace>, AwsError> {
        let request = self.ssm.get_automation_execution().automation_execution_id(id);
        let answer = self.ask("GetAutomationExecution", || request.clone().send()).await?;
        let Some(mut it) = answer.automation_execution else { return Ok(None) };
        if it.step_executions_truncated {
            it.step_executions = Some(self.steps_of(id, Steps::All).await?);
        }
        Ok(Some(trace(id, &it)))
    }
}

fn trace(id: &str, it: &AutomationExecution) -> Trace {
    let given = |name: &str| Some(it.parameters()?.get(name)?.first()?.clone());
    let status = it.automation_execution_status().map_or("", |it| it.as_str());
    Trace {
        execution: id.to_owned(),
        instance: given("InstanceId").unwrap_or_default(),
        status: status.to_owned(),
        is_under_way: UNDER_WAY.contains(&status),
        started: at(it.execution_start_time()),
        // Its default stands there as a variable that is not resolved.
        unique: given("UniqueId").filter(|it| !it.is_empty() && !it.contains("{{")),
        steps: it.step_executions().iter().map(step).collect(),
    }
}

fn step(it: &StepExecution) -> TraceStep {
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    TraceStep {
        name: text(it.step_name()),
        action: text(it.action()),
        status: text(it.step_status().map(|it| it.as_str())),
        inputs: it.inputs().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        outputs: it.outputs().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
    }
}

/// Returns an instance that has no volume where its root volume is to be.
fn stranded(it: &Element, id: &InstanceId) -> Option<Stranded> {
    let state = it.at(&["instanceState", "name"]);
    let root_device = it.at(&["rootDeviceName"]);
    let is_gone = ["shutting-down", "terminated"].contains(&state);
    let is_ebs = it.at(&["rootDeviceType"]) == "ebs" && !root_device.is_empty();
    if is_gone || !is_ebs || root(it).is_some() {
        return None;
    }
    Some(Stranded {
        id: id.clone(),
        state: state.to_owned(),
        zone: it.at(&["placement", "availabilityZone"]).to_owned(),
        root_device: root_device.to_owned(),
    })
}

/// Returns an instance that is stopped and has its root volume.
fn halted(it: &Element, id: &InstanceId) -> Option<Halted> {
    let root = root(it).filter(|_| it.at(&["instanceState", "name"]) == "stopped")?;
    Some(Halted {
        id: id.clone(),
        root_device: it.at(&["rootDeviceName"]).to_owned(),
        volume: root.at(&["ebs", "volumeId"]).to_owned(),
        delete_on_termination: root.at(&["ebs", "deleteOnTermination"]) == "true",
        // "The time that the instance was last launched", starts included (EC2 reference).
        launched: it.at(&["launchTime"]).parse().ok()?,
    })
}

/// Returns an instant of SSM's.
fn at(it: Option<&DateTime>) -> Option<Timestamp> {
    timestamp(it?)
}

fn helper(it: &Element) -> Helper {
    let tag = |name: &str| {
        let tag = it.set("tagSet").find(|it| it.at(&["key"]) == name);
        tag.map(|it| it.at(&["value"]).to_owned())
    };
    Helper {
        id: it.at(&["instanceId"]).to_owned(),
        name: tag("Name").unwrap_or_default(),
        // CloudFormation puts it on what it makes (CloudFormation guide, resource tags).
        stack: tag("aws:cloudformation:stack-name"),
        state: it.at(&["instanceState", "name"]).to_owned(),
        root_device: it.at(&["rootDeviceName"]).to_owned(),
    }
}

fn loose(it: &Element) -> (String, Loose) {
    let held = it.set("attachmentSet").next().map(|it| Hold {
        instance: it.at(&["instanceId"]).to_owned(),
        device: it.at(&["device"]).to_owned(),
    });
    let res = Loose {
        zone: it.at(&["availabilityZone"]).to_owned(),
        state: it.at(&["status"]).to_owned(),
        held,
    };
    (it.at(&["volumeId"]).to_owned(), res)
}
