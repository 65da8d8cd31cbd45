//! Systems Manager: Run Command, Automation, documents and managed nodes.
//! An operation that is not implemented is refused; nothing is guessed.

mod accept;
mod alarm;
mod automation;
mod cancel;
mod command;
mod content;
mod delivery;
mod document;
mod document_api;
mod document_changes;
mod document_shapes;
mod document_sharing;
mod document_versions;
mod documents;
mod drive;
mod engine;
mod get;
mod list;
mod nodes;
mod outcome;
mod outputs;
mod pace;
mod parameters;
mod properties;
mod send;
mod shapes;
mod shell;
mod status;
mod steps;
mod summary;
mod tags;
mod targets;
#[cfg(test)]
mod tests;
mod view;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub(crate) use self::{
    alarm::look_at_alarms,
    automation::automate,
    engine::{advance, begin},
    workers::Workers,
};
use self::{command::Command, document::Owner, documents::Documents, shell::Home};
use super::{
    api::{ApiError, Call},
    page, text, timeline, validate,
};

/// "Run Command stores the command history for 30 days" (aws-facts §3.4).
const HISTORY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What SSM remembers: documents, commands and executions of runbooks.
#[derive(Default)]
pub(crate) struct Store {
    documents: Documents,
    /// By sequence number, so that the newest is last.
    commands: BTreeMap<u64, Command>,
    by_id: HashMap<String, u64>,
    /// The sequence numbers of the commands that are not finished.
    active: BTreeSet<u64>,
    last_sequence: u64,
    /// By instance: where documents really run.
    homes: HashMap<String, Rc<Home>>,
    automations: automation::Automations,
}

/// Answers one SSM operation; `body` is the request's JSON object.
pub(crate) async fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    timeline::catch_up(&call.sim);
    call.sim.state.borrow_mut().ssm.forget(call.sim.clock.now());
    if let Some(res) = automation::call(call, body) {
        return res;
    }
    match call.operation.as_str() {
        "SendCommand" => send::send_command(call, body),
        "CancelCommand" => cancel::cancel_command(call, body),
        "ListCommands" => list::list_commands(call, body),
        "ListCommandInvocations" => list::list_command_invocations(call, body),
        "GetCommandInvocation" => get::get_command_invocation(call, body),
        "DescribeInstanceInformation" => nodes::describe_instance_information(call, body),
        "DescribeInstanceProperties" => properties::describe_instance_properties(call, body),
        "DescribeDocument" => document_api::describe_document(call, body),
        "GetDocument" => document_api::get_document(call, body),
        "ListDocuments" => document_api::list_documents(call, body),
        "CreateDocument" => document_changes::create_document(call, body),
        "UpdateDocument" => document_changes::update_document(call, body),
        "UpdateDocumentDefaultVersion" => {
            document_changes::update_document_default_version(call, body)
        }
        "ListDocumentVersions" => document_versions::list_document_versions(call, body),
        "DescribeDocumentPermission" => document_sharing::describe_document_permission(call, body),
        "ModifyDocumentPermission" => document_sharing::modify_document_permission(call, body),
        "AddTagsToResource" => tags::add(call, body),
        "RemoveTagsFromResource" => tags::remove(call, body),
        "ListTagsForResource" => tags::list(call, body),
        "DeleteDocument" => document_changes::delete_document(call, body),
        other => Err(ApiError::new(
            "UnknownOperationException",
            format!("The operation {other} is not implemented by this simulator"),
        )),
    }
}

impl Store {
    /// Stores version 1 of a document of the account; the error is one sentence.
    pub(crate) fn add_document(
        &mut self,
        name: &str,
        content: &str,
        created: Timestamp,
    ) -> Result<(), String> {
        self.documents.add(name, content, Owner::Account, created)
    }

    /// Stores version 1 of a document that another account shares; the error is one sentence.
    pub(crate) fn add_shared_document(
        &mut self,
        arn: &str,
        content: &str,
        created: Timestamp,
    ) -> Result<(), String> {
        self.documents.add_shared(arn, content, created)
    }

    /// Returns the names of the steps of a runbook; `None` if there is none of that name.
    pub(crate) fn runbook_steps(&self, name: &str) -> Option<Vec<String>> {
        let content = &self.documents.0.get(name)?.default().content;
        Some(content.runbook.as_ref()?.steps.iter().map(|it| it.name.clone()).collect())
    }

    /// How many commands were ever accepted.
    pub(crate) fn command_count(&self) -> u64 {
        self.last_sequence
    }

    /// Forgets the commands that are finished and older than the history.
    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.commands.first_entry()
            && now.duration_since(oldest.get().requested) > HISTORY
            && !self.active.contains(oldest.key())
        {
            self.by_id.remove(&oldest.remove().id);
        }
    }

    /// When the last invocation came to its end, so far.
    pub(crate) fn last_finished(&self) -> Option<Timestamp> {
        let invocations = self.commands.values().flat_map(|it| &it.invocations);
        invocations.filter_map(|it| it.ended).max()
    }

    /// How many documents ran at once at the most, over all commands, until `now`.
    pub(crate) fn peak(&self, now: Timestamp) -> usize {
        let invocations = self.commands.values().flat_map(|it| &it.invocations);
        let mut turns: Vec<(Timestamp, isize)> = invocations
            .filter_map(|it| Some((it.started?, it.ended.unwrap_or(now))))
            .flat_map(|(started, ended)| [(started, 1), (ended.max(started), -1)])
            .collect();
        // One that ends when another begins makes room for it.
        turns.sort_unstable();
        let mut running = 0;
        let counts = turns.into_iter().map(|(_, turn)| {
            running += turn;
            running
        });
        counts.max().map_or(0, isize::unsigned_abs)
    }

    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn insert(&mut self, command: Command) {
        self.by_id.insert(command.id.clone(), command.sequence);
        self.active.insert(command.sequence);
        self.commands.insert(command.sequence, command);
    }

    fn command(&self, id: &str) -> Option<&Command> {
        self.commands.get(self.by_id.get(id)?)
    }

    fn command_mut(&mut self, id: &str) -> Option<&mut Command> {
        self.commands.get_mut(self.by_id.get(id)?)
    }
}
