//! A `fleet sim` in a process of its own, which can be asked what reached it, and killed.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Running, process::DEADLINE};

/// A simulator that serves until it is dropped.
pub(crate) struct SimProcess {
    process: Running,
    exports: BTreeMap<String, String>,
    _home: TempDir,
}

impl SimProcess {
    /// Serves the world of this text. Policies in it are files beside it.
    pub(crate) fn start(world: &str, files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(home.path().join(name), text).unwrap();
        }
        let path = home.path().join("world.toml");
        fs::write(&path, world).unwrap();
        Self::serve(&path, home)
    }

    /// Serves the world in a file.
    pub(crate) fn of(path: &Path) -> Self {
        Self::serve(path, tempfile::tempdir().unwrap())
    }

    fn serve(world: &Path, home: TempDir) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        command.arg("sim").arg("--world").arg(world);
        let mut process = Running::start(&mut command, home.path());
        process.wait_for("serving until interrupted");
        process.wait_for("AWS_SECRET_ACCESS_KEY=");
        let text = process.stdout();
        let exports = text.lines().map(|it| {
            let (name, value) = it.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), shell_words::split(value).unwrap().concat())
        });
        Self { exports: exports.collect(), process, _home: home }
    }

    /// Returns the variables that it prints.
    pub(crate) fn exports(&self) -> &BTreeMap<String, String> {
        &self.exports
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.exports["AWS_ENDPOINT_URL"]
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Orders more faults, a list of them as a world has them.
    pub(crate) fn order(&self, faults: &Value) {
        let headers = "Content-Type: application/json\r\n";
        let (head, why) = self.talk("POST /_fleet/faults", headers, &faults.to_string());
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{why}");
    }

    /// Takes back every fault, of its world or ordered.
    pub(crate) fn heal(&self) {
        self.ask("DELETE", "/_fleet/faults");
    }

    /// Returns what reached it so far.
    pub(crate) fn stats(&self) -> Stats {
        Stats(serde_json::from_str(&self.ask("GET", "/_fleet/stats")).unwrap())
    }

    fn ask(&self, method: &str, path: &str) -> String {
        self.talk(&format!("{method} {path}"), "", "").1
    }

    /// Makes a call of the query protocol, as an administrator of a world without users, and returns
    /// the answer.
    pub(crate) fn query(&self, service: &str, version: &str, action: &str) -> String {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.call(service, headers, &format!("Version={version}&Action={action}"))
    }

    /// Makes a call of SSM's protocol, as somebody else than fleet.
    pub(crate) fn ssm(&self, operation: &str, body: &Value) {
        drop(self.ask_ssm(operation, body));
    }

    /// The same, and returns the answer.
    pub(crate) fn ask_ssm(&self, operation: &str, body: &Value) -> Value {
        let headers = format!(
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonSSM.{operation}\r\n"
        );
        serde_json::from_str(&self.call("ssm", &headers, &body.to_string())).unwrap()
    }

    /// Makes a call of a service, whose signature is not looked at.
    fn call(&self, service: &str, headers: &str, body: &str) -> String {
        let scope = format!("AKID/20240719/us-east-1/{service}/aws4_request");
        let headers = format!(
            "{headers}X-Amz-Date: 20240719T052700Z\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={scope}, SignedHeaders=host, Signature=0\r\n"
        );
        let (head, answer) = self.talk("POST /", &headers, body);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{answer}");
        answer
    }

    /// Sends a request, and returns the head of its answer and the body.
    fn talk(&self, request: &str, headers: &str, body: &str) -> (String, String) {
        let address = self.endpoint().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}",
            body.len()
        );
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Waits until `operation` was called.
    pub(crate) fn wait_for_call(&self, operation: &str) {
        let end = Instant::now() + DEADLINE;
        while self.stats().calls(operation) == 0 {
            assert!(Instant::now() < end, "{operation} was never called");
            std::thread::yield_now();
        }
    }
}

/// `GET /_fleet/stats`.
#[derive(Debug)]
pub(crate) struct Stats(pub Value);

impl Stats {
    /// Returns the names of all operations that were called.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.0["calls"].as_object().unwrap().keys().cloned().collect()
    }

    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.0["calls"][operation].as_u64().unwrap_or(0)
    }

    /// Returns how many documents ran at once at the most.
    pub(crate) fn peak(&self) -> u64 {
        self.0["peak"].as_u64().unwrap()
    }

    pub(crate) fn commands(&self) -> u64 {
        self.0["commands"].as_u64().unwrap()
    }

    /// Returns how often this instance ran a document, whichever.
    pub(crate) fn executions_on(&self, instance: &str) -> u64 {
        let documents = self.0["executions"][instance].as_object();
        documents.into_iter().flat_map(|it| it.values()).filter_map(Value::as_u64).sum()
    }

    /// Returns how often each instance ran a document, whichever.
    pub(crate) fn executions(&self) -> Vec<u64> {
        let instances = self.0["executions"].as_object().unwrap().values();
        let sum = |it: &Value| it.as_object().unwrap().values().filter_map(Value::as_u64).sum();
        instances.map(sum).collect()
    }
}
