//! A worker as the board knows him: can he be sent, to what, and when.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::hours::WorkingHours;
use crate::ids::{TimeOffId, WorkerId};
use crate::{Place, TimeWindow};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeOff {
    pub id: TimeOffId,
    pub window: TimeWindow,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    pub id: WorkerId,
    pub active: bool,
    pub skills: BTreeSet<String>,
    pub home: Option<Place>,
    pub hours: WorkingHours,
    pub time_off: BTreeMap<TimeOffId, TimeOff>,
}

impl Worker {
    /// On shift means inside working hours and not on time off.
    pub fn is_on_shift(&self, at: chrono::DateTime<chrono::Utc>) -> bool {
        self.active && self.hours.contains(at) && !self.time_off.values().any(|off| off.window.contains(at))
    }
}
