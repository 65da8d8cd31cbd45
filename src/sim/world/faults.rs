//! The faults of a world, checked.
//! It injects nothing: `fault` does.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{WorldError, check::Source, raw};
use crate::sim::fault::{Fault, FaultKind, When};

/// What a fault can befall: a misspelt name would be a fault that never comes.
const OPERATIONS: [&str; 70] = [
    "AddTagsToResource",
    "AssumeRole",
    "AttachVolume",
    "CancelCommand",
    "CreateDocument",
    "CreateImage",
    "DeleteDocument",
    "DescribeAlarms",
    "DescribeAutoScalingGroups",
    "DescribeAutoScalingInstances",
    "DescribeAutomationExecutions",
    "DescribeAutomationStepExecutions",
    "DescribeDocument",
    "DescribeDocumentPermission",
    "DescribeImages",
    "DescribeInstanceAttribute",
    "DescribeInstanceInformation",
    "DescribeInstanceProperties",
    "DescribeInstanceRefreshes",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeKey",
    "DescribeLogStreams",
    "DescribeNetworkAcls",
    "DescribeRouteTables",
    "DescribeScalingActivities",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSubnets",
    "DescribeVolumeAttribute",
    "DescribeVolumes",
    "DescribeVpcEndpoints",
    "DescribeVpcs",
    "DetachVolume",
    "EnterStandby",
    "ExitStandby",
    "GetAutomationExecution",
    "GetCallerIdentity",
    "GetCommandInvocation",
    "GetDocument",
    "GetEbsDefaultKmsKeyId",
    "GetEbsEncryptionByDefault",
    "GetLogEvents",
    "GetObject",
    "GetRole",
    "HeadObject",
    "ListCommandInvocations",
    "ListCommands",
    "ListDocumentVersions",
    "ListDocuments",
    "ListObjectsV2",
    "ListTagsForResource",
    "ModifyDocumentPermission",
    "ModifyInstanceAttribute",
    "RemoveTagsFromResource",
    "ResumeProcesses",
    "SendCommand",
    "SetInstanceHealth",
    "SetInstanceProtection",
    "SimulatePrincipalPolicy",
    "StartAutomationExecution",
    "StartInstances",
    "StopAutomationExecution",
    "StopInstances",
    "SuspendProcesses",
    "TerminateInstanceInAutoScalingGroup",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
];

const DEFAULT_DELAY: Duration = Duration::from_secs(1);
const DEFAULT_AGE: Duration = Duration::from_secs(5);

/// Reads a fault that comes as JSON, with the keys of a world file's; the error says which key is
/// wrong.
pub(crate) fn fault_of(json: &Map<String, Value>) -> Result<Fault, String> {
    let text = toml::to_string(json).map_err(|err| err.to_string())?;
    let source = Source::new(&text, String::new());
    source.fault_alone().map_err(|err| match err {
        WorldError::Invalid { key, message, .. } => match key.strip_prefix("fault.") {
            Some(key) => format!("{key}: {message}"),
            // The TOML reader names the key by itself.
            None => message,
        },
        err @ WorldError::Read { .. } => err.to_string(),
    })
}

impl Source<'_> {
    fn fault_alone(&self) -> Result<Fault, WorldError> {
        self.fault(self.read()?)
    }

    pub(super) fn faults(&self, raw: Vec<raw::Fault>) -> Result<Vec<Fault>, WorldError> {
        raw.into_iter().map(|it| self.fault(it)).collect()
    }

    fn fault(&self, raw: raw::Fault) -> Result<Fault, WorldError> {
        let kind = self.word(&raw.kind, "fault.kind", &FaultKind::WORDS)?;
        let of_another_kind = |name: &str| {
            let message = format!("a fault of kind {:?} has no {name}", raw.kind.get_ref());
            (format!("fault.{name}"), message)
        };
        if let Some(it) = raw.delay.as_ref().filter(|_| kind != FaultKind::Delay) {
            let (key, message) = of_another_kind("delay");
            return Err(self.refuse(it, &key, message));
        }
        if let Some(it) = raw.age.as_ref().filter(|_| kind != FaultKind::StalePage) {
            let (key, message) = of_another_kind("age");
            return Err(self.refuse(it, &key, message));
        }
        if let Some(it) = raw.calls_per_second.as_ref().filter(|_| kind != FaultKind::Throttle) {
            let (key, message) = of_another_kind("calls_per_second");
            return Err(self.refuse(it, &key, message));
        }
        let operation = raw.operation.get_ref();
        if operation != "*" && !OPERATIONS.contains(&operation.as_str()) {
            let message = format!(
                "{operation:?} is not an operation of this simulator, which has {}",
                OPERATIONS.join(", ")
            );
            return Err(self.refuse(&raw.operation, "fault.operation", message));
        }
        if !kind.befalls(operation) {
            let message = format!("{operation} cannot have a {}", raw.kind.get_ref());
            return Err(self.refuse(&raw.operation, "fault.operation", message));
        }
        Ok(Fault {
            when: self.when(&raw)?,
            kind,
            delay: self.duration_or(raw.delay, "fault.delay", DEFAULT_DELAY)?,
            age: self.duration_or(raw.age, "fault.age", DEFAULT_AGE)?,
            operation: raw.operation.into_inner(),
        })
    }

    fn when(&self, raw: &raw::Fault) -> Result<When, WorldError> {
        match (&raw.calls, &raw.rate, &raw.calls_per_second) {
            (Some(calls), None, None) => {
                if calls.get_ref().is_empty() || calls.get_ref().contains(&0) {
                    let message = "expected numbers of calls, counted from 1";
                    return Err(self.refuse(calls, "fault.calls", message));
                }
                Ok(When::Calls(calls.get_ref().iter().copied().collect()))
            }
            (None, Some(rate), None) => {
                if !(0.0..=1.0).contains(rate.get_ref()) {
                    let message = format!("{} is out of range: expected 0 to 1", rate.get_ref());
                    return Err(self.refuse(rate, "fault.rate", message));
                }
                Ok(When::Rate(*rate.get_ref()))
            }
            (None, None, Some(limit)) => {
                if !(*limit.get_ref() > 0.0 && limit.get_ref().is_finite()) {
                    let message = format!("{} is out of range: expected above 0", limit.get_ref());
                    return Err(self.refuse(limit, "fault.calls_per_second", message));
                }
                Ok(When::Beyond(*limit.get_ref()))
            }
            (None, None, None) => {
                let message = "expected calls or rate beside it, to say when";
                Err(self.refuse(&raw.operation, "fault.operation", message))
            }
            (_, Some(rate), _) => {
                Err(self.refuse(rate, "fault.rate", "expected calls or rate, not both"))
            }
            (Some(_), None, Some(limit)) => {
                let message = "expected calls or calls_per_second, not both";
                Err(self.refuse(limit, "fault.calls_per_second", message))
            }
        }
    }
}
