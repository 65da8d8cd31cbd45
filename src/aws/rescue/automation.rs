//! The runbook, and what is under way of it.

use aws_sdk_ssm::types::{AutomationExecutionFilter, AutomationExecutionFilterKey, DocumentFormat};

use super::unread;
use crate::{
    aws::{DocumentError, Found, clients::Aws, find_document},
    documents,
    plan::Online,
    rescue::{Execution, RUNBOOK, Runbook, Seen, Unread},
};

/// The statuses of executions that have not ended; at most ten fit a filter (botocore model).
pub(super) const UNDER_WAY: [&str; 6] =
    ["Pending", "InProgress", "Waiting", "Cancelling", "RunbookInProgress", "Scheduled"];

/// Reads what the runbook takes, as it is now: AWS changes it without notice.
pub(super) async fn runbook(aws: &Aws) -> Seen<Runbook> {
    let request = aws.ssm.get_document().name(RUNBOOK).document_format(DocumentFormat::Json);
    let answer = match aws.ask("GetDocument", || request.clone().send()).await {
        Ok(it) => it,
        Err(err) if err.code == "InvalidDocument" => {
            return Err(Unread {
                said: format!("there is no document {RUNBOOK} in {}", aws.region),
                remedy: "see in which regions AWS has it".to_owned(),
            });
        }
        Err(err) => return Err(unread(&err)),
    };
    let content = documents::parse(answer.content().unwrap_or_default());
    let content = content.map_err(|err| Unread {
        said: format!("{RUNBOOK} cannot be read: {err}"),
        remedy: String::new(),
    })?;
    let version = answer.document_version().map(ToOwned::to_owned);
    Ok(Runbook { version, declared: content.declared() })
}

/// Reads which version of the document is there that is to tell afterwards whether anything is left.
pub(super) async fn online(aws: &Aws, online: Option<&Online>) -> Seen<Option<Online>> {
    let Some(online) = online else { return Ok(None) };
    let name = &online.document;
    match find_document(aws, name, None).await {
        Ok(Found { version, hash, .. }) => Ok(Some(Online { version, hash, ..online.clone() })),
        Err(DocumentError::Unknown { .. }) => Ok(None),
        Err(err) => Err(Unread {
            said: format!("whether it has helped could not be told afterwards: {err}"),
            remedy: format!("mend {name}, or --no-report to do without"),
        }),
    }
}

/// Reads the executions that have not ended, and which instance each is about.
pub(super) async fn executions(aws: &Aws) -> Seen<Vec<Execution>> {
    let filter = |key, values: &[&str]| {
        let values = values.iter().map(|it| (*it).to_owned()).collect();
        AutomationExecutionFilter::builder().key(key).set_values(Some(values)).build()
    };
    let filters = [
        filter(AutomationExecutionFilterKey::DocumentNamePrefix, &[RUNBOOK]),
        filter(AutomationExecutionFilterKey::ExecutionStatus, &UNDER_WAY),
    ];
    let filters = filters.into_iter().collect::<Result<Vec<_>, _>>();
    let filters = filters.expect("a key and values are all that a filter needs");
    let request = aws.ssm.describe_automation_executions().set_filters(Some(filters));
    let mut ids = Vec::new();
    let page = |token| request.clone().set_next_token(token).send();
    let take = |page: aws_sdk_ssm::operation::describe_automation_executions::DescribeAutomationExecutionsOutput| {
        let all = page.automation_execution_metadata_list.unwrap_or_default();
        ids.extend(all.into_iter().filter_map(|it| it.automation_execution_id));
        page.next_token
    };
    let read = aws.pages("DescribeAutomationExecutions", page, take).await;
    read.map_err(|err| unread(&err))?;
    let mut res = Vec::new();
    for id in ids {
        let known = aws.subjects.borrow().get(&id).cloned();
        let instance = match known {
            Some(it) => Some(it),
            None => subject(aws, &id).await?,
        };
        res.push(Execution { id, instance });
    }
    let mut subjects = aws.subjects.borrow_mut();
    subjects.clear();
    subjects.extend(res.iter().filter_map(|it| Some((it.id.clone(), it.instance.clone()?))));
    drop(subjects);
    Ok(res)
}

/// Reads which instance an execution is about.
async fn subject(aws: &Aws, id: &str) -> Seen<Option<String>> {
    let request = aws.ssm.get_automation_execution().automation_execution_id(id);
    let answer = aws.ask("GetAutomationExecution", || request.clone().send()).await;
    let answer = answer.map_err(|err| unread(&err))?;
    let given = answer.automation_execution.and_then(|it| it.parameters);
    Ok(given.and_then(|it| it.get("InstanceId")?.first().cloned()))
}
