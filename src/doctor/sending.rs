//! Whether the document may be sent to the instances. SSM has no dry run, and a request that is to
//! fail after it was authorised might not fail: so IAM's own simulator is asked, where it may be.

use std::collections::BTreeSet;

use super::{Asked, Check, Finding, Site, fail, pass, some_of, unknown, warn};
use crate::{
    aws::{Aws, AwsError, ErrorKind, Found, Opinion, principal},
    plan::{DocumentKind, GROUP_TAG, Resource, Scope, Target},
};

const NAME: &str = "send";

const SEND_COMMAND: &str = "ssm:SendCommand";
const CANCEL_COMMAND: &str = "ssm:CancelCommand";

/// The most groups, and the most named instances, that are asked about: each takes a call.
const MOST: usize = 10;

pub(super) const SEND: Check = Check {
    name: NAME,
    reads: &["iam:SimulatePrincipalPolicy"],
    look: |site| {
        Box::pin(async move {
            vec![match Asking::of(site) {
                Ok(asking) => asking.answered(site).await,
                Err(why) => untested(why),
            }]
        })
    },
};

/// Keys of conditions, with a value each.
type Facts = Vec<(String, String)>;

/// A resource of SendCommand, and what conditions see of it.
struct Question {
    resource: Resource,
    facts: Facts,
    /// How the keys begin, in lower case, that the resource cannot have.
    lacks: &'static [&'static str],
}

/// AWS's own documents have no tags that an account could see, and no document is of a group.
const OF_TAGS: [&str; 2] = ["ssm:resourcetag/", "aws:resourcetag/"];
const OF_GROUPS: [&str; 2] =
    ["ssm:resourcetag/aws:autoscaling:", "aws:resourcetag/aws:autoscaling:"];

impl Question {
    fn on_document(name: &str) -> Self {
        let resource = Resource::document(name);
        let lacks: &[&str] = match resource {
            Resource::OfAws { .. } => &OF_TAGS,
            Resource::Any
            | Resource::Own { .. }
            | Resource::Unique { .. }
            | Resource::Objects { .. }
            | Resource::Named { .. }
            | Resource::Shared { .. } => &OF_GROUPS,
        };
        Self { resource, facts: Vec::new(), lacks }
    }

    fn on_instance(id: &str, facts: Facts) -> Self {
        Self { resource: Resource::instance(id), facts, lacks: &[] }
    }

    /// Takes out what is missing because there is nothing to tell.
    fn settled(&self, opinion: Opinion) -> Opinion {
        let Opinion::Open(missing) = opinion else { return opinion };
        let is_lacking = |key: &String| {
            let key = key.to_lowercase();
            self.lacks.iter().any(|it| key.starts_with(it))
        };
        let (lacking, missing): (Vec<String>, _) = missing.into_iter().partition(is_lacking);
        match lacking.is_empty() || !missing.is_empty() {
            true => Opinion::Open(missing),
            false => Opinion::Denied,
        }
    }
}

/// What is asked of IAM, and of whom.
struct Asking {
    /// The user or the role that would send.
    principal: String,
    scope: Scope,
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
        let Some(Ok(Asked { name, found, .. })) = &site.asked else {
            return Err("without --doc there is nothing to weigh");
        };
        if let Some(Ok(Found { kind: Some(DocumentKind::Automation), .. })) = found {
            return Err("a runbook is not sent, but started");
        }
        let whom = whom(site);
        if whom.is_empty() {
            return Err("nobody to send to is known");
        }
        let questions = [Question::on_document(name)].into_iter().chain(whom).collect();
        Ok(Self { principal, scope, questions })
    }

    /// The caller is asked to weigh the role first: a role may seldom look at itself.
    async fn answered(&self, site: &Site) -> Finding {
        let mut trouble = None;
        let session = site.session.as_ref().and_then(|it| it.as_ref().ok());
        for aws in [site.caller.as_ref().ok(), session].into_iter().flatten() {
            match self.opinions(aws).await {
                Ok(opinions) => return self.judged(&opinions),
                Err(err) => trouble = Some(err),
            }
        }
        match trouble {
            None => untested("there is no session"),
            Some(err) if err.kind == ErrorKind::Denied => {
                untested("iam:SimulatePrincipalPolicy is not permitted")
            }
            Some(err) => untested(&format!("IAM's simulator does not say it ({err})")),
        }
    }

    /// Returns what is said to each question, and then to cancelling.
    async fn opinions(&self, aws: &Aws) -> Result<Vec<Opinion>, AwsError> {
        let mut res = Vec::new();
        for it in &self.questions {
            let resource = it.resource.in_scope(&self.scope);
            let opinion = self.opinion(aws, SEND_COMMAND, &resource, &it.facts).await?;
            res.push(it.settled(opinion));
        }
        res.push(self.opinion(aws, CANCEL_COMMAND, "*", &[]).await?);
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
        let arns: Vec<String> =
            self.questions.iter().map(|it| it.resource.in_scope(&self.scope)).collect();
        let (of_sending, of_cancelling) = opinions.split_at(arns.len());
        let denied: Vec<&String> = arns
            .iter()
            .zip(of_sending)
            .filter_map(|(arn, it)| (*it == Opinion::Denied).then_some(arn))
            .collect();
        if !denied.is_empty() {
            let said = format!(
                "IAM says that {who} may not send: no policy allows {SEND_COMMAND} on {}",
                some_of(denied.iter())
            );
            return fail(NAME, said, "`fleet policy` with these flags prints what it must allow");
        }
        if opinions.iter().any(|it| matches!(it, Opinion::Open(_))) {
            let keys: BTreeSet<&str> = opinions.iter().flat_map(missing).collect();
            let keys = some_of(keys.iter());
            return untested(&format!("IAM's simulator would have to be told of {keys}"));
        }
        if of_cancelling.contains(&Opinion::Denied) {
            let said = format!("IAM says that {who} may send, and not {CANCEL_COMMAND}");
            let remedy = "what an interrupt or the error budget stops runs on: `fleet policy \
                          --level full` with these flags prints what it must allow";
            return warn(NAME, said, remedy);
        }
        pass(NAME, format!("IAM says that {who} may send this, and cancel it; nothing was sent"))
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

/// Returns the instances that would be sent to: one of each group, one of all that have the tags,
/// and those that are named.
fn whom(site: &Site) -> Vec<Question> {
    let selector = &site.selector;
    let candidates = site.candidates().unwrap_or_default();
    let resolved = site.population.as_ref().and_then(|it| it.as_ref().ok());
    let groups = resolved.map_or(&selector.groups, |it| &it.groups);
    let of_group = groups.iter().take(MOST).map(|group| {
        let is_of_group = |it: &&Target| it.group.as_ref() == Some(group);
        let one = candidates.iter().find(is_of_group).map_or("*", |it| it.id.as_str());
        Question::on_instance(one, tagged(GROUP_TAG, group))
    });
    let tags = selector.tags.iter().flat_map(|it| tagged(&it.key, &it.value)).collect();
    let of_tags = Question::on_instance("*", tags);
    let named = selector.instances.iter().take(MOST).map(|id| {
        let group = candidates.iter().find(|it| it.id == *id).and_then(|it| it.group.as_ref());
        let facts = group.map(|it| tagged(GROUP_TAG, it)).unwrap_or_default();
        Question::on_instance(id.as_str(), facts)
    });
    let of_tags = (!selector.tags.is_empty()).then_some(of_tags);
    of_group.chain(of_tags).chain(named).collect()
}

/// Returns a tag of a resource, under both names that policies may use for it.
fn tagged(key: &str, value: &str) -> Facts {
    let named = |prefix: &str| (format!("{prefix}/{key}"), value.to_owned());
    vec![named("ssm:resourceTag"), named("aws:ResourceTag")]
}

fn untested(why: &str) -> Finding {
    let said =
        format!("{SEND_COMMAND} and {CANCEL_COMMAND} are untested: SSM has no dry run, and {why}");
    let remedy = "`fleet policy` prints what the role's policy must allow; the first run on one \
                  instance that can be spared is the test";
    unknown(NAME, said, remedy)
}
