//! Reads the form of an awsQuery request: `Tags.member.1.Key=…`.
//! It knows no parameter; unknown ones are ignored, as AWS ignores them.

use std::collections::BTreeMap;

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
    pub(crate) fn flat_texts(&self, name: &str) -> Vec<&str> {
        self.flat_members(name).into_iter().filter_map(|it| self.text(&it)).collect()
    }

    /// Returns the prefixes `name.1`, `name.2`, … that occur, by number.
    pub(crate) fn flat_members(&self, name: &str) -> Vec<String> {
        self.numbered(&format!("{name}."))
    }

    /// Returns the texts `name.member.1`, `name.member.2`, … in the order of their numbers.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.members(name).into_iter().filter_map(|it| self.text(&it)).collect()
    }

    /// Returns the prefixes `name.member.1`, `name.member.2`, … that occur, by number.
    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        self.numbered(&format!("{name}.member."))
    }

    fn numbered(&self, prefix: &str) -> Vec<String> {
        let keys = self.0.range(prefix.to_owned()..).map(|(key, _)| key.as_str());
        let tails = keys.map_while(|key| key.strip_prefix(prefix));
        let mut numbers: Vec<u32> =
            tails.filter_map(|it| it.split('.').next()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|it| format!("{prefix}{it}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, proptest};

    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let form = Form::parse(b"A.member.10=c&A.member.2=b&A.member.1=a&AB.member.1=x");
        assert_eq!(form.texts("A"), ["a", "b", "c"]);
        assert!(form.has("AB") && !form.has("B"));
    }

    #[test]
    fn structures_in_lists_are_found_by_their_prefix() {
        let form = Form::parse(b"T.member.1.Key=a+b&T.member.1.Value=%26&T.member.2.Key=c");
        assert_eq!(form.members("T"), ["T.member.1", "T.member.2"]);
        assert_eq!(form.text("T.member.1.Key"), Some("a b"));
        assert_eq!(form.text("T.member.1.Value"), Some("&"));
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
                form.texts(name);
                form.flat_texts(name.split('.').next().unwrap_or_default());
                form.has(name);
                form.integer(name).ok();
                form.boolean(name).ok();
            }
        }

        #[test]
        fn no_form_makes_it_panic(body in "([A-C](\\.member(\\.[0-9]{0,12})?)?(=|&|%|\\+|%[0-9a-f]{2})?){0,20}") {
            let form = Form::parse(body.as_bytes());
            for name in ["A", "B", "C"] {
                assert!(form.members(name).len() <= body.len());
                form.texts(name);
            }
        }
    }
}
