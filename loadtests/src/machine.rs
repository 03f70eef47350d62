//! Processes under measurement: which core they run on, how much of it they used, how much memory they hold.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The server's core; everything else, the generator and PostgreSQL included, is on the other.
pub const SERVER_CORE: usize = 0;
pub const OTHER_CORE: usize = 1;

/// `taskset`, for this process: 0.
pub fn pin(pid: u32, core: usize) {
    // SAFETY: the set is plain data, made here and only read by the call. A process that ended is no harm.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core % cores(), &mut set);
        libc::sched_setaffinity(pid as libc::pid_t, size_of::<libc::cpu_set_t>(), &set);
    }
}

fn cores() -> usize {
    // SAFETY: asks for a number.
    (unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).max(1) as usize
}

pub fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// All of a process tree: PostgreSQL's children inherit from it from then on.
pub fn pin_tree(pid: u32, core: usize) {
    pin(pid, core);
    children(pid).into_iter().for_each(|child| pin_tree(child, core));
}

/// User and system time of all its threads so far, in seconds.
pub fn cpu_s(pid: u32) -> f64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    let Some((_, fields)) = stat.rsplit_once(") ") else { return 0.0 };
    let fields: Vec<&str> = fields.split(' ').collect();
    // Fields 14 and 15 of proc(5), of which two are cut off: ticks of a hundredth of a second.
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Of a tree: children that ended are counted by their parent (fields 16 and 17).
pub fn tree_cpu_s(pid: u32) -> f64 {
    let ended = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| {
        let (_, fields) = stat.rsplit_once(") ")?;
        let ticks = |index: usize| fields.split(' ').nth(index)?.parse::<f64>().ok();
        Some((ticks(13)? + ticks(14)?) / 100.0)
    });
    cpu_s(pid) + ended.unwrap_or(0.0) + children(pid).into_iter().map(tree_cpu_s).sum::<f64>()
}

pub fn rss_kb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no size")?.parse()?)
}

/// How busy the machine was with something else, as its load average says.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// Latencies, to the millisecond.
#[derive(Clone)]
pub struct Latencies {
    by_ms: Vec<u64>,
    count: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { by_ms: vec![0; 20_000], count: 0 }
    }
}

impl Latencies {
    pub fn put_ms(&mut self, ms: usize) {
        let last = self.by_ms.len() - 1;
        self.by_ms[ms.min(last)] += 1;
        self.count += 1;
    }

    pub fn put(&mut self, took: Duration) {
        self.put_ms(took.as_millis() as usize);
    }

    pub fn percentile_ms(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (ms, count) in self.by_ms.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return ms as f64;
            }
        }
        0.0
    }
}
