//! The quickest way through the city, by Dijkstra's algorithm over travel time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{City, Spot, Xy};

/// A straight piece of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    pub from: Xy,
    pub to: Xy,
    pub limit_mps: f64,
    pub tunnel: bool,
}

impl Leg {
    pub fn length_m(&self) -> f64 {
        self.from.distance_m(self.to)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub legs: Vec<Leg>,
    pub end: Spot,
}

impl Route {
    pub fn length_m(&self) -> f64 {
        self.legs.iter().map(Leg::length_m).sum()
    }
    /// At the limit throughout: no driver is faster.
    pub fn least_s(&self) -> f64 {
        self.legs.iter().map(|leg| leg.length_m() / leg.limit_mps).sum()
    }
}

impl City {
    pub fn route(&self, from: Spot, to: Spot) -> Route {
        let (start, end) = (self.at(from), self.at(to));
        if from.edge == to.edge {
            return Route { legs: vec![self.leg(from.edge, start, end)], end: to };
        }
        let path = self.crossings(from, to);
        let mut legs = Vec::with_capacity(path.len() + 1);
        let mut at = start;
        let mut edge = from.edge;
        for (index, node) in path.iter().enumerate() {
            if index > 0 {
                edge = self.between(path[index - 1], *node);
            }
            legs.push(self.leg(edge, at, self.nodes[*node]));
            at = self.nodes[*node];
        }
        legs.push(self.leg(to.edge, at, end));
        legs.retain(|leg| leg.length_m() > 0.01);
        Route { legs, end: to }
    }

    fn leg(&self, edge: usize, from: Xy, to: Xy) -> Leg {
        let edge = &self.edges[edge];
        Leg { from, to, limit_mps: edge.limit_mps, tunnel: edge.tunnel }
    }

    fn between(&self, a: usize, b: usize) -> usize {
        let found = self.meeting[a].iter().find(|edge| self.edges[**edge].a + self.edges[**edge].b == a + b);
        *found.expect("a path follows edges")
    }

    /// The crossings passed on the way, in order.
    fn crossings(&self, from: Spot, to: Spot) -> Vec<usize> {
        let time_ms = |length_m: f64, edge: usize| (length_m / self.edges[edge].limit_mps * 1000.0) as u64;
        let (first, last) = (&self.edges[from.edge], &self.edges[to.edge]);
        let mut best = vec![u64::MAX; self.nodes.len()];
        let mut came_from = vec![usize::MAX; self.nodes.len()];
        let mut queue = BinaryHeap::new();
        for (node, length_m) in [(first.a, from.along_m), (first.b, first.length_m - from.along_m)] {
            let cost = time_ms(length_m, from.edge);
            if cost < best[node] {
                best[node] = cost;
                queue.push(Reverse((cost, node)));
            }
        }
        while let Some(Reverse((cost, node))) = queue.pop() {
            if cost > best[node] {
                continue;
            }
            for index in &self.meeting[node] {
                let edge = &self.edges[*index];
                let other = edge.a + edge.b - node;
                let next = cost + time_ms(edge.length_m, *index);
                if next < best[other] {
                    best[other] = next;
                    came_from[other] = node;
                    queue.push(Reverse((next, other)));
                }
            }
        }
        let by_a = best[last.a].saturating_add(time_ms(to.along_m, to.edge));
        let by_b = best[last.b].saturating_add(time_ms(last.length_m - to.along_m, to.edge));
        let mut path = vec![if by_a <= by_b { last.a } else { last.b }];
        while let Some(before) = path.last().map(|node| came_from[*node]).filter(|node| *node != usize::MAX) {
            path.push(before);
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Chance;

    #[test]
    fn a_route_is_unbroken_follows_streets_and_is_no_great_detour() {
        let city = City::build(2);
        let mut chance = Chance::new(9);
        for _ in 0..300 {
            let (from, to) = (city.some_address(&mut chance, 2600.0).kerb, city.some_address(&mut chance, 2600.0).kerb);
            let route = city.route(from, to);
            let mut at = city.at(from);
            for leg in &route.legs {
                assert!(leg.from.distance_m(at) < 0.02, "unbroken");
                assert!(
                    city.at(city.nearest(leg.from.toward(leg.to, 0.4).place()))
                        .distance_m(leg.from.toward(leg.to, 0.4))
                        < 0.1
                );
                at = leg.to;
            }
            assert!(at.distance_m(city.at(to)) < 0.02);
            let straight_m = city.at(from).distance_m(city.at(to));
            assert!(route.length_m() < 2.2 * straight_m + 1800.0, "{} for {straight_m}", route.length_m());
        }
    }

    #[test]
    fn the_way_back_takes_as_long_as_the_way_there() {
        let city = City::build(2);
        let mut chance = Chance::new(11);
        for _ in 0..50 {
            let (from, to) = (city.some_address(&mut chance, 2600.0).kerb, city.some_address(&mut chance, 2600.0).kerb);
            let (there, back) = (city.route(from, to).least_s(), city.route(to, from).least_s());
            assert!((there - back).abs() < 0.2, "{there} and {back}");
        }
    }
}
