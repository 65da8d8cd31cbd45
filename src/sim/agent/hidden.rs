//! What of the computer's directories a machine must not see.
//! It only names paths; `boot.sh` hides them.

use std::path::{Path, PathBuf};

/// Where the operator's secrets may lie within the directories that the machine sees. It has no
/// /home, /root, /tmp, /run or any directory at the top that is not the system's in the first place.
pub(super) fn paths() -> Vec<String> {
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
    let mut visible = ["/opt", "/srv"].iter().chain(&ESSENTIAL);
    visible.any(|it| path.starts_with(it)) && !ESSENTIAL.iter().any(|it| path == Path::new(it))
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
}
