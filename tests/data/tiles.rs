//! Archives of tiles that others made, against our reading of what an archive says of itself.

use muster::basemap::Archive;

use crate::path;

#[test]
fn archives_of_three_places_are_whole_and_say_where_they_are_and_whom_they_are_owed_to() {
    for (name, lng, lat) in [("liechtenstein", 9.52, 47.14), ("monaco", 7.42, 43.74), ("baltimore", -76.61, 39.29)] {
        let archive = Archive::open(&path(&format!("tiles/{name}.pmtiles"))).expect(name);
        let [west, south, east, north] = archive.bounds;
        assert!((west..east).contains(&lng) && (south..north).contains(&lat), "{name}: {:?}", archive.bounds);
        assert!(archive.is_vector && archive.min_zoom <= archive.max_zoom, "{name}: {archive:?}");
        let owed = archive.attribution.unwrap_or_default();
        assert!(owed.contains("OpenStreetMap") && !owed.contains('<'), "{name}: {owed}");
    }
}
