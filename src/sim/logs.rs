//! CloudWatch Logs, as far as output of commands is read from it: DescribeLogStreams and
//! GetLogEvents. Everything else is refused, and nothing can be written by request.

use serde_json::{Value, json};

use super::{
    absent,
    api::{ApiError, Call, Facts},
    archive::Stream,
    timeline,
};

/// GetLogEvents: "up to 1 MB (up to 10,000 log events)"; DescribeLogStreams: "up to 50 items".
const EVENTS: usize = 10_000;
const PAGE: usize = 1024 * 1024;
const STREAMS: usize = 50;

/// The members that the operations have and the simulator has not (the service model 2014-03-28).
const ABSENT_OF_STREAMS: [&str; 3] = ["descending", "logGroupIdentifier", "orderBy"];
const ABSENT_OF_EVENTS: [&str; 4] = ["endTime", "logGroupIdentifier", "startTime", "unmask"];

/// Answers one operation; `body` is the request's JSON object.
pub(crate) fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    timeline::catch_up(&call.sim);
    match call.operation.as_str() {
        "DescribeLogStreams" => describe_log_streams(call, body),
        "GetLogEvents" => get_log_events(call, body),
        other => Err(ApiError::new(
            "UnknownOperationException",
            format!("The operation {other} is not implemented by this simulator"),
        )),
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(it)) => Ok(Some(it)),
        Some(_) => Err(ApiError::new("SerializationException", "Unexpected token in payload")),
    }
}

fn required<'a>(body: &'a Value, name: &str) -> Result<&'a str, ApiError> {
    text(body, name)?.filter(|it| !it.is_empty()).ok_or_else(|| {
        let message = format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        );
        ApiError::new("InvalidParameterException", message)
    })
}

fn limit(body: &Value, most: usize) -> Result<usize, ApiError> {
    let Some(it) = body.get("limit").filter(|it| !it.is_null()) else { return Ok(most) };
    let limit = it.as_u64().and_then(|it| usize::try_from(it).ok());
    limit.filter(|it| (1..=most).contains(it)).ok_or_else(|| {
        let message = format!(
            "1 validation error detected: Value '{it}' at 'limit' failed to satisfy constraint: \
             Member must have value less than or equal to {most}"
        );
        ApiError::new("InvalidParameterException", message)
    })
}

fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn arn(call: &Call, group: &str, stream: &str) -> String {
    let (region, account) = (&call.sim.region, &call.sim.account);
    format!("arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}")
}

fn describe_log_streams(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let group = required(body, "logGroupName")?;
    call.authorize("logs:DescribeLogStreams", Some(&arn(call, group, "")), &Facts::default())?;
    absent::check_body(body, &ABSENT_OF_STREAMS, "InvalidParameterException")?;
    let prefix = text(body, "logStreamNamePrefix")?.unwrap_or_default();
    let after = text(body, "nextToken")?;
    let most = call.pages.of(limit(body, STREAMS)?);
    let state = call.sim.state.borrow();
    let streams = state.archive.log_group(group).ok_or_else(no_group)?;
    let mut found = streams
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .filter(|(name, _)| after.is_none_or(|it| name.as_str() > it));
    let page: Vec<_> = found.by_ref().take(most).collect();
    let next = found.next().and(page.last()).map(|(name, _)| name.as_str());
    let shown = |(name, stream): &(&String, &Stream)| {
        let at = stream.stored.as_millisecond();
        json!({
            "logStreamName": name,
            "arn": arn(call, group, name),
            "creationTime": at,
            "firstEventTimestamp": at,
            "lastEventTimestamp": at,
            "lastIngestionTime": at,
            "storedBytes": 0, // "always zero" since 2019 (LogStream reference)
        })
    };
    let mut res = json!({ "logStreams": page.iter().map(shown).collect::<Vec<_>>() });
    if let Some(it) = next {
        res["nextToken"] = json!(it);
    }
    Ok(res)
}

/// Where a token leads: forward from an event, or backward to the one before it.
enum From {
    Forward(usize),
    Backward(usize),
}

impl From {
    fn read(token: &str) -> Result<Self, ApiError> {
        let at = |it: &str| it.strip_suffix("/s").and_then(|it| it.parse().ok());
        let res = match token.split_once('/') {
            Some(("f", rest)) => at(rest).map(Self::Forward),
            Some(("b", rest)) => at(rest).map(Self::Backward),
            Some(_) | None => None,
        };
        let message = "The specified nextToken is invalid.";
        res.ok_or_else(|| ApiError::new("InvalidParameterException", message))
    }
}

fn get_log_events(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let (group, stream) = (required(body, "logGroupName")?, required(body, "logStreamName")?);
    call.authorize("logs:GetLogEvents", Some(&arn(call, group, stream)), &Facts::default())?;
    absent::check_body(body, &ABSENT_OF_EVENTS, "InvalidParameterException")?;
    let most = call.pages.of(limit(body, EVENTS)?);
    let is_from_head = body.get("startFromHead").and_then(Value::as_bool) == Some(true);
    let token = text(body, "nextToken")?.map(From::read).transpose()?;
    let state = call.sim.state.borrow();
    let streams = state.archive.log_group(group).ok_or_else(no_group)?;
    let Some(stream) = streams.get(stream) else {
        let message = "The specified log stream does not exist.";
        return Err(ApiError::new("ResourceNotFoundException", message));
    };
    let n = stream.events.len();
    let (from, to) = match token {
        Some(From::Forward(from)) => (from.min(n), fits(stream, from.min(n)..n, most)),
        Some(From::Backward(to)) => (fits_backward(stream, to.min(n), most), to.min(n)),
        None if is_from_head => (0, fits(stream, 0..n, most)),
        None => (fits_backward(stream, n, most), n),
    };
    let at = stream.stored.as_millisecond();
    let event = |it: &bytes::Bytes| {
        let message = String::from_utf8_lossy(it);
        json!({ "timestamp": at, "ingestionTime": at, "message": message })
    };
    // At the end "it returns the same token you passed in" (GetLogEvents reference).
    Ok(json!({
        "events": stream.events[from..to].iter().map(event).collect::<Vec<_>>(),
        "nextForwardToken": format!("f/{to:056}/s"),
        "nextBackwardToken": format!("b/{from:056}/s"),
    }))
}

/// Returns the end of the page that begins there: at least one event, and no more than fit.
fn fits(stream: &Stream, range: std::ops::Range<usize>, most: usize) -> usize {
    let mut size = 0;
    let start = range.start;
    let fits = range.take(most).take_while(|at| {
        size += stream.events[*at].len();
        *at == start || size <= PAGE
    });
    start + fits.count()
}

fn fits_backward(stream: &Stream, end: usize, most: usize) -> usize {
    let mut size = 0;
    let fits = (0..end).rev().take(most).take_while(|at| {
        size += stream.events[*at].len();
        at + 1 == end || size <= PAGE
    });
    end - fits.count()
}
