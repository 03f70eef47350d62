//! Live positions for sockets: per subscription, what of the account's marks was shown. Only the newest counts; whoever
//! leaves the viewport is taken off. Pure, lossy by contract.

mod clusters;
mod marks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h3o::CellIndex;
use muster_domain::ids::WorkerId;

use super::frames::{self, Look, Viewport};
use crate::radar::Mark;
use clusters::{WORKERS_FROM_ZOOM, resolution};
pub use marks::Marks;
use marks::{Due, deltas, quoted};

/// Workers in focus are told at least this often: with the radar's tick and the hub's, a quarter of a second in all.
const FOCUS_TICK: Duration = Duration::from_millis(200);
/// However fast somebody pans, what comes into sight is told no more often than this.
const LOOK_TICK: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum Phase {
    /// The account's marks are not complete yet.
    Waiting,
    Sending(VecDeque<Bytes>),
    Live,
}

#[derive(Debug)]
pub struct MapSub {
    /// The client's name for it, as JSON.
    id: String,
    viewport: Option<Viewport>,
    zoom: Option<f64>,
    focus: BTreeSet<WorkerId>,
    tick: Duration,
    /// Sees only himself.
    viewer: Option<WorkerId>,
    phase: Phase,
    seen: u64,
    /// Who is on the client's map; not kept for those who see everybody.
    shown: BTreeSet<WorkerId>,
    shown_clusters: BTreeMap<CellIndex, Bytes>,
    /// As of which revision the clusters are.
    counted: u64,
    /// Who sees everybody is told in verses that all such subscriptions share: the last one that was heard.
    verse: Option<u64>,
    sent_at: Option<Instant>,
    focus_sent_at: Option<Instant>,
    focus_seen: BTreeMap<WorkerId, u64>,
    /// The viewport moved: everything is looked at again.
    rescan: bool,
    looked_at: Option<Instant>,
    /// A delta that was too long for one frame.
    more: VecDeque<Bytes>,
}

/// What one delta says.
#[derive(Debug, Default)]
struct Delta {
    up: VecDeque<Bytes>,
    rm: VecDeque<Bytes>,
    clusters: VecDeque<Bytes>,
    rm_clusters: VecDeque<Bytes>,
}

impl Delta {
    fn is_empty(&self) -> bool {
        [&self.up, &self.rm, &self.clusters, &self.rm_clusters].into_iter().all(VecDeque::is_empty)
    }

    fn frames(self, id: &str) -> VecDeque<Bytes> {
        let Delta { up, rm, clusters, rm_clusters } = self;
        if clusters.is_empty() && rm_clusters.is_empty() {
            return deltas(id, &mut [("rm", rm), ("up", up)]);
        }
        deltas(id, &mut [("rm", rm), ("up", up), ("rmClusters", rm_clusters), ("clusters", clusters)])
    }
}

fn is_over(last: Option<Instant>, tick: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now >= last + tick)
}

impl MapSub {
    pub fn new(id: &str, look: Look, tick: Duration, viewer: Option<WorkerId>) -> Self {
        Self {
            id: frames::quoted(id),
            viewport: look.viewport,
            zoom: look.zoom,
            focus: look.focus.unwrap_or_default().into_iter().collect(),
            tick,
            viewer,
            phase: Phase::Waiting,
            seen: 0,
            shown: BTreeSet::new(),
            shown_clusters: BTreeMap::new(),
            counted: 0,
            verse: None,
            sent_at: None,
            focus_sent_at: None,
            focus_seen: BTreeMap::new(),
            rescan: false,
            looked_at: None,
            more: VecDeque::new(),
        }
    }

    pub fn subscribed(&self) -> Bytes {
        frames::subscribed_state(&self.id, self.tick.as_millis() as u64)
    }

    pub fn update(&mut self, look: Look, marks: &Marks) {
        if self.sees_everybody() {
            // He was told of everybody, so everybody may have to be taken off.
            self.shown = marks.everybody().collect();
        }
        self.viewport = look.viewport.or(self.viewport);
        self.zoom = look.zoom.or(self.zoom);
        if let Some(focus) = look.focus {
            self.focus = focus.into_iter().collect();
            self.focus_seen.clear();
        }
        self.verse = None;
        self.rescan = true;
    }

    /// Far away, workers are counted instead of shown. Who sees only himself is never a crowd.
    fn is_far(&self) -> bool {
        self.viewer.is_none() && self.zoom.is_some_and(|zoom| zoom < WORKERS_FROM_ZOOM)
    }

    fn sees_everybody(&self) -> bool {
        self.viewer.is_none() && self.viewport.is_none() && self.focus.is_empty() && !self.is_far()
    }

    fn shows(&self, mark: &Mark) -> bool {
        self.viewer.is_none_or(|me| me == mark.worker)
            && self.viewport.is_none_or(|view| view.contains(mark.place.lat, mark.place.lng))
            && (!self.is_far() || self.focus.contains(&mark.worker))
    }

    /// The next frame for a socket that has room; `None` when nothing is due.
    pub fn pump(&mut self, marks: &mut Marks, now: Instant) -> Option<Bytes> {
        match &mut self.phase {
            Phase::Waiting if marks.complete => {
                self.begin(marks, now);
                self.pump(marks, now)
            }
            Phase::Waiting => None,
            Phase::Sending(rest) => {
                let frame = rest.pop_front();
                if rest.is_empty() {
                    self.phase = Phase::Live;
                }
                frame
            }
            Phase::Live => self.more.pop_front().or_else(|| {
                self.more = self.delta(marks, now);
                self.more.pop_front()
            }),
        }
    }

    fn begin(&mut self, marks: &mut Marks, now: Instant) {
        self.verse = self.sees_everybody().then(|| marks.join(self.tick, now));
        let visible: Vec<&Mark> = marks.present().filter(|mark| self.shows(mark)).collect();
        let workers = visible.iter().map(|mark| mark.json.clone()).collect();
        if self.verse.is_none() {
            self.shown = visible.iter().map(|mark| mark.worker).collect();
        }
        (self.seen, self.rescan) = (marks.revision(), false);
        (self.sent_at, self.focus_sent_at, self.looked_at) = (Some(now), Some(now), Some(now));
        let mut lists = vec![("workers", workers)];
        if self.is_far() {
            let mut delta = Delta::default();
            self.tell_clusters(marks, now, &mut delta);
            lists.push(("clusters", delta.clusters));
        }
        let mut frames = VecDeque::new();
        while frames.is_empty() || lists.iter().any(|(_, items)| !items.is_empty()) {
            let head = |last| format!(r#"{{"type":"snapshot","id":{},"last":{last}"#, self.id);
            frames.push_back(frames::several(&mut lists, head));
        }
        self.phase = Phase::Sending(frames);
    }

    fn delta(&mut self, marks: &mut Marks, now: Instant) -> VecDeque<Bytes> {
        let mut delta = Delta::default();
        if self.rescan {
            if !is_over(self.looked_at, LOOK_TICK, now) {
                return VecDeque::new();
            }
            (self.rescan, self.looked_at) = (false, Some(now));
            self.look_again(marks, now, &mut delta);
        } else if self.sees_everybody() {
            return self.listen(marks, now);
        } else if self.is_behind(marks) && is_over(self.sent_at, self.tick, now) {
            for (at, worker, mark) in marks.changed_since(self.seen) {
                if self.focus_seen.get(&worker).is_none_or(|sent| *sent < at) {
                    self.tell(worker, mark, &mut delta);
                }
            }
            self.tell_clusters(marks, now, &mut delta);
            self.focus_seen.clear();
            self.seen = marks.revision();
            marks.is_told();
        } else if is_over(self.focus_sent_at, FOCUS_TICK.min(self.tick), now) {
            for (worker, at) in self.focus_news(marks) {
                self.focus_seen.insert(worker, at);
                let mark = marks.changed_since(at - 1).next().and_then(|(_, _, mark)| mark);
                self.tell(worker, mark, &mut delta);
            }
            self.focus_sent_at = if delta.is_empty() { self.focus_sent_at } else { Some(now) };
            return delta.frames(&self.id);
        }
        if !delta.is_empty() {
            (self.sent_at, self.focus_sent_at) = (Some(now), Some(now));
        }
        delta.frames(&self.id)
    }

    /// What everybody is told who sees everybody.
    fn listen(&mut self, marks: &mut Marks, now: Instant) -> VecDeque<Bytes> {
        match marks.due(&self.id, self.tick, self.verse, now) {
            Due::Nothing => VecDeque::new(),
            Due::Verse { verse, upto, frames } => {
                (self.verse, self.seen) = (Some(verse), upto.max(self.seen));
                frames.iter().cloned().collect()
            }
            Due::Alone { verse } => {
                let mut delta = Delta::default();
                for (_, worker, mark) in marks.changed_since(self.seen) {
                    match mark {
                        Some(mark) => delta.up.push_back(mark.json.clone()),
                        None => delta.rm.push_back(quoted(worker)),
                    }
                }
                (self.verse, self.seen) = (Some(verse), marks.revision());
                delta.frames(&self.id)
            }
        }
    }

    fn is_behind(&self, marks: &Marks) -> bool {
        marks.revision() > self.seen || (self.is_far() && marks.revision() > self.counted)
    }

    /// Those in focus who changed since they were told of, and when they did.
    fn focus_news(&self, marks: &Marks) -> Vec<(WorkerId, u64)> {
        let told = |worker: &WorkerId| self.focus_seen.get(worker).map_or(self.seen, |told| self.seen.max(*told));
        let changed = self.focus.iter().map(|worker| (*worker, marks.changed_at(worker)));
        changed.filter(|(worker, at)| *at > told(worker)).collect()
    }

    fn tell(&mut self, worker: WorkerId, mark: Option<&Mark>, delta: &mut Delta) {
        match mark.filter(|mark| self.shows(mark)) {
            Some(mark) => {
                self.shown.insert(worker);
                delta.up.push_back(mark.json.clone());
            }
            None if self.shown.remove(&worker) => delta.rm.push_back(quoted(worker)),
            None => {}
        }
    }

    /// The clusters in sight that are not as they were told, and those that left it.
    fn tell_clusters(&mut self, marks: &mut Marks, now: Instant, delta: &mut Delta) {
        let mut visible = BTreeMap::new();
        if let Some(zoom) = self.zoom.filter(|_| self.is_far()) {
            let (counted, clusters) = marks.clusters(resolution(zoom), now);
            self.counted = counted;
            let in_sight = clusters.iter().filter(|(_, at)| self.viewport.is_none_or(|v| v.contains(at.lat, at.lng)));
            visible = in_sight.map(|(cell, cluster)| (*cell, cluster.json.clone())).collect();
        }
        let gone = self.shown_clusters.keys().filter(|cell| !visible.contains_key(cell));
        delta.rm_clusters.extend(gone.map(quoted));
        let news = visible.iter().filter(|(cell, json)| self.shown_clusters.get(cell) != Some(json));
        delta.clusters.extend(news.map(|(_, json)| json.clone()));
        self.shown_clusters = visible;
    }

    /// After the viewport moved: what came into sight, what changed meanwhile, what left.
    fn look_again(&mut self, marks: &mut Marks, now: Instant, delta: &mut Delta) {
        let visible: BTreeMap<WorkerId, &Mark> =
            marks.present().filter(|mark| self.shows(mark)).map(|mark| (mark.worker, mark)).collect();
        delta.rm.extend(self.shown.iter().filter(|worker| !visible.contains_key(worker)).map(quoted));
        for (worker, mark) in &visible {
            if marks.changed_at(worker) > self.seen || !self.shown.contains(worker) {
                delta.up.push_back(mark.json.clone());
            }
        }
        self.shown = if self.sees_everybody() { BTreeSet::new() } else { visible.into_keys().collect() };
        self.focus_seen.clear();
        self.seen = marks.revision();
        self.tell_clusters(marks, now, delta);
    }

    /// When there will be something to tell, as far as is known.
    pub fn due_at(&self, marks: &Marks, now: Instant) -> Option<Instant> {
        let after = |last: Option<Instant>, tick| last.map_or(now, |last| last + tick);
        match self.phase {
            Phase::Waiting => marks.complete.then_some(now),
            Phase::Sending(_) => Some(now),
            Phase::Live if !self.more.is_empty() => Some(now),
            Phase::Live if self.rescan => Some(after(self.looked_at, LOOK_TICK)),
            Phase::Live if self.sees_everybody() => marks.due_at(self.tick, self.verse, now),
            Phase::Live => {
                let all = self.is_behind(marks).then(|| after(self.sent_at, self.tick));
                let is_focus = all.is_some() && !self.focus_news(marks).is_empty();
                let focus = is_focus.then(|| after(self.focus_sent_at, FOCUS_TICK.min(self.tick)));
                focus.into_iter().chain(all).min()
            }
        }
    }
}
