//! What executions that died have left behind: helpers and stacks. They cost money, and a preflight
//! warns of them. It says what deletes them; fleet never does.

use serde::Serialize;

use super::stranding::{Helper, Wreckage};

/// Something that nobody needs any more, or that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helper: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// For people.
    pub text: String,
    /// What deletes it; absent while something speaks against that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Returns what is left behind in a region, as far as it was read.
pub fn leftovers(wreckage: &Wreckage, region: &str) -> Vec<Leftover> {
    let mut res: Vec<Leftover> =
        wreckage.helpers.iter().filter_map(|it| of_helper(it, wreckage, region)).collect();
    for it in wreckage.traces.iter().filter(|it| !it.is_under_way && it.leaves_a_stack()) {
        let Some(stack) = it.stack() else { continue };
        let has_helper = wreckage.helpers.iter().any(|helper| it.has_made(helper));
        if has_helper || res.iter().any(|it| it.stack.as_ref() == Some(&stack)) {
            continue;
        }
        let text = format!("execution {} has not deleted its stack {stack}", it.execution);
        let command = Some(delete(&stack, region));
        res.push(Leftover { helper: None, stack: Some(stack), text, command });
    }
    res
}

fn of_helper(it: &Helper, wreckage: &Wreckage, region: &str) -> Option<Leftover> {
    let maker = wreckage.maker(it);
    if maker.is_some_and(|it| it.is_under_way) {
        return None;
    }
    let stack = it.stack.clone().or_else(|| maker?.stack());
    let Helper { id, state, .. } = it;
    let left = |why: &str, command: Option<String>| {
        let text = format!("helper {id} is {state}{why}");
        Some(Leftover { helper: Some(id.clone()), stack: stack.clone(), text, command })
    };
    let volumes = wreckage.on(it);
    if !volumes.is_empty() {
        return left(&format!(", and {} is on it: look whose that is", volumes.join(", ")), None);
    }
    let under_way = wreckage.traces.iter().filter(|it| it.is_under_way);
    // It may be the helper of an execution that is not seen to have made any.
    let strange = under_way.clone().find(|it| !wreckage.helpers.iter().any(|at| it.has_made(at)));
    if let (None, Some(execution)) = (maker, strange) {
        let why =
            format!(", and may be that of execution {}, which is under way", execution.execution);
        return left(&why, None);
    }
    let terminate = || format!("aws ec2 terminate-instances --instance-ids {id} --region {region}");
    let command = stack.as_ref().map_or_else(terminate, |it| delete(it, region));
    left(", and nothing needs it any more", Some(command))
}

fn delete(stack: &str, region: &str) -> String {
    format!("aws cloudformation delete-stack --stack-name {stack} --region {region}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        super::{
            stranding::{HELPER, Hold, Loose},
            trace::{Trace, TraceStep},
        },
        *,
    };

    fn helper(stack: Option<&str>) -> Helper {
        Helper {
            id: "i-99999999".to_owned(),
            name: format!("{HELPER}: e1"),
            stack: stack.map(str::to_owned),
            state: "stopped".to_owned(),
            root_device: "/dev/sda1".to_owned(),
        }
    }

    fn trace(execution: &str, is_under_way: bool) -> Trace {
        let name = format!("\"{HELPER}-{execution}\"");
        let step = TraceStep {
            action: "aws:createStack".to_owned(),
            status: "Success".to_owned(),
            inputs: BTreeMap::from([("StackName".to_owned(), name)]),
            ..TraceStep::default()
        };
        let execution = execution.to_owned();
        Trace { execution, is_under_way, steps: vec![step], ..Trace::default() }
    }

    #[track_caller]
    fn check(wreckage: &Wreckage, expected: &[(&str, Option<&str>)]) {
        let found = leftovers(wreckage, "us-east-1");
        let found = found.iter().map(|it| (it.text.as_str(), it.command.as_deref()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_helper_goes_with_its_stack_once_it_holds_nothing_and_works_for_nobody() {
        let of = |helper: Helper, traces: Vec<Trace>| Wreckage {
            traces,
            helpers: vec![helper],
            ..Wreckage::default()
        };
        let free = "helper i-99999999 is stopped, and nothing needs it any more";
        let delete = "aws cloudformation delete-stack --stack-name AWSSupport-EC2Rescue-e1 --region us-east-1";
        let terminate = "aws ec2 terminate-instances --instance-ids i-99999999 --region us-east-1";
        check(&of(helper(Some("AWSSupport-EC2Rescue-e1")), Vec::new()), &[(free, Some(delete))]);
        check(&of(helper(None), vec![trace("e1", false)]), &[(free, Some(delete))]);
        check(&of(helper(None), Vec::new()), &[(free, Some(terminate))]);
        check(&of(helper(None), vec![trace("e1", true)]), &[]);
        let strange =
            "helper i-99999999 is stopped, and may be that of execution e2, which is under way";
        check(&of(helper(None), vec![trace("e2", true)]), &[(strange, None)]);
        let mut held = of(helper(None), Vec::new());
        let hold = Hold { instance: "i-99999999".to_owned(), device: "xvdf".to_owned() };
        let volume = Loose { held: Some(hold), ..Loose::default() };
        held.volumes.insert("vol-1".to_owned(), volume);
        let text = "helper i-99999999 is stopped, and vol-1 is on it: look whose that is";
        check(&held, &[(text, None)]);
    }

    #[test]
    fn a_stack_without_a_helper_is_told_too() {
        let wreckage = Wreckage { traces: vec![trace("e1", false)], ..Wreckage::default() };
        let text = "execution e1 has not deleted its stack AWSSupport-EC2Rescue-e1";
        let delete = "aws cloudformation delete-stack --stack-name AWSSupport-EC2Rescue-e1 --region us-east-1";
        check(&wreckage, &[(text, Some(delete))]);
    }
}
