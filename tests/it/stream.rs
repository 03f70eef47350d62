//! The live stream over real sockets: who gets in, what he sees, how it ends, and that nothing is lost between.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::cuts::Dice;
use crate::harness::person::Person;
use crate::harness::socket::{Picture, Socket};

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";

impl Person {
    async fn unassigns(&self, visit: Uuid, worker: Uuid) {
        self.post(&format!("/api/v1/visits/{visit}/unassign"), assignment(&[worker])).await.ok();
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket_once_on_any_server() {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    let query = format!("?ticket={}", ann.ticket().await);
    let mut socket = other.socket(&query, &[]).await.expect("let in");
    let hello = socket.next().await.expect("a greeting");
    assert_eq!(hello, json!({"type": "hello", "heartbeatS": 25, "maxFrameBytes": 65_536, "maxSubscriptions": 32}));
    for server in [&app, &other] {
        assert_eq!(server.socket(&query, &[]).await.err().map(|(status, _)| status), Some(401));
    }
}

#[tokio::test]
async fn without_a_valid_identity_nobody_gets_in() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (token, bearer) = (ann.token.clone().expect("a token"), ann.bearer());
    let refused =
        async |query: &str, headers: &[(&str, &str)]| app.socket(query, headers).await.err().expect("refused");
    assert_eq!(refused("", &[("Authorization", "Bearer nonsense")]).await.0, 401);
    assert_eq!(refused("?ticket=nonsense", &[]).await.0, 401);
    let (status, body) = refused(&format!("?access_token={token}"), &[]).await;
    assert_eq!((status, &body["errors"][0]["code"]), (401, &json!("UNAUTHENTICATED")));
    assert_eq!(refused("", &[("Authorization", &bearer), ("Origin", "https://evil.example")]).await.0, 403);
    assert_eq!(refused("", &[("Authorization", &bearer), ("Origin", "null")]).await.0, 403);
    assert_eq!(refused("", &[("Authorization", &bearer), ("Sec-WebSocket-Protocol", "other")]).await.0, 400);
    assert_eq!(refused("/elsewhere", &[("Authorization", &bearer)]).await.0, 404);
    let own = format!("http://{}", app.addr());
    assert!(app.socket("", &[("Authorization", &bearer), ("Origin", &own)]).await.is_ok());
}

#[tokio::test]
async fn the_first_frame_may_say_who_it_is() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut socket = app.socket("", &[]).await.expect("may knock");
    socket.say(json!({"type": "auth", "token": ann.token})).await;
    socket.watches_day(None).await;
    assert_eq!(socket.next().await.expect("a frame")["type"], "hello");
    socket.frame("snapshot").await;

    for (first, code) in [(json!({"type": "auth", "token": "nonsense"}), 4401), (json!({"type": "subscribe"}), 4408)] {
        let mut socket = app.socket("", &[]).await.expect("may knock");
        socket.say(first).await;
        let (bye, closed) = socket.end().await;
        assert_eq!((closed, &bye.expect("a bye")["reconnect"]), (Some(code), &json!(false)));
    }

    let mut mute = app.socket("", &[]).await.expect("may knock");
    let began = Instant::now();
    assert_eq!(mute.end().await.1, Some(4408));
    assert!((4..8).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn what_happens_is_told_to_the_office_on_every_server_and_to_no_other_account() {
    let app = App::start().await;
    let other = app.sibling().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let (mut here, mut there) = (ann.streams().await, ann.at(&other).streams().await);
    let mut foreign = eve.streams().await;
    for socket in [&mut here, &mut there, &mut foreign] {
        socket.watches_day(None).await;
        let snapshot = socket.frame("snapshot").await;
        assert_eq!((&snapshot["last"], &snapshot["visits"]), (&json!(true), &json!([])));
    }
    let visit = ann.books(NINE, TEN).await;
    for socket in [&mut here, &mut there] {
        let event = loop {
            let event = socket.frame("event").await;
            if event["event"]["type"] == "visit.created" {
                break event;
            }
        };
        assert_eq!(event["event"]["visit"]["id"], json!(visit));
    }
    assert!(foreign.is_silent().await);
}

#[tokio::test]
async fn a_worker_sees_what_is_his_and_hears_when_he_loses_it() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let (his, others) = (ann.books(NINE, TEN).await, ann.books(NINE, TEN).await);
    let mut socket = bob.streams().await;
    socket.watches_day(None).await;
    assert_eq!(socket.frame("snapshot").await["visits"], json!([]));
    ann.assigns(others, &carl).await.ok();
    ann.assigns(his, &bob).await.ok();
    let event = socket.frame("event").await;
    assert_eq!((&event["event"]["type"], &event["event"]["visit"]["id"]), (&json!("visit.assigned"), &json!(his)));
    ann.unassigns(his, bob.id).await;
    let event = socket.frame("event").await;
    assert_eq!((&event["event"]["kind"], &event["event"]["visit"]["id"]), (&json!("rm"), &json!(his)));
    assert!(socket.is_silent().await);
}

#[tokio::test]
async fn a_logout_ends_the_sockets_of_that_session_within_a_second_on_every_server() {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let mut stays = ann.streams().await;
    let (mut here, mut there) = (dee.streams().await, dee.at(&other).streams().await);
    dee.post("/api/v1/auth/logout", json!({})).await.is(204);
    let began = Instant::now();
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.end().await.1, Some(4401));
    }
    assert!(began.elapsed() < Duration::from_millis(1_200), "{:?}", began.elapsed());
    assert!(stays.is_silent().await);
}

/// A masked client frame whose mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

#[tokio::test]
async fn frames_that_are_not_ours_end_the_socket_and_nonsense_in_json_does_not() {
    let app = App::start().await;
    let ann = app.owner().await;
    let huge_head = [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    for bytes in [frame(0x82, b"binary"), frame(0x81, &[0xff, 0xfe]), huge_head, b"\x81\x05naked".to_vec()] {
        let mut socket = ann.streams().await;
        socket.raw().write_all(&bytes).await.expect("the line is up");
        assert_eq!(socket.end().await.1, Some(4400), "{bytes:?}");
    }
    let mut socket = ann.streams().await;
    for (said, code) in [
        ("nonsense", "FRAME_INVALID"),
        (r#"{"type":"shout"}"#, "TYPE_UNKNOWN"),
        (r#"{"type":"subscribe","id":"x","topic":"weather"}"#, "TOPIC_UNKNOWN"),
        (r#"{"type":"subscribe","id":"x","topic":"schedule","from":"2026-12-02T00:00:00Z"}"#, "FILTER_INVALID"),
    ] {
        socket.send(Message::text(said)).await;
        assert_eq!(socket.frame("error").await["code"], code);
    }
    let day =
        r#"{"type":"subscribe","id":"x","topic":"schedule","from":"2026-12-01T00:00:00Z","to":"2026-12-02T00:00:00Z"}"#;
    let (first, second) = day.as_bytes().split_at(40);
    let pieces = [frame(0x01, first), frame(0x89, b"alive?"), frame(0x80, second)].concat();
    socket.raw().write_all(&pieces).await.expect("the line is up");
    socket.frame("snapshot").await;
}

#[tokio::test]
async fn a_flood_of_frames_is_ended() {
    let app = App::start().await;
    let mut socket = app.owner().await.streams().await;
    for _ in 0..400 {
        socket.raw().write_all(&frame(0x81, b"{}")).await.ok();
    }
    assert_eq!(socket.end().await.1, Some(4429));
}

#[tokio::test]
async fn one_who_does_not_read_is_closed_and_nobody_else_is_hurt() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;
    let header = [("Authorization", ann.bearer())];
    let header = [(header[0].0, header[0].1.as_str())];
    let mut slow = app.socket_with_buffer("", &header, Some(2_048)).await.expect("let in");
    let mut quick = ann.streams().await;
    for socket in [&mut slow, &mut quick] {
        socket.watches_day(None).await;
        socket.frame("snapshot").await;
    }
    let began = Instant::now();
    let mut told = 0;
    for _ in 0..60 {
        ann.assigns(visit, &bob).await.ok();
        ann.unassigns(visit, bob.id).await;
        for kind in ["visit.assigned", "visit.unassigned"] {
            while quick.frame("event").await["event"]["type"] != kind {}
            told += 1;
        }
    }
    assert_eq!(told, 120);
    tokio::time::sleep(Duration::from_secs(13).saturating_sub(began.elapsed())).await;
    let mut passed = 0;
    let mut bye = None;
    while let Some(frame) = slow.next().await {
        passed += usize::from(frame["type"] == "event");
        bye = (frame["type"] == "bye").then_some(frame);
    }
    assert!(passed < told, "closed in the middle, after {passed}");
    assert_eq!(bye.expect("it could still be told why")["code"], 4029);
    quick.say(json!({"type": "unsubscribe", "id": "day"})).await;
    quick.frame("unsubscribed").await;
}

#[tokio::test]
async fn a_resume_brings_what_was_missed_also_on_another_server_and_an_unknown_cursor_is_reset() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books(NINE, TEN).await;
    let mut socket = ann.streams().await;
    socket.watches_day(None).await;
    let epoch = socket.frame("subscribed").await["epoch"].as_str().expect("an epoch").to_owned();
    let seq = socket.frame("snapshot").await["seq"].as_i64().expect("a number");
    drop(socket);
    ann.assigns(visit, &bob).await.ok();

    let other = app.sibling().await;
    for server in [&app, &other] {
        let mut socket = ann.at(server).streams().await;
        socket.watches_day(Some((&epoch, seq))).await;
        let subscribed = socket.frame("subscribed").await;
        assert_eq!(subscribed["recovered"], true);
        let event = socket.frame("event").await;
        assert_eq!((&event["prev"], &event["event"]["type"]), (&json!(seq), &json!("visit.assigned")));
    }
    let mut socket = ann.streams().await;
    socket.watches_day(Some((&Uuid::now_v7().to_string(), seq))).await;
    assert_eq!(socket.frame("subscribed").await["recovered"], false);
    assert_eq!(socket.frame("reset").await["epoch"], json!(epoch));
    assert_eq!(socket.frame("snapshot").await["visits"][0]["id"], json!(visit));
}

#[tokio::test]
async fn a_stopping_server_says_so_and_is_not_held_up_by_idle_connections() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..20 {
        sockets.push(ann.streams().await);
    }
    let mut idle = tokio::net::TcpStream::connect(app.addr()).await.expect("it listens");
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    drop(ann);
    let began = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || drop(app));
    for socket in &mut sockets {
        let (bye, closed) = socket.end().await;
        let bye = bye.expect("a bye");
        assert_eq!((closed, &bye["reconnect"]), (Some(1012), &json!(true)));
        assert!(bye["retryAfterMs"].as_u64().is_some_and(|ms| ms < 15_000));
    }
    stopped.await.expect("it stops");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// Reads whatever has come.
pub async fn catch_up(socket: &mut Socket, picture: &mut Picture) {
    while let Ok(Some(text)) = tokio::time::timeout(Duration::from_millis(3), socket.next_text()).await {
        picture.take(&text);
    }
}

/// A schedule that many people look at is not endless.
const VISITS_MAX: usize = 300;

pub async fn at_random(ann: &Person, workers: &[Person], visits: &mut Vec<Uuid>, dice: &mut Dice) {
    let hour = 6 + dice.below(20);
    let day = if dice.below(4) == 0 { "2026-12-05" } else { "2026-12-01" };
    let (starts_at, ends_at) = (format!("{day}T{:02}:00:00Z", hour % 23), format!("{day}T{:02}:00:00Z", hour % 23 + 1));
    let pick = |dice: &mut Dice, visits: &[Uuid]| visits[dice.below(visits.len() as u64) as usize];
    let action = match dice.below(8) {
        _ if visits.is_empty() => 0,
        0 if visits.len() >= VISITS_MAX => 1,
        action => action,
    };
    // Some of these are refused, which changes nothing.
    match action {
        0 => visits.push(ann.books(&starts_at, &ends_at).await),
        1 | 2 => {
            let worker = &workers[dice.below(workers.len() as u64) as usize];
            ann.assigns(pick(dice, visits), worker).await;
        }
        3 => {
            let (visit, worker) = (pick(dice, visits), &workers[dice.below(workers.len() as u64) as usize]);
            ann.post(&format!("/api/v1/visits/{visit}/unassign"), assignment(&[worker.id])).await;
        }
        4 | 5 => {
            let path = format!("/api/v1/visits/{}", pick(dice, visits));
            let etag = ann.get(&path).await.header("etag").expect("a version").to_owned();
            let window = json!({"startsAt": starts_at, "endsAt": ends_at});
            let body = json!({"data": {"type": "visit", "attributes": window}});
            ann.send(reqwest::Method::POST, &format!("{path}/move"), &[("If-Match", &etag)], Some(body)).await;
        }
        6 => {
            let step = ["start-travel", "arrive", "complete", "cancel"][dice.below(4) as usize];
            ann.post(&format!("/api/v1/visits/{}/{step}", pick(dice, visits)), json!({})).await;
        }
        _ => {
            let reason = json!({"data": {"type": "visit", "attributes": {"reason": "again"}}});
            ann.post(&format!("/api/v1/visits/{}/reopen", pick(dice, visits)), reason).await;
        }
    }
}

/// The law: snapshot before + events = snapshot after, byte for byte, however often the line is cut.
#[tokio::test]
async fn snapshot_and_events_are_the_snapshot_after_whatever_is_done_and_however_often_the_line_is_cut() {
    let servers = {
        let app = App::start().await;
        [app.clone(), app.sibling().await]
    };
    let ann = servers[0].owner().await;
    let workers = [ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await];
    let seed = 7;
    let mut dice = Dice(seed);
    let mut visits = Vec::new();
    let mut watchers: Vec<(Person, Socket, Picture)> = Vec::new();
    for person in [&ann, &workers[0]] {
        let mut socket = person.streams().await;
        socket.watches_day(None).await;
        watchers.push((person.clone(), socket, Picture::default()));
    }
    for _ in 0..150 {
        let server = &servers[dice.below(2) as usize];
        at_random(&ann.at(server), &workers, &mut visits, &mut dice).await;
        for (person, socket, picture) in &mut watchers {
            match dice.below(6) {
                0 => {
                    *socket = person.at(&servers[dice.below(2) as usize]).streams().await;
                    let cursor = picture.seq.map(|seq| (picture.epoch.clone(), seq));
                    socket.watches_day(cursor.as_ref().map(|(epoch, seq)| (epoch.as_str(), *seq))).await;
                }
                1 | 2 => catch_up(socket, picture).await,
                _ => {}
            }
        }
    }
    for (person, socket, picture) in &mut watchers {
        let mut fresh = person.streams().await;
        fresh.watches_day(None).await;
        let mut truth = Picture::default();
        while truth.seq.is_none() {
            truth.take(&fresh.next_text().await.expect("open"));
        }
        let began = Instant::now();
        while picture.visits != truth.visits {
            catch_up(socket, picture).await;
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "seed {seed}: {:#?} is not {:#?}",
                picture.visits,
                truth.visits
            );
        }
        let schedule = "/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";
        let over_http: Vec<Value> = person.get(schedule).await.ok().body["data"].as_array().expect("a list").clone();
        let streamed: Vec<Value> =
            truth.visits.values().map(|visit| serde_json::from_str(visit).expect("JSON")).collect();
        assert_eq!(streamed, over_http);
    }
}

fn point(lat: f64) -> Value {
    json!({"id": Uuid::now_v7(), "at": chrono::Utc::now(), "lat": lat, "lng": 9.5, "accuracyM": 5.0})
}

#[tokio::test]
async fn positions_sent_over_the_socket_are_acknowledged_and_move_the_map() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let mut map = ann.streams().await;
    map.say(json!({"type": "subscribe", "id": "map", "topic": "workers", "viewport": [9.0, 47.0, 10.0, 48.0], "tickMs": 25}))
        .await;
    assert_eq!(map.frame("subscribed").await["tickMs"], 25);
    assert_eq!(map.frame("snapshot").await["workers"], json!([]));

    let mut phone = bob.streams().await;
    phone.say(json!({"type": "position", "points": [point(47.1), {"lat": "nowhere"}]})).await;
    let accepted = phone.frame("accepted").await;
    assert_eq!((&accepted["count"], &accepted["rejected"][0]["index"]), (&json!(1), &json!(1)));
    let delta = map.frame("delta").await;
    assert_eq!((&delta["up"][0]["id"], &delta["up"][0]["lat"]), (&json!(bob.id), &json!(47.1)));

    map.say(json!({"type": "update", "id": "map", "viewport": [0.0, 0.0, 1.0, 1.0]})).await;
    assert_eq!(map.frame("delta").await["rm"], json!([bob.id]));

    let mut own = carl.streams().await;
    own.say(json!({"type": "subscribe", "id": "me", "topic": "workers"})).await;
    assert_eq!(own.frame("snapshot").await["workers"], json!([]), "others are none of his business");
    own.say(json!({"type": "position", "points": [point(47.2)]})).await;
    assert_eq!(own.frame("delta").await["up"][0]["id"], json!(carl.id));
    let mut late = ann.streams().await;
    late.say(json!({"type": "subscribe", "id": "map", "topic": "workers"})).await;
    assert_eq!(late.frame("snapshot").await["workers"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn who_loses_his_role_loses_his_sockets() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let mut socket = dee.streams().await;
    let demoted = json!({"data": {"type": "user", "attributes": {"role": "limitedWorker"}}});
    ann.patch(&format!("/api/v1/users/{}", dee.id), demoted).await.ok();
    let (bye, closed) = socket.end().await;
    assert!([Some(4401), Some(4403)].contains(&closed), "{closed:?} {bye:?}");
}
