//! The hub with sockets made of memory, down to the law: snapshot before + events = snapshot after.

mod office;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Arbiter;
use muster_domain::Place;
use muster_domain::dispatch::Visit;
use muster_domain::identity::Role;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::feed::{FeedConfig, Feeds};
use crate::ports::Wire;
use crate::sample::{self, BookJournal, PlainWire, account, hours, visit, worker};

/// A socket of which the test decides whether it takes anything.
#[derive(Default)]
struct Pipe {
    got: RefCell<Vec<String>>,
    waiting: RefCell<VecDeque<String>>,
    is_shut: Cell<bool>,
    pings: Cell<usize>,
    heard: Cell<bool>,
    closed: Cell<Option<u16>>,
    passed: Cell<u64>,
}

impl Outlet for Pipe {
    fn send(&self, text: Bytes) -> Sent {
        let text = String::from_utf8(text.to_vec()).expect("text");
        if self.closed.get().is_some() {
            return Sent::Gone;
        }
        if self.is_shut.get() {
            self.waiting.borrow_mut().push_back(text);
            return Sent::Blocked;
        }
        self.passed.set(self.passed.get() + text.len() as u64);
        self.got.borrow_mut().push(text);
        Sent::Done
    }
    fn ping(&self) {
        self.pings.set(self.pings.get() + 1);
    }
    fn is_blocked(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
    fn waiting_bytes(&self) -> usize {
        self.waiting.borrow().iter().map(String::len).sum()
    }
    fn passed_bytes(&self) -> u64 {
        self.passed.get()
    }
    fn take_heard(&self) -> bool {
        self.heard.take()
    }
    fn is_gone(&self) -> bool {
        self.closed.get().is_some()
    }
    fn close(&self, last: Bytes, code: u16, _: &'static str) {
        self.got.borrow_mut().push(String::from_utf8(last.to_vec()).expect("text"));
        self.closed.set(Some(code));
    }
}

impl Pipe {
    fn open(&self, here: &Here, key: u64) {
        self.is_shut.set(false);
        let waiting = self.waiting.take();
        self.got.borrow_mut().extend(waiting);
        here.drained(key);
    }
    fn frames(&self, kind: &str) -> Vec<Value> {
        let all =
            self.got.borrow().iter().map(|text| serde_json::from_str(text).expect("JSON")).collect::<Vec<Value>>();
        all.into_iter().filter(|frame| frame["type"] == kind).collect()
    }
    async fn until(&self, what: &str, is: impl Fn(&Pipe) -> bool) {
        for _ in 0..600 {
            if is(self) {
                return;
            }
            actix::clock::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {what}: {:#?}", self.got.borrow());
    }
    async fn waits_for(&self, kind: &str, count: usize) {
        self.until(kind, |pipe| pipe.frames(kind).len() >= count).await;
    }
}

#[derive(Clone, Default)]
struct World {
    journal: BookJournal,
    sinks: Arc<std::sync::Mutex<Vec<Arc<dyn MarkSink>>>>,
    ended: Arc<std::sync::Mutex<Vec<SessionId>>>,
    lag: Arc<AtomicBool>,
}

impl ScheduleSource for World {
    fn visits(&self, _: AccountId, range: TimeWindow, viewer: Option<WorkerId>) -> Later<Result<Picture, Unavailable>> {
        let is_slow = self.lag.load(Ordering::Relaxed);
        let picture = self.journal.with(|book| {
            let is = |visit: &&Visit| {
                visit.is_on_schedule(&range) && viewer.is_none_or(|viewer| visit.workers.contains(&viewer))
            };
            let visits = book.visits.values().filter(is).map(|visit| PlainWire.visit(visit)).collect();
            Picture { epoch: book.epoch, seq: book.entries.len() as i64, visits }
        });
        Box::pin(async move {
            if is_slow {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            Ok(picture)
        })
    }
}

impl MarkSource for World {
    fn watch(&self, account: AccountId, sink: Arc<dyn MarkSink>) {
        self.sinks.lock().expect("no panic").push(sink.clone());
        sink.surveyed(account, 0, Arc::new([mark(1, 1.0)]));
    }
}

impl Uplink for World {
    fn positions(&self, _: Who, frame: String) -> Later<Result<Bytes, Fault>> {
        let frame = serde_json::from_str::<Value>(&frame).unwrap_or_default();
        let count = frame["points"].as_array().map_or(0, Vec::len);
        Box::pin(async move { Ok(format!(r#"{{"type":"accepted","count":{count}}}"#).into()) })
    }
}

impl Names for World {
    fn name(&self, _: AccountId, user: UserId) -> Later<Result<String, Unavailable>> {
        Box::pin(async move { Ok(format!("\"Number\" {}", user.0.as_u128())) })
    }
}

impl Doorman for World {
    fn ended(&self, sessions: Vec<(AccountId, SessionId)>) -> Later<Result<Vec<SessionId>, Unavailable>> {
        let ended = self.ended.lock().expect("no panic").clone();
        Box::pin(async move {
            Ok(sessions.into_iter().map(|(_, session)| session).filter(|session| ended.contains(session)).collect())
        })
    }
}

fn mark(n: u128, lat: f64) -> Mark {
    Mark {
        worker: worker(n),
        place: Place { lat, lng: 1.0 },
        online: true,
        json: format!(r#"{{"id":{n},"lat":{lat}}}"#).into(),
    }
}

fn quick() -> HubConfig {
    let ms = Duration::from_millis;
    HubConfig {
        heartbeat: ms(60),
        dead_after: ms(60),
        sweep: ms(10),
        stalled_after: ms(80),
        doorman: ms(20),
        tick: ms(5),
        ..HubConfig::default()
    }
}

fn patient() -> HubConfig {
    HubConfig { heartbeat: Duration::from_secs(60), stalled_after: Duration::from_secs(60), ..quick() }
}

fn hubs(world: &World, config: HubConfig) -> Arc<Hubs> {
    let poll = FeedConfig { poll: Duration::from_millis(20), patience: Duration::from_secs(1) };
    let wire: Arc<dyn Wire> = Arc::new(PlainWire);
    let feeds = Feeds::start(Arc::new(world.journal.clone()), wire.clone(), vec![Arbiter::current()], poll);
    let (schedule, marks, uplink) = (Arc::new(world.clone()), Arc::new(world.clone()), Arc::new(world.clone()));
    let hubs = Hubs::new(config, feeds, wire, schedule, marks, uplink, Arc::new(world.clone()));
    hubs.guard(Arc::new(world.clone()), &Arbiter::current());
    hubs
}

fn who(role: Role, user: u128) -> Who {
    let session = Some(SessionId(Uuid::from_u128(user)));
    Who { account: account(1), user: UserId(Uuid::from_u128(user)), role, session, expires_at: None }
}

fn enter(here: &Here, role: Role, user: u128) -> (Rc<Pipe>, u64) {
    let pipe = Rc::new(Pipe::default());
    let key = here.attach(pipe.clone(), who(role, user)).expect("the hub runs");
    (pipe, key)
}

fn subscribe(resume: &str) -> String {
    let range = r#""from":"1970-01-01T00:00:00Z","to":"1970-01-02T00:00:00Z""#;
    format!(r#"{{"type":"subscribe","id":"d","topic":"schedule",{range}{resume}}}"#)
}

const MAP: &str = r#"{"type":"subscribe","id":"m","topic":"workers","tickMs":25}"#;

fn run(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

#[test]
fn a_socket_is_greeted_gets_its_schedule_and_what_follows() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let (ann, key) = enter(&here, Role::Dispatcher, 7);
        assert_eq!(ann.frames("hello")[0]["maxSubscriptions"], 32);
        here.heard(key, &subscribe(""));
        ann.waits_for("snapshot", 1).await;
        let entry = world.journal.write(visit(1, Some(hours(1, 2)), &[]));
        hubs.feeds.committed(account(1), vec![entry]);
        ann.waits_for("event", 1).await;
        assert_eq!(ann.frames("event")[0]["prev"], 0);
        here.heard(key, r#"{"type":"position","points":[{},{}]}"#);
        ann.waits_for("accepted", 1).await;
        assert_eq!((hubs.sockets(), ann.closed.get()), (1, None));
    });
}

#[test]
fn the_silent_are_dropped_and_those_who_answer_stay() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, quick());
        let here = hubs.here();
        let ((dead, _), (alive, _)) = (enter(&here, Role::Dispatcher, 7), enter(&here, Role::Dispatcher, 8));
        for _ in 0..40 {
            alive.heard.set(true);
            actix::clock::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((dead.closed.get(), alive.closed.get()), (Some(4001), None));
        assert!(alive.pings.get() > 1 && alive.frames("heartbeat").len() > 1);
    });
}

#[test]
fn one_who_does_not_read_is_closed_as_slow_and_nobody_else_is_hurt() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, quick());
        let here = hubs.here();
        let ((slow, a), (quick, b)) = (enter(&here, Role::Dispatcher, 7), enter(&here, Role::Dispatcher, 8));
        here.heard(a, &subscribe(""));
        here.heard(b, &subscribe(""));
        slow.waits_for("snapshot", 1).await;
        slow.is_shut.set(true);
        for n in 0..30 {
            slow.heard.set(true);
            quick.heard.set(true);
            let entry = world.journal.write(visit(n, Some(hours(1, 2)), &[]));
            hubs.feeds.committed(account(1), vec![entry]);
            actix::clock::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((slow.closed.get(), quick.closed.get()), (Some(4029), None));
        assert_eq!(slow.waiting.borrow().len(), 1, "the rest never left the hub");
        assert!(slow.got.borrow().last().is_some_and(|bye| bye.contains(r#""reconnect":true"#)));
        quick.waits_for("event", 30).await;
    });
}

#[test]
fn positions_skip_a_full_socket_and_the_newest_comes_when_it_has_room() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let (ann, key) = enter(&here, Role::Dispatcher, 7);
        here.heard(key, MAP);
        ann.waits_for("snapshot", 1).await;
        let sink = world.sinks.lock().expect("no panic")[0].clone();
        ann.is_shut.set(true);
        here.heard(key, "{}");
        for step in 2..50 {
            assert!(sink.marks(account(1), &Arc::from([mark(1, f64::from(step))])));
            actix::clock::sleep(Duration::from_millis(1)).await;
        }
        assert!(ann.waiting.borrow().len() <= 2 && ann.frames("delta").len() <= 1);
        ann.open(&here, key);
        ann.until("the newest", |ann| ann.frames("delta").iter().any(|d| d["up"][0]["lat"] == 49.0)).await;
        here.left(key);
        assert!(!sink.marks(account(1), &Arc::from([])), "nobody watches any more");
    });
}

#[test]
fn a_sign_out_closes_its_sockets_and_no_other() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let ((ann, _), (bob, _)) = (enter(&here, Role::Dispatcher, 7), enter(&here, Role::Worker, 8));
        world.ended.lock().expect("no panic").push(SessionId(Uuid::from_u128(7)));
        ann.waits_for("bye", 1).await;
        assert_eq!((ann.closed.get(), bob.closed.get(), hubs.sockets()), (Some(4401), None, 1));
        assert_eq!(ann.frames("bye")[0]["reconnect"], false);
    });
}

#[test]
fn a_drain_sends_everybody_away_with_a_time_to_return() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let pipes: Vec<_> = (0..40).map(|n| enter(&here, Role::Dispatcher, n).0).collect();
        hubs.drain(Duration::from_millis(200)).await;
        assert_eq!(hubs.sockets(), 0);
        assert!(pipes.iter().all(|pipe| pipe.closed.get() == Some(1012)));
        assert!(pipes[3].frames("bye")[0]["retryAfterMs"].as_u64().is_some_and(|ms| ms < 15_000));
        assert_eq!(enter(&here, Role::Owner, 99).0.closed.get(), Some(1012), "late comers too");
    });
}

#[derive(Message)]
#[rtype(result = "()")]
struct Trip;

impl Handler<Trip> for Hub {
    type Result = ();
    fn handle(&mut self, _: Trip, _: &mut Self::Context) {
        panic!("on purpose");
    }
}

#[test]
fn a_hub_that_panics_closes_its_sockets_and_the_next_one_starts() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let (ann, _) = enter(&here, Role::Dispatcher, 7);
        here.desk.upgrade().expect("alive").borrow().hub.try_send(Trip).expect("room");
        ann.waits_for("bye", 1).await;
        assert_eq!((ann.closed.get(), hubs.sockets()), (Some(4030), 0));
        let (bob, key) = enter(&hubs.here(), Role::Dispatcher, 8);
        hubs.here().heard(key, &subscribe(""));
        bob.waits_for("snapshot", 1).await;
    });
}

/// What a client makes of its frames.
#[derive(Default)]
struct Client {
    visits: BTreeMap<u64, Value>,
    epoch: String,
    seq: Option<i64>,
}

impl Client {
    fn take(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "subscribed" => self.epoch = frame["epoch"].as_str().unwrap_or_default().to_owned(),
            "reset" => (self.visits, self.seq) = (BTreeMap::new(), None),
            "snapshot" => {
                self.seq = frame["seq"].as_i64();
                let visits = frame["visits"].as_array().cloned().unwrap_or_default();
                self.visits = visits.into_iter().map(|v| (v["id"].as_u64().expect("an id"), v)).collect();
            }
            "event" => {
                assert_eq!(frame["prev"].as_i64(), self.seq, "the chain is whole");
                self.seq = frame["seq"].as_i64();
                let visit = &frame["event"]["visit"];
                let id = visit["id"].as_u64().expect("an id");
                match frame["event"]["kind"].as_str() {
                    Some("rm") => drop(self.visits.remove(&id)),
                    _ => drop(self.visits.insert(id, visit.clone())),
                }
            }
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put { visit: u128, at: Option<i64>, workers: Vec<u128> },
    Cancel(u128),
    Elsewhere(u128),
    Hangup,
    Breathe,
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    let put = (0..5u128, proptest::option::of(0..40i64), proptest::collection::vec(7..9u128, 0..3));
    let step = prop_oneof![
        6 => put.prop_map(|(visit, at, workers)| Step::Put { visit, at, workers }),
        1 => (0..5u128).prop_map(Step::Cancel),
        1 => (0..5u128).prop_map(Step::Elsewhere),
        2 => Just(Step::Hangup),
        2 => any::<bool>().prop_map(|_| Step::Breathe),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The law: snapshot before + events = snapshot after, whatever happens, however often the line is cut.
#[test]
fn snapshot_and_events_are_the_snapshot_after() {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let law = |steps: Vec<Step>| {
        run(async move {
            for role in [Role::Dispatcher, Role::Worker] {
                follow(role, &steps).await;
            }
        });
        Ok(())
    };
    runner.run(&steps(), law).expect("the law holds");
}

async fn follow(role: Role, steps: &[Step]) {
    let world = World::default();
    world.lag.store(true, Ordering::Relaxed);
    let hubs = hubs(&world, patient());
    let here = hubs.here();
    let mut client = Client::default();
    let (mut pipe, mut key) = enter(&here, role, 7);
    here.heard(key, &subscribe(""));
    for step in steps {
        let known = |n: u128| world.journal.with(|book| book.visits.get(&visit(n, None, &[]).id).cloned());
        let next = match step {
            Step::Put { visit: n, at, workers } => Some(visit(*n, at.map(|at| hours(at, at + 2)), workers)),
            Step::Cancel(n) | Step::Elsewhere(n) => known(*n).map(sample::cancelled),
            Step::Hangup | Step::Breathe => None,
        };
        match (step, next) {
            (Step::Elsewhere(_), Some(visit)) => drop(world.journal.write(visit)),
            (_, Some(visit)) => hubs.feeds.committed(account(1), vec![world.journal.write(visit)]),
            (Step::Hangup, None) => {
                here.left(key);
                pipe.got.take().iter().for_each(|f| client.take(&serde_json::from_str(f).expect("JSON")));
                (pipe, key) = enter(&here, role, 7);
                let resume = client.seq.map(|seq| format!(r#","resume":{{"epoch":"{}","seq":{seq}}}"#, client.epoch));
                here.heard(key, &subscribe(&resume.unwrap_or_default()));
            }
            (_, None) => actix::clock::sleep(Duration::from_millis(4)).await,
        }
    }
    let range = hours(0, 24);
    let viewer = role.is_field().then(|| worker(7));
    let truth: Vec<Value> = world
        .visits(account(1), range, viewer)
        .await
        .expect("up")
        .visits
        .iter()
        .map(|visit| serde_json::from_slice(visit).expect("JSON"))
        .collect();
    for _ in 0..300 {
        pipe.got.take().iter().for_each(|f| client.take(&serde_json::from_str(f).expect("JSON")));
        if client.seq.is_some() && client.visits.values().eq(truth.iter()) {
            return;
        }
        actix::clock::sleep(Duration::from_millis(5)).await;
    }
    panic!("{role:?}: {:#?} is not {truth:#?}", client.visits);
}
