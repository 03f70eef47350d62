//! The built-in PostgreSQL: what it survives, and what it says when it cannot run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use muster::store::embedded::{EmbeddedError, EmbeddedPg, OWNER, SERVER, Settings};
use sqlx::Connection;

use crate::harness::cluster::{self, TestDir, connect, execute};

const CHILD_ROOT: &str = "MUSTER_TEST_CHILD_ROOT";

fn settings(root: &Path) -> Settings {
    Settings { root: root.to_owned(), durable: false, extra: vec![] }
}

fn start(root: &Path) -> EmbeddedPg {
    EmbeddedPg::start(&settings(root)).unwrap_or_else(|error| panic!("{error}"))
}

fn within(wait_s: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        let waited = since.elapsed();
        assert!(waited < Duration::from_secs(wait_s), "not in {wait_s} s: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn kill(pid: i32) {
    // SAFETY: the process is one which this test has started.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

async fn rows(pg: &EmbeddedPg) -> i64 {
    let mut owner = connect(&pg.owner_url("muster")).await;
    let count = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut owner).await;
    count.expect("the table is there")
}

async fn keep_a_row(pg: &EmbeddedPg) {
    let mut owner = connect(&pg.owner_url("muster")).await;
    execute(&mut owner, "CREATE TABLE IF NOT EXISTS kept (n int)").await;
    execute(&mut owner, "INSERT INTO kept VALUES (1)").await;
}

#[tokio::test]
async fn a_cold_start_makes_a_cluster_and_a_warm_one_keeps_it() {
    let (pg, dir) = cluster::durable_cluster();
    pg.bootstrap("muster").await.expect("first");
    pg.bootstrap("muster").await.expect("again, without harm");
    keep_a_row(&pg).await;
    let mut admin = connect(&pg.admin_url("muster")).await;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut admin)
            .await
            .expect("a setting");
        assert_eq!(value, "on", "{setting}");
    }
    let letters: String = sqlx::query_scalar("SELECT lower('ÄÖÉ')").fetch_one(&mut admin).await.expect("a word");
    assert_eq!(letters, "äöé");
    drop(admin);
    let pid = pg.pid().expect("it runs");
    pg.stop();
    assert!(!is_alive(pid));
    let again = start(dir.path());
    assert_eq!(rows(&again).await, 1);
}

#[tokio::test]
async fn a_second_server_adopts_the_cluster_and_takes_over_when_the_first_stops() {
    let dir = TestDir::in_memory("adopt");
    let first = start(dir.path());
    first.bootstrap("muster").await.expect("roles");
    keep_a_row(&first).await;
    let second = start(dir.path());
    assert!(second.is_adopted() && !first.is_adopted());
    assert_eq!(second.pid(), first.pid());
    assert_eq!(rows(&second).await, 1);
    first.stop();
    within(20, "the second has taken over", || second.starts() == 1 && second.pid().is_some());
    assert!(!second.is_adopted());
    second.bootstrap("muster").await.expect("roles are there");
}

#[test]
fn an_adopting_server_leaves_the_cluster_running_when_it_stops() {
    let dir = TestDir::in_memory("leave");
    let first = start(dir.path());
    start(dir.path()).stop();
    assert!(is_alive(first.pid().expect("it runs")));
}

#[test]
fn servers_that_start_at_once_share_one_cluster() {
    let dir = TestDir::in_memory("race");
    let servers: Vec<EmbeddedPg> = thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| start(dir.path()))).collect();
        let started = starting.into_iter().map(|one| one.join().expect("it starts"));
        started.collect()
    });
    assert_eq!(servers.iter().map(EmbeddedPg::starts).sum::<u32>(), 1);
    assert!(servers.iter().all(|server| server.pid() == servers[0].pid()));
}

#[tokio::test]
async fn a_killed_postgresql_is_started_again_with_what_was_committed() {
    let (pg, _dir) = cluster::durable_cluster();
    pg.bootstrap("muster").await.expect("roles");
    keep_a_row(&pg).await;
    let killed = pg.pid().expect("it runs");
    kill(killed);
    within(60, "PostgreSQL runs again", || pg.pid().is_some_and(|pid| pid != killed));
    assert_eq!(pg.starts(), 2);
    assert_eq!(rows(&pg).await, 1);
}

#[test]
fn a_pid_file_left_over_whose_number_is_anothers_by_now_does_no_harm() {
    let dir = TestDir::in_memory("stale");
    let pid_file = dir.path().join("pg/postmaster.pid");
    let pg = start(dir.path());
    let text = fs::read_to_string(&pid_file).expect("it runs");
    let owner = fs::metadata(&pid_file).expect("it is there");
    pg.stop();
    // Of PostgreSQL's own user: another's it would itself take for left over.
    let mut other = Command::new("sleep");
    other.arg("60");
    if owner.uid() != unsafe { libc::geteuid() } {
        other.uid(owner.uid()).gid(owner.gid());
    }
    let mut other = other.spawn().expect("sleep runs");
    let rest = text.split_once('\n').expect("several lines").1;
    fs::write(&pid_file, format!("{}\n{rest}", other.id())).expect("written");
    let made_anew = EmbeddedPg::start(&settings(dir.path()));
    other.kill().expect("it is ours");
    other.wait().expect("it ends");
    assert_eq!(made_anew.expect("it starts").starts(), 1);
}

#[test]
fn a_half_made_cluster_is_thrown_away() {
    let dir = TestDir::in_memory("half");
    let half = dir.path().join("pg.new-1");
    fs::create_dir(&half).expect("made");
    fs::write(half.join("PG_VERSION"), "15\n").expect("written");
    let pg = start(dir.path());
    assert!(!half.exists());
    assert!(dir.path().join("pg/PG_VERSION").exists());
    drop(pg);
}

#[test]
fn what_is_no_cluster_is_not_touched() {
    let dir = TestDir::in_memory("letters");
    fs::create_dir(dir.path().join("pg")).expect("made");
    fs::write(dir.path().join("pg/letters.txt"), "dear").expect("written");
    let error = EmbeddedPg::start(&settings(dir.path())).expect_err("refused");
    assert!(matches!(error, EmbeddedError::NotACluster(_)), "{error}");
    assert!(dir.path().join("pg/letters.txt").exists());
}

#[tokio::test]
async fn the_servers_role_owns_nothing_and_row_level_security_binds_it() {
    let db = cluster::database().await;
    let mut admin = connect(&db.admin_url).await;
    for role in [OWNER, SERVER] {
        let rights: (bool, bool, bool, bool, bool) = sqlx::query_as(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin
             FROM pg_roles WHERE rolname = $1",
        )
        .bind(role)
        .fetch_one(&mut admin)
        .await
        .expect("the role is there");
        assert_eq!(rights, (false, false, false, false, true), "{role}");
    }
    let owner: String =
        sqlx::query_scalar("SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()")
            .fetch_one(&mut admin)
            .await
            .expect("an owner");
    assert_eq!(owner, OWNER);
    let mut server = connect(&db.server_url).await;
    let refused = sqlx::raw_sql("CREATE TABLE mine (n int)").execute(&mut server).await;
    assert!(refused.expect_err("refused").to_string().contains("permission denied"));
    for (name, expected) in
        [("statement_timeout", "30s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "10s")]
    {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(&mut server)
            .await
            .expect("a setting");
        assert_eq!(value, expected, "{name}");
    }
    server.close().await.expect("closed");
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = tokio::join!(cluster::database(), cluster::database());
    let mut owner = connect(&one.owner_url).await;
    execute(&mut owner, "CREATE TABLE only_here (n int)").await;
    let mut owner = connect(&two.owner_url).await;
    execute(&mut owner, "CREATE TABLE only_here (n int)").await;
}

#[test]
fn postgresql_does_not_run_as_root() {
    let dir = TestDir::in_memory("root");
    let pg = start(dir.path());
    let pid = pg.pid().expect("it runs");
    let owner = fs::metadata(format!("/proc/{pid}")).expect("it runs").uid();
    assert_ne!(owner, 0);
    let mode = fs::metadata(pg.socket_dir()).expect("it is there").mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_folder_nobody_can_reach_is_named() {
    let dir = TestDir::in_memory("barred");
    let barred = dir.path().join("barred");
    fs::create_dir(&barred).expect("made");
    fs::set_permissions(&barred, fs::Permissions::from_mode(0o600)).expect("ours");
    let error = EmbeddedPg::start(&settings(&barred.join("data"))).expect_err("refused");
    let sentence = error.to_string();
    assert!(sentence.contains(&barred.display().to_string()), "{sentence}");
    let as_root = sentence.contains("Set MUSTER_DATA_DIR to a folder which everybody may enter");
    let as_user = sentence.contains("See that the server's user may do so");
    assert!(as_root || as_user, "{sentence}");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_works_all_the_same() {
    let dir = TestDir::in_memory("long");
    let root = dir.path().join("x".repeat(100));
    let pg = start(&root);
    pg.bootstrap("muster").await.expect("it takes connections");
    let socket_dir = pg.socket_dir().to_owned();
    pg.stop();
    fs::remove_dir_all(socket_dir).expect("it is there");
}

#[tokio::test]
async fn a_killed_server_takes_postgresql_with_it_and_the_next_one_recovers() {
    let dir = TestDir::in_memory("orphan");
    let (mut server, postgres) = server_in_a_process(dir.path());
    assert!(is_alive(postgres));
    kill(i32::try_from(server.id()).expect("a process number"));
    server.wait().expect("it ends");
    let pg = start(dir.path());
    pg.bootstrap("muster").await.expect("it takes connections");
    within(20, "the old one has ended", || !is_alive(postgres));
    within(20, "the new one runs", || pg.pid().is_some_and(|pid| pid != postgres));
}

fn server_in_a_process(root: &Path) -> (Child, i32) {
    let mut server = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "embedded::a_server_for_the_test_above", "--ignored", "--nocapture"])
        .env(CHILD_ROOT, root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    let pid = lines.map_while(Result::ok).find_map(|line| line.split_once("postgres is ")?.1.trim().parse().ok());
    (server, pid.expect("it says so"))
}

#[test]
#[ignore = "is run by the test above, in a process of its own"]
fn a_server_for_the_test_above() {
    let Some(root) = std::env::var_os(CHILD_ROOT) else {
        return;
    };
    let pg = start(Path::new(&root));
    println!("postgres is {}", pg.pid().expect("it runs"));
    thread::sleep(Duration::from_secs(60));
}
