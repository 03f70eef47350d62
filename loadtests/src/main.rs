//! Measures Muster beside its peers: `muster-load --binary target/release/muster [B1 B3 …]`. Prints a line for each
//! figure and writes all of them as JSON. It decides nothing about what is good enough: docs/PERFORMANCE.md does.

mod assign;
mod business;
mod closed;
mod fanout;
mod fences;
mod frames;
mod ground;
mod http;
mod idle;
mod machine;
mod near;
mod sockets;
mod start;
mod table;
mod tracks;
mod visible;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use table::Table;

/// Where everything is, and how long to measure.
pub struct Plan {
    pub binary: PathBuf,
    /// For data that is thrown away. PostgreSQL's user must be able to reach it.
    pub scratch: PathBuf,
    pub peers: PathBuf,
    pub seconds: u64,
    /// Rates and sizes, for those who want others.
    pub only: Vec<String>,
}

impl Plan {
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

type Bench = fn(&Plan, &mut Table) -> Result<()>;

const BENCHES: &[(&str, Bench)] = &[
    ("B1", visible::many_accounts),
    ("B2", visible::one_account),
    ("B3", idle::sockets),
    ("B4", near::nearest),
    ("B5", fences::zones_of_a_town),
    ("B6", assign::hot_visits),
    ("B8", tracks::durable),
    ("B9", start::ready),
];

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut plan = Plan {
        binary: PathBuf::from("target/release/muster"),
        scratch: std::env::temp_dir().join(format!("muster-load-{}", std::process::id())),
        peers: PathBuf::from("loadtests/peers"),
        seconds: 8,
        only: Vec::new(),
    };
    let (mut wanted, mut out, mut commit) = (Vec::new(), None, String::from("unknown"));
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--binary" => plan.binary = value()?.into(),
            "--peers" => plan.peers = value()?.into(),
            "--seconds" => plan.seconds = value()?.parse()?,
            "--only" => plan.only = value()?.split(',').map(str::to_owned).collect(),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--commit" => commit = value()?,
            name if BENCHES.iter().any(|(known, _)| *known == name) => wanted.push(name.to_owned()),
            other => bail!("unknown: {other}"),
        }
    }
    machine::pin(0, machine::OTHER_CORE);
    let mut table = Table::default();
    let mut failed = Vec::new();
    for (name, bench) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            if let Err(error) = bench(&plan, &mut table) {
                eprintln!("{name}: {error:#}");
                failed.push(*name);
            }
            if let Some(out) = &out {
                table.write(out, &commit)?;
            }
        }
    }
    std::fs::remove_dir_all(&plan.scratch).ok();
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(" ")) }
}
