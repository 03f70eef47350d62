//! The program itself, as somebody would start it, on a data directory of its own: for tests that end it by force.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster::store::embedded::{OWNER, SERVER};

use super::app::App;
use super::cluster::{TestDb, TestDir};

const PATIENCE: Duration = Duration::from_secs(60);
const DATABASE: &str = "muster";
/// Settings of whoever runs the tests are not the program's.
const NOT_PASSED_ON: [&str; 4] = ["MUSTER_", "DATABASE_URL", "PORT", "PGHOST"];

pub struct Process {
    child: Child,
    /// On which its data is, if it has one of its own.
    _disk: Option<Mount>,
    dir: TestDir,
    addr: SocketAddr,
    /// A database that is not its own.
    db: Option<Arc<TestDb>>,
}

/// What is mounted over a folder, until it is dropped.
pub struct Mount(CString);

impl Mount {
    /// A disk of this size, in memory.
    pub fn disk(at: &Path, size_mb: u32) -> Self {
        Self(mount("tmpfs", at, Some("tmpfs"), 0, Some(&format!("size={size_mb}m,mode=0711"))))
    }

    /// The folder itself, only to be read.
    pub fn read_only(at: &Path) -> Self {
        let mounted = Self(mount(at.to_str().expect("UTF-8"), at, None, libc::MS_BIND, None));
        mount("", at, None, libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, None);
        mounted
    }
}

/// A test that cannot have its disk fails, and says what it lacks.
fn mount(source: &str, at: &Path, kind: Option<&str>, flags: libc::c_ulong, options: Option<&str>) -> CString {
    let text = |text: &str| CString::new(text).expect("no zero in it");
    let (source, target) = (text(source), text(at.to_str().expect("UTF-8")));
    let (kind, options) = (kind.map(text), options.map(text));
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    // SAFETY: every pointer is to a string that outlives the call, or null where the call allows it.
    let answer =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), pointer(&kind), flags, pointer(&options).cast()) };
    let error = std::io::Error::last_os_error();
    assert_eq!(answer, 0, "this test mounts a disk of its own, which needs root and CAP_SYS_ADMIN: {error}");
    target
}

impl Drop for Mount {
    fn drop(&mut self) {
        // SAFETY: the string outlives the call.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

impl Drop for Process {
    /// Politely, so that PostgreSQL is gone before its directory is.
    fn drop(&mut self) {
        signal(self.child.id(), libc::SIGCONT);
        signal(self.child.id(), libc::SIGTERM);
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Process {
    /// With a PostgreSQL of its own. Returns when it answers.
    pub async fn start() -> Self {
        Self::starts(TestDir::on_disk("process"), None, None).await
    }

    /// Likewise, with its data on a disk of this size.
    pub async fn on_a_disk_of(size_mb: u32) -> Self {
        let dir = TestDir::on_disk("small");
        let disk = Mount::disk(dir.path(), size_mb);
        Self::starts(dir, Some(disk), None).await
    }

    /// One of several on the same database.
    pub async fn on(db: &Arc<TestDb>) -> Self {
        Self::starts(TestDir::on_disk("process"), None, Some(Arc::clone(db))).await
    }

    async fn starts(dir: TestDir, disk: Option<Mount>, db: Option<Arc<TestDb>>) -> Self {
        // Nobody else is given the port so soon, and the program must have the same one again.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let addr = free.expect("a free port");
        let process = Self { child: spawn(&dir, addr, db.as_deref()), _disk: disk, dir, addr, db };
        process.is_ready().await;
        process
    }

    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has written to its log, line by line.
    pub fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// It stops in the middle of whatever it does, and knows nothing of it.
    pub fn freeze(&self) {
        signal(self.child.id(), libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        signal(self.child.id(), libc::SIGCONT);
    }

    /// To its PostgreSQL alone, as `pg_ctl stop` would.
    pub fn signal_postmaster(&self, number: i32) {
        if let Some((pid, _)) = self.postmaster() {
            signal(pid, number);
        }
    }

    pub async fn is_ready(&self) {
        let (app, since) = (self.app(), Instant::now());
        loop {
            let answer = app.http().get(app.url("/health/ready")).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            let log = || fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
            assert!(since.elapsed() < PATIENCE, "not ready:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its data directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Memory that the server holds.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// For speaking to it. Its database can be reached only while PostgreSQL runs.
    pub fn app(&self) -> App {
        if let Some(db) = &self.db {
            return App::outside(self.addr, Arc::clone(db));
        }
        let url = |role: &str| {
            let sockets = self.postmaster().map(|(_, sockets)| sockets).unwrap_or_default();
            format!("postgres://{role}@localhost:5432/{DATABASE}?host={}", sockets.display())
        };
        let db = TestDb { owner_url: url(OWNER), server_url: url(SERVER), admin_url: url("muster_admin") };
        App::outside(self.addr, Arc::new(db))
    }

    /// What the program holds of the machine's memory.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// PostgreSQL's first process, and where its socket is.
    fn postmaster(&self) -> Option<(u32, PathBuf)> {
        let text = fs::read_to_string(self.dir.path().join("pg/postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        Some((lines.first()?.trim().parse().ok()?, PathBuf::from(lines.get(4)?)))
    }

    pub fn kill_server(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
        self.child = spawn(&self.dir, self.addr, self.db.as_deref());
    }

    pub fn kill_postmaster(&self) {
        self.signal_postmaster(libc::SIGKILL);
    }

    /// Every process of PostgreSQL at once: nobody is left who could still write something.
    pub fn kill_postgres(&self) {
        self.signal_postgres(libc::SIGKILL);
    }

    pub fn signal_postgres(&self, number: i32) {
        if let Some((pid, _)) = self.postmaster() {
            let parents = parents();
            let children = parents.iter().filter(|(_, parent)| **parent == pid).map(|(child, _)| *child);
            std::iter::once(pid).chain(children).for_each(|pid| signal(pid, number));
        }
    }
}

fn spawn(dir: &TestDir, addr: SocketAddr, db: Option<&TestDb>) -> Child {
    let log = File::options().create(true).append(true).open(dir.path().join("server.log")).expect("it is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for (name, _) in std::env::vars().filter(|(name, _)| NOT_PASSED_ON.iter().any(|prefix| name.starts_with(prefix))) {
        command.env_remove(name);
    }
    command.current_dir(dir.path()).arg("serve").arg("--data-dir").arg(dir.path());
    command.args(["--listen", &addr.to_string(), "--set", "password_cost=4", "--set", "log=warn"]);
    if let Some(db) = db {
        command.env("DATABASE_URL", &db.server_url).env("MUSTER_MIGRATE_DATABASE_URL", &db.owner_url);
        command.env("MUSTER_SECRET", "a-secret-for-tests-only");
    }
    command.stdin(Stdio::null()).stderr(log.try_clone().expect("a file")).stdout(log);
    command.spawn().expect("the program is there")
}

pub fn signal(pid: u32, signal: i32) {
    // SAFETY: the process is one which this test has started, or its child.
    unsafe { libc::kill(i32::try_from(pid).expect("a process's number"), signal) };
}

/// Of every process, whose child it is.
fn parents() -> BTreeMap<u32, u32> {
    let of = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name is in brackets and may hold anything; then come the state and the parent.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(of).collect()
}
