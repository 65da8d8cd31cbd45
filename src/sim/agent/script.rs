//! One script in a machine: written, started, drained, and stopped in time.
//! It knows nothing of documents; what an exit code means to a plugin is said here once.

use std::{
    collections::BTreeMap,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Child,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    machine::Machine,
    steps::{EXIT_WITH_SUCCESS, State},
};

const REBOOT: i32 = 194;
/// What the agent reports for a script that it stopped, and what any script may exit with.
const STOPPED: i32 = 137;
const NO_CODE: i32 = -1;

/// A killed process that the kernel does not let go of must not keep the step open.
const REAP_LIMIT: Duration = Duration::from_secs(10);

/// What is run, and how.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) commands: &'a [String],
    /// Where the script file is put.
    pub(super) directory: String,
    /// Of the document: a relative working directory is looked for there.
    pub(super) downloads: String,
    pub(super) working_directory: &'a str,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) limit: Duration,
    /// How much of a stream is kept, in bytes: from there on it is truncated anyway.
    pub(super) kept: usize,
    pub(super) cancel: watch::Receiver<bool>,
}

/// What a script came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) state: State,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Both streams as they were written.
    pub(super) raw: [Vec<u8>; 2],
}

impl Ran {
    pub(super) fn failed(stderr: String) -> Self {
        Self { stderr, ..Self::silent(State::Failed, 1) }
    }

    /// Cancelled before it was started: the agent's code is not 137 then.
    pub(super) fn cancelled() -> Self {
        Self::silent(State::Cancelled, 1)
    }

    pub(super) fn silent(state: State, code: i32) -> Self {
        Self { state, code, stdout: String::new(), stderr: String::new(), raw: Default::default() }
    }
}

enum Ended {
    ByItself(std::io::Result<ExitStatus>),
    Stopped(State),
}

/// Runs a script to its end, its time limit or its cancellation.
///
/// As with the agent, whatever holds its standard output or error open keeps it running.
pub(super) async fn run(machine: &Machine, script: Script<'_>) -> Ran {
    let mut command = machine.enter();
    // The text comes by standard input, so that no parameter shows in the computer's process list.
    command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return Ran::failed(format!("failed to run commands: {e}")),
    };
    let mut group = Group::led_by(&child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut cancel = script.cancel.clone();
    let ended = {
        let mut by_itself = pin!(drive(&mut child, &script, &mut stdout, &mut stderr));
        tokio::select! {
            status = &mut by_itself => Ended::ByItself(status),
            () = cancelled(&mut cancel) => Ended::Stopped(State::Cancelled),
            () = sleep(script.limit) => Ended::Stopped(State::TimedOut),
        }
    };
    match ended {
        Ended::ByItself(_) => group.leader = None,
        Ended::Stopped(_) => {
            drop(group);
            // For the moment before the child leads its group.
            child.start_kill().ok();
            timeout(REAP_LIMIT, child.wait()).await.ok();
        }
    }
    let is_cancelled = *cancel.borrow();
    judge(&script, &ended, is_cancelled, &stdout, &stderr)
}

async fn drive(
    child: &mut Child,
    script: &Script<'_>,
    stdout: &mut Vec<u8>,
    stderr: &mut Vec<u8>,
) -> std::io::Result<ExitStatus> {
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let out = child.stdout.take().expect("standard output is piped");
    let err = child.stderr.take().expect("standard error is piped");
    // One byte is our own.
    let (program, kept) = (script.to_shell(), script.kept + 1);
    let feed = async move {
        // A machine that ended does not read it; the missing preamble tells.
        stdin.write_all(program.as_bytes()).await.ok();
    };
    tokio::join!(feed, drain(out, stdout, kept), drain(err, stderr, kept));
    // Only now, for as long as it is not waited for its number is not given to anyone else, and the
    // group can be killed.
    child.wait().await
}

/// Reads to the end and keeps the head.
async fn drain(mut from: impl AsyncRead + Unpin, head: &mut Vec<u8>, kept: usize) {
    let mut chunk = [0; 8_192];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        let room = kept - head.len();
        head.extend_from_slice(&chunk[..n.min(room)]);
    }
}

async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|&it| it).await.is_err() {
        // Whoever could cancel is gone.
        std::future::pending::<()>().await;
    }
}

/// The process group of a running script, killed when it is dropped, as the agent does: who left it
/// (`setsid`) lives on.
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn led_by(child: &Child) -> Self {
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        Self { leader: id.and_then(Pid::from_raw) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // It fails only where there is nothing left to kill.
            kill_process_group(leader, Signal::KILL).ok();
        }
    }
}

fn judge(
    script: &Script<'_>,
    ended: &Ended,
    is_cancelled: bool,
    stdout: &[u8],
    stderr: &[u8],
) -> Ran {
    // The first byte of the output is the preamble of `to_shell`.
    let (preamble, stdout) = match stdout.split_first() {
        Some((&first, rest)) => (Some(first), rest),
        None => (None, stdout),
    };
    let raw = [stdout.to_vec(), stderr.to_vec()];
    let text = |it| String::from_utf8_lossy(it).into_owned();
    let (stdout, mut stderr) = (text(stdout), text(stderr));
    let status = match ended {
        Ended::Stopped(state) => return Ran { state: *state, code: STOPPED, stdout, stderr, raw },
        Ended::ByItself(Ok(status)) => status,
        Ended::ByItself(Err(e)) => return Ran::failed(format!("failed to run commands: {e}")),
    };
    let directory = &script.directory;
    match preamble {
        Some(b'+') => {}
        Some(b'd') => {
            return Ran::failed(format!(
                "failed to create orchestrationDir directory, {directory}"
            ));
        }
        Some(b's') => {
            return Ran::failed(format!("failed to create script file. {}", stderr.trim()));
        }
        Some(b'c') => {
            let text = "failed to run commands: fork/exec /usr/bin/sh: no such file or directory";
            return Ran::failed(text.to_owned());
        }
        Some(_) | None => {
            return Ran::failed(format!("failed to run commands: {status}: {}", stderr.trim()));
        }
    }
    let (code, reason) = match status.code() {
        Some(code) => (code, format!("exit status {code}")),
        None => (NO_CODE, format!("signal: {}", signal_name(*status))),
    };
    let (code, state) = match code {
        0 => (code, State::Success),
        REBOOT => (code, State::SuccessAndReboot),
        STOPPED | NO_CODE if is_cancelled => (STOPPED, State::Cancelled),
        STOPPED => (code, State::TimedOut),
        _ => (code, State::Failed),
    };
    if state == State::Failed {
        // Glued on: terratest's test against the service expects exactly one line break between the
        // two after `cat: /wrong/file: No such file or directory\n`.
        stderr.push_str("failed to run commands: ");
        stderr.push_str(&reason);
    }
    debug_assert!(
        code != EXIT_WITH_SUCCESS || state == State::Failed,
        "steps::conclude decides on it"
    );
    Ran { state, code, stdout, stderr, raw }
}

/// As Go names them.
fn signal_name(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal().unwrap_or_default();
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

impl Script<'_> {
    /// The program that the shell in the machine reads: it writes the script file and becomes it.
    /// Its first byte of output says how far it came; everything after that is the script's.
    fn to_shell(&self) -> String {
        let mut program = "umask 022\n".to_owned();
        for (name, value) in &self.environment {
            if is_variable(name) {
                program.push_str(&["export ", name, "=", &quoted(value), "\n"].concat());
            }
        }
        let directory = quoted(&self.directory);
        let path = quoted(&format!("{}/_script.sh", self.directory));
        let text = quoted(&(self.commands.join("\n") + "\n"));
        let downloads = quoted(&format!("{}/{}", self.downloads, self.working_directory));
        let enter = if self.working_directory.starts_with('/') {
            format!("cd {}", quoted(self.working_directory))
        } else {
            // /usr/bin is where the agent's service starts it.
            format!("if [ -e {downloads} ]; then cd {downloads}; else cd /usr/bin; fi")
        };
        let run = quoted(&path);
        program
            + &format!(
                "mkdir -p {directory} || {{ printf d; exit 1; }}\n\
                 {{ printf %s {text} >{path} && chmod 0700 {path}; }} || {{ printf s; exit 1; }}\n\
                 {{ {enter}; }} 2>/dev/null || {{ printf c; exit 1; }}\n\
                 printf +\n\
                 exec sh -c {run} </dev/null\n"
            )
    }
}

/// The shell cannot export any other name.
fn is_variable(name: &str) -> bool {
    let is_letter = |it: u8| it.is_ascii_alphabetic() || it == b'_';
    name.bytes().enumerate().all(|(i, it)| is_letter(it) || (i > 0 && it.is_ascii_digit()))
        && !name.is_empty()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
