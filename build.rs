//! Lists the documents of `documents/` for `src/documents/canned.rs`, so that a document is embedded
//! by being there.

use std::{env, error::Error, fs, path::Path};

#[expect(clippy::disallowed_macros, reason = "cargo reads the standard output of a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=documents");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("documents");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|it| it.strip_suffix(".yaml")).map(str::to_owned));
    }
    names.sort();
    let file = |name: &str, ending: &str| {
        let path = folder.join(format!("{name}.{ending}"));
        format!("include_str!({:?})", path.display().to_string())
    };
    let entry = |name: &String| {
        let (content, sidecar) = (file(name, "yaml"), file(name, "fleet.toml"));
        format!("    Canned {{ name: {name:?}, content: {content}, sidecar: {sidecar} }},\n")
    };
    let entries: String = names.iter().map(entry).collect();
    let target = Path::new(&env::var("OUT_DIR")?).join("canned.rs");
    fs::write(target, format!("&[\n{entries}]\n"))?;
    Ok(())
}
