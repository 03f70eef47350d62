//! The socket below the protocol, met with raw bytes over real connections: cut anywhere, broken on purpose, and in
//! crowds. `make test-autobahn` adds the cases of the Autobahn suite.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::app::App;
use crate::harness::person::Person;
use crate::harness::socket::Socket;

const SUBSCRIBE: &str = r#"{"type":"subscribe","id":"m\u00e4p \ud83d\ude9a","topic":"workers"}"#;

/// A frame as a client sends it, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

async fn subscribes(person: &Person, pieces: &[Vec<u8>]) -> Value {
    let mut socket = person.streams().await;
    for piece in pieces {
        socket.raw().write_all(piece).await.expect("the line is up");
        socket.raw().flush().await.expect("the line is up");
        tokio::task::yield_now().await;
    }
    socket.frame("subscribed").await
}

#[tokio::test]
async fn a_message_is_whole_wherever_it_was_cut() {
    let app = App::start().await;
    let ann = app.owner().await;
    let text = SUBSCRIBE.as_bytes();
    let whole = frame(0x81, text);
    for cut in (1..whole.len()).step_by(7) {
        let told = subscribes(&ann, &[whole[..cut].to_vec(), whole[cut..].to_vec()]).await;
        assert_eq!(told["id"], "mäp 🚚", "cut at {cut}");
    }
    let bytewise: Vec<Vec<u8>> = whole.iter().map(|byte| vec![*byte]).collect();
    assert_eq!(subscribes(&ann, &bytewise).await["id"], "mäp 🚚");
    // In three pieces, inside a character, with a ping between.
    let pieces =
        [frame(0x01, &text[..30]), frame(0x89, b"still there?"), frame(0x00, &text[30..33]), frame(0x80, &text[33..])];
    assert_eq!(subscribes(&ann, &[pieces.concat()]).await["id"], "mäp 🚚");
}

#[tokio::test]
async fn what_breaks_the_rules_of_the_socket_is_named_and_closed() {
    let app = App::start().await;
    let ann = app.owner().await;
    let naked = b"\x81\x05naked".to_vec();
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("not masked", naked, "badFrame"),
        ("reserved bit", frame(0xc1, b"{}"), "badFrame"),
        ("reserved opcode", frame(0x83, b"{}"), "badFrame"),
        ("reserved control opcode", frame(0x8b, b""), "badFrame"),
        ("a ping in pieces", frame(0x09, b"?"), "badFrame"),
        ("a ping of 126 bytes", frame(0x89, &[0; 126]), "badFrame"),
        ("a piece of nothing", frame(0x80, b"{}"), "badFrame"),
        ("a new message within another", [frame(0x01, b"{"), frame(0x81, b"{}")].concat(), "badFrame"),
        ("a close of one byte", frame(0x88, b"x"), "badFrame"),
        ("a close with a code nobody may send", frame(0x88, &1005u16.to_be_bytes()), "badFrame"),
        ("binary", frame(0x82, b"{}"), "notText"),
        ("not UTF-8", frame(0x81, &[0xce, 0xba, 0xed, 0xa0, 0x80]), "notUtf8"),
        ("not UTF-8 in pieces", [frame(0x01, &[0xf0, 0x9f]), frame(0x80, b"!")].concat(), "notUtf8"),
        ("too large", frame(0x81, &[b' '; 65_537])[..14].to_vec(), "frameTooLarge"),
        ("too large in pieces", [frame(0x01, &[b' '; 60_000]), frame(0x80, &[b' '; 6_000])].concat(), "frameTooLarge"),
    ];
    for (what, bytes, reason) in table {
        let mut socket = ann.streams().await;
        socket.raw().write_all(&bytes).await.expect("the line is up");
        let (bye, code) = socket.end().await;
        assert_eq!(bye.expect(what)["reason"], reason, "{what}");
        assert_eq!(code, Some(4400), "{what}");
    }
}

#[tokio::test]
async fn pings_are_answered_in_their_own_words() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut socket = ann.streams().await;
    for payload in [&b""[..], b"hello", &[0xff; 125]] {
        socket.send(Message::Ping(payload.to_vec().into())).await;
        assert_eq!(socket.pong().await, payload);
    }
}

#[tokio::test]
async fn a_goodbye_is_answered_with_its_code() {
    let app = App::start().await;
    let ann = app.owner().await;
    for code in [1000u16, 1001, 3000, 4999] {
        let mut socket = ann.streams().await;
        socket.raw().write_all(&frame(0x88, &code.to_be_bytes())).await.expect("the line is up");
        assert_eq!(socket.end().await, (None, Some(code)));
    }
}

/// Everybody comes at once and goes at once, some politely and some not.
async fn storm(people: &[Person], sockets: usize) {
    const AT_ONCE: usize = 50;
    let mut left = sockets;
    while left > 0 {
        let now = left.min(AT_ONCE);
        let opened: Vec<Socket> =
            futures_util::future::join_all(people.iter().cycle().take(now).map(Person::streams)).await;
        for (i, mut socket) in opened.into_iter().enumerate() {
            if i % 2 == 0 {
                socket.say(json!({"type": "subscribe", "id": "map", "topic": "workers"})).await;
            }
            drop(socket);
        }
        left -= now;
    }
}

/// Enough people that nobody has too many sockets open, even while the server still takes leave of the last ones.
async fn crowd(app: &App) -> Vec<Person> {
    let mut people = Vec::new();
    for _ in 0..8 {
        people.push(app.owner().await);
    }
    people
}

async fn open_sockets(app: &App) -> f64 {
    let page = app.http().get(app.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let line = page.lines().find(|line| line.starts_with("muster_stream_sockets"));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn after_a_storm_nobody_is_left() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut stays = ann.streams().await;
    storm(&crowd(&app).await, 300).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stays.say(json!({"type": "subscribe", "id": "map", "topic": "workers"})).await;
    stays.frame("subscribed").await;
    // The metrics are of the whole process, in which other tests run too: this server's door is asked instead.
    for _ in 0..64 {
        assert!(app.socket("", &[("Authorization", &ann.bearer())]).await.is_ok(), "no place is taken by the gone");
    }
}

#[tokio::test]
async fn a_server_that_stops_takes_leave_of_everybody() {
    let app = App::start().await;
    let people = crowd(&app).await;
    let opened = futures_util::future::join_all(people.iter().cycle().take(200).map(Person::streams)).await;
    drop(people);
    let stopped = tokio::task::spawn_blocking(move || drop(app));
    let told = opened.into_iter().map(|mut socket| async move { socket.end().await });
    let ends = futures_util::future::join_all(told).await;
    stopped.await.expect("it stops");
    let mut waits = std::collections::BTreeSet::new();
    for (bye, code) in ends {
        let bye = bye.expect("nobody is left without a word");
        assert_eq!((code, &bye["reason"]), (Some(1012), &json!("restarting")));
        waits.insert(bye["retryAfterMs"].as_u64().expect("when to come back"));
    }
    assert!(waits.len() > 50, "they come back at different times: {}", waits.len());
}

/// Ten thousand come and go three times: what the process holds afterwards does not grow.
#[tokio::test]
#[ignore = "long: 30,000 connections"]
async fn storms_leave_the_memory_flat() {
    let process = crate::harness::process::Process::start().await;
    let people = crowd(&process.app()).await;
    let mut resident = Vec::new();
    for _ in 0..4 {
        storm(&people, 10_000).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(open_sockets(&process.app()).await < 5.0);
        resident.push(process.resident_bytes());
    }
    // The first storm fills caches and the allocator's arenas.
    let (first, last) = (resident[0], resident[3]);
    assert!(last < first + first / 10, "it grows: {resident:?}");
}
