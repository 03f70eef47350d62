//! The newest entries of one account's journal, in order and without a gap. Pure: it asks nobody and sends nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use muster_domain::ids::VisitId;

use crate::ports::{Entry, Wire};

/// How many entries a ring remembers.
pub const RING: usize = 4_096;
/// How many entries may wait for one that is missing before them.
const AHEAD: usize = 1_024;

/// An entry on its way to the sockets: its JSON is made once and shared.
#[derive(Debug)]
pub struct Delivered {
    pub entry: Entry,
    /// `None` for what the stream does not carry.
    pub json: Option<Bytes>,
    removal: OnceLock<Bytes>,
}

impl Delivered {
    pub fn new(entry: Entry, wire: &dyn Wire) -> Arc<Self> {
        let json = wire.event(&entry);
        Arc::new(Self { entry, json, removal: OnceLock::new() })
    }

    pub fn seq(&self) -> i64 {
        self.entry.seq
    }

    /// The event that takes its visit off a subscription. Few need it, so it is made when the first one does.
    pub fn removal(&self, wire: &dyn Wire, visit: VisitId) -> Bytes {
        self.removal.get_or_init(|| wire.removal(&self.entry, visit)).clone()
    }
}

/// What a ring has of the journal after a position.
#[derive(Debug)]
pub enum Held {
    Here(Vec<Arc<Delivered>>),
    Older,
    /// The position is past the end that this ring knows of.
    Ahead,
}

#[derive(Debug)]
pub struct Ring {
    last: i64,
    /// The highest number anybody spoke of: past `last`, something is missing.
    known: i64,
    kept: VecDeque<Arc<Delivered>>,
    ahead: BTreeMap<i64, Arc<Delivered>>,
    room: usize,
}

impl Ring {
    /// An empty ring that continues after `last`.
    pub fn new(last: i64) -> Self {
        Self::with_room(last, RING)
    }

    pub(super) fn with_room(last: i64, room: usize) -> Self {
        Self { last, known: last, kept: VecDeque::new(), ahead: BTreeMap::new(), room }
    }

    pub fn last(&self) -> i64 {
        self.last
    }

    pub fn has_gap(&self) -> bool {
        self.known > self.last
    }

    /// Is `seq` known to exist, though it may not be here yet?
    pub fn expects(&self, seq: i64) -> bool {
        seq <= self.known
    }

    /// Somebody saw the journal's end at `seq`.
    pub fn hear_of(&mut self, seq: i64) {
        self.known = self.known.max(seq);
    }

    /// The journal turned out to end where this ring does.
    pub fn trust_the_table(&mut self) {
        self.known = self.ahead.keys().next_back().map_or(self.last, |seq| self.last.max(*seq));
    }

    /// Takes entries in whatever order, also again; true when the ring grew.
    pub fn take(&mut self, entries: impl IntoIterator<Item = Arc<Delivered>>) -> bool {
        let before = self.last;
        for entry in entries {
            let seq = entry.seq();
            self.hear_of(seq);
            if seq == self.last + 1 {
                self.append(entry);
                while let Some(next) = self.ahead.remove(&(self.last + 1)) {
                    self.append(next);
                }
            } else if seq > self.last && self.ahead.len() < AHEAD {
                self.ahead.insert(seq, entry);
            }
        }
        self.last > before
    }

    fn append(&mut self, entry: Arc<Delivered>) {
        self.last = entry.seq();
        if self.kept.len() >= self.room {
            self.kept.pop_front();
        }
        self.kept.push_back(entry);
    }

    pub fn after(&self, seq: i64) -> Held {
        let oldest = self.last - self.kept.len() as i64;
        match seq {
            _ if seq > self.last => Held::Ahead,
            _ if seq < oldest => Held::Older,
            _ => Held::Here(self.kept.range((seq - oldest) as usize..).cloned().collect()),
        }
    }
}
