//! JSON for scripts that is as safe on a terminal as text is: characters that act on one are
//! written as escapes, which any parser reads back as the same value.

use std::fmt::Write as _;

use serde::Serialize;

use super::sanitize::is_plain;

/// Returns `value` in one line.
pub(super) fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value);
    escaped(text.expect("fleet's own types have string keys and no failing serializer"))
}

/// Returns `value` over several lines.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    escaped(text.expect("fleet's own types have string keys and no failing serializer"))
}

/// serde_json escapes C0 alone. Outside of strings JSON is ASCII, so whatever is escaped here is
/// inside one.
fn escaped(text: String) -> String {
    // Nearly all of it is ASCII, of which only DEL is left to be escaped.
    let is_plain_ascii = text.is_ascii() && !text.contains('\u{7f}');
    if is_plain_ascii || text.chars().all(is_plain) {
        return text;
    }
    let mut res = String::with_capacity(text.len());
    for it in text.chars() {
        if is_plain(it) {
            res.push(it);
            continue;
        }
        for unit in it.encode_utf16(&mut [0; 2]) {
            write!(res, "\\u{unit:04x}").expect("a string takes any text");
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_an_escape() {
        assert_eq!(
            line(&"\u{9b}31m \x7f \u{202e} \u{e0041} é"),
            r#""\u009b31m \u007f \u202e \udb40\udc41 é""#
        );
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_it_was(text in any::<String>()) {
            let json = line(&text);
            prop_assert!(json.chars().all(is_plain));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
