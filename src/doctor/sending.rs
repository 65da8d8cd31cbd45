//! Whether the document may be sent to the instances, or the runbook be started. SSM has no dry run,
//! and a request that is to fail after it was authorised might not fail: so IAM's own simulator is
//! asked, where it may be.

use std::collections::BTreeSet;

use super::{
    Asked, Check, Finding, Outlook, Site, fail, pass,
    questions::{self, Facts, Question, Weight},
    some_of, unknown, warn,
};
use crate::{
    aws::{Aws, AwsError, ErrorKind, Found, Opinion, principal},
    plan::{Acting, DocumentKind, Scope},
};

const NAME: &str = "send";

pub(super) const SEND: Check = Check {
    name: NAME,
    reads: &["iam:SimulatePrincipalPolicy"],
    look: |site| {
        Box::pin(async move {
            vec![match Asking::of(site) {
                Ok(asking) => asking.answered(site).await,
                Err(why) => untested(kind(site), why),
            }]
        })
    },
};

/// What is asked of IAM, and of whom.
struct Asking {
    /// The user or the role that would send.
    principal: String,
    scope: Scope,
    kind: DocumentKind,
    questions: Vec<Question>,
}

impl Asking {
    /// Returns what is to be asked, or why there is nothing to ask.
    fn of(site: &Site) -> Result<Self, &'static str> {
        let caller = site.caller.as_ref().ok().and_then(|it| it.operator.caller_arn.as_deref());
        let principal = match &site.role_arn {
            Some(role) => Some(role.clone()),
            None => caller.and_then(principal),
        };
        let principal = principal.ok_or("nobody whose policies could be weighed has a name")?;
        let region = site.region.as_deref().map_err(|_| "there is no region")?;
        let scope = scope(&principal, region).ok_or("nobody knows the account")?;
        let Some(Ok(Asked { name, parameters, found })) = &site.asked else {
            return Err("without --doc there is nothing to weigh");
        };
        let kind = kind(site);
        let questions = match kind {
            DocumentKind::Automation => {
                let found = found.as_ref().and_then(|it| it.as_ref().ok());
                let version = found.and_then(|it: &Found| it.version.as_deref());
                let content = found.and_then(|it| it.assume_role.as_ref());
                let acting = Acting::of(content, parameters);
                questions::of_starting(name, version, acting.role())
            }
            DocumentKind::Command => {
                questions::of_sending(name, site).ok_or("nobody to send to is known")?
            }
            DocumentKind::Replacement => return Err("replacing sends no document"),
        };
        Ok(Self { principal, scope, kind, questions })
    }

    /// The caller is asked to weigh the role first: a role may seldom look at itself.
    async fn answered(&self, site: &Site) -> Finding {
        let mut trouble = None;
        let session = site.session.as_ref().and_then(|it| it.as_deref().ok());
        for aws in [site.caller.as_deref().ok(), session].into_iter().flatten() {
            match self.opinions(aws).await {
                Ok(opinions) => return self.judged(&opinions),
                Err(err) => trouble = Some(err),
            }
        }
        match trouble {
            None => untested(self.kind, "there is no session"),
            Some(err) if err.kind == ErrorKind::Denied => {
                untested(self.kind, "iam:SimulatePrincipalPolicy is not permitted")
            }
            Some(err) => untested(self.kind, &format!("IAM's simulator does not say it ({err})")),
        }
    }

    /// Returns what is said to each question.
    async fn opinions(&self, aws: &Aws) -> Result<Vec<Opinion>, AwsError> {
        let mut res = Vec::new();
        for it in &self.questions {
            let resource = it.resource.in_scope(&self.scope);
            let opinion = self.opinion(aws, it.action, &resource, &it.facts).await?;
            res.push(it.settled(opinion));
        }
        Ok(res)
    }

    async fn opinion(
        &self,
        aws: &Aws,
        action: &str,
        resource: &str,
        facts: &[(String, String)],
    ) -> Result<Opinion, AwsError> {
        let region = ("aws:RequestedRegion".to_owned(), self.scope.region.clone());
        let facts: Facts = facts.iter().cloned().chain([region]).collect();
        let found = aws.simulate(&self.principal, &[action], resource, &facts).await?;
        // An answer that says nothing allows nothing.
        let opinion = found.into_iter().next().map(|(_, it)| it);
        Ok(opinion.unwrap_or_else(|| Opinion::Open(Vec::new())))
    }

    fn judged(&self, opinions: &[Opinion]) -> Finding {
        let who = &self.principal;
        let denied = |weight: Weight| {
            let both = self.questions.iter().zip(opinions);
            let denied = both.filter(|(it, said)| it.weight == weight && **said == Opinion::Denied);
            denied.map(|(it, _)| it).collect::<Vec<_>>()
        };
        let arns = |of: &[&Question], action: &str| {
            let of = of.iter().filter(|it| it.action == action);
            let arns: Vec<String> = of.map(|it| it.resource.in_scope(&self.scope)).collect();
            some_of(arns.iter())
        };
        let print = "`fleet policy` with these flags prints what it must allow";
        let (may, stop) = match self.kind {
            // Of a replacement nothing is asked.
            DocumentKind::Command | DocumentKind::Replacement => ("send", "cancel"),
            DocumentKind::Automation => ("start", "stop"),
        };
        let needed = denied(Weight::Needed);
        if let Some(Question { action, .. }) = needed.first() {
            let on = arns(&needed, action);
            let said =
                format!("IAM says that {who} may not {may}: no policy allows {action} on {on}");
            return fail(NAME, said, print);
        }
        if opinions.iter().any(|it| matches!(it, Opinion::Open(_))) {
            let keys: BTreeSet<&str> = opinions.iter().flat_map(missing).collect();
            let keys = some_of(keys.iter());
            let why = format!("IAM's simulator would have to be told of {keys}");
            return untested(self.kind, &why);
        }
        let listed = denied(Weight::Listed);
        if let Some(Question { action, .. }) = listed.first() {
            let said = format!(
                "IAM says that {who} may {may} this by one of its names, and that no policy allows \
                 {action} on {}, which AWS lists as well",
                arns(&listed, action)
            );
            return warn(NAME, said, print);
        }
        if let Some(Question { action, .. }) = denied(Weight::Stopping).first() {
            let said = format!("IAM says that {who} may {may}, and not {action}");
            let remedy = "what an interrupt or the error budget stops runs on: `fleet policy \
                          --level full` with these flags prints what it must allow";
            return warn(NAME, said, remedy);
        }
        let said = format!("IAM says that {who} may {may} this, and {stop} it; nothing was sent");
        match self.kind {
            DocumentKind::Command | DocumentKind::Replacement => pass(NAME, said),
            DocumentKind::Automation => {
                pass(NAME, format!("{said}. What its steps may do was not weighed"))
            }
        }
    }
}

/// Returns the condition keys that were not told, and on which it hangs.
fn missing(opinion: &Opinion) -> impl Iterator<Item = &str> {
    let missing: &[String] = match opinion {
        Opinion::Open(keys) => keys,
        Opinion::Allowed | Opinion::Denied => &[],
    };
    missing.iter().map(String::as_str)
}

/// Returns where the documents and instances of a user or a role are.
fn scope(principal: &str, region: &str) -> Option<Scope> {
    let mut parts = principal.split(':').skip(1);
    let (partition, account) = (parts.next()?, parts.nth(2)?);
    let [partition, region, account] = [partition, region, account].map(str::to_owned);
    Some(Scope { partition, region, account })
}

/// Returns what SSM does with the document, as far as that is known.
fn kind(site: &Site) -> DocumentKind {
    if let Outlook::Planned(plan) = &site.outlook {
        return plan.document.kind();
    }
    let asked = site.asked.as_ref().and_then(|it| it.as_ref().ok());
    let found = asked.and_then(|it| it.found.as_ref()).and_then(|it| it.as_ref().ok());
    found.and_then(|it| it.kind).unwrap_or_default()
}

fn untested(kind: DocumentKind, why: &str) -> Finding {
    let [act, stop] = match kind {
        DocumentKind::Command | DocumentKind::Replacement => {
            [questions::SEND_COMMAND, questions::CANCEL_COMMAND]
        }
        DocumentKind::Automation => [questions::START, questions::STOP],
    };
    let said = format!("{act} and {stop} are untested: SSM has no dry run, and {why}");
    let remedy = "`fleet policy` prints what the role's policy must allow; the first run on one \
                  instance that can be spared is the test";
    unknown(NAME, said, remedy)
}
