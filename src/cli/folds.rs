//! How equal output is shown: the flags of every command that shows a report.

use clap::{Args, ValueEnum};

use crate::{
    output::{Folds, Members},
    run::Folding,
};

/// How equal output is shown.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FoldArgs {
    /// Which outputs are the same, and shown once
    #[arg(long, value_name = "HOW", default_value = "masked")]
    fold: Fold,
    /// List every instance of what is shown once, instead of the first few
    #[arg(long)]
    expand: bool,
}

/// `--fold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fold {
    /// Those that are, to the character
    Exact,
    /// Those that are but for ids, addresses, host names, times, process ids and durations; JSON as JSON
    Masked,
    /// None: each instance by itself
    None,
}

impl FoldArgs {
    pub(super) fn folds(self) -> Folds {
        let folding = match self.fold {
            Fold::Exact => Folding::Exact,
            Fold::Masked => Folding::Masked,
            Fold::None => Folding::None,
        };
        Folds { folding, members: if self.expand { Members::All } else { Members::First } }
    }
}
