//! What goes wrong around the server, done to a real one: its database, its disk, its clients, its own sleep. Each test
//! is a line of the table in `docs/failure.md`.

mod clients;
mod database;
mod disk;
mod frozen;
mod mended;
mod slow;

use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};
use crate::harness::socket::Socket;

/// Within this time after a trouble has ended everything works again.
pub const RECOVERS_WITHIN: Duration = Duration::from_secs(15);
/// No request waits longer than this, whatever is wrong.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Whether it is ready, in its own words; nothing while the port is closed.
pub async fn health(app: &App, page: &str) -> Option<(u16, Value)> {
    let asked = app.http().get(app.url(page)).timeout(Duration::from_secs(5)).send().await.ok()?;
    Some((asked.status().as_u16(), asked.json().await.unwrap_or_default()))
}

/// It lives, and says so at once.
pub async fn is_alive(app: &App) {
    let since = Instant::now();
    let answer = health(app, "/health/live").await;
    assert_eq!(answer.map(|(status, _)| status), Some(200));
    assert!(since.elapsed() < Duration::from_secs(4), "alive after {:?}", since.elapsed());
}

pub async fn becomes(app: &App, ready: bool) {
    let since = Instant::now();
    let wanted = if ready { 200 } else { 503 };
    while health(app, "/health/ready").await.is_none_or(|(status, _)| status != wanted) {
        assert!(since.elapsed() < RECOVERS_WITHIN, "{wanted} is never the answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn books(person: &Person) -> Answer {
    let client = serde_json::json!({"firstName": "Cleo", "lastName": "Marsh"});
    let body = serde_json::json!({"data": {"type": "client", "attributes": client}});
    let since = Instant::now();
    let answer = person.post("/api/v1/clients", body).await;
    assert!(since.elapsed() < ANSWERS_WITHIN, "answered {} only after {:?}", answer.status, since.elapsed());
    answer
}

/// Until a change takes effect.
pub async fn writes_again(person: &Person) {
    let since = Instant::now();
    loop {
        let answer = books(person).await;
        if answer.status == 201 {
            break;
        }
        assert!([503, 507].contains(&answer.status), "{}", answer.text);
        assert!(since.elapsed() < RECOVERS_WITHIN, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The next event of this visit; others are passed over.
pub async fn hears_of(socket: &mut Socket, visit: Uuid) {
    while socket.frame("event").await["event"]["visit"]["id"] != serde_json::json!(visit) {}
}

/// The sum of a counter over its labels.
pub async fn counted(app: &App, name: &str) -> f64 {
    let text = app.http().get(app.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let of = |line: &str| line.starts_with(name).then(|| line.rsplit(' ').next()?.parse::<f64>().ok()).flatten();
    text.lines().filter_map(of).sum()
}
