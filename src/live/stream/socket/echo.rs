//! The socket under somebody else's examination: it says back what it hears, for `scripts/test-autobahn`, which runs the
//! Autobahn test suite against it. Nothing of the protocol above the frames is met here.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_http::ws::hash_key;
use bytes::Bytes;
use muster_actors::hub::{Bye, Outlet, Who};
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, UserId};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::{Entry, Host, Knock, live};
use crate::http::{Code, Problem};

/// The suite sends messages of up to 16 MiB.
const MAX_FRAME_BYTES: usize = 16 << 20;

/// Listens here until it is killed.
const ADDRESS: &str = "MUSTER_ECHO_LISTEN";

#[derive(Default)]
struct Echo {
    socket: RefCell<Option<Rc<dyn Outlet>>>,
}

impl Host for Echo {
    fn auth_within(&self) -> Duration {
        Duration::from_secs(5)
    }
    fn came_nameless(&self) {}
    fn no_longer_nameless(&self) {}
    fn admit(&self, _: String) -> Knock {
        Box::pin(async { Err(Problem::new(Code::UNAUTHENTICATED, "Everybody is known here.")) })
    }
    fn sit(&mut self, socket: Rc<dyn Outlet>, _: Who) -> Option<u64> {
        self.socket.replace(Some(socket));
        Some(1)
    }
    fn heard(&self, _: u64, text: &str) {
        if let Some(socket) = &*self.socket.borrow() {
            socket.send(Bytes::copy_from_slice(text.as_bytes()));
        }
    }
    fn drained(&self, _: u64) {}
    fn left(&self, _: u64) {
        self.socket.take();
    }
    fn close(&self, _: u64, bye: Bye) {
        if let Some(socket) = self.socket.take() {
            // The suite knows the codes of the RFC, and no text of ours before them.
            let code = match bye {
                Bye::NotText => 1003,
                Bye::NotUtf8 => 1007,
                Bye::FrameTooLarge => 1009,
                _ => 1002,
            };
            socket.close(Bytes::new(), code, bye.reason());
        }
    }
}

async fn serve(mut io: TcpStream) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        io.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let key = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let Some((_, key)) = key else { return Ok(()) };
    let accept = String::from_utf8(hash_key(key.trim().as_bytes()).to_vec()).expect("base64 is ASCII");
    let handshake = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let who = Who {
        account: AccountId(Uuid::nil()),
        user: UserId(Uuid::nil()),
        role: Role::Owner,
        session: None,
        expires_at: None,
    };
    io.set_nodelay(true)?;
    live(io, handshake.into(), &[], Entry::Known(who), Echo::default(), MAX_FRAME_BYTES);
    Ok(())
}

#[test]
#[ignore = "serves until it is killed, for scripts/test-autobahn"]
fn echoes_for_the_autobahn_suite() {
    let address = std::env::var(ADDRESS).expect("MUSTER_ECHO_LISTEN says where to listen");
    actix_rt::System::new().block_on(async move {
        let listener = TcpListener::bind(address).await.expect("a free port");
        while let Ok((io, _)) = listener.accept().await {
            actix_rt::spawn(serve(io));
        }
    });
}
