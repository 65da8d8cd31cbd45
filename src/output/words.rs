//! How numbers, times and lists are worded, and how text is fitted into a line.

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};

use super::{findings, sanitize::sanitize};
pub(super) use crate::plan::count;
use crate::run::{InstanceFacts, Outcome, OutputFiles, Reading, StoredStream};

/// How many ids a folded list names.
const IDS_SHOWN: usize = 5;

/// Returns the outcome in words, as in `2 timed out on delivery`.
pub(super) fn outcome(outcome: Outcome) -> String {
    outcome.word().replace('_', " ")
}

/// Returns the first ids and how many there are beyond them.
pub(super) fn some_of<T: Display>(ids: &[T]) -> String {
    let shown: Vec<String> = ids.iter().take(IDS_SHOWN).map(ToString::to_string).collect();
    match ids.len().saturating_sub(IDS_SHOWN) {
        0 => shown.join(", "),
        n_more => format!("{} and {n_more} more", shown.join(", ")),
    }
}

/// Returns `00:13`, or `1:02:03` from an hour on.
pub(super) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Returns `0.4s`, `12s`, `3m20s` or `2h05m` for the time between two moments.
pub(super) fn between(started: Timestamp, ended: Timestamp) -> String {
    duration(ended.duration_since(started))
}

fn duration(it: SignedDuration) -> String {
    let millis = it.as_millis().max(0);
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{seconds}.{}s", millis % 1000 / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Returns `web/us-east-1a`, or what of it is known.
pub(super) fn place(group: Option<&str>, zone: Option<&str>) -> String {
    let parts: Vec<_> = group.into_iter().chain(zone).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join("/") }
}

/// Returns the line that says most about why `it` is not a success.
pub(super) fn why(it: &InstanceFacts) -> Option<String> {
    match it.findings.as_deref() {
        Some(reading @ Reading::Read(_)) => Some(findings::line(reading)),
        Some(reading @ Reading::Unread { .. }) => {
            let why = why_of(&it.stderr, "", it.hint.as_deref());
            let line = findings::line(reading);
            Some(why.map_or(line.clone(), |why| format!("{why}; {line}")))
        }
        None => why_of(&it.stderr, &it.stdout, it.hint.as_deref()),
    }
}

/// Returns the last useful line of stderr, else the hint, else the last useful line of stdout:
/// scripts say why they fail at the end.
pub(super) fn why_of(stderr: &str, stdout: &str, hint: Option<&str>) -> Option<String> {
    let last = |text: &str| {
        let text = sanitize(text);
        let line = text.lines().rev().find(|it| is_useful(it)).map(one_line);
        line.filter(|it| !it.is_empty())
    };
    last(stderr).or_else(|| hint.map(one_line)).or_else(|| last(stdout))
}

/// The agent ends a failed step's stderr with a line that repeats the exit code, and a cut stream
/// with a mark (amazon-ssm-agent).
pub(super) fn is_useful(line: &str) -> bool {
    let line = line.trim();
    let is_mark = ["---Output truncated---", "---Error truncated----", "--output truncated--"];
    !line.is_empty() && !line.starts_with("failed to run commands:") && !is_mark.contains(&line)
}

/// Returns `text` in one safe line: line ends are shown, runs of blanks shrink to one.
pub(super) fn one_line(text: &str) -> String {
    let text = sanitize(text);
    let lines = text.trim().lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ⏎ ")
}

/// Returns how many columns `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// East Asian wide characters and most emoji take two columns.
fn char_width(it: char) -> usize {
    let is_wide = matches!(u32::from(it),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    1 + usize::from(is_wide)
}

/// Returns `text` cut to `columns`, with a mark where something was cut.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut res = String::new();
    let mut used = 1;
    for it in text.chars() {
        used += char_width(it);
        if used > columns {
            break;
        }
        res.push(it);
    }
    res.push('…');
    res
}

/// Returns `text` broken between words into lines of at most `columns`. A word that is longer
/// stays whole, so that it can be copied.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Returns `line` with its tabs expanded to the next eighth column.
pub(super) fn untabbed(line: &str) -> String {
    let mut res = String::with_capacity(line.len());
    let mut column = 0;
    for it in line.chars() {
        if it == '\t' {
            let n = 8 - column % 8;
            res.extend(std::iter::repeat_n(' ', n));
            column += n;
        } else {
            res.push(it);
            column += char_width(it);
        }
    }
    res
}

/// Returns what of the output of `members` is not in the report, and where it is, if it is anywhere.
pub(super) fn beyond(members: &[&InstanceFacts]) -> Option<String> {
    let files = members.iter().find_map(|it| it.files.as_deref());
    let Some(OutputFiles { stdout, stderr }) = files else {
        let is_cut = members.iter().any(|it| it.truncated);
        return is_cut.then(|| "More was printed than SSM kept in its list.".to_owned());
    };
    let shown = [stdout, stderr].into_iter().filter(|it| it.bytes > 0 || !it.is_whole);
    let shown: Vec<String> = shown.map(stored).collect();
    let others = match members.len() {
        1 => "",
        _ => "; the others' beside it",
    };
    Some(format!("Fetched: {}{others}.", shown.join(", ")))
}

fn stored(it: &StoredStream) -> String {
    let bytes = thousands(it.bytes);
    match (it.is_whole, it.printed) {
        (true, _) => format!("{} ({bytes} bytes, all of it)", it.file),
        (false, Some(all)) => format!("{} ({bytes} of {} bytes)", it.file, thousands(all)),
        (false, None) => format!("{} ({bytes} bytes, and more was printed)", it.file),
    }
}

/// Returns a number with its thousands told apart.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut res = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            res.push(',');
        }
        res.push(digit);
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_names_the_first_five() {
        assert_eq!(some_of(&[1, 2, 3, 4, 5]), "1, 2, 3, 4, 5");
        assert_eq!(some_of(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }

    #[test]
    fn durations_have_two_figures_that_matter() {
        let check = |millis, expected: &str| {
            assert_eq!(duration(SignedDuration::from_millis(millis)), expected);
        };
        check(-5, "0.0s");
        check(1250, "1.2s");
        check(12_900, "12s");
        check(200_000, "3m20s");
        check(7_500_000, "2h05m");
        assert_eq!((clock(13), clock(3723)), ("00:13".to_owned(), "1:02:03".to_owned()));
    }

    #[test]
    fn why_is_the_last_line_of_stderr_that_says_something() {
        let check = |stderr: &str, stdout: &str, hint: Option<&str>, expected: Option<&str>| {
            assert_eq!(why_of(stderr, stdout, hint).as_deref(), expected);
        };
        check("a\nno space\n\nfailed to run commands: exit status 3\n", "", None, Some("no space"));
        check("failed to run commands: exit status 3", "out", Some("hint"), Some("hint"));
        check("", "one\ntwo\n", None, Some("two"));
        check("", "", None, None);
    }

    #[test]
    fn text_fits_into_its_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(one_line(" a\tb\r\n\n c "), "a b ⏎ c");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(untabbed("a\tb"), "a       b");
    }
}
