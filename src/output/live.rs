//! Draws the board at the bottom of a terminal, and lets text pass above it. It returns what is to be
//! written and writes nothing, so that every frame can be counted and looked at.

use super::words::width;

/// Milliseconds between two frames: at most ten a second, however much happens.
const FRAMES: u64 = 100;

/// What stands on the terminal.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// The lines of the last frame as they were written, and how many columns each takes.
    drawn: Vec<(String, usize)>,
    /// Lines that were typed below it.
    n_typed: usize,
    /// Text that waits to be let past.
    above: String,
    drawn_ms: Option<u64>,
    columns: usize,
}

impl Live {
    /// Has `text`, whose lines are whole, written above the board with the next frame.
    pub(super) fn say(&mut self, text: &str) {
        self.above.push_str(text);
    }

    /// Takes in that the operator has ended a line: the cursor is one further down.
    pub(super) fn typed(&mut self) {
        self.n_typed += usize::from(!self.drawn.is_empty());
    }

    /// Forgets what was drawn: somebody else has written to the terminal since.
    pub(super) fn forget(&mut self) {
        self.drawn.clear();
        self.n_typed = 0;
    }

    /// Returns whether it is time for a frame.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.drawn_ms.is_none_or(|it| now_ms >= it + FRAMES)
    }

    /// Returns what draws `lines`, with what was said above them; nothing if all stands there already.
    pub(super) fn frame(&mut self, lines: Vec<String>, columns: usize, now_ms: u64) -> String {
        self.drawn_ms = Some(now_ms);
        let is_same = lines.iter().eq(self.drawn.iter().map(|it| &it.0));
        if is_same && self.above.is_empty() && self.columns == columns && self.n_typed == 0 {
            return String::new();
        }
        let mut res = self.climb(columns);
        if !self.above.is_empty() {
            // What is let past takes the place of the board, which is drawn anew below.
            res.push_str("\x1b[J");
            res.push_str(&std::mem::take(&mut self.above));
        }
        for (n, line) in lines.iter().enumerate() {
            res.push_str(if n > 0 { "\n" } else { "" });
            res.push_str(line);
            // Over what was there, and not after it was cleared: nothing flickers.
            res.push_str("\x1b[K");
        }
        res.push_str("\x1b[J");
        self.columns = columns;
        let wide = |it: String| {
            let columns = width(&anstream::adapter::strip_str(&it).to_string());
            (it, columns)
        };
        self.drawn = lines.into_iter().map(wide).collect();
        res
    }

    /// Returns what takes the board away, and what was still to be said.
    pub(super) fn clear(&mut self, columns: usize) -> String {
        let mut res = String::new();
        if !self.drawn.is_empty() {
            res = self.climb(columns) + "\x1b[J";
        }
        self.forget();
        res + &std::mem::take(&mut self.above)
    }

    /// Returns what moves to the first column of the first line of the board. A terminal that has become narrower
    /// has broken its lines meanwhile.
    fn climb(&mut self, columns: usize) -> String {
        let rows = |it: &(String, usize)| it.1.div_ceil(columns.max(1)).max(1);
        let n_rows: usize = self.drawn.iter().map(rows).sum::<usize>() + self.n_typed;
        self.n_typed = 0;
        match n_rows.saturating_sub(1) {
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(it: &[&str]) -> Vec<String> {
        it.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_one_before_and_only_if_it_differs() {
        let mut live = Live::default();
        assert_eq!(live.frame(lines(&["a", "b"]), 80, 0), "\ra\x1b[K\nb\x1b[K\x1b[J");
        assert_eq!(live.frame(lines(&["a", "b"]), 80, 100), "");
        assert_eq!(live.frame(lines(&["c"]), 80, 200), "\r\x1b[1Ac\x1b[K\x1b[J");
        assert_eq!(live.clear(80), "\r\x1b[J");
        assert_eq!(live.clear(80), "");
    }

    #[test]
    fn what_is_said_stands_above_the_board() {
        let mut live = Live::default();
        live.frame(lines(&["a", "b"]), 80, 0);
        live.say("failed\n");
        let frame = live.frame(lines(&["a", "b"]), 80, 100);
        assert_eq!(frame, "\r\x1b[1A\x1b[Jfailed\na\x1b[K\nb\x1b[K\x1b[J");
        live.say("last\n");
        assert_eq!(live.clear(80), "\r\x1b[1A\x1b[Jlast\n");
    }

    #[test]
    fn a_board_is_found_again_after_a_line_was_typed_and_after_the_terminal_became_narrower() {
        let mut live = Live::default();
        live.frame(lines(&["0123456789", "x"]), 80, 0);
        live.typed();
        assert!(live.frame(lines(&["y"]), 80, 100).starts_with("\r\x1b[2Ay"));
        live.frame(lines(&["0123456789", "x"]), 80, 200);
        // Three rows of four columns, and one.
        assert!(live.frame(lines(&["y"]), 4, 300).starts_with("\r\x1b[3Ay"));
    }

    #[test]
    fn frames_are_bounded_in_time() {
        let mut live = Live::default();
        assert!(live.is_due(0));
        live.frame(lines(&["a"]), 80, 0);
        assert!(!live.is_due(99) && live.is_due(100));
    }
}
