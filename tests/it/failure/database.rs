//! The database dies, is stopped, ends connections, takes no more of them, or takes no changes: while people work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::PgConnection;

use super::{ANSWERS_WITHIN, RECOVERS_WITHIN, becomes, books, counted, health, hears_of, is_alive, writes_again};
use crate::harness::app::App;
use crate::harness::business::{Business, all, is_consistent, lost, repetitions_get_the_same_answer};
use crate::harness::cluster::{connect, execute};
use crate::harness::process::{Process, signal};

const WORKS_FOR: Duration = Duration::from_millis(1_200);
const ITS_OWN: &str = "FROM pg_stat_activity WHERE usename = 'muster_server' AND datname = current_database()";

async fn terminates_all(admin: &mut PgConnection) {
    execute(admin, format!("SELECT pg_terminate_backend(pid) {ITS_OWN}")).await;
}

/// Everybody learns, in our shape, that it is the database, and when to come again.
async fn all_is_as_acknowledged(app: &App, business: &Business) {
    let acked = business.acked();
    assert!(acked.len() > 30, "only {} requests", acked.len());
    assert_eq!(lost(app, &acked).await, [""; 0], "of {}", acked.len());
    is_consistent(app, business).await;
    repetitions_get_the_same_answer(business).await;
    let heard = business.heard();
    let expected = ["503 UNAVAILABLE", "503 OUTCOME_UNKNOWN"];
    assert!(heard.keys().all(|heard| expected.contains(&heard.as_str())), "{heard:?}");
    eprintln!("{} acknowledged, none lost; besides: {heard:?}", acked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_killed_and_an_immediate_stop_lose_nothing_and_it_serves_again_within_15_s() {
    let process = Process::start().await;
    let app = process.app();
    let business = Business::opens(&app).await;
    business
        .works_while(async {
            for round in 0..4 {
                tokio::time::sleep(WORKS_FOR).await;
                let since = Instant::now();
                match round {
                    0 => {
                        let mut admin = connect(&app.db().admin_url).await;
                        let backend: i32 = all(&mut admin, &format!("SELECT pid {ITS_OWN} LIMIT 1")).await[0];
                        signal(backend.unsigned_abs(), libc::SIGKILL);
                    }
                    // What `pg_ctl stop` sends with `-m immediate`, `-m fast` and `-m smart`.
                    1 => process.signal_postmaster(libc::SIGQUIT),
                    2 => process.signal_postmaster(libc::SIGINT),
                    _ => process.signal_postmaster(libc::SIGKILL),
                }
                is_alive(&app).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                becomes(&app, true).await;
                is_alive(&app).await;
                assert!(since.elapsed() < RECOVERS_WITHIN, "round {round}: {:?}", since.elapsed());
            }
            tokio::time::sleep(WORKS_FOR).await;
        })
        .await;
    all_is_as_acknowledged(&process.app(), &business).await;
    let log = process.log();
    let told = log.iter().filter(|line| line.contains("the database fails")).count();
    assert!((1..=8).contains(&told) && log.len() < 100, "{told} of {} lines:\n{}", log.len(), log.join("\n"));
    assert!(counted(&app, "muster_database_failures_total").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_that_ends_every_connection_ten_times_a_second_loses_and_doubles_nothing() {
    let app = App::start().await;
    let business = Business::opens(&app).await;
    let mut admin = connect(&app.db().admin_url).await;
    business
        .works_while(async {
            for _ in 0..50 {
                terminates_all(&mut admin).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let since = Instant::now();
            becomes(&app, true).await;
            assert!(since.elapsed() < RECOVERS_WITHIN);
            tokio::time::sleep(WORKS_FOR).await;
        })
        .await;
    all_is_as_acknowledged(&app, &business).await;
}

#[tokio::test]
async fn a_database_that_takes_no_changes_is_named_as_such_and_reading_goes_on() {
    let ann = App::start().await.owner().await;
    let (app, worker) = (ann.app.clone(), ann.hires_worker(json!({})).await);
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let mut socket = ann.streams().await;
    socket.watches_day(None).await;
    socket.frame("snapshot").await;
    let mut admin = connect(&app.db().admin_url).await;
    let name: String = all(&mut admin, "SELECT current_database()::text").await.remove(0);
    execute(&mut admin, format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    terminates_all(&mut admin).await;

    // A connection that was just ended is told as such.
    let since = Instant::now();
    let refused = loop {
        let refused = books(&ann).await.is(503);
        if refused.text.contains("READ_ONLY") {
            break refused;
        }
        assert!(since.elapsed() < RECOVERS_WITHIN, "{}", refused.text);
    };
    assert!(refused.header("retry-after").is_some());
    ann.assigns(visit, &worker).await.refused(503, "READ_ONLY");
    ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z").await.ok();
    let (status, said) = health(&app, "/health/ready").await.expect("it answers");
    assert_eq!((status, &said["checks"]["database"]["status"]), (503, &json!("failed")), "{said}");
    is_alive(&app).await;

    // The way back: nobody tells the server, and no connection is ended.
    execute(&mut admin, format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    writes_again(&ann).await;
    becomes(&app, true).await;
    ann.assigns(visit, &worker).await.ok();
    // The socket has lived through it.
    hears_of(&mut socket, visit).await;
}

#[tokio::test]
async fn when_others_hold_every_connection_requests_wait_a_bounded_time_and_work_when_they_let_go() {
    let ann = App::start().await.owner().await;
    let app = ann.app.clone();
    let mut admin = connect(&app.db().admin_url).await;
    let name: String = all(&mut admin, "SELECT current_database()::text").await.remove(0);
    execute(&mut admin, format!("ALTER DATABASE {name} CONNECTION LIMIT 8")).await;
    terminates_all(&mut admin).await;
    let mut others = Vec::new();
    let since = Instant::now();
    // The one that asks is counted too.
    while others.len() < 7 {
        // The server may be quicker to come back; what it has is taken from it again.
        match tokio::time::timeout(Duration::from_secs(5), try_connect(&app.db().owner_url)).await.expect("an answer") {
            Some(other) => others.push(other),
            None => terminates_all(&mut admin).await,
        }
        assert!(since.elapsed() < Duration::from_secs(20), "only {} connections are to be had", others.len());
    }
    let since = Instant::now();
    let many = (0..20).map(|_| books(&ann));
    for answer in futures_util::future::join_all(many).await {
        let answer = answer.refused(503, "UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
    }
    assert!(since.elapsed() < ANSWERS_WITHIN);
    is_alive(&app).await;
    becomes(&app, false).await;
    drop(others);
    writes_again(&ann).await;
    becomes(&app, true).await;
}

async fn try_connect(url: &str) -> Option<PgConnection> {
    use sqlx::{ConnectOptions, postgres::PgConnectOptions};
    url.parse::<PgConnectOptions>().expect("a URL").connect().await.ok()
}

/// A table that somebody else has locked: nobody waits longer than is promised, and other tables do not suffer.
#[tokio::test]
async fn a_table_that_somebody_has_locked_holds_nobody_for_long() {
    let ann = App::start().await.owner().await;
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let db = Arc::new(ann.app.db().clone());
    let mut other = connect(&db.owner_url).await;
    execute(&mut other, "BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").await;
    let since = Instant::now();
    let many = futures_util::future::join_all((0..30).map(|_| books(&ann)));
    let (answers, ()) = tokio::join!(many, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        is_alive(&ann.app).await;
    });
    assert!(since.elapsed() < ANSWERS_WITHIN, "{:?}", since.elapsed());
    for answer in &answers {
        assert!([429, 503].contains(&answer.status) && answer.header("retry-after").is_some(), "{}", answer.text);
    }
    execute(&mut other, "ROLLBACK").await;
    writes_again(&ann).await;
    ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
}
