//! Far away nobody can be told from his neighbour: the account's workers counted by H3 cell. Made anew only when
//! somebody looks, and no more than a few times a second.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h3o::{CellIndex, LatLng, Resolution};
use muster_domain::ids::WorkerId;

use crate::radar::Mark;

/// From this zoom on workers are shown one by one.
pub const WORKERS_FROM_ZOOM: f64 = 8.0;
const COUNTED_EVERY: Duration = Duration::from_millis(200);
/// The finest cells that are ever shown; coarser ones are their parents.
const FINEST: Resolution = Resolution::Four;

/// Cells that look some 50 pixels wide on a map of 512-pixel tiles.
pub(super) fn resolution(zoom: f64) -> Resolution {
    match zoom {
        z if z < 2.0 => Resolution::Zero,
        z if z < 3.0 => Resolution::One,
        z if z < 5.0 => Resolution::Two,
        z if z < 6.0 => Resolution::Three,
        _ => Resolution::Four,
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cluster {
    pub lat: f64,
    pub lng: f64,
    pub json: Bytes,
}

pub(super) type Clusters = BTreeMap<CellIndex, Cluster>;

#[derive(Debug, Default)]
pub(super) struct Cells {
    /// Where everybody was when he last changed.
    finest: HashMap<WorkerId, (u64, CellIndex)>,
    counted: BTreeMap<Resolution, (u64, Instant, Clusters)>,
}

#[derive(Default)]
struct Sum {
    count: u32,
    online: u32,
    lat: f64,
    lng: f64,
    /// Longitudes are summed as differences from the first one, or a cell on the date line would lie in Africa.
    first_lng: f64,
}

impl Cells {
    /// Of `marks`, each with when it changed; `revision` is the newest of all.
    pub(super) fn clusters<'a>(
        &mut self,
        resolution: Resolution,
        revision: u64,
        marks: impl Iterator<Item = (u64, &'a Mark)>,
        now: Instant,
    ) -> (u64, &Clusters) {
        let is_fresh = self
            .counted
            .get(&resolution)
            .is_some_and(|(at, counted_at, _)| *at == revision || now < *counted_at + COUNTED_EVERY);
        if !is_fresh {
            let clusters = self.count(resolution, marks);
            self.counted.insert(resolution, (revision, now, clusters));
        }
        let (at, _, clusters) = &self.counted[&resolution];
        (*at, clusters)
    }

    fn count<'a>(&mut self, resolution: Resolution, marks: impl Iterator<Item = (u64, &'a Mark)>) -> Clusters {
        let mut sums: BTreeMap<CellIndex, Sum> = BTreeMap::new();
        for (at, mark) in marks {
            let Some(cell) = self.cell(at, mark).and_then(|cell| cell.parent(resolution)) else { continue };
            let (lat, lng) = (mark.place.lat, mark.place.lng);
            let sum = sums.entry(cell).or_insert(Sum { first_lng: lng, ..Sum::default() });
            sum.count += 1;
            sum.online += u32::from(mark.online);
            sum.lat += lat;
            sum.lng += wrapped(lng - sum.first_lng);
        }
        sums.into_iter().map(|(cell, sum)| (cell, sum.cluster(cell))).collect()
    }

    fn cell(&mut self, at: u64, mark: &Mark) -> Option<CellIndex> {
        if let Some((_, cell)) = self.finest.get(&mark.worker).filter(|(known, _)| *known == at) {
            return Some(*cell);
        }
        let cell = LatLng::new(mark.place.lat, mark.place.lng).ok()?.to_cell(FINEST);
        self.finest.insert(mark.worker, (at, cell));
        Some(cell)
    }
}

/// Degrees within a half turn.
fn wrapped(degrees: f64) -> f64 {
    (degrees + 540.0).rem_euclid(360.0) - 180.0
}

/// About a kilometre: a cluster does not move because one of its workers crosses a street.
fn rounded(degrees: f64) -> f64 {
    (degrees * 100.0).round() / 100.0
}

impl Sum {
    fn cluster(&self, cell: CellIndex) -> Cluster {
        let count = f64::from(self.count);
        let (lat, lng) = (rounded(self.lat / count), rounded(wrapped(self.first_lng + self.lng / count)));
        let (all, online) = (self.count, self.online);
        let json = format!(r#"{{"id":"{cell}","lat":{lat},"lng":{lng},"count":{all},"online":{online}}}"#);
        Cluster { lat, lng, json: json.into() }
    }
}
