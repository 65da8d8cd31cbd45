//! Pages that are empty, repeated or stale, whatever the protocol.

use serde_json::{Value, json};

use super::client::{form, json as ask, start};
use crate::sim::Sim;

const GROUPS: &str = "[[group]]\nname = \"a\"\nsize = 4\n[[group]]\nname = \"b\"\nsize = 0\n\
                      [[group]]\nname = \"c\"\nsize = 0\n";

fn with_fault(operation: &str, kind: &str, calls: &str) -> Sim {
    start(&format!(
        "speed = 1000\n{GROUPS}[[fault]]\noperation = \"{operation}\"\nkind = \"{kind}\"\n{calls}\n"
    ))
}

/// Follows the tokens of DescribeAutoScalingGroups, one group a page, over six pages at most.
fn groups(sim: &Sim) -> Vec<String> {
    let (mut res, mut more) = (Vec::new(), String::new());
    for _ in 0..6 {
        let body = format!(
            "Action=DescribeAutoScalingGroups&Version=2011-01-01&IncludeInstances=false\
             &MaxRecords=1{more}"
        );
        let reply = form(sim, &body).unwrap();
        res.push(reply.elements("AutoScalingGroupName").concat());
        let Some(token) = reply.elements("NextToken").pop() else { break };
        more = format!("&NextToken={token}");
    }
    res
}

#[test]
fn an_empty_page_leads_to_what_it_should_have_held() {
    let sim = with_fault("DescribeAutoScalingGroups", "empty-page", "calls = [1, 3, 4]");
    assert_eq!(groups(&sim), ["", "a", "", "", "b", "c"]);
}

#[test]
fn a_repeated_page_has_the_token_that_led_to_it() {
    let sim = with_fault("DescribeAutoScalingGroups", "repeated-page", "calls = [1, 3]");
    assert_eq!(groups(&sim), ["a", "a", "b", "b", "c"]);
}

#[test]
fn systems_manager_has_such_pages_too() {
    let sim = with_fault("ListDocuments", "empty-page", "calls = [2]");
    let page = |token: &Value| {
        let body = json!({ "MaxResults": 1, "NextToken": token }).to_string();
        ask(&sim, "AmazonSSM.ListDocuments", &body).unwrap().json()
    };
    let first = page(&Value::Null);
    let second = page(&first["NextToken"]);
    assert_eq!(second["DocumentIdentifiers"], json!([]));
    assert_ne!(second["NextToken"], first["NextToken"], "clients stop at a token that repeats");
    let third = page(&second["NextToken"]);
    assert_eq!(third["DocumentIdentifiers"].as_array().unwrap().len(), 1);
    assert_ne!(third["DocumentIdentifiers"], first["DocumentIdentifiers"]);
}

#[test]
fn a_stale_page_is_older_than_the_last_answer() {
    let fault = "calls = [2]\nage = \"1h\"";
    let sim = with_fault("ListCommandInvocations", "stale-page", fault);
    let request = json!({
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{ "Key": "tag:aws:autoscaling:groupName", "Values": ["a"] }],
        "Parameters": { "commands": ["true"] },
    });
    ask(&sim, "AmazonSSM.SendCommand", &request.to_string()).unwrap();
    let n_rows = || {
        let reply = ask(&sim, "AmazonSSM.ListCommandInvocations", "{}").unwrap().json();
        reply["CommandInvocations"].as_array().unwrap().len()
    };
    // The first may be too early to see any.
    assert!(n_rows() <= 4);
    assert_eq!(n_rows(), 0, "an hour before there was no command");
}
