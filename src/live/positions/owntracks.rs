//! OwnTracks over HTTP: one JSON object a request, `vel` in km/h. Everything but a location (a waypoint, a last will)
//! asks for nothing.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fix::{Fix, When};
use super::ingest::Understood;
use super::loose::{self, number};
use super::report::Parsed;
use super::units;
use super::wire::{self, Profile};

/// Encrypted with a secret between the phone and nobody.
const ENCRYPTED: &str = "ENCRYPTED";
/// OwnTracks' own words: report of significant changes only, or keep to the interval.
const SIGNIFICANT: u8 = 1;
pub const MOVE: u8 = 2;
/// A longer interval than this is not worth a running GPS.
const MOVE_UP_TO_S: u32 = 120;

pub fn understand(body: &[u8], sender: Uuid, received_at: DateTime<Utc>) -> Understood {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Understood::Nothing;
    }
    let pieces = match loose::pieces(body) {
        Ok(pieces) => pieces,
        Err(why) => return why,
    };
    let points: Vec<Parsed> = pieces.iter().filter_map(|piece| point(piece, sender, received_at)).collect();
    if points.is_empty() { Understood::Nothing } else { Understood::Points(points) }
}

/// `None`: it is about something else.
fn point(piece: &RawValue, sender: Uuid, received_at: DateTime<Utc>) -> Option<Parsed> {
    let Some(message) = loose::value(piece) else { return Some(Err(wire::INVALID_POINT)) };
    match message["_type"].as_str() {
        Some("location") => {}
        Some("encrypted") => return Some(Err(ENCRYPTED)),
        _ => return None,
    }
    let field = |name: &str| message.get(name);
    let fix = Fix {
        source: "owntracks",
        id: None,
        when: When::of(field("tst")),
        // When the message was made: a queue that sends it later looks like a slow network.
        sent_at: number(field("created_at")).and_then(units::from_epoch),
        lat: number(field("lat")),
        lng: number(field("lon")),
        accuracy_m: units::accuracy_m(number(field("acc"))),
        speed_mps: units::mps_from_kmh(number(field("vel"))),
        heading_deg: units::heading_deg(number(field("cog"))),
        altitude_m: units::altitude_m(number(field("alt"))),
        battery_pct: units::battery_pct(number(field("batt"))),
        charging: number(field("bs")).and_then(charging),
        activity: field("t").and_then(Value::as_str).map(trigger),
        mock: false,
    };
    Some(fix.point(sender, received_at))
}

/// 0 unknown, 1 unplugged, 2 charging, 3 full.
fn charging(bs: f64) -> Option<bool> {
    [1.0, 2.0, 3.0].contains(&bs).then_some(bs >= 2.0)
}

/// What made the phone report, in a word.
fn trigger(letter: &str) -> &str {
    match letter {
        "p" => "ping",
        "c" | "C" => "region",
        "b" => "beacon",
        "r" => "asked",
        "u" => "manual",
        "t" => "timer",
        "v" => "monitoring",
        other => other,
    }
}

/// How often to report, as the app obeys it from an answer.
pub fn command(profile: Profile) -> Value {
    let Profile { interval_s, distance_m } = profile;
    json!({"_type": "cmd", "action": "setConfiguration", "configuration": {
        "_type": "configuration",
        "monitoring": if interval_s <= MOVE_UP_TO_S { MOVE } else { SIGNIFICANT },
        "moveModeLocatorInterval": interval_s,
        "locatorInterval": interval_s,
        "locatorDisplacement": distance_m,
    }})
}
