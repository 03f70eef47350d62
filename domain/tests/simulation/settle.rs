//! The end of every run: nothing goes wrong any more, so everybody must get his answer, and all must come to agree.

use crate::check;
use crate::server::Server;
use crate::world::{SERVERS, World};

/// Steps until nobody waits for anything.
const SETTLES_WITHIN: u64 = 4_000;

impl World {
    /// Nothing goes wrong any more: everybody must get his answer, and all must come to agree.
    pub fn settle(&mut self) {
        self.calm = true;
        for server in 0..SERVERS {
            self.servers[server].up = true;
            self.servers[server].paused_until = 0;
        }
        self.say(|| "everything heals".to_owned());
        self.rest();
        self.servers.iter_mut().for_each(|server| server.behind = true);
        self.rest();
        self.agree();
    }

    fn rest(&mut self) {
        let end = self.step + SETTLES_WITHIN;
        while self.step < end && self.store.truth.broken.is_none() && !self.is_settled() {
            self.step += 1;
            let server = (self.step % SERVERS as u64) as usize;
            self.call();
            self.carry();
            self.carry();
            self.turn(server);
            self.serve(server);
            self.serve(server);
            self.read();
        }
        let settled = self.is_settled();
        self.store.truth.require(settled, || "it does not come to rest".to_owned());
    }

    fn agree(&mut self) {
        for at in 0..self.readers.len() {
            self.resume(at);
            self.readers[at].server.get_or_insert(0);
        }
        for server in 0..SERVERS {
            let news = self.servers[server].feed.look(&self.store);
            self.pass_on(server, &news);
            if let Some(board) = &self.servers[server].committed {
                let (position, current) = (board.position(), self.store.board_seq);
                self.store.truth.require(position == current, || format!("{server} stays behind"));
                check::memory(&mut self.store, server, board);
            }
        }
        let loaded = self.store.load(self.now);
        check::memory(&mut self.store, SERVERS, &loaded);
        check::journal(&mut self.store);
        let lost = self.told.keys().find(|key| !self.store.truth.effects.contains_key(key)).copied();
        self.store.truth.require(lost.is_none(), || format!("{lost:?} was acknowledged and is lost"));
        for reader in &self.readers {
            check::view(&mut self.store, reader);
            let current = reader.seq.is_none_or(|seq| seq == self.store.seq);
            self.store.truth.require(current, || "a reader stays behind".to_owned());
        }
    }

    fn is_settled(&self) -> bool {
        let idle = self.servers.iter().all(Server::is_idle);
        idle && self.network.is_empty() && self.callers.iter().all(|caller| caller.wish.is_none())
    }
}
