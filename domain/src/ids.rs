//! Every id of the business: newtypes over UUIDv7, in one alphabetical list.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
    )+};
}

ids! {
    /// The tenant: one business.
    AccountId,
    ClientId,
    /// A phone's own credential for sending positions.
    DeviceId,
    JobId,
    /// A place where work is done.
    PropertyId,
    /// One sign-in on one device, until logout or expiry.
    SessionId,
    TimeOffId,
    UserId,
    VisitId,
    /// The same uuid as the worker's user.
    WorkerId,
}

impl From<UserId> for WorkerId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}
impl From<WorkerId> for UserId {
    fn from(worker: WorkerId) -> Self {
        Self(worker.0)
    }
}
