//! A phone that comes back after hours: many points, packed or not, taken whole and told of their limits.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PROTOCOLS, body, feature, kept, posts, sends, thanks, with_token};
use crate::harness::app::App;
use crate::harness::person::Answer;

const MIB: usize = 1024 * 1024;

fn second(n: i64) -> String {
    let began: DateTime<Utc> = "2025-06-15T06:00:00Z".parse().expect("an instant");
    (began + TimeDelta::seconds(n)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

async fn packed(app: &App, path: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
    sends(app, Method::POST, path, &headers, body).await
}

#[tokio::test]
async fn a_long_backlog_is_taken_in_one_request_and_twice_is_as_good_as_once() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (overland, transistor) = (ann.gives_phone(&bob).await, ann.gives_phone(&bob).await);
    let features: Vec<Value> = (0..2_500).map(|n| feature(&second(n))).collect();
    let backlog = json!({"locations": features, "current": feature(&second(2_499))}).to_string();
    let path = with_token("overland", &overland);
    for _ in 0..2 {
        assert_eq!(posts(&app, &path, backlog.clone()).await.ok().text, thanks("overland"));
        assert_eq!(kept(&ann, &bob).await.len(), 2_500);
    }
    let location = |n: i64| json!({"timestamp": second(n), "coords": {"latitude": 47.1, "longitude": 9.5}});
    let backlog = json!({"location": (0..2_500).map(location).collect::<Vec<_>>()}).to_string();
    posts(&app, &with_token("transistor", &transistor), backlog).await.ok();
    assert_eq!(kept(&ann, &bob).await.len(), 5_000);
}

#[tokio::test]
async fn who_sends_more_than_is_taken_hears_how_much_is() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let points: Vec<Value> = (0..1_001).map(|n| json!({"at": second(n), "lat": 47.1, "lng": 9.5})).collect();
    let refused = bob.reports_positions(json!(points)).await.refused(400, "VALIDATION_ERROR");
    assert!(refused.text.contains("1000"), "{}", refused.text);
    let many = format!("[{}]", vec!["{}"; 20_001].join(","));
    for (protocol, body) in [
        ("owntracks", many.clone()),
        ("osmand", many.clone()),
        ("overland", format!("{{\"locations\":{many}}}")),
        ("transistor", many.clone()),
    ] {
        let refused = posts(&app, &with_token(protocol, &token), body).await.refused(413, "BODY_TOO_LARGE");
        assert!(refused.text.contains("20000"), "{protocol}: {}", refused.text);
        let spaces = " ".repeat(8 * MIB + 1);
        let refused = posts(&app, &with_token(protocol, &token), spaces).await.refused(413, "BODY_TOO_LARGE");
        assert!(refused.text.contains("8 MiB"), "{protocol}: {}", refused.text);
        let stranger = posts(&app, &format!("/ingest/{protocol}"), " ".repeat(MIB + 1)).await;
        assert!(stranger.refused(413, "BODY_TOO_LARGE").text.contains("1 MiB"), "{protocol}");
    }
    assert_eq!(kept(&ann, &bob).await.len(), 0);
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_never_to_more_than_an_unpacked_one_may_have() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    for (protocol, s) in PROTOCOLS.into_iter().zip(1..) {
        let (path, text) = (with_token(protocol, &token), body(protocol, s).to_string());
        assert_eq!(packed(&app, &path, "gzip", gzip(text.as_bytes())).await.ok().text, thanks(protocol));
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(text.as_bytes()).expect("memory");
        packed(&app, &path, "deflate", deflated.finish().expect("memory")).await.ok();
        let bomb = gzip(&vec![b' '; 9 * MIB]);
        assert!(bomb.len() < MIB / 8);
        let refused = packed(&app, &path, "gzip", bomb).await.refused(413, "BODY_TOO_LARGE");
        assert!(refused.text.contains("8 MiB"), "{}", refused.text);
        packed(&app, &path, "gzip", text.clone().into_bytes()).await.refused(400, "VALIDATION_ERROR");
        packed(&app, &path, "br", text.into_bytes()).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(kept(&ann, &bob).await.len(), 4);

    let point = json!({"at": second(0), "lat": 47.1, "lng": 9.5});
    let batch = json!({"data": {"type": "positionBatch", "attributes": {"points": [point]}}}).to_string();
    let bearer = bob.bearer();
    let headers = |encoding| {
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("content-encoding", encoding)]
    };
    let taken = sends(&app, Method::POST, "/api/v1/positions", &headers("gzip"), gzip(batch.as_bytes())).await.ok();
    assert_eq!(taken.attributes()["accepted"], 1);
    let bomb = gzip(&vec![b' '; 2 * MIB]);
    let refused = sends(&app, Method::POST, "/api/v1/positions", &headers("gzip"), bomb).await;
    assert!(refused.refused(413, "BODY_TOO_LARGE").text.contains("1 MiB"));
}
