//! A simulator that runs: its thread, its port, its start and its end.
//! It answers nothing itself.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
    task::LocalSet,
};

use super::{
    isolation,
    opening::edge,
    server::{Edge, PATIENCE},
    state::RunMode,
    world::World,
};

/// A local AWS on a loopback port, with a thread of its own.
///
/// It stops when it is dropped. Several can run side by side; they share nothing.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    region: String,
    speed: f64,
    exports: Vec<(String, String)>,
    notices: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// It would be reachable from other machines.
    #[error("the simulator does not listen on {0}, which other machines may reach")]
    NotLoopback(SocketAddr),
    /// The port is taken, or may not be used.
    #[error("could not listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The machine has no thread or no event queue left.
    #[error("could not start the simulator's thread")]
    Thread(#[source] io::Error),
    /// The world has a document that is none.
    #[error("could not make the world: {0}")]
    World(String),
}

/// How long answers under way may take after `stop`.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait when the machine has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Sim {
    /// Starts a simulator of `world` on a loopback address; port 0 is any that is free.
    pub fn start(world: World, bind: SocketAddr) -> Result<Self, SimError> {
        if !bind.ip().is_loopback() {
            return Err(SimError::NotLoopback(bind));
        }
        let listen = || {
            let listener = TcpListener::bind(bind)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) =
            listen().map_err(|source| SimError::Listen { address: bind, source })?;
        let exports = exports(&world, address);
        let (region, speed) = (world.region.clone(), world.speed);
        let notices = notices(&world);
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("fleet-sim".to_owned())
            .spawn(move || run(&world, listener, stopped, &ready))
            .map_err(SimError::Thread)?;
        let lost = || Err(SimError::Thread(io::Error::other("it ended before it began")));
        started.recv().unwrap_or_else(|_| lost())?;
        Ok(Self {
            address,
            region,
            speed,
            exports,
            notices,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its endpoint, such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the region that it simulates.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns how many simulated seconds pass in a real one.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Returns the key id and the secret of the world's first user, or ones that any world without
    /// users takes.
    pub fn credentials(&self) -> (String, String) {
        let exported = |name| {
            let found = self.exports.iter().find(|(it, _)| it == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        (exported("AWS_ACCESS_KEY_ID"), exported("AWS_SECRET_ACCESS_KEY"))
    }

    /// Returns what the user should know of it, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// Returns the environment variables that make any AWS client use it: endpoint, region, and
    /// the keys of the world's first user.
    pub fn exports(&self) -> Vec<(String, String)> {
        self.exports.clone()
    }

    /// Stops it: answers under way are finished, for a second at most.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(it) = self.stop.take() {
            // A thread that is gone already needs no telling.
            it.send(()).ok();
        }
        if let Some(it) = self.thread.take() {
            it.join().ok();
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.end();
    }
}

fn exports(world: &World, address: SocketAddr) -> Vec<(String, String)> {
    let user = world.users.first();
    let key = user.map_or("AKIDSIMULATOR", |it| it.access_key_id.as_str());
    let secret = user.map_or("secret", |it| it.secret_access_key.as_str());
    [
        ("AWS_ENDPOINT_URL", format!("http://{address}").as_str()),
        ("AWS_REGION", &world.region),
        ("AWS_DEFAULT_REGION", &world.region),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn notices(world: &World) -> Vec<String> {
    let mut res = world.notices.clone();
    let real = world.groups.iter().filter(|it| it.run == RunMode::Shell);
    let real: Vec<&str> = real.map(|it| it.name.as_str()).collect();
    if !real.is_empty()
        && let Err(why) = isolation::available()
    {
        res.push(format!("documents cannot really run on {}: {why}", real.join(", ")));
    }
    res
}

/// The simulator's thread, from its start to its end.
fn run(
    world: &World,
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
    ready: &mpsc::Sender<Result<(), SimError>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(it) => it,
        Err(err) => return drop(ready.send(Err(SimError::Thread(err)))),
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let started = edge(world).and_then(|edge| {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(SimError::Thread)?;
            Ok((edge, listener))
        });
        match started {
            Ok((edge, listener)) => {
                drop(ready.send(Ok(())));
                accept(Rc::new(edge), listener, stopped).await;
            }
            Err(err) => drop(ready.send(Err(err))),
        }
    });
}

/// Answers each request of a connection, and closes it when none has come for a while. How else it
/// ends is the client's matter, or the world's.
fn converse<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    edge: &Rc<Edge>,
    stream: S,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<S> {
    let edge = Rc::clone(edge);
    let service = service_fn(move |request| {
        let edge = Rc::clone(&edge);
        async move { edge.serve(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    async move {
        connection.await.ok();
    }
}

/// Serves connections until it is told to stop.
async fn accept(
    edge: Rc<Edge>,
    listener: tokio::net::TcpListener,
    mut stopped: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let connection = tokio::select! {
            it = listener.accept() => it,
            // Also when the handle is gone without a word.
            _ = &mut stopped => break,
        };
        let Ok((stream, _)) = connection else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Requests and answers are small: waiting to fill a packet would only delay them.
        stream.set_nodelay(true).ok();
        tokio::task::spawn_local(converse(&edge, stream, &graceful));
    }
    drop(listener);
    tokio::time::timeout(GRACE, graceful.shutdown()).await.ok();
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_connection_that_stops_in_the_middle_of_a_request_is_closed() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true) // waiting takes no time
            .build()
            .unwrap();
        let world = World::parse("", std::path::Path::new("w.toml")).unwrap();
        let half_a_body = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf";
        for said in ["", "POST / HT", "POST / HTTP/1.1\r\nhost: a\r\n", half_a_body] {
            LocalSet::new().block_on(&runtime, async {
                let edge = Rc::new(edge(&world).unwrap());
                let (mut client, server) = tokio::io::duplex(1024);
                let graceful = GracefulShutdown::new();
                tokio::task::spawn_local(converse(&edge, server, &graceful));
                client.write_all(said.as_bytes()).await.unwrap();
                let begun = tokio::time::Instant::now();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs(), "{said:?}: {answer}");
            });
        }
    }
}
