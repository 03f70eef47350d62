//! The law on a bad line: whoever is cut off at any byte, in any manner, however often, and resumes by his cursor, ends
//! with the very bytes of `GET /schedule`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use serde_json::value::RawValue;

use crate::harness::app::App;
use crate::harness::cuts::{Cuts, Dice};
use crate::harness::person::Person;
use crate::harness::socket::Picture;
use crate::stream::{at_random, catch_up};

const WATCHERS: usize = 8;
const SCHEDULE: &str = "/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";

#[derive(serde::Deserialize)]
struct Schedule<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Named {
    id: String,
}

/// Every visit of the schedule as the very text that HTTP answers.
async fn over_http(person: &Person) -> BTreeMap<String, String> {
    let text = person.get(SCHEDULE).await.ok().text;
    let schedule: Schedule = serde_json::from_str(&text).expect("a schedule");
    let named = |visit: &RawValue| serde_json::from_str::<Named>(visit.get()).expect("a visit has an id").id;
    schedule.data.iter().map(|visit| (named(visit), visit.get().to_owned())).collect()
}

/// Watches the day over bad lines until told to stop; comes back at once each time.
async fn watch(person: Person, lines: Arc<[Cuts]>, seed: u64, is_over: Arc<AtomicBool>) -> (Person, Picture) {
    let (mut picture, mut dice) = (Picture::default(), Dice(seed));
    while !is_over.load(Ordering::Relaxed) {
        let line = lines[dice.below(lines.len() as u64) as usize].addr;
        let Some(mut socket) = person.app.daring_socket(line, &person.bearer()).await else { continue };
        socket.dares_to_watch_day(picture.cursor()).await;
        while let Some(text) = socket.next_text().await {
            picture.take(&text);
        }
    }
    (person, picture)
}

async fn law_on_bad_lines(lasts: Duration, cuts: usize) {
    let app = App::start().await;
    let servers = [app.clone(), app.sibling().await];
    let ann = app.owner().await;
    let workers = [ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await];
    let seed = 11;
    let lines: Arc<[Cuts]> =
        vec![Cuts::before(servers[0].addr(), seed).await, Cuts::before(servers[1].addr(), seed + 1).await].into();
    let is_over = Arc::new(AtomicBool::new(false));
    let watching: Vec<_> = (0..WATCHERS)
        .map(|n| {
            let person = if n % 3 == 2 { workers[0].clone() } else { ann.clone() };
            tokio::spawn(watch(person, lines.clone(), n as u64, is_over.clone()))
        })
        .collect();
    let (mut dice, mut visits) = (Dice(seed), Vec::new());
    let (began, count) = (Instant::now(), || lines.iter().map(Cuts::count).sum::<usize>());
    while began.elapsed() < lasts || count() < cuts {
        let server = &servers[dice.below(2) as usize];
        at_random(&ann.at(server), &workers, &mut visits, &mut dice).await;
        assert!(began.elapsed() < lasts * 4, "only {} cuts", count());
    }
    is_over.store(true, Ordering::Relaxed);
    for watcher in watching {
        let (person, mut picture) = watcher.await.expect("the chain was whole all the time");
        let mut socket = person.app.daring_socket(person.app.addr(), &person.bearer()).await.expect("a good line");
        socket.dares_to_watch_day(picture.cursor()).await;
        let truth = over_http(&person).await;
        let since = Instant::now();
        while picture.visits != truth {
            catch_up(&mut socket, &mut picture).await;
            assert!(since.elapsed() < Duration::from_secs(20), "{:#?} is not {truth:#?}", picture.visits);
        }
    }
    assert!(!visits.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_cuts_at_any_byte_leave_the_schedule_as_it_is() {
    law_on_bad_lines(Duration::from_secs(15), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: ten minutes on bad lines"]
async fn a_thousand_cuts_at_any_byte_leave_the_schedule_as_it_is() {
    if std::env::var_os("MUSTER_TEST_LONG").is_some() {
        law_on_bad_lines(Duration::from_secs(600), 1_000).await;
    }
}
