//! Reads the form of an awsQuery request: `Tags.member.1.Key=…`.
//! It knows no parameter; unknown ones are ignored, as AWS ignores them.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::api::ApiError;

/// The parameters of a request. Of a parameter that is sent twice the first value counts.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Self {
        let mut res = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(body) {
            res.entry(key.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(res)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// Returns the names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Tells whether the parameter or a part of it was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        let part = format!("{name}.");
        self.0.contains_key(name)
            || self.0.range(part.clone()..).next().is_some_and(|(key, _)| key.starts_with(&part))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::new("MalformedInput", format!("{name}: {text:?} is not an integer"))
        })
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(ApiError::new("MalformedInput", format!("{name}: {other:?} is not a boolean")))
            }
        }
    }

    /// Returns the texts `name.1`, `name.2`, … of EC2's flat lists.
    pub(crate) fn flat_texts(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        self.all(self.flat_members(name)?, List::Flat)
    }

    /// Returns the prefixes `name.1`, `name.2`, … that occur, by number.
    pub(crate) fn flat_members(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.numbered(name, List::Flat)
    }

    /// Returns the texts `name.member.1`, `name.member.2`, … in the order of their numbers.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        self.all(self.members(name)?, List::OfMembers)
    }

    /// Returns the prefixes `name.member.1`, `name.member.2`, … that occur, by number.
    pub(crate) fn members(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.numbered(name, List::OfMembers)
    }

    fn all(&self, prefixes: Vec<String>, list: List) -> Result<Vec<&str>, ApiError> {
        let text = |it: String| self.text(&it).ok_or_else(|| list.unreadable(&it));
        prefixes.into_iter().map(text).collect()
    }

    /// Refuses whatever belongs to the list and cannot be read: without it the list would be another
    /// one, and without all of it everything would be meant in many an operation.
    fn numbered(&self, name: &str, list: List) -> Result<Vec<String>, ApiError> {
        // An empty list is sent as an empty text.
        if self.text(name).is_some_and(|it| !it.is_empty()) {
            return Err(list.unreadable(name));
        }
        let (whole, prefix) = (format!("{name}."), list.prefix(name));
        let mut numbers = BTreeSet::new();
        for key in self.0.range(whole.clone()..).map(|(key, _)| key) {
            if !key.starts_with(&whole) {
                break;
            }
            let number = key.strip_prefix(&prefix).and_then(|it| it.split('.').next());
            let read = number.and_then(|it| it.parse::<u32>().ok());
            let read = read.filter(|it| number == Some(it.to_string().as_str()));
            numbers.insert(read.ok_or_else(|| list.unreadable(key))?);
        }
        Ok(numbers.into_iter().map(|it| format!("{prefix}{it}")).collect())
    }
}

/// How a list is written.
#[derive(Clone, Copy)]
enum List {
    /// As EC2 does: `name.1`.
    Flat,
    /// As the others do: `name.member.1`.
    OfMembers,
}

impl List {
    fn prefix(self, name: &str) -> String {
        match self {
            Self::Flat => format!("{name}."),
            Self::OfMembers => format!("{name}.member."),
        }
    }

    /// Codes and wording are UNVERIFIED; EC2's is documented for what it does not recognize.
    fn unreadable(self, key: &str) -> ApiError {
        match self {
            Self::Flat => {
                let message = format!("The parameter {key} is not recognized");
                ApiError::new("UnknownParameter", message)
            }
            Self::OfMembers => {
                let message = format!("{key}: a list's items are called such as NAME.member.1");
                ApiError::new("MalformedInput", message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, proptest};

    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let form = Form::parse(b"A.member.10=c&A.member.2=b&A.member.1=a&AB.member.1=x");
        assert_eq!(form.texts("A").unwrap(), ["a", "b", "c"]);
        assert!(form.has("AB") && !form.has("B"));
    }

    #[test]
    fn structures_in_lists_are_found_by_their_prefix() {
        let form = Form::parse(b"T.member.1.Key=a+b&T.member.1.Value=%26&T.member.2.Key=c");
        assert_eq!(form.members("T").unwrap(), ["T.member.1", "T.member.2"]);
        assert_eq!(form.text("T.member.1.Key"), Some("a b"));
        assert_eq!(form.text("T.member.1.Value"), Some("&"));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_taken_for_none() {
        let code = |it: ApiError| format!("{}: {}", it.code, it.message.unwrap());
        for key in [
            "A",
            "A.1",
            "A.member",
            "A.member.",
            "A.member.x",
            "A.member.01",
            "A.member.%2B1",
            "A.member.-1",
            "A.member.99999999999999999999",
            "A.member.1.B",
            "A.members.1",
        ] {
            let form = Form::parse(format!("{key}=a&B.member.1=b").as_bytes());
            let key = if key == "A.member.1.B" { "A.member.1" } else { key }.replace("%2B", "+");
            let expected =
                format!("MalformedInput: {key}: a list's items are called such as NAME.member.1");
            assert_eq!(form.texts("A").map_err(code).unwrap_err(), expected);
            assert_eq!(form.texts("B").unwrap(), ["b"]);
        }
        for key in ["A", "A.x", "A.member.1", "A.", "A.1.B"] {
            let form = Form::parse(format!("{key}=a&AB.1=b").as_bytes());
            let key = if key == "A.1.B" { "A.1" } else { key };
            let expected = format!("UnknownParameter: The parameter {key} is not recognized");
            assert_eq!(form.flat_texts("A").map_err(code).unwrap_err(), expected);
            assert_eq!(form.flat_texts("AB").unwrap(), ["b"]);
        }
        // So do clients send an empty list.
        assert_eq!(Form::parse(b"A=").texts("A").unwrap(), [""; 0]);
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        let form = Form::parse(b"MaxRecords=ten&Flag=True");
        let message = form.integer("MaxRecords").unwrap_err().message.unwrap();
        assert_eq!(message, r#"MaxRecords: "ten" is not an integer"#);
        assert!(form.boolean("Flag").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in vec(any::<u8>(), 0..500)) {
            let form = Form::parse(&body);
            let names: Vec<String> = form.0.keys().cloned().collect();
            for name in names {
                let name = name.split(".member.").next().unwrap_or_default();
                form.texts(name).ok();
                form.flat_texts(name.split('.').next().unwrap_or_default()).ok();
                form.has(name);
                form.integer(name).ok();
                form.boolean(name).ok();
            }
        }

        #[test]
        fn no_form_makes_it_panic(body in "([A-C](\\.member(\\.[0-9]{0,12})?)?(=|&|%|\\+|%[0-9a-f]{2})?){0,20}") {
            let form = Form::parse(body.as_bytes());
            for name in ["A", "B", "C"] {
                assert!(form.members(name).map_or(0, |it| it.len()) <= body.len());
                form.texts(name).ok();
            }
        }
    }
}
