//! Holds the simulator to its floor: with 10,000 instances, a page of 50 invocations with Details
//! in under 2 ms at the median, over loopback HTTP.
//!
//!   cargo bench --bench sim
//!
//! It also prints how much memory the instances and a finished command of them take.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use fleet::sim::{Sim, World};

const SIZE: usize = 10_000;

fn main() {
    memory();
    divan::main();
}

/// A page of 50 from the middle of a finished command of 10,000 instances, each of which said
/// 2,500 bytes.
#[divan::bench(sample_count = 500)]
fn page_of_invocations_with_details(bencher: divan::Bencher) {
    let scene = Scene::new(SIZE);
    let token = scene.page(None).1.map(|it| scene.page(Some(&it)).1);
    let token = token.flatten().expect("there are many pages");
    let mut stream = scene.connect();
    bencher.bench_local(|| scene.page_over(&mut stream, Some(&token)).0.len());
}

/// Instances that failed, among 10,000: all of them are looked at.
#[divan::bench(sample_count = 100)]
fn failures_among_all_invocations(bencher: divan::Bencher) {
    let scene = Scene::new(SIZE);
    let filter = r#","Filters":[{"key":"Status","value":"Failed"}]"#;
    let body = format!(r#"{{"CommandId":"{}"{filter}}}"#, scene.command);
    let mut stream = scene.connect();
    bencher.bench_local(|| exchange(&mut stream, "ListCommandInvocations", &body).len());
}

/// The counts of a command, as ListCommands tells them.
#[divan::bench(sample_count = 500)]
fn counts_of_a_command(bencher: divan::Bencher) {
    let scene = Scene::new(SIZE);
    let body = format!(r#"{{"CommandId":"{}"}}"#, scene.command);
    let mut stream = scene.connect();
    bencher.bench_local(|| exchange(&mut stream, "ListCommands", &body).len());
}

/// A simulator with a finished command to its only group.
struct Scene {
    sim: Sim,
    command: String,
}

impl Scene {
    fn new(size: usize) -> Self {
        let stdout = "o".repeat(2_600);
        let world = format!(
            "speed = 10000\n[[group]]\nname = \"web\"\nsize = {size}\n\
             [[outcome]]\nstdout = \"{stdout}\"\n"
        );
        let world = World::parse(&world, Path::new("bench.toml")).expect("the world is valid");
        let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).expect("loopback is there");
        let mut res = Self { sim, command: String::new() };
        let send = r#"{"DocumentName":"AWS-RunShellScript","Parameters":{"commands":["true"]},
            "Targets":[{"Key":"tag:aws:autoscaling:groupName","Values":["web"]}],
            "MaxConcurrency":"100%"}"#;
        let answer = exchange(&mut res.connect(), "SendCommand", send);
        let (_, rest) = answer.split_once(r#""CommandId":""#).expect("it was accepted");
        rest[..36].clone_into(&mut res.command);
        res.until_finished(size);
        res
    }

    /// Simulated seconds are a tenth of a millisecond: asking is waiting enough.
    fn until_finished(&self, size: usize) {
        let body = format!(r#"{{"CommandId":"{}"}}"#, self.command);
        let mut stream = self.connect();
        let done = format!(r#""CompletedCount":{size},"#);
        while !exchange(&mut stream, "ListCommands", &body).contains(&done) {}
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.sim.address()).expect("it listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream
    }

    fn page(&self, token: Option<&str>) -> (String, Option<String>) {
        self.page_over(&mut self.connect(), token)
    }

    /// Returns a page and the token of the next.
    fn page_over(&self, stream: &mut TcpStream, token: Option<&str>) -> (String, Option<String>) {
        let token = token.map(|it| format!(r#","NextToken":"{it}""#)).unwrap_or_default();
        let body =
            format!(r#"{{"CommandId":"{}","Details":true,"MaxResults":50{token}}}"#, self.command);
        let answer = exchange(stream, "ListCommandInvocations", &body);
        let next = answer.rsplit_once(r#""NextToken":""#).map(|(_, it)| it);
        let next = next.and_then(|it| it.split('"').next()).map(str::to_owned);
        (answer, next)
    }
}

/// Asks Systems Manager on a connection that is kept, and returns the answer's body.
fn exchange(stream: &mut TcpStream, operation: &str, body: &str) -> String {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: AmazonSSM.{operation}\r\nx-amz-date: 20260101T000000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/ssm/aws4_request, \
         SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = Vec::with_capacity(256 * 1024);
    let mut chunk = [0; 64 * 1024];
    loop {
        let n = stream.read(&mut chunk).expect("it answers");
        assert!(n > 0, "it closed the connection");
        answer.extend_from_slice(&chunk[..n]);
        let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ").expect("it tells the length");
        let length: usize = length.lines().next().unwrap_or_default().parse().expect("a number");
        if answer.len() < end + 4 + length {
            continue;
        }
        assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        return String::from_utf8(answer.split_off(end + 4)).expect("JSON is UTF-8");
    }
}

/// Prints the resident memory that 10,000 instances and their invocations take.
#[expect(clippy::disallowed_macros, reason = "a benchmark prints what it finds")]
fn memory() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        line.and_then(|it| it.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0)
    };
    drop(Scene::new(10)); // whatever a first simulator takes is not the instances'
    let before = resident();
    let scene = Scene::new(SIZE);
    let taken = resident().saturating_sub(before);
    let each = taken as f64 / SIZE as f64;
    println!(
        "memory: {taken} KiB for {SIZE} instances and a finished command of them: {each:.1} KiB each"
    );
    drop(scene);
}
