//! The text of a document as a tree that knows where each of its parts stands. It judges nothing.

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use super::{NotADocument, Notation};

/// A place in a text: both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    /// Where a text begins: also the place of what is absent altogether.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Returns the place of the byte at `offset`.
    pub(super) fn of_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        Self {
            line: before.bytes().filter(|it| *it == b'\n').count() as u64 + 1,
            column: before[line_start..].chars().count() as u64 + 1,
        }
    }
}

impl From<Location> for Place {
    fn from(it: Location) -> Self {
        Self { line: it.line().max(1), column: it.column().max(1) }
    }
}

/// A value, and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
    /// The bytes that it takes; a block collection takes none.
    bytes: (usize, usize),
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map, and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

/// Reads a text: YAML, or JSON, which is YAML too as long as no string is a key twice. JSON is
/// held against its own rules first.
pub(super) fn parse(text: &str) -> Result<Node, (NotADocument, Place)> {
    if Notation::of(text) == Notation::Json {
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|err| {
            let place = Place { line: err.line() as u64, column: err.column().max(1) as u64 };
            (NotADocument::Json(err), place)
        })?;
    }
    serde_saphyr::from_str(text).map_err(|err| {
        let place = err.location().map_or(Place::START, Place::from);
        (NotADocument::Yaml(Box::new(err)), place)
    })
}

impl Node {
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(it) => it,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(it) => it,
            _ => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|it| it.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|it| &it.value)
    }

    /// Returns a text as it is, and a number or a boolean as it would be written.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(it) | Value::Number(it) => Some(it.clone()),
            Value::Bool(it) => Some(it.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns every text in it, however deep, with the node that holds it.
    pub(super) fn texts(&self) -> Vec<(&Self, &str)> {
        match &self.value {
            Value::Text(it) => vec![(self, it)],
            Value::List(items) => items.iter().flat_map(Self::texts).collect(),
            Value::Map(entries) => entries.iter().flat_map(|it| it.value.texts()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }

    /// Returns where the `n`th (from 0) `needle` of this text stands in `source`, or where the text
    /// begins if it is written there in other characters.
    pub(super) fn place_of(&self, source: &str, needle: &str, n: usize) -> Place {
        let (from, to) = self.bytes;
        let written = source.get(from..to).unwrap_or_default();
        match written.match_indices(needle).nth(n) {
            Some((at, _)) => Place::of_offset(source, from + at),
            None => self.place,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined } = Spanned::<Value>::deserialize(deserializer)?;
        let offset = |it: Option<u64>| it.and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
        let span = defined.span();
        let from = offset(span.byte_offset());
        let bytes = (from, from + offset(span.byte_len()));
        Ok(Self { value, place: referenced.into(), bytes })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_none<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
                Ok(Value::Bool(it))
            }
            fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
                Ok(Value::Number(it.to_string()))
            }
            fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
                Ok(Value::Number(it.to_string()))
            }
            fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
                Ok(Value::Number(it.to_string()))
            }
            fn visit_str<E>(self, it: &str) -> Result<Value, E> {
                Ok(Value::Text(it.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(it) = seq.next_element()? {
                    items.push(it);
                }
                Ok(Value::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<Spanned<String>, Node>()? {
                    entries.push(Entry { key: key.value, place: key.referenced.into(), value });
                }
                Ok(Value::Map(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(text: &str, needle: &str, n: usize) -> (u64, u64) {
        let tree = parse(text).unwrap();
        let texts = tree.texts();
        let (node, _) = texts.iter().find(|(_, it)| it.contains(needle)).unwrap();
        let place = node.place_of(text, needle, n);
        (place.line, place.column)
    }

    #[test]
    fn what_is_in_a_text_has_a_place_in_every_notation() {
        let block = "# é\na:\n  - |\n    echo\n    é {{ x }} {{ x }}\n";
        assert_eq!(
            (place_of(block, "{{ x }}", 0), place_of(block, "{{ x }}", 1)),
            ((5, 7), (5, 15))
        );
        assert_eq!(place_of("a: \"\\u00e9 \\\" {{ x }}\"\n", "{{ x }}", 0), (1, 15));
        assert_eq!(place_of("a: plain\n   {{ x }}\n", "{{ x }}", 0), (2, 4));
        assert_eq!(place_of("{\n\t\"a\": [\"{{ x }}\"]}", "{{ x }}", 0), (2, 9));
        // Written in other characters, it is where its text begins.
        assert_eq!(place_of("{\"a\": \"b\\u007b{ x }}\"}", "{{ x }}", 0), (1, 7));
    }

    #[test]
    fn an_error_has_a_place() {
        let check = |text: &str, line| assert_eq!(parse(text).unwrap_err().1.line, line, "{text}");
        check("{\n \"a\": 1,\n}", 3);
        check("a: 1\nb: [\n", 2);
        check("a: 1\na: 2\n", 2);
        check("{\"a\": 1,\n\"a\": 2}", 2);
    }
}
