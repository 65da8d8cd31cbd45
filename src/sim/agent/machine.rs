//! A simulated instance's private machine, made of Linux namespaces by util-linux.
//! It refuses what it cannot isolate, and never runs anything outside.
//!
//! `unshare` makes a user, pid, mount, network, uts and ipc namespace; `boot.sh`, process 1 in them,
//! builds a root of overlays whose upper layers are a tmpfs, pivots into it and enters a second user
//! and mount namespace, in which every mount of the first is locked: nobody in the machine, root
//! included, can undo a mount. Every step enters by `nsenter`. The kernel ends all of it with
//! process 1, which ends when its standard input does, so it cannot outlive fleet.

use std::{process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{hidden, ids::Ids};

const BOOT: &str = include_str!("boot.sh");
const START: &str = r#"eval "$FLEET_BOOT""#;
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A cold computer takes a second; a minute is a computer that hangs.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// Runs its argument, and says at the end what it said if it failed. What it leaves running holds
/// a file of the machine's open, and not the way out of it.
const SETUP: &str = r#"log=/run/setup.$$; sh -c "$1" setup >"$log" 2>&1; code=$?
[ "$code" = 0 ] || tail -c 2000 "$log" >&2
rm -f "$log"; exit "$code""#;

const SETUP_LIMIT: Duration = Duration::from_secs(60);
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
    /// Scripts that make it what it is before any document comes, in their order.
    pub(crate) setup: Vec<Arc<str>>,
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
            setup: Vec::new(),
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
        let machine = started
            .unwrap_or_else(|_| Err(refusal("boot", "it did not answer within a minute")))?;
        for script in &machine.spec.setup {
            machine.set_up(script).await?;
        }
        Ok(machine)
    }

    /// Runs a script of the world's in the machine. What it starts may go on. The error is a
    /// sentence.
    async fn set_up(&self, script: &str) -> Result<(), String> {
        let failed = |why: &str| {
            let why = why.trim().replace('\n', "; ");
            format!("the instance's setup, which its world names, failed: {why}")
        };
        let mut command = self.enter();
        command.args(["sh", "-c", SETUP, "setup", script]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let ended = match timeout(SETUP_LIMIT, command.output()).await {
            Ok(ended) => ended.map_err(|err| failed(&err.to_string()))?,
            Err(_) => return Err(failed("it did not end within a minute")),
        };
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        Err(failed(&format!("{}: {said}", ended.status)))
    }

    async fn start(spec: MachineSpec) -> Result<Self, String> {
        let ids = Ids::of_this_process().await?;
        let mut keeper = tool("unshare")
            .args(["--user", "--pid", "--mount", "--net", "--uts", "--ipc", "--fork"])
            .args(["--kill-child", "--", "sh", "-c", START, "fleet-machine", "join"])
            .args([ids.word(), &spec.host_name])
            .args(hidden::paths())
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
pub(super) fn tool(name: &str) -> Command {
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

pub(super) fn refusal(what: &str, why: &str) -> String {
    let why = why.trim().replace('\n', "; ");
    format!(
        "this computer cannot isolate a simulated instance: {what} failed ({why}); \
         it takes util-linux, and a kernel that lets this user create user namespaces and mount overlays"
    )
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
