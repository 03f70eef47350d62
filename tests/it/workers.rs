//! The roster: who can be sent, and when.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, PASSWORD};
use crate::harness::person::{Answer, Person};

fn worker(with: Value) -> Value {
    let email = format!("{}@example.com", Uuid::now_v7().simple());
    let mut worker = json!({"firstName": "Bob", "lastName": "Lee", "email": email, "password": PASSWORD});
    for (name, value) in with.as_object().expect("an object") {
        worker[name] = value.clone();
    }
    document(worker)
}

fn document(attributes: Value) -> Value {
    json!({"data": {"type": "worker", "attributes": attributes}})
}

fn time_off(starts_at: &str, ends_at: &str) -> Value {
    json!({"data": {"type": "timeOff", "attributes": {"startsAt": starts_at, "endsAt": ends_at, "reason": "Holidays"}}})
}

async fn absent(by: &Person, worker: Uuid, starts_at: &str, ends_at: &str) -> Answer {
    by.post(&format!("/api/v1/workers/{worker}/time-off"), time_off(starts_at, ends_at)).await
}

/// Live attributes are in the answer, so its tag says more than the version; `If-Match` looks at the version alone.
fn version_of(answer: &Answer) -> i64 {
    let tag = answer.header("etag").and_then(|tag| tag.strip_prefix("W/\""));
    tag.and_then(|tag| tag.split('-').next()?.parse().ok()).expect("a weak tag")
}

#[actix_rt::test]
async fn a_worker_is_a_user_with_a_profile_under_the_same_id() {
    let app = App::start().await;
    let ann = app.owner().await;
    let hours = json!([{"weekday": "mon", "start": "08:00", "end": "17:00"}]);
    let made = ann.post(
        "/api/v1/workers",
        worker(json!({"phone": "+41791234567", "skills": ["Gas", "gas", "water"],
        "home": {"lat": 47.14, "lng": 9.52}, "timeZone": "Europe/Vaduz", "workingHours": hours})),
    );
    let made = made.await.created();
    assert_eq!(made.header("location"), Some(format!("/api/v1/workers/{}", made.id()).as_str()));
    let attributes = made.attributes();
    assert_eq!(attributes["skills"], json!(["gas", "water"]));
    assert_eq!(attributes["home"], json!({"lat": 47.14, "lng": 9.52}));
    assert_eq!((&attributes["timeZone"], &attributes["workingHours"]), (&json!("Europe/Vaduz"), &hours));
    assert_eq!((&attributes["role"], &attributes["status"]), (&json!("worker"), &json!("active")));
    assert_eq!((&attributes["timeOff"], &attributes["live"]), (&json!([]), &Value::Null));
    let mut shown = ann.get(&format!("/api/v1/workers/{}", made.id())).await.ok().attributes().clone();
    assert_eq!(shown["live"].take()["presence"], "never");
    assert_eq!(&shown, attributes);
    let user = ann.get(&format!("/api/v1/users/{}", made.id())).await.ok();
    assert_eq!((&user.attributes()["role"], &user.attributes()["isWorker"]), (&json!("worker"), &json!(true)));
}

#[actix_rt::test]
async fn a_worker_without_hours_has_the_accounts_zone_and_works_at_any_hour() {
    let app = App::start().await;
    let ann = app.owner().await;
    let made = ann.post("/api/v1/workers", worker(json!({"role": "limitedWorker"}))).await.created();
    assert_eq!(made.attributes()["timeZone"], "Europe/Zurich");
    assert_eq!(made.attributes()["workingHours"], json!([]));
    assert_eq!(made.attributes()["role"], "limitedWorker");
}

#[actix_rt::test]
async fn an_owner_can_get_a_profile_and_stays_owner() {
    let app = App::start().await;
    let ann = app.owner().await;
    let body = document(json!({"userId": ann.id, "skills": ["gas"]}));
    let made = ann.post("/api/v1/workers", body.clone()).await.created();
    assert_eq!((made.id(), &made.attributes()["role"]), (ann.id, &json!("owner")));
    ann.post("/api/v1/workers", body).await.refused(409, "ALREADY_EXISTS");
    let refused = ann.post("/api/v1/workers", document(json!({"userId": Uuid::now_v7()}))).await;
    assert_eq!(refused.refused(404, "NOT_FOUND").sources(), ["/data/attributes/userId"]);
    let both = document(json!({"userId": ann.id, "email": "x@example.com"}));
    ann.post("/api/v1/workers", both).await.refused(400, "VALIDATION_ERROR");
    let eve = app.owner().await;
    let refused = eve.post("/api/v1/workers", document(json!({"userId": ann.id}))).await;
    refused.refused(404, "NOT_FOUND");
}

#[actix_rt::test]
async fn every_faulty_field_of_a_worker_is_told_at_once() {
    let app = App::start().await;
    let ann = app.owner().await;
    let wrong = worker(json!({"email": "bob", "role": "owner", "skills": "gas", "home": {"lat": 91, "lng": 9.5},
        "timeZone": "Nowhere", "workingHours": [{"weekday": "monday", "start": "8", "end": "25:00"}, 5]}));
    let refused = ann.post("/api/v1/workers", wrong).await.refused(400, "VALIDATION_ERROR");
    let mut sources = refused.sources();
    sources.sort();
    let expected = [
        "email",
        "home/lat",
        "role",
        "skills",
        "timeZone",
        "workingHours/0/end",
        "workingHours/0/start",
        "workingHours/0/weekday",
        "workingHours/1",
    ];
    assert_eq!(sources, expected.map(|name| format!("/data/attributes/{name}")));
}

#[actix_rt::test]
async fn a_worker_sees_himself_alone_and_changes_nothing() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, cid) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({"role": "limitedWorker"})).await);
    for me in [&bob, &cid] {
        let other = if me.id == bob.id { cid.id } else { bob.id };
        let list = me.get("/api/v1/workers").await.ok();
        assert_eq!((&list.body["meta"]["total"], &list.body["data"][0]["id"]), (&json!(1), &json!(me.id)));
        me.get(&format!("/api/v1/workers/{}", me.id)).await.ok();
        me.get(&format!("/api/v1/workers/{}/time-off", me.id)).await.ok();
        me.get(&format!("/api/v1/workers/{other}")).await.refused(404, "NOT_FOUND");
        me.get(&format!("/api/v1/workers/{other}/time-off")).await.refused(404, "NOT_FOUND");
        me.post("/api/v1/workers", worker(json!({}))).await.refused(403, "FORBIDDEN");
        me.patch(&format!("/api/v1/workers/{}", me.id), document(json!({"skills": ["gas"]})))
            .await
            .refused(403, "FORBIDDEN");
        me.delete(&format!("/api/v1/workers/{}", me.id)).await.refused(403, "FORBIDDEN");
        absent(me, me.id, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.refused(403, "FORBIDDEN");
    }
    let nobody = app.anonymous();
    nobody.get("/api/v1/workers").await.refused(401, "UNAUTHENTICATED");
    nobody.post("/api/v1/workers", worker(json!({}))).await.refused(401, "UNAUTHENTICATED");
    let dispatcher = ann.hires("dispatcher").await;
    dispatcher.post("/api/v1/workers", worker(json!({}))).await.refused(403, "FORBIDDEN");
    assert_eq!(dispatcher.get("/api/v1/workers").await.ok().body["meta"]["total"], 2);
}

#[actix_rt::test]
async fn another_accounts_workers_do_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let bob = ann.hires_worker(json!({})).await;
    let path = format!("/api/v1/workers/{}", bob.id);
    eve.get(&path).await.refused(404, "NOT_FOUND");
    eve.patch(&path, document(json!({"skills": ["gas"]}))).await.refused(404, "NOT_FOUND");
    eve.patch(&path, document(json!({"status": "inactive"}))).await.refused(404, "NOT_FOUND");
    eve.delete(&path).await.refused(404, "NOT_FOUND");
    absent(&eve, bob.id, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.refused(404, "NOT_FOUND");
    assert_eq!(eve.get("/api/v1/workers").await.ok().body["meta"]["total"], 0);
    bob.get(&path).await.ok();
}

#[actix_rt::test]
async fn workers_are_listed_filtered_and_searched() {
    let app = App::start().await;
    let ann = app.owner().await;
    for (last, skills) in [("Zorn", json!(["gas"])), ("Abel", json!(["gas", "water"])), ("Mohr", json!([]))] {
        ann.post("/api/v1/workers", worker(json!({"lastName": last, "skills": skills}))).await.created();
    }
    let names = |answer: Answer| -> Vec<String> {
        let answer = answer.ok();
        let list = answer.body["data"].as_array().expect("a list");
        list.iter().map(|user| user["attributes"]["lastName"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(ann.get("/api/v1/workers").await), ["Abel", "Mohr", "Zorn"]);
    assert_eq!(names(ann.get("/api/v1/workers?filter%5Bskills%5D=gas").await), ["Abel", "Zorn"]);
    assert_eq!(names(ann.get("/api/v1/workers?filter%5Bskills%5D=gas,water").await), ["Abel"]);
    assert_eq!(names(ann.get("/api/v1/workers?search=zor&filter%5Bstatus%5D=active").await), ["Zorn"]);
    assert_eq!(names(ann.get("/api/v1/workers?limit=1&page=2").await), ["Mohr"]);
    ann.get("/api/v1/workers?filter%5Bcolour%5D=red").await.refused(400, "VALIDATION_ERROR");
}

#[actix_rt::test]
async fn a_profile_changes_only_for_who_saw_it_last() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({"skills": ["gas"]})).await;
    let path = format!("/api/v1/workers/{}", bob.id);
    let patch = |etag: &'static str, with: Value| {
        let (ann, path) = (ann.clone(), path.clone());
        async move { ann.send(Method::PATCH, &path, &[("If-Match", etag)], Some(document(with))).await }
    };
    let changed = patch("\"1\"", json!({"skills": ["water"], "lastName": "Law", "phone": "+41791234567"})).await.ok();
    assert_eq!(version_of(&changed), 2);
    assert_eq!(
        (&changed.attributes()["skills"], &changed.attributes()["lastName"]),
        (&json!(["water"]), &json!("Law"))
    );
    assert_eq!(ann.get(&path).await.ok().attributes(), changed.attributes());
    let stale = patch("\"1\"", json!({"skills": []})).await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(stale.body["errors"][0]["meta"]["current"]["attributes"]["version"], 2);
    let cleared = patch("\"2\"", json!({"home": null, "phone": null, "workingHours": null})).await.ok();
    assert_eq!((&cleared.attributes()["phone"], version_of(&cleared)), (&Value::Null, 3));
    let user = format!("/api/v1/users/{}", bob.id);
    ann.patch(&user, json!({"data": {"type": "user", "attributes": {"firstName": "Rob"}}})).await.ok();
    assert_eq!(version_of(&ann.get(&path).await.ok()), 4, "the profile shows the name");
    let seen = changed.header("etag").expect("a tag").to_owned();
    let again = ann.send(Method::GET, &path, &[("If-None-Match", &seen)], None).await.ok();
    let seen = again.header("etag").expect("a tag").to_owned();
    ann.send(Method::GET, &path, &[("If-None-Match", &seen)], None).await.is(304);
}

#[actix_rt::test]
async fn time_off_is_added_listed_and_taken_back() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (start, end) = ("2026-12-21T00:00:00Z", "2027-01-04T00:00:00Z");
    let made = absent(&ann, bob.id, start, end).await.created();
    assert_eq!(made.body["meta"]["affected"], json!([]));
    let expected = json!({"workerId": bob.id, "startsAt": start, "endsAt": end, "reason": "Holidays"});
    assert_eq!(made.attributes(), &expected);
    let path = format!("/api/v1/workers/{}/time-off", bob.id);
    assert_eq!(made.header("location"), Some(format!("{path}/{}", made.id()).as_str()));
    assert_eq!(ann.get(&format!("{path}/{}", made.id())).await.ok().attributes(), &expected);
    assert_eq!(bob.get(&path).await.ok().body["data"][0]["id"], made.id().to_string());
    let profile = bob.get(&format!("/api/v1/workers/{}", bob.id)).await.ok();
    let listed = json!([{"id": made.id(), "startsAt": start, "endsAt": end, "reason": "Holidays"}]);
    assert_eq!(profile.attributes()["timeOff"], listed);
    absent(&ann, bob.id, "2026-12-31T00:00:00Z", "2027-01-02T00:00:00Z").await.refused(409, "TIME_OFF_OVERLAPS");
    absent(&ann, bob.id, end, "2027-01-05T00:00:00Z").await.created();
    ann.delete(&format!("{path}/{}", made.id())).await.is(204);
    ann.delete(&format!("{path}/{}", made.id())).await.refused(404, "NOT_FOUND");
    ann.delete(&format!("{path}/{}", Uuid::now_v7())).await.refused(404, "NOT_FOUND");
    absent(&ann, Uuid::now_v7(), start, end).await.refused(404, "NOT_FOUND");
    for (start, end, source) in
        [(end, start, "endsAt"), (start, "2028-12-21T00:00:00Z", "endsAt"), ("x", end, "startsAt")]
    {
        let refused = absent(&ann, bob.id, start, end).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.sources(), [format!("/data/attributes/{source}")]);
    }
}

#[actix_rt::test]
async fn time_off_sent_twice_from_offline_is_one() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let path = format!("/api/v1/workers/{}/time-off", bob.id);
    let mut body = time_off("2026-12-21T00:00:00Z", "2027-01-04T00:00:00Z");
    body["data"]["id"] = json!(Uuid::now_v7());
    let made = ann.post(&path, body.clone()).await.created();
    assert_eq!(ann.post(&path, body.clone()).await.ok().id(), made.id());
    body["data"]["attributes"]["reason"] = json!("Other");
    ann.post(&path, body).await.refused(409, "ALREADY_EXISTS");
}

#[actix_rt::test]
async fn time_off_lists_the_visits_that_it_covers_and_moves_none() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-22T09:00:00Z", "2026-12-22T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    let made = absent(&ann, bob.id, "2026-12-21T00:00:00Z", "2027-01-04T00:00:00Z").await.created();
    assert_eq!(made.body["meta"]["affected"], json!([visit]));
    let after = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(after.attributes()["workerIds"], json!([bob.id]));
    let other = ann.books("2026-12-23T09:00:00Z", "2026-12-23T10:00:00Z").await;
    ann.assigns(other, &bob).await.refused(422, "ON_TIME_OFF");
}

#[actix_rt::test]
async fn a_worker_who_leaves_frees_his_visits_and_is_signed_out() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-22T09:00:00Z", "2026-12-22T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    bob.get("/api/v1/users/me").await.ok();
    let path = format!("/api/v1/workers/{}", bob.id);
    let left = ann.patch(&path, document(json!({"status": "inactive"}))).await.ok();
    ann.delete(&path).await.is(204);
    assert_eq!((&left.attributes()["status"], &left.body["meta"]["affected"]), (&json!("inactive"), &json!([visit])));
    bob.get("/api/v1/users/me").await.refused(401, "SESSION_ENDED");
    let shown = ann.get(&path).await.ok();
    assert_eq!((&shown.attributes()["status"], version_of(&shown)), (&json!("inactive"), version_of(&left)));
    let freed = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(freed.attributes()["status"], "unassigned");
    ann.assigns(visit, &bob).await.refused(422, "WORKER_INACTIVE");
    let back = ann.patch(&path, document(json!({"status": "active"}))).await.ok();
    assert_eq!(back.attributes()["status"], "active");
    assert_eq!(ann.get(&format!("/api/v1/users/{}", bob.id)).await.ok().attributes()["status"], "active");
    bob.get("/api/v1/users/me").await.refused(401, "SESSION_ENDED");
    ann.assigns(visit, &bob).await.ok();
}

#[actix_rt::test]
async fn a_worker_leaves_by_either_door() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-22T09:00:00Z", "2026-12-22T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    let path = format!("/api/v1/users/{}", bob.id);
    let both = json!({"data": {"type": "user", "attributes": {"status": "inactive", "lastName": "X"}}});
    ann.patch(&path, both).await.refused(400, "VALIDATION_ERROR");
    ann.delete(&path).await.is(204);
    ann.delete(&path).await.is(204);
    let freed = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(freed.attributes()["status"], "unassigned");
    assert_eq!(ann.get(&format!("/api/v1/workers/{}", bob.id)).await.ok().attributes()["status"], "inactive");
}

#[actix_rt::test]
async fn an_edit_of_hours_or_skills_lists_what_no_longer_suits_and_binds_the_board() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    // A Tuesday, 10:00 in Zurich.
    let visit = ann.books("2026-12-22T09:00:00Z", "2026-12-22T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    let path = format!("/api/v1/workers/{}", bob.id);
    let hours = |day: &str| document(json!({"workingHours": [{"weekday": day, "start": "08:00", "end": "24:00"}]}));
    let suits = ann.patch(&path, hours("tue")).await.ok();
    assert_eq!(suits.body["meta"]["affected"], json!([]));
    let torn = ann.patch(&path, hours("mon")).await.ok();
    assert_eq!(torn.body["meta"]["affected"], json!([visit]));
    let other = ann.books("2026-12-23T09:00:00Z", "2026-12-23T10:00:00Z").await;
    ann.assigns(other, &bob).await.refused(422, "OUTSIDE_WORKING_HOURS");
}

#[actix_rt::test]
async fn a_repeated_create_has_one_effect() {
    let app = App::start().await;
    let ann = app.owner().await;
    let body = worker(json!({}));
    let post = |body: Value| {
        let ann = ann.clone();
        async move { ann.send(Method::POST, "/api/v1/workers", &[("Idempotency-Key", "k1")], Some(body)).await }
    };
    let (first, again) = (post(body.clone()).await.created(), post(body.clone()).await.created());
    assert_eq!(first.body, again.body);
    ann.post("/api/v1/workers", body).await.refused(409, "EMAIL_TAKEN");
    let mut offline = worker(json!({}));
    offline["data"]["id"] = json!(Uuid::now_v7());
    ann.post("/api/v1/workers", offline.clone()).await.created();
    ann.post("/api/v1/workers", offline.clone()).await.ok();
    offline["data"]["attributes"]["skills"] = json!(["gas"]);
    ann.post("/api/v1/workers", offline).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(ann.get("/api/v1/workers").await.ok().body["meta"]["total"], 2);
}

#[actix_rt::test]
async fn a_worker_known_elsewhere_is_still_invited_after_leaving_and_coming_back() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let email = ann.get("/api/v1/users/me").await.ok().attributes()["email"].clone();
    let made = eve.post("/api/v1/workers", worker(json!({"email": email, "password": null}))).await.created();
    assert_eq!(made.attributes()["status"], "invited");
    let path = format!("/api/v1/workers/{}", made.id());
    eve.delete(&path).await.is(204);
    let back = eve.patch(&path, document(json!({"status": "active"}))).await.ok();
    assert_eq!(back.attributes()["status"], "invited");
    assert_eq!(eve.get(&path).await.ok().attributes()["status"], "invited");
}

#[actix_rt::test]
async fn what_happens_to_people_is_in_the_journal() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let path = format!("/api/v1/workers/{}", bob.id);
    ann.patch(&path, document(json!({"lastName": "Law"}))).await.ok();
    ann.patch(&path, document(json!({"skills": ["gas"]}))).await.ok();
    ann.delete(&path).await.is(204);
    ann.patch(&path, document(json!({"status": "active"}))).await.ok();
    let events = ann.get("/api/v1/events").await.ok();
    let list = events.body["data"].as_array().expect("a list");
    let kinds: Vec<&str> = list.iter().filter_map(|event| event["attributes"]["type"].as_str()).collect();
    let expected = [
        "account.created",
        "user.created",
        "user.created",
        "worker.created",
        "user.updated",
        "worker.updated",
        "worker.deactivated",
        "worker.activated",
    ];
    assert_eq!(kinds, expected);
}
