//! A business at the level of the store: its rows and its boards, without HTTP. For tests of what lies under the API.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use muster::dispatch::board::store::load;
use muster::store::journal::Stream;
use muster::store::work::to_micros;
use muster::store::{Store, StoreError, Undone};
use muster_actors::board::{Observer, Render, Reply};
use muster_actors::directory::Directory;
use muster_actors::ports::{AnswerKey, BoardStore, Entry, Rendered};
use muster_domain::dispatch::board::{Board, Command, Decision, NewJob, NewVisit};
use muster_domain::dispatch::{Worker, WorkingHours};
use muster_domain::ids::{AccountId, ClientId, JobId, PropertyId, VisitId, WorkerId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb, WorkerFact, WorkerVerb};
use muster_domain::{By, Moment, TimeWindow};
use uuid::Uuid;

use super::cluster::{TestDb, connect, database};
use super::spy::planted;

const CONNECTIONS: u32 = 6;

/// Runs a test inside an actor system, and ends the threads of its boards.
pub fn in_system<F: Future>(test: F) -> F::Output {
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime")
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(async {
        let outcome = test.await;
        actix_rt::System::current().stop();
        outcome
    })
}

pub fn now() -> Moment {
    Moment { now: to_micros(Utc::now()), by: By::System }
}

/// `minutes` after a Monday's midnight, long ago.
pub fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-30T00:00:00Z".parse::<DateTime<Utc>>().expect("RFC 3339") + TimeDelta::minutes(minutes)
}

pub fn window(from: i64, to: i64) -> TimeWindow {
    TimeWindow::new(at(from), at(to)).expect("forward")
}

/// One business on a database of its own.
#[derive(Clone)]
pub struct Office {
    pub db: Arc<TestDb>,
    pub store: Store,
    pub account: AccountId,
    pub client: ClientId,
}

impl Office {
    pub async fn open() -> Self {
        let db = database().await;
        Self::open_on(Arc::new(db)).await
    }

    /// Another business on the same database.
    pub async fn open_on(db: Arc<TestDb>) -> Self {
        let store = Store::connect(&db.server_url, CONNECTIONS).await.expect("the database is there");
        let (account, client) = (AccountId(Uuid::now_v7()), ClientId(Uuid::now_v7()));
        found(&store, account, client).await.expect("it is founded");
        Self { db, store, account, client }
    }

    pub async fn hires(&self, count: usize) -> Vec<WorkerId> {
        let mut workers = Vec::new();
        for _ in 0..count {
            let id = WorkerId(Uuid::now_v7());
            hire(&self.store, self.account, id).await.expect("he is hired");
            workers.push(id);
        }
        workers
    }

    /// A server's boards on this office's database, over its own connections.
    pub async fn server(&self) -> Server {
        let store = Store::connect(&self.db.server_url, CONNECTIONS).await.expect("the database is there");
        self.server_on(Arc::new(store))
    }

    pub fn server_on(&self, store: Arc<dyn BoardStore>) -> Server {
        self.server_heard_by(store, Arc::new(Heard::default()))
    }

    pub fn server_heard_by(&self, store: Arc<dyn BoardStore>, heard: Arc<Heard>) -> Server {
        let boards = Arc::new(Directory::new(store, Arc::clone(&heard) as _, 1));
        Server { account: self.account, client: self.client, boards, heard }
    }

    /// What the rows say.
    pub async fn rows(&self) -> Board {
        let read = self.store.quiet(self.account, |unit| {
            Box::pin(async move {
                let account = unit.account();
                Ok::<_, Undone<StoreError>>(load::from_rows(unit.conn(), account, Utc::now()).await?)
            })
        });
        read.await.expect("the rows can be read")
    }

    /// Asks the database as its owner, who sees everything.
    pub async fn count(&self, sql: &str) -> i64 {
        let mut owner = connect(&self.db.owner_url).await;
        let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await;
        asked.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Pairs of open visits that hold one worker at one time, and that nobody allowed to.
    pub async fn double_bookings(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM visits v JOIN visit_assignments a ON (a.account_id, a.visit_id) = (v.account_id, v.id)
             JOIN visit_assignments b ON (b.account_id, b.worker_id) = (a.account_id, a.worker_id)
             JOIN visits w ON (w.account_id, w.id) = (b.account_id, b.visit_id)
             WHERE v.id < w.id AND v.closed_at IS NULL AND w.closed_at IS NULL AND v.overlap_group <> w.overlap_group
                 AND v.starts_at < w.ends_at AND w.starts_at < v.ends_at",
        )
        .await
    }
}

async fn found(store: &Store, account: AccountId, client: ClientId) -> Result<(), Undone<()>> {
    let founded = store.found(account, now(), move |unit| {
        Box::pin(async move {
            let (account, at) = (unit.account(), now().now);
            sqlx::query(
                "INSERT INTO accounts (id, name, time_zone, currency, created_at, updated_at)
                 VALUES ($1, 'Rivergate', 'UTC', 'CHF', $2, $2)",
            )
            .bind(account.0)
            .bind(at)
            .execute(unit.conn())
            .await?;
            Stream::begin(unit.conn(), account, Uuid::new_v4()).await?;
            sqlx::query(
                "INSERT INTO clients (account_id, id, first_name, created_at, updated_at) VALUES ($1, $2, 'Cleo', $3, $3)",
            )
            .bind(account.0)
            .bind(client.0)
            .bind(at)
            .execute(unit.conn())
            .await?;
            let property = PropertyId(Uuid::now_v7());
            sqlx::query(
                "INSERT INTO properties (account_id, id, client_id, lat, lng, created_at, updated_at)
                 VALUES ($1, $2, $3, 47.14, 9.52, $4, $4)",
            )
            .bind(account.0)
            .bind(property.0)
            .bind(client.0)
            .bind(at)
            .execute(unit.conn())
            .await?;
            let made = [(RecordVerb::AccountCreated, account.0), (RecordVerb::PropertyCreated, property.0)];
            for (verb, id) in made {
                unit.note(Fact::Record(RecordFact { verb, id, version: 1, changed: vec![] }));
            }
            Ok(())
        })
    });
    founded.await.map(drop)
}

async fn hire(store: &Store, account: AccountId, id: WorkerId) -> Result<(), Undone<()>> {
    let hired = store.change(account, now(), move |unit| {
        Box::pin(async move {
            let (account, at) = (unit.account().0, now().now);
            let email = format!("{}@example.com", id.0.simple());
            for sql in [
                "INSERT INTO identities (id, email, created_at, updated_at) VALUES ($2, $3, $4, $4)",
                "INSERT INTO users (account_id, id, identity_id, email, first_name, last_name, role, status, created_at,
                     updated_at) VALUES ($1, $2, $2, $3, 'Bob', 'Lee', 'worker', 'active', $4, $4)",
                "INSERT INTO workers (account_id, id, time_zone, created_at, updated_at) VALUES ($1, $2, 'UTC', $4, $4)",
            ] {
                // Each statement takes all four, used or not.
                let sql = format!("WITH given AS (SELECT $1::uuid, $2::uuid, $3::text, $4::timestamptz) {sql}");
                let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(account).bind(id.0).bind(&email).bind(at);
                query.execute(unit.conn()).await?;
            }
            let worker = Worker {
                id,
                active: true,
                available: true,
                tracking_consent: true,
            followed_since: None,
                skills: BTreeSet::new(),
                home: None,
                hours: WorkingHours::always(chrono_tz::UTC),
                time_off: Default::default(),
            };
            unit.note(Fact::Worker(WorkerFact { verb: WorkerVerb::Created, worker }));
            Ok(())
        })
    });
    hired.await.map(drop)
}

/// What the boards of one server announced.
#[derive(Default)]
pub struct Heard {
    entries: Mutex<Vec<Entry>>,
    faults: Mutex<Vec<Hearing>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    OfAChange,
    OfACommit,
}

impl Heard {
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().expect("no panic under it").clone()
    }

    pub fn seqs(&self) -> Vec<i64> {
        self.entries().iter().map(|entry| entry.seq).collect()
    }

    /// Panics the next time that it hears of this.
    pub fn fails_once(&self, hearing: Hearing) {
        self.faults.lock().expect("no panic under it").push(hearing);
    }

    fn may_fail(&self, hearing: Hearing) {
        let planned = {
            let mut faults = self.faults.lock().expect("no panic under it");
            let planned = faults.iter().position(|fault| *fault == hearing);
            planned.map(|at| faults.remove(at))
        };
        if planned.is_some() {
            planted();
        }
    }
}

impl Observer for Heard {
    fn changed(&self, _: AccountId, _: &Board, entries: &[Entry]) {
        // Not of loading, which changes nothing.
        if !entries.is_empty() {
            self.may_fail(Hearing::OfAChange);
        }
    }

    fn committed(&self, _: AccountId, entries: &[Entry]) {
        self.may_fail(Hearing::OfACommit);
        self.entries.lock().expect("no panic under it").extend_from_slice(entries);
    }
}

/// The boards of one server, as far as this office is concerned.
#[derive(Clone)]
pub struct Server {
    pub account: AccountId,
    pub client: ClientId,
    pub boards: Arc<Directory>,
    pub heard: Arc<Heard>,
}

impl Server {
    pub async fn says(&self, command: Command) -> Reply {
        self.boards.submit(self.account, command, now(), None, told()).await
    }

    pub async fn says_under(&self, key: AnswerKey, command: Command) -> Reply {
        self.boards.submit(self.account, command, now(), Some(key), told()).await
    }

    pub async fn board(&self) -> Board {
        self.boards.look(self.account, Board::clone).await.expect("the store can be reached")
    }

    /// One job with a visit in each of these windows, nobody assigned.
    pub async fn books(&self, windows: &[Option<TimeWindow>]) -> Vec<VisitId> {
        let (job, ids) = job(self.client, windows);
        assert_eq!(status(&self.says(Command::CreateJob(job)).await), 200);
        ids
    }

    pub async fn assigns(&self, visit: VisitId, worker: WorkerId) -> Reply {
        self.says(assign(visit, &[worker])).await
    }
}

pub fn job(client: ClientId, windows: &[Option<TimeWindow>]) -> (NewJob, Vec<VisitId>) {
    let new = |window: &Option<TimeWindow>| NewVisit {
        id: VisitId(Uuid::now_v7()),
        window: *window,
        workers: BTreeSet::new(),
    };
    let visits: Vec<NewVisit> = windows.iter().map(new).collect();
    let ids = visits.iter().map(|visit| visit.id).collect();
    let job = NewJob {
        id: JobId(Uuid::now_v7()),
        title: "Boiler".into(),
        description: None,
        client_id: client,
        property_id: None,
        required_skills: BTreeSet::new(),
        priority: 3,
        visits,
    };
    (job, ids)
}

pub fn assign(visit: VisitId, workers: &[WorkerId]) -> Command {
    Command::Assign { visit, workers: workers.iter().copied().collect(), force: None, expect: None }
}

pub fn key(name: &str) -> AnswerKey {
    AnswerKey { principal: Uuid::nil(), route: "POST /test".into(), key: name.into(), body_hash: [7; 32] }
}

/// An answer that says what was decided: 200 or 409, and why.
pub fn told() -> Render {
    Box::new(|board: &Board, decision: &Decision| {
        let version = |id| board.visit(id).map(|visit| (visit.version, visit.workers.len()));
        let (status, body) = match &decision.answer {
            Ok(touched) => (200, format!("{:?}", touched.visit.map(version))),
            Err(rejection) => (409, format!("{rejection:?}")),
        };
        Rendered { status, body: body.into(), etag: None, location: None }
    })
}

/// 200 or 409 as told; else 503 for unknown, 504 for unavailable, 500 for a divergence, 429 for a full queue.
pub fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Answered(answer) | Reply::Replayed(answer) => answer.status,
        Reply::KeyReused => 422,
        Reply::Diverged { .. } => 500,
        Reply::Full => 429,
        Reply::Unknown => 503,
        Reply::Unavailable => 504,
    }
}
