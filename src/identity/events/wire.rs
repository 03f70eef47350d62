//! An event on the wire: who did what when, and the thing as it was afterwards.

use muster_actors::ports::Entry;
use muster_domain::journal::Fact;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dispatch::visits::wire::visit_resource;
use crate::http::envelope::instant;
use crate::http::openapi::Meta;

#[expect(dead_code, reason = "only the API's description reads this shape")]
#[derive(ToSchema)]
pub struct EventPage {
    pub data: Vec<EventResource>,
    pub links: EventLinks,
    pub meta: Meta,
}

#[expect(dead_code, reason = "only the API's description reads this shape")]
#[derive(ToSchema)]
pub struct EventLinks {
    /// What follows; null at the end.
    pub next: Option<String>,
}

#[expect(dead_code, reason = "only the API's description reads this shape")]
#[derive(ToSchema)]
pub struct EventResource {
    /// event
    #[schema(rename = "type")]
    pub kind: String,
    /// The seq, as text.
    pub id: String,
    pub attributes: EventAttributes,
}

#[expect(dead_code, reason = "only the API's description reads this shape")]
#[derive(ToSchema)]
pub struct EventAttributes {
    /// Counts up without gaps in each account.
    pub seq: i64,
    /// Dotted past tense, as in the reference.
    #[schema(rename = "type")]
    pub kind: String,
    pub at: String,
    /// kind: user, device or system; with its id.
    pub actor: Value,
    /// The id of what it is about.
    pub subject: Uuid,
    /// Of visit.*: the visit after the change.
    pub visit: Option<Value>,
    /// Of job.*: the job after the change.
    pub job: Option<Value>,
    /// Of worker.*: the worker after the change.
    pub worker: Option<Value>,
    /// Of timeOff.*
    pub time_off: Option<Value>,
    /// Of records: names of the attributes that changed.
    pub changed: Option<Vec<String>>,
    pub reason: Option<String>,
}

pub fn event_resource(entry: &Entry) -> Value {
    let mut attributes = json!({
        "seq": entry.seq,
        "type": entry.fact.kind(),
        "at": instant(entry.at),
        "actor": entry.by,
        "subject": entry.fact.subject(),
    });
    match &*entry.fact {
        Fact::Visit(fact) => {
            attributes["visit"] = visit_resource(&fact.visit);
            attributes["reason"] = json!(fact.reason);
            attributes["occurredAt"] = json!(fact.occurred_at.map(instant));
        }
        Fact::Job(fact) => {
            let job = &fact.job;
            attributes["job"] = json!({
                "id": job.id, "number": job.number, "title": job.title, "clientId": job.client_id,
                "propertyId": job.property_id, "location": job.location, "requiredSkills": job.required_skills,
                "priority": job.priority, "status": job.status.name(), "version": job.version,
            });
            attributes["reason"] = json!(fact.reason);
        }
        Fact::Worker(fact) => {
            let worker = &fact.worker;
            attributes["worker"] = json!({
                "id": worker.id, "active": worker.active, "skills": worker.skills, "home": worker.home,
                "available": worker.available, "trackingConsent": worker.tracking_consent,
            });
        }
        Fact::TimeOff(fact) => {
            let (id, window) = (fact.time_off.id, fact.time_off.window);
            attributes["timeOff"] = json!({
                "id": id, "workerId": fact.worker_id, "startsAt": instant(window.start), "endsAt": instant(window.end),
                "reason": fact.time_off.reason,
            });
        }
        Fact::Record(fact) => {
            attributes["version"] = json!(fact.version);
            attributes["changed"] = json!(fact.changed);
        }
    }
    json!({ "type": "event", "id": entry.seq.to_string(), "attributes": attributes })
}
