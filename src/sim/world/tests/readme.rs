//! What `examples/worlds/README.md` shows is a world.

use std::fs;

use super::GROUP;
use crate::sim::World;

const README: &str = include_str!("../../../../examples/worlds/README.md");

#[test]
fn every_piece_of_a_world_in_the_readme_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let statement = |to| format!(r#"{{"Statement":{{"Effect":"Allow","Action":"sts:*",{to}}}}}"#);
    let policy = statement(r#""Resource":"*""#);
    let document = "schemaVersion: \"2.2\"\nmainSteps:\n- action: aws:runShellScript\n  \
                    name: a\n  inputs:\n    runCommand: [\"true\"]\n";
    for (name, text) in [
        ("doc.yaml", document),
        ("operator-policy.json", &policy),
        ("trust-policy.json", &statement(r#""Principal":{"AWS":"123456789012"}"#)),
        ("role-policy.json", &policy),
        ("narrow-policy.json", &policy),
        ("image.sh", "true"),
        ("broken.sh", "true"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let pieces = README.split("```toml\n").skip(1).map(|it| it.split("```").next().unwrap());
    let mut n_pieces = 0;
    for piece in pieces {
        n_pieces += 1;
        let is_grouped = piece.contains("[[group]]");
        // What a piece names is there.
        let group = GROUP.replace("size = 2", "size = 6");
        let text = format!("{piece}{}", if is_grouped { "" } else { &group });
        let world = World::parse(&text, &folder.path().join("README.md"));
        assert!(world.is_ok(), "{}\n{text}", world.unwrap_err());
    }
    assert!(n_pieces >= 6, "{n_pieces}");
}
