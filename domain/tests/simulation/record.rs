//! The record lane: edits of workers, places and clients, each one transaction on whichever server took the request.
//! What boards read of it is written as facts, in the same transaction.

use std::rc::Rc;

use chrono::{DateTime, Utc};
use muster_domain::dispatch::Visit;
use muster_domain::ids::PropertyId;
use muster_domain::journal::{
    Fact, Glance, JobFact, JobVerb, RecordFact, RecordVerb, VisitFact, VisitVerb, WorkerFact, WorkerVerb,
};
use muster_domain::work::Job;
use muster_domain::{By, Place};

use crate::caller::{id, worker_id};
use crate::dice::Dice;
use crate::store::{Cause, Store};

pub fn edit(dice: &mut Dice, store: &mut Store, now: DateTime<Utc>) {
    let cause = |fact: Fact| -> Cause { (now, By::System, Rc::new(fact)) };
    match dice.below(4) {
        0 => store.record(&[cause(noted(RecordVerb::ClientUpdated, 4))], |_| {}),
        1 => {
            let Some(worker) = store.rows.workers.get(&worker_id(dice.below(3))) else { return };
            let mut worker = worker.clone();
            if !worker.skills.remove("gas") {
                worker.skills.insert("gas".to_owned());
            }
            let worker = Fact::Worker(WorkerFact { verb: WorkerVerb::Updated, worker });
            store.record(&[cause(worker), cause(noted(RecordVerb::UserUpdated, 1))], |_| {});
        }
        _ => {
            let property = PropertyId(id(5, 1 + dice.below(3) as u128));
            let place = Place::new(47.0, 8.0 + dice.below(1000) as f64 / 1000.0);
            let facts: Vec<Cause> = moved(store, property, place).into_iter().map(cause).collect();
            store.record(&facts, |rows| {
                if let Some(site) = rows.sites.get_mut(&property) {
                    site.1 = place;
                }
            });
        }
    }
}

fn noted(verb: RecordVerb, kind: u128) -> Fact {
    Fact::Record(RecordFact { verb, id: id(kind, 1), version: 1, changed: vec![] })
}

/// A place that moved, with the jobs there that have not ended and their visits.
fn moved(store: &Store, property: PropertyId, place: Option<Place>) -> Vec<Fact> {
    let mut facts = vec![noted(RecordVerb::PropertyUpdated, 5)];
    let there = |job: &&Job| job.property_id == Some(property) && job.end.is_none();
    for job in store.rows.jobs.values().filter(there) {
        let next = Job { location: place, version: job.version + 1, ..job.clone() };
        facts.push(Fact::Job(JobFact { verb: JobVerb::Updated, job: next, description: None, reason: None }));
        for visit in store.rows.visits.values().filter(|visit| visit.job_id == job.id) {
            let next = Visit { location: place, version: visit.version + 1, ..visit.clone() };
            facts.push(Fact::Visit(VisitFact {
                verb: VisitVerb::Updated,
                visit: next,
                before: Some(Glance::of(visit)),
                reason: None,
                occurred_at: None,
                regrouped: vec![],
            }));
        }
    }
    facts.push(noted(RecordVerb::ClientUpdated, 4));
    facts
}
