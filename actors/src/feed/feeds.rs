//! Which feed serves which account on this server. A feed that died is replaced by whoever wants it next, and one
//! query a second notices what other servers wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle, Context};
use muster_domain::ids::AccountId;
use uuid::Uuid;

use super::{Committed, Feed, Noticed};
use crate::ports::{Entry, Journal, Wire};

#[derive(Clone, Copy, Debug)]
pub struct FeedConfig {
    /// The mean pause between two looks at the heads.
    pub poll: Duration,
    /// A look that takes longer is given up.
    pub patience: Duration,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { poll: Duration::from_secs(1), patience: Duration::from_secs(5) }
    }
}

pub struct Feeds {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) wire: Arc<dyn Wire>,
    arbiters: Vec<ArbiterHandle>,
    config: FeedConfig,
    running: Mutex<BTreeMap<AccountId, Addr<Feed>>>,
    watched: Mutex<BTreeSet<AccountId>>,
}

impl Feeds {
    /// Starts the poller on the first of the arbiters, of which there must be one.
    pub fn start(
        journal: Arc<dyn Journal>,
        wire: Arc<dyn Wire>,
        arbiters: Vec<ArbiterHandle>,
        config: FeedConfig,
    ) -> Arc<Self> {
        let feeds =
            Arc::new(Self { journal, wire, arbiters, config, running: Mutex::default(), watched: Mutex::default() });
        let weak = Arc::downgrade(&feeds);
        if let Some(arbiter) = feeds.arbiters.first() {
            arbiter.spawn(async move {
                let mut pause = config.poll;
                loop {
                    tokio::time::sleep(pause).await;
                    let Some(feeds) = weak.upgrade() else { return };
                    pause = jittered(config.poll);
                    // In a task of its own: a panic costs one look, not the poller.
                    if actix::spawn(async move { feeds.look().await }).await.is_err() {
                        metrics::counter!("muster_feed_poll_failures_total").increment(1);
                    }
                }
            });
        }
        feeds
    }

    /// The account's feed, started if it does not run.
    pub fn get(self: &Arc<Self>, account: AccountId) -> Addr<Feed> {
        let mut running = lock(&self.running);
        if let Some(feed) = running.get(&account).filter(|feed| feed.connected()) {
            return feed.clone();
        }
        let shard = account.0.as_u128() as usize % self.arbiters.len().max(1);
        let feed = Feed::new(account, self);
        let arbiter = self.arbiters.get(shard).cloned().unwrap_or_else(actix::Arbiter::current);
        let feed = Feed::start_in_arbiter(&arbiter, move |_: &mut Context<Feed>| feed);
        running.retain(|_, feed| feed.connected());
        running.insert(account, feed.clone());
        feed
    }

    /// To be told after every commit, by whichever lane made it. Without a listener on this server it costs nothing;
    /// with a full mailbox the feed finds out by itself.
    pub fn committed(&self, account: AccountId, entries: Vec<Entry>) {
        let feed = lock(&self.running).get(&account).cloned();
        if let Some(feed) = feed.filter(|_| !entries.is_empty())
            && feed.try_send(Committed(entries)).is_err()
        {
            metrics::counter!("muster_feed_untold_total").increment(1);
        }
    }

    pub(super) fn watch(&self, account: AccountId, wanted: bool) {
        let mut watched = lock(&self.watched);
        if wanted {
            watched.insert(account);
        } else {
            watched.remove(&account);
        }
    }

    async fn look(self: Arc<Self>) {
        let accounts: Vec<AccountId> = lock(&self.watched).iter().copied().collect();
        if accounts.is_empty() {
            return;
        }
        let heads = tokio::time::timeout(self.config.patience, self.journal.heads(accounts)).await;
        for (account, head) in heads.ok().and_then(Result::ok).unwrap_or_default() {
            let feed = lock(&self.running).get(&account).cloned();
            if let Some(feed) = feed {
                // A full mailbox: the next look comes in a second.
                let _ = feed.try_send(Noticed(head));
            }
        }
    }
}

/// Between half and one and a half of `mean`, so that servers do not look in step.
fn jittered(mean: Duration) -> Duration {
    mean / 2 + mean.mul_f64(f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
