//! What the hubs ask for, answered from this side: which sign-ins have ended, what people are called, and positions sent
//! over a socket.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use muster_actors::hub::{Doorman, Fault, Names, Uplink, Who};
use muster_actors::live::Live;
use muster_actors::ports::{Later, Unavailable};
use muster_domain::ids::{AccountId, SessionId, UserId, WorkerId};
use serde_json::json;

use super::store::name_of;
use crate::http::Problem;
use crate::identity::sessions::Sessions;
use crate::live::positions::{Frame, Incoming, Outcome, Protocol, report};
use crate::store::work::to_micros;
use crate::store::{Store, Undone};

/// Points in one frame.
const MAX_POINTS: usize = 1_000;

/// Sign-ins as the database knows them: whichever server ended one.
pub struct SignIns(pub Arc<Sessions>);

impl Doorman for SignIns {
    fn ended(&self, sessions: Vec<(AccountId, SessionId)>) -> Later<Result<Vec<SessionId>, Unavailable>> {
        let sign_ins = self.0.clone();
        Box::pin(async move { sign_ins.ended(sessions).await.map_err(crate::store::journal::unavailable) })
    }
}

/// People by their rows.
pub struct People(pub Store);

impl Names for People {
    fn name(&self, account: AccountId, user: UserId) -> Later<Result<String, Unavailable>> {
        let store = self.0.clone();
        Box::pin(async move {
            let found = store.quiet(account, move |unit| {
                Box::pin(async move { Ok::<_, Undone<Infallible>>(name_of(unit.conn(), account, user).await?) })
            });
            found.await.ok().flatten().ok_or(Unavailable)
        })
    }
}

/// Positions over a socket take the same way as `POST /positions`, and are acknowledged when they are durable.
pub struct Reports(pub Arc<Live>);

impl Uplink for Reports {
    fn positions(&self, who: Who, frame: String) -> Later<Result<Bytes, Fault>> {
        let live = self.0.clone();
        Box::pin(async move {
            let (incoming, worker) = (understood(&who, &frame)?, WorkerId::from(who.user));
            let outcome = report(&live, Protocol::Socket, who.account, worker, incoming).await.map_err(fault)?;
            let Outcome { accepted, duplicates, rejected, profile } = outcome;
            let count = accepted + duplicates;
            let accepted = json!({ "type": "accepted", "count": count, "rejected": rejected, "profile": profile });
            Ok(serde_json::to_vec(&accepted).expect("JSON values can be written").into())
        })
    }
}

fn understood(who: &Who, frame: &str) -> Result<Incoming, Fault> {
    let frame: Frame<'_> = serde_json::from_str(frame).map_err(|_| Fault::FrameInvalid)?;
    if frame.points.len() > MAX_POINTS {
        return Err(Fault::FrameInvalid);
    }
    frame.incoming(who.user.0, to_micros(Utc::now())).map_err(|_| Fault::FrameInvalid)
}

fn fault(problem: Problem) -> Fault {
    match problem.status() {
        403 => Fault::Forbidden,
        429 => Fault::Busy,
        _ => Fault::Unavailable,
    }
}
