//! The user ids of a machine, and how its two user namespaces come by them.
//! It never gives a machine an id that fleet itself does not have.

use std::process::Stdio;

use super::machine::{refusal, tool};

/// With fewer, the files of the computer have owners that the machine cannot name.
const ENOUGH: u64 = 65_536;

/// Which user ids the machine has.
pub(super) enum Ids {
    /// Those of this process, unchanged: for root.
    All { uids: String, gids: String },
    /// Root only, which is really an ordinary user.
    One { uid: u32, gid: u32 },
}

impl Ids {
    pub(super) async fn of_this_process() -> Result<Self, String> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if !uid.is_root() {
            return Ok(Self::One { uid: uid.as_raw(), gid: gid.as_raw() });
        }
        let (uids, gids) = (read("/proc/self/uid_map").await?, read("/proc/self/gid_map").await?);
        if count(&uids) < ENOUGH || count(&gids) < ENOUGH {
            // Already within a user namespace that has little more than its root.
            return Ok(Self::One { uid: uid.as_raw(), gid: gid.as_raw() });
        }
        Ok(Self::All { uids: identity(&uids), gids: identity(&gids) })
    }

    /// What `boot.sh` calls it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::All { .. } => "all",
            Self::One { .. } => "one",
        }
    }

    /// Maps the user namespace of process 1, from outside.
    pub(super) async fn map_outer(&self, init: u32) -> Result<(), String> {
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
    pub(super) async fn map_inner(&self, keeper: Option<u32>, init: u32) -> Result<(), String> {
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

/// How many ids a `uid_map` has.
fn count(map: &str) -> u64 {
    let counts = map.lines().filter_map(|it| it.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_mapped_to_itself() {
        assert_eq!(identity("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity("0 100000 65536\n70000 5 1\n"), "0 0 65536\n70000 70000 1\n");
        assert_eq!(count("0 100000 65536\n70000 5 1\n"), 65_537);
    }
}
