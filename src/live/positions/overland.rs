//! Overland: GeoJSON features in `locations`, speed in metres per second, battery from 0 to 1. Trips and notes of what
//! the app did are features too, and no positions.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::fix::{Fix, When};
use super::ingest::Understood;
use super::loose::{self, number, text};
use super::report::Parsed;
use super::{units, wire};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    locations: Option<&'a RawValue>,
    /// Where the phone is now, while it sends a backlog.
    #[serde(borrow)]
    current: Option<&'a RawValue>,
}

pub fn understand(body: &[u8], sender: Uuid, received_at: DateTime<Utc>) -> Understood {
    // An array would be read as the fields of the body in their order.
    let read = serde_json::from_slice::<Body<'_>>(body).ok().filter(|_| !loose::is_array(body));
    let Some(Body { locations: Some(locations), current }) = read else { return Understood::Unreadable };
    let mut pieces = match loose::pieces(locations.get().as_bytes()) {
        Ok(pieces) => pieces,
        Err(why) => return why,
    };
    pieces.extend(current);
    let points: Vec<Parsed> = pieces.iter().filter_map(|piece| point(piece, sender, received_at)).collect();
    if points.is_empty() { Understood::Nothing } else { Understood::Points(points) }
}

/// `None`: it is about something else.
fn point(piece: &RawValue, sender: Uuid, received_at: DateTime<Utc>) -> Option<Parsed> {
    let Some(feature) = loose::value(piece) else { return Some(Err(wire::INVALID_POINT)) };
    let (properties, coordinates) = (&feature["properties"], &feature["geometry"]["coordinates"]);
    // A visit's place is long past, and a note carries the last place with a new time.
    if properties.get("action").is_some() || properties["type"] == "trip" {
        return None;
    }
    let field = |name: &str| properties.get(name);
    let when = match When::of(field("timestamp")) {
        // Points of a batch that all arrived at the same instant would be one.
        When::Unsaid => When::Unreadable,
        said => said,
    };
    let fix = Fix {
        source: "overland",
        id: None,
        when,
        sent_at: None,
        lat: number(coordinates.get(1)),
        lng: number(coordinates.get(0)),
        accuracy_m: units::accuracy_m(number(field("horizontal_accuracy"))),
        speed_mps: units::mps(number(field("speed"))),
        heading_deg: units::heading_deg(number(field("course"))),
        altitude_m: units::altitude_m(number(field("altitude"))),
        battery_pct: units::battery_pct_from_level(number(field("battery_level"))),
        charging: text(field("battery_state")).and_then(charging),
        activity: field("motion").and_then(|motion| text(motion.get(0).or(Some(motion)))),
        mock: false,
    };
    Some(fix.point(sender, received_at))
}

fn charging(state: &str) -> Option<bool> {
    match state {
        "charging" | "full" => Some(true),
        "unplugged" => Some(false),
        _ => None,
    }
}
