//! One throw-away PostgreSQL for the whole test run, and a fresh database of it for each test,
//! copied from a template that was migrated once. Databases are never dropped: the cluster is.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use muster::store::embedded::{EmbeddedPg, OWNER, SERVER, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// A test's database takes some 10 MB; with less room in memory the disk is used.
const ROOM_IN_MEMORY: u128 = 4 << 30;
const TEMPLATE: &str = "tpl";

/// A database of a test's own, with all migrations applied and no rows.
#[derive(Debug, Clone)]
pub struct TestDb {
    pub owner_url: String,
    pub server_url: String,
    pub admin_url: String,
}

struct Cluster {
    pg: EmbeddedPg,
    dir: TestDir,
}

static CLUSTER: OnceLock<Result<Mutex<Option<Cluster>>, String>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A fresh migrated database. The first caller waits for the cluster and the template.
pub async fn database() -> TestDb {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("t_{number}");
    let (db, admin_url) = tokio::task::spawn_blocking(move || {
        with_cluster(|cluster| {
            let pg = &cluster.pg;
            let db = TestDb {
                owner_url: pg.owner_url(&name),
                server_url: pg.server_url(&name),
                admin_url: pg.admin_url(&name),
            };
            (db, pg.admin_url("postgres"))
        })
    })
    .await
    .expect("the cluster starts");
    let mut admin = connect(&admin_url).await;
    let name = format!("t_{number}");
    for statement in [
        format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy OWNER {OWNER}"),
        format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
        format!("GRANT CONNECT ON DATABASE {name} TO {SERVER}"),
    ] {
        execute(&mut admin, statement).await;
    }
    db
}

/// A cluster like the product's, on disk, for tests that crash it.
pub fn durable_cluster() -> (EmbeddedPg, TestDir) {
    let dir = TestDir::on_disk("durable");
    let pg = EmbeddedPg::start(&Settings { root: dir.path().to_owned(), durable: true, extra: vec![] })
        .expect("a durable cluster starts");
    (pg, dir)
}

pub async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("a well-formed URL");
    let connected = options.connect().await;
    connected.unwrap_or_else(|error| panic!("{url}: {error}"))
}

pub async fn execute(connection: &mut PgConnection, statement: impl Into<String>) {
    let statement = statement.into();
    sqlx::raw_sql(AssertSqlSafe(statement.clone()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn with_cluster<T>(answer: impl FnOnce(&Cluster) -> T) -> T {
    let cluster = CLUSTER.get_or_init(|| start().map(|cluster| Mutex::new(Some(cluster))));
    let cluster = cluster.as_ref().unwrap_or_else(|why| panic!("{why}"));
    let cluster = cluster.lock().expect("nobody panics while holding it");
    answer(cluster.as_ref().expect("tests end before the process does"))
}

fn start() -> Result<Cluster, String> {
    let dir = TestDir::in_memory("run");
    let pg = EmbeddedPg::start(&Settings {
        root: dir.path().to_owned(),
        durable: false,
        extra: vec![("max_connections".into(), "400".into())],
    })
    .map_err(|error| error.to_string())?;
    // The caller may be inside a runtime, which cannot block on another one.
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let prepared = pg.bootstrap(TEMPLATE).await;
                prepared.map_err(|error| error.to_string())?;
                let migrated = muster::store::migrate(&pg.owner_url(TEMPLATE)).await;
                migrated.map_err(|error| format!("the template is not made: {error:?}"))
            })
        });
        made.join().expect("it does not panic")
    })?;
    // SAFETY: the function does not unwind.
    unsafe { libc::atexit(discard) };
    Ok(Cluster { pg, dir })
}

/// Statics are not dropped at the end of a process.
extern "C" fn discard() {
    let Some(Ok(cluster)) = CLUSTER.get() else {
        return;
    };
    let Ok(mut cluster) = cluster.lock() else {
        return;
    };
    if let Some(Cluster { pg, dir }) = cluster.take() {
        pg.stop();
        drop(dir);
    }
}

/// A folder which PostgreSQL's user can reach, removed when dropped. What a killed run has left
/// is removed by the next one.
#[derive(Debug)]
pub struct TestDir(PathBuf);

impl TestDir {
    pub fn in_memory(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        if free(memory) >= ROOM_IN_MEMORY {
            return Self::below(memory, name);
        }
        Self::on_disk(name)
    }

    pub fn on_disk(name: &str) -> Self {
        Self::below(&std::env::temp_dir(), name)
    }

    fn below(base: &Path, name: &str) -> Self {
        static SWEPT: OnceLock<()> = OnceLock::new();
        SWEPT.get_or_init(|| {
            sweep(Path::new("/dev/shm"));
            sweep(&std::env::temp_dir());
        });
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let path = base.join(format!("muster-test-{pid}-{name}-{number}"));
        fs::DirBuilder::new().mode(0o711).create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).expect("it is ours");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix("muster-test-") else {
            continue;
        };
        let pid = rest.split('-').next().and_then(|pid| pid.parse().ok());
        // SAFETY: signal 0 only asks whether the process exists.
        if pid.is_some_and(|pid| unsafe { libc::kill(pid, 0) } != 0) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn free(dir: &Path) -> u128 {
    let path = CString::new(dir.as_os_str().as_bytes()).expect("no zero in it");
    // SAFETY: `stat` is plain data which the call fills; 0 says that it did.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        match libc::statvfs(path.as_ptr(), &mut stat) {
            0 => u128::from(stat.f_bavail) * u128::from(stat.f_frsize),
            _ => 0,
        }
    }
}
