//! Whether output could be fetched from a place, before anybody puts anything there. It fetches
//! nothing.

use serde_json::json;

use super::{Trouble, logs::logs_trouble, s3::s3_trouble};
use crate::{
    aws::{
        clients::Aws,
        signed::{Request, Service},
    },
    plan::{Outputs, S3Place},
};

/// What a look at the place of a run's output has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Readable,
    /// There is no such bucket. A log group need not be there: agents make it.
    Missing(String),
    Denied(&'static str),
    Unknown(String),
}

impl Aws {
    /// Looks whether output could be fetched from there, by asking for what nobody has put there;
    /// `None` if nothing is to be fetched.
    pub async fn try_outputs(&self, outputs: &Outputs) -> Option<Reach> {
        if let Some(place) = &outputs.s3 {
            let is_read = outputs.full;
            return Some(self.try_s3(place).await).filter(|it| is_read || it.is_missing());
        }
        let group = outputs.fetched_logs()?;
        let body = json!({ "logGroupName": group, "logStreamName": "fleet-doctor" });
        let request = Request::json(&Service::LOGS, "GetLogEvents", &body);
        Some(match self.ask_signed("GetLogEvents", request).await {
            Ok(_) => Reach::Readable,
            Err(err) => match logs_trouble(group, &err) {
                Trouble::Absent => Reach::Readable,
                Trouble::Closed(_) => Reach::Denied("logs:GetLogEvents"),
                _ => Reach::Unknown(err.to_string()), // the others are no answer
            },
        })
    }

    async fn try_s3(&self, place: &S3Place) -> Reach {
        let key = match place.prefix.as_str() {
            "" => "fleet-doctor".to_owned(),
            prefix => format!("{prefix}/fleet-doctor"),
        };
        let mut region = None;
        loop {
            let request = Request::object(&place.bucket, &key, (0, 0), region.as_deref());
            match self.ask_signed("GetObject", request).await {
                Ok(answer) if answer.moved_to.is_some() && region.is_none() => {
                    region = answer.moved_to;
                }
                Ok(answer) => match answer.moved_to {
                    None => return Reach::Readable,
                    Some(it) => return Reach::Unknown(format!("{place} is in {it}, or is not")),
                },
                Err(err) if err.code == "NoSuchBucket" => {
                    return Reach::Missing(format!("there is no bucket {}", place.bucket));
                }
                Err(err) => {
                    return match s3_trouble(place, &err) {
                        Trouble::Absent => Reach::Readable,
                        Trouble::Closed(_) => Reach::Denied("s3:GetObject"),
                        _ => Reach::Unknown(err.to_string()), // the others are no answer
                    };
                }
            }
        }
    }
}

impl Reach {
    fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}
