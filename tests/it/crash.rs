//! The program and its PostgreSQL are killed again and again while people work: whatever was acknowledged is there
//! afterwards, and whatever nobody knew has, under its key, one effect and one answer.

use std::sync::Mutex;
use std::time::Duration;

use crate::harness::business::{Business, is_consistent, lost, repetitions_get_the_same_answer};
use crate::harness::cluster::{connect, execute};
use crate::harness::process::Process;

const WORKS_FOR: Duration = Duration::from_millis(900);

fn rounds() -> usize {
    if std::env::var_os("MUSTER_TEST_LONG").is_some() { 40 } else { 5 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_that_the_server_and_postgresql_are_killed() {
    let mut process = Process::start().await;
    let app = process.app();
    let business = Business::opens(&app).await;
    business
        .works_while(async {
            for round in 0..rounds() {
                tokio::time::sleep(WORKS_FOR).await;
                match round % 5 {
                    0 | 3 => process.kill_postmaster(),
                    1 => process.kill_server(),
                    2 => process.kill_postgres(),
                    _ => {
                        process.kill_postgres();
                        process.kill_server();
                    }
                }
                process.is_ready().await;
            }
            tokio::time::sleep(WORKS_FOR).await;
        })
        .await;
    let app = process.app();
    let acked = business.acked();
    assert!(acked.len() > 20 * rounds(), "only {} requests: nothing was under way when it was killed", acked.len());
    assert_eq!(lost(&app, &acked).await, [""; 0], "of {}", acked.len());
    is_consistent(&app, &business).await;
    repetitions_get_the_same_answer(&business).await;
    let heard = business.heard();
    assert!(heard.keys().all(|heard| heard.starts_with("503 ")), "{heard:?}");
}

/// The negative control: a database that acknowledges before it has written is found out by the same question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_wait_for_its_disk_loses_what_was_acknowledged() {
    let process = Process::start().await;
    let app = process.app();
    let mut admin = connect(&app.db().admin_url).await;
    execute(&mut admin, "ALTER ROLE muster_server SET synchronous_commit = off").await;
    execute(&mut admin, "ALTER SYSTEM SET wal_writer_delay = '10s'").await;
    execute(&mut admin, "SELECT pg_reload_conf()").await;
    // Only new connections take the setting of their role.
    execute(&mut admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'muster_server'").await;
    drop(admin);
    process.is_ready().await;
    let business = Business::opens(&app).await;
    for _ in 0..5 {
        let acked = Mutex::default();
        business
            .works_while(async {
                tokio::time::sleep(WORKS_FOR).await;
                process.kill_postgres();
                // What was acknowledged by now was before anybody could repeat anything.
                *acked.lock().expect("no panic under it") = business.acked();
                process.is_ready().await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            })
            .await;
        let acked = acked.into_inner().expect("no panic under it");
        if !lost(&process.app(), &acked).await.is_empty() {
            return;
        }
    }
    panic!("nothing is lost without waiting for the disk: the test above would not see it either");
}
