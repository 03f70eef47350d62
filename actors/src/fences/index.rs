//! An account's zones, found by place. Immutable: other zones are another index.

use std::collections::HashMap;

use muster_domain::Place;
use muster_domain::ids::PropertyId;
use muster_domain::live::fence::{Fix, MAX_STRIDE, Zone, around};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

/// Zones so near to the date line, in degrees, are also found from its other side.
const DATE_LINE_DEG: f64 = 2.0;

type Entry = GeomWithData<Rectangle<[f64; 2]>, u32>;

#[derive(Default)]
pub struct ZoneIndex {
    zones: Vec<Zone>,
    /// Boxes as [lng, lat], to the zone's place in `zones`.
    tree: RTree<Entry>,
    of_property: HashMap<PropertyId, u32>,
}

impl ZoneIndex {
    pub fn new(zones: Vec<Zone>) -> Self {
        let mut entries = Vec::with_capacity(zones.len());
        let mut of_property = HashMap::with_capacity(zones.len());
        for (at, zone) in (0u32..).zip(&zones) {
            let (low, high) = zone.bounds();
            let mut put = |shift: f64| {
                let corners = ([low.lng + shift, low.lat], [high.lng + shift, high.lat]);
                entries.push(GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), at));
            };
            put(0.0);
            if high.lng > 180.0 - DATE_LINE_DEG {
                put(-360.0);
            }
            if low.lng < DATE_LINE_DEG - 180.0 {
                put(360.0);
            }
            of_property.insert(zone.property, at);
        }
        Self { zones, tree: RTree::bulk_load(entries), of_property }
    }

    pub(super) fn zone(&self, property: PropertyId) -> Option<&Zone> {
        self.of_property.get(&property).map(|at| &self.zones[*at as usize])
    }

    /// Goes to every zone that the fix may be in, or that may lie on the way to it: all others it is surely outside of.
    /// To some it goes twice.
    pub(super) fn concerned(&self, last: Option<&Fix>, fix: &Fix, mut tell: impl FnMut(&Zone)) {
        let (low, high) = around(&fix.place, fix.accuracy_m);
        let mut reach = (low, high);
        if let Some(last) = last.filter(|last| fix.at - last.at <= MAX_STRIDE) {
            let from = unwrapped(&last.place, &fix.place);
            reach.0 = Place { lat: low.lat.min(from.lat), lng: low.lng.min(from.lng) };
            reach.1 = Place { lat: high.lat.max(from.lat), lng: high.lng.max(from.lng) };
        }
        let (low, high) = reach;
        let envelope = AABB::from_corners([low.lng, low.lat], [high.lng, high.lat]);
        let found = self.tree.locate_in_envelope_intersecting(&envelope);
        found.for_each(|entry| tell(&self.zones[entry.data as usize]));
    }
}

/// `place` with its longitude counted on beyond ±180 where that is the shorter way to `other`.
fn unwrapped(place: &Place, other: &Place) -> Place {
    let lng = match place.lng - other.lng {
        apart if apart > 180.0 => place.lng - 360.0,
        apart if apart < -180.0 => place.lng + 360.0,
        _ => place.lng,
    };
    Place { lat: place.lat, lng }
}
