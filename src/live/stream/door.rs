//! Who may open a stream, and as whom. The same credentials as for HTTP, through the same functions; a token in the URL
//! is none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_http::{Method, RequestHead};
use muster_actors::hub::{Hubs, Who};
use muster_domain::ids::UserId;
use serde::Deserialize;

use super::store;
use crate::http::caller::Who as Principal;
use crate::http::{App, Caller, Code, Problem};
use crate::identity::sessions::store::principal;

pub const PATH: &str = "/api/v1/stream";
pub const PROTOCOL: &str = "muster.v1.json";

#[derive(Clone, Debug)]
pub struct DoorConfig {
    /// Other origins whose pages may open a stream; the server's own always may.
    pub origins: Vec<String>,
    /// Without a credential in the request, the first frame must bring one within this time.
    pub auth_within: Duration,
    /// Sockets that may be without an identity at the same time.
    pub nameless_max: usize,
    /// Sockets that may hang on one sign-in, on this server.
    pub per_session_max: usize,
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self { origins: Vec::new(), auth_within: Duration::from_secs(5), nameless_max: 1_000, per_session_max: 64 }
    }
}

pub struct Door {
    pub hubs: Arc<Hubs>,
    pub config: DoorConfig,
    app: App,
    nameless: AtomicUsize,
}

/// How a socket begins.
#[derive(Debug)]
pub enum Entry {
    Known(Who),
    /// The first frame must say who it is.
    Nameless,
}

#[derive(Deserialize)]
struct AuthFrame {
    #[serde(rename = "type")]
    kind: String,
    token: String,
}

impl Door {
    pub fn new(app: App, hubs: Arc<Hubs>, config: DoorConfig) -> Arc<Self> {
        Arc::new(Self { hubs, config, app, nameless: AtomicUsize::new(0) })
    }

    /// Route, load, origin, identity: in this order, and before anything is answered.
    pub async fn knock(&self, head: &RequestHead) -> Result<Entry, Problem> {
        if head.uri.path() != PATH {
            return Err(Problem::not_found());
        }
        if head.method != Method::GET {
            return Err(Problem::new(Code::METHOD_NOT_ALLOWED, "The stream is opened with GET."));
        }
        self.has_room()?;
        self.checks_origin(&head.headers)?;
        if !speaks_our_protocol(&head.headers) {
            return Err(Problem::new(Code::VALIDATION_ERROR, format!("The subprotocol is {PROTOCOL}.")));
        }
        if let Some(who) = self.named(&head.headers, head.uri.query().unwrap_or_default()).await? {
            return Ok(Entry::Known(who));
        }
        if self.nameless.load(Ordering::Relaxed) >= self.config.nameless_max {
            return Err(Problem::new(Code::OVERLOADED, "Too many streams wait for an identity."));
        }
        Ok(Entry::Nameless)
    }

    /// The same for a stream over plain HTTP, on which no first frame can say who it is.
    pub async fn admit_request(&self, headers: &HeaderMap, query: &str) -> Result<Who, Problem> {
        self.has_room()?;
        self.checks_origin(headers)?;
        let nobody = || Problem::new(Code::UNAUTHENTICATED, "Send Authorization: Bearer …, or a ticket in the URL.");
        self.named(headers, query).await?.ok_or_else(nobody)
    }

    fn has_room(&self) -> Result<(), Problem> {
        if self.hubs.is_draining() || self.hubs.sockets() >= self.hubs.config.max_sockets {
            return Err(Problem::new(Code::UNAVAILABLE, "This server takes no more streams. Try again."));
        }
        Ok(())
    }

    fn checks_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.is_welcome_origin(headers) {
            return Ok(());
        }
        Err(Problem::new(Code::FORBIDDEN, "Pages of this origin may not open a stream."))
    }

    /// Whoever the request names, if it names somebody.
    async fn named(&self, headers: &HeaderMap, query: &str) -> Result<Option<Who>, Problem> {
        let query = Query::of(query);
        if query.holds_token {
            let detail = "Tokens do not belong into a URL. Use a ticket, the Authorization header or an auth frame.";
            return Err(Problem::new(Code::UNAUTHENTICATED, detail));
        }
        if let Some(token) = bearer(headers) {
            return self.admit(token).await.map(Some);
        }
        match query.ticket {
            Some(ticket) => self.redeem(ticket).await.map(Some),
            None => Ok(None),
        }
    }

    pub async fn admit(&self, token: String) -> Result<Who, Problem> {
        let expires_at = expiry(&token);
        let caller = self.app.admission.admit(&token).await?;
        self.count_in(Who { expires_at, ..who(&caller)? })
    }

    async fn redeem(&self, ticket: &str) -> Result<Who, Problem> {
        let refused = || Problem::new(Code::UNAUTHENTICATED, "The ticket is unknown, used or expired.");
        let (account, session) = store::take_ticket(&self.app.store, ticket).await?.ok_or_else(refused)?;
        let look = async {
            let mut conn = self.app.store.pool().acquire().await?;
            principal(&mut conn, account, session).await
        };
        let found = self.app.store.read(look).await?.ok_or_else(refused)?;
        self.count_in(Who { account, user: found.user, role: found.role, session: Some(session), expires_at: None })
    }

    fn count_in(&self, who: Who) -> Result<Who, Problem> {
        if self.hubs.sockets_of(&who) >= self.config.per_session_max {
            return Err(Problem::new(Code::OVERLOADED, "This sign-in has too many open streams."));
        }
        Ok(who)
    }

    /// A browser says where the page came from; who says nothing is no browser.
    fn is_welcome_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = origin.split_once("://").map(|(_, authority)| authority);
        let listed = |allowed: &str| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin);
        own.is_some_and(|own| host.is_some_and(|host| host.eq_ignore_ascii_case(own)))
            || self.app.public_url.as_deref().is_some_and(listed)
            || self.config.origins.iter().any(|allowed| listed(allowed))
    }

    pub fn came_nameless(&self) {
        self.nameless.fetch_add(1, Ordering::Relaxed);
    }

    pub fn no_longer_nameless(&self) {
        self.nameless.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The token of an `auth` frame.
pub fn auth_token(text: &str) -> Option<String> {
    let frame: AuthFrame = serde_json::from_str(text).ok()?;
    (frame.kind == "auth").then_some(frame.token)
}

/// As logged: the path without its query, which may hold a ticket.
pub fn log(head: &RequestHead, peer: Option<SocketAddr>, status: u16, who: Option<&Who>) {
    metrics::counter!("muster_http_requests_total", "method" => head.method.to_string(), "route" => PATH,
        "status" => status.to_string())
    .increment(1);
    tracing::info!(
        userId = who.map(|who| who.user.to_string()),
        accountId = who.map(|who| who.account.to_string()),
        ip = peer.map(|peer| peer.ip().to_string()),
        method = %head.method,
        path = head.uri.path(),
        status,
        "upgrade"
    );
}

fn who(caller: &Caller) -> Result<Who, Problem> {
    let user: UserId = match caller.who {
        Principal::User(user) => user,
        Principal::Device(..) => return Err(Problem::new(Code::FORBIDDEN, "The stream is for people who signed in.")),
    };
    Ok(Who { account: caller.account, user, role: caller.role, session: caller.session, expires_at: None })
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Who names no subprotocol gets ours; who names others only is mistaken.
fn speaks_our_protocol(headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok()).peekable();
    named.peek().is_none() || named.any(|list| list.split(',').any(|name| name.trim() == PROTOCOL))
}

#[derive(Default)]
struct Query<'a> {
    ticket: Option<&'a str>,
    holds_token: bool,
}

impl<'a> Query<'a> {
    fn of(text: &'a str) -> Self {
        let mut query = Query::default();
        for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "ticket" => query.ticket = Some(value),
                "token" | "access_token" | "accessToken" | "jwt" | "authorization" => query.holds_token = true,
                _ => {}
            }
        }
        query
    }
}

/// When a token ends by its own word. Only asked of tokens that are then admitted, so nobody need check it here.
fn expiry(token: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    chrono::DateTime::from_timestamp(claims.exp, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_frame_is_nothing_else() {
        assert_eq!(auth_token(r#"{"type":"auth","token":"t"}"#).as_deref(), Some("t"));
        assert_eq!(auth_token(r#"{"type":"subscribe","token":"t"}"#), None);
        assert_eq!(auth_token("auth t"), None);
    }

    #[test]
    fn a_token_in_the_url_is_seen() {
        let query = |text: &'static str| {
            let query = Query::of(text);
            (query.ticket.map(str::to_owned), query.holds_token)
        };
        assert_eq!(query("ticket=abc&x=1"), (Some("abc".into()), false));
        assert_eq!(query("access_token=eyJ"), (None, true));
    }

    #[test]
    fn a_subprotocol_that_is_named_must_be_ours() {
        let speaks = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(SEC_WEBSOCKET_PROTOCOL, value.parse().expect("a header"));
            }
            speaks_our_protocol(&headers)
        };
        assert!(speaks(None) && speaks(Some("other, muster.v1.json")) && !speaks(Some("graphql-ws")));
    }
}
