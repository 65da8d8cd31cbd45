//! The script that the runbook runs beside the root volume: whether it can be sent, and as what.
//!
//! The runbook decodes base64 and then ASCII (`[Text.Encoding]::ASCII.GetString`), whatever its
//! documentation said until after July 2024, and runs the text in the midst of a script of its own.

use std::fmt;

/// The most characters that a value of StartAutomationExecution has (botocore model). Whether the
/// service holds to it is UNVERIFIED.
pub const LONGEST: usize = 512;

/// Words that would end or hang the runbook's own step, in which the script runs: the root volume
/// could stay on the helper. `stop` is what `$ErrorActionPreference` and `-ErrorAction` take for it.
const FORBIDDEN: [&str; 8] = [
    "exit",
    "throw",
    "stop",
    "stop-computer",
    "restart-computer",
    "read-host",
    "pause",
    "shutdown",
];

/// A script that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineScript {
    text: String,
    encoded: String,
}

/// Why a script cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsendable {
    Empty,
    /// With or without a byte order mark.
    Utf16,
    ByteOrderMark,
    /// A byte that no text in ASCII has; lines and columns begin at 1.
    NotAscii {
        line: usize,
        column: usize,
        byte: u8,
    },
    /// Bytes of text, and characters of base64.
    TooLong {
        length: usize,
        encoded: usize,
    },
    Forbidden {
        word: &'static str,
        line: usize,
    },
}

impl OfflineScript {
    /// Reads a script as it stands in a file; line ends at its end are dropped.
    ///
    /// # Errors
    /// If the runbook would not read it as it is meant, or would not survive it.
    pub fn of(bytes: &[u8]) -> Result<Self, Unsendable> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Unsendable::Utf16);
        }
        if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
            return Err(Unsendable::ByteOrderMark);
        }
        let n_nul = bytes.iter().filter(|it| **it == 0).count();
        // Of ASCII in UTF-16, every other byte.
        if n_nul > 0 && n_nul >= bytes.len() / 3 {
            return Err(Unsendable::Utf16);
        }
        if let Some(at) = bytes.iter().position(|it| !it.is_ascii() || *it == 0) {
            let before = &bytes[..at];
            let line = 1 + before.iter().filter(|it| **it == b'\n').count();
            let start = before.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
            return Err(Unsendable::NotAscii { line, column: 1 + at - start, byte: bytes[at] });
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Err(Unsendable::Empty);
        }
        if let Some((word, line)) = forbidden(text) {
            return Err(Unsendable::Forbidden { word, line });
        }
        let encoded = base64(text.as_bytes());
        if encoded.len() > LONGEST {
            return Err(Unsendable::TooLong { length: text.len(), encoded: encoded.len() });
        }
        Ok(Self { text: text.to_owned(), encoded })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the value of `OfflineScript`: base64 on one line, at most [`LONGEST`] characters.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }
}

impl std::error::Error for Unsendable {}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the script is empty"),
            Self::Utf16 => f.write_str(
                "the script is UTF-16, and the runbook decodes ASCII: it would fail there with \
                 \"The term 'g' is not recognized\", or the like",
            ),
            Self::ByteOrderMark => f.write_str(
                "the script begins with a byte order mark, and the runbook decodes ASCII: it would \
                 become a part of the first command",
            ),
            Self::NotAscii { line, column, byte: 0 } => {
                write!(f, "the script has a NUL at line {line}, column {column}: it is no text")
            }
            Self::NotAscii { line, column, byte } => write!(
                f,
                "the script has the byte 0x{byte:02x} at line {line}, column {column}, and the \
                 runbook decodes ASCII: it would arrive as a question mark"
            ),
            Self::TooLong { length, encoded } => write!(
                f,
                "the script has {length} bytes, which are {encoded} characters of base64, and a \
                 parameter of a runbook takes {LONGEST}: at most {} bytes fit",
                LONGEST / 4 * 3
            ),
            Self::Forbidden { word, line } => write!(
                f,
                "the script has `{word}` at line {line}: it runs within a step of the runbook, \
                 which it would end or hang, and the root volume could stay on the helper"
            ),
        }
    }
}

/// Returns the first word that a script may not have, and its line. Only a line that is nothing but a
/// comment is passed over: what stands behind other text, or in quotes, is run in too many ways to
/// tell that it is not. A backtick within a word is no part of it.
fn forbidden(text: &str) -> Option<(&'static str, usize)> {
    // PowerShell ends a line at a carriage return as well.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (n, line) in text.lines().enumerate() {
        // Whoever ends a block of comments goes on with commands behind it.
        if line.trim_start().starts_with('#') && !line.contains("#>") {
            continue;
        }
        let mut word = String::new();
        // What stands before a word decides whether it is one: `$exit` and `.Exit` are names.
        let (mut before, mut last) = (' ', ' ');
        for it in line.chars().filter(|it| *it != '`').chain(['\n']) {
            if it.is_ascii_alphanumeric() || it == '_' || (it == '-' && !word.is_empty()) {
                if word.is_empty() {
                    before = last;
                }
                word.push(it.to_ascii_lowercase());
                last = it;
                continue;
            }
            let is_name = matches!(before, '$' | '.' | '-' | '\\');
            let found = FORBIDDEN.iter().find(|known| **known == word).filter(|_| !is_name);
            if let Some(found) = found {
                return Some((found, n + 1));
            }
            word.clear();
            last = it;
        }
    }
    None
}

/// Encodes as RFC 4648 does, without line breaks.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut res = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for n in 0..4 {
            let sextet = (bits >> (18 - 6 * n)) & 63;
            let is_padding = n > three.len();
            let digit = ALPHABET[usize::try_from(sextet).expect("six bits are small")];
            res.push(if is_padding { '=' } else { char::from(digit) });
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As AWS published it on 19 July 2024, and what its ASCII encoding is.
    const PUBLISHED: &str = r#"get-childitem -path "$env:EC2RESCUE_OFFLINE_DRIVE\Windows\System32\drivers\CrowdStrike\" -Include C-00000291*.sys -Recurse | foreach { $_.Delete()}"#;
    const ENCODED: &str = "Z2V0LWNoaWxkaXRlbSAtcGF0aCAiJGVudjpFQzJSRVNDVUVfT0ZGTElORV9EUklWRVxXaW5kb3dzXFN5c3RlbTMyXGRyaXZlcnNcQ3Jvd2RTdHJpa2VcIiAtSW5jbHVkZSBDLTAwMDAwMjkxKi5zeXMgLVJlY3Vyc2UgfCBmb3JlYWNoIHsgJF8uRGVsZXRlKCl9";

    fn decoded(text: &str) -> Vec<u8> {
        let value = |it: u8| match it {
            b'A'..=b'Z' => it - b'A',
            b'a'..=b'z' => it - b'a' + 26,
            b'0'..=b'9' => it - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let mut res = Vec::new();
        for four in text.as_bytes().chunks(4) {
            let n = four.iter().filter(|it| **it != b'=').count();
            let bits = four.iter().take(n).fold(0_u32, |res, it| res << 6 | u32::from(value(*it)));
            let bits = bits << (6 * (4 - n));
            res.extend(bits.to_be_bytes().into_iter().skip(1).take(n - 1));
        }
        res
    }

    #[test]
    fn what_aws_published_is_encoded_as_it_was_published() {
        assert_eq!(OfflineScript::of(PUBLISHED.as_bytes()).unwrap().encoded(), ENCODED);
        let with_line_end = format!("{PUBLISHED}\r\n");
        assert_eq!(OfflineScript::of(with_line_end.as_bytes()).unwrap().encoded(), ENCODED);
    }

    #[test]
    fn what_the_runbook_would_not_read_as_it_is_meant_is_refused_with_the_reason() {
        let check = |bytes: &[u8], err: Unsendable, text: &str| {
            let found = OfflineScript::of(bytes).unwrap_err();
            assert_eq!(found, err);
            assert!(found.to_string().contains(text), "{found}");
        };
        let utf16: Vec<u8> = PUBLISHED.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&utf16, Unsendable::Utf16, "The term 'g' is not recognized");
        check(&[&[0xff, 0xfe], &utf16[..]].concat(), Unsendable::Utf16, "decodes ASCII");
        check(b"\xfe\xff\0d", Unsendable::Utf16, "UTF-16");
        let nul = Unsendable::NotAscii { line: 2, column: 4, byte: 0 };
        check(b"ls\ndir\0x", nul, "a NUL at line 2, column 4");
        check(b"\xef\xbb\xbfdir", Unsendable::ByteOrderMark, "byte order mark");
        let err = Unsendable::NotAscii { line: 2, column: 3, byte: 0xc3 };
        check("dir\n'\u{20}\u{e9}'".as_bytes(), err, "0xc3 at line 2, column 3");
        check(b"\r\n", Unsendable::Empty, "empty");
        let err = Unsendable::TooLong { length: 385, encoded: 516 };
        check(&[b'a'; 385], err, "at most 384 bytes fit");
        assert_eq!(OfflineScript::of(&[b'a'; 384]).unwrap().encoded().len(), LONGEST);
    }

    #[test]
    fn what_would_end_the_runbooks_own_step_is_refused() {
        let check = |text: &str, expected: Option<(&str, usize)>| {
            assert_eq!(forbidden(text), expected, "{text}");
        };
        check("exit", Some(("exit", 1)));
        check("dir\nEXIT 1", Some(("exit", 2)));
        check("if($a){throw 'x'}", Some(("throw", 1)));
        check("[Environment]::Exit(0)", Some(("exit", 1)));
        check("\"$(exit)\"", Some(("exit", 1)));
        check("Stop-Computer -Force", Some(("stop-computer", 1)));
        check("$exit=1;$a.exit", None);
        check("  # exit\ndir", None);
        for it in [
            "<# hi #> exit 1",
            "# hi\rexit 1",
            "# hi #> exit 1",
            "Write-Output \"a#b\"; exit 1",
            "Write-Output \"it's\"; exit 1",
            "@'\nit's\n'@; exit 2",
            "ex`it 1",
            "dir # exit",
            "'exit'",
        ] {
            assert_eq!(forbidden(it).map(|it| it.0), Some("exit"), "{it}");
        }
        for it in ["$ErrorActionPreference='Stop'", "ls x -ErrorAction Stop", "ls -ea:STOP"] {
            assert_eq!(forbidden(it), Some(("stop", 1)), "{it}");
        }
        check("$stop='x'; ls unstoppable", None);
        check("\"existing\";exits", None);
        check("del a-exit", None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let encoded = base64(&bytes);
            prop_assert_eq!(encoded.len(), bytes.len().div_ceil(3) * 4);
            prop_assert_eq!(decoded(&encoded), bytes);
        }
    }
}
