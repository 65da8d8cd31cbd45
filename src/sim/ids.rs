//! Identifiers in AWS's shapes, all of them from the seed.
//! They are no secrets: whoever knows the seed knows them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Returns the id of a group's instance, such as `i-0a1b2c3d4e5f60718`.
pub(crate) fn instance_id(seed: u64, group: &str, index: usize) -> String {
    format!("i-0{}", hex(&digest(&[&seed.to_string(), "instance", group, &index.to_string()])[..8]))
}

/// Returns the id of a volume that belongs to something by its purpose, such as `vol-0a1b…`.
pub(crate) fn volume_id(owner: &str, purpose: &str) -> String {
    format!("vol-0{}", hex(&digest(&["volume", owner, purpose])[..8]))
}

/// Returns an id of IAM, such as `AROA` and 17 letters and digits for a role.
pub(crate) fn principal_id(seed: u64, prefix: &str, name: &str) -> String {
    let digest = digest(&[&seed.to_string(), prefix, name]);
    let tail = digest.iter().take(17).map(|it| char::from(BASE32[usize::from(it % 32)]));
    prefix.chars().chain(tail).collect()
}

/// Returns the UUID of something that the world names, such as a group.
pub(crate) fn named_uuid(seed: u64, kind: &str, name: &str) -> String {
    let digest = digest(&[&seed.to_string(), kind, name]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid_of(u128::from_be_bytes(bytes))
}

/// Returns a random UUID, as request ids are.
pub(crate) fn uuid(random: &mut fastrand::Rng) -> String {
    uuid_of(random.u128(..))
}

/// Returns a temporary access key id: `ASIA` and 16 letters and digits.
pub(crate) fn temporary_key_id(random: &mut fastrand::Rng) -> String {
    format!("ASIA{}", text(random, BASE32, 16))
}

/// Returns a secret access key.
pub(crate) fn secret(random: &mut fastrand::Rng) -> String {
    text(random, BASE64, 40)
}

/// Returns a session token; AWS's are long and begin so.
pub(crate) fn session_token(random: &mut fastrand::Rng) -> String {
    format!("IQoJb3JpZ2luX2VjE{}", text(random, BASE64, 300))
}

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn text(random: &mut fastrand::Rng, alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[random.usize(..alphabet.len())])).collect()
}

/// Puts the version and the variant of a random UUID into place.
fn uuid_of(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn digest(parts: &[&str]) -> [u8; 32] {
    Sha256::digest(parts.join("\0").as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut res, it| {
        write!(res, "{it:02x}").expect("writing to a string cannot fail");
        res
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shapes_of_aws() {
        let id = instance_id(1, "web", 0);
        assert!(id.len() == 19 && id[2..].bytes().all(|it| it.is_ascii_hexdigit()), "{id}");
        let role = principal_id(1, "AROA", "web");
        assert!(role.len() == 21 && role.starts_with("AROA"), "{role}");
        let uuid = named_uuid(1, "group", "web");
        assert!(uuid.len() == 36 && uuid[14..].starts_with('4'), "{uuid}");
        let key = temporary_key_id(&mut fastrand::Rng::with_seed(1));
        assert!(key.len() == 20 && key.starts_with("ASIA"), "{key}");
    }

    #[test]
    fn instance_ids_depend_on_the_seed_the_group_and_the_index_alone() {
        assert_eq!(instance_id(1, "web", 0), instance_id(1, "web", 0));
        let others = [instance_id(2, "web", 0), instance_id(1, "db", 0), instance_id(1, "web", 1)];
        assert!(!others.contains(&instance_id(1, "web", 0)));
    }
}
