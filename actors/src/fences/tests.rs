//! The index and the states against an oracle that looks at every zone for every fix and shares no code with them but
//! the distance between two places; and arrivals on their way to a board that has no time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::customers::Geofence;
use muster_domain::dispatch::board::SeenArrival;
use muster_domain::ids::{AccountId, PropertyId, WorkerId};
use muster_domain::live::Point;
use muster_domain::live::fence::{Crossed, Fix, Zone};
use uuid::Uuid;

use super::{AccountFences, Crossing, FenceStates, Fences, Proposals, QUEUE_LIMIT, Told, ZoneIndex};
use crate::ports::{Later, Unavailable, ZoneSource, Zones};

const ZONES: usize = 1_000;
const WORKERS: u128 = 24;
const FIXES: usize = 400;
const DEGREE_M: f64 = 111_195.08;
/// A town, and another one across the date line.
const TOWNS: [Place; 2] = [Place { lat: 47.14, lng: 9.52 }, Place { lat: -17.0, lng: 180.0 }];
const TOWN_M: f64 = 9_000.0;

/// SplitMix64: the same walks every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
    fn below(&mut self, count: usize) -> usize {
        (self.next() * count as f64) as usize
    }
}

fn start() -> DateTime<Utc> {
    "2026-11-30T08:00:00Z".parse().expect("RFC 3339")
}

fn place(town: Place, east: f64, north: f64) -> Place {
    let lng = town.lng + east / DEGREE_M / town.lat.to_radians().cos();
    Place { lat: town.lat + north / DEGREE_M, lng: if lng > 180.0 { lng - 360.0 } else { lng } }
}

/// A zone as the oracle knows it.
struct Plot {
    town: usize,
    east: f64,
    north: f64,
    fence: Option<Geofence>,
    at: Place,
}

fn plots(dice: &mut Dice) -> Vec<Plot> {
    let plot = |n: usize| {
        let (east, north) = (dice.between(-TOWN_M, TOWN_M), dice.between(-TOWN_M, TOWN_M));
        let town = n % 2;
        let fence = match n % 5 {
            0 => None,
            // Not on the date line, where polygons may not be.
            1 | 2 if town == 0 => {
                let count = 3 + dice.below(9);
                let corner = |at: usize, r: f64| {
                    let angle = std::f64::consts::TAU * at as f64 / count as f64;
                    place(TOWNS[0], east + r * angle.cos(), north + r * angle.sin())
                };
                let corners = (0..count).map(|at| corner(at, dice.between(40.0, 300.0))).collect();
                Some(Geofence::polygon(corners).expect("a star crosses nothing"))
            }
            _ => Some(Geofence::circle(dice.between(20.0, 400.0)).expect("allowed")),
        };
        Plot { town, east, north, fence, at: place(TOWNS[town], east, north) }
    };
    (0..ZONES).map(plot).collect()
}

fn property(n: usize) -> PropertyId {
    PropertyId(Uuid::from_u128(n as u128))
}

fn index(plots: &[Plot]) -> ZoneIndex {
    let zone = |(n, plot): (usize, &Plot)| Zone::of(property(n), plot.fence.as_ref(), Some(plot.at));
    ZoneIndex::new(plots.iter().enumerate().filter_map(zone).collect())
}

/// From plot to plot at every speed, with rests, noise, silences, and now and then a fix that comes too late.
fn walk(dice: &mut Dice, plots: &[Plot], town: usize) -> Vec<Fix> {
    let of_town: Vec<&Plot> = plots.iter().filter(|plot| plot.town == town).collect();
    let (mut x, mut y, mut s) = (0.0, 0.0, 0.0);
    let mut way = Vec::new();
    while way.len() < FIXES {
        let goal = of_town[dice.below(of_town.len())];
        let speed = dice.between(3.0, 35.0);
        let mut rest = if dice.next() < 0.6 { dice.below(12) } else { 0 };
        loop {
            let pause = match dice.below(60) {
                0 => 300.0,
                1 => 5_000.0,
                _ => dice.between(1.0, 60.0),
            };
            s += pause;
            let (dx, dy) = (goal.east - x, goal.north - y);
            let part = (speed * pause / dx.hypot(dy).max(0.001)).min(1.0);
            (x, y) = (x + dx * part, y + dy * part);
            let late = if dice.below(25) == 0 { dice.between(0.0, 90.0) } else { 0.0 };
            let at = start() + TimeDelta::microseconds(((s - late) * 1e6) as i64);
            let place = place(TOWNS[town], x + dice.between(-12.0, 12.0), y + dice.between(-12.0, 12.0));
            way.push(Fix { at, place, accuracy_m: [3.0, 8.0, 15.0, 40.0][dice.below(4)] });
            if part >= 1.0 && rest == 0 {
                break;
            }
            rest -= usize::from(part >= 1.0);
        }
    }
    way
}

/// What the oracle remembers of one worker and one plot.
#[derive(Clone, Default)]
struct Plain {
    there: bool,
    outside: Option<DateTime<Utc>>,
    inside: Option<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)>,
    away: Option<DateTime<Utc>>,
}

impl Plot {
    fn sides(&self) -> Vec<([f64; 2], [f64; 2])> {
        let Some(Geofence::Polygon { corners }) = &self.fence else { return vec![] };
        let flat: Vec<[f64; 2]> = corners.iter().map(|corner| corner.metres_from(&corners[0])).collect();
        (0..flat.len()).map(|at| (flat[at], flat[(at + 1) % flat.len()])).collect()
    }

    fn radius_m(&self) -> f64 {
        match &self.fence {
            Some(Geofence::Circle { radius_m }) => *radius_m,
            Some(Geofence::Polygon { .. }) | None => 100.0,
        }
    }

    /// How far inside; by angles summed up for a polygon.
    fn depth(&self, place: &Place) -> f64 {
        let Some(Geofence::Polygon { corners }) = &self.fence else {
            return self.radius_m() - self.at.distance_m(place);
        };
        let [x, y] = place.metres_from(&corners[0]);
        let (mut turned, mut nearest) = (0.0, f64::MAX);
        for ([x1, y1], [x2, y2]) in self.sides() {
            let (ax, ay, bx, by) = (x1 - x, y1 - y, x2 - x, y2 - y);
            turned += (ax * by - ay * bx).atan2(ax * bx + ay * by);
            let (dx, dy) = (bx - ax, by - ay);
            let along = -(ax * dx + ay * dy) / (dx * dx + dy * dy);
            let off = if along <= 0.0 {
                ax.hypot(ay)
            } else if along >= 1.0 {
                bx.hypot(by)
            } else {
                (ax * by - ay * bx).abs() / dx.hypot(dy)
            };
            nearest = nearest.min(off);
        }
        if turned.abs() > 3.0 { nearest } else { -nearest }
    }

    /// The first of many small steps of the way that is inside.
    fn entered(&self, from: &Fix, to: &Fix) -> Option<DateTime<Utc>> {
        const STEPS: i64 = 2_000;
        // Nor does he get in who is further from it than he goes.
        let out_of_reach = self.depth(&from.place) < -1.01 * from.place.distance_m(&to.place);
        if to.at - from.at > TimeDelta::seconds(120) || out_of_reach {
            return None;
        }
        let mut apart = to.place.lng - from.place.lng;
        apart -= (apart / 360.0).round() * 360.0;
        let inside = |step: &i64| {
            let gone = *step as f64 / STEPS as f64;
            let lat = from.place.lat + (to.place.lat - from.place.lat) * gone;
            self.depth(&Place { lat, lng: from.place.lng + apart * gone }) > 0.0
        };
        let step = (0..=STEPS).find(inside)?;
        Some(from.at + (to.at - from.at) * i32::try_from(step).expect("few") / STEPS as i32)
    }

    fn step(&self, plain: &mut Plain, last: Option<&Fix>, fix: &Fix) -> Option<Crossed> {
        let depth = self.depth(&fix.place);
        let is_far = |depth: f64, fix: &Fix| depth + fix.accuracy_m + 50.0 <= 0.0;
        let lasted = |since: DateTime<Utc>| fix.at - since >= TimeDelta::seconds(30);
        if plain.there {
            let silent_since = last.map(|last| last.at).filter(|at| fix.at - *at > TimeDelta::hours(1));
            if depth >= fix.accuracy_m {
                plain.away = None;
                if let Some(at) = silent_since {
                    let outside = Some(at.max(fix.at - TimeDelta::hours(8)));
                    *plain = Plain { outside, inside: Some((fix.at, fix.at, fix.at)), ..Plain::default() };
                }
            } else if is_far(depth, fix) {
                let away = *plain.away.get_or_insert(fix.at);
                if lasted(away) {
                    *plain = Plain { outside: Some(fix.at), ..Plain::default() };
                    return Some(Crossed::Left { at: away });
                }
            }
            return None;
        }
        if depth >= fix.accuracy_m {
            let (first, latest, since) = plain.inside.unwrap_or_else(|| {
                let last = last.filter(|last| self.depth(&last.place) < 0.0);
                (fix.at, fix.at, last.and_then(|last| self.entered(last, fix)).unwrap_or(fix.at))
            });
            plain.inside = Some((first, fix.at, since));
            if fix.at - latest > TimeDelta::hours(1) {
                plain.inside = Some((fix.at, fix.at, fix.at));
            } else if lasted(first) {
                let outside_at = plain.outside;
                *plain = Plain { there: true, ..Plain::default() };
                return Some(Crossed::Arrived { at: since, outside_at });
            }
        } else if depth <= -fix.accuracy_m {
            let entering = plain.inside.take().is_some();
            plain.outside = Some(fix.at);
            let last = last.filter(|last| !entering && is_far(depth, fix) && is_far(self.depth(&last.place), last));
            return last.and_then(|last| self.entered(last, fix)).map(|at| Crossed::Passed { at });
        }
        None
    }
}

/// The instants on the way are found by steps: as near as the steps are small.
fn rounded(crossing: &Crossing) -> (WorkerId, PropertyId, &'static str, i64, Option<DateTime<Utc>>) {
    let Crossing { worker, property, crossed } = *crossing;
    let tenths = |at: DateTime<Utc>| (at - start()).num_milliseconds();
    match crossed {
        Crossed::Arrived { at, outside_at } => (worker, property, "arrived", tenths(at), outside_at),
        Crossed::Left { at } => (worker, property, "left", tenths(at), None),
        Crossed::Passed { at } => (worker, property, "passed", tenths(at), None),
    }
}

#[test]
fn a_thousand_zones_tell_exactly_what_looking_at_each_of_them_would() {
    let mut dice = Dice(7);
    let plots = plots(&mut dice);
    let index = index(&plots);
    let mut states = FenceStates::default();
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..WORKERS {
        let worker = WorkerId(Uuid::from_u128(number));
        let mut plain = vec![Plain::default(); plots.len()];
        let mut last: Option<Fix> = None;
        for fix in walk(&mut dice, &plots, number as usize % 2) {
            let mut found = states.step(worker, &fix, &index);
            let mut expected = Vec::new();
            if last.is_none_or(|last| fix.at > last.at) {
                for (n, (plot, plain)) in plots.iter().zip(&mut plain).enumerate() {
                    // Nobody needs an oracle to know that he is not in the other town.
                    if plot.town != number as usize % 2 {
                        continue;
                    }
                    let crossed = plot.step(plain, last.as_ref(), &fix);
                    let crossing = |crossed| Crossing { worker, property: property(n), crossed };
                    expected.extend(crossed.map(crossing));
                }
                last = Some(fix);
            }
            found.sort_by_key(|crossing| crossing.property);
            let pairs = found.iter().map(rounded).zip(expected.iter().map(rounded));
            let same =
                pairs.clone().all(|(a, b)| (a.0, a.1, a.2, a.4) == (b.0, b.1, b.2, b.4) && a.3.abs_diff(b.3) < 100);
            assert!(found.len() == expected.len() && same, "{fix:?}:\n{found:?}\n{expected:?}");
            pairs.for_each(|(a, _)| *tally.entry(a.2).or_default() += 1);
        }
    }
    let enough = |kind: &str| tally.get(kind).is_some_and(|count| *count > 200);
    assert!(["arrived", "left", "passed"].into_iter().all(enough), "too little happens to prove anything: {tally:?}");
}

/// A desk that is closed for a while, and what was brought to it.
#[derive(Default)]
struct Desk {
    closed: AtomicBool,
    asked: Mutex<usize>,
    taken: Mutex<Vec<SeenArrival>>,
}

struct OneZone;

impl ZoneSource for OneZone {
    fn zones(&self, _: AccountId) -> Later<Result<Zones, Unavailable>> {
        let zone = Zone::of(property(1), None, Some(TOWNS[0])).expect("it has a location");
        Box::pin(async move { Ok(Zones { zones: vec![zone], accept: false }) })
    }
}

struct Counter(Arc<Desk>);

impl Proposals for Counter {
    fn propose(&self, _: AccountId, seen: SeenArrival) -> Later<Told> {
        let desk = self.0.clone();
        Box::pin(async move {
            *desk.asked.lock().expect("no panic holds it") += 1;
            if desk.closed.load(Ordering::SeqCst) {
                return Told::NotNow;
            }
            desk.taken.lock().expect("no panic holds it").push(seen);
            Told::Decided
        })
    }
}

fn seen_at(fences: &AccountFences, worker: u128, s: i64) {
    let at = start() + TimeDelta::seconds(s);
    let point = Point {
        id: Uuid::from_u128(1),
        at,
        sent_at: None,
        received_at: at,
        ahead_ms: 0,
        place: TOWNS[0],
        accuracy_m: None,
        speed_mps: None,
        heading_deg: None,
        altitude_m: None,
        battery_pct: None,
        charging: None,
        source: None,
        activity: None,
        mock: false,
    };
    fences.saw(WorkerId(Uuid::from_u128(worker)), &point);
}

#[test]
fn a_full_queue_loses_no_arrival_and_nobody_waits_for_it() {
    const CROWD: u128 = QUEUE_LIMIT as u128 + 50;
    actix::System::new().block_on(async {
        let desk = Arc::new(Desk::default());
        desk.closed.store(true, Ordering::SeqCst);
        let fences = Fences::new(Arc::new(OneZone), Arc::new(Counter(desk.clone())));
        let account = fences.account(AccountId(Uuid::from_u128(1)), &actix::Arbiter::new().handle());
        account.ready().await;
        for worker in 0..CROWD {
            seen_at(&account, worker, 0);
            seen_at(&account, worker, 40);
        }
        let taken = || desk.taken.lock().expect("no panic holds it").len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(taken(), 0);
        desk.closed.store(false, Ordering::SeqCst);
        for s in 41.. {
            // Each goes on standing there; whoever is waiting is not announced again.
            (0..CROWD).for_each(|worker| seen_at(&account, worker, s));
            tokio::time::sleep(Duration::from_millis(50)).await;
            if taken() >= CROWD as usize {
                break;
            }
            assert!(s < 200, "{} of {CROWD}", taken());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut who: Vec<WorkerId> = desk.taken.lock().expect("no panic holds it").iter().map(|s| s.worker).collect();
        who.sort();
        assert_eq!(who, (0..CROWD).map(|worker| WorkerId(Uuid::from_u128(worker))).collect::<Vec<_>>());
        let since = desk.taken.lock().expect("no panic holds it").iter().all(|seen| seen.at == start());
        assert!(since, "and all since they came");
        assert!(*desk.asked.lock().expect("no panic holds it") > CROWD as usize, "it was closed at first");
    });
}

#[test]
fn a_zone_that_is_gone_takes_its_stays_with_it() {
    let zone = || Zone::of(property(1), None, Some(TOWNS[0])).expect("it has a location");
    let (with, without) = (ZoneIndex::new(vec![zone()]), ZoneIndex::default());
    let fix = |s: i64| Fix { at: start() + TimeDelta::seconds(s), place: TOWNS[0], accuracy_m: 5.0 };
    let mut states = FenceStates::default();
    let worker = WorkerId(Uuid::from_u128(1));
    let mut step = |s: i64, index: &ZoneIndex| states.step(worker, &fix(s), index).len();
    assert_eq!((step(0, &with), step(40, &with)), (0, 1), "he came");
    assert_eq!((step(80, &without), step(120, &with)), (0, 0));
    assert_eq!(step(160, &with), 1, "and stays in a new one");
}
