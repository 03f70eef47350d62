//! A connection below HTTP: bytes when and how many a test wants, cut off politely or not.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::person::Person;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Raw(TcpStream);

impl Raw {
    pub async fn to(addr: SocketAddr) -> Self {
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(addr)).await.expect("within patience");
        let stream = connected.expect("the server listens");
        stream.set_nodelay(true).expect("a connection");
        Self(stream)
    }

    /// `false` when the other end has hung up.
    pub async fn says(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// At most so many bytes of what comes.
    pub async fn hears(&mut self, bytes: usize) -> Vec<u8> {
        let mut heard = vec![0; bytes];
        let mut count = 0;
        while count < bytes {
            match tokio::time::timeout(PATIENCE, self.0.read(&mut heard[count..]))
                .await
                .expect("not silent for so long")
            {
                Ok(0) | Err(_) => break,
                Ok(more) => count += more,
            }
        }
        heard.truncate(count);
        heard
    }

    /// All that comes until the other end hangs up.
    pub async fn hears_all(&mut self) -> String {
        String::from_utf8_lossy(&self.hears(4 << 20).await).into_owned()
    }

    /// Hangs up without a word: RST.
    pub fn resets(self) {
        self.0.set_zero_linger().expect("a connection");
    }

    /// Says no more, and listens on: FIN.
    pub async fn has_finished(&mut self) {
        self.0.shutdown().await.ok();
    }
}

/// What a person's request is on the wire.
pub fn request(person: &Person, method: &str, path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let token = person.token.as_deref().expect("signed in");
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Status and body of an answer that was read to its end.
pub fn answer(text: &str) -> (u16, Value) {
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json = body.find('{').and_then(|from| Some(&body[from..=body.rfind('}')?]));
    (status, json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default())
}
