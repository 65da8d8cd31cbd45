//! What differs between two instances by their nature, so that output can be compared up to it.
//! It masks only what it knows by its shape: a difference that may matter stays one.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// A shape and what stands for it; the earlier one wins.
struct Mask {
    pattern: &'static str,
    shown: &'static str,
    /// Only its first number, dots included, differs by nature; the rest stays: `PID `, `:443`.
    is_framed: bool,
}

const MASKS: [Mask; 13] = [
    Mask {
        pattern: r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
        shown: "‹uuid›",
        is_framed: false,
    },
    Mask {
        pattern: r"\bm?i-(?:[0-9a-f]{17}|[0-9a-f]{8})\b",
        shown: "‹instance›",
        is_framed: false,
    },
    // What hangs on one instance alone. An image or a subnet that differs is worth a look.
    Mask {
        pattern: r"\b(?:vol|eni)-(?:[0-9a-f]{17}|[0-9a-f]{8})\b",
        shown: "‹id›",
        is_framed: false,
    },
    // The names that EC2 gives (EC2 guide, instance hostname types), and those of Windows images.
    Mask {
        pattern: r"\bip-\d{1,3}(?:-\d{1,3}){3}(?:\.[a-z0-9-]+)*\b|\bEC2AMAZ-[A-Z0-9]{7}\b",
        shown: "‹host›",
        is_framed: false,
    },
    Mask {
        pattern: r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b", shown: "‹mac›", is_framed: false
    },
    // ISO 8601, `date`, RFC 1123, syslog, and a time of day. A date alone may be a version.
    Mask {
        pattern: r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?\b",
        shown: "‹time›",
        is_framed: false,
    },
    Mask {
        pattern: r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:\d{1,2} +)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(?:\d{1,2} +)?(?:\d{4} +)?\d\d:\d\d:\d\d(?:\.\d+)?(?: (?:AM|PM))?(?: (?:UTC|GMT|[A-Z]{3,4}|[+-]\d{4})\b)?(?: \d{4}\b)?",
        shown: "‹time›",
        is_framed: false,
    },
    // Private addresses (RFC 1918, 3927, 6598); any other of four numbers is an address only with
    // a port or a prefix, or after a word that says so: it may be a version.
    Mask {
        pattern: r"\b(?:10\.(?:25[0-5]|2[0-4]\d|1?\d?\d)|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){2}\b|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}|/\d{1,2})\b|\b(?:inet|addr|address|ip|from|peer|src|dst)[ =:]+(?:\d{1,3}\.){3}\d{1,3}\b",
        shown: "‹ip›",
        is_framed: true,
    },
    Mask {
        pattern: r"\b(?:[23][0-9a-fA-F]{3}|[fF][cdeCDE][0-9a-fA-F]{2})(?::[0-9a-fA-F]{0,4}){2,7}(?:/\d{1,3}\b)?",
        shown: "‹ip›",
        is_framed: false,
    },
    // `uptime`: how long, and how busy, no two are the same.
    Mask {
        pattern: r"\bup +(?:\d+ days?, +)?(?:\d{1,2}:\d\d|\d+ min|\d+ hours?)\b|\bup +\d+ (?:weeks?|days?|hours?|minutes?)(?:, \d+ (?:days?|hours?|minutes?))*\b",
        shown: "up ‹duration›",
        is_framed: false,
    },
    Mask {
        pattern: r"\bload averages?: [0-9., ]*[0-9]",
        shown: "load average: ‹load›",
        is_framed: false,
    },
    Mask {
        pattern: r"(?i)\bpid[ :=#]{0,3}\d+\b|\[\d{1,7}\]:", shown: "‹pid›", is_framed: true
    },
    Mask {
        pattern: r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b|\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|hours?|days?)\b",
        shown: "‹duration›",
        is_framed: false,
    },
];

/// All shapes at once: a text is searched one time.
static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let patterns: Vec<_> = MASKS.iter().map(|it| format!("(?:{})", it.pattern)).collect();
    Regex::new(&patterns.join("|")).expect("the shapes above are regular expressions")
});

static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let whole = |it: &Mask| Regex::new(&format!("^(?:{})$", it.pattern));
    let compile = |it| whole(it).expect("the shapes above are regular expressions");
    MASKS.iter().map(compile).collect()
});

/// Returns `text` with a word in ‹› in the place of whatever differs by nature.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    // Each shape has a digit, but for addresses of letters alone (`aa:bb:cc:dd:ee:ff`); a UUID
    // without one does not come.
    if !text.bytes().any(|it| it.is_ascii_digit() || it == b':') {
        return Cow::Borrowed(text);
    }
    ANY.replace_all(text, |found: &regex::Captures<'_>| shown(&found[0]))
}

/// Returns what stands for `found`, which one of the shapes matched.
fn shown(found: &str) -> String {
    let of = EACH.iter().position(|it| it.is_match(found)).unwrap_or(MASKS.len() - 1);
    let Mask { shown, is_framed, .. } = MASKS[of];
    let Some(begin) = found.find(|it: char| it.is_ascii_digit()).filter(|_| is_framed) else {
        return shown.to_owned();
    };
    // Whether something listens on loopback or everywhere is a difference.
    if ["127.", "0.0.0.0"].iter().any(|it| found[begin..].starts_with(it)) {
        return found.to_owned();
    }
    let is_number = |it: char| it.is_ascii_digit() || it == '.';
    let rest = found[begin..].trim_start_matches(is_number);
    format!("{}{shown}{rest}", &found[..begin])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_nature_is_masked() {
        let check = |text: &str, expected: &str| assert_eq!(masked(text), expected, "{text}");
        check("i-0123456789abcdef0 is up", "‹instance› is up");
        check("Linux ip-10-0-3-17.ec2.internal 6.1.0", "Linux ‹host› 6.1.0");
        check("EC2AMAZ-1A2B3C4 10.0.0.12", "‹host› ‹ip›");
        check("inet 172.31.7.9/20 scope", "inet ‹ip›/20 scope");
        check("from 203.0.113.7 port", "from ‹ip› port");
        check("listening on 203.0.113.7:443", "listening on ‹ip›:443");
        check("fe80::4d:3eff:fe5c:1/64", "‹ip›");
        check("02:4d:3e:5c:00:1f", "‹mac›");
        check("aa:bb:cc:dd:ee:ff", "‹mac›");
        check("at 2024-07-19T05:27:00.123Z done", "at ‹time› done");
        check("Fri Jul 19 05:27:00 UTC 2024", "‹time›");
        check("Jul 19 05:27:00 web sshd[812]: ok", "‹time› web sshd[‹pid›]: ok");
        check("Main PID: 4711 (sshd)", "Main PID: ‹pid› (sshd)");
        check("took 1.25s, 3 ms and 2 minutes", "took ‹duration›, ‹duration› and ‹duration›");
        let uptime = " 05:27:00 up 3 days,  4:02,  0 users,  load average: 0.01, 0.10, 0.00";
        check(uptime, " ‹duration› up ‹duration›,  0 users,  load average: ‹load›");
        check("vol-0123456789abcdef0", "‹id›");
        check("11111111-2222-3333-4444-555555555555", "‹uuid›");
    }

    #[test]
    fn what_may_matter_is_left() {
        for text in [
            "nginx 1.24.0.2",
            "listening on 127.0.0.1:443",
            "0.0.0.0:22",
            "Windows 10.0.19041.1",
            "release 10.0.3",
            "ami-0123456789abcdef0",
            "expires 2025-01-31",
            "exit 3",
            "6.1.0-21-amd64",
            "version 3.3.551.0",
            "/var is 97% full",
            "deadbeef",
            "users: 12",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
