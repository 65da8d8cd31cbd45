//! What instances are launched from and encrypted with: `[[image]]` and `[[key]]`, checked.

use std::sync::Arc;

use toml::Spanned;

use super::{
    WorldError,
    check::{Source, is_account},
    groups::PLATFORMS,
    raw,
};
use crate::sim::{
    kms::{Key, KeyState},
    machines::{Hardware, Image},
    state::Platform,
};

/// What groups and instances name.
#[derive(Debug, Clone, Default)]
pub(super) struct Materials {
    pub images: Vec<Arc<Image>>,
    pub keys: Vec<Key>,
}

/// What a group or an instance says of them.
pub(super) struct Wish<'a> {
    pub image: Option<&'a Spanned<String>>,
    pub key: Option<&'a Spanned<String>>,
    /// The table that says it.
    pub table: &'a str,
}

const STATES: [(&str, KeyState); 3] = [
    ("Enabled", KeyState::Enabled),
    ("Disabled", KeyState::Disabled),
    ("PendingDeletion", KeyState::PendingDeletion),
];

impl Source<'_> {
    pub(super) fn materials(
        &self,
        images: Vec<raw::Image>,
        keys: Vec<raw::Key>,
        account: &str,
    ) -> Result<Materials, WorldError> {
        let mut res = Materials::default();
        for it in images {
            let is_known = res.images.iter().any(|known| known.name == *it.name.get_ref());
            self.check_name(&it.name, "image.name", is_known)?;
            let platform = it.platform.as_ref();
            let platform = platform
                .map_or(Ok(Platform::Linux), |it| self.word(it, "image.platform", &PLATFORMS))?;
            res.images.push(Arc::new(Image {
                name: it.name.into_inner(),
                platform,
                product_codes: it.product_codes.unwrap_or_default(),
                is_deregistered: it.deregistered.unwrap_or(false),
            }));
        }
        for it in keys {
            let is_known = res.keys.iter().any(|known| known.name == *it.name.get_ref());
            self.check_name(&it.name, "key.name", is_known)?;
            if let Some(it) = it.account.as_ref().filter(|it| !is_account(it.get_ref())) {
                let message = format!("{:?} is not an account: expected 12 digits", it.get_ref());
                return Err(self.refuse(it, "key.account", message));
            }
            let state = it.state.as_ref();
            let state =
                state.map_or(Ok(KeyState::Enabled), |it| self.word(it, "key.state", &STATES))?;
            let account = it.account.map_or_else(|| account.to_owned(), Spanned::into_inner);
            res.keys.push(Key { name: it.name.into_inner(), state, account });
        }
        Ok(res)
    }

    /// Names of images have 3 to 128 characters, of a few more kinds than these.
    fn check_name(
        &self,
        it: &Spanned<String>,
        key: &str,
        is_known: bool,
    ) -> Result<(), WorldError> {
        let name = it.get_ref();
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
        if !(3..=128).contains(&name.len()) || !name.bytes().all(is_plain) {
            let message =
                format!("{name:?} is not a name: expected 3 to 128 letters, digits, -, _ and .");
            return Err(self.refuse(it, key, message));
        }
        if is_known {
            return Err(self.refuse(it, key, format!("{name:?} exists already")));
        }
        Ok(())
    }

    /// Makes the hardware of what is wished for.
    pub(super) fn of_materials(
        &self,
        hardware: &mut Hardware,
        wish: &Wish<'_>,
        materials: &Materials,
    ) -> Result<(), WorldError> {
        if let Some(it) = wish.image {
            let found = materials.images.iter().find(|known| known.name == *it.get_ref());
            let found = found.ok_or_else(|| {
                let message = format!("there is no [[image]] {:?}", it.get_ref());
                self.refuse(it, &format!("{}.image", wish.table), message)
            })?;
            // "The product codes attached to this instance" are those of its image at its launch.
            hardware.product_codes.clone_from(&found.product_codes);
            hardware.image = Some(Arc::clone(found));
        }
        if let Some(it) = wish.key {
            if !materials.keys.iter().any(|known| known.name == *it.get_ref()) {
                let message = format!("there is no [[key]] {:?}", it.get_ref());
                return Err(self.refuse(it, &format!("{}.key", wish.table), message));
            }
            hardware.key = Some(it.get_ref().clone());
            hardware.root_encrypted = true;
        }
        Ok(())
    }

    /// Refuses an image that its instance cannot have been launched from.
    pub(super) fn check_image(
        &self,
        hardware: &Hardware,
        platform: Platform,
        said: &Spanned<impl Sized>,
        key: &str,
    ) -> Result<(), WorldError> {
        let Some(image) = &hardware.image else { return Ok(()) };
        let word =
            |platform| PLATFORMS.iter().find(|(_, it)| *it == platform).map_or("", |it| it.0);
        let why = match () {
            () if image.platform != platform => {
                format!("is of {}, and the instance of {}", word(image.platform), word(platform))
            }
            () if !hardware.has_ebs_root => "has its root on a volume".to_owned(),
            () => return Ok(()),
        };
        Err(self.refuse(said, key, format!("the image {:?} {why}", image.name)))
    }
}
