//! The schedule as the stream shows it: the same resource objects as everywhere else, written once for all who watch.

use std::sync::Arc;

use bytes::Bytes;
use muster_actors::directory::Directory;
use muster_actors::hub::{Picture, ScheduleSource};
use muster_actors::ports::{Entry, Journal, Later, Unavailable, Wire};
use muster_domain::TimeWindow;
use muster_domain::dispatch::Visit;
use muster_domain::ids::{AccountId, VisitId, WorkerId};
use muster_domain::journal::Fact;
use serde_json::{Value, json};

use super::routes::visits_of;
use super::wire::{visit_bytes, visit_resource};
use crate::http::envelope::instant;
use crate::store::Store;

/// Writes the stream's fragments.
pub struct Fragments;

impl Wire for Fragments {
    fn visit(&self, visit: &Visit) -> Bytes {
        visit_bytes(visit)
    }

    fn event(&self, entry: &Entry) -> Option<Bytes> {
        let mut event = json!({ "type": entry.fact.kind(), "at": instant(entry.at), "by": entry.by });
        match &*entry.fact {
            Fact::Visit(fact) => event["visit"] = visit_resource(&fact.visit),
            Fact::Job(fact) => event["jobId"] = json!(fact.job.id),
            Fact::Worker(fact) => event["workerId"] = json!(fact.worker.id),
            Fact::TimeOff(fact) => {
                event["workerId"] = json!(fact.worker_id);
                event["timeOffId"] = json!(fact.time_off.id);
            }
            Fact::Record(fact) => event["id"] = json!(fact.id),
        }
        Some(bytes(&event))
    }

    fn removal(&self, entry: &Entry, visit: VisitId) -> Bytes {
        let visit = json!({ "type": "visit", "id": visit });
        bytes(&json!({ "type": entry.fact.kind(), "kind": "rm", "at": instant(entry.at), "visit": visit }))
    }
}

fn bytes(event: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec(event).expect("JSON values can be written"))
}

/// Snapshots for the stream: what `GET /schedule` answers, and as of which entry.
pub struct Schedules {
    pub store: Store,
    pub boards: Arc<Directory>,
}

impl ScheduleSource for Schedules {
    fn visits(
        &self,
        account: AccountId,
        range: TimeWindow,
        viewer: Option<WorkerId>,
    ) -> Later<Result<Picture, Unavailable>> {
        let (store, boards) = (self.store.clone(), Arc::clone(&self.boards));
        Box::pin(async move {
            let epoch = store.head(account).await?.epoch;
            let (seq, visits) = visits_of(&store, &boards, account, range, viewer).await.map_err(|problem| {
                tracing::warn!(%problem, "a schedule could not be read for the stream");
                Unavailable
            })?;
            Ok(Picture { epoch, seq, visits: visits.iter().map(visit_bytes).collect() })
        })
    }
}
