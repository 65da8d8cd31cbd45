//! `{{ parameter }}`: what a document's texts become.
//! It neither fetches a parameter (`{{ssm:…}}` stays as it is) nor checks a value.

use std::collections::BTreeMap;

use serde_json::Value;

/// What each parameter is worth in one execution.
pub(super) type Values = BTreeMap<String, Value>;

/// Replaces the references in every string of `input`, once: what a value brings is not read again.
pub(super) fn replace(input: &Value, values: &Values) -> Value {
    match input {
        Value::String(text) => match whole(text).and_then(|name| values.get(name)) {
            Some(value) => value.clone(),
            None => Value::String(embedded(text, values)),
        },
        Value::Array(items) => items.iter().map(|it| replace(it, values)).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, it)| (key.clone(), replace(it, values)));
            Value::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => input.clone(),
    }
}

/// Says whether the agent accepts a parameter of this name.
pub(super) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric())
}

/// The text that a value becomes inside another text.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => go_json(other),
    }
}

fn whole(text: &str) -> Option<&str> {
    text.strip_prefix("{{")?.strip_suffix("}}").map(trim)
}

/// Go's `\s` is ASCII only.
fn trim(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\x0c', '\r', ' '])
}

fn embedded(text: &str, values: &Values) -> String {
    let mut res = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let inside = &rest[start + 2..];
        let reference = inside.find("}}").and_then(|end| {
            let value = values.get(trim(&inside[..end]))?;
            Some((value, &inside[end + 2..]))
        });
        match reference {
            Some((value, after)) => {
                res.push_str(&rest[..start]);
                // An early agent expanded `$1`; its users wrote `$$`, and the agent still reads it.
                res.push_str(&as_text(value).replace("$$", "$"));
                rest = after;
            }
            None => {
                res.push_str(&rest[..=start]);
                rest = &rest[start + 1..];
            }
        }
    }
    res.push_str(rest);
    res
}

/// JSON as Go's `json.Marshal` writes it, which escapes what HTML would read.
fn go_json(value: &Value) -> String {
    value
        .to_string()
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(cases: &[(Value, Value)]) {
        let values = json!({
            "name": "world", "list": ["a", "b"], "nested": "{{name}}", "money": "$$5", "html": ["<&>"],
            "empty": "", "n": 3,
        });
        let values = values.as_object().expect("it is an object").clone().into_iter().collect();
        for (input, expected) in cases {
            assert_eq!(&replace(input, &values), expected, "{input}");
        }
    }

    #[test]
    fn a_whole_reference_keeps_its_type() {
        check(&[
            (json!("{{ list }}"), json!(["a", "b"])),
            (json!("{{list}}"), json!(["a", "b"])),
            (json!("{{\tname }}"), json!("world")),
            (json!("{{ n }}"), json!(3)),
            (json!("{{money}}"), json!("$$5")),
        ]);
    }

    #[test]
    fn an_embedded_reference_becomes_text() {
        check(&[
            (json!("hello {{ name }}!"), json!("hello world!")),
            (json!("{{name}}{{name}}"), json!("worldworld")),
            (json!(" {{ list }}"), json!(" [\"a\",\"b\"]")),
            (json!(" {{ html }}"), json!(" [\"\\u003c\\u0026\\u003e\"]")),
            (json!("costs {{money}}"), json!("costs $5")),
            (json!("$$ {{name}}"), json!("$$ world")),
            (json!("[{{empty}}]"), json!("[]")),
        ]);
    }

    #[test]
    fn a_value_is_not_read_again() {
        check(&[
            (json!("{{ nested }}"), json!("{{name}}")),
            (json!("x{{nested}}"), json!("x{{name}}")),
        ]);
    }

    #[test]
    fn what_is_no_reference_stays() {
        check(&[
            (json!("{{ unknown }}"), json!("{{ unknown }}")),
            (json!("{{ my_param }}"), json!("{{ my_param }}")),
            (json!("{{ssm:name}}"), json!("{{ssm:name}}")),
            (json!("{{ name"), json!("{{ name")),
            (json!("{{{ name }}}"), json!("{world}")),
            (json!("{{ unknown {{ name }}"), json!("{{ unknown world")),
            (json!({ "a": ["{{name}}", 1, null] }), json!({ "a": ["world", 1, null] })),
        ]);
    }

    #[test]
    fn a_name_is_letters_and_digits() {
        for (name, expected) in
            [("a1Z", true), ("my_param", false), ("a-b", false), ("", false), ("é", false)]
        {
            assert_eq!(is_valid_name(name), expected, "{name}");
        }
    }
}
