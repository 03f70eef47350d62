//! The protocol of one socket as a machine: frames and news in, frames and wishes out. It never touches a socket, a
//! clock or another actor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use muster_domain::TimeWindow;
use muster_domain::identity::{Permission, Role, Scope, scope_of};
use muster_domain::ids::{AccountId, SessionId, UserId, VisitId, WorkerId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::frames::{self, Fault, Heard, Topic};
use super::log::{LogSub, Need, Overflow, Picture};
use super::map::{MapSub, Marks};
use crate::feed::{Delivered, Replay};
use crate::ports::Wire;

pub const MAX_SUBSCRIPTIONS: usize = 32;

/// Whose socket it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    pub account: AccountId,
    pub user: UserId,
    pub role: Role,
    /// The sign-in or key that it hangs on: when that ends, so does the socket.
    pub session: Option<SessionId>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Who {
    /// How far he sees: `Err` not at all, `Some` only what is this worker's.
    fn view(&self, permission: Permission) -> Result<Option<WorkerId>, Fault> {
        match scope_of(self.role, permission) {
            Some(Scope::Account) => Ok(None),
            Some(Scope::Own) => Ok(Some(WorkerId::from(self.user))),
            None => Err(Fault::Forbidden),
        }
    }
}

/// What a socket needs from outside; `sub` comes back with the answer.
#[derive(Debug)]
pub enum Wish {
    Picture {
        sub: u64,
        range: TimeWindow,
        viewer: Option<WorkerId>,
    },
    Replay {
        sub: u64,
        after: i64,
    },
    /// The account's marks, kept up to date.
    Marks,
    Positions(Box<RawValue>),
    /// He moves the visit, as seen from this subscription.
    Hold {
        id: String,
        visit: VisitId,
    },
    Release {
        visit: VisitId,
    },
    /// What was held from this subscription is let go.
    LetGo {
        id: String,
    },
}

/// What follows from one step: frames to send at once, in order, and wishes.
#[derive(Debug, Default)]
pub struct Out {
    pub send: Vec<Bytes>,
    pub wishes: Vec<Wish>,
    /// A new subscription that is to be told who moves what just now.
    pub office_log: Option<String>,
}

/// Where the account's feed stands, as this thread heard it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tide {
    pub epoch: Uuid,
    pub upto: i64,
}

#[derive(Debug)]
enum Kind {
    Log(Box<LogSub>),
    Map(Box<MapSub>),
}

#[derive(Debug)]
struct Sub {
    number: u64,
    kind: Kind,
}

#[derive(Debug)]
pub struct Session {
    pub who: Who,
    subs: BTreeMap<String, Sub>,
    next: u64,
}

impl Session {
    pub fn new(who: Who) -> Self {
        Self { who, subs: BTreeMap::new(), next: 0 }
    }

    pub fn on_frame(&mut self, text: &str, tide: Option<Tide>, marks: &Marks) -> Out {
        let mut out = Out::default();
        let done = match frames::parse(text) {
            Ok(heard) => self.obey(heard, tide, marks, &mut out),
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = done {
            out.send.push(frames::error(&wrong));
        }
        out
    }

    fn obey(&mut self, heard: Heard, tide: Option<Tide>, marks: &Marks, out: &mut Out) -> Result<(), frames::Wrong> {
        match heard {
            Heard::Subscribe { id, topic } => {
                self.subscribe(&id, topic, out).map_err(|fault| (Some(id), fault))?;
                if let Some(tide) = tide {
                    self.on_joined(tide, out);
                }
            }
            Heard::Update { id, look } => match self.subs.get_mut(&id).map(|sub| &mut sub.kind) {
                Some(Kind::Map(map)) => map.update(look, marks),
                Some(Kind::Log(_)) => return Err((Some(id), Fault::FilterInvalid)),
                None => return Err((Some(id), Fault::SubscriptionUnknown)),
            },
            Heard::Unsubscribe { id } => {
                self.subs.remove(&id).ok_or((Some(id.clone()), Fault::SubscriptionUnknown))?;
                out.send.push(frames::unsubscribed(&id));
                out.wishes.push(Wish::LetGo { id });
            }
            Heard::Hold { id, visit } => {
                self.may_hold(&id).map_err(|fault| (Some(id.clone()), fault))?;
                out.wishes.push(Wish::Hold { id, visit });
            }
            Heard::Release { id, visit } => {
                self.may_hold(&id).map_err(|fault| (Some(id), fault))?;
                out.wishes.push(Wish::Release { visit });
            }
            Heard::Position { report } => {
                self.who.view(Permission::PositionsWrite).map_err(|fault| (None, fault))?;
                out.wishes.push(Wish::Positions(report));
            }
        }
        Ok(())
    }

    fn may_hold(&self, id: &str) -> Result<(), Fault> {
        match self.subs.get(id).map(|sub| &sub.kind) {
            Some(Kind::Log(_)) if self.who.view(Permission::ScheduleWrite)?.is_none() => Ok(()),
            Some(Kind::Log(_)) => Err(Fault::Forbidden),
            Some(Kind::Map(_)) => Err(Fault::FilterInvalid),
            None => Err(Fault::SubscriptionUnknown),
        }
    }

    /// Names, as JSON, of the subscriptions that see the whole schedule.
    pub fn office_logs(&self) -> impl Iterator<Item = String> {
        let logs = self.subs.iter().filter(|(_, sub)| matches!(&sub.kind, Kind::Log(log) if log.range().1.is_none()));
        logs.map(|(id, _)| frames::quoted(id))
    }

    fn subscribe(&mut self, id: &str, topic: Topic, out: &mut Out) -> Result<(), Fault> {
        if self.subs.contains_key(id) {
            return Err(Fault::IdTaken);
        }
        if self.subs.len() >= MAX_SUBSCRIPTIONS {
            return Err(Fault::TooManySubscriptions);
        }
        let kind = match topic {
            Topic::Workers { look, tick_ms } => {
                let viewer = self.who.view(Permission::PositionsRead)?;
                let map = MapSub::new(id, look, Duration::from_millis(tick_ms), viewer);
                out.send.push(map.subscribed());
                out.wishes.push(Wish::Marks);
                Kind::Map(Box::new(map))
            }
            Topic::Schedule { range, resume } => {
                let viewer = self.who.view(Permission::ScheduleRead)?;
                if viewer.is_none() {
                    out.office_log = Some(id.to_owned());
                }
                Kind::Log(Box::new(LogSub::new(id, range, viewer, resume)))
            }
        };
        self.next += 1;
        self.subs.insert(id.to_owned(), Sub { number: self.next, kind });
        Ok(())
    }

    fn logs(&mut self) -> impl Iterator<Item = (u64, &mut LogSub)> {
        self.subs.values_mut().filter_map(|sub| match &mut sub.kind {
            Kind::Log(log) => Some((sub.number, &mut **log)),
            Kind::Map(_) => None,
        })
    }

    fn log(&mut self, number: u64) -> Option<&mut LogSub> {
        self.logs().find(|(at, _)| *at == number).map(|(_, log)| log)
    }

    pub fn on_joined(&mut self, tide: Tide, out: &mut Out) {
        for (number, log) in self.logs() {
            let (frames, need) = log.joined(tide.epoch, tide.upto);
            push(out, number, log, frames, need);
        }
    }

    pub fn on_lost(&mut self, tide: Tide, out: &mut Out) {
        for (number, log) in self.logs() {
            let (frames, need) = log.lost(tide.epoch, tide.upto);
            push(out, number, log, frames, need);
        }
    }

    pub fn on_happened(&mut self, entries: &[Arc<Delivered>]) -> Result<(), Overflow> {
        self.logs().try_for_each(|(_, log)| log.happened(entries))
    }

    pub fn on_picture(&mut self, number: u64, picture: Picture, out: &mut Out) {
        if let Some(log) = self.log(number) {
            let need = log.loaded(picture);
            push(out, number, log, Vec::new(), need);
        }
    }

    pub fn on_replayed(&mut self, number: u64, replay: &Replay, tide: Tide, out: &mut Out) {
        if let Replay::Unavailable = replay {
            return self.give_up(number, out);
        }
        if let Some(log) = self.log(number) {
            let (frames, need) = log.replayed(replay, tide.upto);
            push(out, number, log, frames, need);
        }
    }

    /// What it waits for cannot be had: the client is told that it may try again, and the subscription ends.
    pub fn give_up(&mut self, number: u64, out: &mut Out) {
        let waits = |sub: &Sub| sub.number == number && matches!(&sub.kind, Kind::Log(log) if log.is_waiting());
        let found = self.subs.iter().find(|(_, sub)| waits(sub)).map(|(id, _)| id.clone());
        if let Some(id) = found {
            self.subs.remove(&id);
            out.send.push(frames::error(&(Some(id), Fault::Unavailable)));
        }
    }

    /// The next frame for a socket that has room; facts before positions.
    pub fn pump(&mut self, marks: &mut Marks, wire: &dyn Wire, now: Instant) -> Option<Bytes> {
        let fact = self.logs().find_map(|(_, log)| log.pump(wire));
        fact.or_else(|| {
            self.subs.values_mut().find_map(|sub| match &mut sub.kind {
                Kind::Map(map) => map.pump(marks, now),
                Kind::Log(_) => None,
            })
        })
    }

    pub fn heartbeat(&self) -> Bytes {
        let upto = self.subs.values().filter_map(|sub| match &sub.kind {
            Kind::Log(log) => log.upto(),
            Kind::Map(_) => None,
        });
        frames::heartbeat(&upto.collect::<Vec<_>>())
    }

    pub fn has_log(&self) -> bool {
        self.subs.values().any(|sub| matches!(sub.kind, Kind::Log(_)))
    }

    pub fn has_map(&self) -> bool {
        self.subs.values().any(|sub| matches!(sub.kind, Kind::Map(_)))
    }

    /// When positions are due, of which some wait for their tick.
    pub fn marks_due_at(&self, marks: &Marks, now: Instant) -> Option<Instant> {
        let maps = self.subs.values().filter_map(|sub| match &sub.kind {
            Kind::Map(map) => map.due_at(marks, now),
            Kind::Log(_) => None,
        });
        maps.min()
    }
}

fn push(out: &mut Out, sub: u64, log: &LogSub, frames: Vec<Bytes>, need: Option<Need>) {
    out.send.extend(frames);
    let (range, viewer) = log.range();
    match need {
        Some(Need::Picture) => out.wishes.push(Wish::Picture { sub, range, viewer }),
        Some(Need::Replay { after }) => out.wishes.push(Wish::Replay { sub, after }),
        None => {}
    }
}

#[cfg(test)]
mod tests;
