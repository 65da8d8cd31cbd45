//! The environment of one test: an empty home, a pinned clock, and no way to a real AWS.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{Output, Record, Running, SimProcess};

/// Port 9 discards: nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Where the program runs. Each run in it has a seed, and so an id, of its own.
pub(crate) struct FleetEnv {
    home: TempDir,
    vars: BTreeMap<String, String>,
    n_runs: Cell<u32>,
}

impl FleetEnv {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("home")).unwrap();
        fs::create_dir(home.path().join("state")).unwrap();
        let it = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let vars = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", it("home")),
            ("XDG_STATE_HOME", it("state")),
            ("COLUMNS", "100".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("FLEET_NOW", "2024-07-19T05:27:00Z".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", it("no-config")),
            ("AWS_SHARED_CREDENTIALS_FILE", it("no-credentials")),
            ("AWS_ENDPOINT_URL", NOWHERE.to_owned()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value)).into();
        Self { home, vars, n_runs: Cell::new(0) }
    }

    /// Returns an environment whose variables are those that `sim` prints, as a user would have it.
    pub(crate) fn of(sim: &SimProcess) -> Self {
        let exports = sim.exports().iter();
        exports.fold(Self::new(), |env, (name, value)| env.set(name, value))
    }

    pub(crate) fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.vars.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }

    /// Returns the directory that the program runs in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a world down and returns the flag that simulates it.
    pub(crate) fn world(&self, text: &str) -> String {
        format!("--sim={}", self.write("world.toml", text).display())
    }

    /// Returns the program with its environment. It refuses what could reach beyond this machine.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
        let seed = self.n_runs.replace(self.n_runs.get() + 1) + 1;
        command.args(args).env_clear().envs(&self.vars).current_dir(self.home.path());
        if !self.vars.contains_key("FLEET_SEED") {
            command.env("FLEET_SEED", seed.to_string());
        }
        let flags = args.iter().zip(args.iter().skip(1));
        let flags = flags.filter(|(it, _)| **it == "--endpoint-url").map(|(_, url)| *url);
        let joined = args.iter().filter_map(|it| it.strip_prefix("--endpoint-url="));
        let vars = self.vars.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        for url in flags.chain(joined).chain(vars.map(|(_, url)| url.as_str())) {
            // Nothing is reached by what names no host.
            let is_nowhere = matches!(url, "" | "http:///");
            let is_here = url.starts_with("http://127.0.0.1:");
            assert!(is_nowhere || is_here, "{url} is not on this machine");
        }
        assert!(self.vars.contains_key("AWS_ENDPOINT_URL"), "nothing keeps fleet from a real AWS");
        command
    }

    /// Returns another program in the same environment: a script that calls fleet.
    pub(crate) fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.vars).current_dir(self.home.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.spawn(args).finish()
    }

    /// Runs it with other waits than the environment's: those that give up are longer, too.
    pub(crate) fn run_at_pace(&self, pace: &str, args: &[&str]) -> Output {
        let mut command = self.command(args);
        Running::start(command.env("FLEET_PACE", pace), self.home.path()).finish()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args), self.home.path())
    }

    /// Starts fleet on a terminal of its own; `None` where `script` is missing.
    pub(crate) fn on_a_terminal(&self, args: &str) -> Option<Running> {
        let fleet = self.command(&[]);
        let vars = fleet.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut script = Command::new("script");
        let line = format!("exec {} {args}", env!("CARGO_BIN_EXE_fleet"));
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.env_clear().envs(vars).env("TERM", "xterm").env("NO_COLOR", "1");
        script.env("SHELL", "/bin/sh");
        let has_script = Command::new("script").arg("--version").output().is_ok();
        has_script.then(|| Running::start(&mut script, self.home.path()))
    }

    /// Starts fleet on a terminal of this many columns and rows, which is its controlling one; `None`
    /// where `setsid` is missing.
    pub(crate) fn on_a_terminal_of(&self, size: (u16, u16), args: &[&str]) -> Option<Running> {
        let fleet = self.command(&[]);
        let vars = fleet.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut setsid = Command::new("setsid");
        setsid.args(["--ctty", env!("CARGO_BIN_EXE_fleet")]).args(args);
        setsid.env_clear().env("TERM", "xterm").envs(vars).current_dir(self.home.path());
        let has_setsid = Command::new("setsid").arg("--version").output().is_ok();
        has_setsid.then(|| Running::on_a_terminal(&mut setsid, self.home.path(), size))
    }

    /// Returns what the only run here left in its ledger.
    pub(crate) fn record(&self) -> Record {
        let runs = self.runs();
        let [run] = runs.as_slice() else { panic!("there are {} runs", runs.len()) };
        Record::read(run)
    }

    /// Returns the ledgers' directories.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("state/fleet/runs")) else { return Vec::new() };
        let mut runs: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
        runs.sort();
        runs
    }
}

/// Returns a file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
