//! The ring and the feed, heard by an actor that takes notes.

use std::sync::Mutex;

use actix::{Actor, Addr, Arbiter, Context, Handler};

use super::*;
use crate::sample::{BookJournal, PlainWire, account, entries};

fn delivered(seqs: impl IntoIterator<Item = i64>) -> Vec<Arc<Delivered>> {
    entries(seqs).into_iter().map(|entry| Delivered::new(entry, &PlainWire)).collect()
}

fn seqs(held: Held) -> Option<Vec<i64>> {
    match held {
        Held::Here(entries) => Some(entries.iter().map(|entry| entry.seq()).collect()),
        Held::Older | Held::Ahead => None,
    }
}

#[test]
fn a_ring_passes_nothing_over_a_gap() {
    let mut ring = Ring::new(10);
    assert!(!ring.take(delivered([13, 12])) && ring.has_gap());
    assert_eq!(seqs(ring.after(10)), Some(vec![]));
    assert!(ring.take(delivered([11, 11, 12])) && !ring.has_gap());
    assert_eq!(seqs(ring.after(10)), Some(vec![11, 12, 13]));
    assert!(!ring.take(delivered([12])), "what is known is not passed on again");
}

#[test]
fn a_ring_knows_what_it_no_longer_has() {
    let mut ring = Ring::with_room(0, 3);
    ring.take(delivered(1..=5));
    assert_eq!(seqs(ring.after(2)), Some(vec![3, 4, 5]));
    assert!(matches!(ring.after(1), Held::Older) && matches!(ring.after(6), Held::Ahead));
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<News>>>);

impl Notes {
    fn all(&self) -> Vec<News> {
        self.0.lock().expect("no panic").clone()
    }
    fn heard(&self) -> Vec<i64> {
        let entries = |news: &News| match news {
            News::Happened { entries, .. } => entries.iter().map(|entry| entry.seq()).collect(),
            _ => Vec::new(),
        };
        self.all().iter().flat_map(entries).collect()
    }
    async fn until(&self, what: &str, is: impl Fn(&Notes) -> bool) {
        for _ in 0..400 {
            if is(self) {
                return;
            }
            actix::clock::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {what}: {:?}", self.all());
    }
    async fn joined(&self) {
        self.until("joined", |notes| notes.all().iter().any(|news| matches!(news, News::Joined { .. }))).await;
    }
}

struct Listening(Notes);

impl Actor for Listening {
    type Context = Context<Self>;
}

impl Handler<News> for Listening {
    type Result = ();
    fn handle(&mut self, news: News, _: &mut Self::Context) {
        self.0.0.lock().expect("no panic").push(news);
    }
}

fn feeds(journal: &BookJournal) -> Arc<Feeds> {
    let config = FeedConfig { poll: Duration::from_millis(40), patience: Duration::from_secs(1) };
    Feeds::start(Arc::new(journal.clone()), Arc::new(PlainWire), vec![Arbiter::current()], config)
}

fn listener(feed: &Addr<Feed>, heard: Option<i64>) -> (Notes, Recipient<News>) {
    let notes = Notes::default();
    let to = Listening(notes.clone()).start().recipient();
    feed.try_send(Join { hub: 1, to: to.clone(), heard }).expect("room in the mailbox");
    (notes, to)
}

fn run(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

#[test]
fn a_hub_hears_every_entry_once_in_whatever_order_they_were_told() {
    run(async {
        let journal = BookJournal::default();
        journal.append(3);
        let feeds = feeds(&journal);
        let (notes, _) = listener(&feeds.get(account(1)), None);
        notes.joined().await;
        let reads = journal.with(|book| book.reads);
        let new = journal.append(4);
        for index in [1, 0, 3, 2, 2] {
            feeds.committed(account(1), vec![new[index].clone()]);
        }
        notes.until("complete", |notes| notes.heard() == [4, 5, 6, 7]).await;
        assert_eq!(journal.with(|book| book.reads), reads, "a gap that closes by itself costs no query");
    });
}

#[test]
fn what_another_server_wrote_is_noticed_and_a_gap_is_filled_from_the_table() {
    run(async {
        let journal = BookJournal::default();
        let feeds = feeds(&journal);
        let (notes, _) = listener(&feeds.get(account(1)), None);
        notes.joined().await;
        journal.append(1_200);
        notes.until("filled", |notes| notes.heard() == (1..=1_200).collect::<Vec<_>>()).await;
        let new = journal.append(3);
        feeds.committed(account(1), vec![new[2].clone()]);
        notes.until("filled again", |notes| notes.heard() == (1..=1_203).collect::<Vec<_>>()).await;
    });
}

#[test]
fn a_resume_is_served_from_memory_from_the_table_or_told_that_it_is_too_old() {
    run(async {
        let journal = BookJournal::default();
        journal.append(1_000);
        journal.with(|book| book.pruned = 100);
        let feed = feeds(&journal).get(account(1));
        let (notes, to) = listener(&feed, None);
        for (token, after) in [(1, 990), (2, 300), (3, 50), (4, 2_000)] {
            feed.try_send(Since { token, after, to: to.clone() }).expect("room");
        }
        let count = |notes: &Notes| notes.all().iter().filter(|n| matches!(n, News::Replayed { .. })).count();
        notes.until("answered", |notes| count(notes) == 4).await;
        let mut got = BTreeMap::new();
        for news in notes.all() {
            if let News::Replayed { token, replay, .. } = news {
                got.insert(token, replay);
            }
        }
        let events = |token: u64| match &got[&token] {
            Replay::Events { entries, upto } => Some((entries.len(), *upto)),
            Replay::TooOld | Replay::Unavailable => None,
        };
        assert_eq!((events(1), events(2)), (Some((10, 1_000)), Some((700, 1_000))));
        assert!(matches!(got[&3], Replay::TooOld) && matches!(got[&4], Replay::TooOld));
    });
}

#[test]
fn a_cursor_from_another_server_waits_for_what_this_one_has_not_heard_of() {
    run(async {
        let journal = BookJournal::default();
        journal.append(10);
        let slow = FeedConfig { poll: Duration::from_secs(60), patience: Duration::from_secs(1) };
        let feeds = Feeds::start(Arc::new(journal.clone()), Arc::new(PlainWire), vec![Arbiter::current()], slow);
        let feed = feeds.get(account(1));
        let (notes, to) = listener(&feed, None);
        notes.joined().await;
        journal.append(5);
        feed.try_send(Since { token: 1, after: 13, to }).expect("room");
        let is = |news: &News| matches!(news, News::Replayed { replay: Replay::Events { entries, upto: 15 }, .. } if entries.len() == 2);
        notes.until("replayed", |notes| notes.all().iter().any(is)).await;
    });
}

#[test]
fn a_restored_database_is_another_epoch_and_whoever_listens_is_told() {
    run(async {
        let journal = BookJournal::default();
        journal.append(10);
        let feeds = feeds(&journal);
        let (notes, _) = listener(&feeds.get(account(1)), None);
        notes.joined().await;
        let epoch = Uuid::from_u128(7);
        journal.with(|book| (book.epoch, _) = (epoch, book.entries.truncate(4)));
        let is = |news: &News| matches!(news, News::Lost { head, .. } if head.epoch == epoch && head.seq == 4);
        notes.until("told", |notes| notes.all().iter().any(is)).await;
        feeds.committed(account(1), journal.append(1));
        notes.until("going on", |notes| notes.heard() == [5]).await;
    });
}

#[derive(Message)]
#[rtype(result = "()")]
struct Trip;

impl Handler<Trip> for Feed {
    type Result = ();
    fn handle(&mut self, _: Trip, _: &mut Self::Context) {
        panic!("on purpose");
    }
}

#[test]
fn a_feed_that_panicked_is_replaced_and_goes_on_where_its_hub_was() {
    run(async {
        let journal = BookJournal::default();
        journal.append(5);
        let feeds = feeds(&journal);
        let feed = feeds.get(account(1));
        feed.try_send(Trip).expect("room");
        while feed.connected() {
            actix::clock::sleep(Duration::from_millis(5)).await;
        }
        let next = feeds.get(account(1));
        assert!(next != feed);
        let (notes, _) = listener(&next, Some(3));
        notes.until("caught up", |notes| notes.heard() == [4, 5]).await;
    });
}

#[test]
fn while_the_store_is_away_nothing_is_lost_only_late() {
    run(async {
        let journal = BookJournal::default();
        journal.with(|book| book.is_down = true);
        let feeds = feeds(&journal);
        let (notes, _) = listener(&feeds.get(account(1)), None);
        journal.append(2);
        actix::clock::sleep(Duration::from_millis(100)).await;
        assert!(notes.all().is_empty());
        journal.with(|book| book.is_down = false);
        notes.joined().await;
        feeds.committed(account(1), journal.append(1));
        notes.until("heard", |notes| notes.heard() == [3]).await;
    });
}
