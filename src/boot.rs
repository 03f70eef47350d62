//! Puts the house together: the only file that knows everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use actix::{Arbiter, ArbiterHandle};
use actix_web::App as Web;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Data, PathConfig, ServiceConfig, scope, to};
use anyhow::Context;
use muster_actors::board::Observer;
use muster_actors::directory::Directory;
use muster_actors::feed::{FeedConfig, Feeds};
use muster_actors::fences::{BoardProposals, Fences};
use muster_actors::hub::{HubConfig, Hubs, Radars};
use muster_actors::live::{Live, LiveSettings};
use muster_actors::ports::{Entry, Journal};
use muster_actors::roster::{BoardRosters, RosterBook};
use muster_domain::dispatch::VisitStatus;
use muster_domain::dispatch::board::Board;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::journal::{Fact, RecordVerb};
use rustls::ServerConfig;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::basemap::{self, Basemap};
use crate::demo::remote::{self, Remote};
use crate::dispatch::visits::telling::{Fragments, Schedules};
use crate::ground::Ground;
use crate::http::app::Announce;
use crate::http::{App, shell, tls};
use crate::identity::{self, Identity};
use crate::live::devices::Door;
use crate::live::stream::{self, DoorConfig, People, Reports, ServeConfig, Serving, SignIns};
use crate::live::tracks::TrackWriter;
use crate::settings::Settings;
use crate::store::{Secrets, Store};
use crate::{console, customers, dispatch, health, live, observe, openapi, work};

const DISK_EVERY: Duration = Duration::from_millis(100);
const SETTLES_WITHIN: Duration = Duration::from_secs(5);
const ROSTERS_EVERY: Duration = Duration::from_secs(1);
const ROSTERS_SURELY_EVERY: u32 = 15;
const PARTITIONS_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// A server that runs.
pub struct Running {
    pub addr: SocketAddr,
    pub app: App,
    server: Serving,
    tracks: Arc<TrackWriter>,
    ground: Ground,
}

impl Running {
    /// Stops taking requests, sends every socket away, lets requests in hand finish, puts the boards to sleep, stops PostgreSQL.
    pub async fn stop(self) {
        self.server.stop().await;
        self.app.boards.sleep();
        // Boards save their snapshots and positions reach their table; neither may hold up the end for long.
        tokio::time::timeout(SETTLES_WITHIN, self.tracks.settled()).await.ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.ground.close().await;
    }
}

/// From nothing to a server that answers. While the database is being made ready, the port already says so.
pub async fn start(settings: Settings) -> anyhow::Result<Running> {
    let basemap = Basemap::open(settings.basemap.as_deref());
    start_with(settings, basemap, None).await
}

/// The same, with streets of its own for the map, and the remote control of a demonstration.
pub async fn start_with(settings: Settings, basemap: Basemap, remote: Option<Remote>) -> anyhow::Result<Running> {
    settings.check()?;
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("cannot listen on {}; is another server running there?", settings.listen))?;
    listener.set_nonblocking(true)?;
    let tls = settings.tls()?.map(tls::open).transpose()?;
    let waiting = health::waiting_room(listener.try_clone()?, tls.clone())?;
    let ground = Ground::open(&settings).await?;
    let house = assemble(&settings, ground.store.clone(), ground.secrets.clone());
    let (app, tracks) = (house.app.clone(), Arc::clone(&house.tracks));
    waiting.stop(false).await;
    let addr = listener.local_addr()?;
    let server = serve(&settings, house, (basemap, remote), listener, tls)?;
    keep_partitions(app.store.clone());
    if ground.postgres.is_some() {
        watch_disk(app.store.clone(), settings.data_dir.clone());
    }
    tracing::info!(%addr, "muster serves");
    Ok(Running { addr, app, server, tracks, ground })
}

/// Hears of every change of an account, from both lanes, and passes it on.
struct Herald {
    rosters: Arc<RosterBook>,
    feeds: Arc<Feeds>,
    boards: OnceLock<Weak<Directory>>,
    fences: OnceLock<Weak<Fences>>,
}

impl Observer for Herald {
    fn changed(&self, account: AccountId, board: &Board, entries: &[Entry]) {
        if entries.is_empty() {
            self.rosters.publish(account, board, None);
            return self.fences_changed(account);
        }
        let mut whom = BTreeSet::new();
        entries.iter().for_each(|entry| concerned(&entry.fact, &mut whom));
        self.rosters.publish(account, board, Some(&whom));
        self.tell_fences(account, entries);
    }

    fn committed(&self, account: AccountId, entries: &[Entry]) {
        self.feeds.committed(account, entries.to_vec());
    }
}

impl Herald {
    fn tell_fences(&self, account: AccountId, entries: &[Entry]) {
        if entries.iter().any(|entry| concerns_fences(&entry.fact)) {
            self.fences_changed(account);
        }
    }

    fn fences_changed(&self, account: AccountId) {
        if let Some(fences) = self.fences.get().and_then(Weak::upgrade) {
            fences.changed(account);
        }
    }
}

/// Where properties are, and what the account wants to come of an arrival.
fn concerns_fences(fact: &Fact) -> bool {
    matches!(fact, Fact::Record(record) if fact.moves_board() && !matches!(record.verb,
        RecordVerb::ClientActivated | RecordVerb::ClientDeactivated))
}

/// Those whose entry on the roster, or what it says that they are doing, may be another now.
fn concerned(fact: &Fact, whom: &mut BTreeSet<WorkerId>) {
    let under_way = |status: VisitStatus| status.is_active() || status == VisitStatus::Paused;
    match fact {
        Fact::Worker(fact) => drop(whom.insert(fact.worker.id)),
        Fact::TimeOff(fact) => drop(whom.insert(fact.worker_id)),
        Fact::Visit(fact) => {
            let before = fact.before.as_ref();
            if under_way(fact.visit.status) || before.is_some_and(|before| under_way(before.status)) {
                whom.extend(&fact.visit.workers);
                whom.extend(before.into_iter().flat_map(|before| &before.workers));
            }
        }
        Fact::Job(_) | Fact::Record(_) => {}
    }
}

impl Announce for Herald {
    fn announce(&self, account: AccountId, entries: &[Entry]) {
        if entries.iter().any(|entry| entry.fact.moves_board())
            && let Some(boards) = self.boards.get().and_then(Weak::upgrade)
        {
            // Trackers and radars follow a roster only while its board is awake.
            if self.rosters.is_open(account) { boards.wake(account) } else { boards.behind(account) }
        }
        self.tell_fences(account, entries);
        self.feeds.committed(account, entries.to_vec());
    }
}

/// Everything that runs, before it serves.
struct House {
    app: App,
    identity: Identity,
    door: Arc<stream::Door>,
    tracks: Arc<TrackWriter>,
}

fn assemble(settings: &Settings, store: Store, secrets: Secrets) -> House {
    let threads: Vec<ArbiterHandle> = (0..settings.threads.max(1)).map(|_| Arbiter::new().handle()).collect();
    let feeds = Feeds::start(Arc::new(store.clone()), Arc::new(Fragments), threads.clone(), FeedConfig::default());
    let rosters = Arc::new(RosterBook::default());
    let herald = Arc::new(Herald {
        rosters: Arc::clone(&rosters),
        feeds: Arc::clone(&feeds),
        boards: OnceLock::new(),
        fences: OnceLock::new(),
    });
    let boards = Arc::new(Directory::new(Arc::new(store.clone()), Arc::clone(&herald) as _, settings.threads));
    herald.boards.set(Arc::downgrade(&boards)).ok();
    let identity = Identity::new(&store, &secrets, identity::Settings { bcrypt_cost: settings.password_cost });
    let admission = Arc::new(Door { people: Arc::clone(&identity.sessions) as _, store: store.clone() });
    follow_rosters(store.clone(), Arc::clone(&rosters), Arc::clone(&boards));
    let sources = Arc::new(BoardRosters { book: rosters, boards: Arc::clone(&boards) });
    let tracks = TrackWriter::start(store.clone());
    let fences = Fences::new(Arc::new(store.clone()), Arc::new(BoardProposals(Arc::clone(&boards))));
    herald.fences.set(Arc::downgrade(&fences)).ok();
    let live = Live::start(
        threads.clone(),
        sources,
        Arc::clone(&tracks) as _,
        Arc::new(store.clone()),
        fences,
        LiveSettings::default(),
    );
    let schedules = Arc::new(Schedules { store: store.clone(), boards: Arc::clone(&boards) });
    let (radars, reports) = (Arc::new(Radars(Arc::clone(&live))), Arc::new(Reports(Arc::clone(&live))));
    let people = Arc::new(People(store.clone()));
    let hubs = Hubs::new(HubConfig::default(), feeds, Arc::new(Fragments), schedules, radars, reports, people);
    if let Some(thread) = threads.first() {
        hubs.guard(Arc::new(SignIns(Arc::clone(&identity.sessions))), thread);
    }
    let public_url = settings.public_url.clone();
    let data_dir = settings.data_dir.clone();
    let app = App { store, secrets, boards, live, admission, announce: herald, public_url, data_dir };
    let door = stream::Door::new(app.clone(), hubs, DoorConfig::default());
    House { app, identity, door, tracks }
}

/// Every route of the server; with `demo` those of a demonstration too.
pub fn routes(cfg: &mut ServiceConfig, demo: bool) {
    let also = if demo { remote::routes } else { |_: &mut ServiceConfig| {} };
    cfg.app_data(PathConfig::default().error_handler(shell::path_error))
        .configure(health::routes)
        .service(
            scope("/api/v1")
                .configure(live::positions::routes)
                .configure(live::devices::routes)
                .configure(stream::routes)
                .configure(identity::routes)
                .configure(customers::clients::routes)
                .configure(customers::properties::routes)
                .configure(work::jobs::routes)
                .configure(dispatch::visits::routes)
                .configure(basemap::routes)
                .configure(openapi::routes)
                .configure(also)
                .default_service(to(shell::unknown_path)),
        )
        .configure(live::positions::ingest_routes)
        .configure(console::routes);
}

fn serve(
    settings: &Settings,
    house: House,
    (basemap, remote): (Basemap, Option<Remote>),
    listener: TcpListener,
    tls: Option<ServerConfig>,
) -> anyhow::Result<Serving> {
    let House { app, identity, door, .. } = house;
    let (data, identity) = (Data::new(app), Data::new(identity));
    let policy = Data::new(shell::Policy::with(basemap.origin()));
    let basemap = Data::new(basemap);
    let console = Data::new(console::Source::new(settings.static_dir.clone()));
    let told = Data::new(live::positions::Told::default());
    let config = ServeConfig { threads: settings.threads, ..ServeConfig::default() };
    let streams = Data::from(Arc::clone(&door));
    let remote = remote.map(Data::new);
    let serving = stream::serve(config, listener, tls, door, move || {
        let (remote, is_demo) = (remote.clone(), remote.is_some());
        Web::new()
            .app_data(streams.clone())
            .app_data(data.clone())
            .app_data(identity.clone())
            .app_data(basemap.clone())
            .app_data(policy.clone())
            .app_data(console.clone())
            .app_data(told.clone())
            .wrap(Compress::default())
            .wrap(from_fn(shell::around))
            .configure(move |cfg| {
                if let Some(remote) = remote {
                    cfg.app_data(remote);
                }
                routes(cfg, is_demo);
            })
    })?;
    Ok(serving)
}

/// What other servers wrote reaches the rosters that somebody follows here: one query a second, and now and then a look at
/// each, in case a notice was lost with a failing store.
fn follow_rosters(store: Store, rosters: Arc<RosterBook>, boards: Arc<Directory>) {
    actix_rt::spawn(async move {
        let mut seen: BTreeMap<AccountId, i64> = BTreeMap::new();
        for round in 1u32.. {
            tokio::time::sleep(ROSTERS_EVERY).await;
            let heads = store.heads(rosters.followed()).await.unwrap_or_default();
            for (account, head) in &heads {
                if seen.get(account) != Some(&head.board_seq) || round.is_multiple_of(ROSTERS_SURELY_EVERY) {
                    boards.wake(*account);
                }
            }
            seen = heads.into_iter().map(|(account, head)| (account, head.board_seq)).collect();
        }
    });
}

/// The days and months to come have their partitions before they begin.
fn keep_partitions(store: Store) {
    actix_rt::spawn(async move {
        let mut tick = tokio::time::interval(PARTITIONS_EVERY);
        loop {
            tick.tick().await;
            if let Err(error) = store.ensure_partitions().await {
                tracing::error!(%error, "partitions could not be made");
            }
        }
    });
}

/// The built-in PostgreSQL shares the disk with whoever else fills it.
fn watch_disk(store: Store, dir: PathBuf) {
    actix_rt::spawn(async move {
        loop {
            store.look_at_disk(&dir);
            tokio::time::sleep(DISK_EVERY).await;
        }
    });
}

/// The log and the metrics of the process; once.
pub fn observe(settings: &Settings) {
    observe::start(&settings.log, BoxMakeWriter::new(std::io::stdout));
}

/// The same, with the log in a file.
pub fn observe_into(settings: &Settings, log: std::fs::File) {
    observe::start(&settings.log, BoxMakeWriter::new(Arc::new(log)));
}
