//! The stream as server-sent events: the same frames for whoever has no WebSocket.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::app::App;
use crate::harness::person::Person;

const DAY: &str = "from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";
const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";
const PATIENCE: Duration = Duration::from_secs(20);

struct Events {
    answer: reqwest::Response,
    text: String,
    id: Option<String>,
}

impl Person {
    async fn follows_events(&self, query: &str, last: Option<&str>) -> Events {
        let mut request = self.app.http().get(self.app.url(&format!("/api/v1/stream/sse?{query}")));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await.expect("an answer");
        Events { answer, text: String::new(), id: None }
    }
}

impl Events {
    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                self.id = field("id: ").or(self.id.take());
                if let Some(data) = field("data: ") {
                    return Some(serde_json::from_str(&data).expect("JSON"));
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.expect("not silent for so long");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).expect("whole events"));
        }
    }

    async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("ended before {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

#[tokio::test]
async fn without_a_valid_identity_or_a_clear_wish_nothing_is_streamed() {
    let app = App::start().await;
    let ann = app.owner().await;
    let ask = async |person: &Person, query: &str| person.get(&format!("/api/v1/stream/sse?{query}")).await;
    let both = format!("topics=schedule,workers&{DAY}");
    ask(&app.anonymous(), &both).await.refused(401, "UNAUTHENTICATED");
    let token = ann.token.clone().expect("a token");
    ask(&app.anonymous(), &format!("{both}&access_token={token}")).await.refused(401, "UNAUTHENTICATED");
    ask(&app.anonymous(), &format!("{both}&ticket=nonsense")).await.refused(401, "UNAUTHENTICATED");
    let limited = ann.hires_worker(json!({"role": "limitedWorker"})).await;
    ask(&limited, &both).await.refused(403, "FORBIDDEN");
    for (query, parameter) in [
        (DAY, "topics"),
        ("topics=weather", "topics"),
        ("topics=workers,workers", "topics"),
        ("topics=schedule", "from"),
        ("topics=schedule&from=2026-12-01T00:00:00Z&to=soon", "to"),
        ("topics=schedule&from=2026-12-02T00:00:00Z&to=2026-12-01T00:00:00Z", "to"),
        ("topics=workers&viewport=1,2,3", "viewport"),
        ("topics=workers&viewport=1,2,3,400", "viewport"),
        ("topics=workers&zoom=-1", "zoom"),
        ("topics=workers&focus=bob", "focus"),
        ("topics=workers&tickMs=1", "tickMs"),
        ("topics=workers&colour=blue", "colour"),
        (&format!("topics=schedule&{DAY}&lastEventId=mine"), "lastEventId"),
    ] {
        let refused = ask(&ann, query).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.sources(), [parameter], "{query}");
    }
    let head = ann.send(reqwest::Method::HEAD, &format!("/api/v1/stream/sse?{both}"), &[], None).await.ok();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_ticket_opens_one_stream_with_what_the_sockets_get() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let query = format!("topics=schedule,workers&{DAY}&tickMs=25&ticket={}", ann.ticket().await);
    let mut events = app.anonymous().follows_events(&query, None).await;
    assert_eq!(events.answer.headers()["content-type"], "text/event-stream");
    assert_eq!(events.next().await.expect("a greeting")["type"], "hello");
    let mut socket = ann.streams().await;
    socket.watches_day(None).await;
    socket.frame("snapshot").await;
    while events.frame("snapshot").await["id"] != "schedule" {}
    assert!(events.id.as_ref().is_some_and(|id| id.contains(':')));
    ann.books(NINE, TEN).await;
    loop {
        let (here, there) = (events.frame("event").await, socket.frame("event").await);
        assert_eq!((&here["id"], &here["prev"], &here["event"]), (&json!("schedule"), &there["prev"], &there["event"]));
        if here["event"]["type"] == "visit.created" {
            break;
        }
    }
    let point =
        json!({"id": uuid::Uuid::now_v7(), "at": chrono::Utc::now(), "lat": 47.1, "lng": 9.5, "accuracyM": 5.0});
    let batch = json!({"data": {"type": "positionBatch", "attributes": {"points": [point]}}});
    bob.post("/api/v1/positions", batch).await.ok();
    assert_eq!(events.frame("delta").await["up"][0]["id"], json!(bob.id));
    let again = app.anonymous().get(&format!("/api/v1/stream/sse?{query}")).await;
    again.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_worker_follows_what_is_his_alone() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let (his, others) = (ann.books(NINE, TEN).await, ann.books(NINE, TEN).await);
    let mut events = bob.follows_events(&format!("topics=schedule&{DAY}"), None).await;
    let mut foreign = eve.follows_events(&format!("topics=schedule&{DAY}"), None).await;
    assert_eq!(events.frame("snapshot").await["visits"], json!([]));
    assert_eq!(foreign.frame("snapshot").await["visits"], json!([]));
    ann.assigns(others, &carl).await.ok();
    ann.assigns(his, &bob).await.ok();
    assert_eq!(events.frame("event").await["event"]["visit"]["id"], json!(his));
    assert!(tokio::time::timeout(Duration::from_millis(300), foreign.next()).await.is_err());
}

#[tokio::test]
async fn one_who_was_cut_off_resumes_behind_his_last_event_and_on_another_server() {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    let query = format!("topics=schedule&{DAY}");
    let mut events = ann.follows_events(&query, None).await;
    let seq = events.frame("snapshot").await["seq"].clone();
    let id = events.id.clone().expect("a cursor");
    drop(events);
    ann.books(NINE, TEN).await;
    let by_query = format!("{query}&lastEventId={id}");
    for mut events in [
        ann.follows_events(&query, Some(&id)).await,
        ann.at(&other).follows_events(&query, Some(&id)).await,
        ann.follows_events(&by_query, None).await,
    ] {
        assert_eq!(events.frame("subscribed").await["recovered"], true);
        assert_eq!(events.frame("event").await["prev"], seq);
    }
    let mut events = ann.follows_events(&query, Some("elsewhere:7")).await;
    events.frame("reset").await;
    assert_eq!(events.frame("snapshot").await["visits"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_stream_ends_with_its_sign_in_and_a_sign_in_has_only_so_many() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let query = format!("topics=schedule&{DAY}");
    let mut all = Vec::new();
    for _ in 0..64 {
        let mut events = dee.follows_events(&query, None).await;
        events.frame("hello").await;
        all.push(events);
    }
    dee.get(&format!("/api/v1/stream/sse?{query}")).await.refused(429, "OVERLOADED");
    drop(all.split_off(1));
    dee.post("/api/v1/auth/logout", json!({})).await.is(204);
    let began = Instant::now();
    assert_eq!(all[0].frame("bye").await["code"], 4401);
    assert_eq!(all[0].next().await, None);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_who_does_not_read_is_hung_up_on() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2_048).expect("a small buffer");
    let mut slow = socket.connect(app.addr()).await.expect("it listens");
    let request = format!(
        "GET /api/v1/stream/sse?topics=schedule&{DAY} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        ann.bearer()
    );
    slow.write_all(request.as_bytes()).await.expect("sent");
    let mut quick = ann.follows_events(&format!("topics=schedule&{DAY}"), None).await;
    quick.frame("snapshot").await;
    let mut told = 0;
    while told < 400 {
        ann.assigns(visit, &bob).await.ok();
        ann.post(&format!("/api/v1/visits/{visit}/unassign"), crate::harness::app::assignment(&[bob.id])).await.ok();
        for kind in ["visit.assigned", "visit.unassigned"] {
            while quick.frame("event").await["event"]["type"] != kind {}
            told += 1;
        }
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    let mut got = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut got)).await;
    let passed = String::from_utf8_lossy(&got).matches("\"type\":\"event\"").count();
    assert!(read.is_ok(), "it still goes on, after {passed} of {told}");
    assert!(passed < told, "{passed} of {told}");
}
