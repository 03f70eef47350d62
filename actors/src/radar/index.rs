//! Places by H3 cell: who is near, nearest first and exactly, and who is inside a box. Knows nothing of time or state.

use std::collections::{BinaryHeap, HashMap};

use h3o::{CellIndex, LatLng, Resolution};
use muster_domain::Place;
use muster_domain::ids::WorkerId;

/// Cells of about 0.7 km²: a district holds some dozens of workers each.
const RESOLUTION: Resolution = Resolution::Eight;
/// Distance between neighbouring cells' centres where H3's gnomonic faces shrink nothing: 0.381966 (its unit length on
/// the unit sphere) / √7⁸ × mean radius, metres.
const SPACING_M: f64 = 0.381_966_011_250_105 / 2_401.0 * 6_371_008.8;
/// A face shrinks lengths towards its corners by at most cos²(37.38°) = 0.6315.
const LEAST_SCALE: f64 = 0.63;

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
}

#[derive(Debug, Default)]
pub struct NearIndex {
    cells: HashMap<CellIndex, Vec<WorkerId>>,
    spots: HashMap<WorkerId, (CellIndex, Place)>,
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

fn cell_of(place: &Place) -> Option<CellIndex> {
    LatLng::new(place.lat, place.lng).ok().map(|at| at.to_cell(RESOLUTION))
}

/// No place in a cell `ring` steps away can be nearer: the centres of such cells are at least `ring` × √3/2 spacings
/// apart, and each place lies within 1/√3 of a spacing of its cell's centre (1.5 leaves room for rounding).
fn least_distance_m(ring: u32) -> f64 {
    (SPACING_M * LEAST_SCALE * (f64::from(ring) * 0.866 - 1.5)).max(0.0)
}

impl NearIndex {
    pub fn put(&mut self, worker: WorkerId, place: Place) {
        let Some(cell) = cell_of(&place) else { return };
        if let Some((held, spot)) = self.spots.get_mut(&worker).filter(|(held, _)| *held == cell) {
            (*held, *spot) = (cell, place);
            return;
        }
        self.take(worker);
        self.cells.entry(cell).or_default().push(worker);
        self.spots.insert(worker, (cell, place));
    }

    pub fn take(&mut self, worker: WorkerId) {
        let Some((cell, _)) = self.spots.remove(&worker) else { return };
        let Some(members) = self.cells.get_mut(&cell) else { return };
        members.retain(|member| *member != worker);
        if members.is_empty() {
            self.cells.remove(&cell);
        }
    }

    /// The `limit` nearest of those that `may_go`, nearest first. Rings of cells grow until the nearest place of the
    /// next ring is farther than the last one found; when that would look at more cells than there are workers, or a
    /// ring is broken by a pentagon, everybody is looked at instead.
    pub fn nearest(&self, from: Place, limit: usize, may_go: impl Fn(WorkerId) -> bool) -> Vec<Hit> {
        let by_rings = || {
            let origin = cell_of(&from)?;
            let mut best = Best { limit, hits: BinaryHeap::with_capacity(limit.saturating_add(1).min(1_024)) };
            let (mut seen, mut looked_at) = (0, 0);
            for ring in 0.. {
                let enough = best.worst_m().is_some_and(|worst_m| least_distance_m(ring) > worst_m);
                if enough || seen == self.spots.len() {
                    return Some(best);
                }
                for cell in origin.grid_ring_fast(ring) {
                    looked_at += 1;
                    for worker in self.cells.get(&cell?).into_iter().flatten() {
                        seen += 1;
                        self.consider(&mut best, from, *worker, &may_go);
                    }
                }
                if looked_at > self.spots.len() {
                    return None;
                }
            }
            None
        };
        if limit == 0 {
            return Vec::new();
        }
        let best = by_rings().unwrap_or_else(|| {
            let mut best = Best { limit, hits: BinaryHeap::new() };
            self.spots.keys().for_each(|worker| self.consider(&mut best, from, *worker, &may_go));
            best
        });
        best.hits.into_sorted_vec()
    }

    fn consider(&self, best: &mut Best, from: Place, worker: WorkerId, may_go: &impl Fn(WorkerId) -> bool) {
        let Some((_, place)) = self.spots.get(&worker) else { return };
        let hit = Hit { distance_m: from.distance_m(place), worker };
        if best.would_take(&hit) && may_go(worker) {
            best.put(hit);
        }
    }

    /// Everybody inside the box, by id.
    pub fn within(&self, bounds: &Bounds) -> Vec<WorkerId> {
        let inside = self.spots.iter().filter(|(_, (_, place))| bounds.contains(place));
        let mut found: Vec<WorkerId> = inside.map(|(worker, _)| *worker).collect();
        found.sort_unstable();
        found
    }
}

struct Best {
    limit: usize,
    hits: BinaryHeap<Hit>,
}

impl Best {
    /// The distance that a further hit has to beat.
    fn worst_m(&self) -> Option<f64> {
        self.hits.peek().filter(|_| self.hits.len() == self.limit).map(|hit| hit.distance_m)
    }

    fn would_take(&self, hit: &Hit) -> bool {
        self.hits.len() < self.limit || self.hits.peek().is_some_and(|worst| hit < worst)
    }

    fn put(&mut self, hit: Hit) {
        self.hits.push(hit);
        if self.hits.len() > self.limit {
            self.hits.pop();
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

    /// Cities, the date line, a pole, and a pentagon of H3 (res 0 base cell 4 is centred near 64.7, 10.5).
    const CENTRES: [(f64, f64); 7] =
        [(47.14, 9.52), (37.33, -122.03), (-33.9, 151.2), (-17.0, 179.99), (89.95, 0.0), (64.7, 10.53), (58.15, 6.0)];

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
    fn no_place_is_nearer_than_its_ring_allows() {
        let mut dice = Dice(7);
        for case in 0..3_000 {
            let (lat, lng) = CENTRES[dice.below(CENTRES.len())];
            let from = dice.near(Place { lat, lng }, 40.0);
            let to = dice.near(from, 0.3);
            let (a, b) = (cell_of(&from).expect("on earth"), cell_of(&to).expect("on earth"));
            if let Ok(steps) = a.grid_distance(b) {
                let ring = steps.unsigned_abs();
                assert!(least_distance_m(ring) <= from.distance_m(&to), "case {case}: {from:?} {to:?} ring {ring}");
            }
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
