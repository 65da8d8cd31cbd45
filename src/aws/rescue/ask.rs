//! Questions to EC2 and KMS, page after page.

use crate::aws::{
    clients::Aws,
    error::AwsError,
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
        Err(AwsError::unreadable(operation, "its pages lead back to themselves"))
    }

    /// Asks EC2 for one answer.
    pub(super) async fn ask_ec2_for_one(
        &self,
        operation: &'static str,
        query: &[(String, String)],
    ) -> Result<Element, AwsError> {
        self.ask_query(operation, &Service::EC2, query).await
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

    /// Asks KMS for one answer.
    pub(super) async fn ask_kms(
        &self,
        operation: &'static str,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, AwsError> {
        let request = Request::json(&Service::KMS, operation, body);
        let answer = self.ask_signed(operation, request).await?;
        answer.json().map_err(|_| AwsError::unreadable(operation, "its answer is no JSON"))
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
