//! A CloudFormation template: the document, if it is one to deploy, the role with its trust policy,
//! and the user who may assume it.

use super::{Lines, NewDocument, Passed, Template, User, quoted};
use crate::plan::{Resource, Statement};

/// What the documents are called in the template.
const DOCUMENTS: [&str; 2] = ["Document", "SecondDocument"];

/// Returns the template.
pub fn cloudformation(template: &Template<'_>) -> String {
    let mut lines = Lines::default();
    lines.add(0, "AWSTemplateFormatVersion: \"2010-09-09\"");
    // CloudFormation takes 1,024 bytes.
    let description: String = template.description.chars().take(250).collect();
    lines.add(0, &format!("Description: {}", quoted(&description)));
    parameters(&mut lines, template.user);
    lines.add(0, "Conditions:");
    lines.add(1, "HasExternalId: !Not [!Equals [!Ref ExternalId, \"\"]]");
    lines.add(0, "Resources:");
    for (id, it) in DOCUMENTS.iter().zip(template.documents) {
        document(&mut lines, id, it);
    }
    if template.user == User::New {
        lines.add(
            1,
            "# It has no access key: make one, or let the person bring their own identity.",
        );
        lines.add(1, "User:");
        lines.add(2, "Type: AWS::IAM::User");
    }
    role(&mut lines, template);
    if template.user == User::New {
        assuming(&mut lines, template.passed);
    }
    lines.add(0, "Outputs:");
    lines.add(1, "RoleArn:");
    lines.add(2, "Description: \"For fleet --role-arn\"");
    lines.add(2, "Value: !GetAtt Role.Arn");
    lines.0
}

fn parameters(lines: &mut Lines, user: User) {
    lines.add(0, "Parameters:");
    if user == User::Existing {
        lines.add(1, "PrincipalArn:");
        lines.add(2, "Type: String");
        lines.add(
            2,
            "Description: \"ARN of the user, the role or the account that may assume the role\"",
        );
        lines.add(2, "AllowedPattern: \"^[0-9]{12}$|^arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+$\"");
    }
    lines.add(1, "ExternalId:");
    lines.add(2, "Type: String");
    lines.add(2, "Default: \"\"");
    lines.add(2, "Description: \"What --external-id has to say; empty asks for none\"");
    lines.add(2, "AllowedPattern: \"^$|^[A-Za-z0-9_+=,.@:/-]{2,1224}$\"");
    lines.add(1, "MaxSessionDuration:");
    lines.add(2, "Type: Number");
    lines.add(2, "Default: 3600");
    lines.add(2, "MinValue: 3600");
    lines.add(2, "MaxValue: 43200");
    lines.add(2, "Description: \"The longest --duration, in seconds\"");
}

fn document(lines: &mut Lines, id: &str, document: &NewDocument) {
    lines.add(1, &format!("{id}:"));
    lines.add(2, "Type: AWS::SSM::Document");
    lines.add(2, "Metadata:");
    lines.add(
        3,
        "# cfn-lint 1.58 cannot read a content that is a text, and only a text keeps the hash.",
    );
    lines.add(3, "cfn-lint: {config: {ignore_checks: [E3051]}}");
    lines.add(2, "Properties:");
    lines.add(3, &format!("Name: {}", quoted(&document.name)));
    lines.add(3, "DocumentType: Command");
    lines.add(3, "# Without it a change would replace the document, which its name forbids.");
    lines.add(3, "UpdateMethod: NewVersion");
    lines.add(3, &format!("DocumentFormat: {}", document.format()));
    content(lines, &document.text);
    if !document.tags.is_empty() {
        lines.add(3, "Tags:");
    }
    for (key, value) in &document.tags {
        lines.add(4, &format!("- Key: {}", quoted(key)));
        lines.add(5, &format!("Value: {}", quoted(value)));
    }
}

/// Adds the text as it is, in lines that can be reviewed where YAML has them all.
fn content(lines: &mut Lines, text: &str) {
    let is_break = |it: char| matches!(it, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let is_printed = |it: char| matches!(it, '\n' | '\t') || !(it.is_control() || is_break(it));
    let ends_once = text.ends_with('\n') && !text.ends_with("\n\n");
    if !ends_once || text.starts_with([' ', '\t', '\n']) || !text.chars().all(is_printed) {
        lines.add(3, &format!("Content: {}", quoted(text)));
        return;
    }
    lines.add(3, "Content: |");
    for line in text.lines() {
        lines.add(4, line);
    }
}

fn role(lines: &mut Lines, template: &Template<'_>) {
    let principal = match template.user {
        User::Existing => "!Ref PrincipalArn",
        User::New => "!GetAtt User.Arn",
    };
    lines.add(1, "Role:");
    lines.add(2, "Type: AWS::IAM::Role");
    lines.add(2, "Properties:");
    lines.add(3, "MaxSessionDuration: !Ref MaxSessionDuration");
    lines.add(3, "AssumeRolePolicyDocument:");
    lines.add(4, "Version: \"2012-10-17\"");
    lines.add(4, "Statement:");
    let trusted = |lines: &mut Lines, sid: &str, action: &str| {
        lines.add(5, &format!("- Sid: {sid}"));
        lines.add(6, "Effect: Allow");
        lines.add(6, "Principal:");
        lines.add(7, &format!("AWS: {principal}"));
        lines.add(6, &format!("Action: {action}"));
    };
    trusted(lines, "Assume", "sts:AssumeRole");
    lines.add(6, "Condition: !If");
    lines.add(7, "- HasExternalId");
    lines.add(7, "- StringEquals:");
    lines.add(9, "sts:ExternalId: !Ref ExternalId");
    lines.add(7, "- !Ref AWS::NoValue");
    for it in template.passed {
        lines.add(5, &format!("# {}: without it the whole call would fail.", it.flag()));
        trusted(lines, it.sid(), it.action());
    }
    lines.add(3, "Policies:");
    lines.add(4, "- PolicyName: fleet");
    lines.add(5, "PolicyDocument:");
    lines.add(6, "Version: \"2012-10-17\"");
    lines.add(6, "Statement:");
    for it in template.statements {
        statement(lines, it, template.documents);
    }
}

fn statement(lines: &mut Lines, statement: &Statement, documents: &[NewDocument]) {
    lines.add(7, &format!("# {}: {}", statement.purpose.word(), statement.purpose.text()));
    lines.add(7, &format!("- Sid: {}", statement.sid));
    lines.add(8, "Effect: Allow");
    lines.add(8, "Action:");
    for it in &statement.actions {
        lines.add(9, &format!("- {}", it.action()));
    }
    lines.add(8, "Resource:");
    for it in &statement.resources {
        lines.add(9, &format!("- {}", resource(it, documents)));
    }
    if !statement.conditions.is_empty() {
        lines.add(8, "Condition:");
    }
    let mut operator = "";
    for it in &statement.conditions {
        if it.operator != operator {
            operator = it.operator;
            lines.add(9, &format!("{operator}:"));
        }
        lines.add(10, &format!("{}:", quoted(&it.key)));
        for value in it.written() {
            lines.add(11, &format!("- {}", quoted(&value)));
        }
    }
}

/// Returns the resource with what only the deployment knows left to it.
fn resource(resource: &Resource, documents: &[NewDocument]) -> String {
    let mut own = DOCUMENTS.iter().zip(documents);
    let own = own.find(|(_, it)| Resource::document(&it.name) == *resource);
    let arn = |resource: &Resource| {
        resource.arn("${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")
    };
    match resource {
        Resource::Any | Resource::Shared { .. } => quoted(&arn(resource)),
        _ => match own {
            Some((id, _)) => {
                let name = format!("document/${{{id}}}");
                format!("!Sub {}", quoted(&arn(&Resource::Own { service: "ssm", name })))
            }
            None => format!("!Sub {}", quoted(&arn(resource))),
        },
    }
}

fn assuming(lines: &mut Lines, passed: &[Passed]) {
    lines.add(
        1,
        "# A resource of its own, because the user's policy names the role and the role the user.",
    );
    lines.add(1, "AssumeRole:");
    lines.add(2, "Type: AWS::IAM::Policy");
    lines.add(2, "Properties:");
    lines.add(3, "PolicyName: fleet-assume-role");
    lines.add(3, "Users:");
    lines.add(4, "- !Ref User");
    lines.add(3, "PolicyDocument:");
    lines.add(4, "Version: \"2012-10-17\"");
    lines.add(4, "Statement:");
    lines.add(5, "- Sid: AssumeRole");
    lines.add(6, "Effect: Allow");
    lines.add(6, "Action:");
    lines.add(7, "- sts:AssumeRole");
    for it in passed {
        lines.add(7, &format!("- {}", it.action()));
    }
    lines.add(6, "Resource: !GetAtt Role.Arn");
}
