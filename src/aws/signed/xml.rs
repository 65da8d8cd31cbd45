//! XML as a tree of elements, for the few answers that no generated code reads.
//! It knows no namespaces and keeps no attributes: no answer of AWS's needs them.

use quick_xml::{Reader, events::Event};

/// The deepest that is read; no answer of AWS's comes near it.
const DEEPEST: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::aws) struct Element {
    pub(in crate::aws) name: String,
    pub(in crate::aws) text: String,
    pub(in crate::aws) children: Vec<Self>,
}

impl Element {
    /// Reads the root of a document; `None` if it is not one that is closed at its end.
    pub(in crate::aws) fn parse(xml: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(xml);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let closed = match reader.read_event().ok()? {
                Event::Start(it) => {
                    if open.len() == DEEPEST {
                        return None;
                    }
                    open.push(Self::named(it.local_name().as_ref())?);
                    continue;
                }
                Event::Empty(it) => Self::named(it.local_name().as_ref())?,
                Event::End(_) => open.pop()?,
                Event::Text(it) => {
                    if let Some(last) = open.last_mut() {
                        last.text.push_str(&it.decode().ok()?);
                    }
                    continue;
                }
                Event::CData(it) => {
                    if let Some(last) = open.last_mut() {
                        last.text.push_str(&it.decode().ok()?);
                    }
                    continue;
                }
                Event::GeneralRef(it) => {
                    let text = resolved(&it.decode().ok()?)?;
                    if let Some(last) = open.last_mut() {
                        last.text.push(text);
                    }
                    continue;
                }
                Event::Eof => return None,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None => return Some(closed),
            }
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?.to_owned();
        Some(Self { name, ..Self::default() })
    }

    /// Returns the first element of that name, itself included, in reading order.
    pub(in crate::aws) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|it| it.find(name))
    }

    /// Returns the text of the first element of that name.
    pub(in crate::aws) fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|it| it.text.trim())
    }

    /// Returns the child of that name: names recur further down.
    pub(in crate::aws) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Returns the text at the end of a path of children; empty if there is none.
    pub(in crate::aws) fn at(&self, path: &[&str]) -> &str {
        let found = path.iter().try_fold(self, |it, name| it.child(name));
        found.map_or("", |it| it.text.trim())
    }

    /// Returns the items of a child that is a set.
    pub(in crate::aws) fn set(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.child(name).into_iter().flat_map(|it| &it.children)
    }
}

fn resolved(reference: &str) -> Option<char> {
    let number = |it: &str| match it.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => it.parse().ok(),
    };
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        other => other.strip_prefix('#').and_then(number).and_then(char::from_u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_at_any_depth_and_references_are_resolved() {
        let xml = br#"<?xml version="1.0"?><R xmlns="u"><a><b>1 &lt; 2 &#x263a;</b></a><b/></R>"#;
        let root = Element::parse(xml).unwrap();
        assert_eq!(root.text_of("b"), Some("1 < 2 \u{263a}"));
        assert_eq!(root.children.len(), 2);
        assert_eq!(root.find("c"), None);
    }

    #[test]
    fn what_is_cut_nested_without_end_or_no_xml_is_nothing() {
        for xml in ["<R><a>", "", "{}", "<R></a></R>", "<R>&nosuch;</R>"] {
            assert_eq!(Element::parse(xml.as_bytes()), None, "{xml}");
        }
        assert_eq!(Element::parse("<a>".repeat(100_000).as_bytes()), None);
    }
}
