//! Offline recovery: what a rescue would do to the instances that no longer boot, and what would
//! keep it from working; what it changes in groups, and how that is undone. It judges facts; it reads
//! nothing and changes nothing.

mod checks;
mod facts;
mod journal;
mod permissions;
mod preflight;
mod recipe;
mod restoring;
mod script;
mod taking;
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
    journal::{Change, Entry, GroupNow, GroupsNow, Held, HeldGroup, Stage},
    permissions::{Need, needed},
    preflight::{Judged, Preflight, Readiness, Row, preflight},
    recipe::{Cure, ROLE_TEMPLATE, Recipe, Variant},
    restoring::{Condition, Remaining, Restoring, restoring},
    script::{LONGEST, OfflineScript, Unsendable},
    taking::{CannotTake, is_made, is_unmade, taking},
    wishes::{
        Backup, Bitlocker, Data, HELPER_TYPE, Members, RUNBOOK, Unsayable, Where, Wishes,
        parameters,
    },
};
