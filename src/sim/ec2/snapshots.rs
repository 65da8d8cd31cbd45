//! DescribeSnapshots: the account's own, of which a rescue asks whether there is a backup. Those of
//! the images that AWS offers are not told.

use jiff::Timestamp;

use super::{
    ApiError, Call, Form, Xml,
    describe::write_token,
    page::Page,
    shapes::launch_time,
    wanted::{Wanted, check_ids, cut},
};
use crate::sim::{kms, machines::Volume, state::State};

/// DescribeSnapshots, MaxResults: "between 5 and 1,000".
const SIZES: Page = Page { least: 5, most: 1000 };

const FILTERS: [&str; 11] = [
    "description",
    "encrypted",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    "storage-tier",
    "tag",
    "volume-id",
    "volume-size",
];

struct Snapshot<'a> {
    id: String,
    volume: &'a str,
    description: String,
    begun: Timestamp,
    /// The ARN of the key, if it is encrypted.
    key: Option<String>,
}

pub(super) fn describe(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &FILTERS)?;
    let (ids, owners) = (form.flat_texts("SnapshotId")?, form.flat_texts("Owner")?);
    let state = call.sim.state.borrow();
    let all = all(call, &state);
    let known = |id: &str| all.iter().any(|it| it.id == id);
    check_ids(&ids, known, ("InvalidSnapshot.NotFound", "snapshot"))?;
    // All are the account's own.
    let is_of = |it: &&str| *it == "self" || *it == call.sim.account;
    let is_meant = |it: &Snapshot<'_>| {
        (ids.is_empty() || ids.contains(&it.id.as_str()))
            && (owners.is_empty() || owners.iter().any(is_of))
            && wanted.selects(|name| values(call, it, name))
    };
    let found = all.into_iter().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &SIZES)?;
    xml.items("snapshotSet", page, |xml, it| write(call, &it, xml));
    write_token(next, xml);
    Ok(())
}

/// Those that the world has of volumes, and those of the images that runbooks made.
fn all<'a>(call: &Call, state: &'a State) -> Vec<Snapshot<'a>> {
    let key = |it: &Volume| it.encrypted.then(|| kms::arn(&call.sim, it.key.as_deref()));
    let of_volumes = state.volumes.values().filter_map(|it| {
        let before = it.snapshot?;
        Some(Snapshot {
            id: it.id.replacen("vol-0", "snap-1", 1),
            volume: &it.id,
            description: String::new(),
            begun: call.sim.clock.epoch().saturating_sub(before).unwrap_or(Timestamp::MIN),
            key: key(it),
        })
    });
    let of_backups = state.backups.iter().filter_map(|it| {
        let volume = it.volume.as_deref()?;
        Some(Snapshot {
            id: it.image.replacen("ami-", "snap-", 1),
            volume,
            description: format!("Created by CreateImage({}) for {}", it.instance, it.image),
            begun: it.at,
            key: state.volumes.get(volume).and_then(key),
        })
    });
    of_volumes.chain(of_backups).collect()
}

fn values(call: &Call, it: &Snapshot<'_>, name: &str) -> Vec<String> {
    vec![match name {
        "description" => it.description.clone(),
        "encrypted" => it.key.is_some().to_string(),
        "owner-id" => call.sim.account.clone(),
        "progress" => "100%".to_owned(),
        "snapshot-id" => it.id.clone(),
        "start-time" => launch_time(call, Some(it.begun)),
        "status" => "completed".to_owned(),
        "storage-tier" => "standard".to_owned(),
        "volume-id" => it.volume.to_owned(),
        "volume-size" => "30".to_owned(),
        _ => return Vec::new(), // there are no tags
    }]
}

fn write(call: &Call, it: &Snapshot<'_>, xml: &mut Xml) {
    xml.text("snapshotId", &it.id);
    xml.text("volumeId", it.volume);
    xml.text("status", "completed");
    xml.text("startTime", &launch_time(call, Some(it.begun)));
    xml.text("progress", "100%");
    xml.text("ownerId", &call.sim.account);
    xml.value("volumeSize", 30);
    xml.text("description", &it.description);
    xml.value("encrypted", it.key.is_some());
    if let Some(key) = &it.key {
        xml.text("kmsKeyId", key);
    }
    xml.items("tagSet", [], |_, ()| {});
    xml.text("storageTier", "standard");
}
