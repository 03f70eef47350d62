//! One port for everything: requests go to the application, upgrades to the stream. And the way out: a drain that sends
//! the sockets away before it stops the threads on which they live.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::body::MessageBody;
use actix_http::{HttpService, Request, Response, TlsAcceptorConfig, h1};
use actix_rt::net::TcpStream;
use actix_server::{GracefulShutdownSignal, Server, ServerHandle};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::max_concurrent_tls_connect;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpResponse;
use actix_web::dev::AppConfig;
use rustls::ServerConfig;

use super::Door;
use super::events::RawLine;
use super::upgrade::{Line, upgrade};

/// On one thread.
const HANDSHAKES_AT_ONCE: usize = 10_000;
/// As many as the system allows, up to this.
const FILES_WANTED: libc::rlim_t = 65_536;
const FILES_EVERYWHERE: usize = 256;
const CONNECTIONS_MIN: usize = 64;

#[derive(Clone, Copy, Debug)]
pub struct ServeConfig {
    pub threads: usize,
    pub keep_alive: Duration,
    /// TLS must be agreed within this time.
    pub handshake: Duration,
    /// A request's head must be here within this time.
    pub slow_headers: Duration,
    /// Over how long a drain sends the sockets away.
    pub drain_spread: Duration,
    /// Requests in hand have this long to finish.
    pub drain_requests: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            threads: 2,
            keep_alive: Duration::from_secs(75),
            handshake: Duration::from_secs(5),
            slow_headers: Duration::from_secs(10),
            drain_spread: Duration::from_secs(5),
            drain_requests: Duration::from_secs(20),
        }
    }
}

/// A server that takes requests and streams.
pub struct Serving {
    server: ServerHandle,
    door: Arc<Door>,
    config: ServeConfig,
}

impl Serving {
    /// Takes no more connections, sends every socket away (`bye`, close 1012), lets requests in hand finish. Idle
    /// connections are told to go and do not hold it up. Done within `drain_spread` + `drain_requests` + 2 s.
    pub async fn stop(self) {
        self.server.pause().await;
        self.door.hubs.drain(self.config.drain_spread).await;
        self.server.stop(true).await;
    }
}

/// Serves on `listener` until stopped; `app` makes the application, once per thread. Signals are the caller's.
pub fn serve<F, I, S, B>(
    config: ServeConfig,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    door: Arc<Door>,
    app: F,
) -> io::Result<Serving>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let builder = Server::build()
        .workers(config.threads)
        .max_concurrent_connections(connections_max(config.threads))
        .shutdown_timeout(config.drain_requests.as_secs())
        .disable_signals();
    let frame = Frame {
        stopping: builder.graceful_shutdown_signal(),
        addr: listener.local_addr()?,
        is_secure: tls.is_some(),
        door: door.clone(),
        config,
    };
    // The default of 256 lets as many silent connections keep everybody out for the time of a handshake.
    max_concurrent_tls_connect(HANDSHAKES_AT_ONCE);
    let builder = match tls {
        None => builder.listen("muster", listener, move || frame.clone().around::<TcpStream, _, _, _>(app()).tcp()),
        Some(tls) => builder.listen("muster", listener, move || {
            let handshake = TlsAcceptorConfig::default().handshake_timeout(config.handshake);
            frame.clone().around::<TlsStream<TcpStream>, _, _, _>(app()).rustls_0_23_with_config(tls.clone(), handshake)
        }),
    }?;
    let server = builder.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(Serving { server: handle, door, config })
}

/// What is the same around the application with and without TLS.
#[derive(Clone)]
struct Frame {
    stopping: GracefulShutdownSignal,
    addr: SocketAddr,
    is_secure: bool,
    door: Arc<Door>,
    config: ServeConfig,
}

impl Frame {
    #[expect(clippy::type_complexity, reason = "services have no shorter names")]
    fn around<T, I, S, B>(
        self,
        app: I,
    ) -> HttpService<
        T,
        impl ServiceFactory<
            Request,
            Config = (),
            Response = S::Response,
            Error = HttpResponse,
            InitError = S::InitError,
            Service: Service<Request, Future: 'static>,
            Future: 'static,
        >,
        B,
        h1::ExpectHandler,
        impl ServiceFactory<
            (Request, Framed<T, h1::Codec>),
            Config = (),
            Response = (),
            Error = Broken,
            InitError = (),
            Future: 'static,
        >,
    >
    where
        T: Line,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        let Self { stopping, addr, is_secure, door, config } = self;
        let app = app.into_factory().map_err(|error: S::Error| error.into().error_response());
        HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(config.keep_alive)
            .client_request_timeout(config.slow_headers)
            .client_disconnect_timeout(Duration::from_secs(1))
            .local_addr(addr)
            .tcp_nodelay(true)
            // Who streams over plain HTTP and does not read can only be hung up on from below.
            .on_connect_ext(|line: &T, data| {
                data.insert(RawLine::of(line.socket()));
            })
            .upgrade(fn_service(move |(request, framed)| {
                let door = door.clone();
                async move { upgrade::<T>(door, request, framed).await.map_err(Broken) }
            }))
            // The only constructor that knows the address; without it links and logs would say localhost:8080.
            .finish(map_config(app, move |_| AppConfig::__priv_test_new(is_secure, addr.to_string(), addr)))
    }
}

/// How many connections each thread may serve at the same time: together half of what the process may have open, so that
/// the database, the streams and the disk are never without. More wait until others end.
fn connections_max(threads: usize) -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read and write the struct given, which outlives them.
    let known = unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            let raised = libc::rlimit {
                rlim_cur: limit.rlim_max.min(FILES_WANTED).max(limit.rlim_cur),
                rlim_max: limit.rlim_max,
            };
            libc::setrlimit(libc::RLIMIT_NOFILE, &raised);
        }
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0
    };
    let files = if known { usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX) } else { FILES_EVERYWHERE };
    (files.min(FILES_WANTED as usize) / 2 / threads.max(1)).max(CONNECTIONS_MIN)
}

/// The connection broke while it was being upgraded; nobody is left to be told.
#[derive(Debug)]
struct Broken(io::Error);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Broken> for Response<actix_http::body::BoxBody> {
    fn from(_: Broken) -> Self {
        Response::internal_server_error()
    }
}
