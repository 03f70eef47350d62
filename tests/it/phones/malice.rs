//! Requests that no app would send: whatever comes, the server answers at once, and it is never its own fault.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PROTOCOLS, body, kept, posts, with_token};
use crate::harness::app::App;

const SEED: u64 = 7_40;
const MUTATIONS: usize = 150;
/// An answer that takes longer is a hang.
const AT_ONCE: Duration = Duration::from_secs(10);

fn odd(rng: &mut StdRng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(-1e308),
        json!(4.9e-324),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("NaN"),
        json!("-Infinity"),
        json!("1e999"),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!([1, 2, 3]),
        json!({"": {"": []}}),
        json!("2025-06-15T13:45:60Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("-0001-01-01T00:00:00Z"),
        json!("1970-01-01T00:00:00Z"),
        json!("0000-00-00 00:00:00"),
        json!(1e18),
        json!("mdt_"),
        json!("\u{fffd}"),
    ];
    values.choose(rng).expect("not empty").clone()
}

/// The same document with something in it replaced, dropped, doubled or renamed.
fn mutated(value: &Value, rng: &mut StdRng) -> Value {
    if rng.random_ratio(1, 6) {
        return odd(rng);
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut fields = fields.clone();
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = names.choose(rng).expect("not empty");
            let old = fields[name].clone();
            match rng.random_range(0..5) {
                0 => drop(fields.remove(name)),
                1 => drop(fields.insert(names.choose(rng).expect("not empty").clone(), old)),
                2 => drop(fields.insert("\u{0}x".to_owned(), odd(rng))),
                _ => drop(fields.insert(name.clone(), mutated(&old, rng))),
            }
            Value::Object(fields)
        }
        Value::Array(items) if !items.is_empty() => {
            let mut items = items.clone();
            let index = rng.random_range(0..items.len());
            items[index] = mutated(&items[index].clone(), rng);
            items.push(odd(rng));
            Value::Array(items)
        }
        _ => odd(rng),
    }
}

/// Bytes lost, turned and cut off.
fn garbled(text: &str, rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] = rng.random(),
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, 0xff),
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

fn full(protocol: &str) -> Value {
    match protocol {
        "owntracks" => {
            json!({"_type": "location", "lat": 47.1, "lon": 9.5, "tst": 1_749_995_100, "vel": 61, "cog": 271,
            "acc": 5, "alt": 167, "batt": 67, "bs": 2, "t": "u", "tid": "JJ"})
        }
        "overland" => {
            json!({"locations": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [9.5, 47.1, 3]},
            "properties": {"timestamp": "2025-06-15T13:45:00Z", "speed": 4, "horizontal_accuracy": 30, "course": 3,
                "motion": ["driving"], "battery_state": "full", "battery_level": 0.8, "altitude": 4}}],
            "current": {"geometry": {"coordinates": [9.5, 47.1]}, "properties": {"timestamp": "2025-06-15T13:45:01Z"}}})
        }
        _ => {
            json!({"location": [{"timestamp": "2025-06-15T13:45:00.862Z", "uuid": "2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8",
            "mock": false, "coords": {"latitude": 47.1, "longitude": 9.5, "accuracy": 5, "speed": 0, "heading": -1, "altitude": 5},
            "battery": {"level": 1, "is_charging": false}, "activity": {"type": "still"}}]})
        }
    }
}

/// Sends it and holds the answer to be at once and no fault of the server's.
async fn withstands(app: &App, method: Method, path: &str, body: Vec<u8>) {
    let shown = String::from_utf8_lossy(&body[..body.len().min(600)]).into_owned();
    let request = app.http().request(method, app.url(path)).header("content-type", "application/json").body(body);
    let answer = tokio::time::timeout(AT_ONCE, request.send()).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer to {path} {shown}"));
    let status = answer.unwrap_or_else(|error| panic!("{error}: {path} {shown}")).status().as_u16();
    let path: String = path.chars().take(600).collect();
    assert!([200, 413, 414].contains(&status), "{status}: {path} {shown}");
}

#[tokio::test]
async fn no_mutation_of_a_request_is_the_servers_own_fault_or_hangs() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    for protocol in PROTOCOLS {
        let (path, sample) = (with_token(protocol, &token), full(protocol));
        for _ in 0..MUTATIONS {
            let mut changed = mutated(&sample, &mut rng);
            for _ in 0..rng.random_range(0..3) {
                changed = mutated(&changed, &mut rng);
            }
            withstands(&app, Method::POST, &path, changed.to_string().into_bytes()).await;
            let bytes = garbled(&sample.to_string(), &mut rng);
            withstands(&app, Method::POST, &path, bytes).await;
        }
    }
    for protocol in PROTOCOLS {
        posts(&app, &with_token(protocol, &token), body(protocol, 30).to_string()).await.ok();
    }
    let good = kept(&ann, &bob).await.iter().filter(|point| point["at"] == "2025-06-15T13:45:30Z").count();
    assert_eq!(good, 1, "and it takes a good one as ever");
}

#[tokio::test]
async fn no_query_is_the_servers_own_fault_either() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let values = [
        "",
        "NaN",
        "inf",
        "-inf",
        "1e999",
        "-1",
        "0",
        "1e308",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "+",
        "1,2,3",
        "47.1",
        "9999999999999",
        "-9999999999999999999",
        "2025-06-15T13:45:00Z",
        "12:00:00",
        "%F0%9F%93%9E",
        "true",
        "[]",
        "{}",
    ];
    let names = [
        "lat",
        "lon",
        "timestamp",
        "time",
        "epoch",
        "speed",
        "spd",
        "bearing",
        "altitude",
        "accuracy",
        "batt",
        "charge",
        "activity",
        "location",
        "valid",
        "mock",
    ];
    for name in names {
        for value in values {
            let path = format!("/ingest/osmand?id={token}&{name}={value}&lat=47.1&lon=9.5&timestamp=1749995100");
            withstands(&app, Method::GET, &path, Vec::new()).await;
        }
    }
    let long = format!("/ingest/osmand?id={token}{}", "&a=1".repeat(5_000));
    withstands(&app, Method::GET, &long, Vec::new()).await;
    withstands(&app, Method::POST, &with_token("osmand", &token), "&".repeat(1_000_000).into_bytes()).await;
}

#[tokio::test]
async fn neither_depth_nor_length_overcomes_it() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let bodies = [
        deep("[", "]"),
        deep("{\"a\":", "}").replace(":}", ":1}"),
        format!("{{\"location\":{}}}", deep("[", "]")),
        format!("{{\"locations\":[{}]}}", deep("[", "]")),
        format!("{{\"locations\":[{{\"properties\":{}}}]}}", deep("[", "]")),
        format!("[{{\"_type\":{}}}]", deep("[", "]")),
        format!("{{\"location\":{{\"coords\":{{\"latitude\":{}}}}}}}", "9".repeat(1_000_000)),
        format!("{{\"device_id\":\"{}\"}}", "x".repeat(1_000_000)),
        format!("[{}]", vec!["1e999"; 20_000].join(",")),
        "[".repeat(7_000_000),
    ];
    for protocol in PROTOCOLS {
        for body in &bodies {
            withstands(&app, Method::POST, &with_token(protocol, &token), body.clone().into_bytes()).await;
        }
    }
    assert_eq!(kept(&ann, &bob).await.len(), 0);
}
