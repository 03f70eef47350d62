//! Reads GPX: the points of tracks, routes and waypoints, in the order of the file, with or without times.

use chrono::{DateTime, Utc};
use muster_domain::Place;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    pub place: Place,
    pub altitude_m: Option<f64>,
    pub at: Option<DateTime<Utc>>,
}

pub fn read(text: &str) -> anyhow::Result<Vec<Fix>> {
    let mut reader = Reader::from_str(text);
    let mut fixes: Vec<Fix> = Vec::new();
    let (mut inside, mut words) = (false, String::new());
    loop {
        let event = reader
            .read_event()
            .map_err(|error| anyhow::anyhow!("this is not GPX: {error} at byte {}", reader.buffer_position()))?;
        match event {
            Event::Eof => break,
            Event::Empty(tag) if is_point(tag.local_name().as_ref()) => fixes.push(fix(&tag)?),
            Event::Start(tag) if is_point(tag.local_name().as_ref()) => {
                fixes.push(fix(&tag)?);
                inside = true;
            }
            Event::Start(_) => words.clear(),
            Event::Text(text) => words.push_str(&text.decode()?),
            Event::End(tag) if is_point(tag.local_name().as_ref()) => inside = false,
            Event::End(tag) if inside => {
                let Some(fix) = fixes.last_mut() else { continue };
                match tag.local_name().as_ref() {
                    b"time" => fix.at = Some(DateTime::parse_from_rfc3339(words.trim())?.to_utc()),
                    b"ele" => fix.altitude_m = Some(words.trim().parse()?),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    anyhow::ensure!(!fixes.is_empty(), "there is no trkpt, rtept or wpt in this file");
    Ok(fixes)
}

fn is_point(name: &[u8]) -> bool {
    matches!(name, b"trkpt" | b"rtept" | b"wpt")
}

fn fix(tag: &BytesStart<'_>) -> anyhow::Result<Fix> {
    let degrees = |name: &str| -> anyhow::Result<f64> {
        let value = tag.try_get_attribute(name)?;
        let value = value.ok_or_else(|| anyhow::anyhow!("a point without {name}"))?;
        Ok(std::str::from_utf8(&value.value)?.trim().parse()?)
    };
    let (lat, lng) = (degrees("lat")?, degrees("lon")?);
    let place = Place::new(lat, lng).ok_or_else(|| anyhow::anyhow!("{lat}, {lng} is not on the earth"))?;
    Ok(Fix { place, altitude_m: None, at: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_and_waypoints_are_read_in_order() {
        let text = r#"<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1">
            <metadata><time>2020-01-01T00:00:00Z</time></metadata>
            <wpt lat="37.1" lon="-122.0"/>
            <trk><name>a</name><trkseg>
              <trkpt lat="47.1" lon="9.5"><ele>450.5</ele><time>2026-11-30T08:00:00Z</time></trkpt>
              <trkpt lat="47.2" lon="9.6"></trkpt>
            </trkseg></trk></gpx>"#;
        let fixes = read(text).expect("GPX");
        let seen: Vec<_> = fixes.iter().map(|fix| (fix.place.lat, fix.altitude_m, fix.at.is_some())).collect();
        assert_eq!(seen, [(37.1, None, false), (47.1, Some(450.5), true), (47.2, None, false)]);
    }

    #[test]
    fn what_is_not_a_track_is_refused() {
        for text in ["", "<gpx></gpx>", "{}", r#"<gpx><wpt lat="91" lon="0"/></gpx>"#, r#"<gpx><wpt lon="0"/></gpx>"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
