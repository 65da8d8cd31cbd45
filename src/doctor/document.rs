//! Whether the document is there and takes what it would be given.

use super::{Check, Finding, Site, Trouble, fail, pass, unknown, unreached};
use crate::{
    aws::{DocumentError, Found, find_document},
    plan::{Platform, check_parameters},
};

const NAME: &str = "document";

pub(super) const DOCUMENT: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeDocument", "ssm:GetDocument"],
    look: |site| {
        Box::pin(async move {
            let Some((name, version)) = &site.document else { return Vec::new() };
            let Some(aws) = site.session() else { return vec![unreached(NAME)] };
            vec![match find_document(aws, name, version.as_deref()).await {
                Ok(found) => judged(site, name, found),
                Err(err) => refused(err),
            }]
        })
    },
};

fn refused(err: DocumentError) -> Finding {
    let Trouble { said, remedy } = Trouble::of(err.into());
    fail(NAME, said, remedy)
}

fn judged(site: &Site, name: &str, found: Found) -> Finding {
    let Found { version, hash, platforms, declared, notes } = found;
    let missing: Vec<&str> = notes.iter().map(|it| it.text.as_str()).collect();
    if version.is_none() && hash.is_none() {
        let remedy = "a policy that allows ssm:DescribeDocument and ssm:GetDocument would show it";
        return unknown(NAME, format!("{name}: {}", missing.join("; ")), remedy);
    }
    let given = declared.as_ref().filter(|_| !site.parameters.0.is_empty());
    if let Some(Err(err)) = given.map(|it| check_parameters(name, it, &site.parameters)) {
        return fail(
            NAME,
            err.to_string(),
            "the document declares what it takes: `fleet plan` holds the flags against it",
        );
    }
    let candidates = site.candidates().unwrap_or_default();
    let reached: Vec<&Platform> = candidates.iter().filter_map(|it| it.platform.as_ref()).collect();
    let runs_on: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    let is_wrong = !platforms.is_empty()
        && !reached.is_empty()
        && !reached.iter().any(|it| platforms.contains(it));
    if is_wrong {
        let said = format!("{name} runs on {}, and no instance is that", runs_on.join(", "));
        return fail(NAME, said, "name the document for the group's platform");
    }
    let hash = hash.unwrap_or_default();
    let hash = if hash.is_empty() { String::new() } else { format!(", sha256 {hash:.12}…") };
    let version = version.as_deref().unwrap_or("unknown");
    let takes = match &declared {
        None => "what it takes is not known".to_owned(),
        Some(it) if it.is_empty() => "takes no parameters".to_owned(),
        Some(it) => {
            let names: Vec<String> = it
                .iter()
                .map(|(name, it)| if it.has_default { format!("[{name}]") } else { name.clone() })
                .collect();
            format!("takes {}", names.join(", "))
        }
    };
    let runs_on = if runs_on.is_empty() { "any platform".to_owned() } else { runs_on.join(", ") };
    pass(NAME, format!("{name}, version {version}{hash}, on {runs_on}, {takes}"))
}
