//! Text in a policy: wildcards `*` and `?`, and policy variables `${key}`.
//! It never treats what a variable brings in as a wildcard.

use std::borrow::Cow;

use super::context::Context;

/// How a text of a policy is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) wildcards: bool,
    pub(super) variables: bool,
}

/// A text of a policy, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Fixed(Vec<Token>),
    Variable { key: String, default: Option<String> },
}

/// One place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

impl Pattern {
    /// Parses a text; the error says what is wrong with a variable in it.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut fixed = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let Some(inside) = rest.strip_prefix("${").filter(|_| syntax.variables) else {
                fixed.push(match c {
                    '*' if syntax.wildcards => Token::Any,
                    '?' if syntax.wildcards => Token::One,
                    _ => Token::Char(c),
                });
                rest = &rest[c.len_utf8()..];
                continue;
            };
            let Some((name, after)) = inside.split_once('}') else {
                return Err(format!("the policy variable in {text:?} is not closed"));
            };
            rest = after;
            match name {
                "*" | "?" | "$" => fixed.extend(name.chars().map(Token::Char)),
                _ => {
                    let variable = parse_variable(name).ok_or_else(|| {
                        format!("{:?} is no policy variable", format!("${{{name}}}"))
                    })?;
                    pieces.push(Piece::Fixed(std::mem::take(&mut fixed)));
                    pieces.push(variable);
                }
            }
        }
        pieces.push(Piece::Fixed(fixed));
        Ok(Self { pieces })
    }

    /// Returns the keys of its variables, in lower case.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|it| match it {
            Piece::Fixed(_) => None,
            Piece::Variable { key, .. } => Some(key.as_str()),
        })
    }

    /// Returns the pattern with its variables replaced; none if one of them has no value, and
    /// then nothing is equal to it or like it (IAM reference, policy variables with no value).
    pub(super) fn resolve(&self, context: &Context) -> Option<Cow<'_, [Token]>> {
        if let [Piece::Fixed(tokens)] = self.pieces.as_slice() {
            return Some(Cow::Borrowed(tokens));
        }
        let mut res = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(tokens) => res.extend_from_slice(tokens),
                Piece::Variable { key, default } => {
                    let value = context.single(key).or(default.as_deref())?;
                    res.extend(value.chars().map(Token::Char));
                }
            }
        }
        Some(Cow::Owned(res))
    }

    /// Tells whether the whole of `text` is like the pattern.
    pub(super) fn matches(&self, text: &str, context: &Context) -> bool {
        self.resolve(context).is_some_and(|it| glob(&it, text))
    }

    /// As `matches`, for texts whose case does not count.
    pub(super) fn matches_ignoring_case(&self, text: &str, context: &Context) -> bool {
        let Some(tokens) = self.resolve(context) else {
            return false;
        };
        let lower: Vec<Token> = tokens.iter().flat_map(|it| lower_case(*it)).collect();
        glob(&lower, &text.to_lowercase())
    }

    /// As `matches`, component by component of an ARN: a wildcard stays within its own.
    pub(super) fn matches_arn(&self, text: &str, context: &Context) -> bool {
        let Some(tokens) = self.resolve(context) else {
            return false;
        };
        let patterns: Vec<&[Token]> =
            tokens.splitn(ARN_COMPONENTS, |it| *it == Token::Char(':')).collect();
        let texts: Vec<&str> = text.splitn(ARN_COMPONENTS, ':').collect();
        patterns.len() == ARN_COMPONENTS
            && texts.len() == ARN_COMPONENTS
            && patterns.iter().zip(texts).all(|(pattern, text)| glob(pattern, text))
    }
}

/// `arn:partition:service:region:account:resource`
const ARN_COMPONENTS: usize = 6;

/// Reads the inside of `${…}`: a key, and after a comma a default in single quotes.
fn parse_variable(inside: &str) -> Option<Piece> {
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key, Some(default.to_owned()))
        }
    };
    let key = key.trim();
    let (vendor, name) = key.split_once(':')?;
    let is_key = !vendor.is_empty() && !name.is_empty() && !key.contains(['$', '{']);
    is_key.then(|| Piece::Variable { key: key.to_lowercase(), default })
}

fn lower_case(token: Token) -> impl Iterator<Item = Token> {
    let (lowered, kept) = match token {
        Token::Char(c) => (Some(c.to_lowercase().map(Token::Char)), None),
        Token::One | Token::Any => (None, Some(token)),
    };
    lowered.into_iter().flatten().chain(kept)
}

/// Matches with one place to go back to, so that the work is bounded by the product of the
/// lengths whatever the pattern.
pub(super) fn glob(pattern: &[Token], text: &str) -> bool {
    let mut at = 0;
    let mut rest = text.chars();
    let mut retry = None;
    loop {
        let before = rest.clone();
        match (pattern.get(at), rest.next()) {
            (None, None) => return true,
            (Some(Token::Any), _) => {
                at += 1;
                rest = before.clone();
                retry = Some((at, before));
            }
            (Some(Token::One), Some(_)) => at += 1,
            (Some(Token::Char(expected)), Some(c)) if *expected == c => at += 1,
            _ => {
                let Some((after_any, mut from)) = retry else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                at = after_any;
                rest = from.clone();
                retry = Some((after_any, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        let syntax = Syntax { wildcards: true, variables: true };
        let pattern = Pattern::parse(pattern, syntax).unwrap();
        let context =
            Context::default().with("aws:username", "ann*").with_all("aws:TagKeys", ["a", "b"]);
        assert_eq!(pattern.matches(text, &context), expected, "{pattern:?} on {text:?}");
    }

    #[test]
    fn wildcards_stand_for_any_text_and_any_character() {
        check("", "", true);
        check("*", "", true);
        check("?", "", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-b-c-d", false);
        check("*é?", "caféx", true);
        check("*aaaaaaaaaaaaaaaab", &"a".repeat(5_000), false);
    }

    #[test]
    fn a_value_of_a_variable_is_never_a_wildcard() {
        check("home/${aws:username}", "home/ann*", true);
        check("home/${aws:username}", "home/anna", false);
        check("home/${AWS:UserName}/*", "home/ann*/x", true);
        check("${*}${?}${$}", "*?$", true);
        check("${*}", "x", false);
    }

    #[test]
    fn a_variable_without_one_value_matches_nothing_unless_it_has_a_default() {
        check("${aws:nothing}", "", false);
        check("*${aws:nothing}", "x", false);
        check("${aws:TagKeys}", "a", false);
        check("team-${aws:PrincipalTag/team, 'none'}", "team-none", true);
        check("${aws:username, 'none'}", "none", false);
    }

    #[test]
    fn a_malformed_variable_is_named() {
        let syntax = Syntax { wildcards: true, variables: true };
        for bad in ["${aws:username", "${}", "${aws}", "${aws:x,none}", "${a:${b:c}}"] {
            assert!(Pattern::parse(bad, syntax).is_err(), "{bad}");
        }
    }
}
