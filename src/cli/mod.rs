//! The command line: what a person types.

mod admin;
mod demo;
mod doctor;
pub mod gpx;
mod limits;
pub mod replay;
mod words;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::settings::Settings;
use crate::store::migrate;
use crate::{boot, openapi};

#[derive(Parser)]
#[command(name = "muster", version, about = "The back office of a field-service business and its live dispatch floor")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(Given),
    /// Run the server with a generated city, a business in it and simulated workers
    Demo(demo::Options),
    /// Add a user or set a password, past all roles
    #[command(subcommand)]
    Admin(admin::Errand),
    /// Bring the database up to date, and stop
    Migrate(Given),
    /// Say what is wrong with this installation, and how to mend it; changes nothing
    Doctor(Given),
    /// Print the description of the API
    Openapi,
    /// Send a recorded track as a phone would
    Replay(replay::Replay),
}

/// Settings as flags; each is also `MUSTER_…` in the environment and a key in muster.toml.
#[derive(Args, Clone)]
struct Given {
    /// A settings file instead of ./muster.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long)]
    listen: Option<String>,
    /// Where the built-in PostgreSQL and the server's secret live
    #[arg(long)]
    data_dir: Option<String>,
    /// Serve the console from this directory
    #[arg(long)]
    static_dir: Option<String>,
    /// Streets for the map: a .pmtiles file, or the https address of a style
    #[arg(long)]
    basemap: Option<String>,
    /// Any other setting
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Given {
    fn settings(&self) -> anyhow::Result<Settings> {
        self.settings_over(Settings::default())
    }

    fn settings_over(&self, defaults: Settings) -> anyhow::Result<Settings> {
        let named = [
            ("listen", &self.listen),
            ("data_dir", &self.data_dir),
            ("static_dir", &self.static_dir),
            ("basemap", &self.basemap),
        ];
        let mut flags: Vec<(String, String)> =
            named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
        for pair in &self.set {
            let Some((name, value)) = pair.split_once('=') else { anyhow::bail!("--set needs NAME=VALUE, not {pair}") };
            flags.push((name.to_owned(), value.to_owned()));
        }
        Ok(Settings::read_over(defaults, self.config.as_deref(), &flags)?)
    }
}

/// Runs what was typed; a failure is one sentence on standard error.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let system = actix_rt::System::with_tokio_rt(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime needs threads, and there are none")
    });
    match system.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(given) => serve(given.settings()?).await,
        Command::Admin(errand) => admin::run(errand).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Replay(replay) => {
            let summary = replay::run(replay).await?;
            let replay::Summary { sent, accepted, duplicates, rejected } = summary;
            println!("{sent} sent: {accepted} accepted, {duplicates} duplicates, {rejected} rejected");
            Ok(())
        }
        Command::Openapi => {
            // A reader that has seen enough may go.
            match std::io::stdout().write_all(openapi::text().as_bytes()) {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(()),
            }
        }
        Command::Doctor(given) => doctor::run(given.settings()?).await,
        Command::Migrate(given) => {
            let settings = given.settings()?;
            let Some(url) = settings.migrate_database_url else {
                anyhow::bail!(
                    "set MUSTER_MIGRATE_DATABASE_URL; the built-in PostgreSQL is brought up to date by `muster serve`"
                );
            };
            migrate(&url).await?;
            println!("The database is up to date.");
            Ok(())
        }
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    limits::raise_open_files();
    boot::observe(&settings);
    let running = boot::start(settings).await?;
    signalled().await;
    tracing::info!("muster stops");
    running.stop().await;
    Ok(())
}

/// Until somebody asks the process to end.
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("signals can be waited for");
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
