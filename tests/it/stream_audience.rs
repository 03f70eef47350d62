//! Who hears what before and after his rights change, and who is moving what just now.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::person::Person;
use crate::harness::socket::Socket;

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";

/// Reads to the end: the events that came, and the close code.
async fn rest_of(socket: &mut Socket) -> (Vec<i64>, Option<u16>) {
    let mut seqs = Vec::new();
    while let Some(frame) = socket.next().await {
        if frame["type"] == "event" {
            seqs.push(frame["seq"].as_i64().expect("a number"));
        }
    }
    (seqs, socket.closed)
}

/// While the office is busy, `change` takes `dee`'s rights away: on both servers she is out within a second, and has heard
/// nothing that came after it.
async fn hears_nothing_after(role: &str, change: impl AsyncFn(&Person, &Person)) {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    let dee = if role == "worker" { ann.hires_worker(json!({})).await } else { ann.hires(role).await };
    let visit = ann.books(NINE, TEN).await;
    let mut sockets = [dee.streams().await, dee.at(&other).streams().await];
    for socket in &mut sockets {
        socket.watches_day(None).await;
        socket.frame("snapshot").await;
    }
    let mut map = dee.streams().await;
    map.say(json!({"type": "subscribe", "id": "map", "topic": "workers"})).await;
    map.frame("snapshot").await;
    let busy = tokio::spawn({
        let (ann, note) = (
            ann.clone(),
            |n: u32| json!({"data": {"type": "client", "attributes": {"firstName": format!("Cleo {n}")}}}),
        );
        let client = ann.finds_client().await.id();
        async move {
            for n in 0.. {
                ann.patch(&format!("/api/v1/clients/{client}"), note(n)).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    change(&ann, &dee).await;
    let began = Instant::now();
    let heard = [rest_of(&mut sockets[0]).await, rest_of(&mut sockets[1]).await, rest_of(&mut map).await];
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    busy.abort();
    let (mut events, mut next) = (Vec::new(), Some("/api/v1/events?page[size]=200".to_owned()));
    while let Some(path) = next {
        let page = ann.get(&path).await.ok();
        events.extend(page.body["data"].as_array().expect("a list").iter().cloned());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    let is_it = |event: &&Value| {
        let kind = event["attributes"]["type"].as_str().unwrap_or_default();
        let is_change = ["user.updated", "user.deactivated", "worker.deactivated"].contains(&kind);
        is_change && event["attributes"]["subject"] == json!(dee.id)
    };
    let at = events.iter().filter(is_it).filter_map(|event| event["attributes"]["seq"].as_i64()).max();
    let at = at.expect("it is in the journal");
    for (seqs, closed) in heard {
        assert_eq!(closed, Some(4401));
        assert!(seqs.iter().all(|seq| *seq < at), "{seqs:?} after {at}");
    }
    let refused = app.socket("", &[("Authorization", &dee.bearer())]).await.err().expect("refused");
    assert_eq!(refused.0, 401);
    ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
}

#[tokio::test]
async fn a_dispatcher_who_becomes_a_worker_hears_nothing_more_of_the_office() {
    hears_nothing_after("dispatcher", async |ann, dee| {
        let role = json!({"data": {"type": "user", "attributes": {"role": "worker"}}});
        ann.patch(&format!("/api/v1/users/{}", dee.id), role).await.ok();
    })
    .await;
}

#[tokio::test]
async fn one_who_is_expelled_hears_nothing_more_of_the_account() {
    hears_nothing_after("manager", async |ann, dee| {
        ann.delete(&format!("/api/v1/users/{}", dee.id)).await.is(204);
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_worker_hears_nothing_more_of_the_account() {
    hears_nothing_after("worker", async |ann, dee| {
        ann.delete(&format!("/api/v1/workers/{}", dee.id)).await.is(204);
    })
    .await;
}

#[tokio::test]
async fn a_worker_hears_of_a_visit_only_while_it_is_his() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let visit = ann.books(NINE, TEN).await;
    let mut socket = bob.streams().await;
    socket.watches_day(None).await;
    socket.frame("snapshot").await;
    ann.assigns(visit, &bob).await.ok();
    assert_eq!(socket.frame("event").await["event"]["type"], "visit.assigned");
    ann.post(&format!("/api/v1/visits/{visit}/unassign"), assignment(&[bob.id])).await.ok();
    let gone = socket.frame("event").await;
    assert_eq!(
        (&gone["event"]["kind"], &gone["event"]["visit"]),
        (&json!("rm"), &json!({"id": visit, "type": "visit"}))
    );
    ann.assigns(visit, &carl).await.ok();
    assert!(socket.is_silent().await, "another's visit");
}

async fn holds(socket: &mut Socket, kind: &str, visit: Uuid) {
    socket.say(json!({"type": kind, "id": "day", "visitId": visit})).await;
}

#[tokio::test]
async fn the_office_sees_who_is_moving_a_visit_and_nobody_else_does() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let (dee, bob) = (ann.hires("dispatcher").await, ann.hires_worker(json!({})).await);
    let visit = ann.books(NINE, TEN).await;
    // Several of each, so that some are on another thread than she is.
    let mut office = Vec::new();
    for _ in 0..4 {
        office.push(dee.streams().await);
    }
    let (mut mover, mut worker, mut foreign) = (ann.streams().await, bob.streams().await, eve.streams().await);
    for socket in office.iter_mut().chain([&mut mover, &mut worker, &mut foreign]) {
        socket.watches_day(None).await;
        socket.frame("snapshot").await;
    }
    holds(&mut mover, "hold", visit).await;
    for socket in &mut office {
        let holding = socket.frame("holding").await;
        let by = json!({"userId": ann.id, "name": "Ann Roe"});
        assert_eq!((&holding["id"], &holding["visitId"], &holding["by"]), (&json!("day"), &json!(visit), &by));
    }
    holds(&mut mover, "release", visit).await;
    for socket in &mut office {
        assert_eq!(socket.frame("holding").await["by"], Value::Null);
    }
    holds(&mut mover, "hold", visit).await;
    office[0].frame("holding").await;
    drop(mover);
    assert_eq!(office[0].frame("holding").await["by"], Value::Null, "gone with her socket");
    holds(&mut worker, "hold", visit).await;
    assert_eq!(worker.frame("error").await["code"], "FORBIDDEN");
    assert!(worker.is_silent().await && foreign.is_silent().await);
}

#[tokio::test]
async fn a_hold_that_is_not_renewed_ends_by_itself() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let (mut mover, mut other) = (ann.streams().await, dee.streams().await);
    for socket in [&mut mover, &mut other] {
        socket.watches_day(None).await;
        socket.frame("snapshot").await;
    }
    let visit = ann.books(NINE, TEN).await;
    holds(&mut mover, "hold", visit).await;
    other.frame("holding").await;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    holds(&mut mover, "hold", visit).await;
    assert_eq!(other.frame("holding").await["by"]["userId"], json!(ann.id), "told again, so that it is not forgotten");
    assert_eq!(other.frame("holding").await["by"], Value::Null);
    assert!((14..18).contains(&began.elapsed().as_secs()), "renewed once: {:?}", began.elapsed());
}
