//! What exists in the simulated account: groups, instances, and what SSM remembers.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    archive::Archive,
    clock::Clock,
    elsewhere::{AlarmState, Elsewhere},
    kms::Key,
    machines::{Backup, Hardware, Image, Volume},
    network::Network,
    scaling::Activity,
    scripts::Script,
    ssm,
    timeline::Timeline,
    world::{RoleSpec, UserSpec},
};

/// The simulated account in one region. Single-threaded: shared by `Rc`, borrowed briefly, never
/// across an await.
pub(crate) struct Simulator {
    pub account: String,
    pub region: String,
    pub clock: Clock,
    /// How long after SendCommand its invocations become visible, in simulated time.
    pub visible_after: Duration,
    /// How long SSM says Online of an agent that is lost, in simulated time.
    pub ping_lag: Duration,
    /// Every `[[outcome]]` of the world, in its order: the first that matches decides.
    pub outcomes: Vec<Outcome>,
    /// Every `[[runbook]]` of the world, in its order: the first that matches decides.
    pub runbooks: Vec<Script>,
    /// The roles that Automation can assume; none: every role is taken to exist, and may do
    /// everything.
    pub roles: Vec<RoleSpec>,
    pub users: Vec<UserSpec>,
    /// Every `[[event]]` of the world, in its order.
    pub events: Vec<Event>,
    pub elsewhere: Elsewhere,
    pub network: Network,
    pub images: Vec<Arc<Image>>,
    pub keys: Vec<Key>,
    pub seed: u64,
    pub state: RefCell<State>,
    pub random: RefCell<fastrand::Rng>,
}

#[derive(Default)]
pub(crate) struct State {
    pub groups: Vec<Group>,
    /// By instance id.
    pub instances: BTreeMap<String, Instance>,
    /// By volume id.
    pub volumes: BTreeMap<String, Volume>,
    /// The ids of the volumes of an instance.
    pub attached: BTreeMap<String, BTreeSet<String>>,
    /// The oldest first.
    pub backups: Vec<Backup>,
    pub ssm: ssm::Store,
    pub timeline: Timeline,
    pub archive: Archive,
    /// Of all groups, the newest last.
    pub activities: Vec<Activity>,
    /// The states of the world's alarms, and since when, by name.
    pub alarms: BTreeMap<String, (AlarmState, Timestamp)>,
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
    /// The suspended processes, and why.
    pub suspended: BTreeMap<String, String>,
    /// The status of its instance refresh, if it is said to be in one.
    pub refresh: Option<&'static str>,
    /// Launches (above zero) or terminations (below) that the capacity still wants.
    pub owed: i64,
    pub launches: Launches,
}

/// How a group makes a new member, and takes an old one away.
#[derive(Debug, Clone)]
pub(crate) struct Launches {
    pub next_index: usize,
    pub platform: Platform,
    pub run: RunMode,
    pub agent_version: String,
    pub setup: Vec<Arc<str>>,
    pub hardware: Hardware,
    /// How long a lifecycle hook holds a member in Terminating:Wait; `None`: there is no hook.
    pub termination_hook: Option<Duration>,
    /// Why nothing is launched; `None`: launches succeed.
    pub failure: Option<String>,
    /// It is going to try again.
    pub is_retried: bool,
}

/// What becomes of the desired capacity when a member leaves the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capacity {
    /// It is one less then.
    Follows,
    /// It stays, so that another member is launched.
    Stays,
}

#[derive(Debug, Clone, Default)]
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
    /// EC2's status checks of it fail.
    pub impaired: bool,
    /// Since when; `None`: since before the simulation began.
    pub impaired_since: Option<Timestamp>,
    pub platform: Platform,
    pub ping: Ping,
    pub agent_version: String,
    /// Scripts that make its machine what it is, in their order.
    pub setup: Vec<Arc<str>>,
    pub computer_name: String,
    pub ip_address: String,
    /// Its own tags, `aws:autoscaling:groupName` included.
    pub tags: BTreeMap<String, String>,
    pub run: RunMode,
    /// EC2's word: running, stopped, terminated, ….
    pub ec2_state: String,
    /// Protected from scale-in.
    pub protected: bool,
    /// When its agent was lost. `None`: before the simulation began, or never.
    pub lost: Option<Timestamp>,
    /// `None`: before the simulation began.
    pub launched: Option<Timestamp>,
    pub hardware: Hardware,
    /// How often it was started or stopped.
    pub power: u64,
    /// When it was started last; `None`: with its launch.
    pub started: Option<Timestamp>,
    /// What its agent is busy with.
    pub workers: ssm::Workers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Platform {
    #[default]
    Linux,
    Windows,
    MacOs,
}

/// The agent's connection, as DescribeInstanceInformation tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ping {
    #[default]
    Online,
    ConnectionLost,
    /// Never registered: SSM does not know the instance.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RunMode {
    /// As `[[outcome]]` says.
    #[default]
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
    pub after: Duration,
    pub exit: i32,
    /// A StatusDetails word that decides instead of `exit`.
    pub status: Option<String>,
    pub stdout: String,
    pub stderr: String,
    /// What goes wrong with the agent meanwhile.
    pub agent: Option<AgentFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentFault {
    /// Out of reach when the command is sent; for so long, or for ever.
    Offline(Option<Duration>),
    /// It starts the document and is lost when that ends: no reply comes.
    Lost,
    /// Its reply comes after ExpiresAfter.
    Late,
    /// It replies twice.
    Duplicate,
    /// It boots in the middle, and is away for so long.
    Reboot(Duration),
    /// The script ends, but something that it left behind keeps its output open.
    Hang,
}

/// One `[[event]]` of the world.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub after: Duration,
    pub since: Since,
    pub group: String,
    pub kind: EventKind,
    pub which: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Start,
    /// The first command that is accepted.
    Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    ScaleIn,
    ScaleOut,
    Standby,
    LoseAgent,
    /// EC2's status checks fail.
    Impair,
}

/// The members that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    Count(usize),
    /// By index within the group.
    Indices(Vec<usize>),
}

impl Instance {
    /// Its agent is out of reach from now on.
    pub(crate) fn lose_agent(&mut self, at: Timestamp) {
        if self.ping == Ping::Online {
            self.ping = Ping::ConnectionLost;
            self.lost = Some(at);
        }
    }
}

impl Simulator {
    pub(crate) fn shared(self) -> Rc<Self> {
        Rc::new(self)
    }
}
