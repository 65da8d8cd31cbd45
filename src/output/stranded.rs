//! What is told of instances that have lost their root volume: which volume each gets back, what
//! became of it, and what is left behind.

use serde::Serialize;

use super::{
    json,
    page::{BOLD, GREEN, PLAIN, Page, RED, YELLOW},
    restoration,
    terminal::{Format, Terminal},
    words::{count, one_line, place, wrap},
};
use crate::{
    plan::{Before, InstanceId},
    rescue::Leftover,
    run::GroupChange,
};

/// The `schema` of what `fleet rescue resume` prints of instances that it has found itself.
const SCHEMA: &str = "fleet.resume/v1";

/// Everything that was found and done.
#[derive(Debug, Clone, Serialize)]
pub struct Resumption {
    schema: &'static str,
    pub region: String,
    pub account: Option<String>,
    pub instances: Vec<Lost>,
    /// What became of each; empty where nothing was to be done.
    pub rows: Vec<GroupChange>,
    pub leftovers: Vec<Leftover>,
}

/// An instance that was selected and has lost its root volume, or was being given it back.
#[derive(Debug, Clone, Serialize)]
pub struct Lost {
    pub instance_id: InstanceId,
    pub group: Option<String>,
    pub zone: Option<String>,
    pub lifecycle: Option<String>,
    pub state: LostState,
    /// How it is to be; absent where that is not known.
    pub before: Option<Before>,
    /// Who has the volume now.
    pub holder: Option<String>,
    /// Why the volume is its own, or why that is not known.
    pub said: String,
    /// Volumes that it may be.
    pub candidates: Vec<String>,
    pub notes: Vec<String>,
    /// Commands and flags that would help.
    pub next: Vec<String>,
}

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostState {
    /// Which volume it gets is known.
    Known,
    /// It was begun before, and is gone on with.
    Begun,
    /// An execution on it has not ended.
    UnderWay,
    Unproved,
}

impl Lost {
    /// Returns whether something is done about it.
    pub fn is_taken(&self) -> bool {
        matches!(self.state, LostState::Known | LostState::Begun)
    }
}

impl Resumption {
    pub fn new(region: String, account: Option<String>, instances: Vec<Lost>) -> Self {
        let (rows, leftovers) = (Vec::new(), Vec::new());
        Self { schema: SCHEMA, region, account, instances, rows, leftovers }
    }
}

impl Terminal {
    /// Shows what would be done before it is done.
    pub fn resume_preview(&mut self, found: &Resumption) {
        if !self.is_quiet() && self.format() == Format::Human && !found.instances.is_empty() {
            let text = page(found, self.width()).into_text();
            self.say(&text);
        }
    }

    /// Shows what was found, as the result of a command that does nothing more.
    pub fn resume_plan(&mut self, found: &Resumption) {
        let text = match self.format() {
            Format::Human => page(found, self.width()).into_text(),
            Format::Json => json::pretty(found) + "\n",
            Format::Jsonl => found.instances.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.text(&text);
        self.left_behind(&found.leftovers);
    }

    /// Shows what was done, as the result of a command.
    pub fn resumed(&mut self, found: &Resumption) {
        self.left_changed(&found.rows);
        let text = match self.format() {
            Format::Human => restoration::done(&found.rows),
            Format::Json => json::pretty(found) + "\n",
            Format::Jsonl => found.rows.iter().map(|it| json::line(it) + "\n").collect::<String>(),
        };
        self.text(&text);
        self.left_behind(&found.leftovers);
    }

    fn left_behind(&mut self, leftovers: &[Leftover]) {
        for it in leftovers {
            match &it.command {
                Some(command) => self.hint(&format!("{}: {command}", it.text)),
                None => self.hint(&it.text),
            }
        }
    }
}

fn page(found: &Resumption, columns: usize) -> Page {
    let mut page = Page::default();
    if found.instances.is_empty() {
        return page;
    }
    for it in &found.instances {
        let place = place(it.group.as_deref(), it.zone.as_deref());
        let (style, what) = match (it.state, &it.before) {
            (LostState::Begun, Some(before)) => (GREEN, plan(before, "goes on: ")),
            (_, Some(before)) => (GREEN, plan(before, "")),
            (LostState::UnderWay, None) => (YELLOW, "is left alone".to_owned()),
            (_, None) => (RED, "stuck".to_owned()),
        };
        let id = it.instance_id.as_str();
        page.line(&[(BOLD, id), (PLAIN, &format!(" ({place}) ")), (style, &what)]);
        for text in [&it.said].into_iter().chain(&it.notes) {
            for line in wrap(&one_line(text), columns.saturating_sub(4).max(30)) {
                page.line(&[(PLAIN, "    "), (PLAIN, &line)]);
            }
        }
        if !it.candidates.is_empty() {
            page.line(&[(PLAIN, "    it may be "), (PLAIN, &it.candidates.join(" or "))]);
        }
        // On one line however long, so that it can be copied.
        for it in &it.next {
            page.line(&[(PLAIN, "    "), (BOLD, it)]);
        }
    }
    let n_taken = found.instances.iter().filter(|it| it.is_taken()).count();
    let n_left = found.instances.len() - n_taken;
    let left = if n_left == 0 { String::new() } else { format!("; {n_left} left as found") };
    let sum = format!("{} to be brought back{left}", count(n_taken, "instance"));
    page.line(&[(BOLD, &sum)]);
    page
}

fn plan(before: &Before, first: &str) -> String {
    let Before { volume, root_device, state, delete_on_termination, .. } = before;
    format!(
        "{first}{volume} at {root_device}, then {state}, DeleteOnTermination {delete_on_termination}"
    )
}
