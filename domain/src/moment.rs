//! Everything nondeterministic that a decision may use: when it is taken, and by whom.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::Role;
use crate::ids::{DeviceId, UserId, WorkerId};

/// Who asks. `System` is the server itself (schedules, geofences).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum By {
    User { id: UserId, role: Role },
    Device { id: DeviceId, worker: WorkerId },
    System,
}

impl By {
    /// The worker that speaks for himself, if this caller may act only as one.
    pub fn as_own_worker(&self) -> Option<WorkerId> {
        match self {
            By::User { id, role } if role.is_field() => Some(WorkerId(id.0)),
            By::Device { worker, .. } => Some(*worker),
            By::User { .. } | By::System => None,
        }
    }

    pub fn user(&self) -> Option<UserId> {
        match self {
            By::User { id, .. } => Some(*id),
            By::Device { .. } | By::System => None,
        }
    }
}

/// The instant and the author of one decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: DateTime<Utc>,
    pub by: By,
}
