//! AWS, and nothing but: the only module that names an `aws_*` crate.
//! It turns requests in fleet's terms into calls, and answers into plain data; it decides nothing.

mod action;
mod activities;
mod advice;
mod asking;
mod automation;
mod calls;
mod clients;
mod command;
mod denial;
mod departures;
mod document;
mod error;
mod examine;
mod fetching;
mod nodes;
mod pacing;
mod profile;
mod proving;
mod publish;
mod published;
mod replacing;
mod reporting;
mod rescue;
mod rows;
mod scope;
mod signed;
mod simulation;
mod targets;
mod whole;

pub use self::{
    calls::{CallLog, Tally},
    clients::{Access, Aws, ConnectError, Fixed, region},
    document::{DocumentError, Found, find_document},
    error::{AwsError, ErrorKind},
    examine::{GroupState, Read},
    fetching::{Fetcher, Got, Piece, Reach, Stream},
    pacing::Tempo,
    profile::{ProfileError, ProfileRole, RoleProfile, role_profile},
    publish::{Change, Kind, Publication, PublishError, Unfinished, change, publish},
    published::{
        HASH_TAG, Listed, Published, Standing, VERSION_TAG, content, describe, own_documents,
    },
    reporting::Intent,
    rescue::rescue_site,
    scope::{Mfa, Role},
    simulation::{Opinion, principal},
    targets::{Resolved, TargetsError, resolve},
};
