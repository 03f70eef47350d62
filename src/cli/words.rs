//! What `muster demo` tells the person in front of the screen.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::demo::people::{ACCOUNT, DISPATCHER, OWNER, PASSWORD, email_of};

#[derive(Default)]
pub struct Screen {
    pub port: u16,
    pub network: Option<IpAddr>,
    pub workers: usize,
    pub seed: u64,
    pub speed: f64,
    pub fresh: bool,
    pub jobs: usize,
    /// Part of the crew gets its work while the demonstration runs.
    pub rest: bool,
    pub seconds: u64,
    pub log: Option<PathBuf>,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crew = match self.workers {
            1 => email_of(0),
            count => format!("{} … {}", email_of(0), email_of(count - 1)),
        };
        let workers = if self.workers == 1 { "worker" } else { "workers" };
        writeln!(f, "\n  Muster is running: {ACCOUNT}, with {} simulated {workers}.\n", self.workers)?;
        row(f, "Open", &format!("http://localhost:{}", self.port))?;
        if let Some(ip) = self.network {
            row(f, "On a phone", &format!("http://{}:{}   (in the same network)", bracketed(ip), self.port))?;
        }
        writeln!(f)?;
        row(f, "Dispatcher", DISPATCHER.2)?;
        row(f, "Owner", OWNER.2)?;
        row(f, "Workers", &crew)?;
        row(f, "Password", &format!("{PASSWORD}   (the same for everybody)"))?;
        writeln!(f)?;
        row(f, "Simulation", &format!("seed {}, {}", self.seed, times(self.speed)))?;
        row(f, "", "The bar in the console stops it, hurries it, makes trouble.")?;
        row(f, "API", &format!("http://localhost:{}/api/v1", self.port))?;
        if let Some(log) = &self.log {
            row(f, "Log", &log.display().to_string())?;
        }
        let work = match (self.fresh, self.jobs) {
            (true, jobs) => format!("Made {jobs} jobs around this hour"),
            (false, 0) => "Everything is as you left it".to_owned(),
            (false, jobs) => format!("Found the last demonstration, added {jobs} jobs"),
        };
        writeln!(f, "\n  {work}; ready after {} s.", self.seconds)?;
        if self.rest {
            writeln!(f, "  The rest of the crew gets its work in the next minutes.")?;
        }
        writeln!(f, "  Ctrl-C stops it. The data stays: the next start goes on from here.\n")
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:<12} {value}")
}

fn times(speed: f64) -> String {
    if speed == 1.0 { "at the pace of life".to_owned() } else { format!("{speed} times as fast as life") }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_names_every_address_and_login() {
        let screen = Screen {
            port: 8080,
            network: "192.168.1.20".parse().ok(),
            workers: 10_000,
            seed: 1,
            speed: 20.0,
            fresh: true,
            jobs: 140,
            rest: true,
            seconds: 14,
            log: Some(PathBuf::from("/var/lib/muster/demo/demo.log")),
        };
        let text = screen.to_string();
        for part in [
            "http://localhost:8080",
            "http://192.168.1.20:8080",
            "owner@demo.test",
            "dispatcher@demo.test",
            "worker1@demo.test … worker10000@demo.test",
            "Demo-dispatch-1",
            "20 times as fast as life",
            "rest of the crew",
            "demo.log",
            "Ctrl-C",
        ] {
            assert!(text.contains(part), "{part} is missing from {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
