//! What the radar knows, without the actor around it: every worker's position and standing, what changed since it was
//! last shown, and when it next wants the time. The clock is an argument.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{VisitStatus, Worker};
use muster_domain::ids::WorkerId;
use muster_domain::live::{Point, Presence, Reason, Standing, shift_changes_at};
use serde::Serialize;

use super::Mark;
use super::index::{Bounds, NearIndex};
use crate::roster::Roster;

/// Older fixes say nothing about where somebody is now: such a worker is not offered as near.
const FIX_FRESH_FOR: TimeDelta = TimeDelta::minutes(5);

/// Who is looked for near a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub from: Place,
    pub limit: usize,
    pub skills: BTreeSet<String>,
    /// On shift then; `None` is now.
    pub at: Option<DateTime<Utc>>,
}

/// An available worker and how far he is.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub worker: WorkerId,
    pub distance_m: f64,
    pub live: LivePosition,
}

/// A worker's live attributes. Without a position only presence, reason and shift say something.
#[derive(Clone, Debug, PartialEq)]
pub struct LivePosition {
    pub point: Option<Point>,
    pub presence: Presence,
    pub reason: Reason,
    pub on_shift: bool,
    /// His own word that he can take work.
    pub available: bool,
}

#[derive(Debug, Default)]
struct Tracked {
    /// Where he is shown.
    point: Option<Point>,
    /// A tracker has said so; otherwise it is what was stored last.
    is_told: bool,
    standing: Standing,
    active: bool,
    on_shift: bool,
    available: bool,
    consents: bool,
    visit_status: Option<VisitStatus>,
    shift_changes_at: Option<DateTime<Utc>>,
    /// As last marked.
    shown: Option<Presence>,
    /// The entry that waits for him in `wakes`.
    wakes_at: Option<DateTime<Utc>>,
}

impl Tracked {
    fn presence(&self, now: DateTime<Utc>) -> Presence {
        self.standing.presence(now)
    }

    fn reason(&self, now: DateTime<Utc>) -> Reason {
        if self.consents { self.standing.reason(self.on_shift, now) } else { Reason::NoConsent }
    }

    /// Takes the word of a tracker, which has judged the point. What was stored gives way only to what is newer, and a
    /// point that was late only places him who is nowhere.
    fn place(&mut self, point: Point, is_told: bool) -> bool {
        let is_better = match &self.point {
            None => true,
            Some(held) if point.is_late() && !held.is_late() => false,
            Some(held) if self.is_told && is_told => (held.order(), held.place) != (point.order(), point.place),
            Some(held) => held.order() < point.order(),
        };
        self.is_told |= is_told;
        if is_better {
            self.point = Some(point);
        }
        is_better
    }

    fn judge_shift(&mut self, worker: &Worker, now: DateTime<Utc>) {
        self.active = worker.active;
        self.available = worker.available;
        self.consents = worker.tracking_consent;
        self.on_shift = worker.is_on_shift(now);
        self.shift_changes_at = shift_changes_at(worker, now);
    }
}

#[derive(Debug, Default)]
pub struct Scene {
    roster: Arc<Roster>,
    tracked: HashMap<WorkerId, Tracked>,
    index: NearIndex,
    changed: BTreeSet<WorkerId>,
    wakes: BinaryHeap<Reverse<(DateTime<Utc>, WorkerId)>>,
}

impl Scene {
    /// A point that a tracker judged, or only word from the worker. Whoever does not agree to it is followed no more,
    /// whatever was under way.
    pub fn accept(&mut self, worker: WorkerId, point: Option<Point>, standing: Standing, now: DateTime<Utc>) {
        self.take(worker, point, standing, true, now);
    }

    /// A position that was stored before this scene was set up.
    pub fn remember(&mut self, worker: WorkerId, point: Point, now: DateTime<Utc>) {
        let standing = Standing { heard_at: Some(point.received_at), ..Standing::default() };
        self.take(worker, Some(point), standing, false, now);
    }

    fn take(&mut self, worker: WorkerId, point: Option<Point>, standing: Standing, is_told: bool, now: DateTime<Utc>) {
        if self.roster.workers.get(&worker).is_some_and(|entry| !entry.worker.tracking_consent) {
            return;
        }
        let tracked = self.tracked.entry(worker).or_default();
        let reason = tracked.reason(now);
        if let Some(point) = point {
            let place = point.place;
            if tracked.place(point, is_told) {
                self.index.put(worker, place);
                self.changed.insert(worker);
            }
        }
        let heard_at = tracked.standing.heard_at.max(standing.heard_at);
        tracked.standing =
            if is_told { Standing { heard_at, ..standing } } else { Standing { heard_at, ..tracked.standing } };
        if tracked.reason(now) != reason {
            self.changed.insert(worker);
        }
        self.review(worker, now);
    }

    /// The board published another roster.
    pub fn enroll(&mut self, roster: Arc<Roster>, now: DateTime<Utc>) {
        let before = std::mem::replace(&mut self.roster, roster.clone());
        for (id, entry) in roster.workers.since(&before.workers) {
            let tracked = self.tracked.entry(*id).or_default();
            self.changed.insert(*id);
            let Some(entry) = entry else {
                (tracked.active, tracked.on_shift, tracked.shift_changes_at) = (false, false, None);
                continue;
            };
            tracked.judge_shift(&entry.worker, now);
            tracked.visit_status = entry.visit_status;
            if !tracked.consents {
                (tracked.point, tracked.standing, tracked.is_told) = (None, Standing::default(), false);
                self.index.take(*id);
            }
            self.review(*id, now);
        }
    }

    /// When something will change by itself.
    pub fn wakes_at(&self) -> Option<DateTime<Utc>> {
        self.wakes.peek().map(|Reverse((at, _))| *at)
    }

    /// Lets the time have its effect on everybody whose moment has come.
    pub fn wake(&mut self, now: DateTime<Utc>) {
        while let Some(Reverse((at, worker))) = self.wakes.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.wakes.pop();
            let Some(tracked) = self.tracked.get_mut(&worker).filter(|tracked| tracked.wakes_at == Some(at)) else {
                continue;
            };
            tracked.wakes_at = None;
            if tracked.shift_changes_at.is_some_and(|edge| edge <= now)
                && let Some(entry) = self.roster.workers.get(&worker)
            {
                let before = tracked.on_shift;
                tracked.judge_shift(&entry.worker, now);
                if tracked.on_shift != before {
                    self.changed.insert(worker);
                }
            }
            self.review(worker, now);
        }
    }

    /// Notes a change of presence, and when the worker is to be looked at again.
    fn review(&mut self, worker: WorkerId, now: DateTime<Utc>) {
        let Some(tracked) = self.tracked.get_mut(&worker) else { return };
        let presence = tracked.presence(now);
        if tracked.shown != Some(presence) {
            tracked.shown = Some(presence);
            self.changed.insert(worker);
        }
        let silence = tracked.standing.wakes_at(now);
        let next = [silence, tracked.shift_changes_at].into_iter().flatten().min();
        // An entry that comes too early is corrected when it fires, so that a report costs no timer.
        if let Some(next) = next.filter(|next| tracked.wakes_at.is_none_or(|held| *next < held)) {
            tracked.wakes_at = Some(next);
            self.wakes.push(Reverse((next, worker)));
        }
    }

    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The marks of those who changed since the last call; whoever left the roster is marked once more, as lost.
    pub fn take_changes(&mut self, now: DateTime<Utc>) -> Vec<Mark> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter_map(|worker| self.mark(worker, now).or_else(|| self.removal(worker))).collect()
    }

    /// Takes off the map who does not agree to be on it.
    fn removal(&self, worker: WorkerId) -> Option<Mark> {
        self.tracked.get(&worker).filter(|tracked| !tracked.consents).map(|_| Mark::removal(worker))
    }

    /// Everybody active whose place is known, by id.
    pub fn marks(&self, now: DateTime<Utc>) -> Vec<Mark> {
        let mut shown: Vec<WorkerId> =
            self.tracked.iter().filter(|(_, tracked)| tracked.active).map(|(id, _)| *id).collect();
        shown.sort_unstable();
        shown.into_iter().filter_map(|worker| self.mark(worker, now)).collect()
    }

    pub fn within(&self, bounds: &Bounds, now: DateTime<Utc>) -> Vec<Mark> {
        let inside = self.index.within(bounds).into_iter();
        let active = |id: &WorkerId| self.tracked.get(id).is_some_and(|tracked| tracked.active);
        inside.filter(active).filter_map(|worker| self.mark(worker, now)).collect()
    }

    pub fn nearest(&self, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Near> {
        let hits = self.index.nearest(wanted.from, wanted.limit, |worker| self.is_eligible(worker, wanted, now));
        let near = |hit: super::index::Hit| {
            let live = self.live(self.tracked.get(&hit.worker)?, now);
            Some(Near { worker: hit.worker, distance_m: hit.distance_m, live })
        };
        hits.into_iter().filter_map(near).collect()
    }

    fn is_eligible(&self, worker: WorkerId, wanted: &Wanted, now: DateTime<Utc>) -> bool {
        let Some(tracked) = self.tracked.get(&worker).filter(|tracked| tracked.active) else { return false };
        let fresh = tracked.point.as_ref().is_some_and(|point| now - point.measured_at() <= FIX_FRESH_FOR);
        let Some(entry) = self.roster.workers.get(&worker).filter(|_| fresh) else { return false };
        let on_shift = wanted.at.map_or(tracked.on_shift, |at| entry.worker.is_on_shift(at));
        on_shift && tracked.available && wanted.skills.is_subset(&entry.worker.skills)
    }

    /// Live attributes of these, or of the whole roster; of nobody who is not on it.
    pub fn positions(&self, of: Option<&[WorkerId]>, now: DateTime<Utc>) -> BTreeMap<WorkerId, LivePosition> {
        let live = |id: &WorkerId| self.tracked.get(id).map(|tracked| (*id, self.live(tracked, now)));
        match of {
            Some(of) => of.iter().filter(|id| self.roster.workers.contains_key(id)).filter_map(live).collect(),
            None => self.roster.workers.keys().filter_map(live).collect(),
        }
    }

    fn live(&self, tracked: &Tracked, now: DateTime<Utc>) -> LivePosition {
        LivePosition {
            point: tracked.point.clone(),
            presence: tracked.presence(now),
            reason: tracked.reason(now),
            on_shift: tracked.on_shift,
            available: tracked.available,
        }
    }

    fn mark(&self, worker: WorkerId, now: DateTime<Utc>) -> Option<Mark> {
        let tracked = self.tracked.get(&worker)?;
        let point = tracked.point.as_ref()?;
        let (presence, reason) = if tracked.active {
            (tracked.presence(now), tracked.reason(now))
        } else {
            (Presence::Lost, Reason::OffShift)
        };
        let wire = MarkWire {
            id: worker,
            lat: point.place.lat,
            lng: point.place.lng,
            heading_deg: point.heading_deg,
            speed_mps: point.speed_mps,
            accuracy_m: point.accuracy_m,
            battery_pct: tracked.standing.battery_pct.or(point.battery_pct),
            at: point.measured_at().to_rfc3339_opts(SecondsFormat::Millis, true),
            presence: presence.name(),
            reason: reason.code(),
            on_shift: tracked.on_shift,
            available: tracked.available,
            visit_status: tracked.visit_status.map(VisitStatus::name),
        };
        let json = serde_json::to_vec(&wire).expect("a mark has only strings and finite numbers");
        let online = presence == Presence::Online;
        Some(Mark { worker, place: point.place, online, json: Bytes::from(json) })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MarkWire {
    id: WorkerId,
    lat: f64,
    lng: f64,
    heading_deg: Option<f32>,
    speed_mps: Option<f32>,
    accuracy_m: Option<f32>,
    battery_pct: Option<f32>,
    at: String,
    presence: &'static str,
    reason: &'static str,
    on_shift: bool,
    available: bool,
    visit_status: Option<&'static str>,
}
