//! DescribeImages: what the instances here were launched from, what the world declares, and what
//! runbooks have made as backups. Of the thousands that AWS and others offer it tells no more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    ApiError, Call, Form, Xml,
    describe::write_token,
    page::Page,
    shapes::{image_id, is_there, launch_time, own_image_id, platform_details},
    wanted::{Wanted, cut},
};
use crate::sim::{
    machines::{Hardware, root_device_of},
    state::{Platform, State},
};

/// The reference gives no bounds. UNVERIFIED.
const SIZES: Page = Page { least: 1, most: 1000 };

const FILTERS: [&str; 17] = [
    "architecture",
    "hypervisor",
    "image-id",
    "image-type",
    "is-public",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "root-device-name",
    "root-device-type",
    "state",
    "tag",
    "virtualization-type",
    "description",
];

/// Images are this much older than the simulation.
const AGE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// An image as it is told.
struct Image {
    id: String,
    name: String,
    description: &'static str,
    platform: Platform,
    codes: Vec<String>,
    has_ebs_root: bool,
    owner: Owner,
    made: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Own,
    Amazon,
    Marketplace,
}

pub(super) fn describe(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &FILTERS)?;
    let (ids, owners) = (form.flat_texts("ImageId")?, form.flat_texts("Owner")?);
    // Nothing here is deprecated or disabled, so that it may be asked for changes nothing.
    for it in ["IncludeDeprecated", "IncludeDisabled"] {
        form.boolean(it)?;
    }
    let state = call.sim.state.borrow();
    let images = all(call, &state);
    let gone = deregistered(&state);
    check_ids(&ids, |id| images.contains_key(id) || gone.contains(id))?;
    let is_meant = |it: &Image| {
        (ids.is_empty() || ids.contains(&it.id.as_str()))
            && (owners.is_empty() || owners.iter().any(|owner| it.is_of(call, owner)))
            && wanted.selects(|name| it.values(call, name))
    };
    let found = images.into_values().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &SIZES)?;
    xml.items("imagesSet", page, |xml, it| write(call, &it, xml));
    write_token(next, xml);
    Ok(())
}

/// Returns the images that there are, by their ids.
fn all(call: &Call, state: &State) -> BTreeMap<String, Image> {
    let of_instances = state.instances.values().map(|it| (&it.hardware, it.platform));
    let of_groups = state.groups.iter().map(|it| (&it.launches.hardware, it.launches.platform));
    let public = of_instances.chain(of_groups).filter(|(it, _)| it.image.is_none());
    let own = call.sim.images.iter().filter(|it| !it.is_deregistered).map(|it| Image {
        id: own_image_id(&it.name),
        name: it.name.clone(),
        description: "",
        platform: it.platform,
        codes: it.product_codes.clone(),
        has_ebs_root: true,
        owner: Owner::Own,
        made: None,
    });
    let backups = state.backups.iter().map(|it| Image {
        id: it.image.clone(),
        name: it.name.clone(),
        description: "",
        platform: it.platform,
        codes: it.product_codes.clone(),
        has_ebs_root: true,
        owner: Owner::Own,
        made: Some(it.at),
    });
    let public = public.map(|(hardware, platform)| offered(hardware, platform));
    public.chain(own).chain(backups).map(|it| (it.id.clone(), it)).collect()
}

/// An image that AWS offers, or a seller on its marketplace.
fn offered(hardware: &Hardware, platform: Platform) -> Image {
    let (name, description) = match platform {
        Platform::Windows => ("Windows_Server-2022-English-Full-Base", "Microsoft Windows Server"),
        Platform::Linux => ("al2023-ami-kernel-x86_64", "Amazon Linux 2023"),
        Platform::MacOs => ("amzn-ec2-macos", "Amazon EC2 macOS"),
    };
    let codes = hardware.product_codes.clone();
    let root = if hardware.has_ebs_root { "" } else { "-instance-store" };
    let of_seller = codes.iter().map(|it| format!("-{it}")).collect::<String>();
    Image {
        id: image_id(hardware, platform),
        name: format!("{name}{root}{of_seller}"),
        description,
        platform,
        owner: if codes.is_empty() { Owner::Amazon } else { Owner::Marketplace },
        codes,
        has_ebs_root: hardware.has_ebs_root,
        made: None,
    }
}

/// Returns the ids of images that were deregistered and that instances were launched from: asked for
/// they "return empty results", and only "after all instances that reference a deregistered AMI are
/// terminated" an error (DescribeImages reference).
fn deregistered(state: &State) -> BTreeSet<String> {
    let there = state.instances.values().filter(|it| is_there(it));
    let images = there.filter_map(|it| it.hardware.image.as_ref());
    images.filter(|it| it.is_deregistered).map(|it| own_image_id(&it.name)).collect()
}

/// Refuses ids that are none, and those of images of which nothing is known.
fn check_ids(ids: &[&str], known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
    for id in ids {
        let hex = id.strip_prefix("ami-").unwrap_or_default();
        if ![8, 17].contains(&hex.len()) || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
            let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
            return Err(ApiError::new("InvalidAMIID.Malformed", message));
        }
    }
    let unknown: Vec<&str> = ids.iter().filter(|it| !known(it)).copied().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let (noun, verb) = if unknown.len() == 1 { ("id", "does") } else { ("ids", "do") };
    let message = format!("The image {noun} '[{}]' {verb} not exist", unknown.join(", "));
    Err(ApiError::new("InvalidAMIID.NotFound", message))
}

impl Image {
    fn owner_id<'a>(&self, call: &'a Call) -> &'a str {
        match (self.owner, self.platform) {
            (Owner::Own, _) => &call.sim.account,
            (Owner::Amazon, Platform::Windows) => "801119661308",
            (Owner::Amazon, Platform::MacOs) => "100343932686",
            (Owner::Amazon, Platform::Linux) => "137112412989",
            (Owner::Marketplace, _) => "679593333241",
        }
    }

    fn alias(&self) -> Option<&'static str> {
        match self.owner {
            Owner::Own => None,
            Owner::Amazon => Some("amazon"),
            Owner::Marketplace => Some("aws-marketplace"),
        }
    }

    /// "account IDs, self, amazon, aws-backup-vault, aws-marketplace" (Owners).
    fn is_of(&self, call: &Call, owner: &str) -> bool {
        match owner {
            "self" => self.owner == Owner::Own,
            "amazon" | "aws-backup-vault" | "aws-marketplace" => self.alias() == Some(owner),
            account => self.owner_id(call) == account,
        }
    }

    fn root_type(&self) -> &'static str {
        if self.has_ebs_root { "ebs" } else { "instance-store" }
    }

    fn values(&self, call: &Call, name: &str) -> Vec<String> {
        let one = |it: &str| vec![it.to_owned()];
        match name {
            "architecture" => one("x86_64"),
            "description" => one(self.description),
            "hypervisor" => one("xen"),
            "image-id" => one(&self.id),
            "image-type" => one("machine"),
            "is-public" => one(&(self.owner != Owner::Own).to_string()),
            "name" => one(&self.name),
            "owner-alias" => self.alias().map(str::to_owned).into_iter().collect(),
            "owner-id" => one(self.owner_id(call)),
            // "The only supported value is windows."
            "platform" if self.platform == Platform::Windows => one("windows"),
            "product-code" => self.codes.clone(),
            "product-code.type" => {
                self.codes.first().map(|_| "marketplace".into()).into_iter().collect()
            }
            "root-device-name" => one(root_device_of(self.platform)),
            "root-device-type" => one(self.root_type()),
            "state" => one("available"),
            "virtualization-type" => one("hvm"),
            _ => Vec::new(), // no platform but Windows is told, and there are no tags
        }
    }
}

fn write(call: &Call, image: &Image, xml: &mut Xml) {
    let owner = image.owner_id(call);
    let root = root_device_of(image.platform);
    let made = image.made.unwrap_or(call.sim.clock.epoch() - AGE);
    xml.text("imageId", &image.id);
    xml.text("imageLocation", &format!("{}/{}", image.alias().unwrap_or(owner), image.name));
    xml.text("imageState", "available");
    xml.text("imageOwnerId", owner);
    xml.text("creationDate", &launch_time(call, Some(made)));
    xml.value("isPublic", image.owner != Owner::Own);
    xml.items("productCodes", &image.codes, |xml, it| {
        xml.text("productCode", it);
        xml.text("type", "marketplace");
    });
    xml.text("architecture", "x86_64");
    xml.text("imageType", "machine");
    if image.platform == Platform::Windows {
        xml.text("platform", "Windows"); // as the service model spells it
    }
    xml.text("platformDetails", platform_details(image.platform));
    if let Some(it) = image.alias() {
        xml.text("imageOwnerAlias", it);
    }
    xml.text("name", &image.name);
    if !image.description.is_empty() {
        xml.text("description", image.description);
    }
    xml.text("rootDeviceType", image.root_type());
    xml.text("rootDeviceName", root);
    xml.items("blockDeviceMapping", image.has_ebs_root.then_some(root), |xml, device| {
        xml.text("deviceName", device);
        xml.element("ebs", |xml| {
            xml.text("snapshotId", &image.id.replacen("ami-", "snap-", 1));
            xml.value("volumeSize", 30);
            xml.value("deleteOnTermination", true);
            xml.text("volumeType", "gp3");
        });
    });
    xml.text("virtualizationType", "hvm");
    xml.text("hypervisor", "xen");
}
