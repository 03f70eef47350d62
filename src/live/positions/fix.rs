//! One position as a foreign app told it, already in our units. Whatever it does not say is `None`.

use chrono::{DateTime, Utc};
use muster_domain::Place;
use muster_domain::live::Point;
use serde_json::Value;
use uuid::Uuid;

use super::report::Parsed;
use super::{units, wire};

/// When, by the phone's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// It does not say: as it arrived.
    Unsaid,
    At(DateTime<Utc>),
    /// It says something that is no time.
    Unreadable,
}

impl When {
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => When::Unsaid,
            Some(Value::String(text)) => Self::of_text(text),
            Some(Value::Number(number)) => number.as_f64().and_then(units::from_epoch).into(),
            Some(_) => When::Unreadable,
        }
    }

    pub fn of_text(text: &str) -> Self {
        if text.trim().is_empty() { When::Unsaid } else { units::time(text).into() }
    }
}

impl From<Option<DateTime<Utc>>> for When {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        at.map_or(When::Unreadable, When::At)
    }
}

pub struct Fix<'a> {
    pub source: &'static str,
    /// The phone's own id for it.
    pub id: Option<&'a str>,
    pub when: When,
    /// When it was sent, by the phone's clock.
    pub sent_at: Option<DateTime<Utc>>,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub accuracy_m: Option<f32>,
    pub speed_mps: Option<f32>,
    pub heading_deg: Option<f32>,
    pub altitude_m: Option<f32>,
    pub battery_pct: Option<f32>,
    pub charging: Option<bool>,
    pub activity: Option<&'a str>,
    pub mock: bool,
}

impl Fix<'_> {
    pub fn point(self, sender: Uuid, received_at: DateTime<Utc>) -> Parsed {
        let (Some(lat), Some(lng)) = (self.lat, self.lng) else { return Err(wire::INVALID_POINT) };
        let at = match self.when {
            When::Unsaid => received_at,
            When::At(at) => at,
            When::Unreadable => return Err(wire::INVALID_POINT),
        };
        Ok(Point {
            id: wire::point_id(self.id, sender, at),
            at,
            sent_at: self.sent_at,
            received_at,
            ahead_ms: 0,
            place: Place { lat, lng },
            accuracy_m: self.accuracy_m,
            speed_mps: self.speed_mps,
            heading_deg: self.heading_deg,
            altitude_m: self.altitude_m,
            battery_pct: self.battery_pct,
            charging: self.charging,
            source: Some(self.source.to_owned()),
            activity: units::word(self.activity),
            mock: self.mock,
        })
    }
}
