//! A wire between fleet and a simulator that remembers which sessions were handed out.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::SimProcess;

/// Passes bytes on, both ways, and keeps those that come back.
pub(crate) struct Tap {
    port: u16,
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A session as STS hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

impl Tap {
    pub(crate) fn on(sim: &SimProcess) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = sim.endpoint().strip_prefix("http://").unwrap().to_owned();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&answers);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&address).unwrap();
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || pass(near_too, far_too, |_| {}));
                let n = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(Vec::new());
                    kept.len() - 1
                };
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    pass(far, near, |bytes| kept.lock().unwrap()[n].extend_from_slice(bytes));
                });
            }
        });
        Self { port, answers }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns every session that was handed out, a connection after the other.
    pub(crate) fn sessions(&self) -> Vec<Keys> {
        let answers = self.answers.lock().unwrap();
        let mut sessions = Vec::new();
        for answer in answers.iter() {
            let text = String::from_utf8_lossy(answer);
            for session in text.split("<Credentials>").skip(1) {
                let get = |tag: &str| {
                    let (_, rest) = session.split_once(&format!("<{tag}>")).unwrap();
                    rest.split('<').next().unwrap().to_owned()
                };
                sessions.push(Keys {
                    access_key_id: get("AccessKeyId"),
                    secret_access_key: get("SecretAccessKey"),
                    session_token: get("SessionToken"),
                });
            }
        }
        sessions
    }
}

/// Passes bytes on until one side has no more. What it keeps is kept before it is passed on.
fn pass(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = [0; 16_384];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..n]);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    // Whoever is gone already needs not be told.
    to.shutdown(Shutdown::Write).ok();
}
