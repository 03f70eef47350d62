//! A bad line between a client and a server: every connection is cut at a byte, or at a moment, that dice decide, and in
//! a manner that dice decide. It never changes a byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Numbers from a seed, so that a failure can be run again.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Both ends are told at once that the connection is no more.
    Reset,
    /// Only the client hears of it; the server goes on for a while as if somebody were there.
    Forsaken,
    /// The client's side is closed, and what comes from the server still arrives for a while.
    Half,
    /// Nothing passes any more, and only later are both told.
    Silence,
}

/// One bad line in front of one server.
pub struct Cuts {
    pub addr: SocketAddr,
    count: Arc<AtomicUsize>,
    healed: Arc<AtomicBool>,
}

impl Cuts {
    pub async fn before(server: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let (count, healed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, is_healed) = (count.clone(), healed.clone());
        let next = AtomicU64::new(seed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_healed.load(Ordering::Relaxed) {
                    return;
                }
                let dice = Dice(next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed));
                let counted = counted.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    pass(client, server, dice).await;
                    counted.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Self { addr, count, healed }
    }

    /// Connections that were cut so far.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Cuts {
    fn drop(&mut self) {
        self.healed.store(true, Ordering::Relaxed);
    }
}

/// Passes bytes on until the fatal one, or the fatal moment.
async fn pass(mut client: TcpStream, mut server: TcpStream, mut dice: Dice) {
    dice.below(2);
    // Some die in the handshake or in the client's first frame, most in the middle of what the server says.
    let mut up = if dice.below(4) == 0 { dice.below(700) as usize } else { usize::MAX };
    let most = [300, 2_000, 20_000, 200_000][dice.below(4) as usize];
    let mut down = 1 + dice.below(most) as usize;
    let until = Instant::now() + Duration::from_millis(20 + dice.below(900));
    let (mut from_client, mut from_server) = ([0; 4_096], [0; 4_096]);
    while up > 0 && down > 0 {
        let (most_up, most_down) = (up.min(4_096), down.min(4_096));
        tokio::select! {
            read = client.read(&mut from_client[..most_up]) => match read {
                Ok(0) | Err(_) => return,
                Ok(n) => { up -= n; if server.write_all(&from_client[..n]).await.is_err() { return } }
            },
            read = server.read(&mut from_server[..most_down]) => match read {
                Ok(0) | Err(_) => return,
                Ok(n) => { down -= n; if client.write_all(&from_server[..n]).await.is_err() { return } }
            },
            () = sleep_until(until) => break,
        }
    }
    let manner = [Manner::Reset, Manner::Forsaken, Manner::Half, Manner::Silence][dice.below(4) as usize];
    cut(manner, client, server, Duration::from_millis(20 + dice.below(300))).await;
}

async fn cut(manner: Manner, mut client: TcpStream, mut server: TcpStream, while_: Duration) {
    let until = Instant::now() + while_;
    let reset = |line: &TcpStream| line.set_zero_linger().ok();
    match manner {
        Manner::Reset => {
            reset(&client);
            reset(&server);
        }
        Manner::Forsaken => {
            drop(client);
            let mut lost = [0; 4_096];
            while let Ok(Ok(1..)) = timeout_at(until, server.read(&mut lost)).await {}
        }
        Manner::Half => {
            server.shutdown().await.ok();
            let mut late = [0; 4_096];
            while let Ok(Ok(n @ 1..)) = timeout_at(until, server.read(&mut late)).await {
                if client.write_all(&late[..n]).await.is_err() {
                    return;
                }
            }
        }
        Manner::Silence => {
            sleep_until(until).await;
            reset(&client);
            reset(&server);
        }
    }
}
