//! Where in a shell script a character stands: bare, quoted, in a comment or in a here-document.
//! A reader of quotes, not of the language: where it may err it says that a text is bare.

/// What surrounds a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Bare,
    /// `((…))`, where `&` is a number's.
    Arithmetic,
    /// `'…'`
    Single,
    /// `$'…'`
    Escaped,
    /// `"…"`
    Double,
    Comment,
    /// A here-document whose delimiter is not quoted: the shell expands what is in it.
    Here,
    /// A here-document as it is.
    HereQuoted,
}

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Shell,
    PowerShell,
    /// What a `#!` line names and fleet does not read.
    Other,
}

impl Language {
    /// Returns the language of a step's script: its plugin's, unless it begins with `#!`.
    pub(super) fn of(plugin: &str, script: &str) -> Self {
        let first = script.trim_start().lines().next().unwrap_or_default();
        let is_powershell = ["aws:runpowershellscript", "aws:psmodule", "AWS-RunPowerShellScript"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(plugin));
        match first.strip_prefix("#!") {
            _ if is_powershell => Self::PowerShell,
            Some(line) if !line.split(['/', ' ']).any(is_a_shell) => Self::Other,
            _ => Self::Shell,
        }
    }

    /// Returns the characters with which a value that stands there becomes code.
    pub(super) fn dangerous(self, context: Context) -> &'static str {
        match (self, context) {
            (Self::Shell, Context::Bare | Context::Arithmetic) => ";&|<>()$`\\\"'\n",
            (Self::Shell, Context::Single) => "'",
            (Self::Shell, Context::Escaped) => "'\\",
            (Self::Shell, Context::Double) => "\"$`\\",
            (Self::Shell, Context::Here) => "$`\\\n",
            (Self::PowerShell, Context::Single) => "'\u{2018}\u{2019}\u{201a}\u{201b}",
            (Self::PowerShell, Context::Double) => "\"$`\u{201c}\u{201d}\u{201e}",
            (Self::PowerShell, Context::Bare) => ";&|<>(){}$`\"'@\n",
            (_, Context::Comment | Context::HereQuoted) => "\n",
            _ => ";&|<>()$`\\\"'\n",
        }
    }
}

fn is_a_shell(word: &str) -> bool {
    matches!(word, "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" | "mksh")
}

/// Returns the context of each byte of `script`.
pub(super) fn contexts(script: &str, language: Language) -> Vec<Context> {
    let mut reader =
        Reader { contexts: Vec::new(), stack: vec![Context::Bare], pending: Vec::new() };
    match language {
        Language::Shell => reader.read(script, '\\'),
        Language::PowerShell => reader.read(script, '`'),
        Language::Other => reader.contexts.resize(script.len(), Context::Bare),
    }
    reader.contexts
}

struct Reader {
    contexts: Vec<Context>,
    /// What is open: the last is the innermost. `$(` within quotes opens another bare one.
    stack: Vec<Context>,
    /// Here-documents that begin at the end of the line.
    pending: Vec<(String, Context)>,
}

impl Reader {
    fn read(&mut self, script: &str, escape: char) {
        let is_shell = escape == '\\';
        let mut rest = script;
        let mut before = '\n';
        while let Some(it) = rest.chars().next() {
            let context = *self.stack.last().unwrap_or(&Context::Bare);
            let mut n = it.len_utf8();
            let after = &rest[n..];
            match (context, it) {
                (Context::Bare | Context::Double | Context::Escaped, it) if it == escape => {
                    n += after.chars().next().map_or(0, char::len_utf8);
                }
                (Context::Bare, '\'') if is_shell && before == '$' => {
                    self.stack.push(Context::Escaped);
                }
                (Context::Bare, '\'') => self.stack.push(Context::Single),
                (Context::Bare, '"') => self.stack.push(Context::Double),
                (Context::Bare, '#') if before.is_whitespace() || ";(".contains(before) => {
                    self.stack.push(Context::Comment);
                }
                (Context::Bare | Context::Double | Context::Arithmetic, '$')
                    if is_shell && after.starts_with("((") =>
                {
                    n += 2;
                    self.stack.extend([Context::Arithmetic; 2]);
                }
                (Context::Bare | Context::Double | Context::Arithmetic, '$')
                    if after.starts_with('(') =>
                {
                    n += 1;
                    self.stack.push(Context::Bare);
                }
                (Context::Bare, '(') if is_shell && after.starts_with('(') => {
                    n += 1;
                    self.stack.extend([Context::Arithmetic; 2]);
                }
                (Context::Bare | Context::Arithmetic, '(') => self.stack.push(context),
                // A pattern of `case` closes what nothing opened.
                (Context::Bare | Context::Arithmetic, ')') if self.stack.len() > 1 => {
                    self.stack.pop();
                }
                (Context::Single | Context::Escaped, '\'') | (Context::Double, '"') => {
                    self.stack.pop();
                }
                (Context::Bare, '<') if is_shell && before != '<' => self.here(after),
                (Context::Comment, '\n') => drop(self.stack.pop()),
                _ => {}
            }
            self.mark(context, n);
            before = it;
            rest = &rest[n..];
            let is_open = matches!(self.stack.last(), Some(Context::Bare | Context::Comment));
            if it == '\n' && is_open && !self.pending.is_empty() {
                rest = self.bodies(rest);
            }
        }
    }

    fn mark(&mut self, context: Context, n: usize) {
        self.contexts.resize(self.contexts.len() + n, context);
    }

    /// Notes a here-document if `after` is the rest of its `<<`.
    fn here(&mut self, after: &str) {
        let Some(rest) = after.strip_prefix('<').filter(|it| !it.starts_with('<')) else { return };
        let rest = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
        let context = match rest.starts_with(['\'', '"', '\\']) {
            true => Context::HereQuoted,
            false => Context::Here,
        };
        let word = rest.trim_start_matches(['\'', '"', '\\']);
        let end = word.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(word.len());
        // `1 << 2` is arithmetic.
        if word[..end].starts_with(|it: char| it.is_alphabetic() || it == '_') {
            self.pending.push((word[..end].to_owned(), context));
        }
    }

    /// Passes over the bodies of the here-documents that begin here.
    fn bodies<'a>(&mut self, mut rest: &'a str) -> &'a str {
        for (delimiter, context) in std::mem::take(&mut self.pending) {
            while !rest.is_empty() {
                let n = rest.find('\n').map_or(rest.len(), |it| it + 1);
                let (line, after) = rest.split_at(n);
                self.mark(context, n);
                rest = after;
                if line.trim() == delimiter {
                    break;
                }
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_of_a_character_are_known() {
        let check = |script: &str, expected| {
            let contexts = contexts(script, Language::Shell);
            assert_eq!(contexts.len(), script.len());
            assert_eq!(contexts[script.find('X').unwrap()], expected, "{script}");
        };
        check("echo X", Context::Bare);
        check("echo 'a X'", Context::Single);
        check("echo \"a 'X'\"", Context::Double);
        check("echo \"a \\\" X\"", Context::Double);
        check("echo $'a\\' X'", Context::Escaped);
        check("echo \"$(cat X)\"", Context::Bare);
        check("echo \"$(cat 'X')\"", Context::Single);
        check("echo \"$(cat)X\"", Context::Double);
        check("echo it # isn't\necho X", Context::Bare);
        check("echo ${#a} X", Context::Bare);
        check("case a in b) echo 'X';; esac", Context::Single);
        check("cat <<EOF\nit's X\nEOF\n", Context::Here);
        check("cat <<-'EOF' >f\nit's X\n\tEOF\n", Context::HereQuoted);
        check("cat <<EOF\nit's\nEOF\necho X", Context::Bare);
        check("cat <<< 'X'", Context::Single);
        check("echo $((1 << 2))\necho X", Context::Bare);
        check("# don't\necho X", Context::Bare);
        check("echo $((0$(stat 'a') & X))", Context::Arithmetic);
        check("echo $((0$(stat X) & 1))", Context::Bare);
        check("if ((a & 1)); then X; fi", Context::Bare);
        check("((a = (1 + 2) * X))", Context::Arithmetic);
    }

    #[test]
    fn the_first_line_says_the_language() {
        let check = |plugin: &str, script: &str, expected| {
            assert_eq!(Language::of(plugin, script), expected, "{script}");
        };
        check("aws:runShellScript", "echo", Language::Shell);
        check("aws:runShellScript", "#!/bin/bash -e\n", Language::Shell);
        check("aws:runShellScript", "#!/usr/bin/env bash", Language::Shell);
        check("aws:runShellScript", "#!/usr/bin/env python3", Language::Other);
        check("aws:runPowerShellScript", "#!/bin/sh", Language::PowerShell);
    }
}
