//! What `fleet rescue plan` found: the checks of all, and what becomes of each instance.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    diagnosis::{NAME, VERDICT, finding},
    json,
    page::{BOLD, DIM, GREEN, PLAIN, Page, RED, YELLOW},
    terminal::{Format, Terminal},
    words::{count, one_line, place, wrap},
};
use crate::{
    plan::{Finding, Redaction, Verdict},
    rescue::{
        Judged, LONGEST, Members, Preflight, RUNBOOK, Readiness, Row, Site, deeds, parameters,
    },
};

/// The `schema` of what `fleet rescue plan --output json` prints.
const SCHEMA: &str = "fleet.rescue-plan/v1";

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RescuePlan {
    schema: &'static str,
    region: String,
    account: Option<String>,
    recipe: Recipe,
    /// Absent where groups replace their members instead.
    runbook: Option<Runbook>,
    /// What holds for all instances.
    checks: Vec<Checked>,
    instances: Vec<Planned>,
    /// Instances that were selected and whose agents answer.
    answering: usize,
    totals: Totals,
    /// What is done to those that may be rescued, or replaced, and to their groups.
    does: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Recipe {
    name: String,
    about: String,
    script: String,
    /// The value of `OfflineScript`.
    encoded: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Runbook {
    name: &'static str,
    version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Checked {
    number: u8,
    check: &'static str,
    verdict: Verdict,
    said: String,
    remedy: Option<String>,
    /// It keeps a rescue from starting.
    stops: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Planned {
    instance_id: String,
    group: Option<String>,
    zone: Option<String>,
    readiness: Readiness,
    checks: Vec<Checked>,
    /// What the runbook would be given; absent if the runbook could not be read, or does not take
    /// it.
    parameters: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Totals {
    ready: usize,
    confirm: usize,
    unknown: usize,
    refused: usize,
}

impl RescuePlan {
    /// `redaction` withholds what is a secret in the script.
    pub fn new(
        region: String,
        site: &Site,
        preflight: &Preflight,
        answering: usize,
        redaction: &Redaction,
    ) -> Self {
        let cure = &site.cure;
        let shown = |it: &str| redaction.apply(it).into_owned();
        let all_shown = |mut it: BTreeMap<String, Vec<String>>| {
            it.values_mut().flatten().for_each(|it| redaction.withhold(it));
            it
        };
        let planned = |(it, facts): (&Judged, _)| Planned {
            instance_id: it.id.to_string(),
            group: it.group.clone(),
            zone: it.zone.clone(),
            readiness: it.readiness,
            checks: it.rows.iter().map(Checked::of).collect(),
            parameters: site
                .runbook
                .as_ref()
                .ok()
                .and_then(|runbook| parameters(site, facts, &runbook.declared).ok())
                .map(all_shown),
        };
        Self {
            schema: SCHEMA,
            region,
            account: site.account.clone(),
            recipe: Recipe {
                name: cure.name.clone(),
                about: cure.about.clone(),
                script: shown(cure.script.text()),
                encoded: shown(cure.script.encoded()),
            },
            runbook: (site.wishes.members == Members::Standby).then(|| Runbook {
                name: RUNBOOK,
                version: site.runbook.as_ref().ok().and_then(|it| it.version.clone()),
            }),
            checks: preflight.shared.iter().map(Checked::of).collect(),
            instances: preflight.instances.iter().zip(&site.instances).map(planned).collect(),
            answering,
            totals: Totals {
                ready: preflight.count(Readiness::Ready),
                confirm: preflight.count(Readiness::Confirm),
                unknown: preflight.count(Readiness::Unknown),
                refused: preflight.count(Readiness::Refused),
            },
            does: deeds(site, preflight),
        }
    }
}

impl Checked {
    fn of(row: &Row) -> Self {
        let Row { number, finding, stops } = row.clone();
        let Finding { check, verdict, said, remedy } = finding;
        Self { number, check, verdict, said, remedy, stops }
    }

    fn finding(&self) -> Finding {
        Finding {
            check: self.check,
            verdict: self.verdict,
            said: self.said.clone(),
            remedy: self.remedy.clone(),
        }
    }
}

impl Terminal {
    /// Shows what a rescue would do before it does it.
    pub fn rescue_preview(&mut self, plan: &RescuePlan) {
        if !self.is_quiet() && self.format() == Format::Human {
            let mut page = page(plan, self.width());
            page.blank();
            self.say(&page.into_text());
        }
    }

    /// Shows what a rescue would do, as the result of a command.
    pub fn rescue_plan(&mut self, plan: &RescuePlan) {
        let text = match self.format() {
            Format::Human => page(plan, self.width()).into_text(),
            Format::Json => json::pretty(plan) + "\n",
            Format::Jsonl => plan.instances.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.text(&text);
    }
}

fn page(plan: &RescuePlan, columns: usize) -> Page {
    let mut page = Page::default();
    let Recipe { name, about, encoded, script } = &plan.recipe;
    page.fact("rescue", &format!("{name}: {about}"), columns);
    if let Some(runbook) = &plan.runbook {
        let version = runbook.version.as_deref().unwrap_or("unknown");
        page.fact("runbook", &format!("{}, version {version}", runbook.name), columns);
        let size = format!("{} bytes, {} of {LONGEST} characters", script.len(), encoded.len());
        page.fact("script", &size, columns);
        page.quote("              ", script.lines(), columns.max(100));
    } else {
        let text = "--replace: nobody is rescued; groups end their members and launch others";
        page.fact("instead", text, columns);
    }
    let done = if plan.runbook.is_some() { "rescued" } else { "replaced" };
    page.blank();
    for it in &plan.checks {
        finding(&mut page, it.number, &it.finding(), columns);
    }
    // Instances of which the same was found are told together: often it is all of them.
    let mut alike: Vec<(Readiness, Vec<&Checked>, Vec<&Planned>)> = Vec::new();
    for it in &plan.instances {
        let told: Vec<&Checked> =
            it.checks.iter().filter(|it| it.verdict != Verdict::Pass).collect();
        match alike
            .iter_mut()
            .find(|(readiness, rows, _)| *readiness == it.readiness && *rows == told)
        {
            Some((_, _, instances)) => instances.push(it),
            None => alike.push((it.readiness, told, vec![it])),
        }
    }
    for (readiness, rows, instances) in &alike {
        page.blank();
        let (style, but) = match readiness {
            Readiness::Ready => (GREEN, ""),
            Readiness::Confirm => (YELLOW, " once you agree"),
            Readiness::Unknown => (RED, ": something must be known first"),
            Readiness::Refused => (RED, ""),
        };
        let would = if readiness.may_start() { "would be" } else { "would not be" };
        let word = format!("{would} {done}{but}");
        let n = count(instances.len(), "instance");
        page.line(&[(BOLD, &n), (PLAIN, " "), (style, &word)]);
        let named: Vec<String> = instances
            .iter()
            .map(|it| {
                let place = place(it.group.as_deref(), it.zone.as_deref());
                format!("{} ({place})", it.instance_id)
            })
            .collect();
        for line in wrap(&one_line(&named.join(", ")), columns.saturating_sub(2).max(30)) {
            page.line(&[(PLAIN, "  "), (PLAIN, &line)]);
        }
        for it in rows {
            finding(&mut page, it.number, &it.finding(), columns);
        }
        let n_passed = instances[0].checks.len() - rows.len();
        let margin = " ".repeat(VERDICT + NAME + 3);
        let passed = format!("{} passed", count(n_passed, "other check"));
        page.line(&[(PLAIN, &margin), (DIM, &passed)]);
    }
    page.blank();
    let Totals { ready, confirm, unknown, refused } = plan.totals;
    let n = count(plan.instances.len(), "instance");
    let answering = match plan.answering {
        0 => String::new(),
        n => format!("; {n} more answer and need no rescue"),
    };
    let sum = format!(
        "{n}: {ready} ready, {confirm} to confirm, {unknown} not known enough, {refused} refused\
         {answering}"
    );
    page.line(&[(BOLD, &sum)]);
    let mut label = "does";
    for it in &plan.does {
        page.fact(label, it, columns);
        label = "";
    }
    page
}
