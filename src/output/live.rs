//! The bar at the bottom of a terminal. Only this file knows the library that draws it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle};

use super::{
    progress::Progress,
    words::{clock, cut},
};

/// The most redraws in a second.
const REDRAWS: u8 = 10;

/// How often the time goes on although nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// Columns of the bar itself, and of what stands around the counts.
const BAR: usize = 12;
const AROUND: usize = BAR + 2 + 1 + 3 + 7 + 1;

/// A bar on stderr, which goes without a trace.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Shows a bar; one without a length if nobody knows how many there will be.
    pub(super) fn start(progress: &Progress) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
        let length = progress.planned().map(u64::from);
        let bar = ProgressBar::with_draw_target(length, target);
        let template =
            if length.is_some() { "[{bar:12}] {msg} · {clock}" } else { "{msg} · {clock}" };
        let style = ProgressStyle::with_template(template).expect("the template is well formed");
        let tell = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
            to.write_str(&clock(state.elapsed().as_secs())).expect("a string takes any text");
        };
        bar.set_style(style.progress_chars("=> ").with_key("clock", tell));
        let bar = bar.with_finish(ProgressFinish::AndClear);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub(super) fn update(&self, progress: &Progress, columns: usize) {
        self.0.set_position(u64::from(progress.done()));
        self.0.set_message(cut(&progress.summary(), columns.saturating_sub(AROUND)));
    }

    /// Runs `say`, which writes to the terminal, with the bar out of its way.
    pub(super) fn above(&self, say: impl FnOnce()) {
        self.0.suspend(say);
    }

    pub(super) fn clear(self) {
        self.0.disable_steady_tick();
        self.0.finish_and_clear();
    }
}
