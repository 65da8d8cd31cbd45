//! From what an instance printed to its findings, or to why they cannot be read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, Finding, Findings, Reading};
use crate::plan::FindingFormat;

/// The most characters of a text that are kept.
const TEXT: usize = 300;

/// The most findings, changes and values of a path that are kept of one instance.
const ELEMENTS: usize = 100;

/// The most characters of somebody else's word in a sentence.
const WORD: usize = 60;

type Object = Map<String, Value>;

/// Reads what a document printed that has ended by itself.
///
/// With a `format`, whatever is not that is said to be unread. Without one, an output that looks
/// like findings is taken for them, but nobody has said then which verdicts are good.
pub(in crate::run) fn read(
    format: Option<&FindingFormat>,
    stdout: &str,
    truncated: bool,
) -> Option<Reading> {
    // PowerShell may begin with a byte order mark.
    let text = stdout.trim_start_matches('\u{feff}').trim();
    let Some(format) = format else {
        return undeclared(text).map(Reading::Read);
    };
    Some(match declared(format, text) {
        Ok(findings) => Reading::Read(findings),
        Err(_) if truncated => Reading::Unread { why: "the output was cut".to_owned() },
        Err(why) => Reading::Unread { why },
    })
}

/// Returns whether an output that was to be findings is not good, or cannot be read.
pub(in crate::run) fn is_wanting(format: Option<&FindingFormat>, stdout: &str) -> bool {
    let is_good = |reading| matches!(reading, Some(Reading::Read(it)) if it.good == Some(true));
    format.is_some() && !is_good(read(format, stdout, false))
}

fn undeclared(text: &str) -> Option<Findings> {
    if !text.starts_with('{') {
        return None;
    }
    let object: Object = serde_json::from_str(text).ok()?;
    let word = |key: &str| object.get(key)?.as_str().filter(|it| !it.is_empty());
    let (schema, verdict) = (word("schema")?, word("verdict")?);
    findings(&object, cut(schema), cut(verdict), None).ok()
}

fn declared(format: &FindingFormat, text: &str) -> Result<Findings, String> {
    if text.is_empty() {
        return Err("it printed nothing".to_owned());
    }
    let object: Object = serde_json::from_str(text)
        .map_err(|err| format!("the output is not one JSON object: {err}"))?;
    let word = |key: &str| match object.get(key) {
        None | Some(Value::Null) => Err(format!("it has no {key}")),
        Some(Value::String(it)) => Ok(it.as_str()),
        Some(_) => Err(format!("its {key} is no text")),
    };
    let (schema, verdict) = (word("schema")?, word("verdict")?);
    if schema != format.schema {
        return Err(format!("its schema is `{}`, not `{}`", short(schema), format.schema));
    }
    if verdict.is_empty() || !(format.verdicts.is_empty() || format.knows(verdict)) {
        let known = format.verdicts.join(", ");
        return Err(format!("its verdict `{}` is none of: {known}", short(verdict)));
    }
    let good = Some(format.good.iter().any(|it| it == verdict));
    let mut res = findings(&object, schema.to_owned(), cut(verdict), good)?;
    let whole = Value::Object(object);
    let unique = format.unique.iter().map(|path| {
        let mut values: Vec<String> = path.values(&whole).iter().map(|it| cut(it)).collect();
        values.sort();
        values.dedup();
        values.truncate(ELEMENTS);
        (path.to_string(), values)
    });
    res.unique = unique.filter(|(_, values)| !values.is_empty()).collect::<BTreeMap<_, _>>();
    Ok(res)
}

fn findings(
    object: &Object,
    schema: String,
    verdict: String,
    good: Option<bool>,
) -> Result<Findings, String> {
    let found = elements(object, "findings")?;
    // A document that changes nothing need not say so.
    let changed = if object.contains_key("changed") { elements(object, "changed")? } else { &[] };
    let flag = |key: &str| match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(it)) => Ok(*it),
        Some(_) => Err(format!("its {key} is neither true nor false")),
    };
    let is_cut = found.len().max(changed.len()) > ELEMENTS;
    Ok(Findings {
        schema,
        verdict,
        good,
        findings: each(found, "findings", finding)?,
        changed: each(changed, "changed", change)?,
        rolled_back: flag("rolled_back")?,
        truncated: flag("truncated")? || is_cut,
        unique: BTreeMap::new(),
    })
}

fn elements<'a>(object: &'a Object, key: &str) -> Result<&'a [Value], String> {
    match object.get(key) {
        Some(Value::Array(it)) => Ok(it),
        None => Err(format!("it has no {key}")),
        Some(_) => Err(format!("its {key} are no list")),
    }
}

fn each<T>(
    elements: &[Value],
    key: &str,
    read: impl Fn(&Object) -> Option<T>,
) -> Result<Vec<T>, String> {
    let read = |(at, it): (usize, &Value)| {
        let it = it.as_object().and_then(&read);
        it.ok_or_else(|| format!("element {} of its {key} is not one", at + 1))
    };
    elements.iter().take(ELEMENTS).enumerate().map(read).collect()
}

fn finding(object: &Object) -> Option<Finding> {
    Some(Finding {
        code: text(object, "code")?,
        effect: text(object, "effect"),
        severity: text(object, "severity"),
        evidence: text(object, "evidence"),
        path: text(object, "path"),
        line: object.get("line").and_then(Value::as_u64),
        repair: text(object, "repair"),
    })
}

fn change(object: &Object) -> Option<Change> {
    Some(Change {
        action: text(object, "action")?,
        path: text(object, "path"),
        detail: text(object, "detail"),
        planned: object.get("planned").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key)?.as_str().filter(|it| !it.is_empty()).map(cut)
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

fn short(text: &str) -> String {
    text.chars().take(WORD).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn format() -> FindingFormat {
        FindingFormat {
            schema: "fleet.sshd/1".to_owned(),
            subject: "sshd".to_owned(),
            verdicts: ["healthy", "latent", "broken"].map(ToOwned::to_owned).to_vec(),
            good: vec!["healthy".to_owned()],
            unique: vec!["host_keys[].sha256".parse().unwrap()],
            exit: BTreeMap::new(),
        }
    }

    fn of(stdout: &str) -> Reading {
        read(Some(&format()), stdout, false).unwrap()
    }

    #[test]
    fn one_object_of_the_schema_is_read() {
        let stdout = "\u{feff}{\"schema\":\"fleet.sshd/1\",\"verdict\":\"latent\",\"os\":{},\
            \"host_keys\":[{\"type\":\"rsa\",\"sha256\":\"B\"},{\"sha256\":\"A\"}],\
            \"findings\":[{\"code\":\"config.syntax\",\"effect\":\"next-restart\",\"line\":3}],\
            \"changed\":[{\"action\":\"comment-line\",\"path\":\"/x\",\"planned\":true}]}\r\n";
        let Reading::Read(it) = of(stdout) else { panic!("unread") };
        assert_eq!((it.verdict.as_str(), it.good), ("latent", Some(false)));
        assert_eq!((it.findings[0].code.as_str(), it.findings[0].line), ("config.syntax", Some(3)));
        assert!(it.findings[0].is_felt() && it.changed[0].planned && !it.rolled_back);
        assert_eq!(it.unique["host_keys[].sha256"], ["A", "B"]);
    }

    #[test]
    fn what_is_no_finding_of_the_schema_says_why() {
        let check = |stdout: &str, why: &str| match of(stdout) {
            Reading::Unread { why: found } => assert!(found.contains(why), "{found}"),
            Reading::Read(it) => panic!("{it:?}"),
        };
        check("", "it printed nothing");
        check("healthy", "not one JSON object");
        check("[]", "not one JSON object");
        check("{} {}", "not one JSON object");
        check("{}", "it has no schema");
        check(r#"{"schema":1}"#, "its schema is no text");
        check(r#"{"schema":"fleet.sshd/1"}"#, "it has no verdict");
        let with = |rest: &str| format!(r#"{{"schema":"fleet.sshd/1","verdict":"healthy"{rest}}}"#);
        check(&with("").replace("sshd/1", "sshd/2"), "its schema is `fleet.sshd/2`, not");
        check(&with("").replace("healthy", "fine"), "its verdict `fine` is none of: healthy, la");
        check(&with("").replace("healthy", ""), "its verdict `` is none of");
        check(&with(""), "it has no findings");
        check(&with(r#","findings":{}"#), "its findings are no list");
        check(&with(r#","findings":[{}]"#), "element 1 of its findings is not one");
        check(&with(r#","findings":[],"changed":7"#), "its changed are no list");
        check(&with(r#","findings":[],"rolled_back":"no""#), "its rolled_back is neither");
        let cut = read(Some(&format()), r#"{"schema":"fleet"#, true).unwrap();
        assert_eq!(cut, Reading::Unread { why: "the output was cut".to_owned() });
    }

    #[test]
    fn an_undeclared_output_is_read_only_if_it_has_the_shape_and_is_never_called_good() {
        let shaped = r#"{"schema":"acme.disk/1","verdict":"healthy","findings":[]}"#;
        let Some(Reading::Read(it)) = read(None, shaped, false) else { panic!("unread") };
        assert_eq!((it.schema.as_str(), it.good), ("acme.disk/1", None));
        for it in ["", "up 3 days", "{", "{}", r#"{"schema":"a","verdict":"b"}"#] {
            assert_eq!(read(None, it, false), None, "{it}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let one = format!(r#"{{"code":"{}"}}"#, "x".repeat(1000));
        let stdout = format!(
            r#"{{"schema":"fleet.sshd/1","verdict":"broken","findings":[{}]}}"#,
            vec![one; 500].join(",")
        );
        let Reading::Read(it) = of(&stdout) else { panic!("unread") };
        assert_eq!((it.findings.len(), it.findings[0].code.len(), it.truncated), (100, 300, true));
        assert!(matches!(of(&"[".repeat(100_000)), Reading::Unread { .. }));
    }

    fn is_unread(stdout: &str) -> bool {
        matches!(of(stdout), Reading::Unread { .. })
    }

    proptest! {
        #[test]
        fn no_bytes_are_good_findings(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes);
            prop_assert!(is_unread(&text));
            prop_assert_eq!(read(None, &text, false), None);
        }

        #[test]
        fn a_good_line_that_is_cut_anywhere_is_not_good(at in 0_usize..120) {
            let line = r#"{"schema":"fleet.sshd/1","verdict":"healthy","findings":[],"login":{"a":"accepted"},"truncated":false}"#;
            if let Some(cut) = line.get(..at).filter(|it| it.len() < line.len()) {
                prop_assert!(is_unread(cut));
            }
        }

        #[test]
        fn members_of_any_kind_are_read_or_told(
            verdict in "(\"[a-z]{0,8}\"|null|7|\"healthy\"|\\[\\])",
            found in "(\\[\\]|\\{\\}|null|\\[1\\]|\\[\\{\"code\":(\"a\"|1|null)\\}\\])",
            flag in "(true|false|null|\"\")",
        ) {
            let line = format!(
                r#"{{"schema":"fleet.sshd/1","verdict":{verdict},"findings":{found},"truncated":{flag}}}"#
            );
            if let Reading::Read(it) = of(&line) {
                prop_assert_eq!(it.good == Some(true), verdict == "\"healthy\"");
            }
        }
    }
}
