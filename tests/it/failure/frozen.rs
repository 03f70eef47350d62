//! A server, or its PostgreSQL, that stands still for a while and does not know it: what it does when it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ANSWERS_WITHIN, becomes, books, is_alive, writes_again};
use crate::harness::app::assignment;
use crate::harness::business::{Business, all, is_consistent, lost};
use crate::harness::cluster::{connect, database};
use crate::harness::person::Person;
use crate::harness::process::Process;
use crate::harness::socket::Picture;

const DAY: &str = "/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";

async fn visits(person: &Person) -> Value {
    person.get(DAY).await.ok().body["data"].clone()
}

async fn a_server_sleeps_and_wakes(sleeps_s: u64) {
    let db = Arc::new(database().await);
    let (sleeper, other) = (Process::on(&db).await, Process::on(&db).await);
    let ann = sleeper.app().owner().await;
    let there = ann.at(&other.app());
    let workers = [ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await];
    let mut ids = Vec::new();
    for hour in 0..20 {
        ids.push(ann.books(&format!("2026-12-01T{hour:02}:00:00Z"), &format!("2026-12-01T{hour:02}:50:00Z")).await);
    }
    let dispatcher = ann.hires("dispatcher").await;
    let (mut stays, mut leaves) = (ann.streams().await, dispatcher.streams().await);
    stays.watches_day(None).await;
    let mut picture = Picture::default();
    while picture.seq.is_none() {
        picture.take(&stays.next_text().await.expect("a frame"));
    }

    // It stops in the middle of many changes.
    let under_way: Vec<_> = ids.iter().enumerate().map(|(n, id)| sent(&ann, *id, workers[0].id, n)).collect();
    tokio::time::sleep(Duration::from_millis(15)).await;
    sleeper.freeze();
    let asleep = Instant::now();
    // Meanwhile the other one gives the same visits to the other worker; whoever holds the row is ended within 10 s.
    let mut done = 0;
    while asleep.elapsed() < Duration::from_secs(sleeps_s) {
        let id = ids[done % ids.len()];
        let body = assignment(&[workers[1].id]);
        let answer = there.post(&format!("/api/v1/visits/{id}/assign"), body).await;
        assert!([200, 409, 429, 503].contains(&answer.status), "{}", answer.text);
        done += usize::from(answer.status == 200);
        if done == ids.len() {
            break;
        }
    }
    assert!(done > 0, "the other server could not work");
    there.post("/api/v1/users", json!({})).await.is(400);
    dispatcher.at(&other.app()).post("/api/v1/auth/logout", json!({})).await.is(204);
    tokio::time::sleep(Duration::from_secs(sleeps_s).saturating_sub(asleep.elapsed())).await;
    let meanwhile = visits(&there).await;
    sleeper.thaw();

    for answer in join_all(under_way).await {
        let status = answer.expect("no panic");
        assert!([0, 200, 408, 409, 412, 429, 503].contains(&status), "{status}");
    }
    becomes(&ann.app, true).await;
    is_alive(&ann.app).await;
    // The one who signed out elsewhere is sent away here too, and not let in.
    let (_, code) = leaves.end().await;
    assert_eq!(code, Some(4401));
    dispatcher.get(DAY).await.refused(401, "SESSION_ENDED");
    // Nothing that was decided before the sleep has undone what was acknowledged meanwhile.
    let after = visits(&ann).await;
    assert_eq!(after, visits(&there).await);
    for (then, now) in meanwhile.as_array().expect("visits").iter().zip(after.as_array().expect("visits")) {
        let version = |visit: &Value| visit["attributes"]["version"].as_i64();
        assert!(version(now) >= version(then), "{now}");
        let sent = |visit: &Value| visit["attributes"]["workerIds"].as_array().cloned().unwrap_or_default();
        assert!(sent(then).iter().all(|worker| sent(now).contains(worker)), "undone: {then} {now}");
    }
    let twice = "SELECT count(*) FROM visit_assignments a JOIN visit_assignments b USING (account_id, worker_id)
                 WHERE a.visit_id < b.visit_id AND a.during && b.during";
    assert_eq!(all::<i64>(&mut connect(&db.owner_url).await, twice).await, [0]);
    // Whoever stayed is told everything, or told to come again, and then knows what is.
    follows(&ann, stays, picture).await;
}

/// The old socket reaches the picture of now, or ends; and then a new one does.
async fn follows(ann: &Person, mut socket: crate::harness::socket::Socket, mut picture: Picture) {
    let wanted = visits(ann).await;
    let versions = |list: Vec<Value>| {
        let mut of: Vec<(String, i64)> = list
            .iter()
            .map(|visit| (visit["id"].to_string(), visit["attributes"]["version"].as_i64().unwrap_or_default()))
            .collect();
        of.sort();
        of
    };
    let wanted = versions(wanted.as_array().expect("visits").clone());
    let since = Instant::now();
    loop {
        let seen = picture.visits.values().map(|text| serde_json::from_str(text).expect("JSON")).collect();
        if versions(seen) == wanted {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(15), "it never sees what is");
        match socket.next_text().await {
            Some(text) => picture.take(&text),
            None => {
                socket = ann.streams().await;
                picture = Picture::default();
                socket.watches_day(None).await;
            }
        }
    }
}

/// 0: the connection broke.
fn sent(ann: &Person, visit: Uuid, worker: Uuid, n: usize) -> tokio::task::JoinHandle<u16> {
    let ann = ann.clone();
    tokio::spawn(async move {
        let path = format!("/api/v1/visits/{visit}/assign");
        let request = ann.app.http().post(ann.app.url(&path)).bearer_auth(ann.token.as_deref().expect("signed in"));
        let request = request.timeout(Duration::from_secs(90)).header("Idempotency-Key", format!("before-{n}"));
        let sent = request.json(&assignment(&[worker])).send().await;
        sent.map_or(0, |answer| answer.status().as_u16())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_slept_12_s_while_another_one_worked_writes_nothing_stale() {
    a_server_sleeps_and_wakes(12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: sleeps for 35 s"]
async fn nor_does_one_that_slept_35_s() {
    a_server_sleeps_and_wakes(35).await;
}

async fn postgresql_sleeps_and_wakes(sleeps: Duration) {
    let process = Process::start().await;
    let app = process.app();
    let business = Business::opens(&app).await;
    let ann = app.owner().await;
    business
        .works_while(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            process.signal_postgres(libc::SIGSTOP);
            let since = Instant::now();
            let many = (0..4).map(|_| books(&ann));
            let (answers, ()) = tokio::join!(join_all(many), becomes(&app, false));
            for answer in answers {
                let answer = answer.is(503);
                assert!(answer.header("retry-after").is_some());
            }
            assert!(since.elapsed() < ANSWERS_WITHIN);
            while since.elapsed() < sleeps {
                is_alive(&app).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            process.signal_postgres(libc::SIGCONT);
            writes_again(&ann).await;
            becomes(&app, true).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .await;
    let acked = business.acked();
    assert_eq!(lost(&process.app(), &acked).await, [""; 0], "of {}", acked.len());
    is_consistent(&process.app(), &business).await;
    let log = process.log();
    let told = log.iter().filter(|line| line.contains("the database fails")).count();
    assert!((1..=12).contains(&told), "{told} of {} lines:\n{}", log.len(), log.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_stands_still_for_12_s_holds_nobody_longer_than_20_s() {
    postgresql_sleeps_and_wakes(Duration::from_secs(12)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: stands still for 35 s"]
async fn nor_does_one_that_stands_still_for_35_s() {
    postgresql_sleeps_and_wakes(Duration::from_secs(35)).await;
}
