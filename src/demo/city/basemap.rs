//! The city as GeoJSON, for a map without tiles.

use serde_json::{Value, json};

use super::{City, Xy};

impl City {
    /// A FeatureCollection: streets as lines of class `main` or `minor` with a name, tunnels once more, of class
    /// `tunnel`, and areas of class `water`, `park` or `block`.
    pub fn basemap(&self) -> Value {
        let areas = self.areas.iter().map(|area| {
            let ring: Vec<[f64; 2]> = area.ring.iter().map(|at| coordinates(*at)).collect();
            feature(json!({"class": area.class}), "Polygon", json!([ring]))
        });
        let streets = self.streets.iter().map(|street| {
            let line: Vec<[f64; 2]> = street.nodes.iter().map(|node| coordinates(self.nodes[*node])).collect();
            let class = if street.main { "main" } else { "minor" };
            feature(json!({"class": class, "name": street.name}), "LineString", json!(line))
        });
        let roads_out = self.roads_out.iter().map(|road| {
            let line: Vec<[f64; 2]> = road.iter().map(|at| coordinates(*at)).collect();
            feature(json!({"class": "main"}), "LineString", json!(line))
        });
        let tunnels = self.tunnels.iter().map(|tunnel| {
            let line: Vec<[f64; 2]> = tunnel.nodes.iter().map(|node| coordinates(self.nodes[*node])).collect();
            feature(json!({"class": "tunnel", "name": tunnel.name}), "LineString", json!(line))
        });
        let features: Vec<Value> = areas.chain(roads_out).chain(streets).chain(tunnels).collect();
        json!({"type": "FeatureCollection", "features": features})
    }
}

fn feature(properties: Value, kind: &str, coordinates: Value) -> Value {
    json!({"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}})
}

/// Longitude first, six decimals (10 cm).
fn coordinates(at: Xy) -> [f64; 2] {
    let place = at.place();
    [place.lng, place.lat].map(|degrees| (degrees * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basemap_has_every_class_and_closed_rings() {
        let map = City::build(1).basemap();
        let features = map["features"].as_array().expect("features");
        for class in ["main", "minor", "tunnel", "water", "park", "block"] {
            assert!(features.iter().any(|feature| feature["properties"]["class"] == class), "{class}");
        }
        for feature in features.iter().filter(|feature| feature["geometry"]["type"] == "Polygon") {
            let ring = feature["geometry"]["coordinates"][0].as_array().expect("a ring");
            assert!(ring.len() >= 4 && ring.first() == ring.last());
        }
        assert!(map.to_string().len() < 600_000, "{}", map.to_string().len());
    }
}
