//! The OsmAnd protocol: parameters in the query or a form, speed in knots. Traccar Client spoke it and now sends JSON;
//! GPSLogger speaks it with names of its own, `spd` in metres per second.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::fix::{Fix, When};
use super::ingest::Understood;
use super::report::Parsed;
use super::{loose, transistor, units};

/// A longer form is none: it holds one position.
const MAX_FORM_BYTES: usize = 64 * 1024;
const MAX_PARAMETERS: usize = 200;
/// The receiver itself says that it knows no position.
const NO_FIX: &str = "NO_FIX";

/// Names and values, from the query string and the form.
#[derive(Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn read(query: &str) -> Self {
        let pairs: Vec<(String, String)> =
            actix_web::web::Query::from_query(query).map(actix_web::web::Query::into_inner).unwrap_or_default();
        Self(pairs.into_iter().take(MAX_PARAMETERS).collect())
    }

    pub fn read_form(body: &[u8]) -> Self {
        if body.len() > MAX_FORM_BYTES {
            return Self::default();
        }
        Self::read(String::from_utf8_lossy(body).trim())
    }

    /// JSON without a place for positions may have them as fields of its own.
    fn read_object(body: &[u8]) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return Self::default() };
        let word = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        };
        let pairs = fields.into_iter().filter_map(|(name, value)| word(value).map(|value| (name, value)));
        Self(pairs.take(MAX_PARAMETERS).collect())
    }

    /// Every value under one of these names, in the order in which they came.
    pub fn all<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.trim().is_empty());
        named.map(|(_, value)| value.trim())
    }

    fn get<'a>(&'a self, names: &'a [&str]) -> Option<&'a str> {
        self.all(names).next()
    }

    fn number(&self, names: &[&str]) -> Option<f64> {
        self.get(names)?.parse().ok()
    }

    fn flag(&self, names: &[&str]) -> Option<bool> {
        self.get(names).and_then(loose::word_flag)
    }

    fn place(&self) -> Option<(f64, f64)> {
        if let (Some(lat), Some(lng)) = (self.number(&["lat", "latitude"]), self.number(&["lon", "lng", "longitude"])) {
            return Some((lat, lng));
        }
        let (lat, lng) = self.get(&["location"])?.split_once(',')?;
        Some((lat.trim().parse().ok()?, lng.trim().parse().ok()?))
    }

    /// The first of its times that is one: some apps send the time of day and the date apart, and the whole besides.
    fn when(&self) -> When {
        let mut said = When::Unsaid;
        for name in ["timestamp", "time", "timeoff", "epoch", "date"] {
            match self.get(&[name]).map_or(When::Unsaid, When::of_text) {
                When::At(at) => return When::At(at),
                When::Unreadable => said = When::Unreadable,
                When::Unsaid => {}
            }
        }
        said
    }

    /// Names that say their unit go before the one that does not.
    fn speed_mps(&self) -> Option<f32> {
        let mps = units::mps(self.number(&["spd"]));
        let kmh = || units::mps_from_kmh(self.number(&["spd_kph"]));
        mps.or_else(kmh).or_else(|| units::mps_from_knots(self.number(&["speed"])))
    }

    /// Per cent, but for the few that send a fraction. An empty phone sends nothing, so 0 is unknown.
    fn battery_pct(&self) -> Option<f32> {
        let charge = self.number(&["batt", "battery", "bat"]).filter(|charge| *charge != 0.0);
        match charge {
            Some(level) if level > 0.0 && level < 1.0 => units::battery_pct_from_level(charge),
            Some(_) | None => units::battery_pct(charge),
        }
    }

    fn understand(&self, sender: Uuid, received_at: DateTime<Utc>) -> Understood {
        match self.place() {
            Some(_) if self.flag(&["valid"]) == Some(false) => Understood::Points(vec![Err(NO_FIX)]),
            Some(place) => Understood::Points(vec![self.point(place, sender, received_at)]),
            None => Understood::Unreadable,
        }
    }

    fn point(&self, (lat, lng): (f64, f64), sender: Uuid, received_at: DateTime<Utc>) -> Parsed {
        let fix = Fix {
            source: "osmand",
            id: None,
            when: self.when(),
            sent_at: None,
            lat: Some(lat),
            lng: Some(lng),
            accuracy_m: units::accuracy_m(self.number(&["accuracy", "acc"])),
            speed_mps: self.speed_mps(),
            heading_deg: units::heading_deg(self.number(&["bearing", "heading", "dir"])),
            altitude_m: units::altitude_m(self.number(&["altitude", "alt"])),
            battery_pct: self.battery_pct(),
            charging: self.flag(&["charge", "charging", "ischarging"]),
            activity: self.get(&["activity", "act"]),
            mock: self.flag(&["mock"]).unwrap_or(false),
        };
        fix.point(sender, received_at)
    }
}

/// Query and form together, or JSON.
pub fn understand(mut query: Parameters, body: &[u8], sender: Uuid, received_at: DateTime<Utc>) -> Understood {
    if !loose::is_json(body) {
        query.0.extend(Parameters::read_form(body).0);
        return query.understand(sender, received_at);
    }
    match transistor::understand(body, "traccar", sender, received_at) {
        Understood::Unreadable if body.len() <= MAX_FORM_BYTES => {
            query.0.extend(Parameters::read_object(body).0);
            query.understand(sender, received_at)
        }
        understood => understood,
    }
}
