//! A simulated instance's private machine, made of Linux namespaces by util-linux.
//! It refuses what it cannot isolate, and never runs anything outside.
//!
//! `unshare` makes a user, pid, mount, network, uts and ipc namespace; `boot.sh`, process 1 in them,
//! builds a root of overlays whose upper layers are a tmpfs, pivots into it and enters a second user
//! and mount namespace, in which every mount of the first is locked: nobody in the machine, root
//! included, can undo a mount. Every step enters by `nsenter`. The kernel ends all of it with
//! process 1, which ends when its standard input does, so it cannot outlive fleet.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const BOOT: &str = include_str!("boot.sh");
const START: &str = r#"eval "$FLEET_BOOT""#;
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A cold computer takes a second; a minute is a computer that hangs.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// What a step's root may not do, on top of what its user namespace forbids. Without `sys_ptrace` it
/// cannot look into a process that is still entering, whose program file is the computer's own.
const BOUNDS: &str = "-sys_ptrace,-sys_module,-sys_rawio,-sys_boot,-sys_time,-mknod,-syslog,\
                      -mac_admin,-mac_override,-audit_control,-audit_read,-wake_alarm,-block_suspend";

/// A simulated instance's private machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) spec: MachineSpec,
    pub(super) platform: Platform,
    /// `unshare`, which waits for process 1 and lives in the outer namespaces.
    keeper: Child,
    /// Held open: its end is the machine's end.
    life: ChildStdin,
    /// Process 1, by the number that the computer knows it by.
    init: u32,
}

/// What a machine is to be.
#[derive(Clone, Debug)]
pub(crate) struct MachineSpec {
    pub(crate) instance_id: String,
    pub(crate) region: String,
    pub(crate) host_name: String,
    /// Simulated seconds per real second: a time-out in simulated seconds is divided by it.
    pub(crate) speed: f64,
}

/// The operating system, as the agent tells scripts.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) name: String,
    pub(super) version: String,
}

impl Machine {
    /// Says whether this computer can isolate at all; the error is one sentence with the reason.
    pub(crate) async fn probe() -> Result<(), String> {
        let spec = MachineSpec {
            instance_id: "i-00000000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            host_name: "probe".to_owned(),
            speed: 1.0,
        };
        let machine = Self::boot(spec).await?;
        let (mut command, mut res) = (machine.enter(), String::new());
        command.arg("true").stdin(Stdio::null()).stderr(Stdio::piped());
        let entered = command.output().await.map_err(|e| refusal("nsenter", &e.to_string()))?;
        if !entered.status.success() {
            res = refusal("nsenter", &String::from_utf8_lossy(&entered.stderr));
        }
        machine.shutdown().await;
        if res.is_empty() { Ok(()) } else { Err(res) }
    }

    /// Starts the machine. The error is a sentence.
    pub(crate) async fn boot(spec: MachineSpec) -> Result<Self, String> {
        let started = timeout(BOOT_LIMIT, Self::start(spec)).await;
        started.unwrap_or_else(|_| Err(refusal("boot", "it did not answer within a minute")))
    }

    async fn start(spec: MachineSpec) -> Result<Self, String> {
        let ids = Ids::of_this_process().await?;
        let mut keeper = tool("unshare")
            .args(["--user", "--pid", "--mount", "--net", "--uts", "--ipc", "--fork"])
            .args(["--kill-child", "--", "sh", "-c", START, "fleet-machine", "join"])
            .args([ids.word(), &spec.host_name])
            .args(hidden())
            .env("FLEET_BOOT", BOOT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| refusal("unshare", &e.to_string()))?;
        let mut life = keeper.stdin.take().expect("standard input is piped");
        let mut lines =
            BufReader::new(keeper.stdout.take().expect("standard output is piped")).lines();

        let line = expect_line(&mut keeper, &mut lines, "pid ").await?;
        let init = line.parse().map_err(|_| refusal("boot", "it did not tell its process id"))?;
        ids.map_outer(init).await?;
        go_on(&mut life).await;
        expect_line(&mut keeper, &mut lines, "nested").await?;
        ids.map_inner(keeper.id(), init).await?;
        go_on(&mut life).await;
        expect_line(&mut keeper, &mut lines, "ready").await?;
        let platform = Platform::of_this_computer().await;
        Ok(Self { spec, platform, keeper, life, init })
    }

    /// A command that runs in the machine, to be completed with a program and its arguments.
    ///
    /// The outer namespaces first: what owns the inner user namespace is all that an ordinary user
    /// may enter from outside. Nothing from a document may reach the environment or the arguments
    /// of these programs, which still run on the computer.
    pub(super) fn enter(&self) -> Command {
        let mut command = tool("nsenter");
        if let Some(keeper) = self.keeper.id() {
            command.args(["--target", &keeper.to_string()]);
        }
        command
            .args(["--user", "--net", "--uts", "--ipc", "--preserve-credentials", "--"])
            .args(["nsenter", "--target", &self.init.to_string(), "--pid", "--mount", "--user"])
            .args(["--preserve-credentials", "--", "setpriv", "--bounding-set", BOUNDS, "--"])
            .current_dir("/");
        command
    }

    /// Ends every process but leaves the files, as a reboot does.
    pub(super) async fn reboot(&self) -> Result<(), String> {
        let mut command = self.enter();
        command.args(["sh", "-c", "kill -9 -1; :"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().await.map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("could not reboot: {status}")) }
    }

    /// Ends every process of the machine and discards its files.
    pub(crate) async fn shutdown(self) {
        let Self { life, mut keeper, .. } = self;
        drop(life);
        if timeout(SHUTDOWN_LIMIT, keeper.wait()).await.is_err() {
            // The kernel still ends process 1 with its parent.
            keeper.kill().await.ok();
        }
    }
}

/// A program of util-linux, which learns nothing of the operator's environment. It leads a session of
/// its own, so that nobody in the machine can open the operator's terminal, and dumps no core on the
/// computer when it repeats the signal that a script died of.
fn tool(name: &str) -> Command {
    let mut command = Command::new("setsid");
    command.args(["prlimit", "--core=0:0", "--", name]);
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("HOME", "/root");
    command.kill_on_drop(true);
    command
}

async fn go_on(life: &mut ChildStdin) {
    // A machine that ended is found by the line it does not send.
    life.write_all(b"\n").await.ok();
}

async fn expect_line(
    keeper: &mut Child,
    lines: &mut Lines<BufReader<ChildStdout>>,
    prefix: &str,
) -> Result<String, String> {
    let line = lines.next_line().await.ok().flatten();
    if let Some(rest) = line.as_deref().and_then(|it| it.strip_prefix(prefix)) {
        return Ok(rest.trim().to_owned());
    }
    let mut said = String::new();
    if let Some(stderr) = keeper.stderr.as_mut() {
        stderr.take(4_096).read_to_string(&mut said).await.ok();
    }
    Err(refusal("unshare", &said))
}

fn refusal(what: &str, why: &str) -> String {
    let why = why.trim().replace('\n', "; ");
    format!(
        "this computer cannot isolate a simulated instance: {what} failed ({why}); \
         it takes util-linux, and a kernel that lets this user create user namespaces and mount overlays"
    )
}

/// Which user ids the machine has.
enum Ids {
    /// Those of this process, unchanged: for root.
    All { uids: String, gids: String },
    /// Root only, which is really an ordinary user.
    One { uid: u32, gid: u32 },
}

impl Ids {
    async fn of_this_process() -> Result<Self, String> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if !uid.is_root() {
            return Ok(Self::One { uid: uid.as_raw(), gid: gid.as_raw() });
        }
        let uids = identity(&read("/proc/self/uid_map").await?);
        let gids = identity(&read("/proc/self/gid_map").await?);
        Ok(Self::All { uids, gids })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::All { .. } => "all",
            Self::One { .. } => "one",
        }
    }

    async fn map_outer(&self, init: u32) -> Result<(), String> {
        let (uids, gids) = match self {
            Self::All { uids, gids } => (uids.clone(), gids.clone()),
            Self::One { uid, gid } => {
                write(format!("/proc/{init}/setgroups"), "deny").await?;
                (format!("0 {uid} 1"), format!("0 {gid} 1"))
            }
        };
        write(format!("/proc/{init}/uid_map"), &uids).await?;
        write(format!("/proc/{init}/gid_map"), &gids).await
    }

    /// The inner user namespace can only be mapped from the outer one.
    async fn map_inner(&self, keeper: Option<u32>, init: u32) -> Result<(), String> {
        let (uids, gids) = match self {
            Self::All { uids, gids } => (uids.as_str(), gids.as_str()),
            Self::One { .. } => ("0 0 1", "0 0 1"),
        };
        let keeper = keeper.ok_or_else(|| refusal("boot", "it ended"))?.to_string();
        let script = r#"printf %s "$1" >"/proc/$3/uid_map" && printf %s "$2" >"/proc/$3/gid_map""#;
        let mapped = tool("nsenter")
            .args(["--target", &keeper, "--user", "--preserve-credentials", "--"])
            .args(["sh", "-c", script, "sh", uids, gids, &init.to_string()])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|e| refusal("nsenter", &e.to_string()))?;
        if mapped.status.success() {
            return Ok(());
        }
        Err(refusal("nsenter", &String::from_utf8_lossy(&mapped.stderr)))
    }
}

/// Maps every id of a `uid_map` to itself.
fn identity(map: &str) -> String {
    let mut res = String::new();
    for line in map.lines() {
        let mut words = line.split_whitespace();
        if let (Some(first), Some(count)) = (words.next(), words.nth(1)) {
            res.push_str(&[first, first, count].join(" "));
            res.push('\n');
        }
    }
    res
}

async fn read(path: &str) -> Result<String, String> {
    tokio::fs::read_to_string(path).await.map_err(|e| refusal(path, &e.to_string()))
}

async fn write(path: String, text: &str) -> Result<(), String> {
    tokio::fs::write(&path, text).await.map_err(|e| refusal(&path, &e.to_string()))
}

/// Where the operator's secrets may lie within the directories that the machine sees. It has no
/// /home, /root, /tmp, /run or any directory at the top that is not the system's in the first place.
fn hidden() -> Vec<String> {
    let mut paths = Vec::new();
    for name in ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        paths.extend(std::env::var_os(name).map(PathBuf::from));
    }
    paths.extend(std::env::var_os("HOME").map(PathBuf::from));
    if let Ok(here) = std::env::current_dir() {
        let tree = here.ancestors().find(|it| it.join(".git").exists());
        paths.push(tree.unwrap_or(&here).to_owned());
    }
    paths.retain(|it| is_below_a_system_directory(it));
    paths.iter().filter_map(|it| it.to_str()).map(str::to_owned).collect()
}

/// Hiding `/usr` itself would leave no machine.
fn is_below_a_system_directory(path: &Path) -> bool {
    const ESSENTIAL: [&str; 10] = [
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/usr/lib64",
        "/etc",
        "/nix",
        "/gnu",
        "/var/lib",
        "/var/cache",
    ];
    let is_below = |it: &&str| path.starts_with(it);
    (["/opt", "/srv"].iter().any(|it| is_below(it)) || ESSENTIAL.iter().any(|it| is_below(it)))
        && !ESSENTIAL.iter().any(|it| path == Path::new(it))
}

impl Platform {
    async fn of_this_computer() -> Self {
        let text = tokio::fs::read_to_string("/etc/os-release").await.unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        Self { name: value("NAME"), version: value("VERSION_ID") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_machine_would_see_is_hidden() {
        for (path, expected) in [
            ("/home/me/fleet", false),
            ("/work", false),
            ("/usr", false),
            ("/usr/lib", false),
            ("/usr/src/fleet", true),
            ("/opt", true),
            ("/srv/me", true),
            ("/etc/aws/credentials", true),
            ("/var/lib/jenkins", true),
            ("/var/libs", false),
        ] {
            assert_eq!(is_below_a_system_directory(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn every_id_is_mapped_to_itself() {
        assert_eq!(identity("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity("0 100000 65536\n70000 5 1\n"), "0 0 65536\n70000 70000 1\n");
    }
}
