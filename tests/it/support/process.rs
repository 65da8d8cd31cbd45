//! A process that a test started: its lines as they come, its end within a deadline.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::Output;

/// Far beyond what any test takes, so that one that hangs fails instead.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Stdout,
    Stderr,
}

/// A process that goes on. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The other end of its terminal, if it has one.
    terminal: Option<File>,
    lines: Receiver<(Source, Option<Vec<u8>>)>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    n_open: usize,
    home: PathBuf,
}

impl Running {
    /// Starts `command`; `home` is what its output is not to name.
    pub(crate) fn start(command: &mut Command, home: &Path) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        read(child.stdout.take().unwrap(), Source::Stdout, sender.clone());
        read(child.stderr.take().unwrap(), Source::Stderr, sender);
        let stdin = child.stdin.take();
        let (stdout, stderr) = (Vec::new(), Vec::new());
        let home = home.to_owned();
        Self { child, stdin, terminal: None, lines, stdout, stderr, n_open: 2, home }
    }

    /// Starts `command`, which makes its stdin its controlling terminal, on one of this size. All that
    /// it writes counts as stdout.
    pub(crate) fn on_a_terminal(command: &mut Command, home: &Path, size: (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&master, winsize(size)).unwrap();
        let child = command.stdin(open()).stdout(open()).stderr(open()).spawn().unwrap();
        // What is left of the command keeps its end of the terminal open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let master = File::from(master);
        let (sender, lines) = channel();
        read(master.try_clone().unwrap(), Source::Stdout, sender);
        let (terminal, home) = (Some(master), home.to_owned());
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Self { child, stdin: None, terminal, lines, stdout, stderr, n_open: 1, home }
    }

    /// Gives its terminal another size.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        tcsetwinsize(self.terminal.as_ref().unwrap(), winsize(size)).unwrap();
    }

    /// Sends SIGUSR1.
    pub(crate) fn ask(&self) {
        self.signal(Signal::USR1);
    }

    /// Waits until what was written so far, to stdout or stderr, contains `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until what was written so far, to stdout or stderr, contains `text` so many times.
    pub(crate) fn wait_for_times(&mut self, text: &str, times: usize) {
        let end = Instant::now() + DEADLINE;
        let has = |it: &[u8]| String::from_utf8_lossy(it).matches(text).count() >= times;
        while !has(&self.stdout) && !has(&self.stderr) {
            if self.n_open == 0 || !self.take(end) {
                panic!("`{text}` never came:\n{}", self.so_far());
            }
        }
    }

    /// Waits until anything more is written, or it has ended.
    pub(crate) fn wait_for_more(&mut self) {
        let end = Instant::now() + DEADLINE;
        assert!(self.n_open == 0 || self.take(end), "nothing more came:\n{}", self.so_far());
    }

    /// Waits until so many lines were written to stdout, or it has ended. Returns whether they were.
    pub(crate) fn wait_for_lines(&mut self, n_lines: usize) -> bool {
        let end = Instant::now() + DEADLINE;
        let count = |it: &[u8]| it.split(|it| *it == b'\n').count() - 1;
        while count(&self.stdout) < n_lines && self.n_open > 0 {
            assert!(self.take(end), "{n_lines} lines never came:\n{}", self.so_far());
        }
        count(&self.stdout) >= n_lines
    }

    /// Types `text`.
    pub(crate) fn type_in(&mut self, text: &str) {
        if let Some(terminal) = &mut self.terminal {
            return terminal.write_all(text.as_bytes()).unwrap();
        }
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).unwrap();
    }

    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Sends SIGTERM to the process that this one has started.
    pub(crate) fn terminate_child(&self) {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let child = children.split_whitespace().next().unwrap().parse().unwrap();
        kill_process(Pid::from_raw(child).unwrap(), Signal::TERM).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Returns whether it is over.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Returns what was written to stdout so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Output {
        drop(self.stdin.take());
        let end = Instant::now() + DEADLINE;
        while self.n_open > 0 {
            if !self.take(end) {
                self.kill();
                panic!("it did not end:\n{}", self.so_far());
            }
        }
        let status = self.child.wait().unwrap();
        let text = |it: &mut Vec<u8>| String::from_utf8_lossy(&std::mem::take(it)).into_owned();
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        Output { code: status.code(), stdout, stderr, home: self.home.clone() }
    }

    /// Takes the next line, or the end of a stream. Returns whether it came in time.
    fn take(&mut self, end: Instant) -> bool {
        match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok((Source::Stdout, Some(bytes))) => self.stdout.extend(bytes),
            Ok((Source::Stderr, Some(bytes))) => self.stderr.extend(bytes),
            Ok((_, None)) => self.n_open -= 1,
            Err(RecvTimeoutError::Disconnected) => self.n_open = 0,
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }

    fn so_far(&self) -> String {
        let text = |it| String::from_utf8_lossy(it).into_owned();
        format!("{}\n{}", text(&self.stdout), text(&self.stderr))
    }
}

fn winsize((columns, rows): (u16, u16)) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(from: impl Read + Send + 'static, source: Source, to: Sender<(Source, Option<Vec<u8>>)>) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            // Not by lines: a prompt has no end of line.
            let bytes = match from.fill_buf() {
                Ok(it) if !it.is_empty() => it.to_vec(),
                _ => break,
            };
            from.consume(bytes.len());
            if to.send((source, Some(bytes))).is_err() {
                return;
            }
        }
        to.send((source, None)).ok();
    });
}
