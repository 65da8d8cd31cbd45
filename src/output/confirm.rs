//! The operator's answer to a question. Whatever is not yes is no, and a secret is not echoed.

use std::io::{self, BufRead};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{
    page::{BOLD, PLAIN, Page},
    terminal::Terminal,
};

impl Terminal {
    /// Asks `question` on stderr, for [`read_answer`] to hear the answer.
    pub fn ask(&mut self, question: &str) {
        let mut page = Page::default();
        page.line(&[(BOLD, question), (PLAIN, " [y/N] ")]);
        let text = page.into_text();
        self.say(text.trim_end_matches('\n'));
    }

    /// Asks for something that is not shown while it is typed, for [`read_line`] to hear it.
    pub fn ask_for(&mut self, question: &str) {
        let mut page = Page::default();
        page.line(&[(BOLD, question)]);
        let text = page.into_text();
        self.say(text.trim_end_matches('\n'));
    }

    /// Ends the line of an answer whose own end was not shown.
    pub fn end_of_answer(&mut self) {
        self.say("\n");
    }
}

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

/// Waits for a line on stdin and returns it, or `None` if there is none.
pub fn read_line() -> Option<String> {
    let mut line = String::new();
    let n_bytes = io::stdin().lock().read_line(&mut line).ok()?;
    (n_bytes > 0).then_some(line)
}

/// A terminal that does not show what is typed, until this is dropped.
#[derive(Debug)]
pub struct Echo {
    before: Option<Termios>,
}

impl Echo {
    /// Turns the echo off. Where stdin is no terminal there is none.
    pub fn off() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            // What was typed ahead was typed for something else.
            tcsetattr(io::stdin(), OptionalActions::Flush, &silent).ok();
        }
        Self { before }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // Nobody is left to be told that the terminal is gone.
            tcsetattr(io::stdin(), OptionalActions::Now, before).ok();
        }
    }
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
