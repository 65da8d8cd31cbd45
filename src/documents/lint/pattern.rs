//! What an `allowedPattern` lets through: which characters a value that matches may hold.
//! Patterns are Java's; what Rust's syntax does not have, such as look-around, is not judged.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A pattern, read.
#[derive(Debug)]
pub(super) struct Pattern(Hir);

impl Pattern {
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        regex_syntax::Parser::new().parse(pattern).ok().map(Self)
    }

    /// Returns whether every match begins where the value begins and ends where it ends.
    pub(super) fn is_anchored(&self) -> bool {
        let properties = self.0.properties();
        properties.look_set_prefix().contains(Look::Start)
            && properties.look_set_suffix().contains(Look::End)
    }

    /// Returns those of `characters` that a value which matches as a whole may hold.
    pub(super) fn admits(&self, characters: &str) -> String {
        characters.chars().filter(|it| admits(&self.0, *it)).collect()
    }
}

fn admits(hir: &Hir, it: char) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).is_ok_and(|text| text.contains(it))
        }
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&it))
        }
        HirKind::Class(Class::Bytes(class)) => u8::try_from(it)
            .is_ok_and(|it| class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&it))),
        HirKind::Repetition(inner) => admits(&inner.sub, it),
        HirKind::Capture(inner) => admits(&inner.sub, it),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().any(|hir| admits(hir, it)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_admits_what_its_matches_may_hold() {
        let check = |pattern: &str, admitted: &str, is_anchored: bool| {
            let read = Pattern::parse(pattern).unwrap();
            assert_eq!(read.admits(";'$\n"), admitted, "{pattern}");
            assert_eq!(read.is_anchored(), is_anchored, "{pattern}");
        };
        check("^[a-z0-9_.-]+$", "", true);
        check("^.*$", ";'$", true);
        check("^[^']*$", ";$\n", true);
        check(r"^(a|b;c)$", ";", true);
        check(r"[\w ]+", "", false);
        check(r"^$|^\$[a-z]+$", "$", true);
        check(r"^\S+$", ";'$", true);
        assert!(Pattern::parse("^(?!-)[a-z]+$").is_none());
    }
}
