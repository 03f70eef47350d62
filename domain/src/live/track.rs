//! Where a worker is now: the newest points, read like a track whatever order they came in. Keeps a few points and where
//! all older ones led to; whether a point was stored before is for the store to say.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::path::{Path, Seen};
use super::{Point, Standing, Trouble, Use};
use crate::Place;

/// Points whose order of arrival does not matter: what comes later than so many newer ones is history.
pub const WINDOW: usize = 6;

/// What a point meant for the worker's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// He is there now, or still where he was.
    Moved,
    /// History: it belongs to the track and moves nobody.
    Late,
    /// Known already.
    Duplicate,
    /// Noise, or not to be believed yet: it belongs to the track, and is word from the phone.
    Unused,
}

/// One worker's position, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackState {
    /// Where the points before the window lead to, the last of them, and where he would be shown by them alone.
    before: Path,
    floor: Option<Order>,
    held: Option<There>,
    /// The newest points in their order.
    window: Vec<Seen>,
    shown: Option<Point>,
    heard_at: Option<DateTime<Utc>>,
    /// The charge while not charging, by the newest point that speaks of it.
    battery: Option<(Order, Option<f32>)>,
    trouble: Option<Trouble>,
    judged: Use,
}

type Order = (DateTime<Utc>, DateTime<Utc>, Uuid);

/// A true point, and where it shows him: where he stands if he stands.
type There = (Seen, Place);

impl TrackState {
    pub fn accept(&mut self, point: &Point) -> Accepted {
        self.hear(point.received_at);
        self.note_battery(point);
        let seen = Seen::of(point);
        let order = seen.order();
        self.judged = Use { late: true, ..Use::default() };
        if self.window.iter().any(|held| (held.at, held.id) == (point.at, point.id)) {
            return Accepted::Duplicate;
        }
        if self.floor.is_some_and(|floor| order <= floor) {
            return Accepted::Late;
        }
        let index = self.window.partition_point(|held| held.order() < order);
        let is_newest = index == self.window.len();
        self.window.reserve_exact((WINDOW + 1).saturating_sub(self.window.len()));
        self.window.insert(index, seen);
        let before = self.shown.as_ref().map(|shown| (shown.order(), shown.place));
        (self.shown, self.judged) = self.read(point);
        if self.window.len() > WINDOW {
            self.let_go();
        }
        match self.shown.as_ref().map(|shown| (shown.order(), shown.place)) {
            now if now != before => Accepted::Moved,
            _ if is_newest && !point.is_late() => Accepted::Unused,
            _ => Accepted::Late,
        }
    }

    /// Reads the window anew. Late points place only who has no other place.
    fn read(&self, arrived: &Point) -> (Option<Point>, Use) {
        let (mut path, mut judged) = (self.before.clone(), Use::default());
        let mut there: Option<(&Seen, Place)> = self.held.as_ref().map(|(seen, place)| (seen, *place));
        for seen in &self.window {
            let verdict = path.step(seen).verdict;
            if (seen.at, seen.id) == (arrived.at, arrived.id) {
                judged = seen.use_as(verdict);
            }
            if verdict.places() && (!seen.is_late() || there.is_none_or(|(held, _)| held.is_late())) {
                there = Some((seen, path.rests().unwrap_or(seen.place)));
            }
        }
        let Some((seen, place)) = there else { return (None, judged) };
        let is_it = |point: &&Point| (point.at, point.id) == (seen.at, seen.id);
        let known = self.shown.as_ref().filter(is_it).or(Some(arrived).filter(is_it)).cloned();
        (Some(Point { place, ..known.unwrap_or_else(|| seen.point()) }), judged)
    }

    /// The oldest of the window becomes history.
    fn let_go(&mut self) {
        let oldest = self.window.remove(0);
        self.floor = Some(oldest.order());
        let is_true = self.before.step(&oldest).verdict.places();
        if is_true && (!oldest.is_late() || self.held.as_ref().is_none_or(|(held, _)| held.is_late())) {
            let place = self.before.rests().unwrap_or(oldest.place);
            self.held = Some((oldest, place));
        }
    }

    fn note_battery(&mut self, point: &Point) {
        let speaks = point.battery_pct.is_some() || point.charging == Some(true);
        if speaks && self.battery.is_none_or(|(order, _)| order <= point.order()) {
            self.battery = Some((point.order(), point.battery_pct.filter(|_| point.charging != Some(true))));
        }
    }

    /// Word from the phone that moved nobody.
    pub fn hear(&mut self, received_at: DateTime<Utc>) {
        self.heard_at = self.heard_at.max(Some(received_at));
    }

    /// What the phone says is wrong with it, or that nothing is.
    pub fn note_trouble(&mut self, trouble: Option<Trouble>) {
        self.trouble = trouble;
    }

    /// How the last accepted point was read, as far as one could tell when it came.
    pub fn judged(&self) -> Use {
        self.judged
    }

    /// Where he is shown: the newest true point, moved to where he stands if he stands.
    pub fn latest(&self) -> Option<&Point> {
        self.shown.as_ref()
    }

    pub fn standing(&self) -> Standing {
        let battery_pct = self.battery.and_then(|(_, pct)| pct);
        Standing { heard_at: self.heard_at, battery_pct, trouble: self.trouble }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, proptest};

    use super::super::filter;
    use super::super::path::tests::{WILD, wild};
    use super::super::point::tests::{at, point};
    use super::*;

    type Outcome = (Option<(DateTime<Utc>, f64, f64)>, Vec<(Order, Use)>, Standing);

    /// The position and the track that remain; every point goes to the track, whatever it meant for the position.
    fn run(points: &[Point]) -> Outcome {
        let mut state = TrackState::default();
        for point in points {
            state.accept(point);
        }
        let latest = state.latest().map(|point| (point.at, point.place.lat, point.place.lng));
        let mut track: Vec<_> = points.iter().map(Point::order).zip(filter(points).uses).collect();
        track.sort_by_key(|(order, _)| *order);
        (latest, track, state.standing())
    }

    /// At most as many as the window holds, in any two orders.
    fn few() -> impl Strategy<Value = (Vec<Point>, Vec<Point>)> {
        wild(1..WINDOW + 2).prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle()))
    }

    /// Any number, of which none is overtaken by as many as the window holds.
    fn overtaken() -> impl Strategy<Value = (Vec<Point>, Vec<Point>)> {
        let places_late = proptest::collection::vec(0..WINDOW, WILD);
        (wild(1..WILD), places_late).prop_map(|(points, late)| {
            let mut sorted = points;
            sorted.sort_by_key(Point::order);
            let mut arrived: Vec<(usize, Point)> =
                sorted.iter().enumerate().map(|(rank, point)| (rank + late[rank], point.clone())).collect();
            arrived.sort_by_key(|(place, _)| *place);
            (sorted, arrived.into_iter().map(|(_, point)| point).collect())
        })
    }

    fn shuffled() -> impl Strategy<Value = (Vec<Point>, Vec<Point>)> {
        wild(1..WILD).prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle()))
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_same_position_and_track((sent, arrived) in few()) {
            prop_assert_eq!(run(&sent), run(&arrived));
        }

        #[test]
        fn points_that_overtake_each_other_give_the_same_position_and_track((sent, arrived) in overtaken()) {
            prop_assert_eq!(run(&sent), run(&arrived));
        }

        #[test]
        fn any_order_at_all_gives_the_same_track_and_standing((sent, arrived) in shuffled()) {
            let ((_, track, standing), (_, other, as_well)) = (run(&sent), run(&arrived));
            prop_assert_eq!((track, standing), (other, as_well));
        }

        #[test]
        fn the_position_is_the_newest_true_point_of_the_track(sent in wild(1..WILD)) {
            let mut sorted: Vec<Point> = sent.into_iter().map(|one| Point { received_at: one.at, ..one }).collect();
            sorted.sort_by_key(Point::order);
            let uses = filter(&sorted).uses;
            let newest = |is_true: fn(&Use) -> bool| {
                let true_ones = sorted.iter().zip(&uses).filter(|(_, one)| is_true(one));
                true_ones.map(|(point, _)| point.order()).max()
            };
            let mut state = TrackState::default();
            for point in &sorted {
                state.accept(point);
            }
            let shown = state.latest().map(Point::order);
            prop_assert!(shown >= newest(|one| one.used), "at least the newest that is used");
            prop_assert!(shown <= newest(|one| one.used || one.jitter), "noise of a standstill refreshes it, nothing else");
        }

        #[test]
        fn a_position_never_goes_back_in_time_while_points_come_in_order(sent in wild(1..WILD)) {
            let mut sorted = sent;
            sorted.sort_by_key(Point::order);
            let mut state = TrackState::default();
            let mut before = None;
            for point in &sorted {
                state.accept(point);
                let now = state.latest().filter(|shown| !shown.is_late()).map(Point::order);
                prop_assert!(now >= before || now.is_none(), "{:?} after {:?}", now, before);
                before = now.max(before);
            }
        }
    }

    #[test]
    fn an_older_fix_never_replaces_a_newer_one() {
        let mut state = TrackState::default();
        assert_eq!(state.accept(&point(1, at("2026-11-30T08:01:00Z"), 47.1, 9.5)), Accepted::Moved);
        assert_eq!(state.accept(&point(9, at("2026-11-30T08:00:30Z"), 47.1, 9.5)), Accepted::Late);
        assert_eq!(state.accept(&point(1, at("2026-11-30T08:01:00Z"), 47.1, 9.5)), Accepted::Duplicate);
        assert_eq!(state.accept(&point(2, at("2026-11-30T08:03:00Z"), 47.11, 9.5)), Accepted::Moved);
        assert_eq!(state.latest().map(|point| point.place.lat), Some(47.11));
    }

    #[test]
    fn a_clock_that_runs_ahead_does_not_hold_up_what_comes_after() {
        let mut state = TrackState::default();
        let mut ahead = point(1, at("2026-11-30T08:04:00Z"), 47.0, 9.0);
        ahead.received_at = at("2026-11-30T08:00:00Z");
        let mut next = point(2, at("2026-11-30T08:00:30Z"), 47.01, 9.01);
        next.received_at = at("2026-11-30T08:00:30Z");
        assert_eq!(state.accept(&ahead), Accepted::Moved);
        assert_eq!(state.accept(&next), Accepted::Moved);
    }

    #[test]
    fn of_two_phones_the_corrected_time_decides() {
        let mut state = TrackState::default();
        let fast = Point {
            ahead_ms: 7_200_000,
            received_at: at("2026-11-30T08:00:00Z"),
            ..point(1, at("2026-11-30T10:00:00Z"), 47.0, 9.0)
        };
        let slow = Point {
            ahead_ms: -7_200_000,
            received_at: at("2026-11-30T08:02:00Z"),
            ..point(2, at("2026-11-30T06:02:00Z"), 47.01, 9.0)
        };
        assert_eq!(state.accept(&slow), Accepted::Moved);
        assert_eq!(state.accept(&fast), Accepted::Late, "it is two minutes older, whatever its own clock says");
        assert_eq!(state.latest().map(|point| point.place.lat), Some(47.01));
    }

    #[test]
    fn what_was_late_moves_nobody_and_shows_him_who_was_nowhere() {
        let mut state = TrackState::default();
        let late = |id: u128, measured: &str, lat: f64| Point {
            received_at: at("2026-11-30T09:00:00Z"),
            ..point(id, at(measured), lat, 9.0)
        };
        assert_eq!(state.accept(&late(1, "2026-11-30T08:00:00Z", 47.0)), Accepted::Moved);
        assert_eq!(state.accept(&late(2, "2026-11-30T08:10:00Z", 47.01)), Accepted::Moved);
        assert_eq!(state.accept(&point(3, at("2026-11-30T09:00:10Z"), 47.02, 9.0)), Accepted::Moved);
        let still_late =
            Point { received_at: at("2026-11-30T09:20:00Z"), ..point(4, at("2026-11-30T09:10:00Z"), 47.05, 9.0) };
        assert_eq!(state.accept(&still_late), Accepted::Late);
        assert_eq!(state.latest().map(|point| point.place.lat), Some(47.02));
        assert_eq!(state.standing().heard_at, Some(at("2026-11-30T09:20:00Z")), "but it is word from him");
    }

    #[test]
    fn a_made_up_fix_is_word_and_no_place() {
        let mut state = TrackState::default();
        state.accept(&point(1, at("2026-11-30T08:00:00Z"), 47.0, 9.0));
        let mock = Point { mock: true, ..point(2, at("2026-11-30T08:01:00Z"), 47.001, 9.0) };
        assert_eq!(state.accept(&mock), Accepted::Unused);
        assert_eq!(state.latest().map(|point| point.id.as_u128()), Some(1));
        assert_eq!(state.standing().heard_at, Some(at("2026-11-30T08:01:00Z")));
    }

    #[test]
    fn a_worker_takes_less_than_a_kilobyte() {
        let heap = (WINDOW + 1) * size_of::<Seen>();
        let all = size_of::<TrackState>() + heap;
        assert!(all <= 1_200, "{all} = {} + {heap}", size_of::<TrackState>());
        let mut state = TrackState::default();
        for s in 0..100 {
            state.accept(&point(s, at("2026-11-30T08:00:00Z") + TimeDelta::seconds(s as i64), 47.0, 9.0));
        }
        assert!(state.window.capacity() <= WINDOW + 1, "{}", state.window.capacity());
    }
}
