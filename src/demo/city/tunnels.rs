//! Which stretches of the main streets run underground. A street is the same above and below: only who drives through
//! notices, by what his phone does not say.

use super::{City, Xy};
use crate::demo::chance::Chance;

const TUNNELS: usize = 4;
const LEAST_M: f64 = 330.0;
const MOST_M: f64 = 700.0;
/// Between the mouths of two tunnels.
const APART_M: f64 = 700.0;
/// Farther out nobody would drive through.
const WITHIN_M: f64 = 1_900.0;
const TRIES: usize = 400;
/// Under open sky, and yet with walls on both sides.
const MOUTH_M: f64 = 60.0;

/// Crossings above it do not count: it has two mouths, the first and the last of its nodes.
pub struct Tunnel {
    pub name: String,
    pub nodes: Vec<usize>,
}

impl City {
    /// Makes tunnels of stretches of main streets, far enough from each other.
    pub(super) fn dig(&mut self, chance: &mut Chance) {
        let mains: Vec<usize> = (0..self.streets.len()).filter(|street| self.streets[*street].main).collect();
        for _ in 0..TRIES {
            if self.tunnels.len() == TUNNELS || mains.is_empty() {
                return;
            }
            let street = chance.pick(&mains);
            let begin = chance.below(self.streets[street].nodes.len());
            if let Some(nodes) = self.stretch(street, begin).filter(|nodes| self.is_apart(nodes)) {
                self.cover(street, &nodes);
            }
        }
    }

    /// Crossings from `begin` on, until it is long enough.
    fn stretch(&self, street: usize, begin: usize) -> Option<Vec<usize>> {
        let along = &self.streets[street].nodes[begin..];
        let mut length_m = 0.0;
        for (count, pair) in along.windows(2).enumerate() {
            length_m += self.nodes[pair[0]].distance_m(self.nodes[pair[1]]);
            if length_m >= LEAST_M {
                return (length_m <= MOST_M).then(|| along[..count + 2].to_vec());
            }
        }
        None
    }

    fn is_apart(&self, nodes: &[usize]) -> bool {
        let central = nodes.iter().all(|node| self.nodes[*node].x.hypot(self.nodes[*node].y) < WITHIN_M);
        let mut held = self.tunnels.iter().flat_map(|tunnel| tunnel.nodes.iter());
        central && held.all(|held| nodes.iter().all(|node| self.nodes[*held].distance_m(self.nodes[*node]) > APART_M))
    }

    fn cover(&mut self, street: usize, nodes: &[usize]) {
        for edge in self.edges.iter_mut().filter(|edge| edge.street == street) {
            edge.tunnel |= nodes.windows(2).any(|pair| (edge.a, edge.b) == (pair[0], pair[1]));
        }
        let first = self.streets[street].name.split(' ').next().unwrap_or_default();
        self.tunnels.push(Tunnel { name: format!("{first} Tunnel"), nodes: nodes.to_vec() });
    }

    /// Is this place at the mouth of a tunnel, where walls throw a satellite's signal about?
    pub fn is_at_a_mouth(&self, at: Xy) -> bool {
        let mouths = self.tunnels.iter().flat_map(|tunnel| [tunnel.nodes[0], tunnel.nodes[tunnel.nodes.len() - 1]]);
        mouths.into_iter().any(|mouth| self.nodes[mouth].distance_m(at) < MOUTH_M)
    }

    /// The two mouths of each tunnel.
    pub fn tunnel_mouths(&self) -> Vec<(Xy, Xy)> {
        let mouths = |nodes: &[usize]| (self.nodes[nodes[0]], self.nodes[nodes[nodes.len() - 1]]);
        self.tunnels.iter().map(|tunnel| mouths(&tunnel.nodes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_city_has_tunnels_that_lie_apart_and_can_be_driven_through() {
        for seed in 0..12 {
            let city = City::build(seed);
            assert!((3..=TUNNELS).contains(&city.tunnels.len()), "seed {seed}: {}", city.tunnels.len());
            for (from, to) in city.tunnel_mouths() {
                let length_m = from.distance_m(to);
                assert!((150.0..MOST_M).contains(&length_m), "seed {seed}: {length_m}");
                assert!(city.is_at_a_mouth(from) && city.is_at_a_mouth(to));
            }
            let under: f64 = city.edges.iter().filter(|edge| edge.tunnel).map(|edge| edge.length_m).sum();
            assert!((1_000.0..3_000.0).contains(&under), "seed {seed}: {under}");
        }
    }

    #[test]
    fn nobody_has_his_door_in_a_tunnel() {
        let city = City::build(1);
        let mut chance = Chance::new(5);
        for _ in 0..2_000 {
            let address = city.some_address(&mut chance, 2400.0);
            assert!(!city.edges[address.kerb.edge].tunnel, "{}", address.street);
        }
    }
}
