//! Device tokens: made from the system's randomness, recognised by their digest.

use std::sync::Arc;

use muster_actors::ports::Later;
use muster_domain::identity::Role;
use sha2::{Digest, Sha256};

use super::store;
use crate::http::caller::Who;
use crate::http::{Admission, Caller, Code, Problem};
use crate::store::Store;

/// What a device token begins with, so that it is told from any other credential at a glance.
pub const PREFIX: &str = "mdt_";

/// 256 random bits as hexadecimal digits.
pub(super) fn fresh() -> String {
    let bits: [u8; 32] = rand::random();
    let digits: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

pub(super) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The worker's phone that this token belongs to.
pub async fn admit(store: &Store, token: &str) -> Result<Caller, Problem> {
    let unknown = || Problem::new(Code::UNAUTHENTICATED, "This device token is not valid.");
    if !token.starts_with(PREFIX) {
        return Err(unknown());
    }
    let principal = store::principal(store, &digest(token)).await?.ok_or_else(unknown)?;
    Ok(Caller {
        account: principal.account,
        who: Who::Device(principal.device, principal.worker),
        role: Role::LimitedWorker,
        is_worker: true,
        session: None,
    })
}

/// People come in by their sessions, phones by their own tokens.
pub struct Door {
    pub people: Arc<dyn Admission>,
    pub store: Store,
}

impl Admission for Door {
    fn admit(&self, token: &str) -> Later<Result<Caller, Problem>> {
        if !token.starts_with(PREFIX) {
            return self.people.admit(token);
        }
        let (store, token) = (self.store.clone(), token.to_owned());
        Box::pin(async move { admit(&store, &token).await })
    }
}
