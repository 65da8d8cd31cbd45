//! How much of a script's output is reported, to the byte.
//! It knows nothing of where the text came from.
//!
//! The agent cuts between bytes and may leave half a character behind. JSON cannot carry that, so a
//! character that would be cut in two is left out here: never longer than the real text, at most
//! three bytes shorter.

/// The limit of one stream in the agent's reply, standard error included: the agent passes its
/// 24,000 twice, and the service then clips `StandardErrorContent` to 8,000.
pub(crate) const STREAM: usize = 24_000;

const COMBINED: usize = 2_500;
const STREAM_MARK: &str = "--output truncated--";
const TITLE: &str = "\n----------ERROR-------\n";
const OUTPUT_MARK: &str = "\n---Output truncated---";
const ERROR_MARK: &str = "\n---Error truncated----";

/// Cuts one stream to `limit` bytes, mark included. A text of exactly `limit` bytes is cut too.
pub(crate) fn stream(text: &str, limit: usize) -> String {
    if text.len() < limit {
        return text.to_owned();
    }
    match limit.checked_sub(STREAM_MARK.len()) {
        Some(room) if room > 0 => format!("{}{STREAM_MARK}", head(text, room)),
        Some(_) | None => head(STREAM_MARK, limit).to_owned(),
    }
}

/// Joins both streams into the `Output` of a plugin, 2,500 bytes at most.
///
/// Exit code 168 ends a document with success, and the agent drops the error text of it.
pub(crate) fn combined(stdout: &str, stderr: &str, code: i32) -> String {
    let stderr = if code == super::steps::EXIT_WITH_SUCCESS { "" } else { stderr };
    let title = if stderr.is_empty() { "" } else { TITLE };
    let room = COMBINED - title.len();
    if stdout.len() + stderr.len() < room {
        return format!("{stdout}{title}{stderr}");
    }
    if stdout.len() > room / 2 && stderr.len() > room / 2 {
        let each = (room - ERROR_MARK.len() - OUTPUT_MARK.len()) / 2;
        let (stdout, stderr) = (head(stdout, each), head(stderr, each));
        return format!("{stdout}{OUTPUT_MARK}{title}{stderr}{ERROR_MARK}");
    }
    if stdout.len() <= room / 2 {
        let stderr = head(stderr, room - ERROR_MARK.len() - stdout.len());
        return format!("{stdout}{title}{stderr}{ERROR_MARK}");
    }
    let stdout = head(stdout, room - OUTPUT_MARK.len() - stderr.len());
    format!("{stdout}{OUTPUT_MARK}{title}{stderr}")
}

fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_from_its_limit_on() {
        assert_eq!(stream("", STREAM), "");
        let almost = "x".repeat(STREAM - 1);
        assert_eq!(stream(&almost, STREAM), almost);
        for length in [STREAM, STREAM + 1, 3 * STREAM] {
            let cut = stream(&"x".repeat(length), STREAM);
            assert_eq!(cut, format!("{}--output truncated--", "x".repeat(STREAM - 20)));
        }
        assert_eq!(stream("abcdef", 5), "--out");
    }

    #[test]
    fn a_character_on_the_edge_is_left_out() {
        let cut = stream(&format!("{}€€", "x".repeat(9)), 30);
        assert_eq!(cut, "xxxxxxxxx€€");
        let cut = stream(&format!("{}{}", "x".repeat(9), "€".repeat(20)), 30);
        assert_eq!(cut, "xxxxxxxxx--output truncated--");
    }

    #[test]
    fn both_streams_share_2500_bytes() {
        let text = |c: &str, n: usize| c.repeat(n);
        // With an error text there are 2476 bytes left, half of which are 1238.
        let cases = [
            (0, 0, 0, 0),
            (2499, 0, 2499, 0),
            (2500, 0, 2477, 0),
            (1, 2474, 1, 2474),
            (1, 2475, 1, 2452),
            (0, 9000, 0, 2453),
            (1238, 9000, 1238, 1215),
            (1239, 1239, 1215, 1215),
            (9000, 9000, 1215, 1215),
            (9000, 1238, 1215, 1238),
            (2475, 1, 2452, 1),
        ];
        for (n_out, n_err, kept_out, kept_err) in cases {
            let mut expected = text("o", kept_out);
            if kept_out < n_out {
                expected.push_str("\n---Output truncated---");
            }
            if n_err > 0 {
                expected.push_str("\n----------ERROR-------\n");
                expected.push_str(&text("e", kept_err));
            }
            if kept_err < n_err {
                expected.push_str("\n---Error truncated----");
            }
            let actual = combined(&text("o", n_out), &text("e", n_err), 1);
            assert_eq!(actual, expected, "{n_out} and {n_err} bytes");
            assert!(actual.len() <= COMBINED);
        }
    }

    #[test]
    fn code_168_drops_the_error_text() {
        assert_eq!(combined("out", "err", 168), "out");
        assert_eq!(combined("out", "err", 0), "out\n----------ERROR-------\nerr");
    }
}
