//! The journal from outside: everything that happened, in order, by a cursor.

use serde_json::{Value, json};

use crate::harness::app::App;
use crate::harness::person::Person;

impl Person {
    /// Every event after `cursor`, following the links in pieces of `size`.
    async fn follows(&self, size: usize, more: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut next = Some(format!("/api/v1/events?page[size]={size}{more}"));
        while let Some(path) = next {
            let piece = self.get(&path).await.ok();
            let list = piece.body["data"].as_array().expect("a list");
            assert!(list.len() <= size);
            events.extend(list.iter().cloned());
            next = piece.body["links"]["next"].as_str().map(str::to_owned);
        }
        events
    }
}

#[tokio::test]
async fn the_journal_is_read_in_pieces_without_gaps() {
    let ann = App::start().await.owner().await;
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    ann.post(&format!("/api/v1/visits/{visit}/cancel"), json!({})).await.ok();
    let events = ann.follows(2, "").await;
    let seqs: Vec<i64> = events.iter().map(|event| event["attributes"]["seq"].as_i64().expect("a number")).collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).expect("few")).collect::<Vec<_>>());
    let types: Vec<&str> = events.iter().filter_map(|event| event["attributes"]["type"].as_str()).collect();
    let expected = ["client.created", "property.created", "job.created", "visit.created", "visit.cancelled"];
    let positions: Vec<Option<usize>> = expected.iter().map(|kind| types.iter().position(|one| one == kind)).collect();
    assert!(positions.iter().all(Option::is_some) && positions.is_sorted(), "{types:?}");

    let cancelled = events.iter().find(|event| event["attributes"]["type"] == "visit.cancelled").expect("it is there");
    assert_eq!(cancelled["type"], "event");
    assert_eq!(cancelled["id"], json!(cancelled["attributes"]["seq"].to_string()));
    let attributes = &cancelled["attributes"];
    assert_eq!(attributes["subject"], json!(visit));
    assert_eq!(attributes["actor"]["id"], json!(ann.id));
    assert_eq!(attributes["visit"], ann.get(&format!("/api/v1/visits/{visit}")).await.ok().body["data"]);
}

#[tokio::test]
async fn events_are_chosen_by_type() {
    let ann = App::start().await.owner().await;
    ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let events = ann.follows(1, "&filter[type]=visit.created,client.created").await;
    let types: Vec<&Value> = events.iter().map(|event| &event["attributes"]["type"]).collect();
    assert_eq!(types, ["client.created", "visit.created", "client.created", "visit.created"]);
    let last = events[3]["attributes"]["seq"].as_i64().expect("a number");
    let after = ann.get(&format!("/api/v1/events?page[after]={last}&filter[type]=visit.created")).await.ok();
    assert_eq!((&after.body["data"], &after.body["links"]["next"]), (&json!([]), &Value::Null));
    for query in ["filter[type]=visit.eaten", "page[after]=-1", "page[size]=201", "page=2"] {
        ann.get(&format!("/api/v1/events?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn the_journal_is_for_the_office_and_of_its_own_account() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let client = ann.finds_client().await.id();
    let seen = eve.follows(200, "").await;
    assert!(!seen.is_empty() && seen.iter().all(|event| event["attributes"]["subject"] != json!(client)));
    ann.hires("manager").await.get("/api/v1/events").await.ok();
    ann.hires("dispatcher").await.get("/api/v1/events").await.ok();
    ann.hires_worker(json!({})).await.get("/api/v1/events").await.refused(403, "FORBIDDEN");
    app.anonymous().get("/api/v1/events").await.refused(401, "UNAUTHENTICATED");
}
