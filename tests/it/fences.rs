//! Geofences from outside: a worker drives up to a property, and the office hears that he may have arrived. Once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};
use crate::positions::ago;

/// Where `finds_client` puts its property.
const HOME: (f64, f64) = (47.14, 9.52);
/// Long enough for whatever is on its way.
const A_WHILE: Duration = Duration::from_millis(600);

/// `east` metres of the property, so many seconds ago.
fn point(s_ago: i64, east: f64) -> Value {
    let lng = HOME.1 + east / 111_195.0 / HOME.0.to_radians().cos();
    json!({"at": ago(s_ago), "lat": HOME.0, "lng": lng, "accuracyM": 6.0})
}

/// From 650 m away at 10 m/s, ending at the door a minute later and staying there for another: the border is 55 s after
/// the start.
fn drives_up(s_ago: i64) -> Value {
    (0..12).map(|n| point(s_ago - 10 * n, (650 - 100 * n).max(0) as f64)).collect()
}

/// The same at twice the speed, and staying for as long.
fn races_up(s_ago: i64) -> Value {
    (0..16).map(|n| point(s_ago - 5 * n, (650 - 100 * n).max(0) as f64)).collect()
}

/// From the door to 900 m away, and on for a while.
fn drives_off(s_ago: i64) -> Value {
    (0..14).map(|n| point(s_ago - 5 * n, (900.0f64).min(150.0 * n as f64))).collect()
}

fn at(minutes: i64) -> String {
    ago(-60 * minutes)
}

fn property(attributes: Value) -> Value {
    json!({"data": {"type": "property", "attributes": attributes}})
}

impl Person {
    async fn visit(&self, visit: Uuid) -> Value {
        self.get(&format!("/api/v1/visits/{visit}")).await.ok().body["data"].clone()
    }
    async fn does(&self, visit: Uuid, what: &str, attributes: Value) -> Answer {
        let body = json!({"data": {"type": "visit", "attributes": attributes}});
        self.post(&format!("/api/v1/visits/{visit}/{what}"), body).await
    }
    /// Waits until somebody is proposed to have arrived there.
    async fn hears_of_arrival(&self, visit: Uuid) -> Value {
        for _ in 0..250 {
            let found = self.visit(visit).await;
            if found["attributes"]["arrivalProposedAt"].is_string() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody heard of an arrival");
    }
    async fn events_of(&self, visit: Uuid) -> Vec<Value> {
        let events = self.get("/api/v1/events?page[size]=200").await.ok();
        let about = |event: &&Value| event["attributes"]["subject"] == json!(visit);
        events.body["data"].as_array().expect("a list").iter().filter(about).cloned().collect()
    }
    async fn proposals_of(&self, visit: Uuid) -> usize {
        let events = self.events_of(visit).await;
        events.iter().filter(|event| event["attributes"]["type"] == "visit.arrivalProposed").count()
    }
    /// A visit of this worker at a property of its own, around now.
    async fn sends(&self, worker: &Person) -> Uuid {
        let visit = self.books(&at(-10), &at(50)).await;
        self.assigns(visit, worker).await.ok();
        visit
    }
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).expect("an instant")
}

#[tokio::test]
async fn who_drives_up_to_a_property_is_proposed_once_and_accepted_with_one_tap() {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.sends(&bob).await;
    let mut socket = ann.at(&other).streams().await;
    socket.say(json!({"type": "subscribe", "id": "day", "topic": "schedule", "from": at(-600), "to": at(600)})).await;
    socket.frame("snapshot").await;

    let way = drives_up(150);
    bob.reports_positions(way.clone()).await.ok();
    let event = socket.frame("event").await["event"].clone();
    assert_eq!((&event["type"], &event["by"]["kind"]), (&json!("visit.arrivalProposed"), &json!("system")));
    assert_eq!(event["visit"], ann.visit(visit).await, "the rows say the same");
    let attributes = &event["visit"]["attributes"];
    assert_eq!((&attributes["arrivalProposedBy"], &attributes["status"]), (&json!(bob.id), &json!("scheduled")));
    let proposed_at = instant(&attributes["arrivalProposedAt"]);
    let late_s = (proposed_at - Utc::now() + TimeDelta::seconds(95)).num_seconds();
    assert!((-20..=5).contains(&late_s), "{late_s} s after he crossed the border");

    // The same batch again, at both servers at once, and half an hour of standing there: still one.
    let there = bob.at(&other);
    let again = [&bob, &there, &bob].map(|bob| bob.reports_positions(way.clone()));
    for answer in futures_util::future::join_all(again).await {
        answer.ok();
    }
    bob.at(&other).reports_positions((0..6).map(|n| point(30 - 5 * n, 0.0)).collect()).await.ok();
    bob.reports_positions((0..6).map(|n| point(30 - 5 * n, 0.0)).collect()).await.ok();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(ann.proposals_of(visit).await, 1);

    let tap = bob.does(visit, "arrive", json!({"occurredAt": attributes["arrivalProposedAt"]})).await.ok();
    assert_eq!(tap.attributes()["status"], "onSite");
    assert_eq!(
        (&tap.attributes()["arrivalProposedAt"], &tap.attributes()["arrivalProposedBy"]),
        (&Value::Null, &Value::Null)
    );
    bob.reports_positions(json!([point(2, 0.0), point(1, 0.0)])).await.ok();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(ann.proposals_of(visit).await, 1, "he is there, everybody knows");
}

#[tokio::test]
async fn a_dismissed_proposal_stays_away_until_he_has_left_and_come_again() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (carl, lim) = (ann.hires_worker(json!({})).await, ann.hires("limitedWorker").await);
    let visit = ann.sends(&bob).await;
    bob.reports_positions(races_up(290)).await.ok();
    let proposed = ann.hears_of_arrival(visit).await;

    let eve = app.owner().await;
    eve.does(visit, "dismiss-arrival", json!({})).await.refused(404, "NOT_FOUND");
    carl.does(visit, "dismiss-arrival", json!({})).await.refused(404, "NOT_FOUND");
    lim.does(visit, "dismiss-arrival", json!({})).await.refused(403, "FORBIDDEN");
    app.anonymous().does(visit, "dismiss-arrival", json!({})).await.refused(401, "UNAUTHENTICATED");
    let faulty = ann.does(visit, "dismiss-arrival", json!({"why": "no"})).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(faulty.sources(), ["/data/attributes/why"]);
    assert_eq!(ann.visit(visit).await, proposed, "nothing has changed so far");

    let dispatcher = ann.hires("dispatcher").await;
    let dismissed = dispatcher.does(visit, "dismiss-arrival", json!({})).await.ok();
    assert_eq!(
        (&dismissed.attributes()["arrivalProposedAt"], &dismissed.attributes()["status"]),
        (&Value::Null, &json!("scheduled"))
    );
    let again = bob.does(visit, "dismiss-arrival", json!({})).await.ok();
    assert_eq!(again.body["data"], dismissed.body["data"], "twice is once");

    bob.reports_positions((0..10).map(|n| point(210 - 2 * n, 0.0)).collect()).await.ok();
    // A server that has never seen him meets him there: that is the same stay.
    let fresh = app.sibling().await;
    bob.at(&fresh).reports_positions((0..5).map(|n| point(188 - 4 * n, 0.0)).collect()).await.ok();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(ann.proposals_of(visit).await, 1);

    bob.reports_positions(drives_off(165)).await.ok();
    bob.reports_positions(races_up(90)).await.ok();
    ann.hears_of_arrival(visit).await;
    assert_eq!(ann.proposals_of(visit).await, 2);
}

#[tokio::test]
async fn an_account_may_take_arrivals_for_true() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let policy = |policy: &str| json!({"data": {"type": "account", "attributes": {"arrivals": policy}}});
    assert_eq!(ann.get("/api/v1/account").await.ok().attributes()["arrivals"], "propose");
    let wrong = ann.patch("/api/v1/account", policy("sometimes")).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(wrong.sources(), ["/data/attributes/arrivals"]);
    ann.hires("dispatcher").await.patch("/api/v1/account", policy("accept")).await.refused(403, "FORBIDDEN");
    // The account is live already, so that the change has to reach what watches.
    bob.reports_positions(json!([point(290, 5_000.0)])).await.ok();
    let other = app.sibling().await;
    let changed = ann.at(&other).patch("/api/v1/account", policy("accept")).await.ok();
    assert_eq!(changed.attributes()["arrivals"], "accept");
    tokio::time::sleep(Duration::from_millis(2_500)).await;

    let visit = ann.sends(&bob).await;
    bob.does(visit, "start-travel", json!({})).await.ok();
    bob.reports_positions(drives_up(150)).await.ok();
    for _ in 0..100 {
        if ann.visit(visit).await["attributes"]["status"] == "onSite" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let there = ann.visit(visit).await;
    assert_eq!(there["attributes"]["status"], "onSite");
    assert_eq!(there["attributes"]["arrivalProposedAt"], Value::Null);
    let events = ann.events_of(visit).await;
    let arrived = &events.last().expect("an event")["attributes"];
    assert_eq!((&arrived["type"], &arrived["actor"]["kind"]), (&json!("visit.arrived"), &json!("system")));
    assert_eq!(arrived["reason"], "geofence");
    let late_s = (instant(&arrived["occurredAt"]) - Utc::now() + TimeDelta::seconds(95)).num_seconds();
    assert!((-20..=5).contains(&late_s), "{late_s} s after he crossed the border");
    assert_eq!(ann.proposals_of(visit).await, 0);
}

#[tokio::test]
async fn nobody_arrives_who_drives_by_or_lies_about_it_or_is_somebody_else() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let theirs = eve.hires_worker(json!({})).await;
    // Next door to each other: the properties of both accounts lie in the same place.
    let (visit, foreign) = (ann.sends(&bob).await, eve.sends(&theirs).await);

    let through = (0..12).map(|n| point(285 - 5 * n, 500.0 - 100.0 * n as f64)).collect();
    bob.reports_positions(through).await.ok();
    let made_up = (0..8).map(|n| {
        let mut point = point(225 - 8 * n, 0.0);
        point["mock"] = json!(true);
        point
    });
    bob.reports_positions(made_up.collect()).await.ok();
    carl.reports_positions(drives_up(150)).await.ok();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((ann.proposals_of(visit).await, eve.proposals_of(foreign).await), (0, 0));

    bob.reports_positions(drives_up(150)).await.ok();
    ann.hears_of_arrival(visit).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(eve.proposals_of(foreign).await, 0, "no business of another account");
    eve.get(&format!("/api/v1/visits/{visit}")).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_arrival_survives_that_the_server_is_another_one_before_it_has_lasted() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.sends(&bob).await;
    bob.reports_positions(json!([point(200, 400.0), point(180, 0.0)])).await.ok();
    let other = app.sibling().await;
    drop(app);
    let (ann, bob) = (ann.at(&other), bob.at(&other));
    bob.reports_positions(json!([point(160, 0.0), point(120, 0.0)])).await.ok();
    let found = ann.hears_of_arrival(visit).await;
    assert_eq!(found["attributes"]["arrivalProposedBy"], json!(bob.id));
    assert_eq!(ann.proposals_of(visit).await, 1);
}

#[tokio::test]
async fn a_fence_is_what_the_property_says_and_a_change_counts_at_once() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let client = ann.finds_client().await;
    let place = client.attributes()["properties"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(client.attributes()["properties"][0]["geofence"], Value::Null);
    let visit = ann.books_for(client.id(), json!([{"startsAt": at(-10), "endsAt": at(50)}]), json!({})).await[0];
    ann.assigns(visit, &bob).await.ok();
    // The yard is a kilometre east of the door.
    let yard = |n: i64| point(280 - 10 * n, 1_000.0);
    bob.reports_positions((0..10).map(yard).collect()).await.ok();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(ann.proposals_of(visit).await, 0);

    let east = |metres: f64| HOME.1 + metres / 111_195.0 / HOME.0.to_radians().cos();
    let mut ring =
        json!([[east(900.0), 47.139], [east(1_100.0), 47.139], [east(1_100.0), 47.141], [east(900.0), 47.141]]);
    let open = ring.clone();
    ring.as_array_mut().expect("a list").push(open[0].clone());
    let path = format!("/api/v1/properties/{place}");
    let fence = json!({"type": "polygon", "coordinates": ring});
    let changed = ann.patch(&path, property(json!({"geofence": fence}))).await.ok();
    assert_eq!(changed.attributes()["geofence"], json!({"type": "polygon", "coordinates": open}));
    assert_eq!(ann.get(&path).await.ok().body["data"], changed.body["data"]);
    let events = ann.events_of(place.parse().expect("an id")).await;
    assert_eq!(events.last().expect("an event")["attributes"]["changed"], json!(["geofence"]));
    tokio::time::sleep(A_WHILE).await;
    bob.reports_positions((10..20).map(yard).collect()).await.ok();
    ann.hears_of_arrival(visit).await;
    let usual = ann.patch(&path, property(json!({"geofence": null}))).await.ok();
    assert_eq!(usual.attributes()["geofence"], Value::Null);
}

#[tokio::test]
async fn every_faulty_fence_is_named() {
    let app = App::start().await;
    let ann = app.owner().await;
    let client = ann.finds_client().await.id();
    let ring = |ring: Value| json!({"type": "polygon", "coordinates": ring});
    let faults = [
        (json!({"type": "circle", "radiusM": 19}), "radiusM", "20 to 5000"),
        (json!({"type": "circle", "radiusM": 5_001}), "radiusM", "20 to 5000"),
        (json!({"type": "circle", "radiusM": "80"}), "radiusM", "number"),
        (json!({"type": "circle"}), "radiusM", "required"),
        (json!({"type": "circle", "radiusM": 80, "center": []}), "center", "not an attribute"),
        (json!({"type": "square"}), "type", "circle, polygon"),
        (json!({"radiusM": 80}), "type", "required"),
        (json!({"type": "polygon"}), "coordinates", "required"),
        (ring(json!("here")), "coordinates", "list"),
        (ring(json!(vec![[9.52, 47.14]; 102])), "coordinates", "3 to 100"),
        (ring(json!([[9.52, 47.14], [9.53, 47.14]])), "coordinates", "at least 3"),
        (ring(json!([[9.52, 47.14], [9.53, 47.14], [9.52, 47.14]])), "coordinates", "at least 3"),
        (ring(json!([[9.52, 47.14], [9.53, 97.0], [9.53, 47.15]])), "coordinates/1", "[lng, lat]"),
        (ring(json!([[9.52, 47.14], [9.53, 47.14], 5])), "coordinates/2", "[lng, lat]"),
        (ring(json!([[9.52, 47.14], [9.53, 47.15], [9.53, 47.14], [9.52, 47.15]])), "coordinates", "cross"),
        (ring(json!([[9.52, 47.14], [9.52, 47.14], [9.53, 47.15]])), "coordinates", "repeat"),
        (ring(json!([[9.5, 47.0], [9.9, 47.0], [9.9, 47.3]])), "coordinates", "10000 m"),
        (ring(json!([[9.52, 47.14], [9.52001, 47.14], [9.52, 47.14001]])), "coordinates", "square metres"),
        (ring(json!([[179.999, 47.14], [-179.999, 47.14], [179.999, 47.15]])), "coordinates", "date line"),
        (ring(json!([[47.14, 9.52], [47.15, 9.52], [47.15, 9.53]])), "coordinates", "longitude first"),
    ];
    let place = ann.finds_client().await.attributes()["properties"][0]["id"].as_str().expect("an id").to_owned();
    for (fence, field, says) in faults {
        let attributes = json!({"location": {"lat": HOME.0, "lng": HOME.1}, "geofence": fence});
        let made = ann.post(&format!("/api/v1/clients/{client}/properties"), property(attributes)).await;
        let changed = ann.patch(&format!("/api/v1/properties/{place}"), property(json!({"geofence": fence}))).await;
        for refused in [made, changed] {
            let refused = refused.refused(400, "VALIDATION_ERROR");
            assert_eq!(refused.sources(), [format!("/data/attributes/geofence/{field}")], "{fence}");
            assert!(refused.text.contains(says), "{fence}: {}", refused.text);
        }
    }
    let fine = json!({"geofence": {"type": "circle", "radiusM": 80.0}});
    let made = ann.post(&format!("/api/v1/clients/{client}/properties"), property(fine.clone())).await.created();
    assert_eq!(made.attributes()["geofence"], fine["geofence"].clone());
    // A polygon that fits stays one that fits: the place may not move away under it.
    let near = ring(json!([[9.52, 47.14], [9.53, 47.14], [9.53, 47.15]]));
    ann.patch(&format!("/api/v1/properties/{place}"), property(json!({"geofence": near}))).await.ok();
    let far = property(json!({"location": {"lat": 46.0, "lng": 7.0}}));
    let away = ann.patch(&format!("/api/v1/properties/{place}"), far).await;
    assert_eq!(away.refused(400, "VALIDATION_ERROR").sources(), ["/data/attributes/geofence/coordinates"]);
}
