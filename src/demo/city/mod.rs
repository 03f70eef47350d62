//! A small city that exists nowhere: streets as a graph, addresses on them, and the shortest way between two.
//! Made from a seed alone; nothing is read or downloaded.

mod basemap;
mod ground;
mod layout;
mod names;
mod route;
mod tunnels;

use muster_domain::Place;

use super::chance::Chance;
pub use ground::Xy;
use layout::{Area, Street};
pub use route::{Leg, Route};
use tunnels::Tunnel;

const DOOR_FROM_STREET_M: f64 = 15.0;
const METRES_PER_HOUSE: f64 = 11.0;
const MAIN_KMH: f64 = 50.0;
const MINOR_KMH: f64 = 32.0;

pub struct City {
    nodes: Vec<Xy>,
    edges: Vec<Edge>,
    /// Per node: the edges that meet there.
    meeting: Vec<Vec<usize>>,
    streets: Vec<Street>,
    areas: Vec<Area>,
    /// Drawn, and driven by nobody here.
    roads_out: Vec<Vec<Xy>>,
    tunnels: Vec<Tunnel>,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    a: usize,
    b: usize,
    street: usize,
    length_m: f64,
    /// From the beginning of its street to `a`.
    offset_m: f64,
    limit_mps: f64,
    tunnel: bool,
}

/// A point on a street.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    edge: usize,
    along_m: f64,
}

/// A door: what is written on an envelope, where it is, and where one stops in front of it.
#[derive(Clone, Debug)]
pub struct Address {
    pub street: String,
    pub door: Place,
    pub kerb: Spot,
}

impl City {
    pub fn build(seed: u64) -> Self {
        let layout = layout::lay_out(seed);
        let mut edges = Vec::new();
        let mut meeting = vec![Vec::new(); layout.nodes.len()];
        for (street, of) in layout.streets.iter().enumerate() {
            let limit_mps = if of.main { MAIN_KMH } else { MINOR_KMH } / 3.6;
            let mut offset_m = 0.0;
            for pair in of.nodes.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                let length_m = layout.nodes[a].distance_m(layout.nodes[b]);
                meeting[a].push(edges.len());
                meeting[b].push(edges.len());
                edges.push(Edge { a, b, street, length_m, offset_m, limit_mps, tunnel: false });
                offset_m += length_m;
            }
        }
        let mut city = Self {
            nodes: layout.nodes,
            edges,
            meeting,
            streets: layout.streets,
            areas: layout.areas,
            roads_out: layout.roads_out,
            tunnels: Vec::new(),
        };
        city.dig(&mut Chance::of(seed, "tunnels"));
        city
    }

    pub fn at(&self, spot: Spot) -> Xy {
        let edge = &self.edges[spot.edge];
        self.nodes[edge.a].toward(self.nodes[edge.b], spot.along_m / edge.length_m)
    }

    /// The point of the street network that is nearest.
    pub fn nearest(&self, place: Place) -> Spot {
        let at = Xy::of(place);
        let candidates = self.edges.iter().enumerate().map(|(index, edge)| {
            let (a, b) = (self.nodes[edge.a], self.nodes[edge.b]);
            let dot = (at.x - a.x) * (b.x - a.x) + (at.y - a.y) * (b.y - a.y);
            let part = (dot / (edge.length_m * edge.length_m)).clamp(0.0, 1.0);
            (a.toward(b, part).distance_m(at), Spot { edge: index, along_m: part * edge.length_m })
        });
        let nearest = candidates.min_by(|one, two| one.0.total_cmp(&two.0));
        nearest.map(|(_, spot)| spot).expect("a city has streets")
    }

    /// Some door not farther than `within_m` from the centre.
    pub fn some_address(&self, chance: &mut Chance, within_m: f64) -> Address {
        loop {
            let edge = chance.below(self.edges.len());
            let along_m = self.edges[edge].length_m * chance.between(0.15, 0.85);
            let kerb = Spot { edge, along_m };
            let at = self.at(kerb);
            // Nobody lives in a tunnel.
            if at.x.hypot(at.y) <= within_m && !self.edges[edge].tunnel {
                return self.address(kerb, chance.happens(0.5));
            }
        }
    }

    /// Even numbers are on the left.
    fn address(&self, kerb: Spot, left: bool) -> Address {
        let edge = &self.edges[kerb.edge];
        let (a, b, at) = (self.nodes[edge.a], self.nodes[edge.b], self.at(kerb));
        let off = if left { DOOR_FROM_STREET_M } else { -DOOR_FROM_STREET_M } / edge.length_m;
        let door = Xy::new(at.x - (b.y - a.y) * off, at.y + (b.x - a.x) * off);
        let house = ((edge.offset_m + kerb.along_m) / METRES_PER_HOUSE) as usize;
        let number = if left { 2 * house + 2 } else { 2 * house + 1 };
        let street = format!("{} {number}", self.streets[edge.street].name);
        Address { street, door: door.place(), kerb }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_crossing_can_be_reached_from_every_other() {
        for seed in 0..12 {
            let city = City::build(seed);
            let mut seen = BTreeSet::from([0]);
            let mut next = vec![0];
            while let Some(node) = next.pop() {
                for edge in &city.meeting[node] {
                    let other = city.edges[*edge].a + city.edges[*edge].b - node;
                    if seen.insert(other) {
                        next.push(other);
                    }
                }
            }
            assert_eq!(seen.len(), city.nodes.len(), "seed {seed}");
            assert!(city.nodes.len() > 500, "seed {seed}: {}", city.nodes.len());
        }
    }

    #[test]
    fn the_same_seed_builds_the_same_city() {
        let basemap = |seed| City::build(seed).basemap();
        assert_eq!(basemap(3), basemap(3));
        assert_ne!(basemap(3), basemap(4));
    }

    #[test]
    fn addresses_are_beside_their_street_and_rarely_twice() {
        let city = City::build(1);
        let mut chance = Chance::new(5);
        let found: Vec<Address> = (0..200).map(|_| city.some_address(&mut chance, 2200.0)).collect();
        for address in &found {
            let away_m = city.at(address.kerb).distance_m(Xy::of(address.door));
            assert!((away_m - DOOR_FROM_STREET_M).abs() < 0.1, "{away_m}");
            assert!(city.at(city.nearest(address.door)).distance_m(Xy::of(address.door)) <= away_m + 0.1);
        }
        let streets: BTreeSet<&String> = found.iter().map(|address| &address.street).collect();
        assert!(streets.len() > 190, "{}", streets.len());
    }
}
