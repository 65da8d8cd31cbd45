//! What differs between two contents of a document.

use similar::TextDiff;

/// Lines around a difference.
const CONTEXT: usize = 3;

/// Returns the unified diff of two contents, each with its name.
pub fn diff(before: (&str, &str), after: (&str, &str)) -> String {
    let diff = TextDiff::from_lines(before.1, after.1);
    diff.unified_diff().context_radius(CONTEXT).header(before.0, after.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_what_is_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let found = diff(("a", before), ("b", &before.replace('8', "x")));
        assert_eq!(found, "--- a\n+++ b\n@@ -5,5 +5,5 @@\n 5\n 6\n 7\n-8\n+x\n 9\n");
        assert_eq!(diff(("a", before), ("b", before)), "");
    }
}
