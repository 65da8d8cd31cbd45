//! Instances in columns. A column is as wide as its widest cell; where there is no room for all of
//! them each row is told in words.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{
    page::{BOLD, PLAIN, Page},
    words::{self, between, cut, one_line, place, width},
};
use crate::run::InstanceFacts;

/// The most that a name takes of a line.
const CELL: usize = 40;

/// Columns before what belongs to the line above.
const INDENT: usize = 4;

/// Adds `rows` under `header`; what a row has to say beyond its cells stands under it.
pub(super) fn add(
    page: &mut Page,
    header: &[&str],
    rows: &[(Vec<String>, Option<String>)],
    columns: usize,
) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for (cells, _) in rows {
        table.add_row(cells.iter().map(|it| cut(&one_line(it), CELL)));
    }
    for (column, name) in table.column_iter_mut().zip(header) {
        column.set_padding((0, 2));
        if matches!(*name, "EXIT" | "TIME") {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<_> = table.lines().collect();
    if lines.iter().any(|it| width(it.trim_end()) > columns) {
        return in_words(page, header, rows, columns);
    }
    let mut lines = lines.into_iter();
    page.line(&[(BOLD, lines.next().unwrap_or_default().trim_end())]);
    for (line, (_, more)) in lines.zip(rows) {
        page.line(&[(PLAIN, line.trim_end())]);
        if let Some(more) = more {
            page.remark(more, columns);
        }
    }
}

/// Adds each row as its first cell, and below it the others with their names.
fn in_words(
    page: &mut Page,
    header: &[&str],
    rows: &[(Vec<String>, Option<String>)],
    columns: usize,
) {
    for (cells, more) in rows {
        let Some((first, others)) = cells.split_first() else { continue };
        page.line(&[(BOLD, &one_line(first))]);
        let mut lines = vec![String::new()];
        for (name, cell) in header.iter().skip(1).zip(others).filter(|(_, it)| *it != "-") {
            let told = format!("{} {}", name.to_lowercase(), one_line(cell));
            match lines.last_mut() {
                Some(line) if line.is_empty() => *line = told,
                Some(line) if width(line) + 2 + width(&told) + INDENT <= columns => {
                    line.push_str(", ");
                    line.push_str(&told);
                }
                _ => lines.push(told),
            }
        }
        page.quote(&" ".repeat(INDENT), lines.iter().map(String::as_str), columns);
        if let Some(more) = more {
            page.remark(more, columns);
        }
    }
}

/// Adds instances that did not succeed, each with the line that says most about why.
pub(super) fn failures(page: &mut Page, failed: &[&InstanceFacts], columns: usize) {
    let rows: Vec<_> = failed.iter().map(|it| (cells(it), words::why(it))).collect();
    add(page, &["INSTANCE", "GROUP/ZONE", "OUTCOME", "EXIT", "TIME"], &rows, columns);
}

fn cells(it: &InstanceFacts) -> Vec<String> {
    let none = || "-".to_owned();
    let took = it.started.zip(it.ended).map(|(started, ended)| between(started, ended));
    vec![
        it.instance_id.to_string(),
        place(it.group.as_deref(), it.zone.as_deref()),
        words::outcome(it.outcome),
        it.response_code.map_or_else(none, |it| it.to_string()),
        took.unwrap_or_else(none),
    ]
}
