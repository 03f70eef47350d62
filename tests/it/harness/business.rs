//! A business in which many people book and assign at the same time, each repeating under his key what he does not know;
//! afterwards it is asked what became of everything that was acknowledged. For tests that break things meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use muster::store::{Store, audit};
use muster_domain::ids::AccountId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::watch;
use uuid::Uuid;

use super::app::{App, assignment};
use super::cluster::connect;
use super::person::Person;

const CLIENTS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(90);
/// Repeated at the end, to compare the answers.
const REPEATED: usize = 48;

/// A request of which its sender knows what became of it.
#[derive(Clone)]
pub struct Acked {
    key: String,
    path: String,
    body: Value,
    answer: String,
    /// The visit that is there now, and who is assigned to it.
    visit: Uuid,
    worker: Option<Uuid>,
}

#[derive(Clone)]
pub struct Client {
    app: App,
    token: String,
    worker: Uuid,
    customer: Uuid,
    acked: Arc<Mutex<Vec<Acked>>>,
    /// What was heard besides success, and how often.
    heard: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Client {
    /// Repeats under the same key until it is known. The answer, and whether it had been given before; nothing if what
    /// was booked is gone.
    async fn insists(&self, path: &str, key: &str, body: &Value) -> Option<(bool, String)> {
        let since = Instant::now();
        loop {
            let request = self.app.http().request(Method::POST, self.app.url(path)).bearer_auth(&self.token);
            let sent = request.timeout(Duration::from_secs(10)).header("Idempotency-Key", key).json(body).send().await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                let replayed = answer.headers().contains_key("idempotency-replayed");
                let says_when = answer.headers().contains_key("retry-after");
                match answer.text().await {
                    Ok(text) if status < 300 => return Some((replayed, text)),
                    _ if status == 404 => return None,
                    Ok(text) => self.hears(status, says_when, &text),
                    Err(_) => {}
                }
            }
            assert!(since.elapsed() < PATIENCE, "{key} is never known");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    fn hears(&self, status: u16, says_when: bool, text: &str) {
        let body: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{status} not in our shape: {text:?}"));
        let code = body["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("{status} without a code: {text}"));
        assert!(says_when || status < 429, "{status} {code} does not say when to come again");
        *self.heard.lock().expect("no panic under it").entry(format!("{status} {code}")).or_default() += 1;
    }

    async fn does(
        &self,
        path: String,
        key: String,
        body: Value,
        done: impl Fn(&Value) -> (Uuid, Option<Uuid>),
    ) -> Option<Uuid> {
        let (_, answer) = self.insists(&path, &key, &body).await?;
        let (visit, worker) = done(&serde_json::from_str(&answer).expect("JSON"));
        let acked = Acked { key, path, body, answer, visit, worker };
        self.acked.lock().expect("no panic under it").push(acked);
        Some(visit)
    }

    /// Books a visit an hour, each for himself, until it is over.
    async fn works(self, over: watch::Receiver<bool>) {
        let first: chrono::DateTime<chrono::Utc> = "2026-12-01T00:00:00Z".parse().expect("RFC 3339");
        for n in 0.. {
            if *over.borrow() {
                return;
            }
            let at = |hours| (first + chrono::TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
            let job = json!({"data": {"type": "job", "attributes": {
                "title": "Boiler", "clientId": self.customer, "visits": [{"startsAt": at(n), "endsAt": at(n + 1)}]
            }}});
            let key = |what: &str| format!("{}-{n}-{what}", self.worker);
            let visit = |answer: &Value| answer["included"][0]["id"].as_str().and_then(|id| id.parse().ok());
            let booked = |answer: &Value| (visit(answer).expect("a visit"), None);
            let Some(visit) = self.does("/api/v1/jobs".into(), key("book"), job, booked).await else { continue };
            let path = format!("/api/v1/visits/{visit}/assign");
            self.does(path, key("assign"), assignment(&[self.worker]), |_| (visit, Some(self.worker))).await;
        }
    }
}

pub struct Business {
    pub account: Uuid,
    pub clients: Vec<Client>,
}

impl Business {
    pub async fn opens(app: &App) -> Self {
        let owner = app.owner().await;
        let customer = owner.finds_client().await.id();
        let (acked, heard) = (Arc::default(), Arc::default());
        let clients = join_all((0..CLIENTS).map(|_| client(&owner, customer, &acked, &heard))).await;
        Self { account: owner.account, clients }
    }

    pub fn acked(&self) -> Vec<Acked> {
        self.clients[0].acked.lock().expect("no panic under it").clone()
    }

    pub fn heard(&self) -> BTreeMap<String, usize> {
        self.clients[0].heard.lock().expect("no panic under it").clone()
    }

    pub async fn works_while(&self, trouble: impl Future<Output = ()>) {
        let (over, is_over) = watch::channel(false);
        let clients = self.clients.iter().map(|client| tokio::spawn(client.clone().works(is_over.clone())));
        let clients: Vec<_> = clients.collect();
        trouble.await;
        over.send_replace(true);
        for client in clients {
            client.await.expect("every client comes to know");
        }
    }
}

async fn client(
    owner: &Person,
    customer: Uuid,
    acked: &Arc<Mutex<Vec<Acked>>>,
    heard: &Arc<Mutex<BTreeMap<String, usize>>>,
) -> Client {
    let worker = owner.hires_worker(json!({})).await.id;
    let (acked, heard) = (Arc::clone(acked), Arc::clone(heard));
    Client { app: owner.app.clone(), token: owner.token.clone().expect("signed in"), worker, customer, acked, heard }
}

pub async fn all<T>(conn: &mut PgConnection, sql: &str) -> Vec<T>
where
    T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
{
    let asked = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await;
    asked.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The keys of acknowledged requests whose effect is not there.
pub async fn lost(app: &App, acked: &[Acked]) -> Vec<String> {
    let mut owner = connect(&app.db().owner_url).await;
    let visits: BTreeSet<Uuid> = all(&mut owner, "SELECT id FROM visits").await.into_iter().collect();
    let pairs: Vec<Vec<Uuid>> = all(&mut owner, "SELECT ARRAY[visit_id, worker_id] FROM visit_assignments").await;
    let pairs: BTreeSet<(Uuid, Uuid)> = pairs.into_iter().map(|pair| (pair[0], pair[1])).collect();
    let is_there = |acked: &&Acked| match acked.worker {
        None => visits.contains(&acked.visit),
        Some(worker) => pairs.contains(&(acked.visit, worker)),
    };
    acked.iter().filter(|acked| !is_there(acked)).map(|acked| acked.key.clone()).collect()
}

/// Nothing is there twice, and the rows, the numbers and the journal agree.
pub async fn is_consistent(app: &App, business: &Business) {
    let acked = business.acked();
    let mut owner = connect(&app.db().owner_url).await;
    let booked = acked.iter().filter(|acked| acked.worker.is_none()).count() as i64;
    let assigned = acked.len() as i64 - booked;
    for (sql, expected) in [
        ("SELECT count(*) FROM jobs", booked),
        ("SELECT max(number) FROM jobs", booked),
        ("SELECT count(*) FROM visits", booked),
        ("SELECT count(*) FROM visit_assignments", assigned),
        ("SELECT count(*) FROM journal WHERE kind = 'job.created'", booked),
        ("SELECT count(*) FROM journal WHERE kind = 'visit.assigned'", assigned),
        ("SELECT count(*) FROM kept_answers WHERE key LIKE '%-book' OR key LIKE '%-assign'", booked + assigned),
        (
            "SELECT count(*) FROM visit_assignments a JOIN visit_assignments b USING (account_id, worker_id)
             WHERE a.visit_id < b.visit_id AND a.during && b.during",
            0,
        ),
    ] {
        assert_eq!(all::<i64>(&mut owner, sql).await, [expected], "{sql}");
    }
    let store = Store::connect(&app.db().server_url, 2).await.expect("the database is there");
    audit::verify(&store, AccountId(business.account)).await.expect("the journal stands");
    store.pool().close().await;
}

/// Whoever repeats a request that was acknowledged before or during the trouble gets the very same answer.
pub async fn repetitions_get_the_same_answer(business: &Business) {
    let acked = business.acked();
    let every = (acked.len() / REPEATED).max(1);
    for one in acked.iter().step_by(every) {
        let again = business.clients[0].insists(&one.path, &one.key, &one.body).await;
        assert_eq!(again, Some((true, one.answer.clone())), "{}", one.key);
    }
}
