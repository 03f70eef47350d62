//! What the office knows of everybody's visits, kept up by the journal: one reader for the whole crew, instead of a
//! question of each worker every few seconds.

use std::collections::BTreeMap;
use std::sync::RwLock;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::client::{Refusal, Session};
use super::duty::Order;

/// A worker who is given something hears of it within this.
const READS_EVERY: Duration = Duration::from_millis(1_500);
/// What is long over is let go of then.
const OPENS_EVERY_READINGS: u32 = 1_200;
const HOURS: i64 = 12;
const PAGE: usize = 200;

/// The visits of these hours, by worker.
#[derive(Default)]
pub struct Book {
    held: RwLock<Held>,
}

#[derive(Default)]
struct Held {
    visits: BTreeMap<Uuid, (Order, Vec<Uuid>)>,
    of: BTreeMap<Uuid, Vec<Uuid>>,
    seq: i64,
}

impl Book {
    /// Everything at once, as it stands.
    pub async fn open(&self, office: &Session) -> Result<(), Refusal> {
        let (now, hours) = (Utc::now(), chrono::Duration::hours(HOURS));
        let (from, to) = (text(now - hours), text(now + hours));
        let answer = office.get(&format!("/schedule?from={from}&to={to}")).await?;
        let mut fresh = Held { seq: answer["meta"]["seq"].as_i64().unwrap_or_default(), ..Held::default() };
        answer["data"].as_array().into_iter().flatten().for_each(|visit| fresh.take(visit));
        *self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Reads on for ever; what cannot be read now is read later.
    pub async fn follow(&self, office: &Session) {
        for reading in 1u32.. {
            tokio::time::sleep(READS_EVERY).await;
            let opens = reading.is_multiple_of(OPENS_EVERY_READINGS);
            let read = if opens { self.open(office).await } else { self.read_on(office).await };
            if let Err(refusal) = read {
                tracing::debug!(%refusal, "the office's book waits");
            }
        }
    }

    pub async fn read_on(&self, office: &Session) -> Result<(), Refusal> {
        loop {
            let after = self.held.read().map(|held| held.seq).unwrap_or_default();
            let answer = office.get(&format!("/events?page[after]={after}&page[size]={PAGE}")).await?;
            let events = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
            let Ok(mut held) = self.held.write() else { return Ok(()) };
            for event in events {
                held.seq = held.seq.max(event["attributes"]["seq"].as_i64().unwrap_or_default());
                held.take(&event["attributes"]["visit"]);
            }
            if events.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// One visit as it stands now.
    pub fn take(&self, visit: &Value) {
        if let Ok(mut held) = self.held.write() {
            held.take(visit);
        }
    }

    /// A worker's own visits.
    pub fn of(&self, worker: Uuid) -> Vec<Order> {
        let Ok(held) = self.held.read() else { return Vec::new() };
        let ids = held.of.get(&worker).into_iter().flatten();
        ids.filter_map(|id| held.visits.get(id)).map(|(order, _)| order.clone()).collect()
    }
}

impl Held {
    fn take(&mut self, visit: &Value) {
        let Some(order) = Order::read(visit) else { return };
        let workers = workers_of(visit);
        if let Some((_, before)) = self.visits.get(&order.id) {
            for worker in before.iter().filter(|worker| !workers.contains(worker)) {
                if let Some(own) = self.of.get_mut(worker) {
                    own.retain(|id| *id != order.id);
                }
            }
        }
        for worker in &workers {
            let own = self.of.entry(*worker).or_default();
            if !own.contains(&order.id) {
                own.push(order.id);
            }
        }
        self.visits.insert(order.id, (order, workers));
    }
}

pub fn workers_of(visit: &Value) -> Vec<Uuid> {
    let ids = visit["attributes"]["workerIds"].as_array().into_iter().flatten();
    ids.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn visit(id: u128, status: &str, workers: &[u128]) -> Value {
        let workers: Vec<Uuid> = workers.iter().map(|worker| Uuid::from_u128(*worker)).collect();
        json!({"id": Uuid::from_u128(id), "attributes": {"status": status, "workerIds": workers}})
    }

    #[test]
    fn a_visit_that_is_given_to_another_leaves_the_first() {
        let (book, [ann, bob]) = (Book::default(), [1, 2].map(Uuid::from_u128));
        book.take(&visit(9, "scheduled", &[1]));
        book.take(&visit(8, "scheduled", &[1, 2]));
        assert_eq!((book.of(ann).len(), book.of(bob).len()), (2, 1));
        book.take(&visit(9, "scheduled", &[2]));
        book.take(&json!(null));
        assert_eq!((book.of(ann).len(), book.of(bob).len()), (1, 2));
        book.take(&visit(9, "completed", &[2]));
        assert!(book.of(bob).iter().any(|order| !order.status.is_open()), "the same visit, as it is now");
        assert_eq!(book.of(bob).len(), 2);
    }
}
