//! What every handler can reach. Made by `boot`, shared by all worker threads.

use std::path::PathBuf;
use std::sync::Arc;

use muster_actors::directory::Directory;
use muster_actors::live::Live;
use muster_actors::ports::{Entry, Later};
use muster_domain::ids::AccountId;

use super::{Caller, Problem};
use crate::store::{Secrets, Store};

/// Who a bearer token speaks for; implemented by `identity`.
pub trait Admission: Send + Sync + 'static {
    fn admit(&self, token: &str) -> Later<Result<Caller, Problem>>;
}

/// Who is told of what the record lane committed; implemented in `boot`.
pub trait Announce: Send + Sync + 'static {
    fn announce(&self, account: AccountId, entries: &[Entry]);
}

#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub secrets: Secrets,
    pub boards: Arc<Directory>,
    pub live: Arc<Live>,
    pub admission: Arc<dyn Admission>,
    pub announce: Arc<dyn Announce>,
    /// As others reach this server, without a trailing slash; `None`: as the request's own Host says.
    pub public_url: Option<String>,
    /// Where the server keeps its files.
    pub data_dir: PathBuf,
}
