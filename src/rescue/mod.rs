//! Offline recovery: what a rescue would do to the instances that no longer boot, and what would
//! keep it from working; what it changes in groups, and how that is undone. It judges facts; it reads
//! nothing and changes nothing.

mod checks;
mod facts;
mod journal;
mod leftovers;
mod mending;
mod permissions;
mod preflight;
mod proof;
mod recipe;
mod replacing;
mod restoring;
mod returning;
mod script;
mod stranding;
mod taking;
#[cfg(test)]
mod testing;
mod trace;
mod wishes;

pub use self::{
    checks::actions,
    facts::{
        Acl, Described, EncryptionByDefault, Endpoint, Execution, Group, Instance, InstanceStore,
        Key, Network, Role, Runbook, SecurityGroup, Seen, Site, Status, Subnet, Unread, Volume,
        WayOut,
    },
    journal::{Change, Entry, GroupNow, GroupsNow, Held, HeldGroup, Stage, unwritten},
    leftovers::{Leftover, leftovers},
    mending::{Mend, Mending, VolumeNow, mending},
    permissions::{Need, Reach, needed, needed_of_caller},
    preflight::{Judged, Preflight, Readiness, Row, deeds, preflight},
    proof::{Proof, Sight, proof, told},
    recipe::{Cure, ROLE_TEMPLATE, Recipe, Variant},
    replacing::{
        Activity, Before as BeforeReplacing, Deed, GroupSight, MemberSight, Replaced,
        Stage as ActivityStage, replaced,
    },
    restoring::{Condition, Remaining, Restoring, restoring},
    returning::{Return, Returned, unfinished},
    script::{LONGEST, OfflineScript, Unsendable},
    stranding::{
        Belonging, HELPER, Halted, Helper, Hold, Known, Loose, Power, Stranded, Wreckage,
        belongings,
    },
    taking::{CannotTake, is_leaving, is_made, is_unmade, taking},
    trace::{Trace, TraceStep},
    wishes::{
        Backup, Bitlocker, Data, HELPER_TYPE, Members, RUNBOOK, Unsayable, Where, Wishes,
        parameters,
    },
};
