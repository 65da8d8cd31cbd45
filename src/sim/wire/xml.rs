//! Writes the XML of awsQuery and ec2Query answers.
//! It escapes and leaves out what XML cannot hold; it knows no operation.

use std::{borrow::Cow, fmt::Display};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

/// A document that is being written.
pub(crate) struct Xml(Writer<Vec<u8>>);

impl Xml {
    pub(crate) fn new() -> Self {
        Self(Writer::new(Vec::with_capacity(1024)))
    }

    /// Starts a document with an XML declaration, as EC2 does.
    pub(crate) fn declared() -> Self {
        let mut res = Self::new();
        res.write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        res
    }

    /// Writes the root element.
    pub(crate) fn root(&mut self, name: &str, xmlns: &str, content: impl FnOnce(&mut Self)) {
        let mut start = BytesStart::new(name);
        if !xmlns.is_empty() {
            start.push_attribute(("xmlns", xmlns));
        }
        self.write(Event::Start(start));
        content(self);
        self.write(Event::End(BytesEnd::new(name)));
    }

    /// Writes an element that holds others.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.root(name, "", content);
    }

    /// Writes an element that holds text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.element(name, |it| it.write(Event::Text(BytesText::new(&sanitized(text)))));
    }

    /// Writes text into the element that is open.
    pub(crate) fn raw(&mut self, text: &str) {
        self.write(Event::Text(BytesText::new(&sanitized(text))));
    }

    /// Writes an element that holds a number, a boolean or a timestamp.
    pub(crate) fn value(&mut self, name: &str, value: impl Display) {
        self.text(name, &value.to_string());
    }

    /// Writes a list: `<name><member>…</member>…</name>`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut content: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| content(xml, item));
            }
        });
    }

    /// Writes a list as EC2 does: `<name><item>…</item>…</name>`.
    pub(crate) fn items<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut content: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("item", |xml| content(xml, item));
            }
        });
    }

    pub(crate) fn texts<'a>(&mut self, name: &str, texts: impl IntoIterator<Item = &'a str>) {
        self.element(name, |xml| texts.into_iter().for_each(|it| xml.text("member", it)));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }

    fn write(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("writing to memory cannot fail");
    }
}

/// Leaves out the characters that XML 1.0 cannot hold, not even escaped.
fn sanitized(text: &str) -> Cow<'_, str> {
    let is_held = |it: char| match it {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => it >= ' ',
    };
    if text.chars().all(is_held) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|it| is_held(*it)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: impl FnOnce(&mut Xml), expected: &str) {
        let mut xml = Xml::new();
        content(&mut xml);
        assert_eq!(String::from_utf8(xml.into_bytes()).unwrap(), expected);
    }

    #[test]
    fn markup_in_text_is_escaped() {
        check(
            |it| it.text("A", "<b> & 'c' \"d\""),
            "<A>&lt;b&gt; &amp; &apos;c&apos; &quot;d&quot;</A>",
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        check(|it| it.text("A", "a\u{1b}[31m\0\u{fffe}\tb\u{e9}"), "<A>a[31m\tb\u{e9}</A>");
    }

    #[test]
    fn lists_have_members_and_the_root_its_namespace() {
        check(
            |it| it.root("R", "http://x/", |it| it.texts("L", ["a", "b"])),
            r#"<R xmlns="http://x/"><L><member>a</member><member>b</member></L></R>"#,
        );
        check(|it| it.texts("L", []), "<L></L>");
    }
}
