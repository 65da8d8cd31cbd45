//! The rows of a command, fifty a page. A page on which every row was final is not read again.
//!
//! It believes the pages only as far as that: where the list has moved, all of it is read.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use aws_sdk_ssm::{
    operation::list_command_invocations::{
        ListCommandInvocationsOutput, builders::ListCommandInvocationsFluentBuilder,
    },
    types::{CommandFilter, CommandFilterKey, CommandInvocation},
};
use futures::{
    future::try_join,
    stream::{self, StreamExt as _, TryStreamExt as _},
};

use super::{
    clients::Aws,
    command::{read_failed, timestamp},
    error::{AwsError, ErrorKind},
};
use crate::{
    plan::InstanceId,
    run::{Observed, Plugin, ReadKind, ReadScope, Row, Status, StepUrls},
};

const OPERATION: &str = "ListCommandInvocations";

/// The most that the service puts on a page (botocore model).
const LARGEST_PAGE: i32 = 50;

/// Pages that are asked for at once; the pace of the operation holds for them all.
const PAGES_AT_ONCE: usize = 8;

/// Pages on which those of one page are looked for when it is read again: the service may make pages
/// shorter than they were, or empty.
const PAGES_FOR_ONE: usize = 2;

/// How far the lists of the commands have been read.
#[derive(Debug, Default)]
pub(super) struct Bookmarks {
    left: RefCell<BTreeMap<String, Bookmark>>,
    /// Commands whose list has moved: it may do so again, and to notice costs calls.
    unsteady: RefCell<BTreeSet<String>>,
}

/// How far the list of one command has been read.
#[derive(Debug)]
struct Bookmark {
    /// Pages with rows that were not final.
    open: Vec<Page>,
    rest: Rest,
}

/// Where a page begins, and whose rows on it were not final.
///
/// UNVERIFIED: that AWS keeps the order of a list, and takes a token for as long as a run lasts.
/// Where it does not, a row is missing or the token is refused, and the list is read anew.
#[derive(Debug)]
struct Page {
    token: Option<String>,
    open: BTreeSet<InstanceId>,
}

/// What of a list is not read yet.
#[derive(Debug)]
enum Rest {
    /// From the page of this token on; from the first without one.
    From(Option<String>),
    Nothing,
}

/// What reading pages again has shown.
enum Again {
    Read(Vec<Row>, Vec<Page>),
    /// Who was on a page is not there any more.
    Moved,
}

impl Aws {
    /// Reads invocations of a command: those of `scope`, but for the pages on which all was final
    /// already. Once that is all of them, everything is read again.
    pub async fn read_rows(&self, command_id: String, scope: ReadScope) -> Observed {
        let request = self.ssm.list_command_invocations().command_id(&command_id);
        let request = request.details(true).max_results(LARGEST_PAGE);
        let (res, kind) = match scope {
            ReadScope::All => (self.all_rows(&command_id, request).await, ReadKind::Rows),
            ReadScope::Whole => (self.afresh(&command_id, request).await, ReadKind::Rows),
            ReadScope::Ahead { unfinished } => {
                (self.rows_ahead(&command_id, request, unfinished).await, ReadKind::Ahead)
            }
            ReadScope::Only(word) => {
                let filter = CommandFilter::builder().key(CommandFilterKey::Status).value(word);
                let filter = filter.build().expect("both members are set");
                let mut none = Bookmark::default();
                let res = self.advance(&mut none, request.filters(filter), None).await;
                (res, ReadKind::Rows)
            }
        };
        match res {
            Ok(rows) => Observed::Read { command_id, scope, rows },
            Err(err) => read_failed(kind, &err),
        }
    }

    async fn all_rows(
        &self,
        command_id: &str,
        request: ListCommandInvocationsFluentBuilder,
    ) -> Result<Vec<Row>, AwsError> {
        let bookmark = self.bookmarks.take(command_id);
        if let Some(mut bookmark) = bookmark.filter(|it| !it.is_at_end()) {
            let again = self.again(std::mem::take(&mut bookmark.open), &request);
            let onward = self.advance(&mut bookmark, request.clone(), None);
            match try_join(onward, again).await {
                Ok((mut rows, Again::Read(again, open))) => {
                    rows.extend(again);
                    bookmark.open.extend(open);
                    self.bookmarks.put(command_id, bookmark);
                    return Ok(rows);
                }
                Ok((_, Again::Moved)) => self.bookmarks.distrust(command_id),
                // Above all a token that is not taken any more.
                Err(err) if err.kind == ErrorKind::Refused => self.bookmarks.distrust(command_id),
                Err(err) => return Err(err),
            }
        }
        self.afresh(command_id, request).await
    }

    async fn afresh(
        &self,
        command_id: &str,
        request: ListCommandInvocationsFluentBuilder,
    ) -> Result<Vec<Row>, AwsError> {
        let mut bookmark = Bookmark::default();
        let rows = self.advance(&mut bookmark, request, None).await?;
        self.bookmarks.put(command_id, bookmark);
        Ok(rows)
    }

    async fn rows_ahead(
        &self,
        command_id: &str,
        request: ListCommandInvocationsFluentBuilder,
        unfinished: u32,
    ) -> Result<Vec<Row>, AwsError> {
        let mut bookmark = self.bookmarks.take(command_id).unwrap_or_default();
        let rows = self.advance(&mut bookmark, request, Some(unfinished)).await?;
        self.bookmarks.put(command_id, bookmark);
        Ok(rows)
    }

    /// Reads what is not read yet, or as far as there are more than `most` open pages.
    async fn advance(
        &self,
        bookmark: &mut Bookmark,
        request: ListCommandInvocationsFluentBuilder,
        most: Option<u32>,
    ) -> Result<Vec<Row>, AwsError> {
        let Rest::From(start) = std::mem::replace(&mut bookmark.rest, Rest::Nothing) else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        let mut at = start.clone();
        let call = |token| request.clone().set_next_token(token).send();
        let take = |page: ListCommandInvocationsOutput| {
            let found = rows_of(&page);
            bookmark.keep(Page { token: at.take(), open: open_of(&found) });
            rows.extend(found);
            // At the end it is absent or empty.
            let next = page.next_token.filter(|it| !it.is_empty())?;
            if most.is_some_and(|most| bookmark.open.len() > most as usize) {
                bookmark.rest = Rest::From(Some(next));
                return None;
            }
            at = Some(next.clone());
            Some(next)
        };
        self.pages_from(start, OPERATION, call, take).await?;
        Ok(rows)
    }

    /// Reads pages that had open rows, several at a time.
    async fn again(
        &self,
        pages: Vec<Page>,
        request: &ListCommandInvocationsFluentBuilder,
    ) -> Result<Again, AwsError> {
        let answers = stream::iter(pages).map(|page| self.page_again(page, request));
        let answers: Vec<_> = answers.buffer_unordered(PAGES_AT_ONCE).try_collect().await?;
        let (mut rows, mut open) = (Vec::new(), Vec::new());
        for answer in answers {
            let Some((page, found)) = answer else { return Ok(Again::Moved) };
            open.push(page);
            rows.extend(found);
        }
        open.retain(|it| !it.open.is_empty());
        Ok(Again::Read(rows, open))
    }

    /// Reads a page that had open rows. Returns `None` if not all of them are there any more.
    async fn page_again(
        &self,
        page: Page,
        request: &ListCommandInvocationsFluentBuilder,
    ) -> Result<Option<(Page, Vec<Row>)>, AwsError> {
        let Page { token, open: mut missing } = page;
        let (mut rows, mut n_read) = (Vec::new(), 0);
        let call = |token| request.clone().set_next_token(token).send();
        let take = |page: ListCommandInvocationsOutput| {
            n_read += 1;
            let found = rows_of(&page);
            for row in &found {
                missing.remove(&row.instance_id);
            }
            rows.extend(found);
            page.next_token.filter(|_| !missing.is_empty() && n_read < PAGES_FOR_ONE)
        };
        self.pages_from(token.clone(), OPERATION, call, take).await?;
        let page = Page { token, open: open_of(&rows) };
        Ok(missing.is_empty().then_some((page, rows)))
    }
}

impl Bookmarks {
    /// A read that fails leaves none: the next one begins anew.
    fn take(&self, command_id: &str) -> Option<Bookmark> {
        self.left.borrow_mut().remove(command_id)
    }

    fn put(&self, command_id: &str, bookmark: Bookmark) {
        if !self.unsteady.borrow().contains(command_id) {
            self.left.borrow_mut().insert(command_id.to_owned(), bookmark);
        }
    }

    fn distrust(&self, command_id: &str) {
        self.unsteady.borrow_mut().insert(command_id.to_owned());
    }
}

/// At the beginning.
impl Default for Bookmark {
    fn default() -> Self {
        Self { open: Vec::new(), rest: Rest::From(None) }
    }
}

impl Bookmark {
    fn keep(&mut self, page: Page) {
        if !page.open.is_empty() {
            self.open.push(page);
        }
    }

    /// Returns whether there is nothing left to read.
    fn is_at_end(&self) -> bool {
        self.open.is_empty() && matches!(self.rest, Rest::Nothing)
    }
}

fn rows_of(page: &ListCommandInvocationsOutput) -> Vec<Row> {
    page.command_invocations().iter().filter_map(row).collect()
}

/// Returns whose rows may still change.
fn open_of(rows: &[Row]) -> BTreeSet<InstanceId> {
    let open = rows.iter().filter(|it| it.outcome().is_none());
    open.map(|it| it.instance_id.clone()).collect()
}

fn row(it: &CommandInvocation) -> Option<Row> {
    let status_word = it.status().map_or("", |it| it.as_str()).to_owned();
    let details_word = it.status_details().unwrap_or(&status_word).to_owned();
    let plugins = it.command_plugins().iter().map(|it| Plugin {
        name: it.name().unwrap_or_default().to_owned(),
        response_code: Some(it.response_code),
        started: it.response_start_date_time().and_then(timestamp),
        ended: it.response_finish_date_time().and_then(timestamp),
        output: it.output().unwrap_or_default().to_owned(),
        urls: StepUrls {
            stdout: it.standard_output_url().unwrap_or_default().to_owned(),
            stderr: it.standard_error_url().unwrap_or_default().to_owned(),
        },
    });
    Some(Row {
        instance_id: InstanceId::parse(it.instance_id()?).ok()?,
        status: Status::parse(&status_word, &details_word),
        status_word,
        details_word,
        requested: it.requested_date_time().and_then(timestamp),
        progress: None,
        failure: None,
        note: None,
        plugins: plugins.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_has_moved_is_read_from_its_beginning_from_then_on() {
        let bookmarks = Bookmarks::default();
        bookmarks.put("steady", Bookmark::default());
        assert!(bookmarks.take("steady").is_some());
        assert!(bookmarks.take("steady").is_none());
        bookmarks.distrust("unsteady");
        bookmarks.put("unsteady", Bookmark::default());
        assert!(bookmarks.take("unsteady").is_none());
    }

    #[test]
    fn only_pages_that_were_open_and_what_was_not_read_are_left() {
        let page = |open: &[&str]| Page {
            token: Some("t".to_owned()),
            open: open.iter().map(|it| InstanceId::parse(it).unwrap()).collect(),
        };
        let mut bookmark = Bookmark::default();
        assert!(!bookmark.is_at_end());
        bookmark.rest = Rest::Nothing;
        bookmark.keep(page(&[]));
        assert!(bookmark.is_at_end());
        bookmark.keep(page(&["i-01234567"]));
        assert!(!bookmark.is_at_end());
    }
}
