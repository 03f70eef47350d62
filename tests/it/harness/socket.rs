//! The live stream as a client has it: frames in, frames out, and what a client makes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};

use super::app::App;
use super::person::Person;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Socket {
    ws: WebSocketStream<TcpStream>,
    /// The code with which it was closed.
    pub closed: Option<u16>,
}

/// A refusal before the handshake: status and body.
pub type Refusal = (u16, Value);

impl App {
    pub async fn socket(&self, query: &str, headers: &[(&str, &str)]) -> Result<Socket, Refusal> {
        self.socket_with_buffer(query, headers, None).await
    }

    /// Through another address, perhaps over a bad line: `None` if that did not work.
    pub async fn daring_socket(&self, through: std::net::SocketAddr, bearer: &str) -> Option<Socket> {
        let mut request = format!("ws://{through}/api/v1/stream").into_client_request().expect("a URL");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("muster.v1.json"));
        request.headers_mut().insert("Authorization", bearer.parse().expect("a header"));
        let io = TcpStream::connect(through).await.ok()?;
        let opened = tokio::time::timeout(PATIENCE, tokio_tungstenite::client_async(request, io)).await;
        let (ws, _) = opened.ok()?.ok()?;
        Some(Socket { ws, closed: None })
    }

    /// `buffer_bytes`: how much the client's side of the connection holds unread.
    pub async fn socket_with_buffer(
        &self,
        query: &str,
        headers: &[(&str, &str)],
        buffer_bytes: Option<u32>,
    ) -> Result<Socket, Refusal> {
        let url = format!("ws://{}/api/v1/stream{query}", self.addr());
        let mut request = url.into_client_request().expect("a URL");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("muster.v1.json"));
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            request.headers_mut().insert(name, value.parse().expect("a header"));
        }
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = buffer_bytes {
            socket.set_recv_buffer_size(bytes).expect("a small buffer");
        }
        let io = socket.connect(self.addr()).await.expect("the server listens");
        match tokio_tungstenite::client_async(request, io).await {
            Ok((ws, _)) => Ok(Socket { ws, closed: None }),
            Err(tungstenite::Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Person {
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token.as_deref().expect("signed in"))
    }

    /// An open stream that has been greeted.
    pub async fn streams(&self) -> Socket {
        let mut socket = self.app.socket("", &[("Authorization", &self.bearer())]).await.expect("let in");
        assert_eq!(socket.next().await.expect("a greeting")["type"], "hello");
        socket
    }

    pub async fn ticket(&self) -> String {
        let body = json!({"data": {"type": "streamTicket"}});
        let made = self.post("/api/v1/stream/tickets", body).await.created();
        made.attributes()["ticket"].as_str().expect("a ticket").to_owned()
    }
}

impl Socket {
    /// The next frame as text; `None` once it is closed.
    pub async fn next_text(&mut self) -> Option<String> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("not silent for so long");
            match next {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(reason))) => self.closed = reason.map(|reason| reason.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub async fn next(&mut self) -> Option<Value> {
        self.next_text().await.map(|text| serde_json::from_str(&text).expect("every frame is JSON"))
    }

    /// The next frame of this kind; others are passed over.
    pub async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed ({:?}) before {kind}", self.closed));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// What the next pong says; other frames are passed over.
    pub async fn pong(&mut self) -> Vec<u8> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("not silent for so long");
            if let Message::Pong(payload) = next.expect("the line is up").expect("a frame") {
                return payload.to_vec();
            }
        }
    }

    /// Reads to the end: the bye, if there was one, and the close code.
    pub async fn end(&mut self) -> (Option<Value>, Option<u16>) {
        let mut bye = None;
        while let Some(frame) = self.next().await {
            if frame["type"] == "bye" {
                bye = Some(frame);
            }
        }
        (bye, self.closed)
    }

    /// Does nothing come for a while?
    pub async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(400), self.ws.next()).await.is_err()
    }

    pub async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.ws.send(message).await.expect("the line is up");
    }

    /// Raw bytes, past all the rules of the protocol.
    pub fn raw(&mut self) -> &mut TcpStream {
        self.ws.get_mut()
    }

    /// The line may be gone: then nothing is said.
    pub async fn dares_to_watch_day(&mut self, resume: Option<(&str, i64)>) {
        self.ws.send(Message::text(day(resume).to_string())).await.ok();
    }

    pub async fn watches_day(&mut self, resume: Option<(&str, i64)>) {
        self.say(day(resume)).await;
    }
}

fn day(resume: Option<(&str, i64)>) -> Value {
    let mut frame = json!({"type": "subscribe", "id": "day", "topic": "schedule",
            "from": "2026-12-01T00:00:00Z", "to": "2026-12-02T00:00:00Z"});
    if let Some((epoch, seq)) = resume {
        frame["resume"] = json!({"epoch": epoch, "seq": seq});
    }
    frame
}

/// What a client knows of the schedule: every visit as the very text that was sent.
#[derive(Default)]
pub struct Picture {
    pub visits: BTreeMap<String, String>,
    pub epoch: String,
    pub seq: Option<i64>,
    parts: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: String,
    epoch: Option<String>,
    prev: Option<i64>,
    seq: Option<i64>,
    last: Option<bool>,
    recovered: Option<bool>,
    #[serde(borrow)]
    visits: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    event: Option<Event<'a>>,
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    kind: Option<String>,
    #[serde(borrow)]
    visit: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Named {
    id: String,
}

fn id_of(visit: &RawValue) -> String {
    serde_json::from_str::<Named>(visit.get()).expect("a visit has an id").id
}

impl Picture {
    /// Where to resume from.
    pub fn cursor(&self) -> Option<(&str, i64)> {
        Some((self.epoch.as_str(), self.seq?))
    }

    pub fn take(&mut self, text: &str) {
        let frame: Frame = serde_json::from_str(text).expect("a frame");
        match frame.kind.as_str() {
            "subscribed" => {
                self.epoch = frame.epoch.expect("an epoch");
                self.parts.clear();
                // What is not continued begins with a snapshot, and until that is whole there is nothing to resume.
                self.seq = self.seq.filter(|_| frame.recovered == Some(true));
            }
            "reset" => *self = Self { epoch: frame.epoch.expect("an epoch"), ..Self::default() },
            "snapshot" => {
                let visits = frame.visits.unwrap_or_default();
                self.parts.extend(visits.into_iter().map(|visit| (id_of(visit), visit.get().to_owned())));
                if frame.last == Some(true) {
                    self.visits = std::mem::take(&mut self.parts);
                    self.seq = frame.seq;
                }
            }
            "event" => {
                assert_eq!(frame.prev, self.seq, "the chain is whole");
                self.seq = frame.seq;
                let event = frame.event.expect("an event");
                let Some(visit) = event.visit else { return };
                match event.kind.as_deref() {
                    Some("rm") => self.visits.remove(&id_of(visit)),
                    _ => self.visits.insert(id_of(visit), visit.get().to_owned()),
                };
            }
            _ => {}
        }
    }
}
