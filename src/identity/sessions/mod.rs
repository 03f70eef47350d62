//! A session is one sign-in on one device, until logout, expiry, or whatever ends everything signed for its user.
//! Invariants: every request asks the database, at most half a second ago, whether its session lives and which role its
//! user has; without the database nobody is admitted.

pub mod store;

use std::time::Duration;

use chrono::Utc;
use moka::sync::Cache;
use muster_actors::ports::Later;
use muster_domain::ids::{AccountId, SessionId, UserId};

use super::tokens::{Claims, Tokens};
use crate::http::caller::Who;
use crate::http::{Admission, Caller, Code, Problem};
use crate::store::{Store, StoreError};
use store::Principal;

/// How long another server's logout or change of role may go unnoticed here.
const REMEMBERED_FOR: Duration = Duration::from_millis(500);
const MAX_REMEMBERED: u64 = 50_000;
/// Tokens whose signature need not be checked again.
const MAX_VERIFIED: u64 = 20_000;
const VERIFIED_FOR: Duration = Duration::from_secs(600);

pub struct Sessions {
    store: Store,
    tokens: Tokens,
    remembered: Cache<(AccountId, SessionId), Principal>,
    /// By the whole token. That a token was signed here does not change; whether it holds is asked every time.
    verified: Cache<String, Claims>,
}

impl Sessions {
    pub fn new(store: Store, tokens: Tokens) -> Self {
        let remembered = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let verified = Cache::builder().max_capacity(MAX_VERIFIED).time_to_live(VERIFIED_FOR).build();
        Self { store, tokens, remembered, verified }
    }

    pub fn sign(&self, claims: &Claims) -> String {
        self.tokens.sign(claims)
    }

    /// Checking a signature takes longer than all the rest of most requests, and clients send the same token for an hour.
    fn verify(&self, token: &str) -> Result<Claims, Problem> {
        if let Some(claims) = self.verified.get(token).filter(|claims| claims.exp > Utc::now().timestamp()) {
            return Ok(claims);
        }
        let claims = self.tokens.verify(token)?;
        self.verified.insert(token.to_owned(), claims.clone());
        Ok(claims)
    }

    /// Effective at once on this server.
    pub fn forget(&self, account: AccountId, session: SessionId) {
        self.remembered.invalidate(&(account, session));
    }

    /// The same for all sessions of a user, whose role or status has changed.
    pub fn forget_user(&self, account: AccountId, user: UserId) {
        let of_user = |key: &(AccountId, SessionId), principal: &Principal| key.0 == account && principal.user == user;
        for (key, _) in self.remembered.iter().filter(|(key, principal)| of_user(key, principal)) {
            self.remembered.invalidate(&*key);
        }
    }

    /// Which of these have ended; asked from time to time for those who stay connected.
    pub async fn ended(&self, sessions: Vec<(AccountId, SessionId)>) -> Result<Vec<SessionId>, StoreError> {
        let look = async {
            let mut conn = self.store.pool().acquire().await?;
            store::ended(&mut conn, &sessions).await
        };
        self.store.read(look).await
    }
}

impl Admission for Sessions {
    fn admit(&self, token: &str) -> Later<Result<Caller, Problem>> {
        let claims = match self.verify(token) {
            Ok(claims) => claims,
            Err(problem) => return Box::pin(std::future::ready(Err(problem))),
        };
        let key = (claims.account_id, claims.sid);
        if let Some(principal) = self.remembered.get(&key) {
            return Box::pin(std::future::ready(caller(&claims, &principal)));
        }
        let (store, remembered) = (self.store.clone(), self.remembered.clone());
        Box::pin(async move {
            let look = async {
                let mut conn = store.pool().acquire().await?;
                store::principal(&mut conn, key.0, key.1).await
            };
            let found = store.read(look).await?;
            let principal = found.ok_or_else(session_ended)?;
            remembered.insert(key, principal.clone());
            caller(&claims, &principal)
        })
    }
}

fn caller(claims: &Claims, principal: &Principal) -> Result<Caller, Problem> {
    if claims.sub != principal.user {
        return Err(session_ended());
    }
    Ok(Caller {
        account: claims.account_id,
        who: Who::User(principal.user),
        role: principal.role,
        is_worker: principal.is_worker,
        session: Some(claims.sid),
    })
}

pub fn session_ended() -> Problem {
    Problem::new(Code::SESSION_ENDED, "The session has ended: sign in again.")
}
