//! One update in, and everybody who looks sees it: the same open-loop workload for Muster and for every peer. Latency
//! is from the instant an update was meant to be sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::frames::{self, Clock, PONG, Search, TEXT};
use crate::machine::{self, Latencies};
use crate::sockets::Sockets;

/// How a server is spoken to.
pub enum Tongue {
    /// Who sends (a token for each), and who looks.
    Muster {
        senders: Vec<String>,
        viewers: Vec<String>,
    },
    /// `/pub` takes `channel|text`, `/sub/channel` gets the text.
    WebSocket,
    Redis,
}

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub channels: usize,
    pub senders_each: usize,
    pub viewers_each: usize,
}

impl Shape {
    fn senders(&self) -> usize {
        self.channels * self.senders_each
    }
    fn viewers(&self) -> usize {
        self.channels * self.viewers_each
    }
}

/// What one rate gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub asked_per_s: f64,
    pub visible_per_s: f64,
    /// Of what was sent, the share that was overtaken by a newer position of the same worker, or lost.
    pub conflated: f64,
    pub cpu_us_per_visible: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub server_core: f64,
    pub generator_core: f64,
    pub open: usize,
    pub refused: u64,
}

pub struct Fanout {
    sockets: Sockets,
    tongue: Tongue,
    shape: Shape,
    pid: u32,
    clock: Clock,
}

const SUBSCRIBE: &str =
    r#"{"type":"subscribe","id":"m","topic":"workers","viewport":[5.0,45.0,11.0,49.0],"tickMs":25}"#;

impl Fanout {
    pub fn connect(addr: SocketAddr, pid: u32, shape: Shape, tongue: Tongue) -> Result<Self> {
        let mut sockets = Sockets::new()?;
        let (mut senders, mut viewers) = (Vec::new(), Vec::new());
        let (hello, seen): (&[u8], &[u8]) = match &tongue {
            Tongue::Muster { senders: sends, viewers: looks } => {
                senders.extend(sends.iter().map(|token| frames::handshake("/api/v1/stream", Some(token))));
                for token in looks {
                    let mut hello = frames::handshake("/api/v1/stream", Some(token));
                    frames::masked(&mut hello, TEXT, SUBSCRIBE.as_bytes());
                    viewers.push(hello);
                }
                (b"\"type\":\"hello\"", b"\"type\":\"snapshot\"")
            }
            Tongue::WebSocket => {
                senders.extend((0..shape.senders()).map(|_| frames::handshake("/pub", None)));
                let channel = |viewer| format!("/sub/a{}", viewer % shape.channels);
                viewers.extend((0..shape.viewers()).map(|viewer| frames::handshake(&channel(viewer), None)));
                (b" 101 ", b" 101 ")
            }
            Tongue::Redis => {
                let said = |words: &[&[u8]]| {
                    let mut bytes = Vec::new();
                    frames::redis(&mut bytes, words);
                    bytes
                };
                senders.extend((0..shape.senders()).map(|_| said(&[b"PING"])));
                let channel = |viewer: usize| format!("a{}", viewer % shape.channels);
                viewers.extend((0..shape.viewers()).map(|v| said(&[b"SUBSCRIBE", channel(v).as_bytes()])));
                (b"PONG", b"subscribe")
            }
        };
        sockets.open_all(addr, &senders, hello)?;
        sockets.open_all(addr, &viewers, seen)?;
        Ok(Self { sockets, tongue, shape, pid, clock: Clock::default() })
    }

    /// Sends `rate` updates a second in turn from all senders, for so long after a warming up.
    pub fn run(&mut self, rate: f64, warm: Duration, measured: Duration) -> Result<Outcome> {
        let search = Search::default();
        let refusal = memchr::memmem::Finder::new(b"\"type\":\"error\"");
        let (senders, total) = (self.shape.senders(), warm + measured);
        let (began, began_ms) = (Instant::now(), frames::now_ms());
        let (mut sent, mut sent_measured, mut visible, mut refused) = (0u64, 0u64, 0u64, 0u64);
        let mut latencies = Latencies::default();
        let mut at_start = None;
        let mut next_pong = Duration::from_secs(8);
        loop {
            let elapsed = began.elapsed();
            if elapsed >= total {
                break;
            }
            if elapsed >= warm && at_start.is_none() {
                at_start = Some((machine::cpu_s(self.pid), machine::cpu_s(std::process::id()), Instant::now()));
                (visible, sent_measured, latencies) = (0, 0, Latencies::default());
            }
            if elapsed >= next_pong {
                next_pong += Duration::from_secs(8);
                self.pong();
            }
            let due = ((elapsed.as_secs_f64() * rate) as u64).min(sent + 2_000);
            while sent < due {
                let meant_ms = began_ms + (sent as f64 / rate * 1_000.0) as i64;
                self.send(sent as usize % senders, meant_ms);
                sent += 1;
                sent_measured += 1;
            }
            let now_ms = frames::now_ms();
            self.sockets.turn(Duration::from_micros(500), |index, rest, bytes| {
                if index >= senders {
                    search.updates(rest, bytes, |time| {
                        visible += 1;
                        latencies.put_ms(frames::age_ms(time, now_ms).max(0) as usize);
                    });
                } else {
                    refused += refusal.find_iter(bytes).count() as u64;
                }
            })?;
        }
        let (server_before, own_before, since) = at_start.unwrap_or((0.0, 0.0, began));
        let took_s = since.elapsed().as_secs_f64();
        let cpu_s = machine::cpu_s(self.pid) - server_before;
        let expected = (sent_measured * self.shape.viewers_each as u64).max(1) as f64;
        Ok(Outcome {
            asked_per_s: rate * self.shape.viewers_each as f64,
            visible_per_s: visible as f64 / took_s,
            conflated: (1.0 - visible as f64 / expected).max(0.0),
            cpu_us_per_visible: cpu_s * 1e6 / visible.max(1) as f64,
            p50_ms: latencies.percentile_ms(0.5),
            p99_ms: latencies.percentile_ms(0.99),
            server_core: cpu_s / took_s,
            generator_core: (machine::cpu_s(std::process::id()) - own_before) / took_s,
            open: self.sockets.open_count(),
            refused,
        })
    }

    fn send(&mut self, sender: usize, meant_ms: i64) {
        let at = self.clock.text(meant_ms);
        let (lat, lng) =
            (frames::north_of(47.0, meant_ms) + (sender % 97) as f64 * 1e-3, 9.0 + (sender % 89) as f64 * 1e-3);
        let mut bytes = Vec::with_capacity(320);
        let channel = sender % self.shape.channels;
        match &self.tongue {
            Tongue::Muster { .. } => {
                let text = format!(r#"{{"type":"position","points":[{}]}}"#, frames::point(&at, lat, lng));
                frames::masked(&mut bytes, TEXT, text.as_bytes());
            }
            Tongue::WebSocket => {
                let text = format!("a{channel}|{}", frames::shown(sender, &at, lat, lng));
                frames::masked(&mut bytes, TEXT, text.as_bytes());
            }
            Tongue::Redis => {
                let (channel, text) = (format!("a{channel}"), frames::shown(sender, &at, lat, lng));
                frames::redis(&mut bytes, &[b"PUBLISH", channel.as_bytes(), text.as_bytes()]);
            }
        }
        self.sockets.send(sender, &bytes);
    }

    /// A sign of life from everybody, so that nobody is taken for dead.
    fn pong(&mut self) {
        if matches!(self.tongue, Tongue::Redis) {
            return;
        }
        let mut pong = Vec::new();
        frames::masked(&mut pong, PONG, b"");
        (0..self.sockets.all.len()).for_each(|index| self.sockets.send(index, &pong));
    }
}
