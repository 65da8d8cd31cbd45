//! Whether a run could be written down, and whether others could read it.

use super::{Check, fail, pass};
use crate::output::{StateTrouble, look_at_state};

const NAME: &str = "state directory";

pub(super) const STATE: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
            let Some(path) = &site.state_directory else {
                let said = "there is none for the ledger";
                return vec![fail(NAME, said, "set XDG_STATE_HOME or HOME")];
            };
            let shown = path.display();
            vec![match look_at_state(path) {
                Ok(()) => pass(NAME, format!("{shown} can be written, and is private")),
                Err(StateTrouble::Readable { path, mode }) => {
                    let said = format!("{} is open to others (mode {mode:o})", path.display());
                    let remedy = format!("chmod 700 {}", path.display());
                    fail(NAME, said, remedy)
                }
                Err(StateTrouble::Unwritable { path, source }) => {
                    let said = format!("{} cannot be written: {source}", path.display());
                    fail(NAME, said, "set XDG_STATE_HOME to a directory that can be written")
                }
            }]
        })
    },
};
