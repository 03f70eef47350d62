//! The JSON of Transistor Software's background geolocation, which apps of many makers send, Traccar Client among them:
//! `location` is one or several, speed in metres per second, battery from 0 to 1, and −1 whatever is unknown.

use chrono::{DateTime, Utc};
use muster_domain::live::Trouble;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fix::{Fix, When};
use super::ingest::Understood;
use super::loose::{self, flag, number, text};
use super::report::Parsed;
use super::units;
use super::wire::{self, Profile};

/// `location` unless the app is told to call it otherwise, or to put it at the root.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    location: Option<&'a RawValue>,
    #[serde(borrow)]
    locations: Option<&'a RawValue>,
    #[serde(borrow)]
    coords: Option<&'a RawValue>,
}

pub fn understand(body: &[u8], source: &'static str, sender: Uuid, received_at: DateTime<Utc>) -> Understood {
    let found = if loose::is_array(body) { Some(body) } else { locations(body) };
    let Some(found) = found else { return Understood::Unreadable };
    let pieces = match loose::pieces(found) {
        Ok(pieces) => pieces,
        Err(why) => return why,
    };
    let points: Vec<Parsed> = pieces.iter().map(|piece| point(piece, source, sender, received_at)).collect();
    if points.is_empty() { Understood::Nothing } else { Understood::Points(points) }
}

fn locations(body: &[u8]) -> Option<&[u8]> {
    let read: Body<'_> = serde_json::from_slice(body).ok()?;
    match read.location.or(read.locations) {
        Some(found) => Some(found.get().as_bytes()),
        None => read.coords.map(|_| body),
    }
}

fn point(piece: &RawValue, source: &'static str, sender: Uuid, received_at: DateTime<Utc>) -> Parsed {
    let location = loose::value(piece).ok_or(wire::INVALID_POINT)?;
    let (coords, battery) = (&location["coords"], &location["battery"]);
    let coord = |name: &str| number(coords.get(name));
    let fix = Fix {
        source,
        id: text(location.get("uuid")),
        when: When::of(location.get("timestamp")),
        sent_at: None,
        lat: coord("latitude"),
        lng: coord("longitude"),
        accuracy_m: units::accuracy_m(coord("accuracy")),
        speed_mps: units::mps(coord("speed")),
        heading_deg: units::heading_deg(coord("heading")),
        altitude_m: units::altitude_m(coord("altitude")),
        battery_pct: units::battery_pct_from_level(number(battery.get("level"))),
        charging: flag(battery.get("is_charging")),
        activity: text(location["activity"].get("type")),
        mock: flag(location.get("mock")).unwrap_or(false),
    };
    fix.point(sender, received_at)
}

/// What the phone may do at the moment, as its newest message says: the library sends one whenever that changes.
pub fn trouble(body: &[u8]) -> Option<Trouble> {
    let found = if loose::is_array(body) { Some(body) } else { locations(body) };
    let pieces = loose::pieces(found?).ok()?;
    let newest = loose::value(pieces.last()?)?;
    let provider = newest.get("provider")?;
    // 1 restricted, 2 denied; and approximate positions only.
    let denied = matches!(number(provider.get("status")), Some(1.0 | 2.0));
    let approximate = number(provider.get("accuracyAuthorization")) == Some(1.0);
    match flag(provider.get("enabled")) {
        _ if denied || approximate => Some(Trouble::PermissionDenied),
        Some(false) => Some(Trouble::LocationOff),
        Some(true) | None => None,
    }
}

/// How often to report, as the library obeys it from an answer: by its older flat names and its newer grouped ones.
pub fn command(profile: Profile) -> Value {
    let wanted = json!({"distanceFilter": profile.distance_m, "locationUpdateInterval": profile.interval_s * 1_000});
    let mut config = wanted.clone();
    config["geolocation"] = wanted;
    json!({"background_geolocation": [["setConfig", config]]})
}
