//! For a ticket or a pull request: GitHub-flavoured Markdown without raw HTML, short enough for one
//! comment. What is not fleet's own stands in code, which it cannot end.

use super::{
    super::{
        findings,
        folded::{Folds, Members, tail, title},
        members::places,
        restoration::stand,
        sanitize::sanitize,
        words::{beyond, count, one_line, outcome},
    },
    add,
    facts::{cut_note, facts, sentence, totals},
};
use crate::run::{FindingSummary, Group, Kind, Outcome, Report, groups};

/// A comment on GitHub takes 65,536 characters; this leaves room for what is written around it.
const LONGEST: usize = 60_000;

/// Of one output.
const LINES: usize = 30;
const CHARS: usize = 3_000;

/// Ids named of one group, notes told, and commands that come next.
const IDS: usize = 20;
const NOTES: usize = 20;
const NEXT: usize = 20;

/// Characters of a fact, a note or a command: what a user or an instance wrote has any length.
const SHOWN: usize = 500;

/// Characters of all notes; what is escaped may become five times as long.
const ALL_NOTES: usize = 15_000;

/// Schemas of findings: a run has one, unless instances say otherwise.
const FINDINGS: usize = 5;

pub(super) fn render(report: &Report, folds: Folds) -> String {
    let mut res = head(report);
    let groups = groups(report, folds.folding);
    let (failed, succeeded): (Vec<_>, Vec<_>) =
        groups.iter().partition(|it| it.outcome != Outcome::Succeeded);
    let foot = foot(report);
    let mut length = n_chars(&res) + n_chars(&foot);
    for it in report.findings.iter().take(FINDINGS) {
        let section = found(it);
        if length + n_chars(&section) <= LONGEST {
            length += n_chars(&section);
            res.push_str(&section);
        }
    }
    for (heading, groups) in [("What did not succeed", failed), ("What succeeded", succeeded)] {
        if groups.is_empty() {
            continue;
        }
        res.push_str(&format_heading(2, heading));
        for (n, group) in groups.iter().enumerate() {
            // All ids, if they leave room for what was printed.
            let sections = [folds.members, Members::First].map(|it| section(group, it));
            let fits = |it: &String| length + n_chars(it) <= LONGEST;
            let Some(section) = sections.into_iter().find(fits) else {
                let rest = &groups[n..];
                let members = rest.iter().map(|it| it.members.len()).sum();
                let (groups, members) = (count(rest.len(), "group"), count(members, "instance"));
                add(&mut res, format_args!("\n{groups} more, {members}, are in the report.\n"));
                break;
            };
            length += n_chars(&section);
            res.push_str(&section);
        }
    }
    res + &foot
}

fn n_chars(text: &str) -> usize {
    text.chars().count()
}

/// Returns the beginning of a line that may be of any length.
fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns what was found in a sentence, and what it is made of.
fn found(it: &FindingSummary) -> String {
    let mut res = format_heading(2, "Findings");
    add(&mut res, format_args!("\n{}\n", text(&findings::sentence(it))));
    let lines = findings::lines(it);
    if !lines.is_empty() {
        add(&mut res, format_args!("\n{}", fenced(&lines)));
    }
    res
}

fn head(report: &Report) -> String {
    let sign = match report.verdict.as_ref().map(|it| it.kind) {
        Some(Kind::Succeeded) => "✅",
        Some(Kind::InstancesFailed | Kind::NothingSent) => "❌",
        Some(Kind::Halted | Kind::Unknown | Kind::Interrupted) | None => "⚠️",
    };
    let code = report.verdict.as_ref().map(|it| format!(" (exit code {})", it.exit_code));
    let mut res =
        format!("# {sign} {}{}\n", text(&short(&sentence(report))), code.unwrap_or_default());
    res += "\n| outcome | instances |\n|:--|--:|\n";
    for (it, n) in totals(report) {
        add(&mut res, format_args!("| {} | {n} |\n", outcome(it)));
    }
    add(&mut res, format_args!("| **planned** | **{}** |\n\n", report.population.planned));
    for (label, value) in facts(report) {
        add(&mut res, format_args!("- {label}: {}\n", code_span(&short(&value))));
    }
    res
}

fn section(group: &Group<'_>, members: Members) -> String {
    let mut res = format_heading(3, &title(group));
    if let Some(hint) = group.hint {
        add(&mut res, format_args!("\n{}\n", text(&short(&one_line(hint)))));
    }
    let ids: Vec<_> = group.members.iter().map(|it| &it.instance_id).collect();
    let n_shown = if members == Members::All { ids.len() } else { IDS };
    let shown = ids.iter().take(n_shown).map(|it| code_span(it.as_str()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = ids.len().checked_sub(n_shown).filter(|it| *it > 0);
    let more = more.map(|it| format!(" and {it} more")).unwrap_or_default();
    add(&mut res, format_args!("\n{}\n\n{shown}{more}\n", code_span(&places(&group.members))));
    for (name, output) in [("stdout", &group.stdout), ("stderr", &group.stderr)] {
        let (text, n_before) = tail(output, LINES, CHARS);
        if text.is_empty() {
            continue;
        }
        let cut = cut_note(n_before).map(|it| format!(" ({it})")).unwrap_or_default();
        add(&mut res, format_args!("\n{name}{cut}:\n\n{}", fenced(&text)));
    }
    if let Some(beyond) = beyond(&group.members) {
        add(&mut res, format_args!("\n{}\n", text(&beyond)));
    } else if group.is_silent() {
        res += "\nNo output.\n";
    }
    res
}

fn foot(report: &Report) -> String {
    let mut res = String::new();
    let excluded = &report.population.excluded;
    if !excluded.is_empty() {
        res += &format_heading(2, "Left out");
        res.push('\n');
        for it in excluded.iter().take(IDS) {
            let why = code_span(&short(&it.to_string()));
            add(&mut res, format_args!("- {}: {why}\n", code_span(it.instance_id.as_str())));
        }
        if let Some(n @ 1..) = excluded.len().checked_sub(IDS) {
            add(&mut res, format_args!("- {} are in the report\n", count(n, "more instance")));
        }
    }
    if !report.changes.is_empty() {
        res += &format_heading(2, "Groups");
        add(&mut res, format_args!("\n{}.\n\n", text(&stand(report))));
        let mut changes: Vec<_> = report.changes.iter().collect();
        if changes.len() > IDS {
            // What somebody has to do something about does not make room for what is undone.
            changes.sort_by_key(|it| !it.change.is_lasting());
        }
        for it in changes.into_iter().take(IDS) {
            add(&mut res, format_args!("- {}\n", text(&short(&one_line(&it.change.text)))));
        }
        if let Some(n @ 1..) = report.changes.len().checked_sub(IDS) {
            add(&mut res, format_args!("- {} are in the report\n", count(n, "more change")));
        }
    }
    if !report.notes.is_empty() {
        res += &format_heading(2, "Notes");
        res.push('\n');
        let mut left = ALL_NOTES;
        for it in report.notes.iter().take(NOTES) {
            let line = format!("- {}\n", text(&short(&one_line(&it.text))));
            let Some(rest) = left.checked_sub(n_chars(&line)) else { break };
            left = rest;
            res.push_str(&line);
        }
    }
    let next = report.verdict.iter().flat_map(|it| &it.next_commands);
    let next: Vec<_> = next.take(NEXT).map(|it| short(&one_line(it))).collect();
    if !next.is_empty() {
        add(&mut res, format_args!("{}\n{}", format_heading(2, "Next"), fenced(&next.join("\n"))));
    }
    res
}

fn format_heading(level: usize, text: &str) -> String {
    format!("\n{} {text}\n", "#".repeat(level))
}

/// Returns a block that `text`, which is safe, cannot end: its fence is longer than any run in it.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// Returns one line of code that `text` cannot end. In code nothing is a link, a mention or markup.
fn code_span(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return "-".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    // What begins or ends with a tick is kept off by a blank, which is taken away again.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|it| it != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// Returns prose in which no character is markup, and nobody is mentioned.
fn text(text: &str) -> String {
    let mut res = String::with_capacity(text.len());
    // A bare address is made a link wherever it stands.
    for it in sanitize(text).replace("www.", "www\u{2060}.").replace("://", ":\u{2060}//").chars() {
        match it {
            '@' | '#' => {
                res.push('\\');
                res.push(it);
                // GitHub looks for people and issues after the escapes are gone.
                res.push('\u{2060}');
            }
            '<' => res.push_str("&lt;"),
            '&' => res.push_str("&amp;"),
            it if "\\`*_{}[]()>!|~$".contains(it) => {
                res.push('\\');
                res.push(it);
            }
            it => res.push(it),
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_cannot_end_its_block_and_text_is_no_markup() {
        assert_eq!(fenced("a\n````\nb"), "`````text\na\n````\nb\n`````\n");
        assert_eq!(code_span("a``b"), "```a``b```");
        assert_eq!(code_span("`a"), "`` `a ``");
        assert_eq!(text("<b> [x](y) @ops *"), "&lt;b\\> \\[x\\]\\(y\\) \\@\u{2060}ops \\*");
    }
}
