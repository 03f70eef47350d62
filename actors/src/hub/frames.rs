//! The frames of the stream as text: what a client may say, and how the server's sentences are put together from
//! fragments that were encoded elsewhere. No state.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use muster_domain::TimeWindow;
use muster_domain::ids::{UserId, VisitId, WorkerId};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Server frames that carry lists are cut at about this size.
pub const CHUNK_BYTES: usize = 48 * 1024;
const ID_MAX: usize = 64;
const FOCUS_MAX: usize = 200;
/// A schedule subscription looks at no more than this.
const RANGE_MAX_DAYS: i64 = 400;
const TICK_MIN_MS: u64 = 25;
const TICK_MAX_MS: u64 = 60_000;
const TICK_MS: u64 = 1_000;
/// A map's zoom, as map libraries count it.
const ZOOM_MAX: f64 = 30.0;

/// West, south, east, north in degrees; west of east means that it crosses the date line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport(pub [f64; 4]);

impl Viewport {
    fn checked(self) -> Option<Self> {
        let [w, s, e, n] = self.0;
        let lng = |x: f64| (-180.0..=180.0).contains(&x);
        let lat = |y: f64| (-90.0..=90.0).contains(&y);
        (lng(w) && lng(e) && lat(s) && lat(n) && s <= n).then_some(self)
    }

    pub fn contains(&self, lat: f64, lng: f64) -> bool {
        let [w, s, e, n] = self.0;
        let inside = if w <= e { w <= lng && lng <= e } else { w <= lng || lng <= e };
        inside && s <= lat && lat <= n
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub epoch: String,
    pub seq: i64,
}

/// What of the map is looked at. In an update, `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    pub viewport: Option<Viewport>,
    pub zoom: Option<f64>,
    pub focus: Option<Vec<WorkerId>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Topic {
    Workers { look: Look, tick_ms: u64 },
    Schedule { range: TimeWindow, resume: Option<Cursor> },
}

#[derive(Debug)]
pub enum Heard {
    Subscribe {
        id: String,
        topic: Topic,
    },
    Update {
        id: String,
        look: Look,
    },
    Unsubscribe {
        id: String,
    },
    /// The visit is being moved, as seen from a schedule subscription.
    Hold {
        id: String,
        visit: VisitId,
    },
    Release {
        id: String,
        visit: VisitId,
    },
    /// The whole frame: what its points mean is for the uplink.
    Position {
        report: Box<RawValue>,
    },
}

/// What is wrong with a frame, as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    FrameInvalid,
    TypeUnknown,
    TopicUnknown,
    FilterInvalid,
    IdTaken,
    SubscriptionUnknown,
    TooManySubscriptions,
    TooManyHolds,
    Forbidden,
    Busy,
    Unavailable,
    Unsupported,
}

impl Fault {
    pub fn code(self) -> &'static str {
        match self {
            Fault::FrameInvalid => "FRAME_INVALID",
            Fault::TypeUnknown => "TYPE_UNKNOWN",
            Fault::TopicUnknown => "TOPIC_UNKNOWN",
            Fault::FilterInvalid => "FILTER_INVALID",
            Fault::IdTaken => "ID_TAKEN",
            Fault::SubscriptionUnknown => "SUBSCRIPTION_UNKNOWN",
            Fault::TooManySubscriptions => "TOO_MANY_SUBSCRIPTIONS",
            Fault::TooManyHolds => "TOO_MANY_HOLDS",
            Fault::Forbidden => "FORBIDDEN",
            Fault::Busy => "BUSY",
            Fault::Unavailable => "UNAVAILABLE",
            Fault::Unsupported => "UNSUPPORTED",
        }
    }

    pub fn is_retryable(self) -> bool {
        matches!(self, Fault::Busy | Fault::Unavailable)
    }
}

/// A fault and the subscription it speaks of, if the frame named one.
pub type Wrong = (Option<String>, Fault);

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    topic: Option<String>,
    viewport: Option<[f64; 4]>,
    zoom: Option<f64>,
    focus: Option<Vec<WorkerId>>,
    visit_id: Option<VisitId>,
    tick_ms: Option<u64>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    resume: Option<Resume>,
}

#[derive(Deserialize)]
struct Resume {
    epoch: String,
    seq: i64,
}

pub fn parse(text: &str) -> Result<Heard, Wrong> {
    let head: Head = serde_json::from_str(text).map_err(|_| (None, Fault::FrameInvalid))?;
    match head.kind.as_str() {
        "position" => {
            let frame: Result<Box<RawValue>, _> = serde_json::from_str(text);
            return frame.map(|report| Heard::Position { report }).map_err(|_| (None, Fault::FrameInvalid));
        }
        "subscribe" | "update" | "unsubscribe" | "hold" | "release" => {}
        _ => return Err((head.id, Fault::TypeUnknown)),
    }
    let id = head.id.filter(|id| !id.is_empty() && id.len() <= ID_MAX).ok_or((None, Fault::FrameInvalid))?;
    if head.kind == "unsubscribe" {
        return Ok(Heard::Unsubscribe { id });
    }
    let understood = || {
        let wanted: Wanted = serde_json::from_str(text).map_err(|_| Fault::FilterInvalid)?;
        let look = wanted.look()?;
        let visit = wanted.visit_id.ok_or(Fault::FilterInvalid);
        let id = id.clone();
        Ok(match head.kind.as_str() {
            "update" => Heard::Update { id, look },
            "hold" => Heard::Hold { id, visit: visit? },
            "release" => Heard::Release { id, visit: visit? },
            _ => Heard::Subscribe { id, topic: wanted.topic(look)? },
        })
    };
    understood().map_err(|fault| (Some(id.clone()), fault))
}

impl Wanted {
    fn look(&self) -> Result<Look, Fault> {
        let viewport = match self.viewport.map(Viewport) {
            Some(viewport) => Some(viewport.checked().ok_or(Fault::FilterInvalid)?),
            None => None,
        };
        let is_zoom = self.zoom.is_none_or(|zoom| (0.0..=ZOOM_MAX).contains(&zoom));
        if !is_zoom || self.focus.as_ref().is_some_and(|focus| focus.len() > FOCUS_MAX) {
            return Err(Fault::FilterInvalid);
        }
        Ok(Look { viewport, zoom: self.zoom, focus: self.focus.clone() })
    }

    fn topic(self, look: Look) -> Result<Topic, Fault> {
        match self.topic.as_deref() {
            Some("workers") => {
                let tick_ms = self.tick_ms.unwrap_or(TICK_MS).clamp(TICK_MIN_MS, TICK_MAX_MS);
                Ok(Topic::Workers { look, tick_ms })
            }
            Some("schedule") => {
                let range = self.from.zip(self.to).and_then(|(from, to)| TimeWindow::new(from, to));
                let range = range.filter(|range| range.length().num_days() <= RANGE_MAX_DAYS);
                let resume = self.resume.map(|r| Cursor { epoch: r.epoch, seq: r.seq });
                if resume.as_ref().is_some_and(|cursor| cursor.seq < 0) {
                    return Err(Fault::FilterInvalid);
                }
                Ok(Topic::Schedule { range: range.ok_or(Fault::FilterInvalid)?, resume })
            }
            Some(_) => Err(Fault::TopicUnknown),
            None => Err(Fault::FrameInvalid),
        }
    }
}

/// Why a socket is closed, and whether coming back helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bye {
    BadFrame,
    NotText,
    NotUtf8,
    FrameTooLarge,
    SignedOut,
    Forbidden,
    NoIdentity,
    TooMuch,
    Restarting,
    Silent,
    Slow,
    Trouble,
}

impl Bye {
    pub const ALL: [Bye; 12] = [
        Bye::BadFrame,
        Bye::NotText,
        Bye::NotUtf8,
        Bye::FrameTooLarge,
        Bye::SignedOut,
        Bye::Forbidden,
        Bye::NoIdentity,
        Bye::TooMuch,
        Bye::Restarting,
        Bye::Silent,
        Bye::Slow,
        Bye::Trouble,
    ];

    pub fn code(self) -> u16 {
        match self {
            Bye::BadFrame | Bye::NotText | Bye::NotUtf8 | Bye::FrameTooLarge => 4400,
            Bye::SignedOut => 4401,
            Bye::Forbidden => 4403,
            Bye::NoIdentity => 4408,
            Bye::TooMuch => 4429,
            Bye::Restarting => 1012,
            Bye::Silent => 4001,
            Bye::Slow => 4029,
            Bye::Trouble => 4030,
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Bye::BadFrame => "badFrame",
            Bye::NotText => "notText",
            Bye::NotUtf8 => "notUtf8",
            Bye::FrameTooLarge => "frameTooLarge",
            Bye::SignedOut => "signedOut",
            Bye::Forbidden => "forbidden",
            Bye::NoIdentity => "noIdentity",
            Bye::TooMuch => "tooMuch",
            Bye::Restarting => "restarting",
            Bye::Silent => "silent",
            Bye::Slow => "slow",
            Bye::Trouble => "trouble",
        }
    }

    pub fn may_return(self) -> bool {
        !(4400..4500).contains(&self.code())
    }

    pub fn frame(self, retry_after_ms: u64) -> Bytes {
        let (code, reason, back) = (self.code(), self.reason(), self.may_return());
        let retry = if back { format!(r#","retryAfterMs":{retry_after_ms}"#) } else { String::new() };
        format!(r#"{{"type":"bye","code":{code},"reason":"{reason}","reconnect":{back}{retry}}}"#).into()
    }
}

/// A text as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

pub fn hello(heartbeat_s: u64, max_frame_bytes: usize, max_subscriptions: usize) -> Bytes {
    let limits = format!(r#""maxFrameBytes":{max_frame_bytes},"maxSubscriptions":{max_subscriptions}"#);
    format!(r#"{{"type":"hello","heartbeatS":{heartbeat_s},{limits}}}"#).into()
}

pub fn error((id, fault): &Wrong) -> Bytes {
    let id = id.as_deref().map(|id| format!(r#""id":{},"#, quoted(id))).unwrap_or_default();
    format!(r#"{{"type":"error",{id}"code":"{}","retryable":{}}}"#, fault.code(), fault.is_retryable()).into()
}

pub fn unsubscribed(id: &str) -> Bytes {
    format!(r#"{{"type":"unsubscribed","id":{}}}"#, quoted(id)).into()
}

pub fn subscribed_state(id: &str, tick_ms: u64) -> Bytes {
    format!(r#"{{"type":"subscribed","id":{id},"tickMs":{tick_ms}}}"#).into()
}

pub fn subscribed_log(id: &str, epoch: &str, seq: i64, recovered: bool) -> Bytes {
    let epoch = quoted(epoch);
    format!(r#"{{"type":"subscribed","id":{id},"epoch":{epoch},"seq":{seq},"recovered":{recovered}}}"#).into()
}

pub fn reset(id: &str, epoch: &str, seq: i64) -> Bytes {
    format!(r#"{{"type":"reset","id":{id},"epoch":{},"seq":{seq}}}"#, quoted(epoch)).into()
}

pub fn event(id: &str, prev: i64, seq: i64, event: &[u8]) -> Bytes {
    let head = format!(r#"{{"type":"event","id":{id},"prev":{prev},"seq":{seq},"event":"#);
    joined(&[head.as_bytes(), event, b"}"])
}

/// `by`: who moves the visit, and his name; `None` when nobody does any more.
pub fn holding(id: &str, visit: VisitId, by: Option<(UserId, &str)>) -> Bytes {
    let by = by.map(|(user, name)| format!(r#"{{"userId":"{user}","name":{}}}"#, quoted(name)));
    let by = by.as_deref().unwrap_or("null");
    format!(r#"{{"type":"holding","id":{id},"visitId":"{visit}","by":{by}}}"#).into()
}

pub fn heartbeat(upto: &[(&str, i64)]) -> Bytes {
    let upto: Vec<String> = upto.iter().map(|(id, seq)| format!("{id}:{seq}")).collect();
    format!(r#"{{"type":"heartbeat","upto":{{{}}}}}"#, upto.join(",")).into()
}

/// `{head}{list},…]}` with as many items as fit one frame taken off `items`; `head` is told whether they are the last.
pub fn listed(items: &mut VecDeque<Bytes>, head: impl FnOnce(bool) -> String) -> Bytes {
    let mut size = 0;
    let fits = items.iter().take_while(|item| {
        size += item.len() + 1;
        size <= CHUNK_BYTES
    });
    let count = fits.count().max(1).min(items.len());
    let head = head(count == items.len());
    let mut frame = BytesMut::with_capacity(head.len() + size + 2);
    frame.put_slice(head.as_bytes());
    for (index, item) in items.drain(..count).enumerate() {
        if index > 0 {
            frame.put_u8(b',');
        }
        frame.put_slice(&item);
    }
    frame.put_slice(b"]}");
    frame.freeze()
}

/// One frame of several lists, `{head},"name":[…],…}`, with as many items as fit taken off their fronts; `head` is told
/// whether nothing is left.
pub fn several(lists: &mut [(&str, VecDeque<Bytes>)], head: impl FnOnce(bool) -> String) -> Bytes {
    let mut size = 0;
    let mut counts = [0; 4];
    for ((_, items), count) in lists.iter().zip(&mut counts) {
        let fits = items.iter().take_while(|item| {
            size += item.len() + 1;
            size <= CHUNK_BYTES
        });
        *count = fits.count();
    }
    if counts == [0; 4] {
        // One that is larger than any frame ought to be still goes.
        let first = lists.iter().position(|(_, items)| !items.is_empty());
        counts[first.unwrap_or_default()] = usize::from(first.is_some());
    }
    let is_last = lists.iter().zip(&counts).all(|((_, items), count)| items.len() == *count);
    let head = head(is_last);
    let names: usize = lists.iter().map(|(name, _)| name.len() + 6).sum();
    let mut frame = BytesMut::with_capacity(head.len() + names + size.min(CHUNK_BYTES) + 1);
    frame.put_slice(head.as_bytes());
    for ((name, items), count) in lists.iter_mut().zip(counts) {
        frame.put_slice(b",\"");
        frame.put_slice(name.as_bytes());
        frame.put_slice(b"\":[");
        for (index, item) in items.drain(..count).enumerate() {
            if index > 0 {
                frame.put_u8(b',');
            }
            frame.put_slice(&item);
        }
        frame.put_u8(b']');
    }
    frame.put_u8(b'}');
    frame.freeze()
}

fn joined(parts: &[&[u8]]) -> Bytes {
    let mut frame = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| frame.put_slice(part));
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_understood_or_named() {
        let fault = |text: &str| parse(text).map(|_| ()).map_err(|(_, fault)| fault).err();
        let day = r#""from":"2026-12-01T00:00:00Z","to":"2026-12-02T00:00:00Z""#;
        assert_eq!(fault(&format!(r#"{{"type":"subscribe","id":"d","topic":"schedule",{day}}}"#)), None);
        assert_eq!(fault(r#"{"type":"subscribe","id":"m","topic":"workers","viewport":[9,47,10,48]}"#), None);
        assert_eq!(fault(r#"{"type":"position","points":[{"lat":1}]}"#), None);
        assert_eq!(fault(r#"{"type":"hold","id":"d","visitId":"0192f1c4-0000-7000-8000-000000000001"}"#), None);
        let table = [
            ("nonsense", Fault::FrameInvalid),
            (r#"{"type":"shout"}"#, Fault::TypeUnknown),
            (r#"{"type":"subscribe","topic":"workers"}"#, Fault::FrameInvalid),
            (r#"{"type":"subscribe","id":"x","topic":"weather"}"#, Fault::TopicUnknown),
            (r#"{"type":"subscribe","id":"x","topic":"schedule"}"#, Fault::FilterInvalid),
            (r#"{"type":"subscribe","id":"x","topic":"workers","viewport":[0,91,1,92]}"#, Fault::FilterInvalid),
            (r#"{"type":"subscribe","id":"x","topic":"schedule","from":"soon","to":"later"}"#, Fault::FilterInvalid),
            (r#"{"type":"subscribe","id":"x","topic":"workers","zoom":-1}"#, Fault::FilterInvalid),
            (r#"{"type":"update","id":"x","zoom":"near"}"#, Fault::FilterInvalid),
            (r#"{"type":"hold","id":"x"}"#, Fault::FilterInvalid),
            (r#"{"type":"release","id":"x","visitId":"mine"}"#, Fault::FilterInvalid),
        ];
        for (text, expected) in table {
            assert_eq!(fault(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_viewport_may_cross_the_date_line() {
        let fiji = Viewport([175.0, -20.0, -175.0, -10.0]);
        assert!(fiji.contains(-18.0, 179.0) && fiji.contains(-18.0, -179.0) && !fiji.contains(-18.0, 0.0));
    }

    #[test]
    fn the_close_code_alone_says_whether_to_come_back() {
        for bye in Bye::ALL {
            let no_retry = [4400, 4401, 4403, 4408, 4409, 4429].contains(&bye.code());
            assert_eq!(bye.may_return(), !no_retry, "{bye:?}");
            assert!(no_retry || [1012, 4001, 4002, 4029, 4030].contains(&bye.code()), "{bye:?}");
        }
    }

    #[test]
    fn a_long_list_is_cut_and_an_empty_one_still_comes() {
        let head = |last: bool| format!(r#"{{"last":{last},"visits":["#);
        assert_eq!(listed(&mut Default::default(), head), r#"{"last":true,"visits":[]}"#.as_bytes());
        let mut items: VecDeque<Bytes> = (0..5).map(|_| Bytes::from(vec![b'1'; 20_000])).collect();
        let mut frames = 0;
        while !items.is_empty() {
            let frame = listed(&mut items, head);
            frames += 1;
            assert!(frame.len() < 65_536);
            assert_eq!(frame.starts_with(br#"{"last":true"#), items.is_empty());
        }
        assert_eq!(frames, 3);
    }
}
