//! The hub's ear at one account's radar. Positions that find the hub's mailbox full are skipped: newer ones follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Addr;
use muster_domain::ids::AccountId;

use super::{Hub, MarkSource, Marked, Surveyed};
use crate::live::Live;
use crate::radar::{Mark, MarkSink, Survey, Watch};

pub(super) struct Ear {
    pub hub: Addr<Hub>,
    /// Until nobody on the hub's thread looks at the account any more.
    pub wanted: AtomicBool,
}

impl MarkSink for Ear {
    fn marks(&self, account: AccountId, marks: &Arc<[Mark]>) -> bool {
        if !self.wanted.load(Ordering::Relaxed) || !self.hub.connected() {
            return false;
        }
        if self.hub.try_send(Marked { account, marks: marks.clone() }).is_err() {
            metrics::counter!("muster_hub_marks_skipped_total").increment(1);
        }
        true
    }

    fn surveyed(&self, account: AccountId, _: u64, marks: Arc<[Mark]>) {
        // A hub that is full or gone asks again when it wants to know.
        let _ = self.hub.try_send(Surveyed { account, marks });
    }
}

/// The radars of this server as a source of marks.
pub struct Radars(pub Arc<Live>);

impl MarkSource for Radars {
    fn watch(&self, account: AccountId, sink: Arc<dyn MarkSink>) {
        let live = self.0.clone();
        actix::spawn(async move {
            let Ok(account) = live.account(account).await else { return };
            let radar = account.radar();
            // Watch first, then survey: nothing falls between. A full radar is asked again by the hub.
            let _ = radar.try_send(Watch { sink: sink.clone() });
            let _ = radar.try_send(Survey { token: 0, sink });
        });
    }
}
