//! The scene against the clock, and the live registry with stand-ins for board and store.

mod ticks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{VisitStatus, Worker, WorkingHours};
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Point, Presence, Reason, Refusal, Standing, Trouble};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Mark, MarkSink, Scene, Survey, Unwatch, Wanted, Watch};
use crate::live::{Live, LiveSettings, Unanswered};
use crate::ports::{Full, LastKnown, Later, TrackLog, TrackPoint, Unavailable};
use crate::roster::{Roster, RosterEntry, Rosters};
use crate::sample::nowhere;
use crate::tracker::Sending;

fn worker(n: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(n))
}

fn entry(n: u128, skills: &[&str]) -> RosterEntry {
    let worker = Worker {
        id: worker(n),
        active: true,
        available: true,
        tracking_consent: true,
        followed_since: None,
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
        home: None,
        hours: WorkingHours { zone: "UTC".parse().expect("a zone"), shifts: Vec::new() },
        time_off: BTreeMap::new(),
    };
    RosterEntry { worker, visit_status: None }
}

fn roster(entries: impl IntoIterator<Item = RosterEntry>) -> Arc<Roster> {
    Arc::new(Roster { workers: entries.into_iter().map(|entry| (entry.worker.id, entry)).collect() })
}

fn point(id: u128, at: DateTime<Utc>, lat: f64, lng: f64) -> Point {
    Point {
        id: Uuid::from_u128(id),
        at,
        sent_at: None,
        received_at: at,
        ahead_ms: 0,
        place: Place { lat, lng },
        accuracy_m: Some(5.0),
        speed_mps: None,
        heading_deg: Some(90.0),
        altitude_m: None,
        battery_pct: None,
        charging: None,
        source: None,
        activity: None,
        mock: false,
    }
}

fn start() -> DateTime<Utc> {
    "2026-11-30T08:00:00Z".parse().expect("RFC 3339")
}

fn after(s: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(s)
}

fn heard(at: DateTime<Utc>) -> Standing {
    Standing { heard_at: Some(at), ..Standing::default() }
}

fn shown(marks: &[Mark]) -> Vec<(u128, String)> {
    let presence = |mark: &Mark| {
        let json: serde_json::Value = serde_json::from_slice(&mark.json).expect("JSON");
        format!("{} {}", json["presence"].as_str().expect("text"), json["lat"])
    };
    marks.iter().map(|mark| (mark.worker.0.as_u128(), presence(mark))).collect()
}

#[test]
fn each_change_is_shown_once_and_silence_by_itself() {
    let mut scene = Scene::default();
    scene.enroll(roster([entry(1, &[]), entry(2, &[])]), start());
    assert!(scene.take_changes(start()).is_empty(), "nobody has a place yet");
    scene.accept(worker(1), Some(point(1, start(), 47.0, 9.0)), heard(start()), start());
    scene.accept(worker(1), Some(point(2, after(1), 47.1, 9.0)), heard(after(1)), after(1));
    scene.remember(worker(1), point(3, after(-9), 46.0, 9.0), after(2));
    assert_eq!(shown(&scene.take_changes(after(2))), [(1, "online 47.1".to_owned())]);
    assert!(!scene.has_changes());
    let mut told = Vec::new();
    while let Some(at) = scene.wakes_at() {
        scene.wake(at);
        told.extend(shown(&scene.take_changes(at)));
    }
    assert_eq!(told, [(1, "stale 47.1".to_owned()), (1, "lost 47.1".to_owned())]);
    assert_eq!(scene.positions(None, after(600))[&worker(2)].reason, Reason::NoPositionYet);
}

#[test]
fn a_mark_carries_what_the_stream_promises() {
    let mut scene = Scene::default();
    scene.enroll(roster([RosterEntry { visit_status: Some(VisitStatus::OnSite), ..entry(1, &[]) }]), start());
    scene.accept(worker(1), Some(point(1, start(), 47.0, 9.0)), heard(start()), start());
    let marks = scene.take_changes(start());
    assert_eq!(
        std::str::from_utf8(&marks[0].json).expect("UTF-8"),
        concat!(
            r#"{"id":"00000000-0000-0000-0000-000000000001","lat":47.0,"lng":9.0,"headingDeg":90.0,"speedMps":null,"#,
            r#""accuracyM":5.0,"batteryPct":null,"at":"2026-11-30T08:00:00.000Z","presence":"online","#,
            r#""reason":"REPORTING","onShift":true,"available":true,"visitStatus":"onSite"}"#
        )
    );
}

#[test]
fn only_the_available_are_near() {
    let mut scene = Scene::default();
    let idle = RosterEntry { worker: Worker { active: false, ..entry(4, &["gas"]).worker }, visit_status: None };
    let all = [entry(1, &["gas"]), entry(2, &["gas"]), entry(3, &[]), idle, entry(5, &["gas"])];
    scene.enroll(roster(all), start());
    for (n, lat) in [(1, 47.02), (2, 47.01), (3, 47.0), (4, 47.0)] {
        scene.accept(worker(n), Some(point(n, start(), lat, 9.0)), heard(start()), start());
    }
    scene.accept(worker(5), Some(point(5, after(-301), 47.0, 9.0)), heard(start()), start());
    let wanted = |skills: &[&str]| Wanted {
        from: Place { lat: 47.0, lng: 9.0 },
        limit: 5,
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect::<BTreeSet<_>>(),
        at: None,
    };
    let found = |wanted: &Wanted, now| {
        scene.nearest(wanted, now).iter().map(|near| near.worker.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(found(&wanted(&["gas"]), start()), [2, 1], "5 is there with an old fix only");
    assert_eq!(found(&wanted(&[]), start()), [3, 2, 1]);
    assert!(found(&wanted(&[]), after(301)).is_empty());
}

#[test]
fn who_withdraws_his_consent_is_taken_off_and_nothing_under_way_brings_him_back() {
    let mut scene = Scene::default();
    let saying = |tracking_consent| {
        let worker = Worker { tracking_consent, ..entry(1, &[]).worker };
        roster([RosterEntry { worker, visit_status: None }])
    };
    scene.enroll(saying(true), start());
    scene.accept(worker(1), Some(point(1, start(), 47.0, 9.0)), heard(start()), start());
    assert_eq!(scene.take_changes(start()).len(), 1);
    scene.enroll(saying(false), after(1));
    scene.accept(worker(1), Some(point(2, after(1), 47.0, 9.0)), heard(after(1)), after(1));
    scene.remember(worker(1), point(2, after(1), 47.0, 9.0), after(1));
    assert!(scene.take_changes(after(1)).iter().all(Mark::is_removal));
    assert!(scene.marks(after(1)).is_empty());
    let live = &scene.positions(None, after(1))[&worker(1)];
    assert_eq!((live.point.clone(), live.presence, live.reason), (None, Presence::Never, Reason::NoConsent));
    scene.enroll(saying(true), after(2));
    assert_eq!(
        scene.positions(None, after(2))[&worker(1)].reason,
        Reason::NoPositionYet,
        "what was known is forgotten"
    );
    scene.accept(worker(1), Some(point(3, after(3), 47.2, 9.0)), heard(after(3)), after(3));
    assert_eq!(shown(&scene.take_changes(after(3))), [(1, "online 47.2".to_owned())]);
}

#[test]
fn a_trouble_is_shown_as_soon_as_the_phone_says_it() {
    let mut scene = Scene::default();
    scene.enroll(roster([entry(1, &[])]), start());
    scene.accept(worker(1), Some(point(1, start(), 47.0, 9.0)), heard(start()), start());
    scene.take_changes(start());
    let trouble = Some(Trouble::PermissionDenied);
    scene.accept(worker(1), None, Standing { trouble, ..heard(after(5)) }, after(5));
    let marks = scene.take_changes(after(5));
    let json: serde_json::Value = serde_json::from_slice(&marks[0].json).expect("JSON");
    assert_eq!((json["presence"].as_str(), json["reason"].as_str()), (Some("online"), Some("PERMISSION_DENIED")));
    scene.accept(worker(1), None, heard(after(6)), after(6));
    assert_eq!(scene.take_changes(after(6)).len(), 1, "and as soon as it is over");
    scene.accept(worker(1), None, heard(after(7)), after(7));
    assert!(scene.take_changes(after(7)).is_empty(), "word alone is no news");
}

#[test]
fn who_leaves_the_roster_is_shown_as_lost_and_then_no_more() {
    let mut scene = Scene::default();
    scene.enroll(roster([entry(1, &[])]), start());
    scene.accept(worker(1), Some(point(1, start(), 47.0, 9.0)), heard(start()), start());
    assert_eq!(scene.take_changes(start()).len(), 1);
    scene.enroll(roster([]), after(1));
    assert_eq!(shown(&scene.take_changes(after(1))), [(1, "lost 47.0".to_owned())]);
    assert!(scene.marks(after(1)).is_empty());
}

/// A store whose flush succeeds or not, and which may be full.
#[derive(Default)]
struct Log {
    full: AtomicBool,
    down: AtomicBool,
    kept: Mutex<BTreeSet<(WorkerId, DateTime<Utc>, Uuid)>>,
}

impl TrackLog for Log {
    fn append(&self, points: Vec<TrackPoint>) -> Result<Later<Result<Vec<bool>, Unavailable>>, Full> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Full);
        }
        if self.down.load(Ordering::SeqCst) {
            return Ok(Box::pin(std::future::ready(Err(Unavailable))));
        }
        let mut kept = self.kept.lock().expect("no panic holds it");
        let new = points.iter().map(|kept_one| kept.insert((kept_one.worker, kept_one.point.at, kept_one.point.id)));
        let new: Vec<bool> = new.collect();
        Ok(Box::pin(std::future::ready(Ok(new))))
    }
}

impl LastKnown for Log {
    fn last_known(&self, account: AccountId) -> Later<Result<Vec<TrackPoint>, Unavailable>> {
        let point = point(99, Utc::now() - TimeDelta::days(1), 10.0, 10.0);
        Box::pin(std::future::ready(Ok(vec![TrackPoint {
            account,
            worker: worker(2),
            shown: Some(point.place),
            point,
        }])))
    }
}

/// Boards that publish into one channel, which can be ended like a board that stops.
struct Boards(Mutex<watch::Sender<Arc<Roster>>>);

impl Rosters for Boards {
    fn roster(&self, _: AccountId) -> Later<Result<watch::Receiver<Arc<Roster>>, Unavailable>> {
        Box::pin(std::future::ready(Ok(self.0.lock().expect("no panic holds it").subscribe())))
    }
}

#[derive(Default)]
struct Screen {
    ticks: Mutex<Vec<Arc<[Mark]>>>,
    surveys: Mutex<Vec<(u64, usize)>>,
}

impl MarkSink for Screen {
    fn marks(&self, _: AccountId, marks: &Arc<[Mark]>) -> bool {
        self.ticks.lock().expect("no panic holds it").push(marks.clone());
        true
    }
    fn surveyed(&self, _: AccountId, token: u64, marks: Arc<[Mark]>) {
        self.surveys.lock().expect("no panic holds it").push((token, marks.len()));
    }
}

struct World {
    live: Arc<Live>,
    log: Arc<Log>,
    boards: Arc<Boards>,
}

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(77));

fn world() -> World {
    let log = Arc::new(Log::default());
    let boards = Arc::new(Boards(Mutex::new(watch::Sender::new(roster([entry(1, &[]), entry(2, &[])])))));
    let settings = LiveSettings { tick: Duration::from_millis(20), ..LiveSettings::default() };
    World {
        live: Live::start(
            vec![actix::Arbiter::new().handle()],
            boards.clone(),
            log.clone(),
            log.clone(),
            nowhere(),
            settings,
        ),
        log,
        boards,
    }
}

fn sending(points: Vec<Point>) -> Sending {
    Sending { phone: Uuid::nil(), trouble: None, points }
}

/// Waits until it is so: other threads have their own pace.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

fn run(story: impl Future<Output = ()>) {
    actix::System::new().block_on(story);
}

#[test]
fn a_report_moves_the_map_and_is_durable_when_flushed() {
    run(async {
        let world = world();
        let screen: Arc<Screen> = Arc::default();
        let radar = world.live.account(ACCOUNT).await.expect("there").radar();
        radar.try_send(Watch { sink: screen.clone() }).expect("room");
        radar.try_send(Survey { token: 5, sink: screen.clone() }).expect("room");
        let now = Utc::now();
        let points = vec![point(1, now, 47.0, 9.0), point(2, now, 0.0, 0.0), point(1, now, 47.0, 9.0)];
        let receipt = world.live.report(ACCOUNT, worker(1), sending(points)).await.expect("taken");
        assert_eq!(receipt.verdicts, [Ok(()), Err(Refusal::NoFix), Ok(())]);
        assert_eq!(receipt.flushed.await, Ok(vec![true, false]));
        let moved = || {
            let ticks = screen.ticks.lock().expect("free");
            ticks.iter().flat_map(|marks| marks.iter()).any(|mark| mark.worker == worker(1))
        };
        until("the map moves", moved).await;
        assert_eq!(*screen.surveys.lock().expect("free"), [(5, 1)], "who was known before the start");
        let sink: Arc<dyn MarkSink> = screen.clone();
        radar.try_send(Unwatch { sink }).expect("room");
        let positions = world.live.positions(ACCOUNT, None).await.expect("there");
        assert_eq!(positions[&worker(1)].presence, Presence::Online);
        assert_eq!(positions[&worker(2)].presence, Presence::Lost);
    });
}

#[test]
fn a_full_log_takes_nothing_and_a_failed_flush_is_told() {
    run(async {
        let world = world();
        world.log.full.store(true, Ordering::SeqCst);
        let now = Utc::now();
        let refused = world.live.report(ACCOUNT, worker(1), sending(vec![point(1, now, 47.0, 9.0)])).await;
        assert_eq!(refused.err(), Some(Unanswered::Full));
        let positions = world.live.positions(ACCOUNT, None).await.expect("there");
        assert_eq!(positions[&worker(1)].presence, Presence::Never);
        world.log.full.store(false, Ordering::SeqCst);
        world.log.down.store(true, Ordering::SeqCst);
        let receipt =
            world.live.report(ACCOUNT, worker(1), sending(vec![point(1, now, 47.0, 9.0)])).await.expect("taken");
        assert_eq!(receipt.flushed.await, Err(Unavailable));
        world.log.down.store(false, Ordering::SeqCst);
        let again =
            world.live.report(ACCOUNT, worker(1), sending(vec![point(1, now, 47.0, 9.0)])).await.expect("taken");
        assert_eq!(again.flushed.await, Ok(vec![true]), "a retry after a failed flush is no duplicate");
        let stranger = world.live.report(ACCOUNT, worker(9), sending(vec![point(1, now, 47.0, 9.0)])).await;
        assert_eq!(stranger.err(), Some(Unanswered::NotActive));
    });
}

#[test]
fn actors_that_stopped_and_boards_that_ended_are_replaced() {
    run(async {
        let world = world();
        let account = world.live.account(ACCOUNT).await.expect("there");
        let radar = account.radar();
        radar.try_send(super::Rest).expect("room");
        until("it stops", || !radar.connected()).await;
        assert!(world.live.positions(ACCOUNT, None).await.is_ok());
        let next = watch::Sender::new(roster([entry(1, &[]), entry(3, &[])]));
        *world.boards.0.lock().expect("free") = next;
        let now = Utc::now();
        let receipt =
            world.live.report(ACCOUNT, worker(3), sending(vec![point(1, now, 47.0, 9.0)])).await.expect("taken");
        assert_eq!(receipt.flushed.await, Ok(vec![true]));
        let positions = world.live.positions(ACCOUNT, None).await.expect("there");
        assert_eq!(positions.keys().map(|id| id.0.as_u128()).collect::<Vec<_>>(), [1, 3]);
    });
}
