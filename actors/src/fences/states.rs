//! Where an account's workers stand in regard to its zones. Synchronous, and cheap: of a thousand zones a fix concerns
//! those around it and those it is not yet surely out of.

use std::collections::HashMap;

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

/// Of every worker that was seen.
#[derive(Default)]
pub struct FenceStates {
    workers: HashMap<WorkerId, Walk>,
}

#[derive(Default)]
struct Walk {
    last: Option<Fix>,
    /// Every zone but those that he was surely outside of at the last fix.
    stays: Vec<(PropertyId, Stay)>,
}

impl FenceStates {
    /// Takes a worker's next fix; one that is no later than his last says nothing. Mostly nothing is crossed, and then
    /// nothing is allocated.
    pub fn step(&mut self, worker: WorkerId, fix: &Fix, index: &ZoneIndex) -> Vec<Crossing> {
        let walk = self.workers.entry(worker).or_default();
        if walk.last.is_some_and(|last| fix.at <= last.at) {
            return Vec::new();
        }
        let mut crossings = Vec::new();
        let mut tell = |property, crossed: Option<Crossed>| {
            crossings.extend(crossed.map(|crossed| Crossing { worker, property, crossed }));
        };
        let last = walk.last.replace(*fix);
        let known = walk.stays.len();
        let stays = &mut walk.stays;
        index.concerned(last.as_ref(), fix, |zone| {
            // Those known before take their step below, and one that came twice has taken it.
            if stays.iter().any(|(property, _)| *property == zone.property) {
                return;
            }
            let before = last.map_or(Stay::Unknown, |last| Stay::Outside { seen_at: last.at });
            let (after, crossed) = before.after(zone, last.as_ref(), fix);
            tell(zone.property, crossed);
            stays.push((zone.property, after));
        });
        for (property, stay) in &mut stays[..known] {
            // A zone that is gone takes its stay with it.
            let Some(zone) = index.zone(*property) else {
                *stay = Stay::Outside { seen_at: fix.at };
                continue;
            };
            let (after, crossed) = stay.after(zone, last.as_ref(), fix);
            tell(*property, crossed);
            *stay = after;
        }
        stays.retain(|(_, stay)| *stay != Stay::Outside { seen_at: fix.at });
        crossings
    }

    /// An arrival that nobody could be told of: it is told again with the next fix inside.
    pub fn take_back(&mut self, crossing: &Crossing) {
        let Crossed::Arrived { at, outside_at } = crossing.crossed else { return };
        let Some(walk) = self.workers.get_mut(&crossing.worker) else { return };
        let last_at = walk.last.map_or(at, |last| last.at);
        let stay = walk.stays.iter_mut().find(|(property, _)| *property == crossing.property);
        if let Some((_, stay)) = stay.filter(|(_, stay)| *stay == Stay::Inside) {
            *stay = Stay::Entering { first_at: at, last_at, since: at, outside_at };
        }
    }
}
