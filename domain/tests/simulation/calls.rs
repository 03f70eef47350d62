//! Requests and answers on their way: late, lost, repeated, out of order.

use std::rc::Rc;

use crate::caller::{self, Wish};
use crate::server::{Asked, Out, Reply};
use crate::store::Key;
use crate::world::{CALLERS, Message, SERVERS, World};

/// A caller repeats himself when he has waited for so many steps.
const PATIENCE: u64 = 90;

impl World {
    /// Somebody wishes something, or asks again.
    pub fn call(&mut self) {
        let at = self.dice.below(CALLERS);
        let server = self.dice.below(SERVERS);
        let step = self.step;
        let wish = match &mut self.callers[at].wish {
            Some((wish, since)) if *since + PATIENCE < step => {
                *since = step;
                Rc::clone(wish)
            }
            None if !self.calm => {
                let by = caller::author(&mut self.dice);
                let lately = self.store.lately();
                let command = caller::wish(&mut self.dice, &self.store.rows, by, lately, self.long_days);
                let key = (at, self.callers[at].wishes);
                let wish = Rc::new(Wish { key, command, by, poisoned: self.dice.chance(2) });
                self.say(|| format!("wished: {wish:?}"));
                self.callers[at].wishes += 1;
                self.callers[at].wish = Some((Rc::clone(&wish), step));
                wish
            }
            Some(_) | None => return,
        };
        self.network.push(Message::Ask { server, wish });
    }

    /// One message arrives; not necessarily the oldest.
    pub fn carry(&mut self) {
        if self.network.is_empty() {
            return;
        }
        let at = self.dice.below(self.network.len());
        match self.network.remove(at) {
            Message::Ask { server, wish } => self.arrive(server, &wish),
            Message::Tell { key, reply } => self.told(key, *reply),
            Message::Hint { server } if self.servers[server].up => {
                let news = self.servers[server].feed.look(&self.store);
                self.pass_on(server, &news);
            }
            Message::Behind { server } => self.servers[server].behind |= self.servers[server].up,
            Message::Hint { .. } => {}
        }
    }

    fn arrive(&mut self, server: usize, wish: &Wish) {
        if !self.servers[server].up {
            return;
        }
        self.arrivals += 1;
        let command = caller::with_fresh_ids(&wish.command, &mut self.fresh);
        let since = self.store.board_seq;
        let key = wish.key;
        let asked = Asked { key, arrival: self.arrivals, command, by: wish.by, poisoned: wish.poisoned, since };
        let mut out = Out::default();
        self.say(|| format!("{key:?} arrives at {server}"));
        self.servers[server].submit(asked, &mut out);
        self.after(server, out);
    }

    fn told(&mut self, key: Key, reply: Reply) {
        match reply {
            Reply::Answered(answer) | Reply::Replayed(answer) => {
                let effect = answer.facts > 0;
                let before = if effect { self.told.insert(key, answer.clone()) } else { None };
                let same = before.is_none_or(|before| before == answer);
                self.store.truth.require(same, || format!("{key:?} was told two answers"));
                self.settled(key);
            }
            Reply::Diverged => self.settled(key),
            Reply::Full | Reply::Unknown | Reply::Unavailable => {
                if let Some((_, since)) = self.callers[key.0].wish.as_mut().filter(|(wish, _)| wish.key == key) {
                    *since = self.step.saturating_sub(PATIENCE);
                }
            }
        }
    }

    fn settled(&mut self, key: Key) {
        let wish = &mut self.callers[key.0].wish;
        if wish.as_ref().is_some_and(|(wish, _)| wish.key == key) {
            *wish = None;
        }
    }

    pub fn lose_or_repeat(&mut self) {
        if self.network.is_empty() || self.calm {
            return;
        }
        let at = self.dice.below(self.network.len());
        let again = match &self.network[at] {
            Message::Ask { wish, .. } if self.dice.chance(60) => Some(Rc::clone(wish)),
            _ => None,
        };
        match again {
            Some(wish) => {
                let server = self.dice.below(SERVERS);
                self.network.push(Message::Ask { server, wish });
            }
            None => drop(self.network.remove(at)),
        }
    }
}
