//! The same in Terraform's language, for its AWS provider.

use super::{Lines, NewDocument, Passed, Template, User};
use crate::plan::Statement;

/// Returns the configuration. It names account and region as they are, and no provider.
pub fn terraform(template: &Template<'_>) -> String {
    let mut lines = Lines::default();
    if template.user == User::Existing {
        lines.add(0, "variable \"principal_arn\" {");
        lines.add(1, "type        = string");
        lines.add(
            1,
            "description = \"ARN of the user, the role or the account that may assume the role\"",
        );
        lines.add(0, "}");
        lines.add(0, "");
    }
    lines.add(0, "variable \"external_id\" {");
    lines.add(1, "type        = string");
    lines.add(1, "default     = \"\"");
    lines.add(1, "description = \"What --external-id has to say; empty asks for none\"");
    lines.add(0, "}");
    lines.add(0, "");
    lines.add(0, "variable \"max_session_duration\" {");
    lines.add(1, "type        = number");
    lines.add(1, "default     = 3600");
    lines.add(1, "description = \"The longest --duration, in seconds: 3600 to 43200\"");
    lines.add(0, "}");
    for (id, it) in ["fleet", "second"].iter().zip(template.documents) {
        document(&mut lines, id, it);
    }
    if template.user == User::New {
        lines.add(0, "");
        lines.add(
            0,
            "# It has no access key: make one, or let the person bring their own identity.",
        );
        lines.add(0, "resource \"aws_iam_user\" \"fleet\" {");
        lines.add(1, "name = \"fleet-operator\"");
        lines.add(0, "}");
    }
    trust(&mut lines, template);
    lines.add(0, "");
    lines.add(0, "data \"aws_iam_policy_document\" \"fleet\" {");
    for (at, it) in template.statements.iter().enumerate() {
        if at > 0 {
            lines.add(0, "");
        }
        statement(&mut lines, it, template);
    }
    lines.add(0, "}");
    role(&mut lines, template.description);
    if template.user == User::New {
        assuming(&mut lines, template.passed);
    }
    lines.add(0, "");
    lines.add(0, "output \"role_arn\" {");
    lines.add(1, "description = \"For fleet --role-arn\"");
    lines.add(1, "value       = aws_iam_role.fleet.arn");
    lines.add(0, "}");
    lines.0
}

fn document(lines: &mut Lines, id: &str, document: &NewDocument) {
    lines.add(0, "");
    lines.add(0, &format!("resource \"aws_ssm_document\" \"{id}\" {{"));
    lines.add(1, &format!("name            = {}", quoted(&document.name)));
    lines.add(1, "document_type   = \"Command\"");
    lines.add(1, &format!("document_format = {}", quoted(document.format())));
    lines.add(1, &format!("content         = {}", quoted(&document.text)));
    if !document.tags.is_empty() {
        lines.add(1, "tags = {");
        for (key, value) in &document.tags {
            lines.add(2, &format!("{} = {}", quoted(key), quoted(value)));
        }
        lines.add(1, "}");
    }
    lines.add(0, "}");
}

fn trust(lines: &mut Lines, template: &Template<'_>) {
    let principal = match template.user {
        User::Existing => "var.principal_arn",
        User::New => "aws_iam_user.fleet.arn",
    };
    lines.add(0, "");
    lines.add(0, "data \"aws_iam_policy_document\" \"trust\" {");
    let principals = |lines: &mut Lines| {
        lines.add(2, "principals {");
        lines.add(3, "type        = \"AWS\"");
        lines.add(3, &format!("identifiers = [{principal}]"));
        lines.add(2, "}");
    };
    lines.add(1, "statement {");
    lines.add(2, "sid     = \"Assume\"");
    lines.add(2, "effect  = \"Allow\"");
    lines.add(2, "actions = [\"sts:AssumeRole\"]");
    principals(lines);
    lines.add(2, "dynamic \"condition\" {");
    lines.add(3, "for_each = var.external_id == \"\" ? [] : [var.external_id]");
    lines.add(3, "content {");
    lines.add(4, "test     = \"StringEquals\"");
    lines.add(4, "variable = \"sts:ExternalId\"");
    lines.add(4, "values   = [condition.value]");
    lines.add(3, "}");
    lines.add(2, "}");
    lines.add(1, "}");
    for it in template.passed {
        lines.add(0, "");
        lines.add(1, &format!("# {}: without it the whole call would fail.", it.flag()));
        lines.add(1, "statement {");
        lines.add(2, &format!("sid     = {}", quoted(it.sid())));
        lines.add(2, "effect  = \"Allow\"");
        lines.add(2, &format!("actions = [{}]", quoted(it.action())));
        principals(lines);
        lines.add(1, "}");
    }
    lines.add(0, "}");
}

fn statement(lines: &mut Lines, statement: &Statement, template: &Template<'_>) {
    let list = |values: Vec<String>| {
        let values: Vec<String> = values.iter().map(|it| quoted(it)).collect();
        format!("[{}]", values.join(", "))
    };
    let actions = statement.actions.iter().map(|it| it.action().to_owned()).collect();
    let resources = statement.resources.iter().map(|it| it.in_scope(template.scope)).collect();
    lines.add(1, &format!("# {}: {}", statement.purpose.word(), statement.purpose.text()));
    lines.add(1, "statement {");
    lines.add(2, &format!("sid       = {}", quoted(&statement.sid)));
    lines.add(2, "effect    = \"Allow\"");
    lines.add(2, &format!("actions   = {}", list(actions)));
    lines.add(2, &format!("resources = {}", list(resources)));
    for it in &statement.conditions {
        lines.add(2, "condition {");
        lines.add(3, &format!("test     = {}", quoted(it.operator)));
        lines.add(3, &format!("variable = {}", quoted(&it.key)));
        lines.add(3, &format!("values   = {}", list(it.written())));
        lines.add(2, "}");
    }
    lines.add(1, "}");
}

fn role(lines: &mut Lines, description: &str) {
    // IAM takes these characters, and 1,000 of them (CreateRole reference).
    let is_taken = |it: &char| matches!(it, '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
    let description: String = description.chars().filter(is_taken).take(250).collect();
    lines.add(0, "");
    lines.add(0, "resource \"aws_iam_role\" \"fleet\" {");
    lines.add(1, "name_prefix          = \"fleet-\"");
    lines.add(1, &format!("description          = {}", quoted(&description)));
    lines.add(1, "assume_role_policy   = data.aws_iam_policy_document.trust.json");
    lines.add(1, "max_session_duration = var.max_session_duration");
    lines.add(0, "}");
    lines.add(0, "");
    lines.add(0, "resource \"aws_iam_role_policy\" \"fleet\" {");
    lines.add(1, "name   = \"fleet\"");
    lines.add(1, "role   = aws_iam_role.fleet.id");
    lines.add(1, "policy = data.aws_iam_policy_document.fleet.json");
    lines.add(0, "}");
}

fn assuming(lines: &mut Lines, passed: &[Passed]) {
    let passed = passed.iter().map(|it| it.action());
    let actions: Vec<String> = ["sts:AssumeRole"].into_iter().chain(passed).map(quoted).collect();
    lines.add(0, "");
    lines.add(0, "data \"aws_iam_policy_document\" \"assume\" {");
    lines.add(1, "statement {");
    lines.add(2, "sid       = \"AssumeRole\"");
    lines.add(2, "effect    = \"Allow\"");
    lines.add(2, &format!("actions   = [{}]", actions.join(", ")));
    lines.add(2, "resources = [aws_iam_role.fleet.arn]");
    lines.add(1, "}");
    lines.add(0, "}");
    lines.add(0, "");
    lines.add(0, "resource \"aws_iam_user_policy\" \"fleet\" {");
    lines.add(1, "name   = \"fleet-assume-role\"");
    lines.add(1, "user   = aws_iam_user.fleet.name");
    lines.add(1, "policy = data.aws_iam_policy_document.assume.json");
    lines.add(0, "}");
}

/// Returns a string of HCL, in which `${` and `%{` begin templates unless they are doubled.
fn quoted(text: &str) -> String {
    let escaped = |it: char| match it {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        it if it.is_control() => format!("\\u{:04x}", u32::from(it)),
        it => it.to_string(),
    };
    let text: String =
        text.replace("${", "$${").replace("%{", "%%{").chars().map(escaped).collect();
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_hcl_is_never_a_template() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("web", r#""web""#);
        check("${aws:username}%{x}", r#""$${aws:username}%%{x}""#);
        check("a\"b\\b\n\u{8}", r#""a\"b\\b\n\u0008""#);
    }
}
