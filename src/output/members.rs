//! The instances of a group, said briefly: by Auto Scaling group and zone, or by name.

use std::collections::BTreeMap;

use crate::run::InstanceFacts;

/// Returns `web ×46: us-east-1a 24, us-east-1b 22`.
pub(super) fn places(members: &[&InstanceFacts]) -> String {
    let mut groups: BTreeMap<Option<&str>, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut sizes: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for it in members {
        let group = it.group.as_deref();
        *sizes.entry(group).or_default() += 1;
        let zones = groups.entry(group).or_default();
        if let Some(zone) = &it.zone {
            *zones.entry(zone).or_default() += 1;
        }
    }
    let each = groups.iter().map(|(group, zones)| {
        let name = format!("{} ×{}", group.unwrap_or("no group"), sizes[group]);
        let zones: Vec<_> = match zones.len() {
            1 if zones.values().sum::<usize>() == sizes[group] => {
                zones.keys().map(|it| (*it).to_owned()).collect()
            }
            _ => zones.iter().map(|(zone, n)| format!("{zone} {n}")).collect(),
        };
        if zones.is_empty() { name } else { format!("{name}: {}", zones.join(", ")) }
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing;

    #[test]
    fn members_are_counted_by_group_and_zone() {
        let report = testing::halted().report();
        let mut facts: Vec<InstanceFacts> = report.instances[..5].to_vec();
        let check = |facts: &[InstanceFacts], expected: &str| {
            assert_eq!(places(&facts.iter().collect::<Vec<_>>()), expected);
        };
        check(&facts, "web ×5: us-east-1a 3, us-east-1b 2");
        check(&facts[..1], "web ×1: us-east-1a");
        facts[1].group = Some("batch".to_owned());
        facts[3].group = None;
        facts[3].zone = None;
        check(&facts, "no group ×1; batch ×1: us-east-1b; web ×3: us-east-1a");
        facts[0].zone = None;
        check(&facts[..1], "web ×1");
    }
}
