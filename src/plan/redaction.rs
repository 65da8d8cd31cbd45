//! What is withheld from whatever is shown or written. It knows secrets by the name of their
//! parameter, by their shape, by patterns of the user's, and by heart.

use std::{borrow::Cow, fmt, sync::LazyLock};

use regex::Regex;

/// What stands in the place of a value that must not be written down.
pub const REDACTED: &str = "‹redacted›";

/// A value that is shorter says nothing: to withhold it would blot out half of every output.
const SHORTEST: usize = 4;

/// A line of a longer secret is one by itself from this length on.
const SHORTEST_LINE: usize = 8;

/// Shapes that are secrets beyond doubt.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let shapes = [
        // Private keys, whole; or their beginning, where the end was cut off.
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        // Access keys of AWS (IAM guide, unique ids).
        r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
        // Secrets that AWS's own files, answers and variables name, with their names.
        r#"(?i)\b(?:aws_?)?(?:secret_?access_?key|session_?token)\b["']?\s{0,8}[=:]\s{0,8}["']?[a-z0-9/+=_-]{16,}"#,
        // What a request is authorised by, with its header (RFC 9110, 11.6.2), and the password in a
        // URL (RFC 3986, 3.2.1); a variable in its place is none.
        r"(?i)\bauthorization:\s{0,8}(?:basic|bearer|token)\s{1,8}[a-z0-9._~+/=-]{8,}",
        r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,64}:[^\s/@$%{}<*]{4,}@",
        // Tokens whose prefix their makers have published, and JSON web tokens.
        r"\b(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{30,}",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ];
    let compile = |it| Regex::new(it).expect("the shapes above are regular expressions");
    shapes.into_iter().map(compile).collect()
});

/// What is to be withheld.
#[derive(Clone, Default)]
pub struct Redaction {
    patterns: Vec<Regex>,
    /// Secrets themselves, the longest first.
    values: Vec<String>,
}

/// It never shows what it knows.
impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_patterns, n_values) = (self.patterns.len(), self.values.len());
        write!(f, "Redaction({n_patterns} patterns, {n_values} values)")
    }
}

impl Redaction {
    /// Withholds what any of `patterns` matches, besides the shapes that are always withheld.
    pub fn new(patterns: Vec<Regex>) -> Self {
        Self { patterns, values: Vec::new() }
    }

    /// Withholds these texts as well, wherever they turn up, and their lines.
    pub fn knowing<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        for secret in secrets {
            let secret = secret.trim();
            if secret.len() >= SHORTEST {
                self.values.push(secret.to_owned());
            }
            if secret.contains('\n') {
                let lines = secret.lines().map(str::trim);
                let lines = lines.filter(|it| it.len() >= SHORTEST_LINE).map(ToOwned::to_owned);
                self.values.extend(lines);
            }
        }
        self.values.sort_by_key(|it| std::cmp::Reverse(it.len()));
        self.values.dedup();
        self
    }

    /// Returns `text` without anything that is to be withheld.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut res = Cow::Borrowed(text);
        for value in &self.values {
            if res.contains(value.as_str()) {
                res = Cow::Owned(res.replace(value.as_str(), REDACTED));
            }
        }
        for pattern in self.patterns.iter().chain(SHAPES.iter()) {
            if pattern.is_match(&res) {
                res = Cow::Owned(pattern.replace_all(&res, REDACTED).into_owned());
            }
        }
        res
    }

    /// Returns what is left of a text that was cut off at its end: a secret may have lost its own
    /// end, and is not known by it any more.
    pub fn apply_to_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let begins = |it: &String| -> Option<usize> {
            let ends = it.char_indices().map(|(at, _)| at).chain([it.len()]);
            let cuts: Vec<usize> = ends.filter(|at| *at >= SHORTEST).collect();
            cuts.into_iter().rev().find(|at| text.ends_with(&it[..*at]))
        };
        let longest = self.values.iter().filter_map(begins).max().unwrap_or(0);
        if longest == 0 {
            return self.apply(text);
        }
        Cow::Owned(self.apply(&text[..text.len() - longest]).into_owned() + REDACTED)
    }

    pub fn withhold(&self, text: &mut String) {
        if let Cow::Owned(it) = self.apply(text) {
            *text = it;
        }
    }
}

/// Returns whether text of this shape is a secret beyond doubt.
pub(super) fn is_secret_shape(text: &str) -> bool {
    SHAPES.iter().any(|it| it.is_match(text))
}

/// Returns whether `text` is as random as a generated secret: a word of 20 characters or more, of
/// letters of both cases and digits, in which hardly anything repeats. A hash in hexadecimal and a
/// path are none.
pub(super) fn looks_generated(text: &str) -> bool {
    let is_of_a_word = |it: char| it.is_ascii_alphanumeric() || "+/_=-".contains(it);
    text.split(|it| !is_of_a_word(it)).any(|word| {
        let has = |is: fn(&char) -> bool| word.chars().any(|it| is(&it));
        word.len() >= 20
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_digit)
            && entropy(word) > 4.0
    })
}

/// Returns the bits of information in a character of `word`.
fn entropy(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    word.bytes().for_each(|it| counts[usize::from(it)] += 1);
    let n = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|it| **it > 0).map(|it| f64::from(*it) / n);
    shares.map(|it| -it * it.log2()).sum()
}

/// Words of a name that mean a secret by themselves.
const SECRET_WORDS: [&str; 11] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
];

/// Words before `key` that make it a secret; a key of S3 or of a table is none.
const KEY_WORDS: [&str; 12] = [
    "access",
    "api",
    "auth",
    "encryption",
    "license",
    "master",
    "private",
    "secret",
    "service",
    "signing",
    "ssh",
    "shared",
];

/// Returns whether a parameter of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let flat = name.to_ascii_lowercase();
    let joined = ["password", "passwd", "secret", "token", "credential", "apikey", "privatekey"];
    if joined.iter().any(|it| flat.contains(it)) {
        return true;
    }
    let words = words(name);
    let is_key = |it: &str| matches!(it, "key" | "keys");
    words.iter().any(|it| SECRET_WORDS.contains(&it.as_str()))
        || words.len() == 1 && is_key(&words[0])
        || words.windows(2).any(|it| KEY_WORDS.contains(&it[0].as_str()) && is_key(&it[1]))
}

/// Returns the words of `dbPassword`, `db_password` and `DB-PASSWORD`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut res: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for it in name.chars() {
        let is_boundary = !it.is_ascii_alphanumeric() || it.is_ascii_uppercase() && was_lower;
        if is_boundary {
            res.push(String::new());
        }
        if it.is_ascii_alphanumeric() {
            res.last_mut().expect("there is always a word").push(it.to_ascii_lowercase());
        }
        was_lower = it.is_ascii_lowercase() || it.is_ascii_digit();
    }
    res.retain(|it| !it.is_empty());
    res
}

/// Returns whether `value` only says where the secret is: SSM puts it in later, so that neither the
/// history of commands nor fleet ever sees it.
pub(super) fn is_reference(value: &str) -> bool {
    let value = value.trim();
    let inner = value.strip_prefix("{{").and_then(|it| it.strip_suffix("}}")).map(str::trim);
    inner.is_some_and(|it| {
        let is_one = !it.contains(['{', '}']);
        is_one && (it.starts_with("ssm:") || it.starts_with("ssm-secure:"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        let check = |name: &str, expected| assert_eq!(is_secret_name(name), expected, "{name}");
        for it in [
            "dbPassword",
            "DB_PASSWORD",
            "token",
            "sshKey",
            "access-key",
            "key",
            "apiKey",
            "clientSecret",
            "userPwd",
            "passphrase",
            "licenseKeys",
            "githubtoken",
        ] {
            check(it, true);
        }
        for it in [
            "commands",
            "s3Key",
            "keyName",
            "monkey",
            "objectKey",
            "mode",
            "keyboard",
            "",
            "passive",
        ] {
            check(it, false);
        }
    }

    #[test]
    fn shapes_are_withheld_whatever_they_are_called() {
        let none = Redaction::default();
        let check = |text: &str, expected: &str| assert_eq!(none.apply(text), expected);
        check("id AKIAIOSFODNN7EXAMPLE.", "id ‹redacted›.");
        let key = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb";
        check(key, "a\n‹redacted›\nb");
        check("-----BEGIN PRIVATE KEY-----\nMII…", "‹redacted›");
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        check(&format!("AWS_SECRET_ACCESS_KEY = {secret}\nb"), "‹redacted›\nb");
        check(&format!("export AWS_SESSION_TOKEN='{secret}'"), "export ‹redacted›'");
        check(&format!("{{\"SecretAccessKey\": \"{secret}\"}}"), "{\"‹redacted›\"}");
        check("SecretAccessKey: none", "SecretAccessKey: none");
        check("curl -H 'Authorization: Bearer abc.DEF-123' x", "curl -H '‹redacted›' x");
        check("-H \"authorization: basic dXNlcjpwYXNz\"", "-H \"‹redacted›\"");
        for it in ["Authorization: Bearer $TOKEN", "Authorization: Bearer {{ssm:token}}"] {
            check(it, it);
        }
        check("postgres://app:hunter2@db/x", "‹redacted›db/x");
        for it in ["https://host:8443/@x", "https://u:$PW@host", "https://u:****@host", "a:b@c"] {
            check(it, it);
        }
        check("AKIA is a prefix; i-0123456789abcdef0", "AKIA is a prefix; i-0123456789abcdef0");
    }

    #[test]
    fn a_generated_secret_is_told_from_a_hash_and_from_prose() {
        let check = |text: &str, expected| assert_eq!(looks_generated(text), expected, "{text}");
        check("--token wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", true);
        check("da39a3ee5e6b4b0d3255bfef95601890afd80709", false);
        check("systemctl restart Some.Very.Long.Unit.Name.Number3.service", false);
        check("/usr/local/share/applications/Application2/bin", false);
    }

    #[test]
    fn patterns_and_known_values_are_withheld() {
        let patterns = vec![Regex::new(r"hunter\d").unwrap()];
        let it = Redaction::new(patterns).knowing(["s3cr3t-value", "abc", "two\nlines of it"]);
        assert_eq!(it.apply("hunter2 s3cr3t-value abc"), "‹redacted› ‹redacted› abc");
        assert_eq!(it.apply("only lines of it"), "only ‹redacted›");
        assert_eq!(it.apply_to_cut("the value is s3cr3t-v"), "the value is ‹redacted›");
        assert_eq!(it.apply_to_cut("the value is s3c"), "the value is s3c");
        assert!(!format!("{it:?}").contains("s3cr3t"));
    }

    #[test]
    fn a_reference_is_no_secret() {
        let check = |text: &str, expected| assert_eq!(is_reference(text), expected, "{text}");
        check("{{ssm:/web/password}}", true);
        check(" {{ ssm-secure:/web/password:3 }} ", true);
        check("{{ssm:a}} hunter2 {{ssm:b}}", false);
        check("hunter2", false);
    }

    proptest! {
        #[test]
        fn a_known_value_is_never_left(
            secret in "[a-zA-Z0-9]{4,40}",
            before in ".{0,40}",
            after in ".{0,40}",
        ) {
            let it = Redaction::default().knowing([secret.as_str()]);
            let res = it.apply(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!res.replace(REDACTED, "\0").contains(&secret), "{res}");
            for at in SHORTEST..secret.len() {
                let cut = format!("{before}{}", &secret[..at]);
                prop_assert!(it.apply_to_cut(&cut).ends_with(REDACTED));
            }
        }
    }
}
