//! The OsmAnd protocol, which Traccar Client speaks: parameters in the query or a form, speed in knots; and its newer
//! JSON, in metres per second.

use chrono::{DateTime, Utc};
use muster_domain::Place;
use muster_domain::live::Point;
use serde::Deserialize;
use uuid::Uuid;

use super::ingest::Understood;
use super::report::Parsed;
use super::{units, wire};

/// Names and values, from the query string and the form.
pub struct Parameters(pub Vec<(String, String)>);

impl Parameters {
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        let found = self.0.iter().find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, names: &[&str]) -> Option<f64> {
        self.get(names)?.trim().parse().ok()
    }

    fn flag(&self, names: &[&str]) -> Option<bool> {
        self.get(names).map(|value| matches!(value, "true" | "1" | "yes"))
    }

    fn place(&self) -> Option<Place> {
        if let (Some(lat), Some(lng)) = (self.number(&["lat"]), self.number(&["lon", "lng"])) {
            return Some(Place { lat, lng });
        }
        let (lat, lng) = self.get(&["location"])?.split_once(',')?;
        Some(Place { lat: lat.trim().parse().ok()?, lng: lng.trim().parse().ok()? })
    }

    pub fn understand(&self, sender: Uuid, received_at: DateTime<Utc>) -> Understood {
        match self.place() {
            Some(place) => Understood::Points(vec![self.point(place, sender, received_at)]),
            None => Understood::Unreadable,
        }
    }

    fn point(&self, place: Place, sender: Uuid, received_at: DateTime<Utc>) -> Parsed {
        let at = match self.get(&["timestamp"]) {
            None => received_at,
            Some(text) => units::time(text).ok_or(wire::INVALID_POINT)?,
        };
        let charge = self.number(&["batt", "battery"]);
        Ok(Point {
            id: wire::point_id(None, sender, at),
            at,
            received_at,
            place,
            accuracy_m: units::metres(self.number(&["accuracy"])),
            speed_mps: units::mps_from_knots(self.number(&["speed"])),
            heading_deg: units::heading_deg(self.number(&["bearing", "heading"])),
            altitude_m: units::altitude_m(self.number(&["altitude"])),
            // Per cent, but for the few that send a fraction.
            battery_pct: match charge {
                Some(level) if level > 0.0 && level < 1.0 => units::battery_pct_from_level(charge),
                Some(_) | None => units::battery_pct(charge),
            },
            charging: self.flag(&["charge", "charging"]),
            source: Some("osmand".to_owned()),
            activity: units::word(self.get(&["activity"])),
            mock: self.flag(&["mock"]).unwrap_or(false),
        })
    }
}

/// What Traccar Client sends since 2025.
#[derive(Deserialize)]
pub struct Message {
    pub device_id: Option<String>,
    location: Option<Locations>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Locations {
    One(Box<Location>),
    Several(Vec<Location>),
}

#[derive(Deserialize)]
struct Location {
    timestamp: Option<Time>,
    coords: Option<Coords>,
    battery: Option<Battery>,
    activity: Option<Activity>,
    mock: Option<bool>,
    uuid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Epoch(f64),
}

#[derive(Deserialize)]
struct Coords {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy: Option<f64>,
    speed: Option<f64>,
    heading: Option<f64>,
    altitude: Option<f64>,
}

#[derive(Deserialize)]
struct Battery {
    level: Option<f64>,
    is_charging: Option<bool>,
}

#[derive(Deserialize)]
struct Activity {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Message {
    pub fn understand(self, sender: Uuid, received_at: DateTime<Utc>) -> Understood {
        let locations = match self.location {
            None => return Understood::Unreadable,
            Some(Locations::One(location)) => vec![*location],
            Some(Locations::Several(locations)) => locations,
        };
        let points: Option<Vec<Parsed>> = locations.iter().map(|one| point(one, sender, received_at)).collect();
        points.filter(|points| !points.is_empty()).map_or(Understood::Unreadable, Understood::Points)
    }
}

/// `None` without coordinates.
fn point(location: &Location, sender: Uuid, received_at: DateTime<Utc>) -> Option<Parsed> {
    let coords = location.coords.as_ref()?;
    let (lat, lng) = (coords.latitude?, coords.longitude?);
    let at = match &location.timestamp {
        None => Some(received_at),
        Some(Time::Text(text)) => units::time(text),
        Some(Time::Epoch(number)) => units::from_epoch(*number),
    };
    let Some(at) = at else { return Some(Err(wire::INVALID_POINT)) };
    let battery = location.battery.as_ref();
    Some(Ok(Point {
        id: wire::point_id(location.uuid.as_deref(), sender, at),
        at,
        received_at,
        place: Place { lat, lng },
        accuracy_m: units::metres(coords.accuracy),
        speed_mps: units::mps(coords.speed),
        heading_deg: units::heading_deg(coords.heading),
        altitude_m: units::altitude_m(coords.altitude),
        battery_pct: units::battery_pct_from_level(battery.and_then(|battery| battery.level)),
        charging: battery.and_then(|battery| battery.is_charging),
        source: Some("traccar".to_owned()),
        activity: units::word(location.activity.as_ref().and_then(|activity| activity.kind.as_deref())),
        mock: location.mock.unwrap_or(false),
    }))
}
