//! The server under test: the release binary with its own PostgreSQL, fsync on, each on its core; started, killed and
//! started again as a benchmark wants. Talks to the database only to seed and to check.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::Http;
use crate::machine::{self, OTHER_CORE, SERVER_CORE};

const READY_WITHIN: Duration = Duration::from_secs(120);

pub struct Ground {
    pub addr: SocketAddr,
    dir: PathBuf,
    binary: PathBuf,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

/// CPU seconds of the server and of its PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub server_s: f64,
    pub postgres_s: f64,
}

impl Used {
    pub fn since(self, before: Used) -> Used {
        Used { server_s: self.server_s - before.server_s, postgres_s: self.postgres_s - before.postgres_s }
    }
}

/// A port that nobody uses.
pub fn free_port() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Ground {
    /// On an empty database; `settings` are names of the settings page, and their values.
    pub fn new(binary: &Path, dir: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        std::fs::remove_dir_all(dir).ok();
        std::fs::create_dir_all(dir)?;
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Self { addr: free_port()?, dir: dir.to_owned(), binary: binary.to_owned(), settings, child: None })
    }

    pub fn start(&mut self) -> Result<Duration> {
        let log = std::fs::File::options().create(true).append(true).open(self.dir.join("server.log"))?;
        let began = Instant::now();
        let mut command = Command::new(&self.binary);
        command.arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.env("MUSTER_LISTEN", self.addr.to_string()).env("MUSTER_DATA_DIR", &self.dir);
        command.env("MUSTER_PASSWORD_COST", "4").env("MUSTER_LOG", "warn").env("MUSTER_THREADS", "1");
        command.env_remove("DATABASE_URL").envs(self.settings.iter().map(|(name, value)| (name, value)));
        pinned(&mut command, SERVER_CORE);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?);
        let mut http = Http::new(self.addr);
        while !matches!(http.send("GET", "/health/ready", ""), Ok((200, _))) {
            http = Http::new(self.addr);
            if began.elapsed() > READY_WITHIN
                || self.child.as_mut().is_some_and(|it| it.try_wait().is_ok_and(|it| it.is_some()))
            {
                bail!("the server does not become ready; see {}", self.dir.join("server.log").display());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let took = began.elapsed();
        machine::pin_tree(self.postgres()?, OTHER_CORE);
        Ok(took)
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub fn postgres(&self) -> Result<u32> {
        let pid = std::fs::read_to_string(self.dir.join("pg/postmaster.pid"))?;
        Ok(pid.lines().next().context("an empty pid file")?.trim().parse()?)
    }

    pub fn used(&self) -> Used {
        let postgres_s = self.postgres().map(machine::tree_cpu_s).unwrap_or(0.0);
        Used { server_s: machine::cpu_s(self.pid()), postgres_s }
    }

    /// `kill -9`, of the server and of PostgreSQL.
    pub fn crash(&mut self) -> Result<()> {
        let postgres = self.postgres()?;
        signal(self.pid(), libc::SIGKILL);
        signal(postgres, libc::SIGKILL);
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        Ok(())
    }

    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal(child.id(), libc::SIGTERM);
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > Duration::from_secs(60) {
                child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Where PostgreSQL listens, for `psql` and `pgbench`.
    pub fn postgres_socket(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// With `MUSTER_LOAD_STATEMENTS` set: from the next start on PostgreSQL counts what each statement takes.
    pub fn count_statements(&self) -> Result<()> {
        if std::env::var_os("MUSTER_LOAD_STATEMENTS").is_some() {
            self.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
            self.sql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")?;
        }
        Ok(())
    }

    /// Tells the dearest of them since the last telling.
    pub fn tell_statements(&self) -> Result<()> {
        if std::env::var_os("MUSTER_LOAD_STATEMENTS").is_some() {
            let dearest = "SELECT round(total_exec_time + total_plan_time)::text || ' ms', calls || ' calls', toplevel,
                    left(regexp_replace(query, '\\s+', ' ', 'g'), 110)
                FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT 16";
            eprintln!("{}", self.sql(dearest)?);
            self.sql("SELECT pg_stat_statements_reset()")?;
        }
        Ok(())
    }

    /// As the database's superuser: only for seeding and checking.
    pub fn sql(&self, sql: &str) -> Result<String> {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "muster_admin", "-d", "muster", "-h"]);
        let mut child = command.arg(self.postgres_socket()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().context("psql has an input")?;
        let text = sql.to_owned();
        let feeding = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output()?;
        feeding.join().ok();
        if !output.status.success() {
            bail!("psql refused");
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop().ok();
    }
}

fn signal(pid: u32, signal: i32) {
    if pid > 1 {
        // SAFETY: sends a signal to a process that this one started.
        unsafe { libc::kill(pid as libc::pid_t, signal) };
    }
}

/// A peer: any server that is a child of ours and answers on a port.
pub struct Peer {
    pub addr: SocketAddr,
    child: Child,
}

impl Peer {
    pub fn start(mut command: Command, addr: SocketAddr) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        pinned(&mut command, SERVER_CORE);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let peer = Self { addr, child };
        for _ in 0..500 {
            if std::net::TcpStream::connect(addr).is_ok() {
                return Ok(peer);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("a peer does not answer on {addr}")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The child runs on this core from its first instruction, and ends with this process.
fn pinned(command: &mut Command, core: usize) {
    use std::os::unix::process::CommandExt;
    let prepare = move || {
        machine::pin(0, core);
        // SAFETY: one system call between fork and exec.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) };
        Ok(())
    };
    // SAFETY: the closure makes system calls and nothing else.
    unsafe { command.pre_exec(prepare) };
}
