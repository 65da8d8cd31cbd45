//! What stands at the bottom of a terminal while a run goes on: a line a wave, a bar with the time,
//! and who takes longest. It knows the size of the terminal, and nothing of how it is drawn on.

use anstyle::Style;

use super::{
    super::{
        page::{BOLD, DIM, GREEN, PLAIN, RED, YELLOW},
        words::{clock, count, cut, width},
    },
    Progress, Wave,
};

/// One line, in spans that each have a style.
pub(in super::super) type Spans = Vec<(Style, String)>;

/// A terminal with fewer columns gets numbers with few words.
const NARROW: usize = 50;

/// The widest bar.
const BAR: usize = 30;

/// The most lines of waves; further ones are told together.
const WAVES: usize = 8;

/// How many of those who take longest are named.
const SLOWEST: usize = 3;

/// Returns the lines that fit into a terminal of this size, none wider than it, the last column left
/// free, and never more than half of its height.
pub(in super::super) fn board(it: &Progress, columns: usize, rows: usize) -> Vec<Spans> {
    let room = (rows / 2).clamp(1, WAVES + 2);
    let mut lines = waves(it, columns, room.saturating_sub(2));
    lines.push(bar(it, columns));
    if room > 1 {
        lines.extend(slowest(it, columns));
    }
    let columns = columns.saturating_sub(1).max(1);
    lines.into_iter().map(|it| fitted(it, columns)).collect()
}

/// Cuts a line to what there is room for.
fn fitted(line: Spans, columns: usize) -> Spans {
    let mut room = columns;
    let mut res = Vec::new();
    for (style, text) in line {
        if room == 0 {
            break;
        }
        let text = cut(&text, room);
        room -= width(&text).min(room);
        res.push((style, text));
    }
    res
}

fn waves(it: &Progress, columns: usize, room: usize) -> Vec<Spans> {
    let all: Vec<_> = it.waves.iter().collect();
    if room == 0 || all.is_empty() {
        return Vec::new();
    }
    if all.len() <= room {
        return all.into_iter().map(|(index, wave)| one(it, *index, wave, columns)).collect();
    }
    // The one that goes on, those after it, and of those before it the last.
    let current = all.iter().position(|(_, it)| it.finished_ms.is_none()).unwrap_or(all.len() - 1);
    let shown = room.saturating_sub(2).max(1);
    let begin = (current + 1).saturating_sub(shown.div_ceil(2)).min(all.len() - shown);
    let end = begin + shown;
    let mut res = Vec::new();
    if room > 1 {
        res.extend(together(it, &all[..begin]));
    }
    res.extend(all[begin..end].iter().map(|(index, wave)| one(it, **index, wave, columns)));
    if res.len() < room {
        res.extend(together(it, &all[end..]));
    }
    res
}

fn one(it: &Progress, index: u32, wave: &Wave, columns: usize) -> Spans {
    let Some(counts) = it.counts_of(index) else { return Vec::new() };
    let name = (if wave.finished_ms.is_some() { DIM } else { BOLD }, format!("wave {index} "));
    if wave.started_ms.is_none() {
        return vec![(DIM, format!("wave {index} {} waits", counts.share()))];
    }
    let mut line = vec![name];
    if columns < NARROW {
        line.push((PLAIN, counts.share()));
        if counts.wanting() > 0 {
            line.push((RED, format!(" ✗{}", counts.wanting())));
        }
        return line;
    }
    for (n, part) in counts.parts().into_iter().enumerate() {
        if n > 0 {
            line.push((DIM, " · ".to_owned()));
        }
        let style = match () {
            () if n == 0 || part.contains(" running") || part.ends_with("yet") => PLAIN,
            () if part.ends_with(" succeeded") => GREEN,
            () => RED,
        };
        line.push((style, part));
    }
    if let (Some(from), Some(to)) = (wave.started_ms, wave.finished_ms) {
        line.push((DIM, format!(" · took {}", clock((to - from.min(to)) / 1000))));
    }
    line
}

/// Returns one line for waves that there is no room for.
fn together(it: &Progress, waves: &[(&u32, &Wave)]) -> Option<Spans> {
    let [(first, _), .., (last, _)] = waves else {
        let (index, wave) = waves.first()?;
        return Some(one(it, **index, wave, usize::MAX));
    };
    let (mut done, mut planned, mut wanting) = (0, 0, 0);
    for (index, wave) in waves {
        done += it.done_of(**index);
        planned += wave.planned;
        wanting += it.counts_of(**index).map_or(0, |it| it.wanting());
    }
    let mut line = vec![(DIM, format!("waves {first}-{last} {done}/{planned}"))];
    if wanting > 0 {
        line.push((RED, format!(" · {wanting} did not succeed")));
    }
    Some(line)
}

fn bar(it: &Progress, columns: usize) -> Spans {
    let (done, planned) = (it.done(), it.planned());
    let share = match planned {
        Some(planned) => format!("{done}/{planned}"),
        None => format!("{done} done"),
    };
    let time = clock(it.now_ms / 1000);
    let (mut line, time_style) = (
        Vec::new(),
        match &it.expected {
            Some(expected) if it.now_ms > expected.took_ms => YELLOW,
            _ => PLAIN,
        },
    );
    if columns < NARROW {
        let of = it.expected.as_ref().map(|it| format!("/{}", clock(it.took_ms / 1000)));
        line.push((time_style, format!("{time}{}", of.unwrap_or_default())));
        line.push((PLAIN, format!(" {share}")));
        return line;
    }
    if let Some(planned @ 1..) = planned {
        let cells = (columns / 4).min(BAR);
        let full = cells * done.min(planned) as usize / planned as usize;
        let tip = usize::from(full < cells);
        let blank = " ".repeat(cells - full - tip);
        line.push((PLAIN, format!("[{}{}{blank}] ", "=".repeat(full), ">".repeat(tip))));
    }
    line.push((BOLD, share));
    line.push((PLAIN, " · ".to_owned()));
    let about = it.expected.as_ref().map(|expected| {
        let of = clock(expected.took_ms / 1000);
        let by = format!("by {}", count(expected.runs, "earlier run"));
        match it.now_ms > expected.took_ms {
            true => format!(", longer than the usual {of} ({by})"),
            false => format!(" of about {of} ({by})"),
        }
    });
    line.push((time_style, format!("{time}{}", about.unwrap_or_default())));
    if let Some((_, until_ms)) = it.pause {
        let left = clock(until_ms.saturating_sub(it.now_ms).div_ceil(1000));
        line.push((DIM, format!(" · the next wave starts in {left}")));
    }
    line
}

fn slowest(it: &Progress, columns: usize) -> Option<Spans> {
    let running = it.running();
    let first = running.first()?;
    let time = |ms: u64| clock(ms / 1000);
    if columns < NARROW {
        return Some(vec![(DIM, format!("{} {}", time(first.2), first.0))]);
    }
    let mut line = "slowest: ".to_owned();
    for (n, (id, member, ms)) in running.iter().take(SLOWEST).enumerate() {
        let place = match member.place.as_str() {
            "" | "-" => String::new(),
            place => format!(" {place}"),
        };
        let step = member.step.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        let separator = if n > 0 { ", " } else { "" };
        let named = format!("{separator}{id}{place} {}{step}", time(*ms));
        // Half a name says nothing.
        if n > 0 && width(&line) + width(&named) >= columns {
            break;
        }
        line.push_str(&named);
    }
    Some(vec![(DIM, line)])
}
