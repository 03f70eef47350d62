//! Every upgrade request arrives here and not in the application: let in or refused, answered, logged. Nothing is said
//! on the stream before the door has opened.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use actix_codec::Framed;
use actix_http::body::BodySize;
use actix_http::header::{self, HeaderValue};
use actix_http::{ConnectionType, HttpMessage, Request, Response, StatusCode, h1, ws};
use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Encoder;

use super::door::{self, Door, Entry, PROTOCOL};
use super::socket;
use crate::http::{Code, Problem};

/// Unsent bytes that the kernel may hold: without it a slow reader's megabytes of old positions wait there.
const NOTSENT_LOWAT_BYTES: libc::c_int = 16 * 1024;
/// Unacknowledged bytes for so long mean that the other end is gone.
const USER_TIMEOUT_MS: libc::c_int = 30_000;

/// A connection that can become a stream: its bytes, plain or behind TLS, and the socket below.
pub(super) trait Line: AsyncRead + AsyncWrite + Unpin + 'static {
    fn socket(&self) -> &TcpStream;
}

impl Line for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Line for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(super) async fn upgrade<T>(door: Arc<Door>, request: Request, framed: Framed<T, h1::Codec>) -> io::Result<()>
where
    T: Line,
{
    let peer = request.peer_addr();
    let entry = match door.knock(request.head()).await {
        Ok(entry) => entry,
        Err(problem) => {
            door::log(request.head(), peer, problem.status(), None);
            return refuse(framed, &problem).await;
        }
    };
    let answer = match ws::handshake(request.head()) {
        Ok(mut answer) => answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL)).finish().drop_body(),
        Err(_) => {
            let problem = Problem::new(Code::VALIDATION_ERROR, "This is not a WebSocket handshake of version 13.");
            door::log(request.head(), peer, problem.status(), None);
            return refuse(framed, &problem).await;
        }
    };
    let who = match &entry {
        Entry::Known(who) => Some(who),
        Entry::Nameless => None,
    };
    door::log(request.head(), peer, 101, who);
    let mut answer = answer;
    if !request.headers().contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        answer.headers_mut().remove(header::SEC_WEBSOCKET_PROTOCOL);
    }
    let mut handshake = BytesMut::with_capacity(256);
    let mut parts = framed.into_parts();
    parts.codec.encode(h1::Message::Item((answer, BodySize::None)), &mut handshake)?;
    tune(parts.io.socket());
    socket::open(parts.io, handshake.freeze(), &parts.read_buf, entry, door);
    Ok(())
}

async fn refuse<T>(mut framed: Framed<T, h1::Codec>, problem: &Problem) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Bytes::from(problem.body().to_string());
    let mut answer = Response::new(status).drop_body();
    answer.head_mut().set_connection_type(ConnectionType::Close);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if matches!(problem.status(), 429 | 503) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    // One write for all of it: some clients look at what has come with the head, and at nothing after.
    framed.feed(h1::Message::Item((answer, BodySize::Sized(body.len() as u64)))).await?;
    framed.feed(h1::Message::Chunk(Some(body))).await?;
    framed.send(h1::Message::Chunk(None)).await?;
    SinkExt::<h1::Message<(Response<()>, BodySize)>>::close(&mut framed).await
}

/// Socket options that only streams need. One that the system does not know is no reason to refuse.
pub(super) fn tune(io: &impl AsRawFd) {
    let options = [
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        #[cfg(target_os = "linux")]
        (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES),
        #[cfg(target_os = "linux")]
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, USER_TIMEOUT_MS),
    ];
    for (level, name, value) in options {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open for as long as `io` is borrowed, and `value` is the integer that these
        // options take.
        unsafe { libc::setsockopt(io.as_raw_fd(), level, name, (&raw const value).cast(), size) };
    }
}
