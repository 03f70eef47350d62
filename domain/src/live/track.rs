//! Where a worker is: the latest of all points by (device time, id), in whatever order they arrive. Keeps no history;
//! whether a point was stored before is for the store to say.

use chrono::{DateTime, Utc};

use super::{Point, Standing};

/// What a point meant for the worker's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is the newest: he is there now.
    Moved,
    /// History: it belongs to the track and moves nobody.
    Late,
    /// The newest point once more.
    Duplicate,
}

/// One worker's position, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackState {
    latest: Option<Point>,
    heard_at: Option<DateTime<Utc>>,
}

impl TrackState {
    pub fn accept(&mut self, point: Point) -> Accepted {
        self.heard_at = self.heard_at.max(Some(point.received_at));
        match &self.latest {
            Some(latest) if point.order() == latest.order() => Accepted::Duplicate,
            Some(latest) if point.order() < latest.order() => Accepted::Late,
            Some(_) | None => {
                self.latest = Some(point);
                Accepted::Moved
            }
        }
    }

    /// Word from the phone that moved nobody.
    pub fn hear(&mut self, received_at: DateTime<Utc>) {
        self.heard_at = self.heard_at.max(Some(received_at));
    }

    pub fn latest(&self) -> Option<&Point> {
        self.latest.as_ref()
    }

    pub fn standing(&self) -> Standing {
        let battery = self.latest.as_ref().filter(|point| point.charging != Some(true));
        Standing { heard_at: self.heard_at, battery_pct: battery.and_then(|point| point.battery_pct) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Just, Strategy, prop_assert_eq, proptest};

    use super::super::point::tests::{at, point};
    use super::*;

    /// Points as phones send them: clustered in time, some at the same instant, some repeated.
    fn points() -> impl Strategy<Value = Vec<Point>> {
        let one = (0i64..40, 0u128..4, 0i64..600);
        proptest::collection::vec(one, 1..40).prop_map(|rows| {
            let start = at("2026-11-30T08:00:00Z");
            rows.into_iter()
                .map(|(s, id, delay_s)| {
                    // What lies at an identity depends on it alone: the same point sent twice is the same point.
                    let when = start + chrono::TimeDelta::seconds(s * 15);
                    let mut made = point(id, when, 47.0 + s as f64 / 100.0, 9.0 + id as f64 / 100.0);
                    made.received_at = when + chrono::TimeDelta::seconds(delay_s);
                    made
                })
                .collect()
        })
    }

    #[test]
    fn a_clock_that_runs_ahead_does_not_hold_up_what_comes_after() {
        let mut state = TrackState::default();
        let mut ahead = point(1, at("2026-11-30T08:04:00Z"), 47.0, 9.0);
        ahead.received_at = at("2026-11-30T08:00:00Z");
        let mut next = point(2, at("2026-11-30T08:00:10Z"), 47.1, 9.1);
        next.received_at = at("2026-11-30T08:00:10Z");
        assert_eq!(state.accept(ahead), Accepted::Moved);
        assert_eq!(state.accept(next), Accepted::Moved);
    }

    fn shuffled() -> impl Strategy<Value = (Vec<Point>, Vec<Point>)> {
        points().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle()))
    }

    /// The position and the track that remain; every point goes to the track, whatever it meant for the position.
    fn run(points: &[Point]) -> (Option<(DateTime<Utc>, f64, f64)>, Vec<(DateTime<Utc>, u128)>, Standing) {
        let mut state = TrackState::default();
        let mut track = BTreeMap::new();
        for point in points {
            state.accept(point.clone());
            track.insert(point.order(), point.id.as_u128());
        }
        let latest = state.latest().map(|point| (point.at, point.place.lat, point.place.lng));
        (latest, track.into_iter().map(|((_, at, _), id)| (at, id)).collect(), state.standing())
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_same_position_and_track((sent, arrived) in shuffled()) {
            prop_assert_eq!(run(&sent), run(&arrived));
        }

        #[test]
        fn the_position_is_the_newest_point_and_only_newer_ones_move(sent in points()) {
            let mut state = TrackState::default();
            for point in &sent {
                let before = state.latest().map(Point::order);
                let meant = state.accept(point.clone());
                let expected = match before {
                    Some(order) if order == point.order() => Accepted::Duplicate,
                    Some(order) if order > point.order() => Accepted::Late,
                    Some(_) | None => Accepted::Moved,
                };
                prop_assert_eq!(meant, expected);
            }
            prop_assert_eq!(state.latest().map(Point::order), sent.iter().map(Point::order).max());
        }
    }

    #[test]
    fn an_older_fix_never_replaces_a_newer_one() {
        let mut state = TrackState::default();
        assert_eq!(state.accept(point(1, at("2026-11-30T08:01:00Z"), 47.1, 9.5)), Accepted::Moved);
        assert_eq!(state.accept(point(9, at("2026-11-30T08:00:59Z"), 48.0, 9.5)), Accepted::Late);
        assert_eq!(state.accept(point(1, at("2026-11-30T08:01:00Z"), 47.1, 9.5)), Accepted::Duplicate);
        assert_eq!(state.accept(point(2, at("2026-11-30T08:01:00Z"), 47.2, 9.5)), Accepted::Moved);
        assert_eq!(state.latest().map(|point| point.place.lat), Some(47.2));
    }
}
