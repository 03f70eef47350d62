//! A fence saw somebody arrive: which visit it concerns, if any. It proposes; people, or the account's policy, accept
//! (docs/decisions/014-arrivals-are-proposed.md). Leaving a fence changes nothing here.

use chrono::{DateTime, TimeDelta, Utc};

use super::decide::{Accepted, Touched, touching};
use super::{Board, KEEPS_CLOSED, Rejection};
use crate::dispatch::{ProposedArrival, Step, Visit, VisitStatus};
use crate::ids::{PropertyId, VisitId, WorkerId};
use crate::journal::{Fact, VisitVerb};
use crate::{Moment, TimeWindow};

/// Why the journal says that a visit has, or may have, been reached.
pub const BY_FENCE: &str = "geofence";
/// Of whom nobody knows when he was last outside, it is taken that he has been there for so long.
const ONE_STAY: TimeDelta = TimeDelta::hours(12);
/// Servers forget by clocks of their own, which differ by less than this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);
/// What is told later is proposed whatever the account says: meanwhile people have gone on.
const ACCEPTED_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// What a fence saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenArrival {
    pub worker: WorkerId,
    pub property: PropertyId,
    /// When he crossed the border.
    pub at: DateTime<Utc>,
    /// When he was last surely outside before; `None` if nobody saw him outside.
    pub outside_at: Option<DateTime<Utc>>,
    /// The account's policy: take it for true.
    pub accept: bool,
}

impl Board {
    /// Asked twice, it changes nothing the second time: neither for the visit that has a proposal, nor for another one
    /// that the same stay could be meant for.
    pub(super) fn propose_arrival(&self, seen: &SeenArrival, at: &Moment) -> Accepted {
        let nothing = Ok((Vec::new(), Touched::default()));
        let outside_at = seen.outside_at.unwrap_or(seen.at - ONE_STAY);
        let mut here = self.visits().filter(|visit| self.is_of(visit, seen));
        // Some boards have forgotten what was closed before this, others have not: they must decide alike.
        let surely_known_since = at.now - KEEPS_CLOSED + CLOCKS_DIFFER;
        if here.any(|visit| has_taken(visit, outside_at.max(surely_known_since))) {
            return nothing;
        }
        let Some(visit) = self.expecting(seen) else { return nothing };
        match &visit.arrival {
            Some(held) if !held.dismissed || outside_at <= held.at => return nothing,
            Some(_) | None => {}
        }
        // Somebody who is still under way with another visit cannot be taken to have begun this one.
        if seen.accept
            && at.now - seen.at <= ACCEPTED_WITHIN
            && let Ok((mut facts, touched)) = self.step(visit, Step::Arrive, Some(seen.at), None, at)
        {
            if let Some(Fact::Visit(fact)) = facts.first_mut() {
                fact.reason = Some(BY_FENCE.to_owned());
            }
            return Ok((facts, touched));
        }
        let mut next = visit.clone();
        next.arrival = Some(ProposedArrival { at: seen.at, by: seen.worker, dismissed: false });
        let mut fact = self.changed(visit, next, VisitVerb::ArrivalProposed, Some(BY_FENCE.to_owned()));
        fact.occurred_at = Some(seen.at);
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    /// Puts a proposal away until the worker has been outside again.
    pub(super) fn dismiss_arrival(&self, id: VisitId, expect: Option<i64>, at: &Moment) -> Accepted {
        let visit = self.expected(id, expect)?;
        if at.by.as_own_worker().is_some_and(|me| !visit.workers.contains(&me)) {
            return Err(Rejection::VisitNotFound(id));
        }
        let Some(held) = visit.proposed_arrival() else { return Ok((Vec::new(), touching(visit))) };
        let mut next = visit.clone();
        next.arrival = Some(ProposedArrival { dismissed: true, ..*held });
        let fact = self.changed(visit, next, VisitVerb::ArrivalDismissed, None);
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    fn is_of(&self, visit: &Visit, seen: &SeenArrival) -> bool {
        let job = self.job(visit.job_id);
        visit.workers.contains(&seen.worker) && job.is_some_and(|job| job.property_id == Some(seen.property))
    }

    /// The one he is on his way to, or else the earliest near one.
    fn expecting(&self, seen: &SeenArrival) -> Option<&Visit> {
        let near = TimeWindow::new(seen.at - ProposedArrival::NEAR, seen.at + ProposedArrival::NEAR)?;
        let near = self.occupied(seen.worker, near, None).filter_map(|(id, _)| self.visit(id));
        let expecting = near.filter(|visit| visit.awaits_arrival() && self.is_of(visit, seen));
        expecting.min_by_key(|visit| {
            (visit.status != VisitStatus::Traveling, visit.window.map(|window| window.start), visit.id)
        })
    }
}

/// Was this stay at the property already a visit's? One arrival is of one visit.
fn has_taken(visit: &Visit, outside_at: DateTime<Utc>) -> bool {
    match visit.status {
        VisitStatus::OnSite | VisitStatus::InProgress | VisitStatus::Paused => true,
        VisitStatus::Completed | VisitStatus::NoAccess => visit.closed_at.is_some_and(|closed| closed > outside_at),
        VisitStatus::Unscheduled
        | VisitStatus::Unassigned
        | VisitStatus::Scheduled
        | VisitStatus::Traveling
        | VisitStatus::Cancelled => false,
    }
}
