//! Who is asking, and whether he may: permission is an extractor's type, so that a handler that compiles is authorised.

use std::future::Future;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::Utc;
use muster_domain::identity::{Permission, Role, Scope, scope_of};
use muster_domain::ids::{AccountId, DeviceId, SessionId, UserId, WorkerId};
use muster_domain::{By, Moment};
use uuid::Uuid;

use super::{App, Code, Problem};
use crate::store::work::to_micros;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: AccountId,
    pub who: Who,
    pub role: Role,
    /// Has a worker's profile: an owner may also work in the field.
    pub is_worker: bool,
    pub session: Option<SessionId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    User(UserId),
    Device(DeviceId, WorkerId),
}

impl Caller {
    pub fn principal(&self) -> Uuid {
        match self.who {
            Who::User(id) => id.0,
            Who::Device(id, _) => id.0,
        }
    }
    pub fn by(&self) -> By {
        match self.who {
            Who::User(id) => By::User { id, role: self.role },
            Who::Device(id, worker) => By::Device { id, worker },
        }
    }
    pub fn user(&self) -> Option<UserId> {
        self.by().user()
    }
    /// Himself, if he has a worker's profile.
    pub fn worker(&self) -> Option<WorkerId> {
        match self.who {
            Who::User(id) => self.is_worker.then_some(WorkerId(id.0)),
            Who::Device(_, worker) => Some(worker),
        }
    }
    pub fn moment(&self) -> Moment {
        Moment { now: to_micros(Utc::now()), by: self.by() }
    }
    pub fn scope(&self, permission: Permission) -> Result<Scope, Problem> {
        let scope = match self.who {
            Who::User(_) => scope_of(self.role, permission),
            // A phone's own credential is for its positions and nothing else.
            Who::Device(..) => (permission == Permission::PositionsWrite).then_some(Scope::Own),
        };
        scope.ok_or_else(|| Problem::new(Code::FORBIDDEN, format!("Your role does not include {}.", permission.name())))
    }
}

/// A permission as a type.
pub trait Needs: 'static {
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {
        /// One type for each permission.
        pub mod may {
            $(pub struct $name; impl super::Needs for $name {
                const PERMISSION: muster_domain::identity::Permission = muster_domain::identity::Permission::$name;
            })+
        }
    };
}
needs! {
    ClientsRead, ClientsWrite, ClientsDelete, JobsRead, JobsWrite, JobsComplete, ScheduleRead, ScheduleWrite,
    ScheduleForce, VisitsProgress, PositionsRead, PositionsWrite, AvailabilityWrite, TeamRead, TeamWrite, SettingsRead, SettingsWrite,
    EventsRead,
}

/// A caller who may; `scope` says how far.
pub struct Allowed<P> {
    pub caller: Caller,
    pub scope: Scope,
    permission: PhantomData<P>,
}

impl<P> Allowed<P> {
    /// The worker whose things alone the caller may see; `None` when he may see the whole account.
    pub fn only(&self) -> Option<WorkerId> {
        match self.scope {
            Scope::Own => self.caller.user().map(WorkerId::from).or(self.caller.worker()),
            Scope::Account => None,
        }
    }
}

impl<P: Needs> FromRequest for Allowed<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let scope = caller.scope(P::PERMISSION)?;
            Ok(Allowed { caller, scope, permission: PhantomData })
        })
    }
}

/// Anybody with a valid identity, whatever his role.
impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request);
        let app = request.app_data::<web::Data<App>>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let app = app.ok_or_else(|| Problem::internal("App is not registered"))?;
            let token = token.ok_or_else(|| Problem::new(Code::UNAUTHENTICATED, "Send Authorization: Bearer …"))?;
            let caller = app.admission.admit(&token).await?;
            // For the access log.
            request.extensions_mut().insert(caller.clone());
            Ok(caller)
        })
    }
}

pub fn bearer(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// The peer's own address; a proxy's word is not taken for it.
pub fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|addr| addr.ip())
}
