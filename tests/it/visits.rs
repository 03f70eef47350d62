//! Visits from outside: assigning, moving and reporting, and everything that is refused.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::person::{Answer, Person};

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";
const ELEVEN: &str = "2026-12-01T11:00:00Z";

fn moving(attributes: Value) -> Value {
    json!({"data": {"type": "visit", "attributes": attributes}})
}

impl Person {
    async fn moves(&self, visit: Uuid, version: &str, attributes: Value) -> Answer {
        let path = format!("/api/v1/visits/{visit}/move");
        self.send(Method::POST, &path, &[("If-Match", version)], Some(moving(attributes))).await
    }
    async fn reports(&self, visit: Uuid, step: &str) -> Answer {
        self.post(&format!("/api/v1/visits/{visit}/{step}"), json!({})).await
    }
}

#[tokio::test]
async fn a_visit_is_assigned_and_everybody_reads_it_the_same() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;

    let assigned = ann.assigns(visit, &bob).await.ok();
    assert_eq!(assigned.header("etag"), Some("\"2\""));
    assert_eq!(assigned.attributes()["status"], "scheduled");
    assert_eq!(assigned.attributes()["workerIds"], json!([bob.id]));

    let read = bob.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(read.body["data"], assigned.body["data"]);
    let schedule = "/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";
    let day = ann.get(schedule).await.ok();
    assert_eq!(day.body["data"][0], assigned.body["data"]);
    assert_eq!(bob.get(schedule).await.ok().body["data"], day.body["data"]);
    assert!(day.body["meta"]["seq"].is_i64() && day.body["meta"]["epoch"].is_string());
}

#[tokio::test]
async fn a_worker_cannot_be_in_two_places() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (first, second) = (ann.books(NINE, ELEVEN).await, ann.books(TEN, ELEVEN).await);
    let next = ann.books(ELEVEN, "2026-12-01T12:00:00Z").await;
    ann.assigns(first, &bob).await.ok();

    let refused = ann.assigns(second, &bob).await.refused(409, "SCHEDULE_CONFLICT");
    let conflict = &refused.body["errors"][0]["meta"]["conflicts"][0];
    assert_eq!(conflict["visitId"], json!(first));
    assert_eq!((&conflict["workerId"], &conflict["startsAt"]), (&json!(bob.id), &json!(NINE)));
    ann.assigns(next, &bob).await.ok();
}

#[tokio::test]
async fn somebody_with_a_reason_may_overrule_the_calendar() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let bob = ann.hires_worker(json!({})).await;
    let (first, second) = (ann.books(NINE, TEN).await, ann.books(NINE, TEN).await);
    ann.assigns(first, &bob).await.ok();

    let forced = json!({"data": {"type": "assignment", "attributes":
        {"workerIds": [bob.id], "force": {"reason": "next door"}}}});
    let assigned = dee.post(&format!("/api/v1/visits/{second}/assign"), forced).await.ok();
    assert_eq!(assigned.attributes()["overlapAllowed"], true);
    let conflicts = dee.get("/api/v1/conflicts").await.ok();
    let pair = &conflicts.body["data"][0]["attributes"];
    assert_eq!(pair["reason"], "next door");
    assert_eq!(pair["forcedBy"], json!(dee.id));
    let mut both = [first, second];
    both.sort();
    assert_eq!(pair["visitIds"], json!(both));
    let third = ann.books(NINE, TEN).await;
    ann.assigns(third, &bob).await.refused(409, "SCHEDULE_CONFLICT");
}

#[tokio::test]
async fn hours_time_off_skills_and_leaving_are_respected() {
    let app = App::start().await;
    let ann = app.owner().await;
    let hours = json!({"timeZone": "Europe/Zurich", "skills": ["gas"], "workingHours": [{"weekday": "tue", "start": "08:00", "end": "17:00"}]});
    let bob = ann.hires_worker(hours).await;
    let evening = ann.books("2026-12-01T17:00:00Z", "2026-12-01T18:00:00Z").await;
    ann.assigns(evening, &bob).await.refused(422, "OUTSIDE_WORKING_HOURS");

    let client = ann.finds_client().await.id();
    let roof =
        ann.books_for(client, json!([{"startsAt": NINE, "endsAt": TEN}]), json!({"requiredSkills": ["roof"]})).await[0];
    ann.assigns(roof, &bob).await.refused(422, "MISSING_SKILL");

    let visit = ann.books(NINE, TEN).await;
    ann.assigns(visit, &bob).await.ok();
    let off = json!({"data": {"type": "timeOff", "attributes": {"startsAt": "2026-12-01T09:30:00Z", "endsAt": "2026-12-01T15:00:00Z"}}});
    let made = ann.post(&format!("/api/v1/workers/{}/time-off", bob.id), off).await.created();
    assert_eq!(made.body["meta"]["affected"], json!([visit]), "listed, not moved");
    let read = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(read.attributes()["status"], "scheduled");
    let during = ann.books(TEN, ELEVEN).await;
    ann.assigns(during, &bob).await.refused(422, "ON_TIME_OFF");

    let left = ann.delete(&format!("/api/v1/workers/{}", bob.id)).await;
    assert!(left.status < 300, "{}", left.text);
    let freed = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!((&freed.attributes()["status"], &freed.attributes()["workerIds"]), (&json!("unassigned"), &json!([])));
    bob.get("/api/v1/users/me").await.is(401);
    let forced =
        json!({"data": {"type": "assignment", "attributes": {"workerIds": [bob.id], "force": {"reason": "please"}}}});
    ann.post(&format!("/api/v1/visits/{visit}/assign"), forced).await.refused(422, "WORKER_INACTIVE");
}

#[tokio::test]
async fn several_workers_are_assigned_all_or_none() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, cid) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let (visit, both) = (ann.books(NINE, TEN).await, ann.books(NINE, TEN).await);
    ann.assigns(visit, &bob).await.ok();
    ann.post(&format!("/api/v1/visits/{both}/assign"), assignment(&[bob.id, cid.id]))
        .await
        .refused(409, "SCHEDULE_CONFLICT");
    let read = ann.get(&format!("/api/v1/visits/{both}")).await.ok();
    assert_eq!(read.attributes()["workerIds"], json!([]));
    ann.post(&format!("/api/v1/visits/{visit}/unassign"), assignment(&[bob.id])).await.ok();
    ann.post(&format!("/api/v1/visits/{both}/assign"), assignment(&[bob.id, cid.id])).await.ok();
}

#[tokio::test]
async fn a_move_needs_the_version_that_was_seen() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;
    ann.assigns(visit, &bob).await.ok();
    let window = json!({"startsAt": TEN, "endsAt": ELEVEN});

    let path = format!("/api/v1/visits/{visit}/move");
    ann.post(&path, moving(window.clone())).await.refused(428, "PRECONDITION_REQUIRED");
    let stale = ann.moves(visit, "\"1\"", window.clone()).await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(stale.body["errors"][0]["meta"]["current"]["attributes"]["version"], 2);
    let moved = ann.moves(visit, "\"2\"", window).await.ok();
    assert_eq!((moved.header("etag"), &moved.attributes()["startsAt"]), (Some("\"3\""), &json!(TEN)));
    assert_eq!(moved.attributes()["workerIds"], json!([bob.id]), "kept");
    let freed = ann.moves(visit, "\"3\"", json!({"workerIds": []})).await.ok();
    assert_eq!((&freed.attributes()["status"], &freed.attributes()["startsAt"]), (&json!("unassigned"), &json!(TEN)));
    let waiting = ann.moves(visit, "\"4\"", json!({"startsAt": null, "endsAt": null})).await.ok();
    assert_eq!(waiting.attributes()["status"], "unscheduled");
}

#[tokio::test]
async fn progress_follows_the_states_and_who_reports_it() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, cid) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let (visit, other) = (ann.books(NINE, TEN).await, ann.books(TEN, ELEVEN).await);
    ann.assigns(visit, &bob).await.ok();
    ann.assigns(other, &bob).await.ok();

    bob.reports(visit, "complete").await.refused(409, "WRONG_STATE");
    let on_the_way = bob.reports(visit, "start-travel").await.ok();
    assert_eq!(on_the_way.body["meta"]["verdict"], "applied");
    let busy = bob.reports(other, "start").await.refused(409, "WRONG_STATE");
    assert_eq!(busy.body["errors"][0]["meta"]["busyWith"], json!(visit));
    for (step, status) in [("arrive", "onSite"), ("start", "inProgress"), ("pause", "paused"), ("start", "inProgress")]
    {
        assert_eq!(bob.reports(visit, step).await.ok().attributes()["status"], status);
    }
    assert_eq!(bob.reports(visit, "complete").await.ok().attributes()["status"], "completed");
    cid.reports(other, "start-travel").await.refused(404, "NOT_FOUND");
    ann.post(&format!("/api/v1/visits/{other}/unassign"), assignment(&[bob.id])).await.ok();
    let late = bob.reports(other, "start-travel").await.refused(409, "SUPERSEDED");
    assert_eq!(late.body["errors"][0]["meta"]["verdict"], "superseded");
    bob.post(&format!("/api/v1/visits/{other}/cancel"), json!({})).await.refused(403, "FORBIDDEN");
    ann.post(&format!("/api/v1/visits/{other}/cancel"), json!({})).await.ok();
    let reopened = moving(json!({"reason": "they called again"}));
    let open = ann.post(&format!("/api/v1/visits/{other}/reopen"), reopened).await.ok();
    assert_eq!(open.attributes()["status"], "unassigned");
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_the_first_answer() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;
    let path = format!("/api/v1/visits/{visit}/assign");
    let send = async |body: Value| ann.send(Method::POST, &path, &[("Idempotency-Key", "k1")], Some(body)).await;

    let first = send(assignment(&[bob.id])).await.ok();
    ann.post(&format!("/api/v1/visits/{visit}/unassign"), assignment(&[bob.id])).await.ok();
    let again = send(assignment(&[bob.id])).await.ok();
    assert_eq!((again.text, again.headers.get("etag")), (first.text.clone(), first.headers.get("etag")));
    assert_eq!(again.headers.get("idempotency-replayed").map(|v| v.as_bytes()), Some(b"true".as_slice()));
    send(assignment(&[ann.id])).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let now = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(now.attributes()["workerIds"], json!([]), "the repetition changed nothing");
}

#[tokio::test]
async fn a_dry_run_tells_what_would_happen_and_writes_nothing() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (visit, other) = (ann.books(NINE, TEN).await, ann.books(NINE, TEN).await);
    let seq = async || {
        let day = ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z").await.ok();
        day.body["meta"]["seq"].clone()
    };
    let before = seq().await;
    let path = format!("/api/v1/visits/{visit}/assign");
    let would = ann.post(&format!("{path}?dryRun=true"), assignment(&[bob.id])).await.ok();
    assert_eq!((&would.attributes()["status"], &would.attributes()["version"]), (&json!("scheduled"), &json!(2)));
    assert_eq!(seq().await, before);
    ann.assigns(other, &bob).await.ok();
    ann.post(&format!("{path}?dryRun=true"), assignment(&[bob.id])).await.refused(409, "SCHEDULE_CONFLICT");
    let moved = format!("/api/v1/visits/{other}/move?dryRun=true");
    let window = moving(json!({"startsAt": TEN, "endsAt": ELEVEN}));
    ann.send(Method::POST, &moved, &[("If-Match", "\"2\"")], Some(window)).await.ok();
    assert_eq!(ann.get(&format!("/api/v1/visits/{other}")).await.ok().attributes()["startsAt"], NINE);

    let refused = ann.post(&format!("{path}?dryRun=1"), assignment(&[bob.id])).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["dryRun"]);
    ann.post(&format!("/api/v1/visits/{visit}/cancel?dryRun=true"), json!({})).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn another_accounts_visit_does_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let bob = ann.hires_worker(json!({})).await;
    let (visit, hers) = (ann.books(NINE, TEN).await, eve.books(NINE, TEN).await);
    ann.assigns(visit, &bob).await.ok();
    eve.get(&format!("/api/v1/visits/{visit}")).await.refused(404, "NOT_FOUND");
    eve.assigns(visit, &bob).await.refused(404, "NOT_FOUND");
    eve.assigns(hers, &bob).await.refused(404, "NOT_FOUND");
    eve.post(&format!("/api/v1/visits/{hers}/unassign"), assignment(&[bob.id])).await.refused(404, "NOT_FOUND");
    eve.moves(visit, "\"2\"", json!({"workerIds": []})).await.refused(404, "NOT_FOUND");
    for command in ["start", "cancel", "unassign"] {
        let body = if command == "unassign" { assignment(&[bob.id]) } else { json!({}) };
        eve.post(&format!("/api/v1/visits/{visit}/{command}"), body).await.refused(404, "NOT_FOUND");
    }
    app.anonymous().get(&format!("/api/v1/visits/{visit}")).await.refused(401, "UNAUTHENTICATED");
    bob.assigns(visit, &bob).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn what_is_malformed_is_named_field_by_field() {
    let app = App::start().await;
    let ann = app.owner().await;
    let visit = ann.books(NINE, TEN).await;
    let path = format!("/api/v1/visits/{visit}/assign");
    let wrong =
        json!({"data": {"type": "assignment", "attributes": {"workerIds": ["x"], "force": {}, "color": "red"}}});
    let refused = ann.post(&path, wrong).await.refused(400, "VALIDATION_ERROR");
    let sources = refused.sources();
    for pointer in ["/data/attributes/workerIds", "/data/attributes/force/reason", "/data/attributes/color"] {
        assert!(sources.iter().any(|source| source == pointer), "{pointer} not in {sources:?}");
    }
    ann.get("/api/v1/schedule?from=2026-12-01&to=x").await.refused(400, "VALIDATION_ERROR");
    ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z&colour=red")
        .await
        .refused(400, "VALIDATION_ERROR");
    ann.get("/api/v1/visits/not-an-id").await.refused(404, "NOT_FOUND");
    ann.get("/api/v1/nowhere").await.refused(404, "NOT_FOUND");
    ann.delete("/api/v1/schedule").await.refused(405, "METHOD_NOT_ALLOWED");
    let head = ann.send(Method::HEAD, &format!("/api/v1/visits/{visit}"), &[], None).await.ok();
    assert_eq!((head.header("etag"), head.text.as_str()), (Some("\"1\""), ""));
}
