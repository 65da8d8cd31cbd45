//! Makes text that somebody else wrote safe for a terminal. It keeps what can be read and never
//! lets a character through that moves the cursor, reorders the line or hides.

use std::{borrow::Cow, fmt::Write as _};

/// Returns `text` without anything that acts on a terminal instead of being shown.
///
/// Escape sequences go, with whatever they carry. Line ends become `\n`; tabs stay. Control
/// characters that are left are shown by their Unicode pictures, characters that reorder text by
/// their number, and characters without a width are dropped.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let stripped = anstream::adapter::strip_str(&text).to_string();
    let mut res = String::with_capacity(stripped.len());
    for it in stripped.chars() {
        push(&mut res, it);
    }
    Cow::Owned(res)
}

/// Returns whether `it` is harmless as it stands.
pub(super) fn is_plain(it: char) -> bool {
    matches!(it, '\n' | '\t') || (!it.is_control() && !reorders(it) && !is_invisible(it))
}

fn push(to: &mut String, it: char) {
    match it {
        it if is_plain(it) => to.push(it),
        '\u{7f}' => to.push('\u{2421}'),
        '\0'..='\u{1f}' => {
            let picture = char::from_u32(0x2400 + u32::from(it));
            to.push(picture.expect("each C0 control has a picture at U+2400 and its number"));
        }
        it if is_invisible(it) => {}
        it => write!(to, "\\u{{{:x}}}", u32::from(it)).expect("a string takes any text"),
    }
}

/// Bidirectional controls, line and paragraph separators, and code points that are no characters.
fn reorders(it: char) -> bool {
    matches!(
        it,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
            ..='\u{202e}' | '\u{2066}'
            ..='\u{206f}' | '\u{fff9}'
            ..='\u{fffb}'
    ) || (u32::from(it) & 0xfffe) == 0xfffe
}

/// Characters without a width: joiners, byte order marks, soft hyphens, tags.
fn is_invisible(it: char) -> bool {
    matches!(
        it,
        '\u{ad}' | '\u{180e}' | '\u{200b}'
            ..='\u{200d}' | '\u{2060}'
            ..='\u{2065}' | '\u{feff}' | '\u{e0000}'
            ..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_taken_out_or_made_visible() {
        let check = |text: &str, expected: &str| assert_eq!(sanitize(text), expected, "{text:?}");
        check("plain, 日本語 ✓\tand a tab\n", "plain, 日本語 ✓\tand a tab\n");
        check("\x1b[31mred\x1b[0m", "red");
        check("\x1b]0;title\x07after", "after");
        check("\x1b[2J\x1b[Hgone", "gone");
        check("a\r\nb\rc", "a\nb\nc");
        check("bell\x07 del\x7f nul\0", "bell del nul");
        check("csi\u{9b}31m", "csi\\u{9b}31m");
        check("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe");
        check("i\u{200b}-0\u{feff}1", "i-01");
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(sanitize("up 3 days\n"), Cow::Borrowed(_)));
    }

    fn is_safe(text: &str) -> bool {
        text.chars().all(|it| {
            let is_control = it.is_control() && it != '\n' && it != '\t';
            let is_bidi = matches!(it,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}');
            !is_control && !is_bidi && !matches!(it, '\u{61c}' | '\u{feff}' | '\u{fffe}'..)
                || (it > '\u{ffff}' && !is_control)
        })
    }

    proptest! {
        #[test]
        fn no_text_gets_through_unsafe(text in any::<String>()) {
            prop_assert!(is_safe(&sanitize(&text)));
        }

        #[test]
        fn no_bytes_get_through_unsafe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(is_safe(&sanitize(&String::from_utf8_lossy(&bytes))));
        }

        #[test]
        fn no_sequence_gets_through_unsafe(
            text in "[\x1b\u{9b}\\[\\]0-9;mHJPX^_\x07\x08\r\n\x7fé\u{202e}\u{200b}a]{0,40}"
        ) {
            let once = sanitize(&text);
            prop_assert!(is_safe(&once), "{:?} gave {:?}", text, once);
            prop_assert_eq!(sanitize(&once), once.clone());
        }
    }
}
