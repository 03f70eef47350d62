//! What the desk sends out for: schedules, replays, positions on their way up. Answers come back by a socket's number;
//! for one that has left meanwhile they are dropped.

use std::collections::VecDeque;
use std::time::Duration;

use muster_domain::TimeWindow;
use muster_domain::ids::WorkerId;

use super::desk::Desk;
use super::frames::{self, Fault};
use crate::feed::Since;

/// Batches of positions whose acknowledgement is still awaited, per socket.
const UPLINKS_MAX: usize = 4;
/// Schedules that one thread loads at the same time; when everybody comes back at once, the others wait.
const PICTURES_AT_ONCE: usize = 8;
const PICTURE_RETRY: Duration = Duration::from_millis(250);
const PICTURE_TRIES: u32 = 20;

/// A schedule that a subscription waits for. At most one per subscription, so the sockets bound the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureWanted {
    key: u64,
    sub: u64,
    range: TimeWindow,
    viewer: Option<WorkerId>,
    tries: u32,
}

impl PictureWanted {
    pub(super) fn new(key: u64, sub: u64, range: TimeWindow, viewer: Option<WorkerId>) -> Self {
        Self { key, sub, range, viewer, tries: PICTURE_TRIES }
    }
}

#[derive(Debug, Default)]
pub(super) struct Pictures {
    waiting: VecDeque<PictureWanted>,
    loading: usize,
}

impl Desk {
    pub(super) fn want_picture(&mut self, wanted: PictureWanted) {
        self.pictures.waiting.push_back(wanted);
        self.load_pictures();
    }

    fn load_pictures(&mut self) {
        while self.pictures.loading < PICTURES_AT_ONCE {
            let Some(wanted) = self.pictures.waiting.pop_front() else { return };
            self.load_picture(wanted);
        }
    }

    fn load_picture(&mut self, wanted: PictureWanted) {
        let PictureWanted { key, sub, range, viewer, tries } = wanted;
        let Some(account) = self.seats.get(&key).map(|seat| seat.session.who.account) else { return };
        self.pictures.loading += 1;
        let (weak, picture) = (self.weak.clone(), self.hubs.schedule.visits(account, range, viewer));
        actix::spawn(async move {
            // In a task of its own: a panic costs one try, not the place in the queue.
            let picture = actix::spawn(picture).await.ok().and_then(Result::ok);
            let Some(desk) = weak.upgrade() else { return };
            let tide = {
                let mut desk = desk.borrow_mut();
                desk.pictures.loading -= 1;
                desk.load_pictures();
                desk.rooms.get(&account).and_then(|room| room.tide)
            };
            // After a restore the feed may hear of the new epoch a little later than the schedule, or before.
            let picture = picture.filter(|picture| tide.is_some_and(|tide| tide.epoch == picture.epoch));
            if picture.is_none() && tries > 0 {
                drop(desk);
                tokio::time::sleep(PICTURE_RETRY).await;
                if let Some(desk) = weak.upgrade() {
                    desk.borrow_mut().want_picture(PictureWanted { tries: tries - 1, ..wanted });
                }
                return;
            }
            desk.borrow_mut().with(key, |session, out| match picture {
                Some(picture) => session.on_picture(sub, picture, out),
                None => session.give_up(sub, out),
            });
        });
    }

    pub(super) fn ask_replay(&mut self, key: u64, sub: u64, after: i64) {
        let Some(seat) = self.seats.get(&key) else { return };
        self.next += 1;
        let token = self.next;
        let since = Since { token, after, to: self.hub.clone().recipient() };
        let feed = self.rooms.get(&seat.session.who.account).and_then(|room| room.feed.as_ref());
        if feed.is_some_and(|feed| feed.try_send(since).is_ok()) {
            self.asked.insert(token, (key, sub));
        } else {
            self.with(key, |session, out| session.give_up(sub, out));
        }
    }

    pub(super) fn pass_up(&mut self, key: u64, points: String) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        if seat.uplinks >= UPLINKS_MAX {
            return self.say(key, frames::error(&(None, Fault::Busy)));
        }
        seat.uplinks += 1;
        let answer = self.hubs.uplink.positions(seat.session.who.clone(), points);
        let weak = self.weak.clone();
        actix::spawn(async move {
            let frame = answer.await.unwrap_or_else(|fault| frames::error(&(None, fault)));
            if let Some(desk) = weak.upgrade() {
                let mut desk = desk.borrow_mut();
                if let Some(seat) = desk.seats.get_mut(&key) {
                    seat.uplinks -= 1;
                }
                desk.say(key, frame);
            }
        });
    }
}
