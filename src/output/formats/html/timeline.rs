//! When each instance ran, a line an instance, wave under wave.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::markup::{Html, class};
use crate::{
    output::{
        formats::add,
        words::{between, count},
    },
    run::{InstanceFacts, Outcome, Report},
};

/// Where the lines begin and end, in units of the drawing.
const LEFT: f64 = 96.0;
const RIGHT: f64 = 988.0;

/// The height of all lines together, and of one at the most.
const HEIGHT: f64 = 520.0;
const TALLEST: f64 = 12.0;

/// What is no success is at least so high, however many there are.
const VISIBLE: f64 = 1.6;

const GAP: f64 = 10.0;

/// The height of a line of letters.
const LETTERS: f64 = 14.0;

/// The lines of one wave, for the script that finds one under the pointer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Band {
    wave: u32,
    top: f64,
    lane: f64,
    size: usize,
}

/// The drawing, before it is drawn.
pub(super) struct Timeline<'a> {
    report: &'a Report,
    /// Positions in the report, top to bottom.
    lanes: Vec<usize>,
    bands: Vec<Band>,
    height: f64,
    end: Timestamp,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut waves: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, it) in report.instances.iter().enumerate() {
            waves.entry(it.wave).or_default().push(at);
        }
        let n: f64 = report.instances.iter().map(|_| 1.0).sum();
        let lane = (HEIGHT / f64::max(n, 1.0)).min(TALLEST);
        let (mut lanes, mut bands, mut top) = (Vec::new(), Vec::new(), 4.0);
        for (wave, mut members) in waves {
            members.sort_by_cached_key(|at| {
                let it = &report.instances[*at];
                let begins = it.started.or(it.requested);
                (begins.is_none(), begins, it.ended, it.instance_id.clone())
            });
            let size = members.len();
            bands.push(Band { wave, top, lane, size });
            top += members.iter().map(|_| lane).sum::<f64>() + GAP;
            lanes.extend(members);
        }
        let instances = report.instances.iter();
        let last = instances.filter_map(|it| it.ended.max(it.started)).max();
        let end = report.run.ended.max(last).unwrap_or(report.run.started);
        let end = end.max(report.run.started + SignedDuration::from_millis(1));
        Self { report, lanes, bands, height: top, end }
    }

    pub(super) fn lanes(&self) -> Vec<usize> {
        self.lanes.clone()
    }

    pub(super) fn bands(&self) -> &[Band] {
        &self.bands
    }

    pub(super) fn draw(&self, page: &mut Html) {
        if self.lanes.is_empty() {
            return;
        }
        page.raw("<section>\n<h2>When</h2>\n<div class=\"wide\">\n");
        let height = self.height + 18.0;
        page.raw(&format!("<svg id=\"timeline\" viewBox=\"0 0 1000 {height:.0}\" role=\"img\">"));
        let ran = count(self.lanes.len(), "instance");
        let waves = count(self.bands.len(), "wave");
        page.element("title", &format!("{ran} in {waves}, from the start of the run to its end"));
        self.axis(page);
        let (mut waiting, mut paths) = (String::new(), BTreeMap::<Outcome, String>::new());
        let (mut lanes, mut free) = (self.lanes.iter(), 0.0);
        for band in &self.bands {
            let mut y = band.top;
            for at in lanes.by_ref().take(band.size) {
                let it = &self.report.instances[*at];
                self.line(it, (y, band.lane), &mut waiting, paths.entry(it.outcome).or_default());
                y += band.lane;
            }
            if band.top >= free {
                self.label(page, band);
                free = band.top + LETTERS;
            }
        }
        page.raw(&format!("<path class=\"waiting\" d=\"{waiting}\"/>"));
        // What failed lies on top.
        for (outcome, path) in paths.iter().rev() {
            page.raw(&format!("<path class=\"{}\" d=\"{path}\"/>", class(*outcome)));
        }
        page.raw("</svg>\n</div>\n<p class=\"dim\" id=\"under\">");
        page.text("Pale: sent, and not begun. A mark at the right edge: it never began.");
        page.raw("</p>\n</section>\n");
    }

    /// Adds the line of one instance to the paths of its colours.
    fn line(
        &self,
        it: &InstanceFacts,
        (top, lane): (f64, f64),
        waiting: &mut String,
        path: &mut String,
    ) {
        // Lines thinner than they can be drawn lie over one another, without seams.
        let height = if lane > 3.0 { lane - 1.0 } else { lane.max(1.0) };
        let tall = if it.outcome == Outcome::Succeeded { height } else { height.max(VISIBLE) };
        let draw = |to: &mut String, from: f64, until: f64, height: f64| {
            let width = (until - from).max(2.0);
            let y = top + (lane - height) / 2.0;
            add(to, format_args!("M{from:.1} {y:.2}h{width:.1}v{height:.2}h-{width:.1}z"));
        };
        let until = it.ended.unwrap_or(self.end);
        match (it.requested, it.started) {
            (requested, Some(started)) => {
                if let Some(requested) = requested.filter(|it| *it < started) {
                    draw(waiting, self.x(requested), self.x(started), height);
                }
                draw(path, self.x(started), self.x(until), tall);
            }
            (Some(requested), None) => {
                draw(waiting, self.x(requested), self.x(until), height);
                draw(path, RIGHT - 8.0, RIGHT, tall);
            }
            (None, None) => draw(path, RIGHT - 8.0, RIGHT, tall),
        }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.end.duration_since(self.report.run.started).as_secs_f64();
        let part = at.duration_since(self.report.run.started).as_secs_f64();
        LEFT + (RIGHT - LEFT) * (part / whole).clamp(0.0, 1.0)
    }

    fn axis(&self, page: &mut Html) {
        const TICKS: i32 = 5;
        let started = self.report.run.started;
        let whole = self.end.duration_since(started);
        for n in 0..=TICKS {
            let at = started + whole * n / TICKS;
            let (x, y) = (self.x(at), self.height);
            page.raw(&format!("<path class=\"tick\" d=\"M{x:.1} 0V{y:.1}\"/>"));
            let anchor = if n == TICKS { " text-anchor=\"end\"" } else { "" };
            page.raw(&format!("<text x=\"{x:.1}\" y=\"{:.1}\"{anchor}>", y + 13.0));
            page.text(&between(started, at)).raw("</text>");
        }
    }

    fn label(&self, page: &mut Html, band: &Band) {
        let (n, y) = (band.size, band.top + 9.0);
        page.raw(&format!("<text x=\"0\" y=\"{y:.1}\">wave {} · {n}</text>", band.wave));
    }
}
