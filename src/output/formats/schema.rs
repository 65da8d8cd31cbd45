//! The JSON Schema of the report, made from the types that write it.

use schemars::generate::SchemaSettings;

use super::super::json;
use crate::run::Report;

/// Returns the schema (JSON Schema, draft 2020-12) of what is written as `fleet.report/v1`. Members
/// that it does not name may be added at any time.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    json::pretty(&generator.into_root_schema_for::<Report>()) + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::output::testing;

    /// Follows `$ref` and the alternatives of an optional value to every object that is described.
    fn objects<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(path) = schema["$ref"].as_str() {
            let at = path.strip_prefix('#').unwrap();
            return objects(root, root.pointer(at).unwrap());
        }
        let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|it| schema[it].as_array());
        let mut res: Vec<_> = parts.flatten().flat_map(|it| objects(root, it)).collect();
        res.push(schema);
        res
    }

    /// Every member that is written is described; without this a type could be left open.
    fn covers(root: &Value, schema: &Value, value: &Value, at: &str) {
        let objects = objects(root, schema);
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let at = format!("{at}.{name}");
                    let of = |it: &&Value| {
                        let named = it["properties"].get(name).cloned();
                        named.or_else(|| it.get("additionalProperties").cloned())
                    };
                    let found = objects.iter().find_map(of);
                    covers(root, &found.unwrap_or_else(|| panic!("{at} is missing")), value, &at);
                }
            }
            Value::Array(items) => {
                let of = objects.iter().find_map(|it| it.get("items"));
                let of = of.unwrap_or_else(|| panic!("{at} has no items"));
                items.iter().for_each(|it| covers(root, of, it, at));
            }
            _ => assert!(objects.iter().any(|it| it.as_object().is_some_and(|it| !it.is_empty()))),
        }
    }

    #[test]
    fn the_schema_describes_each_member_that_is_written() {
        let root: Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(root["properties"]["schema"]["const"], crate::run::SCHEMA);
        let checked = testing::checked(Some(testing::declared()));
        for story in [testing::mixed(), testing::halted(), checked] {
            let report = serde_json::to_value(story.report()).unwrap();
            covers(&root, &root, &report, "report");
        }
    }

    #[test]
    fn what_is_always_written_is_required() {
        let root: Value = serde_json::from_str(&schema()).unwrap();
        let required = root["required"].as_array().unwrap();
        let members = root["properties"].as_object().unwrap().keys();
        let optional: Vec<_> = members.filter(|it| !required.contains(&json!(it))).collect();
        // Only of a run that changes its groups, and of one whose output is kept in a place of its own.
        assert_eq!(optional, ["changes", "outputs"]);
    }
}
