//! The rows of tracks: durable when flushed, once each, and the last position never goes back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use muster::live::tracks::TrackWriter;
use muster::store::Store;
use muster_actors::ports::{LastKnown, TrackLog, TrackPoint};
use muster_domain::Place;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::Point;
use sqlx::Row;
use uuid::Uuid;

use crate::harness::cluster::{TestDb, connect, database, execute};

async fn writer() -> (TestDb, Store, Arc<TrackWriter>) {
    let db = database().await;
    let store = Store::connect(&db.server_url, 4).await.expect("a connection");
    let writer = TrackWriter::start(store.clone());
    (db, store, writer)
}

fn at(s: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + s, 0).expect("in range")
}

fn point(account: u128, worker: u128, id: u128, at: DateTime<Utc>) -> TrackPoint {
    TrackPoint {
        account: AccountId(Uuid::from_u128(account)),
        worker: WorkerId(Uuid::from_u128(worker)),
        point: Point {
            id: Uuid::from_u128(id),
            at,
            sent_at: None,
            received_at: at,
            ahead_ms: 0,
            place: Place { lat: 47.0 + id as f64 / 1_000.0, lng: 9.5 },
            accuracy_m: Some(5.0),
            speed_mps: None,
            heading_deg: Some(271.0),
            altitude_m: None,
            battery_pct: Some(50.0),
            charging: None,
            source: Some("gps".into()),
            activity: None,
            mock: false,
        },
        shown: Some(Place { lat: 47.0 + id as f64 / 1_000.0, lng: 9.5 }),
    }
}

async fn rows(db: &TestDb) -> i64 {
    let mut owner = connect(&db.owner_url).await;
    sqlx::query("SELECT count(*) AS n FROM tracks").fetch_one(&mut owner).await.expect("rows").get("n")
}

#[tokio::test]
async fn what_was_flushed_is_there_once_and_duplicates_are_told() {
    let (db, store, writer) = writer().await;
    let first = vec![point(1, 1, 1, at(0)), point(1, 1, 2, at(1)), point(1, 1, 1, at(0)), point(2, 9, 1, at(0))];
    assert_eq!(writer.append(first.clone()).expect("room").await, Ok(vec![true, true, false, true]));
    assert_eq!(rows(&db).await, 3);
    assert_eq!(writer.append(first).expect("room").await, Ok(vec![false; 4]));
    let both = [vec![point(1, 1, 3, at(2))], vec![point(1, 1, 3, at(2)), point(1, 2, 3, at(2))]];
    let [a, b] = both.map(|some| writer.append(some).expect("room"));
    assert_eq!((a.await, b.await), (Ok(vec![true]), Ok(vec![false, true])), "two reports in one flush");
    let known = store.last_known(AccountId(Uuid::from_u128(1))).await.expect("read");
    let mut known: Vec<_> = known.iter().map(|of| (of.worker.0.as_u128(), of.point.id.as_u128())).collect();
    known.sort_unstable();
    assert_eq!(known, [(1, 3), (2, 3)]);
}

#[tokio::test]
async fn late_points_join_the_track_and_move_nobody() {
    let (db, store, writer) = writer().await;
    let years_ago = at(0) - TimeDelta::days(3_000);
    let orders = [vec![point(1, 1, 5, at(10))], vec![point(1, 1, 4, at(9)), point(1, 1, 6, years_ago)]];
    for report in orders {
        assert!(writer.append(report).expect("room").await.expect("flushed").iter().all(|new| *new));
    }
    assert_eq!(rows(&db).await, 3);
    let known = store.last_known(AccountId(Uuid::from_u128(1))).await.expect("read");
    assert_eq!(known, [point(1, 1, 5, at(10))], "all of it comes back as it was sent");
}

#[tokio::test]
async fn a_failed_flush_acknowledges_nothing_and_can_be_repeated() {
    let (db, _, writer) = writer().await;
    let mut owner = connect(&db.owner_url).await;
    execute(&mut owner, "REVOKE INSERT ON last_positions FROM muster_server").await;
    assert!(writer.append(vec![point(1, 1, 1, at(0))]).expect("room").await.is_err());
    assert_eq!(rows(&db).await, 0, "half a flush is none");
    execute(&mut owner, "GRANT INSERT ON last_positions TO muster_server").await;
    assert_eq!(writer.append(vec![point(1, 1, 1, at(0))]).expect("room").await, Ok(vec![true]));
}

#[tokio::test]
async fn a_full_queue_takes_nothing_of_a_batch() {
    let (_, _, writer) = writer().await;
    let many = (0..30_000).map(|n| point(1, 1, n, at(0))).collect::<Vec<_>>();
    let first = writer.append(many.clone()).expect("room for the first");
    assert!(writer.append(many).is_err());
    assert_eq!(first.await.expect("flushed").len(), 30_000);
    writer.settled().await;
}

#[tokio::test]
async fn the_server_makes_days_ahead_and_nothing_falls_beside_them() {
    let (db, store, writer) = writer().await;
    store.ensure_partitions().await.expect("made already");
    assert_eq!(writer.append(vec![point(1, 1, 1, Utc::now())]).expect("room").await, Ok(vec![true]));
    let mut owner = connect(&db.owner_url).await;
    let beside: i64 =
        sqlx::query("SELECT count(*) AS n FROM tracks_default").fetch_one(&mut owner).await.expect("rows").get("n");
    assert_eq!(beside, 0);
}
