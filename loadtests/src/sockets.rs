//! Many non-blocking sockets under one loop: what cannot be written now waits and is tried again. Knows no protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const EVENTS: usize = 4_096;
const READ_BYTES: usize = 256 * 1024;

pub struct Socket {
    stream: TcpStream,
    waiting: Vec<u8>,
    /// For whoever reads: what was left of the last read.
    pub rest: Vec<u8>,
    pub is_open: bool,
}

pub struct Sockets {
    poll: Poll,
    events: Events,
    pub all: Vec<Socket>,
    scratch: Vec<u8>,
    blocked: Vec<usize>,
}

impl Sockets {
    pub fn new() -> Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(EVENTS));
        Ok(Self { poll, events, all: Vec::new(), scratch: vec![0; READ_BYTES], blocked: Vec::new() })
    }

    /// Opens one without waiting for it; its number is its index.
    pub fn open(&mut self, addr: SocketAddr, hello: &[u8]) -> Result<usize> {
        let index = self.all.len();
        let stream = self.connect(addr, index)?;
        self.all.push(Socket { stream, waiting: hello.to_vec(), rest: Vec::new(), is_open: true });
        self.blocked.push(index);
        Ok(index)
    }

    pub fn reopen(&mut self, index: usize, addr: SocketAddr, hello: &[u8]) -> Result<()> {
        let stream = self.connect(addr, index)?;
        self.all[index] = Socket { stream, waiting: hello.to_vec(), rest: Vec::new(), is_open: true };
        self.blocked.push(index);
        Ok(())
    }

    fn connect(&self, addr: SocketAddr, index: usize) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        Ok(stream)
    }

    pub fn send(&mut self, index: usize, bytes: &[u8]) {
        let socket = &mut self.all[index];
        if !socket.is_open {
            return;
        }
        if !socket.waiting.is_empty() {
            socket.waiting.extend_from_slice(bytes);
            return;
        }
        let sent = match socket.stream.write(bytes) {
            Ok(sent) => sent,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => 0,
            Err(_) => {
                socket.is_open = false;
                return;
            }
        };
        if sent < bytes.len() {
            socket.waiting.extend_from_slice(&bytes[sent..]);
            self.blocked.push(index);
        }
    }

    /// Waits at most so long, and tells what came: the socket's number, and its bytes (none: it is closed).
    pub fn turn(&mut self, wait: Duration, mut came: impl FnMut(usize, &mut Vec<u8>, &[u8])) -> Result<()> {
        self.retry();
        let wait = if self.blocked.is_empty() { wait } else { wait.min(Duration::from_millis(1)) };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &self.events {
            let index = event.token().0;
            let socket = &mut self.all[index];
            while socket.is_open {
                match socket.stream.read(&mut self.scratch) {
                    Ok(0) => socket.is_open = false,
                    Ok(bytes) => {
                        came(index, &mut socket.rest, &self.scratch[..bytes]);
                        // A read that did not fill the buffer has emptied the socket.
                        if bytes < self.scratch.len() {
                            break;
                        }
                        continue;
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                    Err(_) => socket.is_open = false,
                }
                came(index, &mut socket.rest, &[]);
            }
        }
        Ok(())
    }

    fn retry(&mut self) {
        let Self { blocked, all, .. } = self;
        blocked.retain(|index| {
            let socket = &mut all[*index];
            match socket.stream.write(&socket.waiting) {
                Ok(sent) => drop(socket.waiting.drain(..sent)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
                Err(_) => {
                    socket.is_open = false;
                    socket.waiting.clear();
                }
            }
            !socket.waiting.is_empty()
        });
    }

    pub fn open_count(&self) -> usize {
        self.all.iter().filter(|socket| socket.is_open).count()
    }

    /// Opens many, a few hundred at a time, and waits until each has answered with `answer` somewhere in its bytes.
    pub fn open_all(&mut self, addr: SocketAddr, hellos: &[Vec<u8>], answer: &[u8]) -> Result<()> {
        const AT_ONCE: usize = 256;
        let (first, finder) = (self.all.len(), memchr::memmem::Finder::new(answer));
        let (mut done, mut opened, began) = (0, 0, std::time::Instant::now());
        while done < hellos.len() {
            while opened < hellos.len() && opened - done < AT_ONCE {
                self.open(addr, &hellos[opened])?;
                opened += 1;
            }
            let mut refusal = None;
            self.turn(Duration::from_millis(20), |index, rest, bytes| {
                if index < first || rest.as_slice() == b"!" {
                    return;
                }
                rest.extend_from_slice(bytes);
                if finder.find(rest).is_some() {
                    done += 1;
                    *rest = b"!".to_vec();
                } else if bytes.is_empty() {
                    refusal = Some(String::from_utf8_lossy(rest).into_owned());
                }
            })?;
            if let Some(refusal) = refusal {
                bail!("a socket was refused: {refusal}");
            }
            if began.elapsed() > Duration::from_secs(120) {
                bail!("{done} of {} sockets were answered", hellos.len());
            }
        }
        self.all[first..].iter_mut().for_each(|socket| socket.rest.clear());
        Ok(())
    }

    pub fn close_all(&mut self) {
        self.all.clear();
        self.blocked.clear();
    }
}

/// A whole HTTP answer at the beginning of `bytes`: its status, where its body begins, and where it ends.
pub fn answer(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(head) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..head])?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).context("no status")?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + 4 + length.unwrap_or(0);
    Ok((bytes.len() >= end).then_some((status, head + 4, end)))
}
