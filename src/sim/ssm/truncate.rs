//! The agent's truncation (aws-facts §A.5), until the agent's own is here.

pub(super) const STREAM: usize = 24_000;

pub(super) fn stream(text: &str, limit: usize) -> String {
    if text.len() < limit {
        return text.to_owned();
    }
    format!("{}--output truncated--", prefix(text, limit - 20))
}

pub(super) fn combined(stdout: &str, stderr: &str, _code: i32) -> String {
    const OUT: &str = "\n---Output truncated---";
    const ERR: &str = "\n---Error truncated----";
    let title = if stderr.is_empty() { "" } else { "\n----------ERROR-------\n" };
    let room = 2500 - title.len();
    if stdout.len() + stderr.len() < room {
        return format!("{stdout}{title}{stderr}");
    }
    if stdout.len() > room / 2 && stderr.len() > room / 2 {
        let half = (room - OUT.len() - ERR.len()) / 2;
        let (stdout, stderr) = (prefix(stdout, half), prefix(stderr, half));
        return format!("{stdout}{OUT}{title}{stderr}{ERR}");
    }
    if stdout.len() <= room / 2 {
        let stderr = prefix(stderr, room - ERR.len() - stdout.len());
        return format!("{stdout}{title}{stderr}{ERR}");
    }
    let stdout = prefix(stdout, room - OUT.len() - stderr.len());
    format!("{stdout}{OUT}{title}{stderr}")
}

fn prefix(text: &str, n: usize) -> String {
    String::from_utf8_lossy(text.as_bytes().get(..n).unwrap_or(text.as_bytes())).into_owned()
}
