//! An instance that a selector matched, and whether the plan takes it.
//! It decides from what is known; it never asks anybody.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::InstanceId;

/// One instance and what is known of it. What could not be read is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub id: InstanceId,
    pub group: Option<String>,
    pub zone: Option<String>,
    /// Auto Scaling's LifecycleState, open-ended (the service has about thirty).
    pub lifecycle: Option<String>,
    /// Auto Scaling's HealthStatus: Healthy or Unhealthy.
    pub health: Option<String>,
    pub platform: Option<Platform>,
    pub agent: Agent,
    pub agent_version: Option<String>,
    pub computer_name: Option<String>,
}

/// SSM's PlatformType, open-ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub enum Platform {
    Linux,
    Windows,
    MacOs,
    Other(String),
}

impl From<String> for Platform {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

impl Platform {
    pub fn parse(text: &str) -> Self {
        match text {
            "Linux" => Self::Linux,
            "Windows" => Self::Windows,
            "MacOS" => Self::MacOs,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "Linux",
            Self::Windows => "Windows",
            Self::MacOs => "MacOS",
            Self::Other(it) => it,
        })
    }
}

/// The agent's connection as DescribeInstanceInformation tells it. It lags by minutes: Online does
/// not promise that a command will run, nor ConnectionLost that it will not (SSM guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    Online,
    ConnectionLost,
    /// SSM has never heard of the instance, or it is stopped.
    NotRegistered,
    /// The caller may not ask, or the service used a word that is not known here.
    Unknown,
}

/// Why an instance that was matched is not in the plan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// `--exclude` names it.
    ByName,
    /// It is out of service on purpose; `--include standby` takes it.
    Standby,
    /// It is not, or no longer, in service.
    NotInService,
    /// Its agent has lost the connection; `--include offline` sends to it all the same.
    AgentOffline,
    /// SSM refuses a whole command for the sake of one id that it does not know.
    AgentNotRegistered,
    /// The document does not run on its platform.
    Platform,
    /// Its agent answers, so that nothing has to be rescued.
    Answers,
    /// A check before a rescue speaks against it; `fleet rescue plan` tells which.
    Preflight,
}

/// Why an instance is left out, whatever else there is to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub reason: Exclusion,
    /// What was found, where the reason alone does not say it.
    pub why: Option<String>,
}

/// An instance that was matched and left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    pub instance_id: InstanceId,
    pub group: Option<String>,
    pub lifecycle: Option<String>,
    pub platform: Option<Platform>,
    pub reason: Exclusion,
    /// What was found, where the reason alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Excluded {
    pub fn new(target: &Target, reason: Exclusion) -> Self {
        Self {
            instance_id: target.id.clone(),
            group: target.group.clone(),
            lifecycle: target.lifecycle.clone(),
            platform: target.platform.clone(),
            reason,
            why: None,
        }
    }
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = "unknown";
        match self.reason {
            Exclusion::ByName => f.write_str("excluded by name"),
            Exclusion::Standby => f.write_str("in Standby (--include standby takes it)"),
            Exclusion::NotInService => {
                write!(f, "not in service ({})", self.lifecycle.as_deref().unwrap_or(unknown))
            }
            Exclusion::AgentOffline => {
                f.write_str("agent lost its connection (--include offline takes it)")
            }
            Exclusion::AgentNotRegistered => f.write_str("not registered with SSM, or stopped"),
            Exclusion::Answers => f.write_str("its agent answers: it needs no rescue"),
            Exclusion::Preflight => match &self.why {
                Some(why) => write!(f, "a check speaks against its rescue: {why}"),
                None => f.write_str(
                    "a check speaks against its rescue (`fleet rescue plan` tells which)",
                ),
            },
            Exclusion::Platform => match &self.platform {
                Some(it) => write!(f, "the document does not run on {it}"),
                None => f.write_str("the document does not run on its platform"),
            },
        }
    }
}

/// Whom the plan takes besides instances that are in service and online.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    pub standby: bool,
    pub offline: bool,
}

/// Returns why `target` stays out, or `None` if the plan takes it. `platforms` are the document's;
/// empty means that they are not known, or that it runs everywhere.
pub fn exclusion(target: &Target, include: Include, platforms: &[Platform]) -> Option<Exclusion> {
    match target.lifecycle.as_deref() {
        None | Some("InService") => {}
        Some("Standby") if include.standby => {}
        Some("Standby") => return Some(Exclusion::Standby),
        Some(_) => return Some(Exclusion::NotInService),
    }
    match target.agent {
        Agent::Online | Agent::Unknown => {}
        Agent::ConnectionLost if include.offline => {}
        Agent::ConnectionLost => return Some(Exclusion::AgentOffline),
        Agent::NotRegistered => return Some(Exclusion::AgentNotRegistered),
    }
    match &target.platform {
        Some(it) if !platforms.is_empty() && !platforms.contains(it) => Some(Exclusion::Platform),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(lifecycle: &str, agent: Agent) -> Target {
        Target {
            id: InstanceId::parse("i-01234567").unwrap(),
            group: Some("web".to_owned()),
            zone: None,
            lifecycle: Some(lifecycle.to_owned()),
            health: None,
            platform: Some(Platform::Linux),
            agent,
            agent_version: None,
            computer_name: None,
        }
    }

    #[test]
    fn only_instances_in_service_and_online_are_taken_by_default() {
        let check = |lifecycle: &str, agent, expected: Option<Exclusion>| {
            let found = exclusion(&target(lifecycle, agent), Include::default(), &[]);
            assert_eq!(found, expected, "{lifecycle} {agent:?}");
        };
        check("InService", Agent::Online, None);
        check("InService", Agent::Unknown, None);
        check("InService", Agent::ConnectionLost, Some(Exclusion::AgentOffline));
        check("InService", Agent::NotRegistered, Some(Exclusion::AgentNotRegistered));
        check("Standby", Agent::Online, Some(Exclusion::Standby));
        check("Terminating:Wait", Agent::Online, Some(Exclusion::NotInService));
        check("Pending:Wait", Agent::Online, Some(Exclusion::NotInService));
        check("Quarantined", Agent::Online, Some(Exclusion::NotInService));
    }

    #[test]
    fn standby_and_offline_are_taken_when_asked_for() {
        let all = Include { standby: true, offline: true };
        assert_eq!(exclusion(&target("Standby", Agent::ConnectionLost), all, &[]), None);
        let unknown = target("InService", Agent::NotRegistered);
        assert_eq!(exclusion(&unknown, all, &[]), Some(Exclusion::AgentNotRegistered));
    }

    #[test]
    fn a_document_for_another_platform_leaves_the_instance_out() {
        let target = target("InService", Agent::Online);
        let windows = [Platform::Windows];
        let reason = exclusion(&target, Include::default(), &windows);
        assert_eq!(reason, Some(Exclusion::Platform));
        assert_eq!(exclusion(&target, Include::default(), &[Platform::Linux]), None);
    }
}
