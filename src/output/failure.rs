//! How fleet says that it could not do its job. What an instance did is not told here.

use std::io::Write;

use super::{
    page::{CYAN, PLAIN, Page, RED},
    sanitize::sanitize,
};

/// Writes `error:`, what caused it, and what helps, to `err`. A broken pipe is no error.
///
/// It has no colour, because it cannot know what `err` is; [`super::Terminal::failure`] has.
pub fn failure(err: &mut dyn Write, message: &str, causes: &[String], hints: &[String]) {
    let text = page(message, causes, hints).into_text();
    let text = anstream::adapter::strip_str(&text).to_string();
    // Nobody is left to be told that telling failed.
    drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
}

pub(super) fn page(message: &str, causes: &[String], hints: &[String]) -> Page {
    let mut page = Page::default();
    labelled(&mut page, (RED, "error: "), message);
    for cause in causes {
        labelled(&mut page, (PLAIN, "caused by: "), cause);
    }
    for hint in hints {
        labelled(&mut page, (CYAN, "hint: "), hint);
    }
    page
}

/// Adds `text` behind its label; further lines of it are indented, so that none of them can pass
/// for a line of fleet's own.
pub(super) fn labelled(page: &mut Page, label: (anstyle::Style, &str), text: &str) {
    let text = sanitize(text);
    let mut lines = text.trim_end().lines();
    page.line(&[label, (PLAIN, lines.next().unwrap_or_default())]);
    for line in lines {
        page.line(&[(PLAIN, "    "), (PLAIN, line)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_attempt_its_causes_and_what_helps() {
        let mut err = Vec::new();
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let causes = owned(&["AccessDenied: user … is not authorized\r\nerror: \x1b[31mfake"]);
        let hints =
            owned(&["the role's trust policy must name your principal", "nothing was sent"]);
        failure(&mut err, "could not assume arn:aws:iam::123456789012:role/fleet", &causes, &hints);
        insta::assert_snapshot!(String::from_utf8(err).unwrap(), @r"
        error: could not assume arn:aws:iam::123456789012:role/fleet
        caused by: AccessDenied: user … is not authorized
            error: fake
        hint: the role's trust policy must name your principal
        hint: nothing was sent
        ");
    }
}
