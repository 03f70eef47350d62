//! One batch of points from one worker's phone, the same under every transport: to the tracker, and on to the answer
//! once the points are durable.

use muster_actors::live::{Live, Unanswered};
use muster_actors::tracker::Sending;
use muster_domain::dispatch::VisitStatus;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Point, Trouble};
use uuid::Uuid;

use super::protocol::Protocol;
use super::wire::{Profile, Rejected};
use crate::http::{Code, Problem};
use crate::store::StoreError;

/// A point as it was understood, or the code of why it was not.
pub type Parsed = Result<Point, &'static str>;

/// What became of the points. `accepted` were new, `duplicates` were there already; both are safe.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub accepted: usize,
    pub duplicates: usize,
    pub rejected: Vec<Rejected>,
    pub profile: Profile,
}

/// What a phone sent at once.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Tells the phones of one worker apart: each has its own clock.
    pub phone: Uuid,
    /// What it says is wrong with it.
    pub trouble: Option<Trouble>,
    pub points: Vec<Parsed>,
}

pub async fn report(
    live: &Live,
    protocol: Protocol,
    account: AccountId,
    worker: WorkerId,
    incoming: Incoming,
) -> Result<Outcome, Problem> {
    let outcome = taken(live, account, worker, incoming).await?;
    protocol.count(&outcome);
    Ok(outcome)
}

async fn taken(live: &Live, account: AccountId, worker: WorkerId, incoming: Incoming) -> Result<Outcome, Problem> {
    let Incoming { phone, trouble, points } = incoming;
    let mut rejected = Vec::new();
    let (mut indices, mut taken) = (Vec::with_capacity(points.len()), Vec::with_capacity(points.len()));
    for (index, point) in points.into_iter().enumerate() {
        match point {
            Ok(point) => {
                indices.push(index);
                taken.push(point);
            }
            Err(code) => rejected.push(Rejected { index, code }),
        }
    }
    let receipt = live.report(account, worker, Sending { phone, trouble, points: taken }).await.map_err(unanswered)?;
    for (index, verdict) in indices.into_iter().zip(&receipt.verdicts) {
        if let Err(refusal) = verdict {
            rejected.push(Rejected { index, code: refusal.code() });
        }
    }
    rejected.sort_by_key(|rejected| rejected.index);
    let new = receipt.flushed.await.map_err(|_| StoreError::Unavailable("tracks".into()))?;
    let accepted = new.iter().filter(|new| **new).count();
    let profile = profile_of(live, account, worker).await?;
    Ok(Outcome { accepted, duplicates: new.len() - accepted, rejected, profile })
}

pub fn unanswered(why: Unanswered) -> Problem {
    match why {
        Unanswered::Full => Problem::new(Code::OVERLOADED, "Too many positions wait to be stored. Nothing was taken."),
        Unanswered::NotActive => Problem::new(Code::FORBIDDEN, "The worker has been deactivated: nobody is followed."),
        Unanswered::Unavailable => StoreError::Unavailable("live".into()).into(),
    }
}

/// How often to report, by what the worker is doing: the customer waits for one who travels, and a battery must last
/// the day. On shift always within the time after which presence turns stale.
async fn profile_of(live: &Live, account: AccountId, worker: WorkerId) -> Result<Profile, Problem> {
    let live_account = live.account(account).await.map_err(|_| StoreError::Unavailable("live".into()))?;
    let roster = live_account.roster();
    let Some(entry) = roster.workers.get(&worker) else { return Ok(Profile { interval_s: 600, distance_m: 500 }) };
    let on_shift = entry.worker.is_on_shift(chrono::Utc::now());
    Ok(match entry.visit_status {
        Some(VisitStatus::Traveling) => Profile { interval_s: 5, distance_m: 20 },
        Some(_) => Profile { interval_s: 60, distance_m: 50 },
        None if on_shift => Profile::SET_UP,
        None => Profile { interval_s: 600, distance_m: 500 },
    })
}
