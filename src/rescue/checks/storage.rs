//! What is on the volumes, and whether the runbook can move the root volume.

use jiff::SignedDuration;

use super::{Check, Judge, Judgement, Unknown, fail, known, pass, unknown, warn};
use crate::{
    plan::Platform,
    rescue::{
        facts::{Instance, InstanceStore, Seen, Site},
        wishes::{Backup, Bitlocker, Data},
    },
};

pub(super) const MARKETPLACE: Check = Check {
    number: 3,
    name: "marketplace",
    reads: &[
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumeAttribute",
        "ec2:DescribeVolumes",
    ],
    unknown: Unknown::Stops,
    judge: Judge::Each(|site, it| {
        let described = known(&it.described)?;
        let refused = |whose: &str, codes: &[String]| {
            fail(
                format!("{whose} has the marketplace code {}", codes.join(", ")),
                "the runbook does not take it: restore a snapshot, or launch it anew",
            )
        };
        if !described.marketplace.is_empty() {
            return refused("the instance", &described.marketplace);
        }
        if let Ok(volume) = &it.volume {
            let codes = known(&volume.marketplace)?;
            if !codes.is_empty() {
                return refused("its root volume", codes);
            }
        }
        match known(&site.images)?.get(&described.image) {
            Some(codes) if !codes.is_empty() => refused("its image", codes),
            Some(_) => pass("no code of the marketplace"),
            // Images are deregistered; instances keep the codes of theirs.
            None => pass("no code of the marketplace; its image is gone"),
        }
    }),
};

pub(super) const ROOT_DEVICE: Check = Check {
    number: 4,
    name: "root device",
    reads: &["ec2:DescribeInstances", "ec2:DescribeVolumes"],
    unknown: Unknown::Stops,
    judge: Judge::Each(|_, it| {
        let described = known(&it.described)?;
        if described.root_device_type != "ebs" {
            let said = format!("its root device is {}, not ebs", described.root_device_type);
            return fail(said, "there is no volume to move: launch it anew");
        }
        let Some(id) = &described.root_volume else {
            let said = format!("there is no volume at {}", described.root_device);
            let remedy = format!(
                "an earlier rescue may have left it on an AWSSupport-EC2Rescue instance: `fleet \
                 rescue resume --instance {}` looks there",
                it.target.id
            );
            return fail(said, remedy);
        };
        // Whether it can be read at all; what is wrong with it is for the checks below.
        known(&it.volume)?;
        pass(format!("{id} at {}", described.root_device))
    }),
};

pub(super) const INSTANCE_STORE: Check = Check {
    number: 5,
    name: "instance store",
    reads: &["ec2:DescribeInstanceTypes", "ec2:DescribeInstances"],
    unknown: Unknown::Stops,
    judge: Judge::Each(|site, it| {
        let kind = &known(&it.described)?.kind;
        match (known(&site.types)?.get(kind), site.wishes.data) {
            (None, _) => unknown(format!("{kind} is not described"), ""),
            (Some(InstanceStore::None), _) => pass(format!("{kind} has none")),
            (Some(InstanceStore::Some), Data::MustStay) => fail(
                format!("{kind} has volumes of its own, and a stop empties them"),
                "--accept-data-loss if nothing on them is missed",
            ),
            (Some(InstanceStore::Some), Data::MayBeLost) => warn(
                format!("{kind} has volumes of its own, and the stop empties them"),
                "--accept-data-loss says that it may",
            ),
        }
    }),
};

pub(super) const ENCRYPTION: Check = Check {
    number: 6,
    name: "encryption",
    reads: &["ec2:DescribeVolumes", "kms:DescribeKey"],
    unknown: Unknown::Stops,
    judge: Judge::Each(encryption),
};

fn encryption(site: &Site, it: &Instance) -> Seen<Judgement> {
    let volume = known(&it.volume)?;
    if !volume.is_encrypted {
        return pass("not encrypted");
    }
    let Some(key) = &volume.key else {
        return unknown("encrypted, and with which key is not told", "");
    };
    let key = known(key)?;
    if key.state != "Enabled" {
        let said = format!("its key is {}: {}", key.state, key.arn);
        return fail(said, "enable the key: without it not even a start succeeds");
    }
    let account = key.arn.split(':').nth(4).filter(|it| !it.is_empty());
    if account.is_some() && account != site.account.as_deref() {
        return warn(
            format!("its key is of another account: {}", key.arn),
            "its policy must let the runbook's role use it, and make grants",
        );
    }
    pass("encrypted, and AllowEncryptedVolume says so")
}

pub(super) const BY_DEFAULT: Check = Check {
    number: 7,
    name: "encrypted helper",
    reads: &["ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| {
        let encryption = known(&site.encryption)?;
        match (encryption.is_on, &encryption.key) {
            (false, _) => pass("off: the helper's own volume is not encrypted"),
            (true, Some(key)) if key.ends_with("alias/aws/ebs") => pass("on, with the AWS key"),
            (true, key) => warn(
                format!("on, with {}", key.as_deref().unwrap_or("a key that is not told")),
                "the runbook's role must be allowed to use that key: the helper's own volume has it",
            ),
        }
    }),
};

pub(super) const BITLOCKER: Check = Check {
    number: 8,
    name: "BitLocker",
    reads: &[],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| match (&site.cure.platform, site.wishes.bitlocker) {
        (Some(Platform::Linux), _) => pass("of Windows alone"),
        (_, Bitlocker::Absent) => pass("not used: --no-bitlocker says so"),
        (_, Bitlocker::Unasked) => unknown(
            "whether it is used cannot be seen from outside",
            "--no-bitlocker says that it is not; a volume that is locked cannot be read on a \
             helper, and the instance would be stopped for nothing",
        ),
    }),
};

/// A snapshot that is older is no backup of what is on the volume.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// The same number, for instances that end for good.
pub(super) const LOSS: Check = Check {
    number: 22,
    name: "backup",
    reads: &["ec2:DescribeInstances", "ec2:DescribeSnapshots"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|site, it| {
        if !known(&it.described)?.goes_with_instance {
            return warn(
                "its root volume stays when it ends, and costs until somebody deletes it",
                "look for volumes that are available afterwards",
            );
        }
        let snapshot = match &it.snapshot {
            Ok(it) => it,
            Err(it) => {
                let said = format!("its root volume ends with it; snapshots: {}", it.said);
                return unknown(said, it.remedy.clone());
            }
        };
        let is_recent = snapshot.is_some_and(|begun| site.now.duration_since(begun).abs() < RECENT);
        if is_recent {
            return pass("its root volume ends with it; a snapshot is younger than a day");
        }
        warn(
            "its root volume ends with it, and no snapshot is younger than a day",
            "what is only there is lost: be sure that nothing is",
        )
    }),
};

pub(super) const BACKUP: Check = Check {
    number: 22,
    name: "backup",
    reads: &["ec2:DescribeSnapshots"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|site, it| {
        if site.wishes.backup == Backup::Image {
            return pass("an image is made before; it stays, and its snapshots cost until it goes");
        }
        let is_recent =
            known(&it.snapshot)?.is_some_and(|begun| site.now.duration_since(begun).abs() < RECENT);
        if is_recent {
            return pass("no image is made; a snapshot is younger than a day");
        }
        warn(
            "no image is made, and no snapshot is younger than a day",
            "leave --no-backup out: an image is made of the instance before",
        )
    }),
};
