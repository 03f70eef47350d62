//! B3: what it costs to keep sockets open that have an identity and a subscription, and to open them.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Plan;
use crate::business;
use crate::frames::{self, TEXT};
use crate::ground::{self, Ground, Peer};
use crate::machine;
use crate::sockets::Sockets;
use crate::table::Table;
use crate::visible;

/// How many are open, one after the other.
const SERIES: [usize; 4] = [10, 100, 1_000, 10_000];
/// Idle ones are watched for so long; less than a heartbeat.
const WATCHED: Duration = Duration::from_secs(6);
const BUSINESSES: usize = 100;
const SIGN_INS_EACH: usize = 10;
const SUBSCRIBE: &str = r#"{"type":"subscribe","id":"m","topic":"workers","viewport":[5.0,45.0,11.0,49.0]}"#;

pub fn sockets(plan: &Plan, table: &mut Table) -> Result<()> {
    if plan.wants("muster") {
        let mut ground = Ground::new(&plan.binary, &plan.scratch, &[])?;
        ground.start()?;
        let all = business::staff_all(ground.addr, BUSINESSES, 2, SIGN_INS_EACH)?;
        let tokens: Vec<&String> = all.iter().flat_map(|one| &one.office).collect();
        let hello = |n: usize| {
            let mut hello = frames::handshake("/api/v1/stream", Some(tokens[n % tokens.len()]));
            frames::masked(&mut hello, TEXT, SUBSCRIBE.as_bytes());
            hello
        };
        measure("muster", ground.addr, ground.pid(), &hello, b"\"type\":\"snapshot\"", table)?;
    }
    for (name, answer) in [("redis", b"subscribe".as_slice()), ("uws", b" 101 "), ("ws", b" 101 ")] {
        if !plan.wants(name) {
            continue;
        }
        let addr = ground::free_port()?;
        let peer = Peer::start(visible::command(name, addr, plan), addr)?;
        let hello = |n: usize| match name {
            "redis" => {
                let mut bytes = Vec::new();
                frames::redis(&mut bytes, &[b"SUBSCRIBE", format!("a{}", n % BUSINESSES).as_bytes()]);
                bytes
            }
            _ => frames::handshake(&format!("/sub/a{}", n % BUSINESSES), None),
        };
        measure(name, peer.addr, peer.pid(), &hello, answer, table)?;
    }
    Ok(())
}

fn measure(
    who: &str,
    addr: std::net::SocketAddr,
    pid: u32,
    hello: &dyn Fn(usize) -> Vec<u8>,
    answer: &[u8],
    table: &mut Table,
) -> Result<()> {
    // What is made once, at the first sockets of each business, is not what a socket costs.
    let mut warm = Sockets::new()?;
    warm.open_all(addr, &(0..BUSINESSES * SIGN_INS_EACH).map(hello).collect::<Vec<_>>(), answer)?;
    warm.close_all();
    drop(warm);
    std::thread::sleep(Duration::from_secs(2));
    let (mut sockets, empty_kb) = (Sockets::new()?, machine::rss_kb(pid)?);
    for count in SERIES {
        let hellos: Vec<Vec<u8>> = (sockets.all.len()..count).map(hello).collect();
        let (opened, began, cpu) = (hellos.len(), Instant::now(), machine::cpu_s(pid));
        sockets.open_all(addr, &hellos, answer)?;
        let (took_s, cpu_s) = (began.elapsed().as_secs_f64(), machine::cpu_s(pid) - cpu);
        std::thread::sleep(Duration::from_secs(1));
        let kb = (machine::rss_kb(pid)? - empty_kb) / count as f64;
        let (watched, idle_cpu) = (Instant::now(), machine::cpu_s(pid));
        while watched.elapsed() < WATCHED {
            sockets.turn(Duration::from_millis(100), |_, rest, _| rest.clear())?;
        }
        let idle = (machine::cpu_s(pid) - idle_cpu) / watched.elapsed().as_secs_f64();
        let figures = [
            ("KB/socket", kb),
            ("connects/s", opened as f64 / took_s),
            ("CPU-µs/connect", cpu_s * 1e6 / opened as f64),
            ("idle core", idle),
            ("open", sockets.open_count() as f64),
        ];
        table.put("B3", who, &format!("{count} idle sockets"), &figures);
    }
    Ok(())
}
