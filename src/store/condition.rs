//! How the database fares, as this server finds: why it last failed, whether there is room on its disk. Told in the log
//! once and not at every request; knows nothing of what is asked of it.

use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::StoreError;

/// With less room than this nothing is written any more: PostgreSQL dies when its log of changes cannot grow, and then
/// nothing can be read either.
pub const MIN_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// The same trouble is told again only so much later.
const TELLS_EVERY: Duration = Duration::from_secs(10);
/// A failure says for so long why others, who only know that it did not work, have failed.
const EXPLAINS_FOR: Duration = Duration::from_secs(10);
/// So long without a failure, and the trouble is over.
const OVER_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Unreachable,
    Full,
    ReadOnly,
}

impl Cause {
    pub fn of(error: &StoreError) -> Option<Self> {
        match error {
            StoreError::Unavailable(_) | StoreError::Unknown => Some(Self::Unreachable),
            StoreError::Full => Some(Self::Full),
            StoreError::ReadOnly => Some(Self::ReadOnly),
            StoreError::Constraint(_) | StoreError::Busy | StoreError::Bug(_) => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Default)]
pub struct Condition {
    /// Saves everybody the lock while all is well.
    is_failing: AtomicBool,
    lacks_room: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    last: Option<(Cause, Instant)>,
    since: Option<Instant>,
    told: Option<(Cause, Instant)>,
    failures: u64,
}

impl Condition {
    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of how something went. That reading works does not say that writing does.
    pub fn note(&self, failure: Option<&StoreError>, wrote: bool) {
        match failure.and_then(|error| Some((Cause::of(error)?, error))) {
            Some((cause, error)) => self.failed(cause, error),
            None => self.went_well(wrote),
        }
    }

    fn failed(&self, cause: Cause, error: &StoreError) {
        metrics::counter!("muster_database_failures_total", "cause" => cause.name()).increment(1);
        let now = Instant::now();
        let mut trouble = self.trouble();
        trouble.last = Some((cause, now));
        trouble.since.get_or_insert(now);
        trouble.failures += 1;
        self.is_failing.store(true, Ordering::Release);
        let is_told = trouble.told.is_some_and(|(told, at)| told == cause && at.elapsed() < TELLS_EVERY);
        if !is_told {
            trouble.told = Some((cause, now));
            tracing::error!(%cause, %error, failures = trouble.failures, "the database fails");
        }
    }

    fn went_well(&self, wrote: bool) {
        if !self.is_failing.load(Ordering::Acquire) {
            return;
        }
        let mut trouble = self.trouble();
        if trouble.last.is_some_and(|(cause, at)| at.elapsed() < OVER_AFTER || !wrote && cause != Cause::Unreachable) {
            return;
        }
        self.is_failing.store(false, Ordering::Release);
        let lasted_s = trouble.since.take().map_or(0, |since| since.elapsed().as_secs());
        tracing::warn!(lasted_s, failures = std::mem::take(&mut trouble.failures), "the database works again");
    }

    /// The trouble of just now, for whoever only knows that it did not work.
    pub fn explain(&self) -> Option<StoreError> {
        if self.lacks_room.load(Ordering::Relaxed) {
            return Some(StoreError::Full);
        }
        match self.trouble().last.filter(|(_, at)| at.elapsed() < EXPLAINS_FOR)?.0 {
            Cause::Full => Some(StoreError::Full),
            Cause::ReadOnly => Some(StoreError::ReadOnly),
            Cause::Unreachable => None,
        }
    }

    /// Did the database, a moment ago, take no changes? Then its connections are not to be kept.
    pub fn is_read_only(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
            && self.trouble().last.is_some_and(|(cause, at)| cause == Cause::ReadOnly && at.elapsed() < EXPLAINS_FOR)
    }

    /// Before anything is written.
    pub fn has_room(&self) -> Result<(), StoreError> {
        if self.lacks_room.load(Ordering::Relaxed) { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Looks at the disk of the built-in PostgreSQL.
    pub fn look_at_disk(&self, dir: &Path) {
        let free = free_bytes(dir);
        let lacks_room = free.is_some_and(|free| free < MIN_FREE_BYTES);
        if self.lacks_room.swap(lacks_room, Ordering::Relaxed) != lacks_room {
            let free_bytes = free.unwrap_or_default();
            if lacks_room {
                tracing::error!(free_bytes, dir = %dir.display(), "the disk is full: nothing is written any more");
            } else {
                tracing::warn!(free_bytes, dir = %dir.display(), "there is room on the disk again");
            }
        }
    }
}

/// `None` where there is no such directory.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    let path = CString::new(dir.as_os_str().as_bytes()).ok()?;
    // SAFETY: statvfs only writes to the struct given, which is plain data and outlives the call.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &mut stat) == 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
