//! Who is moving which visit just now, for the others in the office to see. Volatile and of this server only: a hold
//! ends with its socket, or by itself when it is not renewed. It locks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Message;
use muster_domain::ids::{AccountId, UserId, VisitId};

use super::desk::Desk;
use super::frames::{self, Fault};

/// Visits that one socket may hold at the same time.
const HOLDS_MAX: usize = 8;
/// A hold that is not renewed ends after this; clients renew it every five seconds.
const HOLD_LIVES: Duration = Duration::from_secs(10);

/// A hold that goes on is told again no more often than this, however often it is renewed.
const RETOLD_AFTER: Duration = Duration::from_secs(4);

/// Hub and socket.
type Origin = (u64, u64);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Holder {
    user: UserId,
    name: Arc<str>,
}

/// Told to every hub of the server: a hold, renewed or new, or that it has ended.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Held {
    account: AccountId,
    visit: VisitId,
    origin: Origin,
    since: Instant,
    /// `None` when it is let go.
    by: Option<Holder>,
}

/// One socket's own holds.
#[derive(Debug, Default)]
pub(super) struct Grips {
    visits: BTreeMap<VisitId, Grip>,
    name: Name,
}

#[derive(Debug)]
struct Grip {
    sub: String,
    since: Instant,
    renewed: Instant,
}

/// Asked for once, when the first visit is held.
#[derive(Debug, Default)]
enum Name {
    #[default]
    Unknown,
    Asked,
    Known(Arc<str>),
}

/// All holds of one account, as this hub has heard of them.
#[derive(Debug, Default)]
pub(super) struct Holds {
    visits: BTreeMap<VisitId, BTreeMap<Origin, Hold>>,
}

#[derive(Debug)]
struct Hold {
    since: Instant,
    renewed: Instant,
    told: Instant,
    by: Holder,
}

impl Holds {
    /// Is it time to say again what was said before?
    fn take(&mut self, held: &Held, now: Instant) -> bool {
        match &held.by {
            Some(by) => {
                let holds = self.visits.entry(held.visit).or_default();
                let hold = Hold { since: held.since, renewed: now, told: now, by: by.clone() };
                let hold = holds.entry(held.origin).and_modify(|known| known.renewed = now).or_insert(hold);
                let is_due = now >= hold.told + RETOLD_AFTER;
                hold.told = if is_due { now } else { hold.told };
                return is_due;
            }
            None => {
                if let Some(holds) = self.visits.get_mut(&held.visit) {
                    holds.remove(&held.origin);
                    if holds.is_empty() {
                        self.visits.remove(&held.visit);
                    }
                }
            }
        }
        false
    }

    /// As one socket is shown it: not his own, and of several the first.
    fn seen_by(&self, visit: VisitId, me: Origin) -> Option<&Holder> {
        let others = self.visits.get(&visit)?.iter().filter(|(origin, _)| **origin != me);
        others.min_by_key(|(origin, hold)| (hold.since, **origin)).map(|(_, hold)| &hold.by)
    }

    /// Those that nobody renewed.
    fn expired(&self, account: AccountId, now: Instant) -> Vec<Held> {
        let all =
            self.visits.iter().flat_map(|(visit, holds)| holds.iter().map(move |(origin, hold)| (visit, origin, hold)));
        all.filter(|(_, _, hold)| now >= hold.renewed + HOLD_LIVES)
            .map(|(visit, origin, hold)| Held { account, visit: *visit, origin: *origin, since: hold.since, by: None })
            .collect()
    }
}

impl Desk {
    pub(super) fn hold(&mut self, key: u64, sub: String, visit: VisitId) {
        let now = Instant::now();
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let (grips, who) = (&mut seat.grips, &seat.session.who);
        grips.visits.retain(|_, grip| now < grip.renewed + HOLD_LIVES);
        if grips.visits.len() >= HOLDS_MAX && !grips.visits.contains_key(&visit) {
            return self.say(key, frames::error(&(Some(sub), Fault::TooManyHolds)));
        }
        let grip = grips.visits.entry(visit).or_insert_with(|| Grip { sub: String::new(), since: now, renewed: now });
        (grip.sub, grip.renewed) = (sub, now);
        match &grips.name {
            Name::Known(_) => self.tell_grips(key, Some(visit)),
            Name::Asked => {}
            Name::Unknown => {
                grips.name = Name::Asked;
                let name = self.hubs.names.name(who.account, who.user);
                let weak = self.weak.clone();
                actix::spawn(async move {
                    // In a task of its own: a panic costs one answer.
                    let name = actix::spawn(name).await.ok().and_then(Result::ok);
                    let Some(desk) = weak.upgrade() else { return };
                    let mut desk = desk.borrow_mut();
                    if let Some(seat) = desk.seats.get_mut(&key) {
                        // Without an answer the next renewal asks again.
                        seat.grips.name = name.map_or(Name::Unknown, |name| Name::Known(name.into()));
                        desk.tell_grips(key, None);
                    }
                });
            }
        }
    }

    /// What this socket holds, or one of it, to every hub.
    fn tell_grips(&self, key: u64, only: Option<VisitId>) {
        let Some(seat) = self.seats.get(&key) else { return };
        let Name::Known(name) = &seat.grips.name else { return };
        let who = &seat.session.who;
        let by = Holder { user: who.user, name: name.clone() };
        for (visit, grip) in seat.grips.visits.iter().filter(|(visit, _)| only.is_none_or(|only| only == **visit)) {
            let (account, origin, since) = (who.account, (self.id, key), grip.since);
            self.hubs.tell_held(&Held { account, visit: *visit, origin, since, by: Some(by.clone()) });
        }
    }

    pub(super) fn release(&mut self, key: u64, visit: VisitId) {
        self.let_go(key, |held, _| *held == visit);
    }

    /// Everything that was held from a subscription.
    pub(super) fn release_all(&mut self, key: u64, sub: &str) {
        self.let_go(key, |_, from| from == sub);
    }

    fn let_go(&mut self, key: u64, is_meant: impl Fn(&VisitId, &str) -> bool) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let account = seat.session.who.account;
        let gone = seat.grips.visits.extract_if(.., |visit, grip| is_meant(visit, &grip.sub)).collect();
        self.tell_gone(account, key, gone);
    }

    fn tell_gone(&self, account: AccountId, key: u64, gone: BTreeMap<VisitId, Grip>) {
        for (visit, grip) in gone {
            self.hubs.tell_held(&Held { account, visit, origin: (self.id, key), since: grip.since, by: None });
        }
    }

    /// The socket has left.
    pub(super) fn drop_grips(&self, account: AccountId, key: u64, grips: Grips) {
        self.tell_gone(account, key, grips.visits);
    }

    /// Passes on what has changed for each of the office's sockets, and now and then that it has not.
    pub(super) fn on_held(&mut self, held: &Held) {
        let keys = self.keys_of(held.account, |session| session.office_logs().next().is_some());
        let id = self.id;
        let Some(room) = self.rooms.get_mut(&held.account) else { return };
        let before: Vec<Option<Holder>> =
            keys.iter().map(|key| room.holds.seen_by(held.visit, (id, *key)).cloned()).collect();
        let is_again = room.holds.take(held, Instant::now());
        for (key, before) in keys.into_iter().zip(before) {
            let Some(room) = self.rooms.get(&held.account) else { return };
            let now = room.holds.seen_by(held.visit, (id, key));
            if now != before.as_ref() || (is_again && now.is_some() && now == held.by.as_ref()) {
                let frames = self.holding_frames(key, held.visit, now, None);
                frames.into_iter().for_each(|frame| self.say(key, frame));
            }
        }
    }

    fn holding_frames(&self, key: u64, visit: VisitId, by: Option<&Holder>, only: Option<&str>) -> Vec<bytes::Bytes> {
        let Some(seat) = self.seats.get(&key) else { return Vec::new() };
        let by = by.map(|holder| (holder.user, &*holder.name));
        let subs = seat.session.office_logs().filter(|id| only.is_none_or(|only| only == id));
        subs.map(|id| frames::holding(&id, visit, by)).collect()
    }

    /// A new subscription is told what is being moved already.
    pub(super) fn tell_holds(&mut self, key: u64, sub: &str) {
        let Some(seat) = self.seats.get(&key) else { return };
        let Some(room) = self.rooms.get(&seat.session.who.account) else { return };
        let id = frames::quoted(sub);
        let held = room.holds.visits.keys().filter_map(|visit| {
            let by = room.holds.seen_by(*visit, (self.id, key))?;
            Some(self.holding_frames(key, *visit, Some(by), Some(&id)))
        });
        let frames: Vec<_> = held.flatten().collect();
        frames.into_iter().for_each(|frame| self.say(key, frame));
    }

    pub(super) fn expire_holds(&mut self, now: Instant) {
        let expired = self.rooms.iter().flat_map(|(account, room)| room.holds.expired(*account, now));
        let expired: Vec<Held> = expired.collect();
        expired.iter().for_each(|held| self.on_held(held));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_hold_that_nobody_renews_ends_and_one_that_is_renewed_stays() {
        let (account, visit) = (AccountId(Uuid::from_u128(1)), VisitId(Uuid::from_u128(2)));
        let start = Instant::now();
        let by = Some(Holder { user: UserId(Uuid::from_u128(3)), name: "Ann".into() });
        let held = Held { account, visit, origin: (1, 1), since: start, by };
        let mut holds = Holds::default();
        holds.take(&held, start);
        let almost = start + HOLD_LIVES - Duration::from_millis(1);
        assert!(holds.expired(account, almost).is_empty());
        holds.take(&held, almost);
        assert!(holds.expired(account, start + HOLD_LIVES).is_empty());
        assert_eq!(holds.seen_by(visit, (1, 2)).map(|by| &*by.name), Some("Ann"));
        assert_eq!(holds.seen_by(visit, (1, 1)), None, "not told to himself");
        let ended = holds.expired(account, almost + HOLD_LIVES);
        assert_eq!(ended.len(), 1);
        holds.take(&ended[0], almost + HOLD_LIVES);
        assert!(holds.visits.is_empty());
    }
}
