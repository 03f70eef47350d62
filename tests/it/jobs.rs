//! Jobs from outside: made with their visits, changed, ended, and everything that is refused.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";
const ELEVEN: &str = "2026-12-01T11:00:00Z";

fn job(attributes: Value) -> Value {
    json!({"data": {"type": "job", "attributes": attributes}})
}

fn visits(answer: &Answer) -> Vec<&Value> {
    let included = answer.body["included"].as_array().into_iter().flatten();
    included.filter(|one| one["type"] == "visit").collect()
}

impl Person {
    async fn makes(&self, attributes: Value) -> Answer {
        self.post("/api/v1/jobs", job(attributes)).await
    }
    /// A job of a new client with one visit from nine to ten.
    async fn makes_one(&self) -> Answer {
        let client = self.finds_client().await.id();
        self.makes(json!({"title": "Boiler", "clientId": client, "visits": [{"startsAt": NINE, "endsAt": TEN}]}))
            .await
            .created()
    }
    async fn lists_jobs(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("/api/v1/jobs?{query}")).await.ok();
        let jobs = answer.body["data"].as_array().expect("a list").iter();
        jobs.map(|job| job["attributes"]["title"].as_str().expect("a title").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_job_is_made_with_its_visits_and_read_back_the_same() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await.id();
    let made = ann
        .makes(json!({"title": "Boiler", "description": "Leaks", "clientId": client, "requiredSkills": ["Gas"],
            "visits": [{"startsAt": NINE, "endsAt": TEN}, {}]}))
        .await
        .created();
    let attributes = made.attributes();
    assert_eq!((&attributes["number"], &attributes["status"]), (&json!(1), &json!("unassigned")));
    assert_eq!((&attributes["priority"], &attributes["requiredSkills"]), (&json!(3), &json!(["gas"])));
    assert_eq!(attributes["location"], json!({"lat": 47.14, "lng": 9.52}), "the client's only property");
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert_eq!(made.header("location"), Some(format!("/api/v1/jobs/{}", made.id()).as_str()));
    let included = visits(&made);
    assert_eq!(included.len(), 2);
    assert_eq!(included[0]["attributes"]["jobId"], json!(made.id()));
    let statuses: Vec<&Value> = included.iter().map(|visit| &visit["attributes"]["status"]).collect();
    assert_eq!(statuses, ["unassigned", "unscheduled"]);

    let path = format!("/api/v1/jobs/{}", made.id());
    let read = ann.get(&format!("{path}?include=visits,client")).await.ok();
    assert_eq!(read.body["data"], made.body["data"]);
    assert_eq!(visits(&read), included);
    assert!(read.body["included"].as_array().expect("included").iter().any(|one| one["id"] == json!(client)));
    assert_eq!(ann.get(&path).await.ok().body["data"]["attributes"], *attributes);
    ann.send(Method::GET, &path, &[("If-None-Match", "\"1\"")], None).await.is(304);

    let second = ann.makes(json!({"title": "Sink", "clientId": client})).await.created();
    assert_eq!((&second.attributes()["number"], &second.attributes()["status"]), (&json!(2), &json!("unscheduled")));
}

#[tokio::test]
async fn every_faulty_field_of_a_job_is_named_at_once() {
    let ann = App::start().await.owner().await;
    let refused = ann
        .makes(json!({"title": "x".repeat(201), "clientId": "nobody", "priority": 6, "colour": "red",
            "requiredSkills": "gas", "visits": [{"startsAt": TEN, "endsAt": NINE}, {"startsAt": TEN}, 5]}))
        .await
        .refused(400, "VALIDATION_ERROR");
    let mut sources = refused.sources();
    sources.sort();
    let expected = [
        "/data/attributes/clientId",
        "/data/attributes/colour",
        "/data/attributes/priority",
        "/data/attributes/requiredSkills",
        "/data/attributes/title",
        "/data/attributes/visits/0/endsAt",
        "/data/attributes/visits/1/endsAt",
        "/data/attributes/visits/2",
    ];
    assert_eq!(sources, expected);
    let mut missing = ann.makes(json!({})).await.refused(400, "VALIDATION_ERROR").sources();
    missing.sort();
    assert_eq!(missing, ["/data/attributes/clientId", "/data/attributes/title"]);
    let many = Value::Array(vec![json!({}); 51]);
    let too_many = ann.makes(json!({"title": "Boiler", "clientId": Uuid::now_v7(), "visits": many})).await;
    assert_eq!(too_many.refused(400, "VALIDATION_ERROR").sources(), ["/data/attributes/visits"]);
    assert!(ann.lists_jobs("").await.is_empty());
}

#[tokio::test]
async fn a_client_of_another_account_does_not_exist_in_a_body_either() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let foreign = ann.finds_client().await;
    let refused = eve.makes(json!({"title": "Boiler", "clientId": foreign.id()})).await.refused(404, "NOT_FOUND");
    assert_eq!(refused.sources(), ["/data/attributes/clientId"]);
    let property = &foreign.attributes()["properties"][0]["id"];
    let own = eve.finds_client().await.id();
    let refused = eve.makes(json!({"title": "Boiler", "clientId": own, "propertyId": property})).await;
    assert_eq!(refused.refused(404, "NOT_FOUND").sources(), ["/data/attributes/propertyId"]);
    let bob = ann.hires_worker(json!({})).await;
    let visits = json!([{"startsAt": NINE, "endsAt": TEN, "workerIds": [bob.id]}]);
    eve.makes(json!({"title": "Boiler", "clientId": own, "visits": visits})).await.refused(404, "NOT_FOUND");
    assert!(eve.lists_jobs("").await.is_empty());
}

#[tokio::test]
async fn jobs_of_another_account_do_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let path = format!("/api/v1/jobs/{}", ann.makes_one().await.id());
    eve.get(&path).await.refused(404, "NOT_FOUND");
    eve.patch(&path, job(json!({"title": "Mine"}))).await.refused(404, "NOT_FOUND");
    eve.delete(&path).await.refused(404, "NOT_FOUND");
    for step in ["complete", "cancel"] {
        eve.post(&format!("{path}/{step}"), json!({})).await.refused(404, "NOT_FOUND");
    }
    eve.post(&format!("{path}/reopen"), job(json!({"reason": "Mine"}))).await.refused(404, "NOT_FOUND");
    let visit = json!({"data": {"type": "visit", "attributes": {}}});
    eve.post(&format!("{path}/visits"), visit).await.refused(404, "NOT_FOUND");
    assert_eq!(ann.get(&path).await.ok().attributes()["status"], "unassigned");
}

#[tokio::test]
async fn with_several_properties_the_job_says_where() {
    let ann = App::start().await.owner().await;
    let client = json!({"firstName": "Eva", "properties": [{"name": "Home"}, {"name": "Shop"}]});
    let client = ann.post("/api/v1/clients", json!({"data": {"type": "client", "attributes": client}})).await.created();
    let refused = ann.makes(json!({"title": "Boiler", "clientId": client.id()})).await;
    assert_eq!(refused.refused(400, "VALIDATION_ERROR").sources(), ["/data/attributes/propertyId"]);
    let shop = &client.attributes()["properties"][1]["id"];
    let made = ann.makes(json!({"title": "Boiler", "clientId": client.id(), "propertyId": shop})).await.created();
    assert_eq!(made.attributes()["propertyId"], *shop);
}

#[tokio::test]
async fn the_same_job_made_twice_is_one_and_another_under_its_id_is_refused() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await.id();
    let id = Uuid::now_v7();
    let body = |title: &str| {
        json!({"data": {"type": "job", "id": id, "attributes":
            {"title": title, "clientId": client, "visits": [{"startsAt": NINE, "endsAt": TEN}]}}})
    };
    let made = ann.post("/api/v1/jobs", body("Boiler")).await.created();
    assert_eq!(made.id(), id);
    let again = ann.post("/api/v1/jobs", body("Boiler")).await.ok();
    assert_eq!((&again.body["data"], visits(&again)), (&made.body["data"], visits(&made)));
    let other = ann.post("/api/v1/jobs", body("Sink")).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(other.sources(), ["/data/id"]);
    assert_eq!(ann.lists_jobs("").await, ["Boiler"]);
}

#[tokio::test]
async fn a_repeated_key_makes_one_job() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await.id();
    let body = |title: &str| Some(job(json!({"title": title, "clientId": client})));
    let key = [("Idempotency-Key", "k1")];
    let first = ann.send(Method::POST, "/api/v1/jobs", &key, body("Boiler")).await.created();
    let again = ann.send(Method::POST, "/api/v1/jobs", &key, body("Boiler")).await.created();
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
    ann.send(Method::POST, "/api/v1/jobs", &key, body("Sink")).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(ann.lists_jobs("").await, ["Boiler"]);
}

#[tokio::test]
async fn a_patch_reaches_the_open_visits_and_counts_them_up() {
    let app = App::start().await;
    let ann = app.owner().await;
    let made = ann.makes_one().await;
    let visit = visits(&made)[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/jobs/{}", made.id());
    let change = json!({"title": "Burner", "description": "Cold", "requiredSkills": ["gas"], "priority": 5});
    let patched = ann.patch(&path, job(change)).await.ok();
    assert_eq!(patched.header("etag"), Some("\"2\""));
    assert_eq!(patched.attributes()["description"], "Cold");
    assert_eq!(ann.get(&path).await.ok().body["data"], patched.body["data"]);
    let seen = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    let attributes = seen.attributes();
    assert_eq!((&attributes["requiredSkills"], &attributes["priority"]), (&json!(["gas"]), &json!(5)));
    assert_eq!(attributes["version"], 2);

    // The board knows: who lacks the skill cannot be sent.
    let bob = ann.hires_worker(json!({})).await;
    ann.assigns(visit.parse().expect("a uuid"), &bob).await.refused(422, "MISSING_SKILL");

    let words = ann.patch(&path, job(json!({"description": null}))).await.ok();
    assert_eq!((words.header("etag"), &words.attributes()["description"]), (Some("\"3\""), &Value::Null));
    let seen = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(seen.attributes()["version"], 2, "words do not concern the visits");
}

#[tokio::test]
async fn a_stale_writer_gets_the_current_job() {
    let ann = App::start().await.owner().await;
    let made = ann.makes_one().await;
    let path = format!("/api/v1/jobs/{}", made.id());
    let current = ann.patch(&path, job(json!({"title": "Burner"}))).await.ok().body["data"].clone();
    let stale = [("If-Match", "\"1\"")];
    let change = Some(job(json!({"title": "Sink"})));
    let refused = ann.send(Method::PATCH, &path, &stale, change).await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(refused.body["errors"][0]["meta"]["current"], current);
    let cancel = ann.send(Method::POST, &format!("{path}/cancel"), &stale, Some(json!({}))).await;
    assert_eq!(cancel.refused(412, "PRECONDITION_FAILED").body["errors"][0]["meta"]["current"], current);
    ann.send(Method::DELETE, &path, &stale, None).await.refused(412, "PRECONDITION_FAILED");
    let mixed = ann.get(&format!("{path}?include=visits")).await.ok();
    let etag = mixed.header("etag").expect("an etag").to_owned();
    assert!(etag.starts_with("W/\"2-"), "{etag}");
    ann.send(Method::PATCH, &path, &[("If-Match", &etag)], Some(job(json!({"title": "Sink"})))).await.ok();
}

#[tokio::test]
async fn a_job_gets_more_visits_until_it_ends() {
    let ann = App::start().await.owner().await;
    let made = ann.makes_one().await;
    let path = format!("/api/v1/jobs/{}", made.id());
    let visit = json!({"data": {"type": "visit", "attributes": {"startsAt": TEN, "endsAt": ELEVEN}}});
    let added = ann.post(&format!("{path}/visits"), visit.clone()).await.created();
    assert_eq!(added.header("location"), Some(format!("/api/v1/visits/{}", added.id()).as_str()));
    assert_eq!((added.attributes()["jobId"].clone(), added.header("etag")), (json!(made.id()), Some("\"1\"")));
    assert_eq!(visits(&ann.get(&format!("{path}?include=visits")).await.ok()).len(), 2);
    let faulty = json!({"data": {"type": "visit", "attributes": {"startsAt": TEN, "size": 3}}});
    ann.post(&format!("{path}/visits"), faulty).await.refused(400, "VALIDATION_ERROR");
    ann.delete(&path).await.is(204);
    ann.post(&format!("{path}/visits"), visit).await.refused(409, "WRONG_STATE");
}

#[tokio::test]
async fn a_cancelled_job_takes_its_open_visits_with_it_and_opens_again() {
    let ann = App::start().await.owner().await;
    let made = ann.makes_one().await;
    let path = format!("/api/v1/jobs/{}", made.id());
    let cancelled = ann.post(&format!("{path}/cancel"), job(json!({"reason": "Moved away"}))).await.ok();
    assert_eq!(cancelled.attributes()["status"], "cancelled");
    assert_eq!(cancelled.body["data"], ann.get(&path).await.ok().body["data"]);
    let read = ann.get(&format!("{path}?include=visits")).await.ok();
    assert_eq!(visits(&read)[0]["attributes"]["status"], "cancelled");
    ann.post(&format!("{path}/cancel"), json!({})).await.refused(409, "WRONG_STATE");
    ann.delete(&path).await.is(204);

    let unreasoned = ann.post(&format!("{path}/reopen"), json!({})).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(unreasoned.sources(), ["/data/attributes/reason"]);
    let open = ann.post(&format!("{path}/reopen"), job(json!({"reason": "Came back"}))).await.ok();
    assert_eq!(open.attributes()["status"], "unscheduled", "its visits stay as they are");
    ann.post(&format!("{path}/reopen"), job(json!({"reason": "Twice"}))).await.refused(409, "WRONG_STATE");
}

#[tokio::test]
async fn a_job_is_completed_when_its_work_is_done() {
    let ann = App::start().await.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let made = ann.makes_one().await;
    let visit: Uuid = visits(&made)[0]["id"].as_str().expect("an id").parse().expect("a uuid");
    let path = format!("/api/v1/jobs/{}", made.id());
    ann.post(&format!("{path}/complete"), json!({})).await.refused(409, "WRONG_STATE");
    ann.assigns(visit, &bob).await.ok();
    assert_eq!(ann.get(&path).await.ok().attributes()["status"], "scheduled");
    for step in ["start", "complete"] {
        bob.post(&format!("/api/v1/visits/{visit}/{step}"), json!({})).await.ok();
    }
    assert_eq!(ann.get(&path).await.ok().attributes()["status"], "readyToComplete");
    let done = ann.post(&format!("{path}/complete"), json!({})).await.ok();
    assert_eq!(done.attributes()["status"], "completed");
    bob.post(&format!("{path}/complete"), json!({})).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn jobs_are_found_by_state_client_number_and_title() {
    let ann = App::start().await.owner().await;
    let (one, other) = (ann.finds_client().await.id(), ann.finds_client().await.id());
    let boiler = ann.makes(json!({"title": "Boiler", "clientId": one, "priority": 5})).await.created().id();
    let sink = json!({"title": "Sink 100%", "clientId": other, "visits": [{"startsAt": NINE, "endsAt": TEN}]});
    let sink = ann.makes(sink).await.created().id();
    assert_eq!(ann.lists_jobs("filter[status]=unassigned").await, ["Sink 100%"]);
    assert_eq!(ann.lists_jobs(&format!("filter[clientId]={one}")).await, ["Boiler"]);
    assert_eq!(ann.lists_jobs(&format!("filter[id]={sink},{boiler}&sort=-number")).await, ["Sink 100%", "Boiler"]);
    assert_eq!(ann.lists_jobs("search=boil").await, ["Boiler"]);
    assert_eq!(ann.lists_jobs("search=2").await, ["Sink 100%"]);
    assert_eq!(ann.lists_jobs("search=%25").await, ["Sink 100%"]);
    assert_eq!(ann.lists_jobs("sort=-priority").await, ["Boiler", "Sink 100%"]);
    let of_client = ann.get(&format!("/api/v1/clients/{other}/jobs?include=visits,client")).await.ok();
    assert_eq!(of_client.body["meta"]["total"], 1);
    assert_eq!(of_client.body["included"].as_array().map(Vec::len), Some(2));
    ann.get(&format!("/api/v1/clients/{}/jobs", Uuid::now_v7())).await.refused(404, "NOT_FOUND");
    for query in ["filter[status]=gone", "filter[clientId]=x", "filter[id]=x", "sort=colour", "colour=red"] {
        ann.get(&format!("/api/v1/jobs?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn a_worker_sees_only_jobs_with_a_visit_of_his() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, cid) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let made = ann.makes_one().await;
    let other = ann.makes_one().await.id();
    let path = format!("/api/v1/jobs/{}", made.id());
    ann.assigns(visits(&made)[0]["id"].as_str().expect("an id").parse().expect("a uuid"), &bob).await.ok();
    let second = json!({"data": {"type": "visit", "attributes": {"startsAt": TEN, "endsAt": ELEVEN}}});
    ann.post(&format!("{path}/visits"), second).await.created();

    let listed = bob.get("/api/v1/jobs?include=visits,client").await.ok();
    assert_eq!(listed.body["meta"]["total"], 1);
    assert_eq!(listed.body["data"][0]["id"], json!(made.id()));
    assert_eq!(visits(&listed).len(), 1, "of its visits only his");
    assert_eq!(visits(&bob.get(&format!("{path}?include=visits")).await.ok()).len(), 1);
    bob.get(&format!("/api/v1/jobs/{other}")).await.refused(404, "NOT_FOUND");
    cid.get(&path).await.refused(404, "NOT_FOUND");
    assert!(cid.lists_jobs("").await.is_empty());

    bob.makes(json!({"nonsense": 1})).await.refused(403, "FORBIDDEN");
    bob.patch(&path, job(json!({"title": "Mine"}))).await.refused(403, "FORBIDDEN");
    bob.delete(&path).await.refused(403, "FORBIDDEN");
    app.anonymous().get(&path).await.refused(401, "UNAUTHENTICATED");
    app.anonymous().makes(json!({"nonsense": 1})).await.refused(401, "UNAUTHENTICATED");
}
