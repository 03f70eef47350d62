//! Running PostgreSQL as a child that may not outlive the server: which user it runs as, how it
//! dies with us, its settings, its signals. Says nothing about when to start it again.

use std::ffi::CStr;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::EmbeddedError;
use super::place::Place;

/// Settings of the product: what was acknowledged survives the loss of power.
const DURABLE: [&str; 3] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/// Settings of the tests: the cluster is thrown away after the run.
const THROW_AWAY: [&str; 8] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "checkpoint_timeout=1h",
    "max_wal_size=1GB",
];

const LONGEST_TAIL: u64 = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ids {
    pub uid: u32,
    pub gid: u32,
}

/// PostgreSQL refuses to run as root: then it runs as the data's owner, else as `postgres`, else
/// as `nobody`. `None` when the server is not root.
pub(super) fn unprivileged(data: &Path) -> Option<Ids> {
    if own_uid() != 0 {
        return None;
    }
    if let Some(meta) = fs::metadata(data).ok().filter(|meta| meta.uid() != 0) {
        return Some(Ids { uid: meta.uid(), gid: meta.gid() });
    }
    [c"postgres", c"nobody"].into_iter().find_map(user).or(Some(Ids { uid: 65534, gid: 65534 }))
}

pub(super) fn own_uid() -> u32 {
    // SAFETY: has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}

fn user(name: &CStr) -> Option<Ids> {
    // SAFETY: `name` ends with a zero; the answer is read before anything else can overwrite it,
    // since only one thread of the server starts PostgreSQL.
    unsafe {
        let entry = libc::getpwnam(name.as_ptr()).as_ref()?;
        Some(Ids { uid: entry.pw_uid, gid: entry.pw_gid })
    }
}

/// A command that runs as PostgreSQL's user in `dir`, does not hear the terminal's Ctrl-C, and is
/// told to stop when the *thread* that starts it ends.
pub(super) fn command(program: &Path, ids: Option<Ids>, dir: &Path, durable: bool) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir(dir).stdin(Stdio::null()).process_group(0);
    if let Some(ids) = ids {
        command.uid(ids.uid).gid(ids.gid);
    }
    die_with_parent(&mut command, durable);
    command
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command, durable: bool) {
    let signal = if durable { libc::SIGINT } else { libc::SIGQUIT };
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: both are safe to call between fork and exec.
        let now_of = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, signal);
            libc::getppid()
        };
        if u32::try_from(now_of) == Ok(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: the closure only makes two system calls. It runs after setuid, which would clear
    // the setting.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command, _durable: bool) {}

pub(super) fn postgres(place: &Place) -> Command {
    let program = place.programs.join("postgres");
    let mut command = command(&program, place.ids, &place.data, place.durable);
    command.arg("-D").arg(&place.data);
    command.arg("-k").arg(&place.socket_dir).args(["-p", "5432"]);
    let fixed = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
    ];
    let ours: &[&str] = if place.durable { &DURABLE } else { &THROW_AWAY };
    for setting in fixed.iter().chain(ours) {
        command.arg("-c").arg(setting);
    }
    for (name, value) in &place.extra {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command
}

/// A started PostgreSQL, and where in its log this start begins.
pub(super) struct Started {
    pub child: Child,
    pub log_from: u64,
    _watchdog: Option<Child>,
}

pub(super) fn spawn(place: &Place) -> Result<Started, EmbeddedError> {
    let (log, log_from) = place.log()?;
    let log_too = log.try_clone().map_err(super::place::at("open", &place.log_path()))?;
    let mut command = postgres(place);
    let child = command
        .stdout(log)
        .stderr(log_too)
        .spawn()
        .map_err(|source| EmbeddedError::Spawn { program: PathBuf::from(command.get_program()), source })?;
    Ok(Started { _watchdog: watchdog(&child), child, log_from })
}

/// Where the kernel cannot tell a child that its parent died, a shell waits for the end of a pipe
/// which only this process holds open.
fn watchdog(child: &Child) -> Option<Child> {
    if cfg!(target_os = "linux") {
        return None;
    }
    let script = format!("read -r _; kill -INT {} 2>/dev/null", child.id());
    Command::new("/bin/sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .inspect_err(|error| {
            tracing::warn!(%error, "PostgreSQL will not stop by itself if this server is killed");
        })
        .ok()
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(watchdog) = &mut self._watchdog {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }
}

/// Returns when the child has ended, without reaping it: its number stays its own until then.
pub(super) fn wait_unreaped(pid: u32) {
    loop {
        // SAFETY: `info` is plain data which the call fills; the child is ours.
        let answer = unsafe {
            let mut info = std::mem::zeroed();
            libc::waitid(libc::P_PID, pid, &mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if answer == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

pub(super) fn signal(pid: i32, signal: i32) {
    // SAFETY: the caller holds the lock under which the child is reaped, so the number is ours.
    unsafe { libc::kill(pid, signal) };
}

/// The end of what PostgreSQL wrote to its log since `from`.
pub(super) fn said(place: &Place, from: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = fs::File::open(place.log_path())?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(LONGEST_TAIL))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
}
