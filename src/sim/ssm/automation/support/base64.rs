//! Reads base64, as the runbook does with the script that it is given.

/// Returns the bytes; `None` if the text is no base64.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let plain = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - plain.len() > 2 {
        return None;
    }
    let mut res = Vec::new();
    let (mut bits, mut n) = (0_u32, 0_u32);
    for it in plain.bytes() {
        let value = match it {
            b'A'..=b'Z' => it - b'A',
            b'a'..=b'z' => it - b'a' + 26,
            b'0'..=b'9' => it - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        n += 6;
        if n >= 8 {
            n -= 8;
            res.push(u8::try_from((bits >> n) & 0xff).unwrap_or_default());
        }
    }
    Some(res)
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn base64_is_read_or_refused() {
        for (text, expected) in [
            ("", Some("")),
            ("ZQ==", Some("e")),
            ("ZXg=", Some("ex")),
            ("Z2V0LWNoaWxkaXRlbSAt", Some("get-childitem -")),
            ("ZXg", None),
            ("Z=g=", None),
            ("Z!g=", None),
            ("====", None),
        ] {
            assert_eq!(decoded(text), expected.map(|it| it.as_bytes().to_vec()), "{text}");
        }
    }
}
