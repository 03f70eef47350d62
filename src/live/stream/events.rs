//! The stream as server-sent events: an outlet whose frames leave as the body of an answer. The client cannot speak, so
//! what it follows is in its URL. The protocol is the WebSocket's, and decided where that is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Version;
use bytes::Bytes;
use muster_actors::hub::{Here, Outlet, Sent, Who, frames};
use muster_domain::identity::{Permission, Role, scope_of};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::Door;
use super::upgrade::tune;
use crate::http::listing::Listing;
use crate::http::{Code, Fault, Problem};

/// After the goodbye a client that does not read has this long before it is hung up on.
const LINGER: Duration = Duration::from_secs(1);
const PARAMETERS: [&str; 9] = ["topics", "from", "to", "viewport", "zoom", "focus", "tickMs", "ticket", "lastEventId"];

/// What the request wants to follow, as the frames that it would have sent.
pub struct Followed(Vec<String>);

impl Followed {
    pub fn read(request: &HttpRequest, list: &Listing, role: Role) -> Result<Self, Problem> {
        list.allow(&PARAMETERS)?;
        let topics = list.text("topics").ok_or_else(|| invalid("topics", "is required: schedule, workers or both."))?;
        let mut followed = Vec::new();
        for topic in topics.split(',').map(str::trim) {
            let (frame, permission, suspect) = match topic {
                "schedule" => (schedule(request, list)?, Permission::ScheduleRead, "to"),
                "workers" => (workers(list)?, Permission::PositionsRead, "viewport"),
                _ => return Err(invalid("topics", "may be schedule, workers or both.")),
            };
            if scope_of(role, permission).is_none() {
                let detail = format!("Your role does not include {}.", permission.name());
                return Err(Problem::new(Code::FORBIDDEN, detail));
            }
            let frame = frame.to_string();
            if followed.contains(&frame) {
                return Err(invalid("topics", "names a topic twice."));
            }
            frames::parse(&frame).map_err(|_| invalid(suspect, "is out of range."))?;
            followed.push(frame);
        }
        Ok(Self(followed))
    }
}

fn invalid(name: &'static str, detail: &str) -> Problem {
    Fault::new(Code::VALIDATION_ERROR, format!("{name} {detail}")).parameter(name).into()
}

fn schedule(request: &HttpRequest, list: &Listing) -> Result<Value, Problem> {
    let (from, to) = (list.need_instant("from")?, list.need_instant("to")?);
    let mut frame = json!({"type": "subscribe", "id": "schedule", "topic": "schedule", "from": from, "to": to});
    let header = request.headers().get("Last-Event-ID").and_then(|id| id.to_str().ok());
    if let Some(id) = header.or(list.text("lastEventId")).filter(|id| !id.is_empty()) {
        let cursor = id.rsplit_once(':').and_then(|(epoch, seq)| Some((epoch, seq.parse::<i64>().ok()?)));
        let (epoch, seq) = cursor.filter(|(_, seq)| *seq >= 0).ok_or_else(|| invalid("lastEventId", "is not ours."))?;
        frame["resume"] = json!({"epoch": epoch, "seq": seq});
    }
    Ok(frame)
}

fn workers(list: &Listing) -> Result<Value, Problem> {
    let mut frame = json!({"type": "subscribe", "id": "workers", "topic": "workers"});
    if let Some(text) = list.text("viewport") {
        let sides: Option<Vec<f64>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
        let sides = sides.filter(|sides| sides.len() == 4);
        frame["viewport"] = json!(sides.ok_or_else(|| invalid("viewport", "is west,south,east,north in degrees."))?);
    }
    if let Some(text) = list.text("focus") {
        let ids: Result<Vec<uuid::Uuid>, _> = text.split(',').map(|id| id.trim().parse()).collect();
        frame["focus"] = json!(ids.map_err(|_| invalid("focus", "is a list of workers' ids."))?);
    }
    if let Some(zoom) = list.number("zoom", 0.0..=30.0)? {
        frame["zoom"] = json!(zoom);
    }
    if let Some(tick_ms) = list.integer("tickMs", 25..=60_000)? {
        frame["tickMs"] = json!(tick_ms);
    }
    Ok(frame)
}

/// The socket below a request, for hanging up.
#[derive(Clone, Copy)]
pub(super) struct RawLine(RawFd);

impl AsRawFd for RawLine {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl RawLine {
    pub(super) fn of(socket: &TcpStream) -> Self {
        Self(socket.as_raw_fd())
    }
}

/// Frames on their way into the body.
#[derive(Default)]
struct Queue {
    waiting: RefCell<VecDeque<Bytes>>,
    cursor: RefCell<Cursor>,
    waker: RefCell<Option<Waker>>,
    passed: Cell<u64>,
    closing: Cell<bool>,
    /// The body is gone, and the connection perhaps with it.
    gone: Cell<bool>,
    line: Option<RawLine>,
}

impl Queue {
    fn push(&self, event: Bytes) -> Sent {
        if self.closing.get() || self.gone.get() {
            return Sent::Gone;
        }
        metrics::counter!("muster_stream_bytes_total").increment(event.len() as u64);
        self.waiting.borrow_mut().push_back(event);
        self.wake();
        Sent::Blocked
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn hang_up(&self) {
        if let Some(RawLine(fd)) = self.line.filter(|_| !self.gone.get()) {
            // SAFETY: the body has not been dropped, so the connection that owns it still owns this descriptor. Both
            // live on this thread.
            unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
        }
    }
}

/// `Queue` as the hub holds it.
struct Pipe(Rc<Queue>);

impl Outlet for Pipe {
    fn send(&self, text: Bytes) -> Sent {
        let event = self.0.cursor.borrow_mut().event(&text);
        self.0.push(event)
    }
    fn ping(&self) {
        self.0.push(Bytes::from_static(b":\n\n"));
    }
    fn is_blocked(&self) -> bool {
        !self.0.waiting.borrow().is_empty()
    }
    fn waiting_bytes(&self) -> usize {
        self.0.waiting.borrow().iter().map(Bytes::len).sum()
    }
    fn passed_bytes(&self) -> u64 {
        self.0.passed.get()
    }
    /// It has no voice; that it takes what it is sent is all there is to hear.
    fn take_heard(&self) -> bool {
        !self.is_blocked()
    }
    fn is_gone(&self) -> bool {
        self.0.gone.get() || self.0.closing.get()
    }
    fn close(&self, last: Bytes, _: u16, _: &'static str) {
        if self.is_gone() {
            return;
        }
        self.0.waiting.borrow_mut().clear();
        self.send(last);
        self.0.closing.set(true);
        let queue = self.0.clone();
        actix_rt::spawn(async move {
            tokio::time::sleep(LINGER).await;
            queue.hang_up();
        });
    }
}

/// The body of the answer.
pub struct Stream {
    queue: Rc<Queue>,
    here: Here,
    key: u64,
}

impl Stream {
    pub fn open(request: &HttpRequest, door: &Door, who: Who, followed: &Followed) -> Result<Self, Problem> {
        // Over HTTP/2 the socket carries other answers, too; there its own windows hold back what is not read.
        let line = request.conn_data::<RawLine>().copied().filter(|_| request.version() < Version::HTTP_2);
        line.iter().for_each(tune);
        let queue = Rc::new(Queue { line, ..Queue::default() });
        let here = door.hubs.here();
        let key = here.attach(Rc::new(Pipe(queue.clone())), who);
        let key = key.ok_or_else(|| Problem::new(Code::UNAVAILABLE, "This server is stopping. Try again."))?;
        followed.0.iter().for_each(|frame| here.heard(key, frame));
        Ok(Self { queue, here, key })
    }
}

impl futures_util::Stream for Stream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        for _ in 0..2 {
            let next = self.queue.waiting.borrow_mut().pop_front();
            if let Some(event) = next {
                self.queue.passed.set(self.queue.passed.get() + event.len() as u64);
                return Poll::Ready(Some(Ok(event)));
            }
            if self.queue.closing.get() {
                return Poll::Ready(None);
            }
            *self.queue.waker.borrow_mut() = Some(cx.waker().clone());
            self.here.drained(self.key);
        }
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.queue.gone.set(true);
        self.here.left(self.key);
    }
}

/// What the client would resume from.
#[derive(Default)]
struct Cursor {
    epoch: String,
    /// The first snapshot has come whole.
    is_known: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    epoch: Option<String>,
    seq: Option<i64>,
    last: Option<bool>,
    recovered: Option<bool>,
    upto: Option<Upto>,
    retry_after_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Upto {
    schedule: Option<i64>,
}

impl Cursor {
    fn event(&mut self, frame: &Bytes) -> Bytes {
        let mut event = Vec::with_capacity(frame.len() + 80);
        if let Ok(head) = serde_json::from_slice::<Head>(frame) {
            if let Some(ms) = head.retry_after_ms {
                event.extend(format!("retry: {ms}\n").into_bytes());
            }
            if let Some(id) = self.id(head) {
                event.extend(format!("id: {id}\n").into_bytes());
            }
        }
        event.extend(b"data: ");
        event.extend(frame);
        event.extend(b"\n\n");
        event.into()
    }

    /// The `id` that goes with a frame, if it moves the cursor. An empty one takes the last one back.
    fn id(&mut self, head: Head) -> Option<String> {
        let seq = match head.kind.as_str() {
            "subscribed" => {
                self.epoch = head.epoch?;
                self.is_known = head.recovered == Some(true);
                None
            }
            "reset" => {
                (self.epoch, self.is_known) = (head.epoch?, false);
                return Some(String::new());
            }
            "snapshot" => {
                self.is_known |= head.seq.is_some() && head.last == Some(true);
                head.seq.filter(|_| head.last == Some(true))
            }
            "event" => head.seq,
            "heartbeat" => head.upto?.schedule,
            _ => None,
        };
        seq.filter(|_| self.is_known).map(|seq| format!("{}:{seq}", self.epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_an_id_once_what_came_before_it_is_whole() {
        let mut cursor = Cursor::default();
        let mut id = |frame: &'static str| {
            let event = String::from_utf8(cursor.event(&Bytes::from_static(frame.as_bytes())).to_vec()).expect("text");
            assert!(event.ends_with(&format!("data: {frame}\n\n")), "{event}");
            event.strip_prefix("id: ").and_then(|rest| rest.split_once('\n')).map(|(id, _)| id.to_owned())
        };
        assert_eq!(id(r#"{"type":"hello","heartbeatS":25}"#), None);
        assert_eq!(id(r#"{"type":"subscribed","id":"schedule","epoch":"e","seq":7,"recovered":false}"#), None);
        assert_eq!(id(r#"{"type":"snapshot","id":"schedule","seq":7,"last":false,"visits":[]}"#), None);
        assert_eq!(id(r#"{"type":"snapshot","id":"workers","last":true,"workers":[]}"#), None);
        assert_eq!(
            id(r#"{"type":"snapshot","id":"schedule","seq":7,"last":true,"visits":[]}"#).as_deref(),
            Some("e:7")
        );
        let event = r#"{"type":"event","id":"schedule","prev":7,"seq":9,"event":{"seq":1,"type":"x"}}"#;
        assert_eq!(id(event).as_deref(), Some("e:9"));
        assert_eq!(id(r#"{"type":"heartbeat","upto":{"schedule":12}}"#).as_deref(), Some("e:12"));
        assert_eq!(id(r#"{"type":"reset","id":"schedule","epoch":"f","seq":20}"#).as_deref(), Some(""));
        assert_eq!(id(r#"{"type":"event","id":"schedule","prev":7,"seq":21,"event":{}}"#), None);
        assert_eq!(
            id(r#"{"type":"snapshot","id":"schedule","seq":20,"last":true,"visits":[]}"#).as_deref(),
            Some("f:20")
        );
    }
}
