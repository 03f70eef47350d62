//! Closed-loop HTTP: so many clients, each with one request under way on its own connection. After the server's death
//! they wait, connect again and repeat what was not answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::machine::Latencies;
use crate::sockets::{self, Sockets};

/// Whoever decides what a client asks next.
pub trait Work {
    /// The whole request; `None`: this client has nothing more to ask.
    fn next(&mut self, client: usize) -> Option<Vec<u8>>;
    fn answered(&mut self, client: usize, status: u16, body: &[u8]);
}

pub struct Clients {
    addr: SocketAddr,
    sockets: Sockets,
    /// What is under way, to be repeated, and since when.
    asked: Vec<Option<(Vec<u8>, Instant)>>,
    pub latencies: Latencies,
    pub answers: u64,
}

impl Clients {
    pub fn new(addr: SocketAddr, count: usize) -> Result<Self> {
        let mut sockets = Sockets::new()?;
        for _ in 0..count {
            sockets.open(addr, b"")?;
        }
        Ok(Self { addr, sockets, asked: vec![None; count], latencies: Latencies::default(), answers: 0 })
    }

    pub fn forget(&mut self) {
        (self.latencies, self.answers) = (Latencies::default(), 0);
    }

    /// Runs for so long, and then until nothing is under way if `finish` says so.
    pub fn run(&mut self, work: &mut dyn Work, until: Instant, finish: bool) -> Result<()> {
        let end = until + Duration::from_secs(30);
        loop {
            let now = Instant::now();
            let is_over = now >= until;
            for client in 0..self.asked.len() {
                if self.asked[client].is_none() && !is_over {
                    self.ask(work, client);
                }
            }
            let idle = self.asked.iter().all(Option::is_none);
            if is_over && (!finish || idle || now > end) {
                return Ok(());
            }
            self.turn(work)?;
        }
    }

    fn ask(&mut self, work: &mut dyn Work, client: usize) {
        if let Some(request) = work.next(client) {
            self.sockets.send(client, &request);
            self.asked[client] = Some((request, Instant::now()));
        }
    }

    fn turn(&mut self, work: &mut dyn Work) -> Result<()> {
        let (asked, latencies, answers) = (&mut self.asked, &mut self.latencies, &mut self.answers);
        let mut failure = None;
        let mut lost = Vec::new();
        self.sockets.turn(Duration::from_millis(5), |client, rest, bytes| {
            if bytes.is_empty() {
                return lost.push(client);
            }
            rest.extend_from_slice(bytes);
            match sockets::answer(rest) {
                Ok(None) => {}
                Ok(Some((status, body, end))) => {
                    if let Some((_, since)) = asked[client].take() {
                        latencies.put(since.elapsed());
                        *answers += 1;
                        work.answered(client, status, &rest[body..end]);
                    }
                    rest.drain(..end);
                }
                Err(error) => failure = Some(error),
            }
        })?;
        for client in lost {
            self.sockets.reopen(client, self.addr, b"")?;
            if let Some((request, _)) = self.asked[client].clone() {
                self.sockets.send(client, &request);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The server was killed: wait until it is there again, and ask everything once more that was not answered.
    pub fn reconnect(&mut self) -> Result<()> {
        for client in 0..self.asked.len() {
            self.sockets.reopen(client, self.addr, b"")?;
            if let Some((request, _)) = self.asked[client].clone() {
                self.sockets.send(client, &request);
            }
        }
        Ok(())
    }
}
