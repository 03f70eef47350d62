//! Clients from outside: made, found, changed, taken out of use and back, and everything that is refused.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

fn client(attributes: Value) -> Value {
    json!({"data": {"type": "client", "attributes": attributes}})
}

fn with_id(id: Uuid, attributes: Value) -> Value {
    json!({"data": {"type": "client", "id": id, "attributes": attributes}})
}

impl Person {
    async fn adds_client(&self, attributes: Value) -> Answer {
        self.post("/api/v1/clients", client(attributes)).await
    }
    async fn lists_clients(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("/api/v1/clients?{query}")).await.ok();
        let clients = answer.body["data"].as_array().expect("a list").iter();
        clients.map(|client| client["attributes"]["displayName"].as_str().expect("a name").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_client_is_read_back_as_he_was_made() {
    let ann = App::start().await.owner().await;
    let made = ann
        .adds_client(json!({
            "firstName": " Eva ", "lastName": "Kunz", "email": "Eva@Example.com", "phone": "+41 79 123 45 67",
            "properties": [{"name": "Home", "address": {"street": "Landstrasse 5", "city": "Vaduz"},
                "location": {"lat": 47.14, "lng": 9.52}}]
        }))
        .await
        .created();
    assert_eq!(made.header("location"), Some(format!("/api/v1/clients/{}", made.id()).as_str()));
    assert_eq!(made.header("etag"), Some("\"1\""));
    let attributes = made.attributes();
    assert_eq!(attributes["displayName"], "Eva Kunz");
    assert_eq!(attributes["email"], "eva@example.com");
    assert_eq!(attributes["phone"], "+41791234567");
    assert_eq!(attributes["status"], "active");
    assert_eq!(attributes["properties"][0]["location"], json!({"lat": 47.14, "lng": 9.52}));
    assert_eq!(attributes["properties"][0]["address"]["city"], "Vaduz");

    let path = format!("/api/v1/clients/{}", made.id());
    let read = ann.get(&format!("{path}?include=properties")).await.ok();
    assert_eq!(read.attributes(), attributes);
    assert_eq!(read.body["included"][0]["id"], attributes["properties"][0]["id"]);
    assert_eq!(read.body["data"]["relationships"]["properties"]["data"][0]["id"], attributes["properties"][0]["id"]);
    let bare = ann.get(&path).await.ok();
    assert!(bare.attributes().get("properties").is_none() && bare.body.get("included").is_none());
    assert_eq!(bare.attributes()["createdAt"], attributes["createdAt"]);
}

#[tokio::test]
async fn every_faulty_field_of_a_client_is_named_at_once() {
    let ann = App::start().await.owner().await;
    let refused = ann
        .adds_client(json!({
            "email": "nowhere", "phone": "12", "colour": "red",
            "properties": [{"location": {"lat": 91, "lng": 0}, "address": {"planet": "Mars"}}]
        }))
        .await
        .refused(400, "VALIDATION_ERROR");
    let mut sources = refused.sources();
    sources.sort();
    let expected = [
        "/data/attributes/colour",
        "/data/attributes/email",
        "/data/attributes/firstName",
        "/data/attributes/phone",
        "/data/attributes/properties/0/address/planet",
        "/data/attributes/properties/0/location/lat",
    ];
    assert_eq!(sources, expected);
    let wrong = json!({"data": {"type": "job", "attributes": {"firstName": "Eva"}}});
    assert_eq!(ann.post("/api/v1/clients", wrong).await.refused(400, "VALIDATION_ERROR").sources(), ["/data/type"]);
}

#[tokio::test]
async fn the_same_client_made_twice_is_one_and_another_under_his_id_is_refused() {
    let ann = App::start().await.owner().await;
    let id = Uuid::now_v7();
    let body = with_id(id, json!({"companyName": "Kunz AG", "properties": [{"name": "Office"}]}));
    let made = ann.post("/api/v1/clients", body.clone()).await.created();
    assert_eq!(made.id(), id);
    let again = ann.post("/api/v1/clients", body).await.ok();
    assert_eq!(again.body["data"], made.body["data"]);
    let other = with_id(id, json!({"companyName": "Kunz & Sons"}));
    ann.post("/api/v1/clients", other).await.refused(409, "ALREADY_EXISTS");

    let old = with_id(Uuid::from_u128(0x0193_2c6e_8f00_7000_8000_0000_0000_0001), json!({"companyName": "Kunz AG"}));
    assert_eq!(ann.post("/api/v1/clients", old).await.refused(400, "VALIDATION_ERROR").sources(), ["/data/id"]);
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_another_body_is_refused() {
    let ann = App::start().await.owner().await;
    let key = [("Idempotency-Key", "k1")];
    let body = client(json!({"firstName": "Eva"}));
    let first = ann.send(Method::POST, "/api/v1/clients", &key, Some(body.clone())).await.created();
    let again = ann.send(Method::POST, "/api/v1/clients", &key, Some(body)).await.created();
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));
    let other = client(json!({"firstName": "Ida"}));
    ann.send(Method::POST, "/api/v1/clients", &key, Some(other)).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(ann.lists_clients("").await, ["Eva"]);

    // A refusal is not kept: the retry is decided anew.
    let key = [("Idempotency-Key", "k2")];
    let path = format!("/api/v1/clients/{}", first.id());
    let stale = [("Idempotency-Key", "k2"), ("If-Match", "\"7\"")];
    let change = client(json!({"lastName": "Kunz"}));
    ann.send(Method::PATCH, &path, &stale, Some(change.clone())).await.refused(412, "PRECONDITION_FAILED");
    ann.send(Method::PATCH, &path, &key, Some(change)).await.ok();
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_a_put_everything() {
    let ann = App::start().await.owner().await;
    let made = ann.adds_client(json!({"firstName": "Eva", "lastName": "Kunz", "email": "eva@example.com"})).await;
    let path = format!("/api/v1/clients/{}", made.created().id());

    let patched = ann.patch(&path, client(json!({"lastName": null, "phone": "+41791234567"}))).await.ok();
    let attributes = patched.attributes();
    assert_eq!(attributes["displayName"], "Eva");
    assert_eq!(attributes["email"], "eva@example.com");
    assert_eq!((&attributes["phone"], &attributes["lastName"]), (&json!("+41791234567"), &Value::Null));
    assert_eq!(patched.header("etag"), Some("\"2\""));
    assert_eq!(ann.get(&path).await.ok().body["data"], patched.body["data"]);

    let same = ann.patch(&path, client(json!({"firstName": "Eva"}))).await.ok();
    assert_eq!(same.header("etag"), Some("\"2\""), "nothing changed, so nothing counts up");

    let put = ann.put(&path, client(json!({"companyName": "Kunz AG"}))).await.ok();
    let attributes = put.attributes();
    assert_eq!(attributes["companyName"], "Kunz AG");
    assert!(["firstName", "lastName", "email", "phone"].iter().all(|name| attributes[*name].is_null()));

    let nameless = ann.patch(&path, client(json!({"companyName": null}))).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(nameless.sources(), ["/data/attributes/firstName"]);
    ann.patch(&path, client(json!({"createdAt": "2020-01-01T00:00:00Z"}))).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_stale_writer_gets_the_current_client() {
    let ann = App::start().await.owner().await;
    let path = format!("/api/v1/clients/{}", ann.adds_client(json!({"firstName": "Eva"})).await.created().id());
    let change = |name: &str| Some(client(json!({"firstName": name})));
    ann.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], change("Ida")).await.ok();
    let refused = ann.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], change("Eve")).await;
    let refused = refused.refused(412, "PRECONDITION_FAILED");
    let current = &refused.body["errors"][0]["meta"]["current"];
    assert_eq!(*current, ann.get(&path).await.ok().body["data"]);
    assert_eq!(current["attributes"]["firstName"], "Ida");
    ann.send(Method::DELETE, &path, &[("If-Match", "\"1\"")], None).await.refused(412, "PRECONDITION_FAILED");
    ann.send(Method::PUT, &path, &[("If-Match", "nonsense")], change("Eve")).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn who_has_seen_it_is_not_sent_it_again() {
    let ann = App::start().await.owner().await;
    let path = format!("/api/v1/clients/{}", ann.adds_client(json!({"firstName": "Eva"})).await.created().id());
    for path in [path.clone(), format!("{path}?include=properties")] {
        let first = ann.get(&path).await.ok();
        let etag = first.header("etag").expect("an etag").to_owned();
        let again = ann.send(Method::GET, &path, &[("If-None-Match", &etag)], None).await.is(304);
        assert!(again.text.is_empty() && again.header("etag") == Some(etag.as_str()));
    }
    let with_properties = ann.get(&format!("{path}?include=properties")).await.ok();
    let etag = with_properties.header("etag").expect("an etag").to_owned();
    let place = json!({"data": {"type": "property", "attributes": {"name": "Home"}}});
    ann.post(&format!("{path}/properties"), place).await.created();
    let seen = [("If-None-Match", etag.as_str())];
    ann.send(Method::GET, &format!("{path}?include=properties"), &seen, None).await.ok();
}

#[tokio::test]
async fn a_client_goes_out_of_use_and_comes_back() {
    let app = App::start().await;
    let ann = app.owner().await;
    let path = format!("/api/v1/clients/{}", ann.adds_client(json!({"firstName": "Eva"})).await.created().id());
    ann.delete(&path).await.is(204);
    ann.delete(&path).await.is(204);
    let read = ann.get(&path).await.ok();
    assert_eq!(read.attributes()["status"], "inactive");
    assert_eq!(read.header("etag"), Some("\"2\""));
    assert!(ann.lists_clients("filter[status]=active").await.is_empty());
    assert_eq!(ann.lists_clients("filter[status]=inactive,active").await, ["Eva"]);
    let back = ann.patch(&path, client(json!({"status": "active"}))).await.ok();
    assert_eq!(back.attributes()["status"], "active");

    let dispatcher = ann.hires("dispatcher").await;
    dispatcher.delete(&path).await.refused(403, "FORBIDDEN");
    dispatcher.patch(&path, client(json!({"status": "inactive"}))).await.refused(403, "FORBIDDEN");
    dispatcher.patch(&path, client(json!({"status": "gone"}))).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn clients_are_found_by_name_address_number_and_city() {
    let ann = App::start().await.owner().await;
    ann.adds_client(json!({"firstName": "Eva", "lastName": "Kunz", "email": "eva@example.com"})).await.created();
    ann.adds_client(json!({"companyName": "50% Bakery", "phone": "+41791234567"})).await.created();
    let in_chur = json!({"lastName": "Marsh", "properties": [{"address": {"city": "Chur"}}]});
    ann.adds_client(in_chur).await.created();

    assert_eq!(ann.lists_clients("search=eva%20ku").await, ["Eva Kunz"]);
    assert_eq!(ann.lists_clients("search=EVA@EX").await, ["Eva Kunz"]);
    assert_eq!(ann.lists_clients("search=079%20123").await, ["50% Bakery"]);
    assert_eq!(ann.lists_clients("search=chur").await, ["Marsh"]);
    assert_eq!(ann.lists_clients("search=50%25").await, ["50% Bakery"]);
    assert!(ann.lists_clients("search=5_%25").await.is_empty(), "what was typed means itself");
    assert_eq!(ann.lists_clients("sort=displayName").await, ["50% Bakery", "Eva Kunz", "Marsh"]);
    assert_eq!(ann.lists_clients("sort=-createdAt").await, ["Marsh", "50% Bakery", "Eva Kunz"]);
}

#[tokio::test]
async fn lists_come_in_pages_that_know_their_neighbours() {
    let ann = App::start().await.owner().await;
    for name in ["Ada", "Ben", "Cid", "Dag", "Eli"] {
        ann.adds_client(json!({"firstName": name, "properties": [{"name": name}]})).await.created();
    }
    let page = ann.get("/api/v1/clients?page=2&limit=2&sort=displayName&include=properties").await.ok();
    let names: Vec<&Value> =
        page.body["data"].as_array().expect("a list").iter().map(|one| &one["attributes"]["firstName"]).collect();
    assert_eq!(names, ["Cid", "Dag"]);
    assert_eq!(page.body["included"].as_array().map(Vec::len), Some(2));
    let meta = &page.body["meta"];
    assert_eq!([&meta["page"], &meta["limit"], &meta["total"], &meta["totalPages"]], [2, 2, 5, 3]);
    let next = page.body["links"]["next"].as_str().expect("there is more");
    assert_eq!(ann.get(next).await.ok().body["data"][0]["attributes"]["firstName"], "Eli");

    let refused = ann.get("/api/v1/clients?colour=red&filter[shoe]=41").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["colour", "filter[shoe]"]);
    for query in ["limit=0", "limit=201", "page=0", "sort=colour", "filter[status]=gone", "include=children"] {
        ann.get(&format!("/api/v1/clients?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
    ann.get("/api/v1/clients?page=201&limit=50").await.refused(400, "PAGE_TOO_DEEP");
}

#[tokio::test]
async fn clients_of_another_account_do_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let id = ann.adds_client(json!({"firstName": "Eva"})).await.created().id();
    let path = format!("/api/v1/clients/{id}");
    eve.get(&path).await.refused(404, "NOT_FOUND");
    eve.patch(&path, client(json!({"firstName": "Mine"}))).await.refused(404, "NOT_FOUND");
    eve.put(&path, client(json!({"firstName": "Mine"}))).await.refused(404, "NOT_FOUND");
    eve.delete(&path).await.refused(404, "NOT_FOUND");
    eve.get(&format!("{path}/properties")).await.refused(404, "NOT_FOUND");
    let place = json!({"data": {"type": "property", "attributes": {"name": "Home"}}});
    eve.post(&format!("{path}/properties"), place).await.refused(404, "NOT_FOUND");
    eve.get(&format!("{path}/jobs")).await.refused(404, "NOT_FOUND");
    assert!(eve.lists_clients("search=Eva").await.is_empty());
    ann.get("/api/v1/clients/not-a-uuid").await.refused(404, "NOT_FOUND");
    assert_eq!(ann.get(&path).await.ok().attributes()["firstName"], "Eva");
}

#[tokio::test]
async fn workers_and_strangers_do_not_read_the_client_list() {
    let app = App::start().await;
    let ann = app.owner().await;
    let path = format!("/api/v1/clients/{}", ann.adds_client(json!({"firstName": "Eva"})).await.created().id());
    let bob = ann.hires_worker(json!({})).await;
    bob.get("/api/v1/clients").await.refused(403, "FORBIDDEN");
    bob.get(&path).await.refused(403, "FORBIDDEN");
    // Who may not is told so before his body is looked at.
    bob.adds_client(json!({"nonsense": true})).await.refused(403, "FORBIDDEN");
    app.anonymous().adds_client(json!({"nonsense": true})).await.refused(401, "UNAUTHENTICATED");
    app.anonymous().get(&path).await.refused(401, "UNAUTHENTICATED");
}
