//! The newest mark of every worker of one account, by when it changed, and the deltas that everybody with the same view
//! is sent: encoded once a tick, whoever asks first. It knows of no socket.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h3o::Resolution;
use muster_domain::ids::WorkerId;

use super::clusters::{Cells, Clusters};
use crate::hub::frames;
use crate::radar::Mark;

/// Choirs in which nobody sang for so long are forgotten; no tick is longer than half of it.
const CHOIR_FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// One account's marks on this thread, ordered by when they changed.
#[derive(Debug, Default)]
pub struct Marks {
    /// Everything is known: the survey has answered.
    pub complete: bool,
    revision: u64,
    /// Somebody was told everything up to here.
    told: u64,
    latest: BTreeMap<WorkerId, (u64, Option<Mark>)>,
    changed: BTreeMap<u64, WorkerId>,
    choirs: BTreeMap<Duration, Choir>,
    /// Where a new choir begins to count, so that nobody takes its verses for those of a forgotten one.
    first_verse: u64,
    cells: Cells,
}

/// Everybody who sees the whole account at the same pace.
#[derive(Debug)]
struct Choir {
    verse: u64,
    /// The verse tells what changed after this and up to `upto`.
    after: u64,
    upto: u64,
    sung_at: Instant,
    /// The verse, by the name under which it is sent.
    frames: BTreeMap<String, Rc<[Bytes]>>,
}

/// What is due to somebody who sees the whole account.
#[derive(Debug)]
pub(super) enum Due {
    Nothing,
    /// He heard the verse before: this one brings him to `upto`.
    Verse {
        verse: u64,
        upto: u64,
        frames: Rc<[Bytes]>,
    },
    /// He missed some: what changed since is his alone.
    Alone {
        verse: u64,
    },
}

impl Marks {
    pub fn put(&mut self, marks: &Arc<[Mark]>) {
        for mark in marks.iter() {
            self.set(mark.worker, (!mark.is_removal()).then(|| mark.clone()));
        }
    }

    /// The whole account at once: whoever is not in it is gone.
    pub fn replace(&mut self, marks: &Arc<[Mark]>) {
        let here: BTreeSet<WorkerId> = marks.iter().map(|mark| mark.worker).collect();
        let gone: Vec<WorkerId> =
            self.present().filter(|mark| !here.contains(&mark.worker)).map(|m| m.worker).collect();
        for worker in gone {
            self.set(worker, None);
        }
        for mark in marks.iter() {
            let known = self.latest.get(&mark.worker).and_then(|(_, known)| known.as_ref());
            if known.is_none_or(|known| known.json != mark.json) {
                self.set(mark.worker, Some(mark.clone()));
            }
        }
        self.complete = true;
    }

    fn set(&mut self, worker: WorkerId, mark: Option<Mark>) {
        self.revision += 1;
        if let Some((old, _)) = self.latest.insert(worker, (self.revision, mark)) {
            self.changed.remove(&old);
            if old > self.told {
                metrics::counter!("muster_stream_conflated_total").increment(1);
            }
        }
        self.changed.insert(self.revision, worker);
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// A subscription stands at the newest revision.
    pub(super) fn is_told(&mut self) {
        self.told = self.revision;
    }

    /// When this worker's mark last changed.
    pub(super) fn changed_at(&self, worker: &WorkerId) -> u64 {
        self.latest.get(worker).map_or(0, |(at, _)| *at)
    }

    /// Everybody who was ever marked, whether or not he still is.
    pub(super) fn everybody(&self) -> impl Iterator<Item = WorkerId> {
        self.latest.keys().copied()
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Mark> {
        self.latest.values().filter_map(|(_, mark)| mark.as_ref())
    }

    pub(super) fn changed_since(&self, revision: u64) -> impl Iterator<Item = (u64, WorkerId, Option<&Mark>)> {
        self.changed
            .range(revision + 1..)
            .map(|(at, worker)| (*at, *worker, self.latest.get(worker).and_then(|(_, mark)| mark.as_ref())))
    }

    /// The account as clusters of this resolution, and as of which revision: at most a little old.
    pub(super) fn clusters(&mut self, resolution: Resolution, now: Instant) -> (u64, &Clusters) {
        let marks = self.latest.iter().filter_map(|(_, (at, mark))| Some((*at, mark.as_ref()?)));
        self.cells.clusters(resolution, self.revision, marks, now)
    }

    /// A new voice: the number of the verse that it need not hear, because a snapshot holds it.
    pub(super) fn join(&mut self, tick: Duration, now: Instant) -> u64 {
        self.choir(tick, now).verse
    }

    fn choir(&mut self, tick: Duration, now: Instant) -> &mut Choir {
        if !self.choirs.contains_key(&tick) {
            let first_verse = &mut self.first_verse;
            self.choirs.retain(|_, choir| {
                *first_verse = (*first_verse).max(choir.verse + 2);
                now.saturating_duration_since(choir.sung_at) < CHOIR_FORGOTTEN_AFTER
            });
        }
        let (upto, verse) = (self.revision, self.first_verse);
        self.choirs.entry(tick).or_insert_with(|| Choir {
            verse,
            after: upto,
            upto,
            sung_at: now,
            frames: BTreeMap::new(),
        })
    }

    /// What is due to a voice under this name (as JSON) that heard `heard` last. The first to ask when a tick is over
    /// begins the next verse.
    pub(super) fn due(&mut self, id: &str, tick: Duration, heard: Option<u64>, now: Instant) -> Due {
        let revision = self.revision;
        let choir = self.choir(tick, now);
        if revision > choir.upto && now >= choir.sung_at + tick {
            (choir.after, choir.upto, choir.sung_at) = (choir.upto, revision, now);
            choir.verse += 1;
            choir.frames.clear();
        }
        let (verse, after, upto) = (choir.verse, choir.after, choir.upto);
        match heard {
            Some(heard) if heard == verse => Due::Nothing,
            Some(heard) if heard + 1 == verse => {
                if let Some(frames) = choir.frames.get(id) {
                    return Due::Verse { verse, upto, frames: frames.clone() };
                }
                let frames: Rc<[Bytes]> = self.encoded(id, after, upto).into();
                self.told = self.told.max(upto);
                self.choir(tick, now).frames.insert(id.to_owned(), frames.clone());
                Due::Verse { verse, upto, frames }
            }
            _ => Due::Alone { verse },
        }
    }

    /// When something is due to a voice that heard `heard` last.
    pub(super) fn due_at(&self, tick: Duration, heard: Option<u64>, now: Instant) -> Option<Instant> {
        match self.choirs.get(&tick) {
            Some(choir) if heard == Some(choir.verse) => (self.revision > choir.upto).then_some(choir.sung_at + tick),
            Some(_) | None => Some(now),
        }
    }

    /// Frames that tell the changes after one revision and up to another.
    fn encoded(&self, id: &str, after: u64, upto: u64) -> Vec<Bytes> {
        let (mut up, mut rm) = (VecDeque::new(), VecDeque::new());
        for (_, worker, mark) in self.changed_since(after).take_while(|(at, ..)| *at <= upto) {
            match mark {
                Some(mark) => up.push_back(mark.json.clone()),
                None => rm.push_back(quoted(worker)),
            }
        }
        deltas(id, &mut [("rm", rm), ("up", up)]).into()
    }
}

pub(super) fn quoted(name: impl std::fmt::Display) -> Bytes {
    format!("\"{name}\"").into()
}

/// As many frames as these lists need; none for nothing.
pub(super) fn deltas(id: &str, lists: &mut [(&str, VecDeque<Bytes>)]) -> VecDeque<Bytes> {
    let mut frames = VecDeque::new();
    while lists.iter().any(|(_, items)| !items.is_empty()) {
        frames.push_back(frames::several(lists, |_| format!(r#"{{"type":"delta","id":{id}"#)));
    }
    frames
}
