//! What exists in the simulated account: groups, instances, and what SSM remembers.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{clock::Clock, ssm};

/// The simulated account in one region. Single-threaded: shared by `Rc`, borrowed briefly, never
/// across an await.
pub(crate) struct Simulator {
    pub account: String,
    pub region: String,
    pub clock: Clock,
    /// How long after SendCommand its invocations become visible, in simulated time.
    pub visible_after: std::time::Duration,
    /// Every `[[outcome]]` of the world, in its order: the first that matches decides.
    pub outcomes: Vec<Outcome>,
    pub state: RefCell<State>,
    pub random: RefCell<fastrand::Rng>,
}

#[derive(Default)]
pub(crate) struct State {
    pub groups: Vec<Group>,
    /// By instance id.
    pub instances: BTreeMap<String, Instance>,
    pub ssm: ssm::Store,
    /// For `GET /_fleet/stats`: instance id → document → how often it started to run there.
    pub executions: BTreeMap<String, BTreeMap<String, u64>>,
}

pub(crate) struct Group {
    pub name: String,
    pub min_size: u32,
    pub max_size: u32,
    pub desired: u32,
    pub zones: Vec<String>,
    pub tags: BTreeMap<String, String>,
    /// Member ids in the order of their index.
    pub members: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub id: String,
    /// The group's name and the index within it (0-based), which `[[outcome]] instances` names.
    pub group: String,
    pub index: usize,
    pub zone: String,
    /// Auto Scaling's word: InService, Standby, Terminating:Wait, ….
    pub lifecycle: String,
    /// Healthy or Unhealthy.
    pub health: String,
    pub platform: Platform,
    pub ping: Ping,
    pub agent_version: String,
    pub computer_name: String,
    pub ip_address: String,
    /// Its own tags, `aws:autoscaling:groupName` included.
    pub tags: BTreeMap<String, String>,
    pub run: RunMode,
    /// EC2's word: running, stopped, terminated, ….
    pub ec2_state: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Linux,
    Windows,
    MacOs,
}

/// The agent's connection, as DescribeInstanceInformation tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ping {
    Online,
    ConnectionLost,
    /// Never registered: SSM does not know the instance.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// As `[[outcome]]` says.
    Outcomes,
    /// The document's steps really run, isolated.
    Shell,
}

/// One `[[outcome]]` of the world.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// `None`: every group.
    pub group: Option<String>,
    /// Indices within the group; `None`: all.
    pub instances: Option<Vec<usize>>,
    /// A document name, `*` allowed as a wildcard.
    pub document: String,
    /// Simulated time from the start of the invocation to its end.
    pub after: std::time::Duration,
    pub exit: i32,
    /// A StatusDetails word that decides instead of `exit`.
    pub status: Option<String>,
    pub stdout: String,
    pub stderr: String,
}

impl Simulator {
    pub(crate) fn shared(self) -> Rc<Self> {
        Rc::new(self)
    }
}
