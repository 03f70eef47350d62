//! Where an account's workers stand in regard to its zones. Synchronous, and cheap: of a thousand zones a fix concerns
//! those around it and those it is not yet surely out of.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::{PropertyId, WorkerId};
use muster_domain::live::fence::{Crossed, Fix, Stay};

use super::ZoneIndex;

/// A worker came to a property, went, or passed it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    pub worker: WorkerId,
    pub property: PropertyId,
    pub crossed: Crossed,
}

/// Of whoever was not seen for so long nothing is kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);
const SWEPT_EVERY: TimeDelta = TimeDelta::hours(1);

/// Of every worker that was seen of late.
#[derive(Default)]
pub struct FenceStates {
    workers: HashMap<WorkerId, Walk>,
    swept_at: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Walk {
    last: Option<Fix>,
    /// Every zone but those that he was surely outside of at the last fix, by property.
    stays: Vec<Held>,
}

struct Held {
    property: PropertyId,
    stay: Stay,
    /// The fix that made it what it is.
    at: DateTime<Utc>,
}

impl FenceStates {
    /// Takes a worker's next fix; one that is no later than his last says nothing. Mostly nothing is crossed, and then
    /// nothing is allocated.
    pub fn step(&mut self, worker: WorkerId, fix: &Fix, index: &ZoneIndex) -> Vec<Crossing> {
        self.sweep(fix.at);
        let walk = self.workers.entry(worker).or_default();
        if walk.last.is_some_and(|last| fix.at <= last.at) {
            return Vec::new();
        }
        let mut crossings = Vec::new();
        let mut tell = |property, crossed: Option<Crossed>| {
            crossings.extend(crossed.map(|crossed| Crossing { worker, property, crossed }));
        };
        let last = walk.last.replace(*fix);
        let stays = &mut walk.stays;
        index.concerned(last.as_ref(), fix, |zone| {
            // Those known before take their step below, and one that came twice has taken it.
            let Err(place) = stays.binary_search_by_key(&zone.property, |held| held.property) else { return };
            let before = last.map_or(Stay::Unknown, |last| Stay::Outside { seen_at: last.at });
            let (stay, crossed) = before.after(zone, last.as_ref(), fix);
            tell(zone.property, crossed);
            stays.insert(place, Held { property: zone.property, stay, at: fix.at });
        });
        for held in stays.iter_mut().filter(|held| held.at < fix.at) {
            held.at = fix.at;
            // A zone that is gone takes its stay with it.
            let Some(zone) = index.zone(held.property) else {
                held.stay = Stay::Outside { seen_at: fix.at };
                continue;
            };
            let (after, crossed) = held.stay.after(zone, last.as_ref(), fix);
            tell(held.property, crossed);
            held.stay = after;
        }
        stays.retain(|held| held.stay != Stay::Outside { seen_at: fix.at });
        crossings
    }

    /// A worker who is followed no more.
    pub fn forget(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }

    fn sweep(&mut self, now: DateTime<Utc>) {
        if self.swept_at.is_none_or(|swept_at| now - swept_at > SWEPT_EVERY) {
            self.swept_at = Some(now);
            self.workers.retain(|_, walk| walk.last.is_some_and(|last| now - last.at < KEPT_FOR));
        }
    }

    /// An arrival that nobody could be told of: it is told again with the next fix inside.
    pub fn take_back(&mut self, crossing: &Crossing) {
        let Crossed::Arrived { at, outside_at } = crossing.crossed else { return };
        let Some(walk) = self.workers.get_mut(&crossing.worker) else { return };
        let last_at = walk.last.map_or(at, |last| last.at);
        let held = walk.stays.iter_mut().find(|held| held.property == crossing.property);
        if let Some(held) = held.filter(|held| held.stay == Stay::Inside) {
            held.stay = Stay::Entering { first_at: at, last_at, since: at, outside_at };
        }
    }
}
