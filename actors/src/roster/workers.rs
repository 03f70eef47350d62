//! The workers of a roster in shards that snapshots share: another snapshot costs one shard for each worker who changed,
//! and what changed between two is found without looking at everybody. Knows nothing of boards.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_domain::ids::WorkerId;

use super::RosterEntry;

/// A shard of a hundred thousand workers holds four hundred.
const SHARDS: usize = 256;

type Shard = BTreeMap<WorkerId, RosterEntry>;

#[derive(Clone, Debug)]
pub struct Workers {
    shards: Vec<Arc<Shard>>,
}

impl Default for Workers {
    fn default() -> Self {
        Self { shards: vec![Arc::default(); SHARDS] }
    }
}

/// By the last byte of the id, which is random in every kind of UUID that is made here.
fn shard_of(id: &WorkerId) -> usize {
    usize::from(id.0.as_bytes()[15]) % SHARDS
}

impl Workers {
    pub fn get(&self, id: &WorkerId) -> Option<&RosterEntry> {
        self.shards[shard_of(id)].get(id)
    }

    pub fn contains_key(&self, id: &WorkerId) -> bool {
        self.get(id).is_some()
    }

    /// In no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&WorkerId, &RosterEntry)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub fn keys(&self) -> impl Iterator<Item = &WorkerId> {
        self.iter().map(|(id, _)| id)
    }

    pub(super) fn set(&mut self, id: WorkerId, entry: Option<RosterEntry>) {
        let shard = Arc::make_mut(&mut self.shards[shard_of(&id)]);
        match entry {
            Some(entry) => drop(shard.insert(id, entry)),
            None => drop(shard.remove(&id)),
        }
    }

    /// Those who are not here as they were in `before`; `None`: here no more.
    pub fn since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a WorkerId, Option<&'a RosterEntry>)> {
        let pairs = self.shards.iter().zip(&before.shards).filter(|(new, old)| !Arc::ptr_eq(new, old));
        pairs.flat_map(|(new, old)| {
            let fresh =
                new.iter().filter(|(id, entry)| old.get(id) != Some(entry)).map(|(id, entry)| (id, Some(entry)));
            let gone = old.keys().filter(|id| !new.contains_key(id)).map(|id| (id, None));
            fresh.chain(gone)
        })
    }
}

impl PartialEq for Workers {
    fn eq(&self, other: &Self) -> bool {
        self.shards.iter().zip(&other.shards).all(|(one, two)| Arc::ptr_eq(one, two) || one == two)
    }
}

impl FromIterator<(WorkerId, RosterEntry)> for Workers {
    fn from_iter<I: IntoIterator<Item = (WorkerId, RosterEntry)>>(entries: I) -> Self {
        let mut shards = vec![Shard::new(); SHARDS];
        for (id, entry) in entries {
            shards[shard_of(&id)].insert(id, entry);
        }
        Self { shards: shards.into_iter().map(Arc::new).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use muster_domain::dispatch::{Worker, WorkingHours};
    use uuid::Uuid;

    use super::*;

    fn entry(n: u128, active: bool) -> (WorkerId, RosterEntry) {
        let id = WorkerId(Uuid::from_u128(n));
        let hours = WorkingHours { zone: chrono_tz::UTC, shifts: Vec::new() };
        let worker = Worker {
            id,
            active,
            available: true,
            tracking_consent: true,
            followed_since: None,
            skills: BTreeSet::new(),
            home: None,
            hours,
            time_off: BTreeMap::new(),
        };
        (id, RosterEntry { worker, visit_status: None })
    }

    #[test]
    fn what_changed_between_two_rosters_is_told_and_nothing_else() {
        let before: Workers = (0..2_000).map(|n| entry(n, true)).collect();
        let mut after = before.clone();
        assert_eq!(after.since(&before).count(), 0);
        let (changed, now) = entry(7, false);
        after.set(changed, Some(now));
        after.set(entry(263, true).0, None);
        let (new, joined) = entry(5_000, true);
        after.set(new, Some(joined));
        let told: BTreeMap<u128, Option<bool>> =
            after.since(&before).map(|(id, entry)| (id.0.as_u128(), entry.map(|entry| entry.worker.active))).collect();
        assert_eq!(told, BTreeMap::from([(7, Some(false)), (263, None), (5_000, Some(true))]));
        assert!(before.get(&changed).is_some_and(|entry| entry.worker.active), "snapshots do not change");
        let same: Workers = after.iter().map(|(id, entry)| (*id, entry.clone())).collect();
        assert_eq!(same, after);
        assert_ne!(before, after);
    }
}
