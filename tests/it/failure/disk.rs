//! The disk of the database is full, or lets nobody write: reading goes on, sockets stay, and with room again so does
//! writing, without a restart.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::{Duration, Instant};

use muster::store::embedded::{EmbeddedPg, Settings};
use serde_json::json;

use super::{RECOVERS_WITHIN, becomes, books, health, hears_of, is_alive, writes_again};
use crate::harness::app::App;
use crate::harness::cluster::{TestDir, connect, execute};
use crate::harness::person::Person;
use crate::harness::process::{Mount, Process};

/// Enough for a new cluster, its log of changes and the room that is kept free.
const DISK_MB: u32 = 420;

/// Until so much is left, or to the last byte.
fn fill(file: &File, leaves_mb: u64) -> u64 {
    use std::os::unix::fs::FileExt;
    let block = vec![7; 1 << 20];
    let mut at = file.metadata().expect("it is open").len();
    for size in [1 << 20, 4096] {
        let has_room = || free_bytes_of(file) > leaves_mb << 20 || leaves_mb == 0;
        while has_room() && file.write_at(&block[..size], at).is_ok_and(|written| written == size) {
            at += size as u64;
        }
    }
    at
}

fn free_bytes_of(file: &File) -> u64 {
    use std::os::fd::AsRawFd;
    // SAFETY: fstatvfs only writes to the struct given, which is plain data and outlives the call.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::fstatvfs(file.as_raw_fd(), &mut stat), 0);
        stat.f_bavail * stat.f_frsize
    }
}

async fn reads(ann: &Person) {
    ann.get("/api/v1/clients").await.ok();
    ann.get("/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_written_all_can_be_read_and_with_room_it_writes_again() {
    let process = Process::on_a_disk_of(DISK_MB).await;
    let app = process.app();
    let ann = app.owner().await;
    let worker = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let mut socket = ann.streams().await;
    socket.watches_day(None).await;
    socket.frame("snapshot").await;

    let path = process.data_dir().join("somebody-elses");
    let filler = File::create(&path).expect("there is room");
    // Less than is kept free: it is noticed before PostgreSQL itself runs out …
    assert!(fill(&filler, 40) > 0);
    let since = Instant::now();
    let refused = loop {
        let answer = books(&ann).await;
        if answer.status == 507 {
            break answer;
        }
        assert!(since.elapsed() < Duration::from_secs(15), "{} {}", answer.status, answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(refused.refused(507, "STORAGE_FULL").header("retry-after").is_some());
    // … and then nothing is left at all.
    fill(&filler, 0);
    ann.assigns(visit, &worker).await.refused(507, "STORAGE_FULL");
    let points = json!({"data": {"type": "positionBatch", "attributes": {"points": [
        {"at": chrono::Utc::now().to_rfc3339(), "lat": 47.14, "lng": 9.52}
    ]}}});
    worker.post("/api/v1/positions", points.clone()).await.refused(507, "STORAGE_FULL");
    for _ in 0..5 {
        reads(&ann).await;
        is_alive(&app).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    ann.app.sign_in(&me(&ann).await, crate::harness::app::PASSWORD).await;
    let (status, said) = health(&app, "/health/ready").await.expect("it answers");
    assert_eq!((status, &said["checks"]["disk"]["status"]), (503, &json!("failed")), "{said}");

    drop(filler);
    fs::remove_file(&path).expect("it is ours");
    writes_again(&ann).await;
    becomes(&app, true).await;
    ann.assigns(visit, &worker).await.ok();
    hears_of(&mut socket, visit).await;
    worker.post("/api/v1/positions", points).await.ok();
    let told = process.log().iter().filter(|line| line.contains("the disk is full")).count();
    assert_eq!(told, 1, "{}", process.log().join("\n"));
}

async fn me(ann: &Person) -> String {
    let me = ann.get("/api/v1/users/me").await.ok();
    me.attributes()["email"].as_str().expect("an address").to_owned()
}

/// A database of somebody else's, of whose disk only its own words are known.
#[tokio::test]
async fn a_database_that_says_its_disk_is_full_is_believed() {
    let ann = App::start().await.owner().await;
    let dir = TestDir::on_disk("tablespace");
    let disk = Mount::disk(dir.path(), 24);
    let mut admin = connect(&ann.app.db().admin_url).await;
    let data: String = crate::harness::business::all(&mut admin, "SHOW data_directory").await.remove(0);
    let owner = fs::metadata(&data).expect("it is there");
    let place = dir.path().join("rows");
    fs::create_dir(&place).expect("ours");
    chown(&place, Some(owner.uid()), Some(owner.gid())).expect("ours");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).expect("ours");
    let name = format!("small_{}", std::process::id());
    execute(&mut admin, format!("CREATE TABLESPACE {name} LOCATION '{}'", place.display())).await;
    execute(&mut admin, format!("ALTER TABLE clients SET TABLESPACE {name}")).await;
    let filler = File::create(dir.path().join("somebody-elses")).expect("there is room");
    fill(&filler, 0);

    let note = "x".repeat(900);
    let since = Instant::now();
    let refused = loop {
        let client = json!({"firstName": "Cleo", "lastName": "Marsh", "companyName": note[..100]});
        let body = json!({"data": {"type": "client", "attributes": client}});
        let many = (0..20).map(|_| ann.post("/api/v1/clients", body.clone()));
        let answers = futures_util::future::join_all(many).await;
        if let Some(refused) = answers.into_iter().find(|answer| answer.status != 201) {
            break refused;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "the pages that are there take everything");
    };
    assert!(refused.refused(507, "STORAGE_FULL").header("retry-after").is_some());
    reads(&ann).await;
    is_alive(&ann.app).await;
    filler.set_len(0).expect("ours");
    writes_again(&ann).await;

    execute(&mut admin, "ALTER TABLE clients SET TABLESPACE pg_default").await;
    execute(&mut admin, format!("DROP TABLESPACE {name}")).await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_nobody_can_write_to_keeps_postgresql_away_until_it_can() {
    let process = Process::start().await;
    let app = process.app();
    let ann = app.owner().await;
    let barred = Mount::read_only(&process.data_dir().join("pg"));
    process.kill_postgres();
    becomes(&app, false).await;
    for _ in 0..3 {
        let refused = books(&ann).await.refused(503, "UNAVAILABLE");
        assert!(refused.header("retry-after").is_some());
        is_alive(&app).await;
    }
    let log = process.log().join("\n");
    assert!(log.contains("Read-only file system"), "{log}");
    drop(barred);
    let since = Instant::now();
    writes_again(&ann).await;
    becomes(&app, true).await;
    assert!(since.elapsed() < RECOVERS_WITHIN);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named_at_the_start() {
    let dir = TestDir::on_disk("barred");
    let barred = Mount::read_only(dir.path());
    let settings = Settings { root: dir.path().to_owned(), durable: true, extra: vec![] };
    let sentence = EmbeddedPg::start(&settings).expect_err("refused").to_string();
    assert!(sentence.contains(&dir.path().display().to_string()) && sentence.contains("Read-only"), "{sentence}");
    drop(barred);
}
