//! The operator's answer to a question. Whatever is not yes is no.

use std::io::{self, BufRead};

/// The operator's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Yes,
    No,
}

/// Waits for a line on stdin.
pub fn read_answer() -> Confirmation {
    answer(&mut io::stdin().lock())
}

/// Reads one line of `input`.
fn answer(input: &mut dyn BufRead) -> Confirmation {
    let mut line = String::new();
    // No line, or one that cannot be read, is no yes.
    let is_read = input.read_line(&mut line).is_ok();
    let is_yes = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if is_read && is_yes { Confirmation::Yes } else { Confirmation::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let check = |text: &[u8], expected| assert_eq!(answer(&mut &text[..]), expected);
        check(b"y\n", Confirmation::Yes);
        check(b"YES\r\n", Confirmation::Yes);
        check(b"\n", Confirmation::No);
        check(b"", Confirmation::No);
        check(b"yeah\n", Confirmation::No);
        check(b"\xff\n", Confirmation::No);
    }
}
