//! One log subscription: a snapshot or a cursor, then every event that its viewer may see, chained by `prev`. Pure;
//! what it cannot know by itself it asks for.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use muster_domain::TimeWindow;
use muster_domain::ids::WorkerId;
use muster_domain::journal::Fact;
use uuid::Uuid;

use super::frames::{self, Cursor};
use crate::feed::{Delivered, Replay};
use crate::ports::Wire;

/// Events that may wait for a slow socket or for a snapshot; one more and the socket is closed as slow.
pub const BACKLOG_MAX: usize = 8_192;

/// What a schedule looks like at `seq`.
#[derive(Clone, Debug)]
pub struct Picture {
    pub epoch: Uuid,
    pub seq: i64,
    /// Resource objects, by id.
    pub visits: Vec<Bytes>,
}

#[derive(Debug)]
enum Phase {
    /// The account's feed has not said yet where it stands.
    Joining(Option<Cursor>),
    Replaying,
    Loading,
    /// A snapshot that is older than what this subscription would hear next: what lies between is being read.
    Bridging(VecDeque<Bytes>),
    /// The rest of a snapshot; the first frame is due even when it is empty.
    Sending(VecDeque<Bytes>),
    Live,
}

#[derive(Debug, PartialEq)]
pub enum Need {
    Picture,
    Replay { after: i64 },
}

#[derive(Debug)]
pub struct LogSub {
    /// The client's name for it, as JSON.
    id: String,
    range: TimeWindow,
    /// Sees only visits of this worker.
    viewer: Option<WorkerId>,
    phase: Phase,
    epoch: Uuid,
    /// Everything after it is heard.
    since: i64,
    /// The newest entry that was considered, whether or not it is shown.
    reached: i64,
    /// The last entry that was sent.
    sent: i64,
    backlog: VecDeque<Arc<Delivered>>,
}

/// More events waited than may wait.
#[derive(Debug, PartialEq)]
pub struct Overflow;

/// How one entry concerns a viewer of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Event,
    Removal,
    Not,
}

pub fn shown(fact: &Fact, range: &TimeWindow, viewer: Option<WorkerId>) -> Shown {
    let Fact::Visit(fact) = fact else {
        return match viewer {
            Some(worker) if !fact.audience().contains(&worker) => Shown::Not,
            _ => Shown::Event,
        };
    };
    let (visit, before) = (&fact.visit, &fact.before);
    let is_his = |workers: &std::collections::BTreeSet<WorkerId>| viewer.is_none_or(|me| workers.contains(&me));
    let is = visit.is_on_schedule(range) && is_his(&visit.workers);
    let was = before.as_ref().is_some_and(|before| before.is_on_schedule(range) && is_his(&before.workers));
    match (is, was) {
        (true, _) => Shown::Event,
        (false, true) => Shown::Removal,
        (false, false) => Shown::Not,
    }
}

/// The epoch as this viewer gets it: a cursor of somebody who saw the whole account is none for one who sees his own.
pub fn cursor_epoch(epoch: Uuid, viewer: Option<WorkerId>) -> String {
    match viewer {
        None => epoch.to_string(),
        Some(worker) => Uuid::new_v5(&epoch, worker.0.as_bytes()).to_string(),
    }
}

impl LogSub {
    pub fn new(id: &str, range: TimeWindow, viewer: Option<WorkerId>, resume: Option<Cursor>) -> Self {
        Self {
            id: frames::quoted(id),
            range,
            viewer,
            phase: Phase::Joining(resume),
            epoch: Uuid::nil(),
            since: 0,
            reached: 0,
            sent: 0,
            backlog: VecDeque::new(),
        }
    }

    pub fn range(&self) -> (TimeWindow, Option<WorkerId>) {
        (self.range, self.viewer)
    }

    /// For the heartbeat: nothing up to here is missing, so a client may resume from here.
    pub fn upto(&self) -> Option<(&str, i64)> {
        (matches!(self.phase, Phase::Live) && self.backlog.is_empty()).then_some((self.id.as_str(), self.reached))
    }

    fn epoch_text(&self) -> String {
        cursor_epoch(self.epoch, self.viewer)
    }

    /// The feed stands at `upto`; everything after it will come.
    pub fn joined(&mut self, epoch: Uuid, upto: i64) -> (Vec<Bytes>, Option<Need>) {
        let Phase::Joining(resume) = &mut self.phase else { return (Vec::new(), None) };
        let resume = resume.take();
        self.epoch = epoch;
        (self.since, self.reached) = (upto, upto);
        let text = self.epoch_text();
        match resume {
            Some(cursor) if cursor.epoch == text => {
                self.phase = Phase::Replaying;
                (self.sent, self.since) = (cursor.seq, cursor.seq);
                (Vec::new(), Some(Need::Replay { after: cursor.seq }))
            }
            other => {
                self.phase = Phase::Loading;
                let mut out = vec![frames::subscribed_log(&self.id, &text, upto, false)];
                if other.is_some() {
                    out.push(frames::reset(&self.id, &text, upto));
                }
                (out, Some(Need::Picture))
            }
        }
    }

    /// What was sent cannot be continued: a reset, then a snapshot.
    pub fn lost(&mut self, epoch: Uuid, upto: i64) -> (Vec<Bytes>, Option<Need>) {
        if let Phase::Joining(_) = self.phase {
            return self.joined(epoch, upto);
        }
        let first = matches!(self.phase, Phase::Replaying);
        (self.epoch, self.phase) = (epoch, Phase::Loading);
        (self.since, self.reached) = (upto, upto);
        self.backlog.clear();
        let text = self.epoch_text();
        let mut out = Vec::new();
        if first {
            out.push(frames::subscribed_log(&self.id, &text, upto, false));
        }
        out.push(frames::reset(&self.id, &text, upto));
        (out, Some(Need::Picture))
    }

    pub fn happened(&mut self, entries: &[Arc<Delivered>]) -> Result<(), Overflow> {
        if let Phase::Joining(_) = self.phase {
            return Ok(());
        }
        for entry in entries {
            let newest = self.backlog.back().map_or(i64::MIN, |last| last.seq());
            if entry.seq() <= newest || !self.is_told(entry) {
                continue;
            }
            if self.backlog.len() >= BACKLOG_MAX {
                return Err(Overflow);
            }
            self.backlog.push_back(entry.clone());
        }
        self.reached = entries.last().map_or(self.reached, |last| self.reached.max(last.seq()));
        Ok(())
    }

    fn is_told(&self, entry: &Delivered) -> bool {
        entry.json.is_some() && shown(&entry.entry.fact, &self.range, self.viewer) != Shown::Not
    }

    /// The answer to `Need::Replay`.
    pub fn replayed(&mut self, replay: &Replay, upto: i64) -> (Vec<Bytes>, Option<Need>) {
        if !matches!(self.phase, Phase::Replaying | Phase::Bridging(_)) {
            return (Vec::new(), None);
        }
        let Replay::Events { entries, upto: reached } = replay else {
            return self.lost(self.epoch, upto);
        };
        let waiting = std::mem::take(&mut self.backlog);
        // Behind a snapshot only the visits matter: the rest happened before this subscription.
        let matters = |entry: &Delivered| {
            matches!(self.phase, Phase::Replaying)
                || entry.seq() > self.since
                || matches!(*entry.entry.fact, Fact::Visit(_))
        };
        self.backlog = entries.iter().filter(|entry| self.is_told(entry) && matters(entry)).cloned().collect();
        let last = self.backlog.back().map_or(self.sent, |entry| entry.seq());
        self.backlog.extend(waiting.into_iter().filter(|entry| entry.seq() > *reached));
        self.reached = self.reached.max(*reached);
        match std::mem::replace(&mut self.phase, Phase::Live) {
            Phase::Bridging(visits) => {
                self.phase = Phase::Sending(visits);
                (Vec::new(), None)
            }
            _ => (vec![frames::subscribed_log(&self.id, &self.epoch_text(), last, true)], None),
        }
    }

    /// The answer to `Need::Picture`. One of another epoch is asked for again, until the feed has heard of it too.
    pub fn loaded(&mut self, picture: Picture) -> Option<Need> {
        if !matches!(self.phase, Phase::Loading) {
            return None;
        }
        if picture.epoch != self.epoch {
            return Some(Need::Picture);
        }
        let has_gap = picture.seq < self.since;
        self.backlog.retain(|entry| entry.seq() > picture.seq);
        self.sent = picture.seq;
        self.reached = self.reached.max(picture.seq);
        if has_gap {
            self.phase = Phase::Bridging(picture.visits.into());
            return Some(Need::Replay { after: picture.seq });
        }
        self.phase = Phase::Sending(picture.visits.into());
        None
    }

    /// The next frame for a socket that has room; `None` when nothing waits.
    pub fn pump(&mut self, wire: &dyn Wire) -> Option<Bytes> {
        match &mut self.phase {
            Phase::Sending(rest) => {
                let (id, seq) = (&self.id, self.sent);
                let head = |last| format!(r#"{{"type":"snapshot","id":{id},"seq":{seq},"last":{last},"visits":["#);
                let frame = frames::listed(rest, head);
                if rest.is_empty() {
                    self.phase = Phase::Live;
                }
                Some(frame)
            }
            Phase::Live => loop {
                let entry = self.backlog.pop_front()?;
                if entry.seq() > self.sent
                    && let Some(frame) = self.show(&entry, wire)
                {
                    self.sent = entry.seq();
                    return Some(frame);
                }
            },
            Phase::Joining(_) | Phase::Replaying | Phase::Loading | Phase::Bridging(_) => None,
        }
    }

    fn show(&self, entry: &Delivered, wire: &dyn Wire) -> Option<Bytes> {
        let json = match (shown(&entry.entry.fact, &self.range, self.viewer), &*entry.entry.fact) {
            (Shown::Removal, Fact::Visit(fact)) => entry.removal(wire, fact.visit.id),
            (Shown::Event, _) => entry.json.clone()?,
            (Shown::Removal | Shown::Not, _) => return None,
        };
        Some(frames::event(&self.id, self.sent, entry.seq(), &json))
    }

    /// Still waiting for its first data.
    pub fn is_waiting(&self) -> bool {
        !matches!(self.phase, Phase::Sending(_) | Phase::Live)
    }
}
