//! Reading attributes one by one, so that *all* faulty fields are reported at once, each with its pointer, and whatever
//! is not expected is refused by name.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use muster_domain::{Place, TimeWindow};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Code, Fault, Problem};
use crate::store::work::to_micros;

/// Required readers return an empty value after a fault: `finish` decides whether anything may be used.
#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    pointer: String,
    seen: BTreeSet<&'a str>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub fn new(map: &'a Map<String, Value>, pointer: impl Into<String>) -> Self {
        Self { map, pointer: pointer.into(), seen: BTreeSet::new(), faults: Vec::new() }
    }

    /// Refuses if anything was faulty or unknown.
    pub fn finish(self) -> Result<(), Problem> {
        let faults = self.into_faults();
        if faults.is_empty() { Ok(()) } else { Err(Problem { faults }) }
    }

    fn into_faults(mut self) -> Vec<Fault> {
        for name in self.map.keys().filter(|name| !self.seen.contains(name.as_str())) {
            let fault = Fault::new(Code::VALIDATION_ERROR, format!("{name} is not an attribute of this resource."));
            self.faults.push(fault.at(format!("{}/{name}", self.pointer)));
        }
        self.faults
    }

    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = format!("{}/{name}", self.pointer);
        self.faults.push(Fault::new(Code::VALIDATION_ERROR, detail).at(pointer));
    }

    /// Was it sent at all, even as null?
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The raw value; null counts as absent.
    pub fn value(&mut self, name: &str) -> Option<&'a Value> {
        let (name, value) = self.map.get_key_value(name)?;
        self.seen.insert(name);
        Some(value).filter(|value| !value.is_null())
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&'a Value) -> Result<T, String>) -> Option<T> {
        let value = self.value(name)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(detail) => {
                self.fault(name, detail);
                None
            }
        }
    }

    fn need<T>(&mut self, name: &str, read: Option<T>) -> Option<T> {
        let missing = self.map.get(name).is_none_or(Value::is_null);
        if read.is_none() && missing {
            self.fault(name, format!("{name} is required."));
        }
        read
    }

    /// Text of 1 to `max` characters, trimmed, without control characters.
    pub fn text(&mut self, name: &str, max: usize) -> Option<String> {
        self.read(name, |value| clean_text(name, value, max))
    }
    pub fn need_text(&mut self, name: &str, max: usize) -> String {
        let read = self.text(name, max);
        self.need(name, read).unwrap_or_default()
    }
    /// `None`: not sent, keep it. `Some(None)`: sent as null or empty, clear it.
    pub fn patch_text(&mut self, name: &str, max: usize) -> Option<Option<String>> {
        if !self.has(name) {
            return None;
        }
        let is_empty = self.map.get(name).and_then(Value::as_str).is_some_and(|text| text.trim().is_empty());
        if is_empty {
            self.value(name);
            return Some(None);
        }
        Some(self.text(name, max))
    }

    pub fn email(&mut self, name: &str) -> Option<String> {
        self.read(name, |value| {
            let text = clean_text(name, value, 254)?.to_lowercase();
            let valid = text.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && domain.contains('.')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
                    && !domain.contains("..")
                    && !domain.contains('@')
                    && !text.chars().any(|c| c.is_whitespace() || "<>()[],;:\\\"".contains(c))
            });
            if valid { Ok(text) } else { Err(format!("{name} must be an e-mail address.")) }
        })
    }
    pub fn need_email(&mut self, name: &str) -> String {
        let read = self.email(name);
        self.need(name, read).unwrap_or_default()
    }

    /// In E.164, whatever separators it was typed with.
    pub fn phone(&mut self, name: &str) -> Option<String> {
        self.read(name, |value| {
            let text = clean_text(name, value, 40)?;
            let number = phonenumber::parse(None, &text).ok().filter(phonenumber::is_valid);
            let number =
                number.ok_or_else(|| format!("{name} must be a phone number with its country code (+41…)."))?;
            Ok(number.format().mode(phonenumber::Mode::E164).to_string())
        })
    }

    pub fn id(&mut self, name: &str) -> Option<Uuid> {
        self.read(name, |value| parse_id(name, value))
    }
    pub fn need_id(&mut self, name: &str) -> Uuid {
        let read = self.id(name);
        self.need(name, read).unwrap_or_default()
    }

    /// A list of ids without repetition; the order given does not matter.
    pub fn ids(&mut self, name: &str, max: usize) -> Option<BTreeSet<Uuid>> {
        self.read(name, |value| {
            let list = value.as_array().filter(|list| list.len() <= max);
            let list = list.ok_or_else(|| format!("{name} must be a list of at most {max} ids."))?;
            list.iter().map(|id| parse_id(name, id)).collect()
        })
    }
    pub fn need_ids(&mut self, name: &str, max: usize) -> BTreeSet<Uuid> {
        let read = self.ids(name, max).filter(|ids| !ids.is_empty());
        if read.is_none() && self.map.get(name).is_some_and(|list| list.as_array().is_some_and(Vec::is_empty)) {
            self.fault(name, format!("{name} must name at least one."));
        }
        self.need(name, read).unwrap_or_default()
    }

    /// Short words such as skills: trimmed, lower case, no repetition.
    pub fn words(&mut self, name: &str, max: usize) -> Option<BTreeSet<String>> {
        self.read(name, |value| {
            let list = value.as_array().filter(|list| list.len() <= max);
            let list = list.ok_or_else(|| format!("{name} must be a list of at most {max} words."))?;
            list.iter().map(|word| clean_text(name, word, 60).map(|word| word.to_lowercase())).collect()
        })
    }

    pub fn integer(&mut self, name: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.read(name, |value| {
            value
                .as_i64()
                .filter(|n| range.contains(n))
                .ok_or_else(|| format!("{name} must be a whole number from {} to {}.", range.start(), range.end()))
        })
    }

    pub fn number(&mut self, name: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        self.read(name, |value| {
            value
                .as_f64()
                .filter(|n| range.contains(n))
                .ok_or_else(|| format!("{name} must be a number from {} to {}.", range.start(), range.end()))
        })
    }

    pub fn instant(&mut self, name: &str) -> Option<DateTime<Utc>> {
        self.read(name, |value| {
            let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            let at = at.ok_or_else(|| format!("{name} must be an instant like 2026-12-01T09:00:00Z."))?.to_utc();
            let plausible = (1970..=2200).contains(&chrono::Datelike::year(&at));
            if plausible { Ok(to_micros(at)) } else { Err(format!("{name} must lie between 1970 and 2200.")) }
        })
    }

    /// `startsAt` and `endsAt`: both or neither, in this order, at most 31 days apart.
    pub fn window(&mut self) -> Option<TimeWindow> {
        let (start, end) = (self.instant("startsAt"), self.instant("endsAt"));
        match (start, end) {
            (Some(start), Some(end)) => {
                let window = TimeWindow::new(start, end);
                if window.is_none() {
                    self.fault("endsAt", "endsAt must be after startsAt.");
                }
                window.filter(|window| {
                    let short = window.length() <= chrono::TimeDelta::days(31);
                    if !short {
                        self.fault("endsAt", "A visit lasts at most 31 days.");
                    }
                    short
                })
            }
            (Some(_), None) if !self.map.contains_key("endsAt") => {
                self.fault("endsAt", "endsAt is required with startsAt.");
                None
            }
            (None, Some(_)) if !self.map.contains_key("startsAt") => {
                self.fault("startsAt", "startsAt is required with endsAt.");
                None
            }
            _ => None,
        }
    }
    pub fn need_window(&mut self) -> Option<TimeWindow> {
        for name in ["startsAt", "endsAt"] {
            if self.map.get(name).is_none_or(Value::is_null) {
                self.fault(name, format!("{name} is required."));
            }
        }
        self.window()
    }

    /// `{"lat","lng"}`
    pub fn place(&mut self, name: &str) -> Option<Place> {
        self.nested(name, |inner| {
            let (lat, lng) = (inner.number("lat", -90.0..=90.0), inner.number("lng", -180.0..=180.0));
            let lat = inner.need("lat", lat)?;
            let lng = inner.need("lng", lng)?;
            Place::new(lat, lng)
        })
        .flatten()
    }

    /// An object inside; its faults keep their full pointers.
    pub fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'a>) -> T) -> Option<T> {
        let value = self.value(name)?;
        let Some(map) = value.as_object() else {
            self.fault(name, format!("{name} must be an object."));
            return None;
        };
        let mut inner = Fields::new(map, format!("{}/{name}", self.pointer));
        let result = read(&mut inner);
        self.faults.extend(inner.into_faults());
        Some(result)
    }

    /// A list of objects; each is read with its own pointer.
    pub fn list<T>(&mut self, name: &str, max: usize, mut read: impl FnMut(&mut Fields<'a>) -> T) -> Option<Vec<T>> {
        let value = self.value(name)?;
        let Some(items) = value.as_array().filter(|items| items.len() <= max) else {
            self.fault(name, format!("{name} must be a list of at most {max}."));
            return None;
        };
        let mut results = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let Some(map) = item.as_object() else {
                self.fault(&format!("{name}/{i}"), "This must be an object.");
                continue;
            };
            let mut inner = Fields::new(map, format!("{}/{name}/{i}", self.pointer));
            results.push(read(&mut inner));
            self.faults.extend(inner.into_faults());
        }
        Some(results)
    }

    /// `force: {"reason": …}`
    pub fn force(&mut self) -> Option<String> {
        self.nested("force", |inner| inner.need_text("reason", 500)).filter(|reason| !reason.is_empty())
    }

    pub fn choice<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, names: &str) -> Option<T> {
        self.read(name, |value| value.as_str().and_then(parse).ok_or_else(|| format!("{name} must be one of {names}.")))
    }
    pub fn need_choice<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, names: &str) -> Option<T> {
        let read = self.choice(name, parse, names);
        self.need(name, read)
    }

    pub fn truth(&mut self, name: &str) -> Option<bool> {
        self.read(name, |value| value.as_bool().ok_or_else(|| format!("{name} must be true or false.")))
    }

    /// `status` of what is deactivated rather than deleted; `None` keeps it.
    pub fn status(&mut self) -> Option<bool> {
        let parse =
            |status: &str| [("active", true), ("inactive", false)].into_iter().find(|(name, _)| *name == status);
        self.choice("status", parse, "active, inactive").map(|(_, active)| active)
    }

    pub fn time_zone(&mut self, name: &str) -> Option<chrono_tz::Tz> {
        self.choice(name, |zone| zone.parse().ok(), "the IANA time zones, such as Europe/Zurich")
    }
}

fn clean_text(name: &str, value: &Value, max: usize) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| format!("{name} must be text."))?.trim();
    if text.is_empty() {
        return Err(format!("{name} must not be empty."));
    }
    if text.chars().count() > max {
        return Err(format!("{name} must have at most {max} characters."));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r') {
        return Err(format!("{name} must not contain control characters."));
    }
    Ok(text.to_owned())
}

fn parse_id(name: &str, value: &Value) -> Result<Uuid, String> {
    value.as_str().and_then(|id| id.parse().ok()).ok_or_else(|| format!("{name} must be a UUID."))
}
