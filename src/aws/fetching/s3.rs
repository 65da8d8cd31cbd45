//! Objects in a bucket, a part at a time.

use std::io;

use super::{Fetcher, Got, Piece, Stream, Trouble};
use crate::{
    aws::{
        denial,
        error::{AwsError, ErrorKind},
        signed::Request,
    },
    plan::S3Place,
    run::{FetchStep, StoredFrom},
};

/// How much of an object is asked for at once: what one answer holds in memory.
const PART: u64 = 4 << 20;

impl Fetcher<'_> {
    pub(super) async fn ask_s3(
        &self,
        place: &S3Place,
        step: &FetchStep,
        stream: Stream,
        sink: &mut impl FnMut(Stream, Piece<'_>) -> io::Result<()>,
    ) -> Result<Got, Trouble> {
        let url = match stream {
            Stream::Stdout => &step.urls.stdout,
            Stream::Stderr => &step.urls.stderr,
        };
        let Some(key) = key_in(url, &place.bucket) else {
            return Err(Trouble::Closed("SSM does not say where in the bucket it is".to_owned()));
        };
        let (mut at, mut total) = (0, None);
        while total.is_none_or(|total| at < total) {
            let region = self.region.borrow().clone();
            let request =
                Request::object(&place.bucket, key, (at, at + PART - 1), region.as_deref());
            let answer = self.aws.ask_signed("GetObject", request).await.map_err(|err| {
                if at > 0 {
                    Trouble::Broken(err.to_string(), total)
                } else {
                    s3_trouble(place, &err)
                }
            })?;
            if let Some(region) = answer.moved_to {
                let is_new = self.region.borrow().as_ref() != Some(&region);
                if !is_new {
                    let why = format!("{place} is in {region}, which does not have it either");
                    return Err(Trouble::Closed(why));
                }
                self.region.replace(Some(region));
                continue;
            }
            // Whoever answers without saying of how much has sent all of it.
            total = Some(answer.total.unwrap_or(at + answer.body.len() as u64));
            if answer.body.is_empty() && total != Some(at) {
                return Err(Trouble::Broken("S3 sent an empty part".to_owned(), total));
            }
            at += answer.body.len() as u64;
            sink(stream, Piece::Bytes(&answer.body)).map_err(Trouble::Unwritten)?;
        }
        Ok(Got { from: StoredFrom::S3, printed: total, ..Got::default() })
    }
}

/// Returns the key that a URL of SSM's is about: `https://s3.REGION.amazonaws.com/BUCKET/KEY`.
fn key_in<'u>(url: &'u str, bucket: &str) -> Option<&'u str> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    path.strip_prefix(bucket)?.strip_prefix('/').filter(|it| !it.is_empty())
}

pub(super) fn s3_trouble(place: &S3Place, err: &AwsError) -> Trouble {
    match (err.kind, err.code.as_str()) {
        (_, "NoSuchKey") => Trouble::Absent,
        // Whoever may not list a bucket is not told that a key is absent, but that they may not
        // list (GetObject reference).
        (ErrorKind::Denied, _) => match denial::read(&err.message) {
            Some(it) if it.action == "s3:ListBucket" => Trouble::Absent,
            Some(_) => Trouble::Closed(format!("s3:GetObject on {place} is not permitted")),
            None => {
                let text = format!("s3:GetObject on {place} is not permitted, or it is not there");
                Trouble::Failed(text)
            }
        },
        (_, "NoSuchBucket") => Trouble::Closed(format!("there is no bucket {}", place.bucket)),
        _ => Trouble::Failed(err.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_what_follows_the_bucket() {
        let url = "https://s3.eu-west-1.amazonaws.com/logs/runs/c/i/stdout";
        assert_eq!(key_in(url, "logs"), Some("runs/c/i/stdout"));
        assert_eq!(key_in(url, "log"), None);
        assert_eq!(key_in("", "logs"), None);
    }
}
