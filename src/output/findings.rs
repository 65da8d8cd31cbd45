//! What documents have found, for people: one sentence for the whole run, then what it is made of.

use super::{
    page::{BOLD, DIM, GREEN, PLAIN, Page, RED, YELLOW},
    words::{count, cut, one_line, some_of},
};
use crate::{
    plan::InstanceId,
    run::{Change, CodeFacts, Finding, FindingSummary, Findings, Reading, Report, VerdictFacts},
};

/// How many verdicts, codes, changes and shared values are shown; the report has them all.
const SHOWN: usize = 10;

/// The columns of a text that is no terminal's.
const COLUMNS: usize = 100;

/// The most codes named with a verdict, and the most columns of a word of theirs.
const CODES: usize = 3;
const WORD: usize = 60;

/// Adds what was found.
pub(super) fn add(page: &mut Page, report: &Report, columns: usize) {
    for it in &report.findings {
        let style = match () {
            () if it.verdicts.iter().any(|it| it.good.is_none()) => BOLD,
            () if it.unread.is_empty() && it.verdicts.iter().all(|it| it.good == Some(true)) => {
                if it.without == 0 {
                    GREEN
                } else {
                    YELLOW
                }
            }
            () => RED,
        };
        page.line(&[(style, &sentence(it))]);
        details(page, it, columns);
        page.blank();
    }
}

/// Returns what the findings are made of, in plain lines for formats that have no page.
pub(super) fn lines(it: &FindingSummary) -> String {
    let mut page = Page::default();
    details(&mut page, it, COLUMNS);
    anstream::adapter::strip_str(&page.into_text()).to_string()
}

/// Returns `sshd: 57 healthy, 2 latent (config.syntax), 1 broken (hostkeys.missing)`.
pub(super) fn sentence(it: &FindingSummary) -> String {
    let mut parts: Vec<String> = it.verdicts.iter().take(SHOWN).map(verdict).collect();
    if let Some(n @ 1..) = it.verdicts.len().checked_sub(SHOWN) {
        parts.push(count(n, "more verdict"));
    }
    let n_unread: usize = it.unread.iter().map(|it| it.instances.len()).sum();
    if n_unread > 0 {
        parts.push(format!("{n_unread} unreadable"));
    }
    if it.without > 0 {
        parts.push(format!("{} without findings", it.without));
    }
    format!("{}: {}", word(&it.subject), parts.join(", "))
}

fn verdict(it: &VerdictFacts) -> String {
    let verdict = format!("{} {}", it.count, word(&it.verdict));
    // A number says something only where it is not that of the verdict.
    let code = |code: &crate::run::CodeCount| match code.count {
        n if n == it.count => word(&code.code),
        n => format!("{} {n}", word(&code.code)),
    };
    let mut codes: Vec<_> = it.codes.iter().take(CODES).map(code).collect();
    if let Some(n @ 1..) = it.codes.len().checked_sub(CODES) {
        codes.push(format!("{n} more"));
    }
    if codes.is_empty() { verdict } else { format!("{verdict} ({})", codes.join(", ")) }
}

fn details(page: &mut Page, it: &FindingSummary, columns: usize) {
    for facts in it.unread.iter().take(SHOWN) {
        let text = format!("{}: {}", facts.why, on(&facts.instances));
        page.fact("not read", &text, columns);
    }
    more(page, it.unread.len());
    for code in it.codes.iter().take(SHOWN) {
        page.fact("finding", &found(code), columns);
    }
    more(page, it.codes.len());
    let mut before = "";
    for facts in it.changed.iter().take(SHOWN) {
        let label = if facts.change.planned { "would" } else { "changed" };
        let text = format!("{} {}", change(&facts.change), on(&facts.instances));
        page.fact(if label == before { "" } else { label }, &text, columns);
        before = label;
    }
    more(page, it.changed.len());
    if !it.rolled_back.is_empty() {
        page.fact("taken back", &format!("the changes {}", on(&it.rolled_back)), columns);
    }
    for facts in it.shared.iter().take(SHOWN) {
        let values = match &facts.values[..] {
            [only] => format!("{} is", word(only)),
            values => format!("{} values are", values.len()),
        };
        let text = format!("{}: {values} the same {}", facts.path, on(&facts.instances));
        page.fact("shared", &text, columns);
    }
    more(page, it.shared.len());
}

fn more(page: &mut Page, n: usize) {
    if let Some(n @ 1..) = n.checked_sub(SHOWN) {
        page.line(&[(PLAIN, "              "), (DIM, &format!("{n} more in the report"))]);
    }
}

/// Returns `hostkeys.missing (high, now) on 1 instance: i-…; /etc/ssh: no hostkeys available`.
fn found(it: &CodeFacts) -> String {
    let words = [it.sample.severity.as_deref(), it.sample.effect.as_deref()];
    let words: Vec<_> = words.into_iter().flatten().map(word).collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    let text = format!("{}{words} {}", word(&it.code), on(&it.instances));
    match told(&it.sample) {
        Some(told) => format!("{text}; {told}"),
        None => text,
    }
}

/// Returns where it is and what shows it.
fn told(it: &Finding) -> Option<String> {
    let place = it.path.as_ref().map(|path| match it.line {
        Some(line) => format!("{}:{line}", one_line(path)),
        None => one_line(path),
    });
    let evidence = it.evidence.as_deref().map(one_line);
    let told: Vec<_> = place.into_iter().chain(evidence).collect();
    (!told.is_empty()).then(|| told.join(": "))
}

fn change(it: &Change) -> String {
    let path = it.path.as_deref().map(|it| format!(" {}", one_line(it)));
    format!("{}{}", word(&it.action), path.unwrap_or_default())
}

fn on(ids: &[InstanceId]) -> String {
    format!("on {}: {}", count(ids.len(), "instance"), some_of(ids))
}

/// Returns a word of an instance's, which may be any text, fit to stand in a sentence.
fn word(text: &str) -> String {
    cut(&one_line(text), WORD)
}

/// Returns the findings of one instance in a line.
pub(super) fn line(reading: &Reading) -> String {
    match reading {
        Reading::Unread { why } => format!("no findings: {}", one_line(why)),
        Reading::Read(it) => worst(it),
    }
}

fn worst(it: &Findings) -> String {
    let verdict = word(&it.verdict);
    let mut told = it.findings.iter().filter(|it| it.is_felt()).chain(&it.findings);
    let Some(first) = told.next() else { return verdict };
    let text = format!("{verdict}: {}", word(&first.code));
    let text = match it.findings.len() - 1 {
        0 => text,
        n => format!("{text} and {n} more"),
    };
    match self::told(first) {
        Some(told) => format!("{text}; {told}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use crate::output::{
        folded::Folds,
        recap,
        testing::{self, Story},
    };

    fn text(story: &Story) -> String {
        let page = recap::page(&story.report(), &[], Folds::default(), 80).into_text();
        anstream::adapter::strip_str(&page).to_string()
    }

    #[test]
    fn findings_are_one_sentence_and_what_it_is_made_of() {
        insta::assert_snapshot!(text(&testing::checked(Some(testing::declared()))), @r"
        2 failed, exit code 11 (web ×2: us-east-1b):
            latent: config.syntax and 1 more; /etc/ssh/sshd_config:7: Bad configuration
            option: UseDNSS
            i-00000000000000003, i-00000000000000005

        INSTANCE             GROUP/ZONE      OUTCOME        EXIT  TIME
        i-00000000000000007  web/us-east-1b  failed           10  1.2s
            broken: hostkeys.missing
        i-0000000000000000a  web/us-east-1a  undeliverable     -     -
            the agent could not be reached; it may have run all the same: look before
            repeating

        i-00000000000000009 web/us-east-1b: healthy

        sshd: 7 healthy, 2 latent (config.syntax), 1 broken (hostkeys.missing), 1 unreadable, 1 without findings
          not read    the output is not one JSON object: expected value at line 1 column
                      1: on 1 instance: i-00000000000000009
          finding     config.syntax (high, next-restart) on 2 instances:
                      i-00000000000000003, i-00000000000000005; /etc/ssh/sshd_config:7:
                      Bad configuration option: UseDNSS
          finding     hostkeys.missing (high, now) on 1 instance: i-00000000000000007
          finding     config.deprecated (info, none) on 2 instances:
                      i-00000000000000003, i-00000000000000005
          changed     start ssh.service on 7 instances: i-00000000000000000,
                      i-00000000000000001, i-00000000000000002, i-00000000000000004,
                      i-00000000000000006 and 2 more
          would       comment-line /etc/ssh/sshd_config on 2 instances:
                      i-00000000000000003, i-00000000000000005
          taken back  the changes on 1 instance: i-00000000000000007
          shared      host_keys[].sha256: SHA256:aaa is the same on 7 instances:
                      i-00000000000000000, i-00000000000000001, i-00000000000000002,
                      i-00000000000000004, i-00000000000000006 and 2 more

          run         20240719-040900-abcdef, took 0.5s
          outcomes    8 succeeded, 3 failed, 1 undeliverable of 12 instances
          failures    2 failed, exit code 11: latent: config.syntax and 1 more;
                      /etc/ssh/sshd_config:7: Bad configuration option: UseDNSS
                      1 failed, exit code 10: broken: hostkeys.missing
                      1 undeliverable: the agent could not be reached; it may have run
                      all the same: look before repeating
          coverage    complete: every instance of the group was planned
          budget      4 errors, 12 allowed
          next        fleet retry 20240719-040900-abcdef --only failed,undeliverable

        8 of 12 instances succeeded, 3 failed, 1 undeliverable; the findings of 1 that
        succeeded are not good or cannot be read (exit code 1)
        ");
    }

    #[test]
    fn findings_that_nobody_declared_are_shown_and_not_called_good() {
        let text = text(&testing::checked(None));
        assert!(
            text.contains("fleet.sshd/1: 7 healthy, 2 latent (config.syntax), 1 broken"),
            "{text}"
        );
        assert!(text.contains("us-east-1b: healthy\n"), "{text}");
    }
}
