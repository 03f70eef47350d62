//! The one thread that starts PostgreSQL, waits for it, and starts it again when it is gone.
//! The kernel ties the child to the thread that made it, so this thread lives as long as it does.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::pidfile::{self, PidFile};
use super::place::{Lock, Place};
use super::process::{self, Started};
use super::{EmbeddedError, place};

const READY_WAIT: Duration = Duration::from_secs(300);
const OTHER_WAIT: Duration = Duration::from_secs(120);
const ORPHANS_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const RAN_WELL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Our own child, until it is reaped.
    child: Option<i32>,
    stopping: bool,
    starts: u32,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Starting,
    Running {
        pid: i32,
        adopted: bool,
    },
    Failed(EmbeddedError),
    Ended,
}

enum Cluster {
    Ours(Started),
    Adopted(PidFile),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        self.state().phase = phase;
        self.changed.notify_all();
    }

    /// Blocks until PostgreSQL runs for the first time, or cannot.
    pub fn wait_running(&self) -> Result<(), EmbeddedError> {
        let mut state = self.state();
        loop {
            match std::mem::take(&mut state.phase) {
                Phase::Starting => {}
                Phase::Failed(error) => {
                    state.phase = Phase::Ended;
                    return Err(error);
                }
                Phase::Ended => {
                    state.phase = Phase::Ended;
                    return Err(EmbeddedError::Stopped);
                }
                running => {
                    state.phase = running;
                    return Ok(());
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The postmaster's process and whether another server started it; `None` while it is down.
    pub fn running(&self) -> Option<(i32, bool)> {
        match self.state().phase {
            Phase::Running { pid, adopted } => Some((pid, adopted)),
            _ => None,
        }
    }

    pub fn starts(&self) -> u32 {
        self.state().starts
    }

    /// Asks ever more firmly until the keeper's thread is done; `false` if it never is.
    pub fn stop(&self, durable: bool) -> bool {
        self.state().stopping = true;
        self.changed.notify_all();
        // Fast, then immediate, then by force; what is thrown away needs no last checkpoint.
        let fast = durable.then_some((libc::SIGINT, 30));
        let firmer = [(libc::SIGQUIT, 5), (libc::SIGKILL, 5)];
        for (signal, wait_s) in fast.into_iter().chain(firmer) {
            let state = self.state();
            if let Some(pid) = state.child {
                process::signal(pid, signal);
            }
            let (state, _) = self
                .changed
                .wait_timeout_while(state, Duration::from_secs(wait_s), |state| {
                    !matches!(state.phase, Phase::Ended | Phase::Failed(_))
                })
                .unwrap_or_else(PoisonError::into_inner);
            if matches!(state.phase, Phase::Ended | Phase::Failed(_)) {
                return true;
            }
        }
        tracing::error!("PostgreSQL does not stop");
        false
    }

    /// Waits, but no longer than until somebody stops us; says whether that is so.
    fn pause(&self, pause: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), pause, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        state.stopping
    }

    fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    fn spawn(&self, place: &Place) -> Result<Started, EmbeddedError> {
        let mut state = self.state();
        if state.stopping {
            return Err(EmbeddedError::Stopped);
        }
        let started = process::spawn(place)?;
        state.child = i32::try_from(started.child.id()).ok();
        state.starts += 1;
        Ok(started)
    }

    /// Reaps under the lock, so that nobody signals a number that is somebody else's by now.
    fn reap(&self, started: &mut Started) -> Option<String> {
        let mut state = self.state();
        let status = match started.child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        state.child = None;
        Some(status)
    }
}

/// The keeper's thread, from the first start to the end.
pub(super) fn keep(place: &Place, shared: &Shared) {
    let mut cluster = match obtain(place, shared) {
        Ok(cluster) => cluster,
        Err(error) => return shared.enter(Phase::Failed(error)),
    };
    let mut pause = SHORTEST_PAUSE;
    loop {
        let since = Instant::now();
        shared.enter(cluster.phase());
        let why = cluster.watch(place, shared);
        if shared.is_stopping() {
            return shared.enter(Phase::Ended);
        }
        shared.enter(Phase::Starting);
        tracing::error!(%why, "PostgreSQL is gone; starting it again");
        if since.elapsed() > RAN_WELL {
            pause = SHORTEST_PAUSE;
        }
        cluster = loop {
            if shared.pause(pause) {
                return shared.enter(Phase::Ended);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            match obtain(place, shared) {
                Ok(cluster) => break cluster,
                Err(EmbeddedError::Stopped) => return shared.enter(Phase::Ended),
                Err(error) => tracing::error!(%error, "PostgreSQL did not start; trying again"),
            }
        };
        tracing::warn!("PostgreSQL runs again");
    }
}

impl Cluster {
    fn phase(&self) -> Phase {
        let (pid, adopted) = match self {
            Self::Ours(started) => (i32::try_from(started.child.id()).unwrap_or_default(), false),
            Self::Adopted(file) => (file.pid, true),
        };
        Phase::Running { pid, adopted }
    }

    /// Returns when the cluster is gone, or, if it is another server's, when we are to stop.
    fn watch(&mut self, place: &Place, shared: &Shared) -> String {
        match self {
            Self::Ours(started) => {
                process::wait_unreaped(started.child.id());
                let status = shared.reap(started).unwrap_or_default();
                format!("{status}; {}", last_line(&process::said(place, started.log_from)))
            }
            Self::Adopted(file) => {
                while !shared.pause(LOOK_EVERY) {
                    if !file.is_alive(&place.data) {
                        break;
                    }
                }
                "the server that had started it has stopped".to_owned()
            }
        }
    }
}

fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or_default()
}

/// Adopts the running cluster, or starts it. One server at a time, by the lock.
fn obtain(place: &Place, shared: &Shared) -> Result<Cluster, EmbeddedError> {
    let lock = place.lock()?;
    if let Some(file) = other(place, shared)? {
        tracing::info!(pid = file.pid, "using the PostgreSQL of another server");
        return Ok(Cluster::Adopted(file));
    }
    place.init(&lock)?;
    let since = Instant::now();
    loop {
        match start(place, shared, &lock) {
            // After a crash its backends may live on for a moment, and hold the shared memory.
            Err(EmbeddedError::Ended { said, .. })
                if said.contains("still in use") && since.elapsed() < ORPHANS_WAIT =>
            {
                if shared.pause(Duration::from_millis(500)) {
                    return Err(EmbeddedError::Stopped);
                }
            }
            outcome => return outcome.map(Cluster::Ours),
        }
    }
}

/// The cluster somebody else runs on this data. Waits while it is starting or stopping: it may
/// be that of a server killed just now.
fn other(place: &Place, shared: &Shared) -> Result<Option<PidFile>, EmbeddedError> {
    let since = Instant::now();
    loop {
        let Some(file) = PidFile::read(&place.data) else {
            return Ok(None);
        };
        if !file.is_alive(&place.data) {
            let path: &Path = &place.data.join(pidfile::FILE);
            pidfile::disarm(&place.data, &place.socket_dir).map_err(place::at("write", path))?;
            return Ok(None);
        }
        if file.status == pidfile::Status::Ready && file.socket_dir != place.socket_dir {
            return Err(EmbeddedError::NotOurs { pid: file.pid, data: place.data.clone() });
        }
        if file.answers() {
            return Ok(Some(file));
        }
        if since.elapsed() > OTHER_WAIT {
            return Err(EmbeddedError::Busy { root: place.root.clone(), waited_s: OTHER_WAIT.as_secs() });
        }
        if shared.pause(Duration::from_millis(20)) {
            return Err(EmbeddedError::Stopped);
        }
    }
}

fn start(place: &Place, shared: &Shared, _held: &Lock) -> Result<Started, EmbeddedError> {
    let mut started = shared.spawn(place)?;
    let pid = i32::try_from(started.child.id()).unwrap_or_default();
    let since = Instant::now();
    loop {
        let file = PidFile::read(&place.data).filter(|file| file.pid == pid);
        if file.is_some_and(|file| file.answers()) {
            tracing::info!(pid, ready_ms = since.elapsed().as_millis(), "PostgreSQL runs");
            return Ok(started);
        }
        if let Some(status) = shared.reap(&mut started) {
            if shared.is_stopping() {
                return Err(EmbeddedError::Stopped);
            }
            let said = process::said(place, started.log_from);
            return Err(EmbeddedError::Ended { status, said });
        }
        if since.elapsed() > READY_WAIT {
            process::signal(pid, libc::SIGQUIT);
            process::wait_unreaped(started.child.id());
            shared.reap(&mut started);
            return Err(EmbeddedError::NotReady { waited_s: READY_WAIT.as_secs(), log: place.log_path() });
        }
        sleep(Duration::from_millis(5));
    }
}
