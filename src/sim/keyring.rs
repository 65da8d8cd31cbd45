//! Who signs with which key: the world's users, and the sessions that AssumeRole hands out.
//! It decides who a caller is, never what they may do.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use jiff::Timestamp;

use super::{
    api::{ApiError, Caller},
    authority::Authority,
    iam::{IssuedToken, Presented, Protocol, RequestParts, SigError, verify},
    ids,
    wire::protocol::Service,
    world::World,
};

/// The keys that the simulated account knows.
pub(crate) struct Keyring {
    /// By access key id. Empty: every other key is the administrator's.
    users: BTreeMap<String, UserKey>,
    administrator: Rc<Authority>,
    sessions: RefCell<BTreeMap<String, Session>>,
    region: String,
}

struct UserKey {
    secret: String,
    authority: Rc<Authority>,
}

struct Session {
    secret: String,
    token: String,
    expires: Timestamp,
    authority: Rc<Authority>,
}

/// Temporary credentials, as AssumeRole answers them.
pub(crate) struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Timestamp,
}

/// Sessions are kept after their end, to be told that it has come; so many of them at most.
const MAX_SESSIONS: usize = 10_000;

impl Keyring {
    pub(crate) fn new(world: &World) -> Self {
        let user = |it: &super::world::UserSpec| {
            let authority = Authority::of_user(&world.account, world.seed, it);
            let secret = it.secret_access_key.clone();
            (it.access_key_id.clone(), UserKey { secret, authority: Rc::new(authority) })
        };
        Self {
            users: world.users.iter().map(user).collect(),
            administrator: Rc::new(Authority::administrator(&world.account, world.seed)),
            sessions: RefCell::default(),
            region: world.region.clone(),
        }
    }

    /// Finds who made a request. `now` is the simulated time, `real_now` the machine's, with
    /// which the client has signed.
    pub(crate) fn identify(
        &self,
        parts: &RequestParts<'_>,
        (service, protocol): (Service, Protocol),
        now: Timestamp,
        real_now: Timestamp,
    ) -> Result<Caller, ApiError> {
        let caller = self.find(parts, service, now, real_now);
        caller.map_err(|err| {
            let wire = err.on_wire(protocol);
            ApiError::new(wire.code, wire.message).with_status(wire.status)
        })
    }

    fn find(
        &self,
        parts: &RequestParts<'_>,
        service: Service,
        now: Timestamp,
        real_now: Timestamp,
    ) -> Result<Caller, SigError> {
        let presented = Presented::parse(parts.headers)?;
        let check = |secret: &str, issued: Option<IssuedToken<'_>>| {
            // IAM is global: its requests are signed for its own region, or for the caller's.
            let global = service == Service::Iam
                && presented.check_scope(service.signing_name(), "us-east-1").is_ok();
            if !global {
                presented.check_scope(service.signing_name(), &self.region)?;
            }
            verify(&presented, parts, secret, real_now)?;
            presented.check_token(issued, now)
        };
        if let Some(it) = self.sessions.borrow().get(&presented.access_key_id) {
            check(&it.secret, Some(IssuedToken { token: &it.token, expires: it.expires }))?;
            return Ok(it.authority.caller());
        }
        if let Some(it) = self.users.get(&presented.access_key_id) {
            check(&it.secret, None)?;
            return Ok(it.authority.caller());
        }
        if self.users.is_empty() {
            return Ok(self.administrator.caller());
        }
        Err(SigError::UnknownKey)
    }

    /// Ends a session before its time; a user's key has none and stays.
    pub(crate) fn expire(&self, access_key_id: &str) {
        if let Some(it) = self.sessions.borrow_mut().get_mut(access_key_id) {
            it.expires = Timestamp::MIN;
        }
    }

    /// Makes temporary credentials.
    pub(crate) fn mint(
        &self,
        authority: Authority,
        expiration: Timestamp,
        random: &mut fastrand::Rng,
    ) -> Credentials {
        let res = Credentials {
            access_key_id: ids::temporary_key_id(random),
            secret_access_key: ids::secret(random),
            session_token: ids::session_token(random),
            expiration,
        };
        let session = Session {
            secret: res.secret_access_key.clone(),
            token: res.session_token.clone(),
            expires: expiration,
            authority: Rc::new(authority),
        };
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() >= MAX_SESSIONS {
            let first = sessions.iter().min_by_key(|(_, it)| it.expires);
            if let Some(id) = first.map(|(id, _)| id.clone()) {
                sessions.remove(&id);
            }
        }
        sessions.insert(res.access_key_id.clone(), session);
        res
    }
}
