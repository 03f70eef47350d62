//! What must hold of every board and of every step, worked out the slow and obvious way, without the board's indexes.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::dispatch::board::{Board, BoardSnapshot, Decision, Rejection};
use muster_domain::dispatch::{Visit, VisitStatus};
use muster_domain::ids::{JobId, VisitId, WorkerId};
use muster_domain::journal::{Fact, Glance, JobVerb, VisitFact, VisitVerb};
use muster_domain::work::{Job, JobEnd, JobStatus};

/// Do two visits compete for one worker's time?
pub fn compete(a: &Visit, b: &Visit) -> bool {
    let (Some(x), Some(y)) = (a.window, b.window) else { return false };
    a.id != b.id
        && a.status.is_open()
        && b.status.is_open()
        && x.start < y.end
        && y.start < x.end
        && a.workers.intersection(&b.workers).next().is_some()
}

/// The pairs that `EXCLUDE (worker =, during &&, overlap_group <>)` would refuse.
pub fn excluded<'a>(visits: impl IntoIterator<Item = &'a Visit>) -> Vec<(VisitId, VisitId)> {
    let visits: Vec<&Visit> = visits.into_iter().collect();
    let mut found = Vec::new();
    for (at, a) in visits.iter().enumerate() {
        let later = visits[at + 1..].iter().filter(|b| compete(a, b) && a.overlap_group != b.overlap_group);
        found.extend(later.map(|b| (a.id, b.id)));
    }
    found
}

/// Each visit's group as it should be: the smallest id that can be reached by competing.
pub fn components<'a>(visits: impl IntoIterator<Item = &'a Visit>) -> BTreeMap<VisitId, VisitId> {
    let visits: Vec<&Visit> = visits.into_iter().collect();
    let mut group: BTreeMap<VisitId, VisitId> = visits.iter().map(|visit| (visit.id, visit.id)).collect();
    let pairs: Vec<(VisitId, VisitId)> =
        visits.iter().flat_map(|a| visits.iter().filter(|b| compete(a, b)).map(|b| (a.id, b.id))).collect();
    loop {
        let mut settled = true;
        for (a, b) in &pairs {
            let lower = group[a].min(group[b]);
            for id in [a, b] {
                settled &= group.insert(*id, lower) == Some(lower);
            }
        }
        if settled {
            return group;
        }
    }
}

/// The contract's own sentence, first match wins.
pub fn job_status(job: &Job, visits: &[&Visit]) -> JobStatus {
    let open: Vec<&&Visit> = visits.iter().filter(|visit| visit.status.is_open()).collect();
    let under_way = |status| {
        use VisitStatus::{InProgress, OnSite, Paused, Traveling};
        matches!(status, Traveling | OnSite | InProgress | Paused)
    };
    if job.end == Some(JobEnd::Completed) {
        JobStatus::Completed
    } else if job.end == Some(JobEnd::Cancelled) {
        JobStatus::Cancelled
    } else if open.is_empty() && visits.iter().any(|visit| visit.status == VisitStatus::Completed) {
        JobStatus::ReadyToComplete
    } else if open.iter().all(|visit| visit.window.is_none()) {
        JobStatus::Unscheduled
    } else if open.iter().any(|visit| visit.workers.is_empty()) {
        JobStatus::Unassigned
    } else if open.iter().any(|visit| under_way(visit.status)) {
        JobStatus::InProgress
    } else {
        JobStatus::Scheduled
    }
}

/// Of every board, at any time.
pub fn hold(board: &Board) {
    let visits: Vec<&Visit> = board.visits().collect();
    assert_eq!(excluded(visits.iter().copied()), [], "two places at once, outside a common group");
    let groups: BTreeMap<VisitId, VisitId> = visits.iter().map(|visit| (visit.id, visit.overlap_group)).collect();
    assert_eq!(groups, components(visits.iter().copied()), "groups are the connected sets");
    for visit in &visits {
        hold_of_visit(board, visit);
    }
    for worker in board.workers() {
        let active = visits.iter().filter(|visit| visit.status.is_active() && visit.workers.contains(&worker.id));
        assert!(active.count() <= 1, "under way in two visits");
    }
    let mut told: Vec<(WorkerId, VisitId, VisitId)> = Vec::new();
    for (a, b) in visits.iter().flat_map(|a| visits.iter().map(move |b| (a, b))) {
        if a.id < b.id && compete(a, b) {
            told.extend(a.workers.intersection(&b.workers).map(|worker| (*worker, a.id, b.id)));
        }
    }
    let mut listed: Vec<_> = board.overlaps().iter().map(|it| (it.worker, it.first, it.second)).collect();
    told.sort();
    listed.sort();
    assert_eq!(listed, told, "every overlap is listed, once");
}

fn hold_of_visit(board: &Board, visit: &Visit) {
    let id = visit.id;
    if visit.status.is_planned() {
        assert_eq!(visit.status, Visit::planned_status(visit.window, &visit.workers), "{id:?} is what it has");
    }
    assert!(visit.workers.is_disjoint(&visit.former_workers), "{id:?}: nobody is both on it and off it");
    assert_eq!(visit.closed_at.is_none(), visit.status.is_open(), "{id:?}: closed has its time");
    if visit.status.is_active() {
        assert!(!visit.workers.is_empty(), "{id:?}: nobody is under way");
    }
    if let Some(arrival) = visit.arrival {
        use VisitStatus::{Scheduled, Traveling};
        assert!(matches!(visit.status, Scheduled | Traveling), "{id:?}: nobody is proposed to arrive any more");
        assert!(visit.workers.contains(&arrival.by), "{id:?}: only its own workers arrive");
        let (start, end) = visit.window.map(|window| (window.start, window.end)).expect("scheduled has a window");
        let two_hours = chrono::TimeDelta::hours(2);
        assert!(start - arrival.at < two_hours && arrival.at - end < two_hours, "{id:?}: it is about this window");
    }
    let Some(job) = board.job(visit.job_id) else { panic!("{id:?} has a job") };
    let siblings: Vec<&Visit> = board.visits_of(job.id).collect();
    assert!(siblings.iter().any(|sibling| sibling.id == id), "{id:?} is one of its job's");
    assert_eq!(job.status, job_status(job, &siblings), "{:?} follows its visits", job.id);
    assert!(job.end.is_none() || !visit.status.is_open(), "{id:?}: an ended job has no open visits");
    for worker in &visit.workers {
        assert!(board.worker(*worker).is_some(), "{id:?}: its workers are on the roster");
        if let Some(window) = visit.window {
            let held: BTreeSet<VisitId> = board.occupied(*worker, window, Some(id)).map(|(other, _)| other).collect();
            let other = |other: &&Visit| {
                other.id != id
                    && other.workers.contains(worker)
                    && other.status.is_open()
                    && other.window.is_some_and(|w| w.overlaps(&window))
            };
            let plain: BTreeSet<VisitId> = board.visits().filter(other).map(|other| other.id).collect();
            assert_eq!(held, plain, "the lane of {worker:?} says the same as the visits");
        }
    }
}

/// Of every decision: what it may say, and what it did to the board.
pub fn step(before: &Board, decision: &Decision, after: &Board) {
    match &decision.answer {
        Ok(_) => {}
        Err(Rejection::Superseded(_)) => assert_eq!(decision.facts.len(), 1, "evidence, and nothing but"),
        Err(_) => assert_eq!(decision.facts, [], "a refusal leaves nothing"),
    }
    let mut view: BTreeMap<VisitId, Visit> = before.visits().map(|visit| (visit.id, visit.clone())).collect();
    let mut jobs: BTreeMap<JobId, Job> = BTreeMap::new();
    for fact in &decision.facts {
        match fact {
            Fact::Visit(fact) => one_visit(&mut view, fact),
            Fact::Job(fact) => {
                let known = jobs.get(&fact.job.id).or_else(|| before.job(fact.job.id));
                let expected = known.map_or(1, |job| job.version + 1);
                assert_eq!(fact.job.version, expected, "a job's version grows by one");
                assert_eq!(fact.verb == JobVerb::Created, known.is_none());
                jobs.insert(fact.job.id, fact.job.clone());
            }
            Fact::Worker(_) | Fact::TimeOff(_) | Fact::Record(_) => {}
        }
    }
    let now: BTreeMap<VisitId, Visit> = after.visits().map(|visit| (visit.id, visit.clone())).collect();
    assert_eq!(view, now, "what was seen before, and the facts, are what is seen after");
    if decision.facts.is_empty() {
        assert_eq!(before, after, "no fact, no change");
    }
}

/// Of every board that is stored.
pub fn stored(board: &Board) {
    let stored = serde_json::to_string(&BoardSnapshot::from(board)).expect("snapshots are JSON");
    let read: BoardSnapshot = serde_json::from_str(&stored).expect("what was written is read");
    assert_eq!(&Board::from(read), board, "a snapshot is the whole board");
}

fn one_visit(view: &mut BTreeMap<VisitId, Visit>, fact: &VisitFact) {
    let id = fact.visit.id;
    let old = view.get(&id).cloned();
    let audience = Fact::Visit(fact.clone()).audience();
    let concerned: BTreeSet<WorkerId> =
        old.iter().flat_map(|old| &old.workers).chain(&fact.visit.workers).copied().collect();
    assert!(audience.is_superset(&concerned), "whoever was or is on it hears of it");
    if fact.verb == VisitVerb::Superseded {
        assert_eq!(old.as_ref(), Some(&fact.visit), "evidence changes nothing");
        return;
    }
    assert_eq!(audience, concerned, "and nobody else");
    assert_eq!(fact.before, old.as_ref().map(Glance::of), "it knows what was seen before");
    assert_eq!(fact.visit.version, old.map_or(1, |old| old.version + 1), "a visit's version grows by one");
    view.insert(id, fact.visit.clone());
    for (other, group) in &fact.regrouped {
        assert_ne!(*other, id, "its own group is in the visit itself");
        let other = view.get_mut(other).expect("only known visits are regrouped");
        assert_ne!(other.overlap_group, *group, "only what changes is told");
        other.overlap_group = *group;
    }
}
