//! Offline recovery: what a rescue would do to the instances that no longer boot, and what would
//! keep it from working. It judges facts; it reads nothing and changes nothing.

mod checks;
mod facts;
mod permissions;
mod preflight;
mod recipe;
mod script;
#[cfg(test)]
mod testing;
mod wishes;

pub use self::{
    checks::actions,
    facts::{
        Acl, Described, EncryptionByDefault, Endpoint, Execution, Group, Instance, InstanceStore,
        Key, Network, Role, Runbook, SecurityGroup, Seen, Site, Status, Subnet, Unread, Volume,
        WayOut,
    },
    permissions::{Need, needed},
    preflight::{Judged, Preflight, Readiness, Row, preflight},
    recipe::{Cure, ROLE_TEMPLATE, Recipe, Variant},
    script::{LONGEST, OfflineScript, Unsendable},
    wishes::{
        Backup, Bitlocker, Data, HELPER_TYPE, Members, RUNBOOK, Unsayable, Where, Wishes,
        parameters,
    },
};
