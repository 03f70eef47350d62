//! Where properties are, for whoever watches workers arrive there; with what the account wants to come of it.

use muster_actors::ports::{Later, Unavailable, ZoneSource, Zones};
use muster_domain::ids::AccountId;

use super::store;
use crate::identity::accounts;
use crate::store::journal::unavailable;
use crate::store::{Store, StoreError, Undone};

impl ZoneSource for Store {
    fn zones(&self, account: AccountId) -> Later<Result<Zones, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let read: Result<Zones, Undone<StoreError>> = store
                .quiet(account, |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        let policy = accounts::read(unit.conn(), account).await?.arrivals;
                        let zones = store::zones(unit.conn(), account).await?;
                        Ok(Zones { zones, accept: policy == accounts::Arrivals::Accept })
                    })
                })
                .await;
            read.map_err(|undone| match undone {
                Undone::Refused(error) | Undone::Failed(error) => unavailable(error),
            })
        })
    }
}
