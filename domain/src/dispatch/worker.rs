//! A worker as the board knows him: can he be sent, to what, and when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::hours::WorkingHours;
use crate::ids::{TimeOffId, WorkerId};
use crate::journal::{WorkerFact, WorkerVerb};
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
    /// His own word, or the office's: he can take work. Who cannot may still be sent, by somebody who knows better.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub available: bool,
    /// He agrees to be followed while he works. Only he gives it, and only he takes it back.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub tracking_consent: bool,
    /// What was measured before is nobody's: he was not followed then, and is again. `None`: he always was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed_since: Option<DateTime<Utc>>,
    pub skills: BTreeSet<String>,
    pub home: Option<Place>,
    pub hours: WorkingHours,
    pub time_off: BTreeMap<TimeOffId, TimeOff>,
}

impl Worker {
    /// On shift means inside working hours and not on time off.
    pub fn is_on_shift(&self, at: DateTime<Utc>) -> bool {
        self.active && self.hours.contains(at) && !self.time_off.values().any(|off| off.window.contains(at))
    }

    /// Agrees to be followed from now on, or no more.
    pub fn says_of_being_followed(&mut self, consents: bool, now: DateTime<Utc>) {
        if consents && !self.tracking_consent {
            self.followed_since = Some(now);
        }
        self.tracking_consent = consents;
    }

    /// The steps from this card to `next`, each with the card after it: who said what when is a fact of its own.
    pub fn steps_to(&self, next: &Worker) -> Vec<WorkerFact> {
        let Worker { available, tracking_consent, followed_since, .. } = *self;
        let mut card = Worker { available, tracking_consent, followed_since, ..next.clone() };
        let mut facts = Vec::new();
        if card != *self {
            facts.push(WorkerFact { verb: WorkerVerb::Updated, worker: card.clone() });
        }
        if card.available != next.available {
            card.available = next.available;
            let verb = if next.available { WorkerVerb::BecameAvailable } else { WorkerVerb::BecameUnavailable };
            facts.push(WorkerFact { verb, worker: card.clone() });
        }
        if card.tracking_consent != next.tracking_consent {
            (card.tracking_consent, card.followed_since) = (next.tracking_consent, next.followed_since);
            let verb = if next.tracking_consent { WorkerVerb::ConsentGiven } else { WorkerVerb::ConsentWithdrawn };
            facts.push(WorkerFact { verb, worker: card });
        }
        facts
    }
}

/// What was stored before anybody was asked: yes.
fn yes() -> bool {
    true
}

fn is_yes(said: &bool) -> bool {
    *said
}
