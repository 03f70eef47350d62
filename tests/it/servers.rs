//! Two servers on one database, from outside: it makes no difference which one is asked, and a request that reaches both
//! has one effect.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::person::{Answer, Person};

async fn two() -> [Person; 2] {
    let here = App::start().await;
    let there = here.sibling().await;
    let ann = here.owner().await;
    [ann.clone(), ann.at(&there)]
}

#[tokio::test]
async fn what_was_made_at_one_server_the_other_one_knows_at_once() {
    let [here, there] = two().await;
    // Both boards are awake before anything is there.
    for ann in [&here, &there] {
        ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z").await.ok();
    }
    for round in 0..10 {
        let (maker, other) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        let worker = maker.hires_worker(json!({})).await;
        let visit = other.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
        let rival = maker.books("2026-12-01T09:30:00Z", "2026-12-01T10:30:00Z").await;
        maker.assigns(visit, &worker).await.ok();
        other.assigns(rival, &worker).await.refused(409, "SCHEDULE_CONFLICT");
        let seen = other.get(&format!("/api/v1/visits/{visit}")).await.ok();
        assert_eq!(seen.attributes()["workerIds"], json!([worker.id]));
        // Off the roster at one server: nobody sends him from the other.
        maker.delete(&format!("/api/v1/workers/{}", worker.id)).await.is(204);
        other.assigns(rival, &worker).await.refused(422, "WORKER_INACTIVE");
    }
}

/// The same request fifty times at once, every other one to the other server.
async fn fifty(servers: &[Person; 2], path: &str, body: serde_json::Value) -> Vec<Answer> {
    let key = Uuid::now_v7().to_string();
    let headers = [("Idempotency-Key", key.as_str())];
    let sent = (0..50).map(|n| servers[n % 2].send(Method::POST, path, &headers, Some(body.clone())));
    let answers = join_all(sent).await;
    let new: Vec<&Answer> = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).collect();
    assert_eq!(new.len(), 1, "one is new, the others are told that they are repetitions");
    let said = |answer: &Answer| (answer.status, answer.text.clone(), answer.header("etag").map(str::to_owned));
    assert!(answers.iter().all(|answer| said(answer) == said(new[0])));
    answers
}

#[tokio::test]
async fn one_key_fifty_times_over_two_servers_is_one_effect_and_one_answer() {
    let servers = two().await;
    let worker = servers[0].hires_worker(json!({})).await;
    let visit = servers[0].books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let assigned = fifty(&servers, &format!("/api/v1/visits/{visit}/assign"), assignment(&[worker.id])).await;
    assert_eq!((assigned[0].status, &assigned[0].attributes()["version"]), (200, &json!(2)));

    let client = json!({"data": {"type": "client", "attributes": {"firstName": "Dora", "lastName": "Once"}}});
    let made = fifty(&servers, "/api/v1/clients", client).await;
    assert_eq!(made[0].status, 201);
    let found = servers[1].get("/api/v1/clients?search=Once").await.ok();
    assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1));

    let job =
        json!({"data": {"type": "job", "attributes": {"title": "Boiler", "clientId": made[0].id(), "visits": [{}]}}});
    let booked = fifty(&servers, "/api/v1/jobs", job).await;
    assert_eq!((booked[0].status, &booked[0].attributes()["number"]), (201, &json!(2)));
}

#[tokio::test]
async fn one_connection_is_enough_for_everything_at_once() {
    let ann = App::with_one_connection().await.owner().await;
    let worker = ann.hires_worker(json!({})).await;
    let mornings = (1..=9).map(|day| {
        let (ann, worker) = (&ann, &worker);
        async move {
            let visit = ann.books(&format!("2026-12-0{day}T09:00:00Z"), &format!("2026-12-0{day}T10:00:00Z")).await;
            ann.assigns(visit, worker).await.ok();
            ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-10T00:00:00Z&include=job,client").await.ok();
            worker.post(&format!("/api/v1/visits/{visit}/cancel"), json!({})).await.is(403);
        }
    });
    join_all(mornings).await;
}
