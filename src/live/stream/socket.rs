//! One light WebSocket on a raw stream: no buffer while idle, no writer task, no timer once it has a name. The driver
//! task reads; the hub writes straight into the socket from wherever it is, and only what does not fit waits here until
//! the driver is woken to finish it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use muster_actors::hub::{Bye, Here, Outlet, Sent, Who};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::door::{Door, Entry, auth_token};
use super::inbox::{Inbox, Incoming, Refused};
use crate::http::Problem;

const SCRATCH_BYTES: usize = 16 * 1024;
/// Reads in one turn, so that one chatty client does not keep the thread.
const READS_A_TURN: usize = 16;
/// After the goodbye the client has this long to hang up.
const LINGER: Duration = Duration::from_secs(5);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
    /// The last text and its frame: what many sockets are sent is framed once, and one buffer serves them all.
    static FRAMED: RefCell<(Bytes, Bytes)> = RefCell::default();
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

fn frame(first: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(first);
    match payload.len() {
        short @ 0..126 => frame.put_u8(short as u8),
        medium @ 126..65_536 => {
            frame.put_u8(126);
            frame.put_u16(medium as u16);
        }
        long => {
            frame.put_u8(127);
            frame.put_u64(long as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

fn text_frame(text: &Bytes) -> Bytes {
    FRAMED.with_borrow_mut(|(last, framed)| {
        // As long as it is kept here, no other text can lie at the same place.
        if (last.as_ptr(), last.len()) != (text.as_ptr(), text.len()) {
            (*last, *framed) = (text.clone(), frame(TEXT, text));
        }
        framed.clone()
    })
}

struct Wire<T> {
    io: T,
    out: VecDeque<Bytes>,
    /// The first of `out` has left in part: it must be finished whatever happens.
    is_begun: bool,
    blocked: bool,
    closing: bool,
    passed: u64,
}

pub(super) struct Socket<T> {
    wire: RefCell<Wire<T>>,
    waker: RefCell<Option<Waker>>,
    heard: Cell<bool>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let mut slices = [IoSlice::new(&[]); 32];
            let count = self.out.iter().zip(&mut slices).map(|(bytes, slice)| *slice = IoSlice::new(bytes)).count();
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left(written);
        }
        if self.out.capacity() > 32 {
            self.out = VecDeque::new();
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn left(&mut self, mut count: usize) {
        self.passed += count as u64;
        while count > 0 {
            let Some(first) = self.out.front_mut() else { return };
            let taken = count.min(first.len());
            first.advance(taken);
            count -= taken;
            self.is_begun = !first.is_empty();
            if first.is_empty() {
                self.out.pop_front();
            }
        }
    }

    /// Writes what the socket takes now; the rest waits for the driver.
    fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.out.push_back(bytes);
        if !self.blocked {
            self.blocked = match self.poll_flush(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(done) => done.map(|()| false)?,
                Poll::Pending => true,
            };
        }
        Ok(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    fn write(&self, bytes: Bytes) -> Sent {
        let mut wire = self.wire.borrow_mut();
        if wire.closing {
            return Sent::Gone;
        }
        metrics::counter!("muster_stream_bytes_total").increment(bytes.len() as u64);
        let done = wire.push(bytes);
        wire.closing |= done.is_err();
        let (is_blocked, is_gone) = (wire.blocked, wire.closing);
        drop(wire);
        if is_blocked || is_gone {
            // A write that nobody waits for leaves no waker behind: without this the socket would stall.
            self.wake();
        }
        match (is_gone, is_blocked) {
            (true, _) => Sent::Gone,
            (false, true) => Sent::Blocked,
            (false, false) => Sent::Done,
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn is_closing(&self) -> bool {
        self.wire.borrow().closing
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Outlet for Socket<T> {
    fn send(&self, text: Bytes) -> Sent {
        self.write(text_frame(&text))
    }
    fn ping(&self) {
        self.write(frame(PING, b""));
    }
    fn is_blocked(&self) -> bool {
        self.wire.borrow().blocked
    }
    fn waiting_bytes(&self) -> usize {
        self.wire.borrow().out.iter().map(Bytes::len).sum()
    }
    fn passed_bytes(&self) -> u64 {
        self.wire.borrow().passed
    }
    fn take_heard(&self) -> bool {
        self.heard.take()
    }
    fn is_gone(&self) -> bool {
        self.is_closing()
    }
    fn close(&self, last: Bytes, code: u16, reason: &'static str) {
        let mut wire = self.wire.borrow_mut();
        if wire.closing {
            return;
        }
        let keep = usize::from(wire.is_begun);
        wire.out.truncate(keep);
        let goodbye = [code.to_be_bytes().as_slice(), reason.as_bytes()].concat();
        let said = if last.is_empty() { Ok(()) } else { wire.push(frame(TEXT, &last)) };
        // If this fails, the driver meets the same error.
        let _ = said.and_then(|()| wire.push(frame(CLOSE, &goodbye)));
        wire.closing = true;
        drop(wire);
        self.wake();
    }
}

pub(super) type Knock = Pin<Box<dyn Future<Output = Result<Who, Problem>>>>;

enum Stage {
    Nameless(Pin<Box<Sleep>>),
    /// The credential is being looked at; nothing more is read until that is done.
    Knocking(Pin<Box<Sleep>>, Knock),
    Seated(u64),
    Leaving {
        until: Pin<Box<Sleep>>,
        is_shut: bool,
    },
}

/// Whom a socket speaks with, once it is open.
pub(super) trait Host: Unpin + 'static {
    /// Without an identity a socket may stay for so long.
    fn auth_within(&self) -> Duration;
    fn came_nameless(&self);
    fn no_longer_nameless(&self);
    fn admit(&self, token: String) -> Knock;
    /// The number under which the socket is known from now on; `None`: there is no room for it.
    fn sit(&mut self, socket: Rc<dyn Outlet>, who: Who) -> Option<u64>;
    fn heard(&self, key: u64, text: &str);
    fn drained(&self, key: u64);
    fn left(&self, key: u64);
    fn close(&self, key: u64, bye: Bye);
}

/// The thread's hub, with the door in front of it.
struct Reception {
    here: Here,
    door: Arc<Door>,
}

impl Host for Reception {
    fn auth_within(&self) -> Duration {
        self.door.config.auth_within
    }
    fn came_nameless(&self) {
        self.door.came_nameless();
    }
    fn no_longer_nameless(&self) {
        self.door.no_longer_nameless();
    }
    fn admit(&self, token: String) -> Knock {
        let door = self.door.clone();
        Box::pin(async move { door.admit(token).await })
    }
    fn sit(&mut self, socket: Rc<dyn Outlet>, who: Who) -> Option<u64> {
        // The hub may have died since: then there is a new one.
        self.here = self.door.hubs.here();
        self.here.attach(socket, who)
    }
    fn heard(&self, key: u64, text: &str) {
        self.here.heard(key, text);
    }
    fn drained(&self, key: u64) {
        self.here.drained(key);
    }
    fn left(&self, key: u64) {
        self.here.left(key);
    }
    fn close(&self, key: u64, bye: Bye) {
        self.here.close(key, bye);
    }
}

struct Driver<T: AsyncRead + AsyncWrite + Unpin + 'static, H: Host> {
    socket: Rc<Socket<T>>,
    inbox: Inbox,
    stage: Stage,
    host: H,
}

/// Lets a socket live. `handshake` is the 101 answer as bytes, `rest` what came behind the request.
pub(super) fn open<T>(io: T, handshake: Bytes, rest: &[u8], entry: Entry, door: Arc<Door>)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let max_frame_bytes = door.hubs.config.max_frame_bytes;
    let host = Reception { here: door.hubs.here(), door };
    live(io, handshake, rest, entry, host, max_frame_bytes);
}

fn live<T, H>(io: T, handshake: Bytes, rest: &[u8], entry: Entry, host: H, max_frame_bytes: usize)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Host,
{
    let wire = Wire { io, out: VecDeque::new(), is_begun: false, blocked: false, closing: false, passed: 0 };
    let socket = Rc::new(Socket { wire: RefCell::new(wire), waker: RefCell::default(), heard: Cell::new(true) });
    socket.write(handshake);
    let mut inbox = Inbox::new(max_frame_bytes);
    inbox.push(rest);
    host.came_nameless();
    let stage = Stage::Nameless(Box::pin(sleep(host.auth_within())));
    let mut driver = Driver { socket, inbox, stage, host };
    if let Entry::Known(who) = entry {
        driver.sit(who);
    }
    actix_rt::spawn(driver);
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static, H: Host> Driver<T, H> {
    fn sit(&mut self, who: Who) {
        match self.host.sit(self.socket.clone(), who) {
            Some(key) => self.enter(Stage::Seated(key)),
            None => self.dismiss(Bye::Trouble),
        }
    }

    fn enter(&mut self, stage: Stage) {
        let was_nameless = matches!(self.stage, Stage::Nameless(_) | Stage::Knocking(..));
        let is_nameless = matches!(stage, Stage::Nameless(_) | Stage::Knocking(..));
        if was_nameless && !is_nameless {
            self.host.no_longer_nameless();
        }
        self.stage = stage;
    }

    fn dismiss(&mut self, bye: Bye) {
        match self.stage {
            Stage::Seated(key) => self.host.close(key, bye),
            _ => self.socket.close(bye.frame(1_000), bye.code(), bye.reason()),
        }
    }

    /// Takes every whole message that is here; stops while a credential is being looked at.
    fn take_messages(&mut self) {
        while !self.socket.is_closing() && !matches!(self.stage, Stage::Knocking(..)) {
            match self.inbox.next() {
                Ok(None) => return,
                Ok(Some(Incoming::Text(text))) => self.hear(&text),
                Ok(Some(Incoming::Ping(payload))) if !self.socket.is_blocked() => {
                    self.socket.write(frame(PONG, &payload));
                }
                Ok(Some(Incoming::Ping(_) | Incoming::Pong)) => {}
                Ok(Some(Incoming::Close(reason))) => {
                    let code = reason.map(|reason| u16::from(reason.code).to_be_bytes());
                    self.socket.write(frame(CLOSE, code.as_ref().map_or(&[], |code| code.as_slice())));
                    self.socket.wire.borrow_mut().closing = true;
                }
                Err(Refused::Bad) => self.dismiss(Bye::BadFrame),
                Err(Refused::Binary) => self.dismiss(Bye::NotText),
                Err(Refused::NotUtf8) => self.dismiss(Bye::NotUtf8),
                Err(Refused::TooLarge) => self.dismiss(Bye::FrameTooLarge),
            }
        }
    }

    fn hear(&mut self, text: &str) {
        if let Stage::Seated(key) = self.stage {
            return self.host.heard(key, text);
        }
        let Some(token) = auth_token(text) else { return self.dismiss(Bye::NoIdentity) };
        let knock = self.host.admit(token);
        let stage = Stage::Nameless(Box::pin(sleep(self.host.auth_within())));
        if let Stage::Nameless(until) = std::mem::replace(&mut self.stage, stage) {
            self.stage = Stage::Knocking(until, knock);
        }
    }

    fn poll_identity(&mut self, cx: &mut Context<'_>) {
        let (until, answer) = match &mut self.stage {
            Stage::Nameless(until) => (until, Poll::Pending),
            Stage::Knocking(until, knock) => (until, knock.as_mut().poll(cx)),
            Stage::Seated(_) | Stage::Leaving { .. } => return,
        };
        let is_late = until.as_mut().poll(cx).is_ready();
        match answer {
            Poll::Ready(Ok(who)) => self.sit(who),
            Poll::Ready(Err(problem)) if problem.status() == 401 => self.dismiss(Bye::SignedOut),
            Poll::Ready(Err(problem)) if problem.status() == 403 => self.dismiss(Bye::Forbidden),
            Poll::Ready(Err(problem)) if problem.status() == 429 => self.dismiss(Bye::TooMuch),
            Poll::Ready(Err(_)) => self.dismiss(Bye::Trouble),
            Poll::Pending if is_late => self.dismiss(Bye::NoIdentity),
            Poll::Pending => {}
        }
    }

    /// Finishes what waits, and tells the hub when there is room again.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            {
                let mut wire = self.socket.wire.borrow_mut();
                if !wire.blocked || wire.poll_flush(cx)?.is_pending() {
                    return Ok(());
                }
                wire.blocked = false;
            }
            if let Stage::Seated(key) = self.stage {
                self.host.drained(key);
            }
        }
    }

    /// How many bytes came in; `Pending` when nothing more is here.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.socket.wire.borrow_mut().io).poll_read(cx, &mut buffer))?;
            if !self.socket.is_closing() {
                self.inbox.push(buffer.filled());
            }
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !matches!(self.stage, Stage::Leaving { .. }) {
            self.forget();
            self.enter(Stage::Leaving { until: Box::pin(sleep(LINGER)), is_shut: false });
        }
        let Stage::Leaving { until, is_shut } = &mut self.stage else { return Poll::Ready(Ok(())) };
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !*is_shut {
            let mut wire = self.socket.wire.borrow_mut();
            ready!(wire.poll_flush(cx))?;
            ready!(Pin::new(&mut wire.io).poll_shutdown(cx))?;
            *is_shut = true;
        }
        // Hanging up with unread bytes would tear the goodbye out of the client's hands.
        while ready!(self.poll_read(cx))? > 0 {}
        Poll::Ready(Ok(()))
    }

    fn poll_life(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..READS_A_TURN {
            self.poll_identity(cx);
            self.take_messages();
            if matches!(self.stage, Stage::Knocking(..)) {
                self.poll_identity(cx);
                // Let in at once: what came with the identity is not to wait for more to come.
                if matches!(self.stage, Stage::Seated(_)) {
                    self.take_messages();
                }
            }
            if self.socket.is_closing() {
                return self.poll_leaving(cx);
            }
            self.poll_room(cx)?;
            match self.stage {
                Stage::Knocking(..) => return Poll::Pending,
                _ if self.socket.is_closing() => continue,
                _ => {}
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
            self.socket.heard.set(true);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn forget(&mut self) {
        if let Stage::Seated(key) = self.stage {
            self.host.left(key);
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static, H: Host> Future for Driver<T, H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let is_known = self.socket.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !is_known {
            *self.socket.waker.borrow_mut() = Some(cx.waker().clone());
        }
        // An error means that the client is gone: there is nobody to tell.
        self.poll_life(cx).map(drop)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static, H: Host> Drop for Driver<T, H> {
    fn drop(&mut self) {
        if let Ok(mut wire) = self.socket.wire.try_borrow_mut() {
            wire.closing = true;
        }
        // A stored waker of the own task would keep both alive.
        self.socket.waker.take();
        self.forget();
        self.enter(Stage::Leaving { until: Box::pin(sleep(Duration::ZERO)), is_shut: true });
    }
}

#[cfg(test)]
mod echo;
