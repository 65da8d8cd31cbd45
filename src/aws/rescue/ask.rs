//! Questions to EC2, IAM and KMS, and how their answers are taken apart.

use crate::aws::{
    clients::Aws,
    error::{AwsError, ErrorKind},
    signed::{Element, Request, Service},
};

/// The most values that a filter of EC2 takes (EC2 reference).
const VALUES: usize = 200;

/// No list that is read here comes near it.
const MOST_PAGES: usize = 1000;

/// Parameters by their names.
pub(super) type Query = Vec<(String, String)>;

impl Aws {
    /// Asks EC2 for the items of `set`, page after page.
    pub(super) async fn ask_ec2(
        &self,
        operation: &'static str,
        query: &[(String, String)],
        set: &str,
    ) -> Result<Vec<Element>, AwsError> {
        let mut res = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = query.to_vec();
            query.extend(token.iter().map(|it| ("NextToken".to_owned(), it.clone())));
            let mut root = self.ask_ec2_for_one(operation, &query).await?;
            let next = root.child("nextToken").map(|it| it.text.trim().to_owned());
            let next = next.filter(|it| !it.is_empty());
            if let Some(at) = root.children.iter().position(|it| it.name == set) {
                res.extend(root.children.swap_remove(at).children);
            }
            if next.is_none() {
                return Ok(res);
            }
            if next == token {
                break;
            }
            token = next;
        }
        Err(unreadable(operation, "its pages lead back to themselves"))
    }

    /// Asks EC2 for one answer.
    pub(super) async fn ask_ec2_for_one(
        &self,
        operation: &'static str,
        query: &[(String, String)],
    ) -> Result<Element, AwsError> {
        let request = Request::query(&Service::EC2, operation, query);
        let answer = self.ask_signed(operation, request).await?;
        answer.xml().ok_or_else(|| unreadable(operation, "its answer is no XML"))
    }

    /// Asks EC2 for items by the values of a filter, as many at a time as one filter takes.
    pub(super) async fn ask_ec2_for_each(
        &self,
        operation: &'static str,
        filter: &str,
        values: &[&str],
        set: &str,
    ) -> Result<Vec<Element>, AwsError> {
        let mut res = Vec::new();
        for values in values.chunks(VALUES) {
            res.extend(self.ask_ec2(operation, &filtered(&[(filter, values)]), set).await?);
        }
        Ok(res)
    }

    /// Asks IAM for one answer.
    pub(in crate::aws) async fn ask_iam(
        &self,
        operation: &'static str,
        query: &[(String, String)],
    ) -> Result<Element, AwsError> {
        let request = Request::query(&Service::IAM, operation, query);
        let answer = self.ask_signed(operation, request).await?;
        answer.xml().ok_or_else(|| unreadable(operation, "its answer is no XML"))
    }

    /// Asks KMS for one answer.
    pub(super) async fn ask_kms(
        &self,
        operation: &'static str,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, AwsError> {
        let request = Request::json(&Service::KMS, operation, body);
        let answer = self.ask_signed(operation, request).await?;
        answer.json().map_err(|_| unreadable(operation, "its answer is no JSON"))
    }
}

fn unreadable(operation: &'static str, why: &str) -> AwsError {
    AwsError {
        operation,
        kind: ErrorKind::Ambiguous,
        code: String::new(),
        message: why.to_owned(),
        request_id: None,
    }
}

/// Returns filters as EC2 names them.
pub(super) fn filtered(filters: &[(&str, &[&str])]) -> Query {
    let mut res = Vec::new();
    for (n, (name, values)) in (1..).zip(filters) {
        res.push((format!("Filter.{n}.Name"), (*name).to_owned()));
        for (m, value) in (1..).zip(*values) {
            res.push((format!("Filter.{n}.Value.{m}"), (*value).to_owned()));
        }
    }
    res
}

impl Element {
    /// Returns the child of that name: names recur further down.
    pub(in crate::aws) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Returns the text at the end of a path of children; empty if there is none.
    pub(in crate::aws) fn at(&self, path: &[&str]) -> &str {
        let found = path.iter().try_fold(self, |it, name| it.child(name));
        found.map_or("", |it| it.text.trim())
    }

    /// Returns the items of a child that is a set.
    pub(in crate::aws) fn set(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.child(name).into_iter().flat_map(|it| &it.children)
    }
}
