//! Nobody is handed a connection that is still inside somebody else's transaction, and nobody who goes away takes half
//! of his work along.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use muster::store::{Store, StoreError, Undone};
use sqlx::PgConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::harness::cluster::{TestDb, connect, database, execute};
use crate::harness::office::{Office, in_system};

const TRIES: i64 = 600;
/// Some ten are enough on sqlx 0.9.0.
const TRIES_UNTIL_SEEN: i64 = 20_000;

/// Gives up at the `left`-th wake-up, wherever the future then is.
struct GivingUp<F> {
    future: F,
    left: i64,
}

impl<F: Future + Unpin> Future for GivingUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.left -= 1;
        match Pin::new(&mut self.future).poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.left <= 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

async fn with_a_table() -> (TestDb, PgConnection) {
    let db = database().await;
    let mut owner = connect(&db.owner_url).await;
    execute(&mut owner, "CREATE TABLE kept (n bigint); GRANT SELECT, INSERT ON kept TO muster_server").await;
    (db, owner)
}

/// One caller gives up while his transaction begins; the next one writes, outside any transaction as he believes.
async fn give_up_then_write(pool: &PgPool, n: i64) {
    drop(GivingUp { future: pin!(pool.begin()), left: 1 + n % 5 }.await);
    sqlx::query("INSERT INTO kept VALUES ($1)").bind(n).execute(pool).await.expect("it is acknowledged");
}

async fn is_kept(owner: &mut PgConnection, n: i64) -> bool {
    let asked = sqlx::query_scalar("SELECT EXISTS (SELECT FROM kept WHERE n = $1)").bind(n).fetch_one(owner).await;
    asked.expect("the table is there")
}

#[tokio::test]
async fn a_begin_that_somebody_gave_up_swallows_nobody_elses_write() {
    let (db, mut owner) = with_a_table().await;
    let store = Store::connect(&db.server_url, 1).await.expect("the database is there");
    for n in 0..TRIES {
        give_up_then_write(store.pool(), n).await;
        assert!(is_kept(&mut owner, n).await, "write {n} was acknowledged and is not there");
    }
}

/// The negative control: without the hook of the store's pool the test above would see it.
#[tokio::test]
async fn a_pool_without_our_hook_loses_an_acknowledged_write() {
    let (db, mut owner) = with_a_table().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&db.server_url).await.expect("the database is there");
    for n in 0..TRIES_UNTIL_SEEN {
        give_up_then_write(&pool, n).await;
        if !is_kept(&mut owner, n).await {
            return;
        }
    }
    panic!("sqlx has mended it, or this test no longer does what it says");
}

/// The hook rolls back without a word: PostgreSQL would log a warning at every release if nothing was open.
#[tokio::test]
async fn releasing_a_connection_leaves_no_warning() {
    let (db, _) = with_a_table().await;
    let store = Store::connect(&db.server_url, 1).await.expect("the database is there");
    for _ in 0..3 {
        store.ping().await.expect("it answers");
    }
    let mut admin = connect(&db.admin_url).await;
    let since = Instant::now();
    loop {
        let last: String = sqlx::query_scalar(
            "SELECT query FROM pg_stat_activity WHERE usename = 'muster_server' AND datname = current_database()",
        )
        .fetch_one(&mut admin)
        .await
        .expect("the pool's one connection is there");
        if last == "BEGIN; ROLLBACK" {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{last}");
    }
}

#[test]
fn who_goes_away_leaves_all_of_his_work_or_none() {
    in_system(async {
        let office = Office::open().await;
        let mut owner = connect(&office.db.owner_url).await;
        execute(&mut owner, "CREATE TABLE kept (n bigint); GRANT SELECT, INSERT ON kept TO muster_server").await;
        for n in 0..200i64 {
            let work = office.store.quiet(office.account, move |unit| {
                Box::pin(async move {
                    for _ in 0..2 {
                        sqlx::query("INSERT INTO kept VALUES ($1)").bind(n).execute(unit.conn()).await?;
                    }
                    Ok::<(), Undone<StoreError>>(())
                })
            });
            drop(GivingUp { future: pin!(work), left: 1 }.await);
        }
        // Nobody waits for them, but all run to their end.
        let since = Instant::now();
        let count = "SELECT count(*) FROM kept";
        while office.count(count).await < 400 && since.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(office.count(count).await, 400);
        assert_eq!(
            office.count("SELECT count(*) FROM (SELECT FROM kept GROUP BY n HAVING count(*) <> 2) AS half").await,
            0
        );
    });
}
