//! Holds a request against the constraints of its operation, in AWS's own wording.
//! It knows shapes, not services: whether a document exists is somebody else's question.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    absent,
    api::ApiError,
    text::{Text, lengths},
};

/// What one member may hold.
pub(crate) enum Shape {
    Text(Text),
    Integer {
        min: i64,
        max: i64,
    },
    Flag,
    List {
        min: usize,
        max: usize,
        item: &'static Self,
    },
    /// A map from names to values of one shape.
    Map {
        min: usize,
        max: usize,
        key: Text,
        item: &'static Self,
    },
    Structure(&'static [Member]),
}

pub(crate) enum Member {
    Required(&'static str, Shape),
    Optional(&'static str, Shape),
    /// The service has it, and the simulator has not.
    Absent(&'static str),
}

/// A request, and what is wrong with it: that is told to those alone who may ask at all (aws-facts
/// D21).
pub(crate) struct Checked {
    body: Value,
    violations: Vec<String>,
    /// A member has a wrong JSON type, or is not implemented.
    refused: Option<ApiError>,
}

impl Checked {
    /// Holds a body against the members of its operation, and refuses nothing yet.
    pub(crate) fn of(members: &'static [Member], body: &Value) -> Self {
        let body = without_nulls(body);
        let mut violations = Vec::new();
        let refused = match &body {
            Value::Object(object) => structure(members, object, "", &mut violations).err(),
            _ => Some(ApiError::new("SerializationException", "Unexpected token in payload")),
        };
        Self { body, violations, refused }
    }

    /// Returns a member's text, whatever its constraints say; `None` also if it is no text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Tells whether a member is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.body.get(name).is_some()
    }

    /// Returns what can be read of a list member, whatever its constraints say.
    pub(crate) fn list<T: DeserializeOwned>(&self, name: &str) -> Vec<T> {
        let items = self.body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        items.into_iter().filter_map(|it| serde_json::from_value(it).ok()).collect()
    }

    /// Refuses a member of a wrong type or one that is not implemented, or every violation at once, as
    /// AWS does; otherwise hands out the typed request.
    pub(crate) fn request<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        if let Some(it) = self.refused {
            return Err(it);
        }
        let n = self.violations.len();
        if n > 0 {
            let noun = if n == 1 { "error" } else { "errors" };
            let all = self.violations.join("; ");
            return Err(invalid(format!("{n} validation {noun} detected: {all}")));
        }
        serde_json::from_value(self.body)
            .map_err(|err| ApiError::new("SerializationException", err.to_string()))
    }
}

/// Checks and types a request in one go, for operations that authorise no resource.
pub(crate) fn request<T: DeserializeOwned>(
    members: &'static [Member],
    body: &Value,
) -> Result<T, ApiError> {
    Checked::of(members, body).request()
}

/// A ValidationException with a message of its own.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// A null member is an absent one.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, it)| !it.is_null());
            Value::Object(kept.map(|(name, it)| (name.clone(), without_nulls(it))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn structure(
    members: &'static [Member],
    object: &Map<String, Value>,
    prefix: &str,
    violations: &mut Vec<String>,
) -> Result<(), ApiError> {
    for member in members {
        let (name, shape) = match member {
            Member::Required(name, shape) | Member::Optional(name, shape) => (*name, shape),
            Member::Absent(name) => {
                let given = object.keys().map(String::as_str);
                absent::check(given, &[name], "ValidationException")?;
                continue;
            }
        };
        let path = format!("{prefix}{}", lower_camel(name));
        match (object.get(name), member) {
            (Some(value), _) => walk(shape, value, &path, violations)?,
            (None, Member::Required(..)) => violations.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            )),
            (None, Member::Optional(..) | Member::Absent(_)) => {}
        }
    }
    Ok(())
}

fn walk(
    shape: &'static Shape,
    value: &Value,
    path: &str,
    violations: &mut Vec<String>,
) -> Result<(), ApiError> {
    match (shape, value) {
        (Shape::Text(text), Value::String(it)) => {
            violations.extend(text.broken_by(it).iter().map(|why| violation(it, path, why)));
        }
        (Shape::Integer { min, max }, Value::Number(it)) => {
            let Some(number) = it.as_i64() else { return Err(mismatch(value, "an Integer")) };
            if number < *min {
                let why = format!("Member must have value greater than or equal to {min}");
                violations.push(violation(&it.to_string(), path, &why));
            }
            if number > *max {
                let why = format!("Member must have value less than or equal to {max}");
                violations.push(violation(&it.to_string(), path, &why));
            }
        }
        (Shape::Flag, Value::Bool(_)) => {}
        (Shape::List { min, max, item }, Value::Array(items)) => {
            for why in lengths(items.len(), *min, *max) {
                violations.push(violation(&shown(value), path, &why));
            }
            list_items(item, items, path, violations)?;
        }
        (Shape::Map { min, max, key, item }, Value::Object(object)) => {
            for why in lengths(object.len(), *min, *max) {
                violations.push(violation(&shown(value), path, &why));
            }
            if object.keys().any(|it| !key.broken_by(it).is_empty()) {
                // UNVERIFIED here; other services word it so.
                let why =
                    format!("Map keys must satisfy constraint: [{}]", key.constraints().join(", "));
                violations.push(violation(&shown(value), path, &why));
            }
            for (name, it) in object {
                walk(item, it, &format!("{path}.{name}.member"), violations)?;
            }
        }
        (Shape::Structure(members), Value::Object(object)) => {
            structure(members, object, &format!("{path}."), violations)?;
        }
        (Shape::Text(_), _) => return Err(mismatch(value, "a String")),
        (Shape::Integer { .. }, _) => return Err(mismatch(value, "an Integer")),
        (Shape::Flag, _) => return Err(mismatch(value, "a Boolean")),
        (Shape::List { .. }, _) => return Err(mismatch(value, "a List")),
        (Shape::Map { .. } | Shape::Structure(_), _) => return Err(mismatch(value, "a Structure")),
    }
    Ok(())
}

fn list_items(
    item: &'static Shape,
    items: &[Value],
    path: &str,
    violations: &mut Vec<String>,
) -> Result<(), ApiError> {
    // A list of strings is reported whole: "Value '[a, b]' at 'instanceIds' failed to satisfy
    // constraint: Member must satisfy constraint: [Member must …]".
    let Shape::Text(text) = item else {
        for (index, it) in items.iter().enumerate() {
            walk(item, it, &format!("{path}.{}.member", index + 1), violations)?;
        }
        return Ok(());
    };
    let mut broken = false;
    for it in items {
        let Value::String(it) = it else { return Err(mismatch(it, "a String")) };
        broken |= !text.broken_by(it).is_empty();
    }
    if broken {
        let why = format!("Member must satisfy constraint: [{}]", text.constraints().join(", "));
        let shown: Vec<String> = items.iter().map(shown).collect();
        violations.push(violation(&format!("[{}]", shown.join(", ")), path, &why));
    }
    Ok(())
}

fn violation(value: &str, path: &str, why: &str) -> String {
    format!("Value '{value}' at '{path}' failed to satisfy constraint: {why}")
}

/// Java's `toString` of a JSON value, which is what AWS prints.
fn shown(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Object(object) => {
            let pairs = object.iter().map(|(name, it)| format!("{name}={}", shown(it)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn mismatch(value: &Value, wanted: &str) -> ApiError {
    let found = match value {
        Value::Object(_) => "Start of structure or map found where not expected.",
        Value::Array(_) => "Start of list found where not expected.",
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    let message = match value {
        Value::Object(_) | Value::Array(_) => found.to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            format!("{found} can not be converted to {wanted}")
        }
    };
    ApiError::new("SerializationException", message)
}

fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|it| it.to_ascii_lowercase()).into_iter().chain(chars).collect()
}
