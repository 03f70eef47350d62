//! How many files, and so sockets, this process may have open.

/// Soft and hard limit.
pub fn open_files() -> (u64, u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call only writes to the struct given.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    (limit.rlim_cur, limit.rlim_max)
}

/// As many as the system lets us: the usual soft limit of 1,024 is gone with the thousandth phone.
pub fn raise_open_files() {
    let (soft, hard) = open_files();
    let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
    // SAFETY: the call only reads the struct given.
    if soft < hard && unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
        tracing::warn!(soft, hard, "the limit of open files cannot be raised");
    }
}
