//! The loop after the run: it fetches what instances have printed into files, and tells of each.
//! What became of the run is decided, and stays as it is whatever happens here.

use std::{collections::BTreeMap, io, time::Duration};

use futures::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::Sinks;
use crate::{
    aws::{Aws, Fetcher, Got, Piece, Stream, Tally},
    output::{Ledger, OutputFolder, Terminal, Writing},
    plan::{Outputs, Redaction},
    run::{Event, Fetch, Fetched, Fetching, StoredStream, unfetched},
    signal::Interrupts,
};

/// So many instances at once: each holds a part of an object in memory.
const AT_ONCE: usize = 8;

/// How long the output of one instance may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fetches what the list has cut of the run that `events` are of, which began so long ago, and writes
/// down what came of it. Returns the events.
///
/// # Errors
/// If there is no place for the files.
pub async fn fetch(
    aws: &mut Aws,
    outputs: &Outputs,
    (events, since): (&[Event], Duration),
    sinks: Sinks<'_>,
    interrupts: &mut Interrupts,
) -> io::Result<Vec<Event>> {
    let wanted = unfetched(events);
    let Some(mut story) = Fetching::after(events).filter(|_| !wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    let folder = OutputFolder::open(sinks.ledger.directory())?;
    let last = events.last().map_or(Duration::ZERO, |it| Duration::from_millis(it.elapsed_ms));
    // A wall clock may have been set back meanwhile; the story does not go back in time.
    let (clock, before) = (Instant::now(), since.max(last));
    let elapsed = || before + clock.elapsed();
    let tally = aws.calls.tally().clone();
    let mut res = Vec::new();
    let mut n_left = wanted.len();
    {
        let aws: &Aws = aws;
        let fetcher = Fetcher::new(aws, outputs);
        let one = |it: Fetch| fetch_one(&fetcher, it, &folder, &aws.redaction);
        let mut replies = stream::iter(wanted).map(one).buffer_unordered(AT_ONCE);
        loop {
            let fetched = tokio::select! {
                biased;
                () = interrupts.next() => break,
                fetched = replies.next() => fetched,
            };
            let Some(fetched) = fetched else { break };
            n_left -= 1;
            if let Some(event) = story.fetched(elapsed(), fetched, &aws.redaction) {
                write(sinks.ledger, sinks.terminal, &event);
                res.push(event);
            }
        }
    }
    let Tally { by_operation, throttled } = difference(aws.calls.tally(), &tally);
    for event in story.end(elapsed(), n_left, by_operation, throttled) {
        write(sinks.ledger, sinks.terminal, &event);
        res.push(event);
    }
    Ok(res)
}

fn write(ledger: &mut Ledger, terminal: &mut Terminal, event: &Event) {
    if let Err(err) = ledger.append_unsynced(std::slice::from_ref(event)) {
        let directory = ledger.directory().display();
        terminal.warning(&format!("could not write the ledger in {directory}: {err}"));
    }
    terminal.event(event);
}

fn difference(now: &Tally, before: &Tally) -> Tally {
    let of = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
        let grown = now.iter().map(|(it, n)| (it.clone(), n - before.get(it).unwrap_or(&0)));
        grown.filter(|(_, n)| *n > 0).collect()
    };
    Tally {
        by_operation: of(&now.by_operation, &before.by_operation),
        throttled: of(&now.throttled, &before.throttled),
    }
}

async fn fetch_one(
    fetcher: &Fetcher<'_>,
    fetch: Fetch,
    folder: &OutputFolder,
    redaction: &Redaction,
) -> Fetched {
    let instance_id = fetch.instance_id.clone();
    let reply = timeout(PATIENCE, into_files(fetcher, &fetch, folder, redaction)).await;
    let (streams, why) = match reply {
        Ok(Ok((streams, why))) => (Some(streams), why),
        Ok(Err(err)) => (None, Some(format!("it could not be written: {err}"))),
        Err(_) => (None, Some(format!("it took longer than {} s", PATIENCE.as_secs()))),
    };
    Fetched { instance_id, streams, why }
}

async fn into_files(
    fetcher: &Fetcher<'_>,
    fetch: &Fetch,
    folder: &OutputFolder,
    redaction: &Redaction,
) -> io::Result<([StoredStream; 2], Option<String>)> {
    let begin = |it: Stream| folder.begin(&fetch.instance_id, it.name(), redaction);
    let mut files: [Writing<'_>; 2] = [begin(Stream::Stdout)?, begin(Stream::Stderr)?];
    let mut sink = |stream: Stream, piece: Piece<'_>| {
        let file = &mut files[stream as usize];
        match piece {
            Piece::StepBegins => file.begin_line(),
            Piece::Bytes(bytes) => file.write(bytes),
        }
    };
    let [stdout, stderr] = fetcher.fetch(fetch, &mut sink).await?;
    let why = stdout.why.clone().or_else(|| stderr.why.clone());
    let [out, err] = files;
    let stored = |file: Writing<'_>, got: Got| {
        let (file, bytes) = file.finish()?;
        let (printed, from, is_whole) = (got.printed, got.from, got.is_whole);
        Ok::<_, io::Error>(StoredStream { file, bytes, printed, from, is_whole })
    };
    Ok(([stored(out, stdout)?, stored(err, stderr)?], why))
}
