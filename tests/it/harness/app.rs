//! A real server on a real database, and the people who use it. Tests speak to it only from outside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use muster::basemap::Basemap;
use muster::boot;
use muster::demo::remote::Remote;
use muster::settings::Settings;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::cluster::{TestDb, database};
use super::person::{Answer, Person};

const CONNECTIONS: u32 = 10;
/// Cheap for tests; the product's default is 12.
const PASSWORD_COST: u32 = 4;
pub const PASSWORD: &str = "Correct-horse-9";

/// One server; it stops when the last handle is dropped.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    addr: SocketAddr,
    db: Arc<TestDb>,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl App {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with other settings than the tests' usual ones.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on(Arc::new(database().await), change, None).await
    }

    /// A server with the controls of a demonstration.
    pub async fn of_demonstration(remote: Remote) -> Self {
        Self::on(Arc::new(database().await), |_| {}, Some(remote)).await
    }

    /// A server that waits for itself for ever if it ever holds one connection while it asks for another.
    pub async fn with_one_connection() -> Self {
        Self::with(|settings| settings.database_connections = 1).await
    }

    /// Another server on the same database.
    pub async fn sibling(&self) -> Self {
        Self::on(Arc::clone(&self.inner.db), |_| {}, None).await
    }

    /// A server that somebody else starts and stops.
    pub fn outside(addr: SocketAddr, db: Arc<TestDb>) -> Self {
        Self { inner: Arc::new(Inner { addr, db, http: client(), stop: None, thread: None }) }
    }

    async fn on(db: Arc<TestDb>, change: impl FnOnce(&mut Settings), remote: Option<Remote>) -> Self {
        let mut settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: std::env::temp_dir(),
            database_url: Some(db.server_url.clone()),
            migrate_database_url: Some(db.owner_url.clone()),
            secret: Some("a-secret-for-tests-only".into()),
            threads: 2,
            database_connections: CONNECTIONS,
            password_cost: PASSWORD_COST,
            ..Settings::default()
        };
        change(&mut settings);
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || serve(settings, remote, ready, stopped));
        let addr = started.await.expect("the server starts");
        Self { inner: Arc::new(Inner { addr, db, http: client(), stop: Some(stop), thread: Some(thread) }) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.inner.addr
    }

    pub fn db(&self) -> &TestDb {
        &self.inner.db
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.inner.addr)
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    /// Somebody who has not signed in.
    pub fn anonymous(&self) -> Person {
        Person::new(self.clone(), None, Uuid::nil(), Uuid::nil())
    }

    /// A new business, in the words of its owner.
    pub async fn owner(&self) -> Person {
        let email = format!("owner-{}@example.com", Uuid::now_v7().simple());
        let sign_up = json!({"data": {"type": "account", "attributes": {
            "name": "Rivergate Plumbing", "timeZone": "Europe/Zurich", "currency": "CHF",
            "owner": {"firstName": "Ann", "lastName": "Roe", "email": email, "password": PASSWORD}
        }}});
        let account = self.anonymous().post("/api/v1/accounts", sign_up).await.created();
        self.sign_in(&email, PASSWORD).await.of(account.id())
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Person {
        let body = json!({"email": email, "password": password});
        let tokens = self.anonymous().post("/api/v1/auth/login", body).await.ok();
        let token = tokens.body["accessToken"].as_str().expect("an access token").to_owned();
        let mut person = Person::new(self.clone(), Some(token), Uuid::nil(), Uuid::nil());
        person.refresh_token = tokens.body["refreshToken"].as_str().map(str::to_owned);
        let me = person.get("/api/v1/users/me").await.ok();
        person.id = me.id();
        person
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client")
}

fn serve(
    settings: Settings,
    remote: Option<Remote>,
    ready: oneshot::Sender<SocketAddr>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime")
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(async move {
        if std::env::var_os("MUSTER_TEST_LOG").is_some() {
            boot::observe(&settings);
        }
        let running = match remote {
            None => boot::start(settings).await,
            Some(remote) => boot::start_with(settings, Basemap::None { problem: None }, Some(remote)).await,
        };
        let running = running.expect("the server starts");
        ready.send(running.addr).ok();
        stopped.await.ok();
        running.stop().await;
        // Ends the threads of the actors too.
        actix_rt::System::current().stop();
        tokio::time::sleep(Duration::from_millis(20)).await;
    });
}

/// What a test most often needs: an office, and somebody to send.
impl Person {
    pub async fn hires(&self, role: &str) -> Person {
        let email = format!("{role}-{}@example.com", Uuid::now_v7().simple()).to_lowercase();
        let person =
            json!({"firstName": "Dee", "lastName": "Patch", "email": email, "password": PASSWORD, "role": role});
        self.post("/api/v1/users", json!({"data": {"type": "user", "attributes": person}})).await.created();
        self.app.sign_in(&email, PASSWORD).await.of(self.account)
    }

    /// A worker who works at every hour and has no skills, changed by `with`.
    pub async fn hires_worker(&self, with: Value) -> Person {
        let email = format!("worker-{}@example.com", Uuid::now_v7().simple());
        let mut worker = json!({"firstName": "Bob", "lastName": "Lee", "email": email, "password": PASSWORD});
        for (name, value) in with.as_object().expect("an object") {
            worker[name] = value.clone();
        }
        self.post("/api/v1/workers", json!({"data": {"type": "worker", "attributes": worker}})).await.created();
        self.app.sign_in(&email, PASSWORD).await.of(self.account)
    }

    /// A client with one property.
    pub async fn finds_client(&self) -> Answer {
        let client = json!({"firstName": "Cleo", "lastName": "Marsh", "properties": [
            {"name": "Home", "address": {"street": "Lake Road 1", "city": "Vaduz"}, "location": {"lat": 47.14, "lng": 9.52}}
        ]});
        self.post("/api/v1/clients", json!({"data": {"type": "client", "attributes": client}})).await.created()
    }

    /// A job with one visit; answers with the visit's id.
    pub async fn books(&self, starts_at: &str, ends_at: &str) -> Uuid {
        let client = self.finds_client().await.id();
        self.books_for(client, json!([{"startsAt": starts_at, "endsAt": ends_at}]), json!({})).await[0]
    }

    pub async fn books_for(&self, client: Uuid, visits: Value, with: Value) -> Vec<Uuid> {
        let mut job = json!({"title": "Boiler", "clientId": client, "visits": visits});
        for (name, value) in with.as_object().expect("an object") {
            job[name] = value.clone();
        }
        let made = self.post("/api/v1/jobs", json!({"data": {"type": "job", "attributes": job}})).await.created();
        let visits = made.body["included"].as_array().expect("visits come along").iter();
        visits.map(|visit| visit["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")).collect()
    }

    pub async fn assigns(&self, visit: Uuid, worker: &Person) -> Answer {
        self.post(&format!("/api/v1/visits/{visit}/assign"), assignment(&[worker.id])).await
    }
}

pub fn assignment(workers: &[Uuid]) -> Value {
    json!({"data": {"type": "assignment", "attributes": {"workerIds": workers}}})
}
