//! One page that needs nothing else, for whoever was not there. What it says first stands in the
//! markup, so that it can be read where no script may run; the script only sorts, searches and opens.

mod data;
mod markup;
mod policy;
mod timeline;

use self::{
    markup::{Html, class},
    timeline::Timeline,
};
use super::facts::{cut_note, facts, sentence, totals};
use crate::{
    output::{
        findings,
        folded::{Folds, tail, title},
        members::places,
        restoration::stand,
        words::{beyond, count, cut, one_line, outcome},
    },
    run::{Group, Kind, Outcome, Report, groups},
};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Groups whose output stands in the page; the table has everybody's.
const GROUPS: usize = 60;

/// Of one output in a group.
const LINES: usize = 40;
const CHARS: usize = 8_000;

/// Of one that is folded away.
const GIST: usize = 60;

/// Schemas of findings: a run has one, unless instances say otherwise.
const FINDINGS: usize = 5;

/// Instances that were left out, by name.
const LEFT_OUT: usize = 200;

pub(super) fn render(report: &Report, folds: Folds) -> String {
    let groups = groups(report, folds.folding);
    let timeline = Timeline::of(report);
    let mut page = Html::default();
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let policy = policy::of(STYLE, SCRIPT);
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(&policy).raw("\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.element("title", &format!("{} · fleet {}", sentence(report), report.run.id));
    page.raw("\n<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
    head(&mut page, report);
    page.raw("<main>\n");
    picture(&mut page, report);
    found(&mut page, report);
    told(&mut page, &groups);
    timeline.draw(&mut page);
    table(&mut page, report);
    about(&mut page, report);
    page.raw("</main>\n<aside id=\"detail\" aria-label=\"Instance\" hidden></aside>\n");
    page.raw("<script type=\"application/json\" id=\"data\">");
    page.data(&data::of(report, &groups, &timeline)).raw("</script>\n");
    page.raw("<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.into_text()
}

fn head(page: &mut Html, report: &Report) {
    let kind = match report.verdict.as_ref().map(|it| it.kind) {
        Some(Kind::Succeeded) => "good",
        Some(Kind::InstancesFailed | Kind::NothingSent) => "bad",
        Some(Kind::Halted | Kind::Unknown | Kind::Interrupted) | None => "doubtful",
    };
    page.raw(&format!("<header class=\"{kind}\">\n"));
    page.element("h1", &sentence(report));
    page.raw("\n<p>");
    if let Some(verdict) = &report.verdict {
        page.raw("<b>").text(&format!("exit code {}", verdict.exit_code)).raw("</b> · ");
    }
    let document = &report.document;
    let version = document.version.as_ref().map(|it| format!(" version {it}")).unwrap_or_default();
    page.text(&format!("{}{version} · {}", document.name, report.selector)).raw(" · ");
    page.text(&report.run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    page.raw("</p>\n");
    if let Some(reason) = &report.run.reason {
        page.element("p", reason).raw("\n");
    }
    page.raw("</header>\n");
}

/// The totals as one bar. A single failure among thousands is still to be seen.
fn picture(page: &mut Html, report: &Report) {
    const WIDTH: f64 = 1000.0;
    const NARROWEST: f64 = 6.0;
    let totals = totals(report);
    let all: f64 = totals.iter().map(|(_, n)| f64::from(*n)).sum();
    let wanted = |n: u32| (WIDTH * f64::from(n) / all.max(1.0)).max(NARROWEST);
    let sum: f64 = totals.iter().map(|(_, n)| wanted(*n)).sum();
    page.raw("<section aria-label=\"Totals\">\n");
    page.raw(
        "<svg class=\"bar\" viewBox=\"0 0 1000 24\" preserveAspectRatio=\"none\" role=\"img\">",
    );
    page.element("title", &sentence(report));
    let mut x = 0.0;
    for (it, n) in &totals {
        let width = wanted(*n) / sum * WIDTH;
        page.raw(&format!(
            "<rect class=\"{}\" x=\"{x:.2}\" y=\"0\" width=\"{width:.2}\" height=\"24\"/>",
            class(*it)
        ));
        x += width;
    }
    page.raw("</svg>\n<ul class=\"legend\">\n");
    for (it, n) in &totals {
        page.raw(&format!("<li class=\"{}\" data-outcome=\"{}\">", class(*it), it.word()));
        page.raw(&format!("<b>{n}</b> {}</li>\n", outcome(*it)));
    }
    let planned = count(report.population.planned as usize, "instance");
    page.raw("</ul>\n").element("p", &format!("of {planned} planned")).raw("\n</section>\n");
}

/// What the instances said, each text once.
fn told(page: &mut Html, groups: &[Group<'_>]) {
    if groups.is_empty() {
        return;
    }
    page.raw("<section class=\"groups\">\n<h2>What happened</h2>\n");
    for (n, group) in groups.iter().enumerate().take(GROUPS) {
        let is_open = group.outcome != Outcome::Succeeded || groups.len() <= 3;
        let open = if is_open { " open" } else { "" };
        page.raw(&format!("<details class=\"{}\"{open}>\n<summary>", class(group.outcome)));
        page.element("b", &title(group)).raw(" ").element("span", &places(&group.members));
        if let Some(gist) = group.stdout.lines().find(|it| !it.trim().is_empty()) {
            page.raw(" ").element("code", &cut(&one_line(gist), GIST));
        }
        page.raw("</summary>\n");
        if let Some(hint) = group.hint {
            page.raw("<p class=\"hint\">").text(hint).raw("</p>\n");
        }
        for (name, output) in [("stdout", &group.stdout), ("stderr", &group.stderr)] {
            let (text, n_before) = tail(output, LINES, CHARS);
            if text.is_empty() {
                continue;
            }
            let cut = cut_note(n_before).map(|it| format!(" · {it}")).unwrap_or_default();
            page.element("h4", &format!("{name}{cut}")).raw("<pre>").text(&text).raw("</pre>\n");
        }
        if group.is_silent() {
            page.raw("<p class=\"dim\">No output.</p>\n");
        } else if let Some(text) = beyond(&group.members) {
            page.raw("<p class=\"dim\">").text(&text).raw("</p>\n");
        }
        page.raw(&format!("<button type=\"button\" data-group=\"{n}\" hidden></button>\n"));
        page.raw("</details>\n");
    }
    if let Some(n @ 1..) = groups.len().checked_sub(GROUPS) {
        let text = format!("{} in the table below.", count(n, "more group"));
        page.element("p", &text).raw("\n");
    }
    page.raw("</section>\n");
}

fn table(page: &mut Html, report: &Report) {
    page.raw("<section id=\"instances\" hidden>\n<h2>Instances</h2>\n<div class=\"tools\">\n");
    page.raw(
        "<input id=\"search\" type=\"search\" placeholder=\"Search ids, groups, output  ( / )\" ",
    );
    page.raw("aria-label=\"Search\" autocomplete=\"off\" spellcheck=\"false\">\n");
    page.raw("<span id=\"shown\" role=\"status\"></span>\n");
    page.raw("<button type=\"button\" id=\"all\">Show all</button>\n");
    page.raw("<button type=\"button\" id=\"copy\">Copy ids</button>\n</div>\n");
    page.raw("<div id=\"rows\" tabindex=\"0\"><table>\n<thead><tr></tr></thead>\n");
    page.raw("<tbody></tbody>\n</table></div>\n</section>\n<noscript><p class=\"dim\">");
    let text = "The table of instances needs a script, which is in this page and may not run here";
    page.text(&format!("{text}; `fleet report {} --format csv` has it.", report.run.id));
    page.raw("</p></noscript>\n");
}

/// What the documents have found, summed up.
fn found(page: &mut Html, report: &Report) {
    for it in report.findings.iter().take(FINDINGS) {
        page.raw("<section class=\"findings\">\n").element("h2", "Findings").raw("\n");
        page.element("p", &findings::sentence(it)).raw("\n");
        let lines = findings::lines(it);
        if !lines.is_empty() {
            page.raw("<pre>").text(&lines).raw("</pre>\n");
        }
        page.raw("</section>\n");
    }
}

/// What one looks up later: who ran what, what was not covered, what to do next.
fn about(page: &mut Html, report: &Report) {
    page.raw("<section>\n<h2>The run</h2>\n<dl>\n");
    for (label, value) in facts(report) {
        page.element("dt", label).element("dd", &value).raw("\n");
    }
    page.raw("</dl>\n");
    let next = report.verdict.iter().flat_map(|it| &it.next_commands);
    let next: Vec<_> = next.map(String::as_str).collect();
    if !next.is_empty() {
        page.raw("<h3>Next</h3>\n<pre>").text(&next.join("\n")).raw("</pre>\n");
    }
    let excluded = &report.population.excluded;
    if !excluded.is_empty() {
        let title = format!("{} left out", count(excluded.len(), "instance"));
        page.element("h3", &title).raw("\n<ul>\n");
        for it in excluded.iter().take(LEFT_OUT) {
            page.raw("<li>").element("code", it.instance_id.as_str()).raw(" ");
            page.text(&it.to_string()).raw("</li>\n");
        }
        if let Some(n @ 1..) = excluded.len().checked_sub(LEFT_OUT) {
            page.element("li", &format!("and {n} more")).raw("\n");
        }
        page.raw("</ul>\n");
    }
    if !report.changes.is_empty() {
        page.raw("<h3>Groups</h3>\n").element("p", &stand(report)).raw("\n<ul>\n");
        for it in report.changes.iter().take(LEFT_OUT) {
            page.element("li", &it.change.text).raw("\n");
        }
        if let Some(n @ 1..) = report.changes.len().checked_sub(LEFT_OUT) {
            page.element("li", &format!("and {n} more")).raw("\n");
        }
        page.raw("</ul>\n");
    }
    if !report.notes.is_empty() {
        page.raw("<h3>Notes</h3>\n<ul>\n");
        for it in &report.notes {
            page.element("li", &it.text).raw("\n");
        }
        page.raw("</ul>\n");
    }
    let version = &report.run.tool_version;
    page.raw("<p class=\"dim\">").text(&format!("fleet {version}")).raw("</p>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_and_the_style_cannot_end_their_elements() {
        for it in [STYLE, SCRIPT] {
            assert!(!it.contains("</") && !it.contains("<!--"));
        }
        // Whatever came from an instance becomes text, never markup.
        for it in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "http"] {
            assert!(!SCRIPT.contains(it), "{it}");
        }
    }
}
