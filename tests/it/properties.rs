//! Properties from outside: places of a client, and what moving one does to the work there.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";

fn property(attributes: Value) -> Value {
    json!({"data": {"type": "property", "attributes": attributes}})
}

fn ids(answer: &Answer) -> Vec<Uuid> {
    let list = answer.body["data"].as_array().expect("a list").iter();
    list.map(|one| one["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")).collect()
}

impl Person {
    async fn adds_property(&self, client: Uuid, attributes: Value) -> Answer {
        self.post(&format!("/api/v1/clients/{client}/properties"), property(attributes)).await
    }
    /// Types of the events about `subject`, oldest first.
    async fn events_about(&self, subject: Uuid) -> Vec<String> {
        let events = self.get("/api/v1/events?page[size]=200").await.ok();
        let about = |event: &&Value| event["attributes"]["subject"] == json!(subject);
        let list = events.body["data"].as_array().expect("a list").iter().filter(about);
        list.map(|event| event["attributes"]["type"].as_str().expect("a type").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_property_is_added_read_and_changed_line_by_line() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await.id();
    let address = json!({"street": "Main 1", "city": "Chur", "postalCode": "7000", "country": "CH"});
    let made = ann.adds_property(client, json!({"name": "Shop", "address": address})).await.created();
    assert_eq!(made.header("location"), Some(format!("/api/v1/properties/{}", made.id()).as_str()));
    let path = format!("/api/v1/properties/{}", made.id());
    let read = ann.get(&path).await.ok();
    assert_eq!(read.body["data"], made.body["data"]);
    assert_eq!(read.attributes()["clientId"], json!(client));
    ann.send(Method::GET, &path, &[("If-None-Match", "\"1\"")], None).await.is(304);
    let places = ann.get(&format!("/api/v1/clients/{client}/properties")).await.ok();
    assert_eq!((ids(&places).len(), &places.body["meta"]["total"]), (2, &json!(2)));
    let last = ann.get(&format!("/api/v1/clients/{client}/properties?page=2&limit=1")).await.ok();
    assert_eq!(ids(&last), [made.id()]);

    let changed = ann.patch(&path, property(json!({"address": {"street": "Main 2"}}))).await.ok();
    assert_eq!(
        changed.attributes()["address"],
        json!({"street": "Main 2", "city": "Chur", "postalCode": "7000", "country": "CH"})
    );
    assert_eq!(changed.attributes()["name"], "Shop");
    let stale = ann.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(property(json!({"name": "X"})))).await;
    let stale = stale.refused(412, "PRECONDITION_FAILED");
    assert_eq!(stale.body["errors"][0]["meta"]["current"], changed.body["data"]);
    let faulty = json!({"location": {"lat": 47.1}, "address": 5, "size": 3});
    let mut sources = ann.patch(&path, property(faulty)).await.refused(400, "VALIDATION_ERROR").sources();
    sources.sort();
    let expected = ["/data/attributes/address", "/data/attributes/location/lng", "/data/attributes/size"];
    assert_eq!(sources, expected);
}

#[tokio::test]
async fn a_property_that_moves_takes_its_open_visits_along() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let client = ann.finds_client().await;
    let place: Uuid = client.attributes()["properties"][0]["id"].as_str().expect("an id").parse().expect("a uuid");
    let windows = json!([{"startsAt": NINE, "endsAt": TEN}, {"startsAt": TEN, "endsAt": "2026-12-01T11:00:00Z"}]);
    let visits = ann.books_for(client.id(), windows, json!({})).await;
    ann.assigns(visits[0], &bob).await.ok();
    ann.post(&format!("/api/v1/visits/{}/cancel", visits[1]), json!({})).await.ok();

    let there = json!({"lat": 46.85, "lng": 9.53});
    ann.patch(&format!("/api/v1/properties/{place}"), property(json!({"location": there}))).await.ok();

    let visit = bob.get(&format!("/api/v1/visits/{}", visits[0])).await.ok();
    assert_eq!(visit.attributes()["location"], there);
    assert_eq!((visit.attributes()["version"].clone(), visit.header("etag")), (json!(3), Some("\"3\"")));
    assert_eq!(visit.attributes()["workerIds"], json!([bob.id]), "he still goes there");
    let job: Uuid = visit.attributes()["jobId"].as_str().expect("an id").parse().expect("a uuid");
    assert_eq!(ann.get(&format!("/api/v1/jobs/{job}")).await.ok().attributes()["location"], there);
    assert_eq!(ann.events_about(visits[0]).await.last().map(String::as_str), Some("visit.updated"));
    assert_eq!(ann.events_about(job).await.last().map(String::as_str), Some("job.updated"));
    assert_eq!(ann.events_about(place).await, ["property.created", "property.updated"]);

    // What is over stays where it was.
    let closed = ann.get(&format!("/api/v1/visits/{}", visits[1])).await.ok();
    assert_eq!(closed.attributes()["location"], json!({"lat": 47.14, "lng": 9.52}));

    // The board has heard: its schedule, and the next command, know the new place.
    let day = ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z").await.ok();
    let on_board = day.body["data"].as_array().expect("visits").iter().find(|one| one["id"] == json!(visits[0]));
    assert_eq!(on_board, Some(&visit.body["data"]));
    let off = json!({"data": {"type": "assignment", "attributes": {"workerIds": [bob.id]}}});
    let freed = ann.post(&format!("/api/v1/visits/{}/unassign", visits[0]), off).await.ok();
    assert_eq!((freed.attributes()["location"].clone(), freed.header("etag")), (there, Some("\"4\"")));
}

#[tokio::test]
async fn more_visits_than_one_statement_writes_move_all_the_same() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await;
    let place = client.attributes()["properties"][0]["id"].as_str().expect("an id").to_owned();
    let waiting = Value::Array(vec![json!({}); 40]);
    let mut visits = ann.books_for(client.id(), waiting.clone(), json!({})).await;
    visits.extend(ann.books_for(client.id(), waiting, json!({})).await);
    ann.patch(&format!("/api/v1/properties/{place}"), property(json!({"location": null}))).await.ok();
    for visit in [visits[0], visits[39], visits[79]] {
        let visit = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
        assert_eq!((&visit.attributes()["location"], &visit.attributes()["version"]), (&Value::Null, &json!(2)));
    }
}

#[tokio::test]
async fn a_property_out_of_use_gets_no_new_jobs() {
    let ann = App::start().await.owner().await;
    let client = ann.finds_client().await;
    let place = client.attributes()["properties"][0]["id"].as_str().expect("an id").to_owned();
    ann.delete(&format!("/api/v1/properties/{place}")).await.is(204);
    let job = json!({"data": {"type": "job", "attributes": {
        "title": "Boiler", "clientId": client.id(), "propertyId": place}}});
    let refused = ann.post("/api/v1/jobs", job.clone()).await.refused(404, "NOT_FOUND");
    assert_eq!(refused.sources(), ["/data/attributes/propertyId"]);
    ann.patch(&format!("/api/v1/properties/{place}"), property(json!({"status": "active"}))).await.ok();
    ann.post("/api/v1/jobs", job).await.created();
}

#[tokio::test]
async fn properties_of_another_account_do_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let client = ann.finds_client().await;
    let place = client.attributes()["properties"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/properties/{place}");
    eve.get(&path).await.refused(404, "NOT_FOUND");
    eve.patch(&path, property(json!({"name": "Mine"}))).await.refused(404, "NOT_FOUND");
    eve.delete(&path).await.refused(404, "NOT_FOUND");
    let own = eve.finds_client().await.id();
    let job = json!({"data": {"type": "job", "attributes": {"title": "Boiler", "clientId": own, "propertyId": place}}});
    eve.post("/api/v1/jobs", job).await.refused(404, "NOT_FOUND");

    let bob = ann.hires_worker(json!({})).await;
    bob.get(&path).await.refused(403, "FORBIDDEN");
    bob.patch(&path, property(json!({"nonsense": 1}))).await.refused(403, "FORBIDDEN");
    ann.hires("dispatcher").await.delete(&path).await.refused(403, "FORBIDDEN");
    app.anonymous().get(&path).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn the_same_property_made_twice_is_one() {
    let ann = App::start().await.owner().await;
    let (one, other) = (ann.finds_client().await.id(), ann.finds_client().await.id());
    let body = json!({"data": {"type": "property", "id": Uuid::now_v7(), "attributes": {"name": "Shop"}}});
    let path = format!("/api/v1/clients/{one}/properties");
    let made = ann.post(&path, body.clone()).await.created();
    assert_eq!(ann.post(&path, body.clone()).await.ok().body["data"], made.body["data"]);
    ann.post(&format!("/api/v1/clients/{other}/properties"), body).await.refused(409, "ALREADY_EXISTS");
}
