//! Recorded drives and real addresses against our idea of a place and a distance.

use muster_domain::place::Place;
use serde_json::Value;

use crate::read;

fn attribute(element: &str, name: &str) -> f64 {
    let (_, rest) = element.split_once(&format!("{name}=\"")).expect("the attribute");
    let (value, _) = rest.split_once('"').expect("its end");
    value.parse().expect("a number")
}

#[test]
fn a_recorded_drive_on_a_motorway_never_jumps() {
    let drive = read("traces/CityDrive.gpx");
    let places: Vec<Place> = drive
        .split("<wpt ")
        .skip(1)
        .map(|point| Place::new(attribute(point, "lat"), attribute(point, "lon")))
        .map(|place| place.expect("on earth"))
        .collect();
    assert_eq!(places.len(), 2240);
    let steps_m = places.windows(2).map(|pair| pair[0].distance_m(&pair[1]));
    // One point a second, on a road with a limit of 65 miles an hour.
    let fastest_mps = steps_m.clone().fold(0.0, f64::max);
    assert!((20.0..45.0).contains(&fastest_mps), "{fastest_mps}");
    let whole_m: f64 = steps_m.sum();
    let straight_m = places[0].distance_m(&places[places.len() - 1]);
    assert!(whole_m > straight_m, "{whole_m} {straight_m}");
    assert!(places.iter().all(|place| !place.is_no_fix()));
}

#[test]
fn every_address_of_a_small_country_is_within_it() {
    let text = read("osm/liechtenstein_addresses.json");
    let addresses: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let vaduz = Place::new(47.1410, 9.5209).expect("on earth");
    assert!(addresses.len() > 1000);
    for address in &addresses {
        let degrees = |name: &str| address[name].as_f64().expect("degrees");
        let place = Place::new(degrees("lat"), degrees("lon")).expect("on earth");
        assert!(place.distance_m(&vaduz) < 20_000.0, "{address}");
    }
}
