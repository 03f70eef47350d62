//! Clients that send too slowly, too much, or nothing at all; and many of them at once, while others work.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{health, is_alive};
use crate::harness::app::App;
use crate::harness::person::Person;
use crate::harness::process::Process;
use crate::harness::raw::{Raw, answer, request};

const HALF_OPEN: usize = 2_000;
/// What a poor phone sends in a second.
const POOR_BYTES_PER_S: usize = 4 * 1024;

fn client(note: &str) -> Value {
    json!({"data": {"type": "client", "attributes": {"firstName": "Dora", "lastName": "Slow", "companyName": note}}})
}

/// Sends at this rate until it is answered or everything is sent.
async fn sends_slowly(person: &Person, bytes: &[u8], piece: usize, pause: Duration) -> (u16, Value, Duration) {
    let since = Instant::now();
    let mut line = Raw::to(person.app.addr()).await;
    for piece in bytes.chunks(piece) {
        if !line.says(piece).await {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let (status, body) = answer(&line.hears_all().await);
    (status, body, since.elapsed())
}

/// A body that trickles is ended after its grace, in our shape; the client stops to listen for it.
async fn trickles(app: &App, bytes: &[u8]) {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let since = Instant::now();
    let mut line = Raw::to(app.addr()).await;
    line.says(&bytes[..head]).await;
    for byte in bytes[head..].chunks(1).take(13) {
        line.says(byte).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let text = line.hears_all().await;
    let (status, body) = answer(&text);
    assert_eq!((status, &body["errors"][0]["code"]), (408, &json!("TIMED_OUT")), "{text}");
    let took = since.elapsed();
    assert!(took > Duration::from_secs(13) && took < Duration::from_secs(45), "{took:?}");
}

/// A phone's report, packed or not: neither says who sends it before its body is there.
fn phones_report(packing: &str) -> Vec<u8> {
    let body = json!({"_type": "location", "lat": 47.14, "lon": 9.52, "tst": 1_800_000_000}).to_string();
    let (bytes, kind) = (body.len(), "application/json");
    let head = format!("Host: localhost\r\nContent-Type: {kind}\r\n{packing}Content-Length: {bytes}\r\n");
    format!("POST /ingest/owntracks HTTP/1.1\r\n{head}\r\n{body}").into_bytes()
}

async fn never_ends_its_headers(app: &App) {
    let since = Instant::now();
    let mut line = Raw::to(app.addr()).await;
    for n in 0..60 {
        if !line.says(format!("{}x-{n}: y\r\n", if n == 0 { "GET / HTTP/1.1\r\n" } else { "" }).as_bytes()).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        if since.elapsed() > Duration::from_secs(9) {
            break;
        }
    }
    assert_eq!(answer(&line.hears_all().await).0, 408);
    let took = since.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(40), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_slowly_is_sent_away_with_408_and_2000_half_open_connections_hold_up_nobody() {
    let process = Process::start().await;
    let ann = process.app().owner().await;
    let before = process.open_files();
    let mut half_open = Vec::with_capacity(HALF_OPEN);
    for n in 0..HALF_OPEN {
        let mut line = Raw::to(ann.app.addr()).await;
        if n % 2 == 0 {
            line.says(b"POST /api/v1/clients HTTP/1.1\r\nHost: lo").await;
        }
        half_open.push(line);
    }
    assert!(process.open_files() > before + HALF_OPEN / 2, "{} open files", process.open_files());
    let others = async {
        for _ in 0..40 {
            let since = Instant::now();
            ann.post("/api/v1/clients", client("y")).await.created();
            assert!(since.elapsed() < Duration::from_secs(10), "others wait {:?}", since.elapsed());
            is_alive(&ann.app).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // Half a megabyte in some five seconds: large, slow, and legitimate.
    let large = request(&ann, "POST", "/api/v1/clients", "large", &client(&"z".repeat(500_000)));
    let large = async {
        let (status, body, _) = sends_slowly(&ann, &large, 10_000, Duration::from_millis(100)).await;
        assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("VALIDATION_ERROR")), "read, and then judged");
    };
    let slow = request(&ann, "POST", "/api/v1/clients", "trickle", &client("x"));
    let (plain, packed) = (phones_report(""), phones_report("Content-Encoding: gzip\r\n"));
    let trickle = async {
        tokio::join!(trickles(&ann.app, &slow), trickles(&ann.app, &plain), trickles(&ann.app, &packed));
    };
    tokio::join!(others, large, trickle, never_ends_its_headers(&ann.app));
    for line in half_open.iter_mut().step_by(97) {
        line.hears_all().await;
    }
    let since = Instant::now();
    while process.open_files() > before + 100 {
        assert!(since.elapsed() < Duration::from_secs(15), "{} open files", process.open_files());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_in_our_shape_as_far_as_it_can_be_read() {
    let app = App::start().await;
    let ann = app.owner().await;
    let long = format!("/api/v1/clients?search={}", "x".repeat(10 * 1024));
    ann.get(&long).await.refused(414, "TOO_LONG");
    let large = "x".repeat(20 * 1024);
    let headers = [("x-one", large.as_str()), ("x-two", large.as_str())];
    ann.send(reqwest::Method::GET, "/api/v1/clients", &headers, None).await.refused(431, "TOO_MANY_HEADERS");
    ann.post("/api/v1/clients", client(&"x".repeat(1_100_000))).await.refused(413, "BODY_TOO_LARGE");
    ann.get("/api/v1/clients").await.ok();
    // Beyond what the parser takes it is its own answer, without a body, and the end of the connection.
    let many: String = (0..120).map(|n| format!("x-{n}: y\r\n")).collect();
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nHost: l\r\nx: {}\r\n\r\n", "x".repeat(200_000)), 431),
        (format!("GET / HTTP/1.1\r\nHost: l\r\n{many}\r\n"), 431),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n".to_owned(), 400),
    ] {
        let mut line = Raw::to(app.addr()).await;
        line.says(head.as_bytes()).await;
        assert_eq!(answer(&line.hears_all().await).0, status, "{}", &head[..20]);
    }
    assert_eq!(health(&app, "/health/ready").await.map(|(status, _)| status), Some(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: four minutes of a poor phone, and a connection that idles"]
async fn a_megabyte_from_a_poor_phone_is_read_to_its_end_and_an_idle_connection_is_closed() {
    let ann = App::start().await.owner().await;
    let bytes = request(&ann, "POST", "/api/v1/clients", "poor", &client(&"z".repeat(1_000_000)));
    let poor = sends_slowly(&ann, &bytes, POOR_BYTES_PER_S, Duration::from_secs(1));
    let idle = async {
        let mut line = Raw::to(ann.app.addr()).await;
        line.says(b"GET /health/live HTTP/1.1\r\nHost: l\r\n\r\n").await;
        line.hears(64).await;
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(100) {
            let rest = tokio::time::timeout(Duration::from_secs(25), line.hears(4096)).await;
            if rest.is_ok() {
                return since.elapsed();
            }
        }
        panic!("an idle connection is kept for ever");
    };
    let ((status, body, took), idled) = tokio::join!(poor, idle);
    assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("VALIDATION_ERROR")), "read, and then judged");
    assert!(took > Duration::from_secs(200), "{took:?}");
    assert!(idled > Duration::from_secs(60) && idled < Duration::from_secs(95), "{idled:?}");
}
