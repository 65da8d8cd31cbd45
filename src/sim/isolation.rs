//! Tells whether documents can really run on this computer, apart from it.
//! It runs none: `agent` does.

use super::agent::Machine;

/// Says why not, in a sentence. May be called from anywhere, also from within a runtime.
pub(crate) fn available() -> Result<(), String> {
    let probe = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|err| err.to_string())?.block_on(Machine::probe())
    };
    // A runtime cannot be entered on a thread that is in one already.
    std::thread::scope(|scope| scope.spawn(probe).join())
        .unwrap_or_else(|_| Err("asking the computer failed".to_owned()))
}
