//! Places by cells of a grid: who is near, nearest first and exactly, and who is inside a box. Knows nothing of time or
//! state. Rows of cells are equally high, and each has as many cells as keep them about as wide.

use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;
use muster_domain::Place;
use muster_domain::ids::WorkerId;

/// About 550 m: a few workers each where a city's are dense.
const CELL_DEG: f64 = 0.005;
const ROWS: i32 = 36_000;
/// Where a search begins, and how it widens when it found nobody.
const FIRST_RADIUS_M: f64 = 400.0;
const WIDER: f64 = 3.0;
/// As `Place::distance_m` has it.
const EARTH_M: f64 = 6_371_008.8;
/// What two ways of computing a distance may differ by, as a share.
const SLACK: f64 = 1e-6;

/// West, south, east, north, degrees; `west > east` crosses the date line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Bounds {
    pub fn contains(&self, place: &Place) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&place.lng)
        } else {
            place.lng >= self.west || place.lng <= self.east
        };
        between && (self.south..=self.north).contains(&place.lat)
    }

    fn width_deg(&self) -> f64 {
        if self.west <= self.east { self.east - self.west } else { self.east - self.west + 360.0 }
    }

    /// Everything within `radius_m` is inside.
    fn around(from: Place, radius_m: f64) -> Self {
        let angle = (radius_m / EARTH_M * (1.0 + SLACK)).min(std::f64::consts::PI);
        let (south, north) = (from.lat - angle.to_degrees(), from.lat + angle.to_degrees());
        let whole = Self { west: -180.0, south: south.max(-90.0), east: 180.0, north: north.min(90.0) };
        if south <= -90.0 || north >= 90.0 {
            return whole;
        }
        let half = (angle.sin() / from.lat.to_radians().cos()).min(1.0).asin().to_degrees() * (1.0 + SLACK);
        if half >= 179.0 {
            return whole;
        }
        let wrapped = |lng: f64| (lng + 540.0).rem_euclid(360.0) - 180.0;
        Self { west: wrapped(from.lng - half), east: wrapped(from.lng + half), ..whole }
    }
}

/// Row and column.
type Cell = (i32, i32);

fn row_of(lat: f64) -> i32 {
    (((lat + 90.0) / CELL_DEG) as i32).clamp(0, ROWS - 1)
}

/// As many as fit around the row's edge that is nearer to the equator.
fn columns_of(row: i32) -> i32 {
    let south = f64::from(row) * CELL_DEG - 90.0;
    let widest = if south >= 0.0 { south } else { (south + CELL_DEG).min(0.0) };
    ((360.0 / CELL_DEG * widest.to_radians().cos()) as i32).max(1)
}

fn column_of(lng: f64, columns: i32) -> i32 {
    (((lng + 180.0) / 360.0 * f64::from(columns)) as i32).clamp(0, columns - 1)
}

fn cell_of(place: &Place) -> Cell {
    let row = row_of(place.lat);
    (row, column_of(place.lng, columns_of(row)))
}

/// The cells that a box touches.
fn cells_in(bounds: Bounds) -> impl Iterator<Item = Cell> {
    (row_of(bounds.south)..=row_of(bounds.north)).flat_map(move |row| {
        let columns = columns_of(row);
        let (first, last) = (column_of(bounds.west, columns), column_of(bounds.east, columns));
        let count = match last - first + 1 {
            count if bounds.west <= bounds.east => count,
            // Round the back of the earth: both ends in one cell, and everything between them.
            1.. => columns,
            count => count + columns,
        };
        (0..count).map(move |step| (row, (first + step) % columns))
    })
}

/// About how many those are.
fn cell_count(bounds: &Bounds) -> f64 {
    let rows = (bounds.north - bounds.south) / CELL_DEG + 1.0;
    let nearest_equator =
        if bounds.south <= 0.0 && bounds.north >= 0.0 { 0.0 } else { bounds.south.abs().min(bounds.north.abs()) };
    rows * (bounds.width_deg() / CELL_DEG * nearest_equator.to_radians().cos() + 1.0)
}

#[derive(Clone, Copy, Debug)]
struct Spot {
    worker: WorkerId,
    place: Place,
    /// The place on a sphere of radius one: how far apart two are is told by their difference, without an angle.
    unit: [f64; 3],
}

impl Spot {
    fn new(worker: WorkerId, place: Place) -> Self {
        Self { worker, place, unit: unit(&place) }
    }
}

fn unit(place: &Place) -> [f64; 3] {
    let ((lat_sin, lat_cos), (lng_sin, lng_cos)) = (place.lat.to_radians().sin_cos(), place.lng.to_radians().sin_cos());
    [lat_cos * lng_cos, lat_cos * lng_sin, lat_sin]
}

#[derive(Debug, Default)]
pub struct NearIndex {
    cells: HashMap<Cell, Vec<Spot>, RandomState>,
    homes: HashMap<WorkerId, Cell, RandomState>,
}

/// Somebody at a distance; ordered by it, then by id, so that ties are the same every time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub distance_m: f64,
    pub worker: WorkerId,
}

impl Eq for Hit {}
impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance_m.total_cmp(&other.distance_m).then(self.worker.cmp(&other.worker))
    }
}
impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl NearIndex {
    pub fn put(&mut self, worker: WorkerId, place: Place) {
        if !(place.lat.is_finite() && place.lng.is_finite()) {
            return;
        }
        let cell = cell_of(&place);
        if self.homes.get(&worker) == Some(&cell) {
            let mut members = self.cells.get_mut(&cell).into_iter().flatten();
            if let Some(spot) = members.find(|spot| spot.worker == worker) {
                *spot = Spot::new(worker, place);
            }
            return;
        }
        self.take(worker);
        self.homes.insert(worker, cell);
        self.cells.entry(cell).or_default().push(Spot::new(worker, place));
    }

    pub fn take(&mut self, worker: WorkerId) {
        let Some(cell) = self.homes.remove(&worker) else { return };
        let Some(members) = self.cells.get_mut(&cell) else { return };
        members.retain(|spot| spot.worker != worker);
        if members.is_empty() {
            self.cells.remove(&cell);
        }
    }

    /// The `limit` nearest of those that `may_go`, nearest first. Looks around in a circle that grows until it holds
    /// enough of them; when its box has more cells than are inhabited, everybody is looked at instead.
    pub fn nearest(&self, from: Place, limit: usize, may_go: impl Fn(WorkerId) -> bool) -> Vec<Hit> {
        if limit == 0 {
            return Vec::new();
        }
        let mut radius_m = FIRST_RADIUS_M;
        loop {
            let bounds = Bounds::around(from, radius_m);
            let mut best = Best::new(from, limit, &may_go);
            if cell_count(&bounds) > self.cells.len() as f64 {
                self.cells.values().flatten().for_each(|spot| best.consider(spot));
                return best.hits.into_sorted_vec();
            }
            let members = cells_in(bounds).filter_map(|cell| self.cells.get(&cell));
            members.flatten().for_each(|spot| best.consider(spot));
            // Only within the circle has everybody been looked at.
            let sure = best.hits.iter().filter(|hit| hit.distance_m <= radius_m).count();
            if sure == limit {
                return best.hits.into_sorted_vec();
            }
            radius_m *= if sure == 0 { WIDER } else { (1.3 * (limit as f64 / sure as f64).sqrt()).clamp(1.5, WIDER) };
        }
    }

    /// Everybody inside the box, by id.
    pub fn within(&self, bounds: &Bounds) -> Vec<WorkerId> {
        let mut found: Vec<WorkerId> = Vec::new();
        let mut look = |members: &Vec<Spot>| {
            found.extend(members.iter().filter(|spot| bounds.contains(&spot.place)).map(|spot| spot.worker));
        };
        if cell_count(bounds) > self.cells.len() as f64 {
            self.cells.values().for_each(look);
        } else {
            cells_in(*bounds).filter_map(|cell| self.cells.get(&cell)).for_each(&mut look);
        }
        found.sort_unstable();
        found
    }
}

/// The best found so far.
struct Best<'a, F> {
    from: Place,
    unit: [f64; 3],
    limit: usize,
    may_go: &'a F,
    hits: BinaryHeap<Hit>,
    /// Whoever is farther than this, as the square of a chord, need not be looked at.
    reach: f64,
}

impl<'a, F: Fn(WorkerId) -> bool> Best<'a, F> {
    fn new(from: Place, limit: usize, may_go: &'a F) -> Self {
        let hits = BinaryHeap::with_capacity(limit.saturating_add(1).min(1_024));
        Self { from, unit: unit(&from), limit, may_go, hits, reach: f64::INFINITY }
    }

    fn consider(&mut self, spot: &Spot) {
        let apart: f64 = self.unit.iter().zip(&spot.unit).map(|(a, b)| (a - b) * (a - b)).sum();
        if apart > self.reach {
            return;
        }
        let hit = Hit { distance_m: self.from.distance_m(&spot.place), worker: spot.worker };
        let is_better = self.hits.len() < self.limit || self.hits.peek().is_some_and(|worst| hit < *worst);
        if !is_better || !(self.may_go)(spot.worker) {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() > self.limit {
            self.hits.pop();
        }
        if let Some(worst) = self.hits.peek().filter(|_| self.hits.len() == self.limit) {
            let chord = 2.0 * (worst.distance_m / EARTH_M / 2.0).min(std::f64::consts::FRAC_PI_2).sin();
            // Room for rounding where places are a hand's breadth apart.
            self.reach = chord * chord * (1.0 + SLACK) + 1e-15;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;

    /// A small generator of its own, so that a failing case has a number.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }
        fn below(&mut self, bound: usize) -> usize {
            (self.roll() * bound as f64) as usize
        }
        /// Around `centre`, up to `spread_deg` away, wrapped onto the earth.
        fn near(&mut self, centre: Place, spread_deg: f64) -> Place {
            let lat = centre.lat + (self.roll() - 0.5) * spread_deg;
            let lng = centre.lng + (self.roll() - 0.5) * spread_deg;
            Place { lat: lat.clamp(-90.0, 90.0), lng: (lng + 540.0).rem_euclid(360.0) - 180.0 }
        }
    }

    /// Cities, the date line, both poles, the equator and the far north.
    const CENTRES: [(f64, f64); 8] = [
        (47.14, 9.52),
        (37.33, -122.03),
        (-33.9, 151.2),
        (-17.0, 179.99),
        (89.95, 0.0),
        (-89.9, 120.0),
        (0.0, 6.0),
        (78.2, -179.9),
    ];

    #[test]
    fn nearest_equals_looking_at_everybody_in_ten_thousand_cases() {
        let mut dice = Dice(2_026);
        for case in 0..10_000 {
            let (lat, lng) = CENTRES[dice.below(CENTRES.len())];
            let spread_deg = [0.02, 0.1, 1.0, 30.0][dice.below(4)];
            let mut index = NearIndex::default();
            let mut known = BTreeMap::new();
            for n in 0..[1, 8, 60, 250][dice.below(4)] {
                // Some of them move: only the last place counts.
                for _ in 0..1 + dice.below(2) {
                    let worker = WorkerId(Uuid::from_u128(n));
                    let place = dice.near(Place { lat, lng }, spread_deg);
                    index.put(worker, place);
                    known.insert(worker, place);
                }
            }
            if let Some(gone) = known.keys().next().copied().filter(|_| dice.below(3) == 0) {
                index.take(gone);
                known.remove(&gone);
            }
            let from = dice.near(Place { lat, lng }, spread_deg);
            let (limit, every) = (1 + dice.below(12), 1 + dice.below(3) as u128);
            let may_go = |worker: WorkerId| worker.0.as_u128().is_multiple_of(every);
            let mut expected: Vec<Hit> = known
                .iter()
                .filter(|(worker, _)| may_go(**worker))
                .map(|(worker, place)| Hit { distance_m: from.distance_m(place), worker: *worker })
                .collect();
            expected.sort();
            expected.truncate(limit);
            assert_eq!(index.nearest(from, limit, may_go), expected, "case {case}");
        }
    }

    #[test]
    fn a_circle_is_within_its_box_and_the_cells_of_a_box_hold_it() {
        let mut dice = Dice(7);
        for case in 0..20_000 {
            let (lat, lng) = CENTRES[dice.below(CENTRES.len())];
            let spread_deg = [0.001, 0.3, 40.0][dice.below(3)];
            let from = dice.near(Place { lat, lng }, spread_deg);
            let to = dice.near(from, spread_deg);
            let bounds = Bounds::around(from, from.distance_m(&to));
            assert!(bounds.contains(&to), "case {case}: {from:?} {to:?}");
            if cell_count(&bounds) < 5_000.0 {
                assert!(cells_in(bounds).any(|cell| cell == cell_of(&to)), "case {case}: {from:?} {to:?}");
            }
        }
    }

    #[test]
    fn a_box_holds_whom_it_contains() {
        let mut dice = Dice(11);
        for case in 0..2_000 {
            let (lat, lng) = CENTRES[dice.below(CENTRES.len())];
            let mut index = NearIndex::default();
            let people: Vec<Place> = (0..60).map(|_| dice.near(Place { lat, lng }, 0.4)).collect();
            for (n, place) in people.iter().enumerate() {
                index.put(WorkerId(Uuid::from_u128(n as u128)), *place);
            }
            let (a, b) = (dice.near(Place { lat, lng }, 0.3), dice.near(Place { lat, lng }, 0.3));
            let bounds = Bounds { west: a.lng, south: a.lat.min(b.lat), east: b.lng, north: a.lat.max(b.lat) };
            let inside = people.iter().enumerate().filter(|(_, place)| bounds.contains(place));
            let expected: Vec<WorkerId> = inside.map(|(n, _)| WorkerId(Uuid::from_u128(n as u128))).collect();
            assert_eq!(index.within(&bounds), expected, "case {case}: {bounds:?}");
        }
    }

    #[test]
    fn a_box_may_cross_the_date_line() {
        let mut index = NearIndex::default();
        for (n, (lat, lng)) in [(0.0, 179.5), (0.0, -179.5), (0.0, 0.5)].into_iter().enumerate() {
            index.put(WorkerId(Uuid::from_u128(n as u128)), Place { lat, lng });
        }
        let found = index.within(&Bounds { west: 179.0, south: -1.0, east: -179.0, north: 1.0 });
        assert_eq!(found, [0, 1].map(|n| WorkerId(Uuid::from_u128(n))));
    }
}
