//! Overlap groups: visits that somebody allowed to overlap share one, so that the database's own guard lets exactly
//! these pass and still refuses the next ordinary booking over any of them. A group is the smallest id of a set of
//! visits connected by overlapping; it is worked out anew whenever one of them moves.

use std::collections::{BTreeMap, BTreeSet};

use super::Board;
use crate::dispatch::Visit;
use crate::ids::VisitId;

impl Board {
    /// The group of `changed` as it will be, and the others whose group changes with it.
    pub(super) fn regroup(&self, changed: &Visit) -> (VisitId, Vec<(VisitId, VisitId)>) {
        let members = self.affected_by(changed);
        let mut groups: BTreeMap<VisitId, VisitId> = BTreeMap::new();
        for start in members.keys() {
            if groups.contains_key(start) {
                continue;
            }
            // Walked in ascending order, so the first one met is the smallest of its set.
            let mut reach = vec![*start];
            while let Some(id) = reach.pop() {
                if groups.insert(id, *start).is_none() {
                    reach.extend(neighbours(&members, id).filter(|next| !groups.contains_key(next)));
                }
            }
        }
        let own = groups.get(&changed.id).copied().unwrap_or(changed.id);
        let others = groups.into_iter().filter(|(id, group)| {
            *id != changed.id && self.visit(*id).is_some_and(|visit| visit.overlap_group != *group)
        });
        (own, others.collect())
    }

    /// Everybody in the groups that `changed` leaves or touches, itself as it will be.
    fn affected_by<'a>(&'a self, changed: &'a Visit) -> BTreeMap<VisitId, &'a Visit> {
        let mut groups = BTreeSet::from([changed.overlap_group]);
        if let Some(window) = changed.occupies() {
            let touched = changed.workers.iter().flat_map(|worker| self.occupied(*worker, window, Some(changed.id)));
            groups.extend(touched.filter_map(|(id, _)| self.visit(id)).map(|visit| visit.overlap_group));
        }
        let ids = groups.iter().filter_map(|group| self.groups.get(group)).flatten();
        let mut members: BTreeMap<VisitId, &Visit> =
            ids.filter_map(|id| self.visit(*id)).map(|visit| (visit.id, visit)).collect();
        members.insert(changed.id, changed);
        members
    }
}

fn neighbours<'a>(members: &'a BTreeMap<VisitId, &Visit>, of: VisitId) -> impl Iterator<Item = VisitId> + 'a {
    let one = members.get(&of).copied();
    members.values().filter(move |other| one.is_some_and(|one| collide(one, other))).map(|other| other.id)
}

fn collide(a: &Visit, b: &Visit) -> bool {
    match (a.occupies(), b.occupies()) {
        (Some(x), Some(y)) => a.id != b.id && x.overlaps(&y) && !a.workers.is_disjoint(&b.workers),
        _ => false,
    }
}
