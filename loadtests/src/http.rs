//! A small HTTP/1.1 client for setting things up: one connection, JSON in and out, again when the server is busy. What
//! is measured goes through `closed.rs` and `fanout.rs` instead.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const PATIENCE: u32 = 200;
const BREATH: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Http {
    addr: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    pub token: Option<String>,
}

/// The bytes of a request; `extra` are whole header lines.
pub fn request(method: &str, path: &str, token: Option<&str>, extra: &str, body: &str) -> Vec<u8> {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let length = if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}{extra}{kind}{length}\r\n{body}").into_bytes()
}

pub fn envelope(kind: &str, attributes: Value) -> String {
    json!({ "data": { "type": kind, "attributes": attributes } }).to_string()
}

impl Http {
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None, token: None }
    }

    pub fn signed_in(addr: SocketAddr, email: &str, password: &str) -> Result<Self> {
        let mut http = Self::new(addr);
        let body = json!({ "email": email, "password": password }).to_string();
        let answer = http.insist("POST", "/api/v1/auth/login", &body)?;
        http.token = Some(answer["accessToken"].as_str().context("no accessToken")?.to_owned());
        Ok(http)
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub fn post(&mut self, path: &str, kind: &str, attributes: Value) -> Result<Value> {
        self.insist("POST", path, &envelope(kind, attributes))
    }

    pub fn get(&mut self, path: &str) -> Result<Value> {
        self.insist("GET", path, "")
    }

    /// Until it is done; a refusal that is no plea for patience is an error.
    fn insist(&mut self, method: &str, path: &str, body: &str) -> Result<Value> {
        for _ in 0..PATIENCE {
            match self.send(method, path, body) {
                Ok((200..=299, body)) => return Ok(serde_json::from_slice(&body).unwrap_or_default()),
                Ok((429 | 503, _)) => std::thread::sleep(BREATH),
                Ok((status, body)) => bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&body)),
                Err(_) => {
                    self.stream = None;
                    std::thread::sleep(BREATH);
                }
            }
        }
        bail!("{method} {path}: the server had no time for it")
    }

    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        let bytes = request(method, path, self.token.as_deref(), "", body);
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.addr, TIMEOUT)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().context("it was just opened")?;
        stream.get_mut().write_all(&bytes)?;
        let (mut line, mut length, mut status) = (String::new(), 0, 0);
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                bail!("the server hung up");
            }
            let text = line.trim();
            if status == 0 {
                status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
            } else if text.is_empty() {
                break;
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}
