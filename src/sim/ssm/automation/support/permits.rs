//! What the role of a runbook may do. Without one it acts as whoever started it.

use super::{Acting, Refusal};
use crate::sim::{
    iam::{self, Context, Decision, Form, PolicySet, Request},
    kms,
    state::Simulator,
};

/// The permissions that an execution acts with.
#[derive(Debug, Clone)]
pub(in crate::sim::ssm::automation) enum Permits {
    All,
    Of(PolicySet),
}

impl Permits {
    /// Returns those of a role; a world without roles has them all, and they may do everything.
    pub(in crate::sim::ssm::automation) fn of_role(sim: &Simulator, arn: &str) -> Self {
        let name = arn.rsplit('/').next().unwrap_or_default();
        match sim.roles.iter().find(|it| it.name == name) {
            Some(role) => Self::Of(PolicySet {
                identity: role.policy.clone().into_iter().collect(),
                ..PolicySet::default()
            }),
            None => Self::All,
        }
    }
}

impl Acting<'_> {
    /// Fails the step unless the execution may do something to a resource.
    pub(super) fn needs(&mut self, action: &str, resource: &str) -> Result<(), Refusal> {
        debug_assert!(iam::actions().contains(&action), "no policy may be about {action}");
        let execution = self.execution();
        let (id, role) = (execution.id.clone(), execution.role.clone());
        let executed_by = execution.executed_by.clone();
        let Permits::Of(policies) = execution.permits.clone() else { return Ok(()) };
        let (region, account) = (&self.sim.region, &self.sim.account);
        let resource = match resource.split_once('/') {
            None => "*".to_owned(),
            Some(("stack", name)) => {
                format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{id}")
            }
            Some(("function", name)) => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}")
            }
            Some(("role" | "instance-profile", _)) => format!("arn:aws:iam::{account}:{resource}"),
            Some(("document", name)) => format!("arn:aws:ssm:{region}::document/{name}"),
            Some(_) => format!("arn:aws:ec2:{region}:{account}:{resource}"),
        };
        let session = match role.rsplit('/').next() {
            Some(name) if !role.is_empty() => {
                format!("arn:aws:sts::{account}:assumed-role/{name}/Automation-{id}")
            }
            _ => executed_by,
        };
        let helper = vec![("Name", format!("AWSSupport-EC2Rescue: {id}"))];
        // What belongs to the workflow has its name; the instance and its volume have their tags.
        let own = resource.rsplit('/').next().unwrap_or_default();
        let instance = self.state.instances.get(own);
        let tags: Vec<(&str, String)> = match instance {
            Some(it) => it.tags.iter().map(|(key, it)| (key.as_str(), it.clone())).collect(),
            None => helper.clone(),
        };
        let service = action.split(':').next().unwrap_or_default();
        let context = Context::default()
            .with("aws:PrincipalArn", if role.is_empty() { &session } else { &role })
            .with("aws:PrincipalAccount", account)
            .with("aws:RequestedRegion", region)
            .with("aws:SecureTransport", "true")
            .with_tags("aws:ResourceTag", &tags)
            .with_tags("aws:RequestTag", &helper)
            .with_all("aws:TagKeys", ["Name"]);
        let context = match service {
            "ec2" | "iam" | "ssm" => context.with_resource_tags(service, &tags),
            "kms" => kms::with_facts(context, account),
            _ => context, // of the others no policy may name a key of their own
        };
        // The stack asks for them on the role's behalf.
        let context = match action {
            "ec2:RunInstances"
            | "ec2:CreateLaunchTemplate"
            | "ec2:DeleteLaunchTemplate"
            | "lambda:CreateFunction"
            | "iam:CreateRole"
            | "iam:TagRole" => context.with_all("aws:CalledVia", ["cloudformation.amazonaws.com"]),
            _ => context, // asked by the runbook itself
        };
        let request = Request { action, resource: &resource, context: &context };
        let decision = iam::simulate(&policies, &request);
        if decision == Decision::Allowed {
            return Ok(());
        }
        let operation = action.split(':').next_back().unwrap_or_default();
        let form = if service == "ec2" { Form::Ec2 } else { Form::Ssm };
        let message = iam::message(&session, action, Some(&resource), decision, form);
        let why = format!(
            "An error occurred ({}) when calling the {operation} operation: {message}",
            form.code()
        );
        Err(Refusal::of("Permission", why))
    }
}
