//! What each app says and hears, who gets in, and how a phone learns how often to report.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROTOCOLS, body, kept, posts, sends, thanks, with_token};
use crate::harness::app::App;
use crate::harness::cluster::{connect, execute};
use crate::positions::ago;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request as an app sends it, `TOKEN` in it, and what is to be kept of it.
struct Sample {
    path: &'static str,
    kind: &'static str,
    body: Value,
    point: Value,
}

fn sample(path: &'static str, kind: &'static str, body: Value, point: Value) -> Sample {
    Sample { path, kind, body, point }
}

fn of_owntracks() -> Vec<Sample> {
    vec![
        sample(
            "/ingest/owntracks?token=TOKEN",
            "application/json",
            json!({"_type": "location", "lat": 48.85833, "lon": 2.29513, "tst": 1_749_995_112, "vel": 61, "cog": 271,
                "acc": 5, "alt": 167, "vac": 21, "batt": 67, "bs": 2, "t": "u", "tid": "JJ"}),
            json!({"at": "2025-06-15T13:45:12Z", "lat": 48.85833, "lng": 2.29513, "speedMps": 16.944, "headingDeg": 271.0,
                "accuracyM": 5.0, "altitudeM": 167.0, "batteryPct": 67.0, "charging": true, "activity": "manual"}),
        ),
        sample(
            "/ingest/owntracks/?token=TOKEN",
            "application/json; charset=utf-8",
            json!({"_type": "location", "lat": 37, "lon": -122, "tst": 1_749_995_112, "created_at": 1_749_995_300,
                "alt": 0, "acc": 0, "batt": -1, "bs": 0, "m": 1, "conn": "w"}),
            json!({"at": "2025-06-15T13:45:12Z", "lat": 37.0, "lng": -122.0, "altitudeM": 0.0}),
        ),
    ]
}

fn of_osmand() -> Vec<Sample> {
    let form = "id=TOKEN&timestamp=1749995112&lat=47.1&lon=9.5&speed=40&bearing=7.5&altitude=350.5&accuracy=0.0&batt=0.0\
                &charge=true";
    vec![
        sample(
            "/?id=TOKEN&timestamp=1749995112862&lat=47.1&lon=9.5&speed=0.0&hdop=6.0&batt=87",
            "",
            Value::Null,
            json!({"at": "2025-06-15T13:45:12.862Z", "lat": 47.1, "lng": 9.5, "speedMps": 0.0, "batteryPct": 87.0}),
        ),
        sample(
            "/ingest/osmand",
            FORM,
            json!(form),
            json!({"at": "2025-06-15T13:45:12Z", "lat": 47.1, "lng": 9.5, "speedMps": 20.578, "headingDeg": 7.5,
                "altitudeM": 350.5, "charging": true}),
        ),
        // GPSLogger: its plus is not escaped.
        sample(
            "/ingest/osmand?id=TOKEN&lat=47.1&lon=9.5&sat=9&desc=blah&alt=45.0&acc=8.0&dir=359.0&prov=gps&spd_kph=36.0\
             &spd=10.0&timeoff=2025-06-15T15:45:12.862+02:00&battery=91.0&androidId=22&activity=",
            "",
            Value::Null,
            json!({"at": "2025-06-15T13:45:12.862Z", "lat": 47.1, "lng": 9.5, "speedMps": 10.0, "headingDeg": 359.0,
                "altitudeM": 45.0, "accuracyM": 8.0, "batteryPct": 91.0}),
        ),
        sample(
            "/",
            "application/json",
            json!({"device_id": "TOKEN", "location": {"timestamp": "2025-06-15T13:45:12.862Z", "is_moving": false,
                "coords": {"latitude": 37.4219983, "longitude": -122.084, "accuracy": 5, "speed": 0, "heading": -1, "altitude": 5},
                "odometer": 0, "event": "motionchange", "battery": {"level": 1, "is_charging": false},
                "activity": {"type": "still"}, "extras": {}, "_": "&id=TOKEN&lat=37.4219983&lon=-122.084&"}}),
            json!({"at": "2025-06-15T13:45:12.862Z", "lat": 37.4219983, "lng": -122.084, "speedMps": 0.0, "accuracyM": 5.0,
                "altitudeM": 5.0, "batteryPct": 100.0, "charging": false, "activity": "still"}),
        ),
    ]
}

fn of_overland_and_transistor() -> Vec<Sample> {
    let properties = json!({"timestamp": "2025-06-15T06:45:12-0700", "altitude": 0, "speed": 4, "horizontal_accuracy": 30,
        "vertical_accuracy": -1, "motion": ["driving", "stationary"], "battery_state": "charging", "battery_level": 0.8,
        "device_id": "", "wifi": ""});
    let unknown = json!({"latitude": 47.1, "longitude": 9.5, "accuracy": -1, "speed": -1, "heading": -1, "altitude": -3.5,
        "speed_accuracy": -1, "floor": null});
    vec![
        sample(
            "/ingest/overland?token=TOKEN",
            "application/json",
            json!({"locations": [
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-122.030581, 37.3318]}, "properties": properties},
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.0, 1.0]},
                    "properties": {"timestamp": "2025-06-15T13:46:00Z", "action": "visit"}},
                {"type": "Feature", "properties": {"type": "trip", "start": "2025-06-15T13:00:00Z"}},
            ]}),
            json!({"at": "2025-06-15T13:45:12Z", "lat": 37.3318, "lng": -122.030581, "speedMps": 4.0, "accuracyM": 30.0,
                "altitudeM": 0.0, "batteryPct": 80.0, "charging": true, "activity": "driving"}),
        ),
        sample(
            "/ingest/transistor?token=TOKEN",
            "application/json",
            json!({"location": {"timestamp": "2025-06-15T13:45:12.862Z", "uuid": "2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8",
                "mock": true, "age": 188, "coords": unknown, "battery": {"level": -1, "is_charging": true},
                "activity": {"type": "in_vehicle", "confidence": 100}}}),
            json!({"at": "2025-06-15T13:45:12.862Z", "lat": 47.1, "lng": 9.5, "altitudeM": -3.5, "charging": true,
                "activity": "in_vehicle", "mock": true}),
        ),
        // Without a root property of its own, and with the token among the parameters of the app.
        sample(
            "/ingest/transistor",
            "application/json",
            json!({"token": "TOKEN", "timestamp": 1_749_995_112_862_i64, "battery": {"level": 0.5},
                "coords": {"latitude": "47.1", "longitude": "9.5", "speed": 3.5, "heading": 360, "accuracy": 12.5}}),
            json!({"at": "2025-06-15T13:45:12.862Z", "lat": 47.1, "lng": 9.5, "speedMps": 3.5, "headingDeg": 0.0,
                "accuracyM": 12.5, "batteryPct": 50.0}),
        ),
    ]
}

/// `found` without what the server adds, its speed to the millimetre.
fn told(found: &Value) -> Value {
    let mut told = found.as_object().expect("an object").clone();
    let ours = ["receivedAt", "source", "clockAheadMs", "flags", "sentAt", "used"];
    told.retain(|name, value| !value.is_null() && !ours.contains(&name.as_str()));
    if told["mock"] == json!(false) {
        told.remove("mock");
    }
    if let Some(mps) = told.get("speedMps").and_then(Value::as_f64) {
        told.insert("speedMps".into(), json!((mps * 1_000.0).round() / 1_000.0));
    }
    Value::Object(told)
}

#[tokio::test]
async fn every_app_says_a_position_in_its_own_words_and_hears_what_it_needs() {
    let app = App::start().await;
    let ann = app.owner().await;
    for Sample { path, kind, body, point } in
        of_owntracks().into_iter().chain(of_osmand()).chain(of_overland_and_transistor())
    {
        let bob = ann.hires_worker(json!({})).await;
        let token = ann.gives_phone(&bob).await;
        let method = if body.is_null() { Method::GET } else { Method::POST };
        let text = match &body {
            Value::Null => String::new(),
            Value::String(form) => form.clone(),
            json => json.to_string(),
        };
        let text = text.replace("TOKEN", &token);
        for _ in 0..2 {
            let headers = [("content-type", kind)];
            let answer = sends(&app, method.clone(), &path.replace("TOKEN", &token), &headers, text.clone()).await.ok();
            let protocol = PROTOCOLS.into_iter().find(|protocol| path.contains(protocol)).unwrap_or("osmand");
            assert_eq!(answer.text, thanks(protocol), "{path}");
        }
        let found: Vec<Value> = kept(&ann, &bob).await.iter().map(told).collect();
        assert_eq!(found, [point], "{path} {body}: once, though it was sent twice");
    }
}

#[tokio::test]
async fn a_bad_point_never_sinks_its_batch() {
    let app = App::start().await;
    let ann = app.owner().await;
    let location = |s: u32| body("transistor", s)["location"].clone();
    let odd = [json!(null), json!(7), json!([[]]), json!({}), json!({"coords": {"latitude": 47.1}}), json!("point")];
    for protocol in PROTOCOLS {
        let bob = ann.hires_worker(json!({})).await;
        let path = with_token(protocol, &ann.gives_phone(&bob).await);
        let good = |s: u32| match protocol {
            "owntracks" => body(protocol, s),
            "overland" => body(protocol, s)["locations"][0].clone(),
            _ => location(s),
        };
        let nowhere = match protocol {
            "owntracks" => json!({"_type": "location", "tst": 1}),
            "overland" => json!({"type": "Feature", "properties": {"timestamp": "2025-06-15T13:45:00Z"}}),
            _ => json!({"timestamp": "soon", "coords": {"latitude": 47.1, "longitude": 9.5}}),
        };
        let several: Vec<Value> = [good(1)].into_iter().chain(odd.clone()).chain([nowhere, good(2)]).collect();
        let batch = match protocol {
            "owntracks" => json!(several),
            "overland" => json!({"locations": several, "current": good(3), "trip": null}),
            _ => json!({"location": several}),
        };
        assert_eq!(posts(&app, &path, batch.to_string()).await.ok().text, thanks(protocol), "{protocol}");
        let expected = if protocol == "overland" { 3 } else { 2 };
        assert_eq!(kept(&ann, &bob).await.len(), expected, "{protocol}");
    }
}

#[tokio::test]
async fn a_phone_is_thanked_for_what_is_no_position_or_it_would_send_it_for_ever() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let bodies = [
        "",
        " ",
        "{",
        "[",
        "[]",
        "{}",
        "null",
        "7",
        "\"x\"",
        r#"{"_type":"lwt","tst":1}"#,
        "a=b&lat=47.1",
        r#"{"_type":"encrypted","data":"x"}"#,
        r#"{"locations":null}"#,
        r#"{"location":{}}"#,
        r#"{"location":[[]]}"#,
    ];
    for protocol in PROTOCOLS {
        for body in bodies {
            let answer = posts(&app, &with_token(protocol, &token), body).await.ok();
            assert_eq!(answer.text, thanks(protocol), "{protocol} {body}");
        }
    }
    let cell = format!("/ingest/osmand?id={token}&timestamp=1377177267&cell=257,02,16,2224&wifi=00-14-22-01-23-45,-80");
    assert_eq!(sends(&app, Method::GET, &cell, &[], "").await.ok().text, "");
    let invalid = format!("/ingest/osmand?id={token}&timestamp=1749995112&lat=47.1&lon=9.5&valid=false");
    sends(&app, Method::GET, &invalid, &[], "").await.ok();
    assert_eq!(kept(&ann, &bob).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_phone_gets_in_by_its_own_token_alone_and_only_while_it_and_its_worker_may() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    for protocol in PROTOCOLS {
        let bob = ann.hires_worker(json!({})).await;
        let (first, second) = (ann.gives_phone(&bob).await, ann.makes_device(bob.id).await.created());
        let second_token = second.attributes()["token"].as_str().expect("shown once").to_owned();
        let post =
            async |token: &str, s: u32| posts(&app, &with_token(protocol, token), body(protocol, s).to_string()).await;

        posts(&app, &format!("/ingest/{protocol}"), body(protocol, 1).to_string())
            .await
            .refused(401, "UNAUTHENTICATED");
        post("mdt_0", 1).await.refused(401, "UNAUTHENTICATED");
        post("", 1).await.refused(401, "UNAUTHENTICATED");
        let session = bob.token.clone().expect("signed in");
        post(&session, 1).await.refused(401, "UNAUTHENTICATED");
        assert_eq!(kept(&ann, &bob).await.len(), 0, "{protocol}");

        for token in [&first, &second_token] {
            post(token, 1).await.ok();
        }
        assert_eq!(kept(&ann, &bob).await.len(), 2, "{protocol}: two phones at the same instant");
        ann.delete(&format!("/api/v1/devices/{}", second.id())).await.is(204);
        post(&second_token, 2).await.refused(401, "UNAUTHENTICATED");
        post(&first, 2).await.ok();

        let worker = eve.hires_worker(json!({})).await;
        let theirs = eve.gives_phone(&worker).await;
        post(&theirs, 3).await.ok();
        assert_eq!((kept(&ann, &bob).await.len(), kept(&eve, &worker).await.len()), (3, 1), "{protocol}");

        assert!(ann.delete(&format!("/api/v1/workers/{}", bob.id)).await.status < 300);
        let mut tries = 0;
        while post(&first, 4).await.status != 401 {
            tries += 1;
            assert!(tries < 100, "{protocol}: he has left and is still followed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(kept(&eve, &worker).await.len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_to_an_app_before_it_is_durable() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let mut owner = connect(&app.db().owner_url).await;
    execute(&mut owner, "REVOKE INSERT ON tracks FROM muster_server").await;
    for protocol in PROTOCOLS {
        let refused = posts(&app, &with_token(protocol, &token), body(protocol, 1).to_string()).await.is(503);
        assert!(refused.header("retry-after").is_some(), "{protocol}");
    }
    execute(&mut owner, "GRANT INSERT ON tracks TO muster_server").await;
    for protocol in PROTOCOLS {
        posts(&app, &with_token(protocol, &token), body(protocol, 1).to_string()).await.ok();
    }
    assert_eq!(kept(&ann, &bob).await.len(), 1, "the same phone at the same instant, whatever it speaks");
}

#[tokio::test]
async fn an_app_that_obeys_is_told_to_report_more_often_while_its_worker_travels() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (track, other) = (ann.gives_phone(&bob).await, ann.gives_phone(&bob).await);
    let (owntracks, transistor) = (with_token("owntracks", &track), with_token("transistor", &other));
    let says = async |path: &str, protocol: &str, s: u32| posts(&app, path, body(protocol, s).to_string()).await.ok();
    assert_eq!(says(&owntracks, "owntracks", 1).await.text, "[]", "its set-up said so already");
    assert_eq!(says(&transistor, "transistor", 1).await.text, "{}");

    let visit = ann.books(&ago(600), &ago(-3_600)).await;
    ann.assigns(visit, &bob).await.ok();
    bob.post(&format!("/api/v1/visits/{visit}/start-travel"), json!({})).await.ok();
    let mut heard = says(&owntracks, "owntracks", 2).await;
    for s in 3..50 {
        if heard.text != "[]" {
            break;
        }
        heard = says(&owntracks, "owntracks", s).await;
    }
    let command = &heard.body[0];
    assert_eq!((&command["_type"], &command["action"]), (&json!("cmd"), &json!("setConfiguration")), "{}", heard.text);
    let wanted = &command["configuration"];
    assert_eq!((&wanted["_type"], &wanted["monitoring"]), (&json!("configuration"), &json!(2)));
    assert_eq!((&wanted["moveModeLocatorInterval"], &wanted["locatorDisplacement"]), (&json!(5), &json!(20)));
    let heard = says(&transistor, "transistor", 2).await;
    let command = &heard.body["background_geolocation"][0];
    assert_eq!((&command[0], &command[1]["distanceFilter"]), (&json!("setConfig"), &json!(20)), "{}", heard.text);

    assert_eq!(says(&owntracks, "owntracks", 55).await.text, "[]", "it knows now");
    assert_ne!(says(&owntracks, "owntracks", 55).await.text, "[]", "it repeats itself: the answer was lost");
    assert_eq!(says(&with_token("osmand", &track), "osmand", 56).await.text, "", "it understands no orders");
}

#[tokio::test]
async fn what_comes_in_is_counted_by_protocol_and_reason() {
    muster::boot::observe(&muster::settings::Settings { log: "off".into(), ..Default::default() });
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let counted = |series: String| -> u64 {
        let metrics = muster::observe::metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or("0");
        line.trim().parse().expect("a count")
    };
    for protocol in PROTOCOLS {
        let points = |outcome: &str| {
            counted(format!("muster_ingest_points_total{{protocol=\"{protocol}\",outcome=\"{outcome}\"}}"))
        };
        let rejected =
            |code: &str| counted(format!("muster_ingest_rejected_total{{protocol=\"{protocol}\",code=\"{code}\"}}"));
        let of = || [points("accepted"), points("duplicate"), rejected("NO_FIX"), rejected("UNREADABLE")];
        let before = of();
        let (path, good) = (with_token(protocol, &ann.gives_phone(&bob).await), body(protocol, 1).to_string());
        let nowhere = good.replace("47.1", "0").replace("9.5", "0");
        for text in [good.as_str(), &good, &nowhere, "{\"coords"] {
            posts(&app, &path, text.to_owned()).await.ok();
        }
        let after = of();
        let all_went_up = before.iter().zip(after).all(|(before, after)| after > *before);
        assert!(all_went_up, "{protocol}: {before:?} {after:?}");
    }
}
