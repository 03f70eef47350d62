//! `muster demo`: the same server, with the demonstration inside. The log goes to a file, so that what a person needs
//! to know stays on the screen.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use tokio::sync::mpsc;

use super::{Given, signalled, words};
use crate::basemap::Basemap;
use crate::boot;
use crate::demo::city::City;
use crate::demo::client::Server;
use crate::demo::crew;
use crate::demo::remote::{Remote, Rush, SPEEDS};
use crate::demo::seed::{self, Wanted};
use crate::demo::worker::Floor;
use crate::settings::{Environment, Settings};

/// Of passwords that everybody knows: thousands of people are hired and sign in, on the machine that shows them.
const PASSWORD_COST: u32 = 4;
const MOST_WORKERS: i64 = 10_000;
/// The access log of thirty phones would fill a disk with nothing new.
const LOG: &str = "info,muster::http::shell=warn";

#[derive(Args, Clone)]
pub struct Options {
    #[command(flatten)]
    given: Given,
    /// How many simulated workers
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=MOST_WORKERS), value_name = "N")]
    workers: u16,
    /// Another city and other people
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// How much faster than life the workers live; it can be changed in the console
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "X")]
    speed: f64,
    /// The log on standard output, as `muster serve` does it
    #[arg(long)]
    log_stdout: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| SPEEDS.contains(speed));
    speed.ok_or_else(|| "a number from 0.1 to 60".to_owned())
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let settings = settings(&options.given)?;
    observe(&settings, options.log_stdout)?;
    let began = Instant::now();
    let progress = Arc::new(Progress::new());
    progress.say("Starting PostgreSQL and the server");
    let city = City::build(options.seed);
    let basemap = Basemap::Streets(city.basemap().to_string().into());
    let (data_dir, seed) = (settings.data_dir.clone(), options.seed);
    let (remote, rushes) = Remote::new(seed, options.speed, usize::from(options.workers));
    let running = boot::start_with(settings, basemap, Some(remote.clone())).await?;
    let server = Server::at(&format!("http://{}", own_address(running.addr)));
    let wanted = Wanted::of(seed, usize::from(options.workers));
    let tell = |what: &str, done: usize, total: usize| progress.count(what, done, total);
    let floor = Arc::new(Floor::new(city, server, seed, wanted.workers, remote));
    let screen = words::Screen {
        port: running.addr.port(),
        network: network_address(running.addr),
        workers: wanted.workers,
        seed,
        speed: options.speed,
        ..words::Screen::default()
    };
    let log = (!options.log_stdout).then(|| data_dir.join("demo.log"));
    tokio::select! {
        () = signalled() => {}
        ended = demonstrate(floor, wanted, rushes, &tell, |seeded| {
            progress.end();
            let (fresh, jobs, rest) = (seeded.fresh, seeded.jobs, !seeded.is_complete);
            let screen = words::Screen { fresh, jobs, rest, seconds: began.elapsed().as_secs(), log, ..screen };
            print!("{screen}");
            std::io::stdout().flush().ok();
        }) => ended?,
    }
    progress.end();
    println!("\n  Stopping …");
    running.stop().await;
    Ok(())
}

/// Seeds, sends the workers out, and keeps them busy; ends only by failing.
async fn demonstrate(
    floor: Arc<Floor>,
    wanted: Wanted,
    rushes: mpsc::Receiver<Rush>,
    tell: seed::Tell<'_>,
    ready: impl FnOnce(&seed::Seeded),
) -> anyhow::Result<()> {
    let seeded = seed::seed(&floor.server, &floor.city, &wanted, tell).await;
    let seeded = seeded.context("the demonstration cannot be set up")?;
    floor.book.open(seeded.office()).await.context("the schedule cannot be read")?;
    floor.remote.belongs_to(seeded.account);
    ready(&seeded);
    crew::run(floor, seeded, wanted, rushes).await;
    Ok(())
}

/// Like `serve`, but open to the phones of the network, and with data of its own.
fn settings(given: &Given) -> anyhow::Result<Settings> {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, Settings::default().listen.port()));
    let mut settings = given.settings_over(Settings {
        listen,
        log: LOG.to_owned(),
        password_cost: PASSWORD_COST,
        ..Settings::default()
    })?;
    if settings.env == Environment::Production {
        anyhow::bail!("the demonstration has well-known passwords; it does not run with MUSTER_ENV=production");
    }
    settings.data_dir = settings.data_dir.join("demo");
    Ok(settings)
}

fn observe(settings: &Settings, to_stdout: bool) -> anyhow::Result<()> {
    if to_stdout {
        boot::observe(settings);
        return Ok(());
    }
    let log = open_log(&settings.data_dir)?;
    boot::observe_into(settings, log);
    Ok(())
}

fn open_log(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("demo.log");
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}

/// Where this machine reaches its own server.
fn own_address(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() { SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port())) } else { addr }
}

/// Where others in the network reach it. A UDP socket knows its way without sending anything.
fn network_address(addr: SocketAddr) -> Option<IpAddr> {
    if !addr.ip().is_unspecified() {
        return (!addr.ip().is_loopback()).then_some(addr.ip());
    }
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737): outside every network, so the way there is the way out.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

/// One line that changes on a terminal; elsewhere a line for each thing begun.
struct Progress {
    terminal: bool,
    last: Mutex<String>,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: Mutex::default() }
    }

    fn say(&self, what: &str) {
        if self.terminal {
            eprint!("\r\x1b[2K  {what} …");
        } else {
            eprintln!("  {what} …");
        }
    }

    fn count(&self, what: &str, done: usize, total: usize) {
        let Ok(mut last) = self.last.lock() else { return };
        if self.terminal && total > 0 {
            eprint!("\r\x1b[2K  Making {what} … {done} of {total}");
        } else if *last != what {
            self.say(&format!("Making {what}"));
        }
        what.clone_into(&mut last);
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

/// What is said afterwards, a failure too, begins on a clean line.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
