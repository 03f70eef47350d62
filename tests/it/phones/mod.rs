//! Phones with apps of other makers, each spoken to in its own protocol: what it says, what it hears, who may.

mod backlog;
mod links;
mod malice;
mod protocols;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

/// Every protocol: its path, and one position as its app sends it.
const PROTOCOLS: [&str; 4] = ["owntracks", "osmand", "overland", "transistor"];

/// What each app must hear to forget what it sent.
fn thanks(protocol: &str) -> &'static str {
    match protocol {
        "owntracks" => "[]",
        "osmand" => "",
        "overland" => r#"{"result":"ok"}"#,
        _ => "{}",
    }
}

/// A position of 15 June 2025, 13:45:`s`, in the words of the protocol.
fn body(protocol: &str, s: u32) -> Value {
    let at = format!("2025-06-15T13:45:{s:02}Z");
    match protocol {
        "owntracks" => json!({"_type": "location", "lat": 47.1, "lon": 9.5, "tst": 1_749_995_100 + s, "tid": "bb"}),
        "overland" => json!({"locations": [feature(&at)]}),
        _ => json!({"location": {"timestamp": at, "coords": {"latitude": 47.1, "longitude": 9.5}}}),
    }
}

fn feature(at: &str) -> Value {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [9.5, 47.1]},
        "properties": {"timestamp": at}})
}

fn with_token(protocol: &str, token: &str) -> String {
    format!("/ingest/{protocol}?token={token}")
}

async fn posts(app: &App, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    sends(app, Method::POST, path, &[("content-type", "application/json")], body).await
}

/// As an app would, with exactly these headers and this body.
async fn sends(
    app: &App,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answer {
    let mut request = app.http().request(method, app.url(path)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

/// What is kept of a worker's June 2025, by the phones' clocks.
async fn kept(ann: &Person, bob: &Person) -> Vec<Value> {
    let path = format!("/api/v1/workers/{}/track?from=2025-06-01T00:00:00Z&to=2025-07-01T00:00:00Z", bob.id);
    let track = ann.get(&path).await.ok();
    track.body["data"].as_array().expect("a list").iter().map(|point| point["attributes"].clone()).collect()
}
