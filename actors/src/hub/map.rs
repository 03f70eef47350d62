//! Live positions for sockets: the newest mark of every worker of an account, and per subscription what of it was
//! shown. Only the newest counts; whoever leaves the viewport is taken off. Pure, lossy by contract.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_domain::ids::WorkerId;

use super::frames::{self, CHUNK_BYTES, Viewport};
use crate::radar::Mark;

/// Workers in focus are told at least this often.
const FOCUS_TICK: Duration = Duration::from_millis(250);

/// One account's marks on this thread, ordered by when they changed.
#[derive(Debug, Default)]
pub struct Marks {
    /// Everything is known: the survey has answered.
    pub complete: bool,
    revision: u64,
    latest: BTreeMap<WorkerId, (u64, Option<Mark>)>,
    changed: BTreeMap<u64, WorkerId>,
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
        }
        self.changed.insert(self.revision, worker);
    }

    fn present(&self) -> impl Iterator<Item = &Mark> {
        self.latest.values().filter_map(|(_, mark)| mark.as_ref())
    }

    fn changed_since(&self, revision: u64) -> impl Iterator<Item = (u64, WorkerId, Option<&Mark>)> {
        self.changed
            .range(revision + 1..)
            .map(|(at, worker)| (*at, *worker, self.latest.get(worker).and_then(|(_, mark)| mark.as_ref())))
    }
}

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
    focus: BTreeSet<WorkerId>,
    tick: Duration,
    /// Sees only himself.
    viewer: Option<WorkerId>,
    phase: Phase,
    seen: u64,
    shown: BTreeSet<WorkerId>,
    sent_at: Option<Instant>,
    focus_sent_at: Option<Instant>,
    focus_seen: BTreeMap<WorkerId, u64>,
    /// The viewport moved: everything is looked at again.
    rescan: bool,
    /// A delta that was too long for one frame.
    more: VecDeque<Bytes>,
}

impl MapSub {
    pub fn new(
        id: &str,
        viewport: Option<Viewport>,
        focus: Vec<WorkerId>,
        tick: Duration,
        viewer: Option<WorkerId>,
    ) -> Self {
        Self {
            id: frames::quoted(id),
            viewport,
            focus: focus.into_iter().collect(),
            tick,
            viewer,
            phase: Phase::Waiting,
            seen: 0,
            shown: BTreeSet::new(),
            sent_at: None,
            focus_sent_at: None,
            focus_seen: BTreeMap::new(),
            rescan: false,
            more: VecDeque::new(),
        }
    }

    pub fn subscribed(&self) -> Bytes {
        frames::subscribed_state(&self.id, self.tick.as_millis() as u64)
    }

    pub fn update(&mut self, viewport: Option<Viewport>, focus: Option<Vec<WorkerId>>) {
        self.viewport = viewport.or(self.viewport);
        if let Some(focus) = focus {
            self.focus = focus.into_iter().collect();
            self.focus_seen.clear();
        }
        self.rescan = true;
    }

    fn shows(&self, mark: &Mark) -> bool {
        self.viewer.is_none_or(|me| me == mark.worker)
            && self.viewport.is_none_or(|view| view.contains(mark.place.lat, mark.place.lng))
    }

    /// The next frame for a socket that has room; `None` when nothing is due.
    pub fn pump(&mut self, marks: &Marks, now: Instant) -> Option<Bytes> {
        match &mut self.phase {
            Phase::Waiting if marks.complete => {
                self.begin(marks, now);
                self.pump(marks, now)
            }
            Phase::Waiting => None,
            Phase::Sending(rest) => {
                let id = &self.id;
                let head = |last| format!(r#"{{"type":"snapshot","id":{id},"last":{last},"workers":["#);
                let frame = frames::listed(rest, head);
                if rest.is_empty() {
                    self.phase = Phase::Live;
                }
                Some(frame)
            }
            Phase::Live => self.more.pop_front().or_else(|| self.delta(marks, now)),
        }
    }

    fn begin(&mut self, marks: &Marks, now: Instant) {
        let visible: Vec<&Mark> = marks.present().filter(|mark| self.shows(mark)).collect();
        self.shown = visible.iter().map(|mark| mark.worker).collect();
        self.phase = Phase::Sending(visible.iter().map(|mark| mark.json.clone()).collect());
        (self.seen, self.rescan) = (marks.revision, false);
        (self.sent_at, self.focus_sent_at) = (Some(now), Some(now));
    }

    fn is_due(&self, last: Option<Instant>, tick: Duration, now: Instant) -> bool {
        last.is_none_or(|last| now >= last + tick)
    }

    fn delta(&mut self, marks: &Marks, now: Instant) -> Option<Bytes> {
        let (mut up, mut rm) = (VecDeque::new(), Vec::new());
        if self.rescan {
            self.rescan = false;
            self.look_again(marks, &mut up, &mut rm);
        } else if marks.revision > self.seen && self.is_due(self.sent_at, self.tick, now) {
            for (at, worker, mark) in marks.changed_since(self.seen) {
                if self.focus_seen.get(&worker).is_none_or(|sent| *sent < at) {
                    self.tell(worker, mark, &mut up, &mut rm);
                }
            }
            self.focus_seen.clear();
            self.seen = marks.revision;
        } else if self.focus_is_due(now) {
            for (at, worker, mark) in marks.changed_since(self.seen) {
                let is_news = self.focus_seen.get(&worker).is_none_or(|sent| *sent < at);
                if is_news && self.focus.contains(&worker) {
                    self.focus_seen.insert(worker, at);
                    self.tell(worker, mark, &mut up, &mut rm);
                }
            }
            if !up.is_empty() || !rm.is_empty() {
                self.focus_sent_at = Some(now);
            }
            return self.encoded(up, rm);
        }
        if !up.is_empty() || !rm.is_empty() {
            (self.sent_at, self.focus_sent_at) = (Some(now), Some(now));
        }
        self.encoded(up, rm)
    }

    fn focus_is_due(&self, now: Instant) -> bool {
        !self.focus.is_empty() && self.is_due(self.focus_sent_at, FOCUS_TICK.min(self.tick), now)
    }

    fn tell(&mut self, worker: WorkerId, mark: Option<&Mark>, up: &mut VecDeque<Bytes>, rm: &mut Vec<WorkerId>) {
        match mark.filter(|mark| self.shows(mark)) {
            Some(mark) => {
                self.shown.insert(worker);
                up.push_back(mark.json.clone());
            }
            None if self.shown.remove(&worker) => rm.push(worker),
            None => {}
        }
    }

    /// After the viewport moved: what came into sight, what changed meanwhile, what left.
    fn look_again(&mut self, marks: &Marks, up: &mut VecDeque<Bytes>, rm: &mut Vec<WorkerId>) {
        let visible: BTreeMap<WorkerId, &Mark> =
            marks.present().filter(|mark| self.shows(mark)).map(|mark| (mark.worker, mark)).collect();
        rm.extend(self.shown.iter().filter(|worker| !visible.contains_key(worker)));
        for (worker, mark) in &visible {
            let changed = marks.latest.get(worker).is_some_and(|(at, _)| *at > self.seen);
            if changed || !self.shown.contains(worker) {
                up.push_back(mark.json.clone());
            }
        }
        self.shown = visible.into_keys().collect();
        self.focus_seen.clear();
        self.seen = marks.revision;
    }

    fn encoded(&mut self, mut up: VecDeque<Bytes>, rm: Vec<WorkerId>) -> Option<Bytes> {
        if up.is_empty() && rm.is_empty() {
            return None;
        }
        let mut rm: VecDeque<Bytes> = rm.iter().map(|worker| format!("\"{worker}\"").into()).collect();
        let mut frames = VecDeque::new();
        while !up.is_empty() || !rm.is_empty() {
            let id = &self.id;
            let most = CHUNK_BYTES / 2 / 39;
            let gone: Vec<String> =
                rm.drain(..rm.len().min(most)).map(|worker| String::from_utf8_lossy(&worker).into_owned()).collect();
            let head = format!(r#"{{"type":"delta","id":{id},"rm":[{}],"up":["#, gone.join(","));
            frames.push_back(frames::listed(&mut up, |_| head));
        }
        let first = frames.pop_front();
        self.more = frames;
        first
    }

    /// Something changed that this subscription has not been told.
    pub fn has_work(&self, marks: &Marks) -> bool {
        match self.phase {
            Phase::Waiting => marks.complete,
            Phase::Sending(_) => true,
            Phase::Live => self.rescan || !self.more.is_empty() || marks.revision > self.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::Place;
    use uuid::Uuid;

    use super::*;

    fn mark(n: u128, lat: f64, lng: f64) -> Mark {
        let worker = WorkerId(Uuid::from_u128(n));
        Mark { worker, place: Place { lat, lng }, json: format!(r#"{{"id":"{n}","lat":{lat}}}"#).into() }
    }
    fn sub(viewport: Option<[f64; 4]>) -> MapSub {
        MapSub::new("m", viewport.map(Viewport), Vec::new(), Duration::from_millis(1_000), None)
    }
    fn text(frame: Option<Bytes>) -> String {
        String::from_utf8(frame.expect("a frame").to_vec()).expect("text")
    }
    fn known(marks: &[Mark]) -> Marks {
        let mut known = Marks::default();
        known.replace(&marks.iter().cloned().collect());
        known
    }

    #[test]
    fn a_snapshot_comes_even_when_it_is_empty() {
        let now = Instant::now();
        let mut map = sub(None);
        assert_eq!(map.pump(&Marks::default(), now), None, "not before the survey has answered");
        assert_eq!(text(map.pump(&known(&[]), now)), r#"{"type":"snapshot","id":"m","last":true,"workers":[]}"#);
    }

    #[test]
    fn positions_of_one_worker_replace_each_other_and_leaving_the_viewport_is_told() {
        let start = Instant::now();
        let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 9.0, 9.0)]);
        let mut map = sub(Some([0.0, 0.0, 5.0, 5.0]));
        assert!(text(map.pump(&marks, start)).contains(r#""id":"1""#));
        marks.put(&[mark(1, 2.0, 2.0)].into());
        marks.put(&[mark(1, 3.0, 3.0)].into());
        assert_eq!(map.pump(&marks, start), None, "not before the tick");
        let later = start + Duration::from_millis(1_000);
        assert_eq!(text(map.pump(&marks, later)), r#"{"type":"delta","id":"m","rm":[],"up":[{"id":"1","lat":3}]}"#);
        marks.put(&[mark(1, 8.0, 8.0)].into());
        let much_later = later + Duration::from_secs(60);
        let left = text(map.pump(&marks, much_later));
        assert!(left.contains(&Uuid::from_u128(1).to_string()) && left.contains(r#""up":[]"#), "{left}");
        assert_eq!(map.pump(&marks, much_later + Duration::from_secs(9)), None);
    }

    #[test]
    fn a_moved_viewport_shows_what_came_into_sight_and_takes_off_what_left() {
        let now = Instant::now();
        let marks = known(&[mark(1, 1.0, 1.0), mark(2, 9.0, 9.0)]);
        let mut map = sub(Some([0.0, 0.0, 5.0, 5.0]));
        map.pump(&marks, now);
        map.update(Some(Viewport([5.0, 5.0, 10.0, 10.0])), None);
        let moved = text(map.pump(&marks, now));
        assert!(moved.contains(r#""up":[{"id":"2""#) && moved.contains(&Uuid::from_u128(1).to_string()), "{moved}");
    }

    #[test]
    fn a_worker_in_focus_is_told_sooner_and_not_twice() {
        let start = Instant::now();
        let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 1.0, 1.0)]);
        let focus = vec![WorkerId(Uuid::from_u128(1))];
        let mut map = MapSub::new("m", None, focus, Duration::from_millis(1_000), None);
        map.pump(&marks, start);
        marks.put(&[mark(1, 2.0, 2.0), mark(2, 2.0, 2.0)].into());
        let soon = text(map.pump(&marks, start + Duration::from_millis(250)));
        assert!(soon.contains(r#""id":"1""#) && !soon.contains(r#""id":"2""#), "{soon}");
        let tick = text(map.pump(&marks, start + Duration::from_millis(1_000)));
        assert!(!tick.contains(r#""id":"1""#) && tick.contains(r#""id":"2""#), "{tick}");
    }

    #[test]
    fn a_worker_sees_himself_alone_and_one_who_vanished_is_taken_off() {
        let now = Instant::now();
        let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 1.0, 1.0)]);
        let me = Some(WorkerId(Uuid::from_u128(1)));
        let mut map = MapSub::new("m", None, Vec::new(), Duration::from_millis(1_000), me);
        let snapshot = text(map.pump(&marks, now));
        assert!(snapshot.contains(r#""id":"1""#) && !snapshot.contains(r#""id":"2""#));
        marks.replace(&[mark(2, 1.0, 1.0)].into());
        assert!(text(map.pump(&marks, now + Duration::from_secs(2))).contains(&Uuid::from_u128(1).to_string()));
    }
}
