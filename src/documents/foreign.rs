//! What fleet declares of documents that are not its own: what their reader should know before they
//! are sent, and which document of fleet's shows whether they worked. Their contents are AWS's.

use super::{BadSidecar, sidecar};
use crate::plan::Sidecar;

/// Each by the name of its document.
const FOREIGN: &[(&str, &str)] = &[(
    "AWSSupport-TroubleshootSSH",
    include_str!("../../documents/aws/AWSSupport-TroubleshootSSH.fleet.toml"),
)];

/// The runbook of a rescue, of which fleet declares nothing.
pub const RESCUE: &str = "AWSSupport-StartEC2RescueWorkflow";

/// Returns whether a document of AWS's is known to be a runbook, as all are that fleet knows.
pub fn is_runbook(name: &str) -> bool {
    name == RESCUE || FOREIGN.iter().any(|(it, _)| *it == name)
}

/// Returns what fleet declares of a document of AWS's, if it knows it.
///
/// # Errors
/// If the sidecar is no sidecar, which a test excludes.
pub fn foreign(name: &str) -> Option<Result<Sidecar, BadSidecar>> {
    let found = FOREIGN.iter().find(|(it, _)| *it == name);
    found.map(|(_, text)| sidecar(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Canned;

    #[test]
    fn what_is_declared_of_others_can_be_read_and_names_a_document_of_fleets() {
        for (name, _) in FOREIGN {
            let it = foreign(name).unwrap().unwrap();
            assert!(!it.caveats.is_empty(), "{name}");
            assert!(it.rollout.verify.as_deref().and_then(Canned::find).is_some(), "{name}");
        }
        assert!(foreign("Fleet-CheckSshd").is_none());
        assert!(is_runbook("AWSSupport-TroubleshootSSH") && !is_runbook("Fleet-CheckSshd"));
    }
}
