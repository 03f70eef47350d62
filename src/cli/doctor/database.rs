//! The database: reachable, of a fit version, with the right role, durable, up to date, in step with our clock.

use chrono::TimeDelta;

use super::Finding;
use crate::ground;
use crate::settings::Settings;
use crate::store::embedded::{Look, OWNER, SERVER};
use crate::store::fitness::{Fitness, Schema, examine, schema};
use crate::store::{Secrets, Store};

const SUBJECT: &str = "database";
const OLDEST: i32 = 150_000;
/// The server judges what phones send by its own clock, and keeps times by the database's.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(2);

pub async fn check(settings: &Settings) -> Vec<Finding> {
    let (server_url, owner_url) = match (&settings.database_url, &settings.migrate_database_url) {
        (Some(server), owner) => (server.clone(), owner.clone()),
        (None, _) => match Look::at(&settings.data_dir) {
            Err(error) => {
                return vec![Finding::wrong(SUBJECT, "the built-in PostgreSQL cannot run", error.to_string())];
            }
            Ok(look) => match (look.url(SERVER, ground::DATABASE), look.url(OWNER, ground::DATABASE)) {
                (Some(server), Some(owner)) => (server, Some(owner)),
                _ => return vec![resting(&look)],
            },
        },
    };
    let fitness = match examine(&server_url).await {
        Ok(fitness) => fitness,
        Err(error) => {
            let mend =
                "see that PostgreSQL runs, that the URL's host, role and password are right, and the way is open";
            return vec![Finding::wrong(SUBJECT, format!("it cannot be reached: {error}"), mend)];
        }
    };
    let mut findings = vec![judge(&fitness), connections(settings, &fitness), clock(&fitness)];
    if let Some(url) = owner_url {
        findings.push(up_to_date(schema(&url).await.map_err(|error| error.to_string())));
    }
    findings.extend(keys(settings, &server_url).await);
    findings
}

fn resting(look: &Look) -> Finding {
    let made = if look.is_made { "at rest" } else { "will be made on the first start" };
    Finding::well(SUBJECT, format!("the built-in PostgreSQL, {made}; its programs are in {}", look.programs.display()))
}

fn judge(fitness: &Fitness) -> Finding {
    let Fitness { version, role, .. } = fitness;
    let says = format!("PostgreSQL {}.{} as {role}", version / 10_000, version % 10_000);
    if *version < OLDEST {
        return Finding::wrong(SUBJECT, says, "move to PostgreSQL 15 or newer");
    }
    if fitness.role_is_powerful {
        let mend = "let DATABASE_URL name a role that owns nothing and is no superuser, or accounts are not kept apart";
        return Finding::wrong(SUBJECT, format!("{says}, who looks past row-level security"), mend);
    }
    if let Some(table) = fitness.open_tables.first() {
        let mend = "run `muster migrate`; if it stays, somebody changed the table by hand";
        return Finding::wrong(SUBJECT, format!("row-level security is not forced on {table}"), mend);
    }
    if fitness.is_read_only {
        let mend = "point DATABASE_URL at the primary, or let the failover finish";
        return Finding::wrong(SUBJECT, format!("{says}, which takes no writes"), mend);
    }
    if !fitness.not_durable.is_empty() {
        let off = fitness.not_durable.join(", ");
        let mend = "turn them on: an acknowledged change may be lost in a crash";
        return Finding::wrong(SUBJECT, format!("{says}; off: {off}"), mend);
    }
    Finding::well(SUBJECT, says)
}

fn connections(settings: &Settings, fitness: &Fitness) -> Finding {
    const SUBJECT: &str = "connections";
    let (most, used, ours) =
        (fitness.max_connections, fitness.connections_in_use, i64::from(settings.database_connections));
    let says = format!("{used} of {most} in use; a server here takes up to {ours}");
    let mend = "raise max_connections, or lower MUSTER_DATABASE_CONNECTIONS";
    if ours + 3 > most {
        return Finding::wrong(SUBJECT, says, mend);
    }
    if used * 10 > most * 9 { Finding::doubtful(SUBJECT, says, mend) } else { Finding::well(SUBJECT, says) }
}

fn clock(fitness: &Fitness) -> Finding {
    const SUBJECT: &str = "its clock";
    let ahead = fitness.clock_ahead;
    if ahead.abs() <= CLOCKS_DIFFER {
        return Finding::well(SUBJECT, "the same as this machine's");
    }
    let (seconds, where_to) = (ahead.num_seconds().abs(), if ahead > TimeDelta::zero() { "ahead" } else { "behind" });
    Finding::wrong(SUBJECT, format!("{seconds} s {where_to} of this machine's"), "run an NTP client on both machines")
}

fn up_to_date(schema: Result<Schema, String>) -> Finding {
    const SUBJECT: &str = "schema";
    match schema {
        Err(error) => {
            let mend = "see MUSTER_MIGRATE_DATABASE_URL: the same database, as the owner of its tables";
            Finding::wrong(SUBJECT, format!("its owner cannot be asked: {error}"), mend)
        }
        Ok(Schema { missing: 0, unknown: 0 }) => Finding::well(SUBJECT, "up to date"),
        Ok(Schema { unknown: 1.., .. }) => {
            let mend = "start the newer program; stop older ones first, they cannot read what newer ones write";
            Finding::doubtful(SUBJECT, "made by a newer version of this program", mend)
        }
        Ok(Schema { missing, .. }) => {
            let mend = "`muster migrate`, or the next start, brings it up to date";
            Finding::doubtful(SUBJECT, format!("{missing} migrations behind"), mend)
        }
    }
}

/// Whether the secret is the one with which this database's keys were wrapped.
async fn keys(settings: &Settings, server_url: &str) -> Option<Finding> {
    const SUBJECT: &str = "keys";
    let secret = ground::known_secret(settings)?;
    let store = Store::connect(server_url, 1).await.ok()?;
    let fits = Secrets::fits(&store, &secret).await;
    store.pool().close().await;
    let mend = "start with the MUSTER_SECRET (or data_dir/secret) that this database was first used with";
    // Before the first start there is no table of keys, which `schema` has said.
    fits.ok().map(|fits| match fits {
        true => Finding::well(SUBJECT, "open with this secret"),
        false => Finding::wrong(SUBJECT, "they do not open with this secret: nobody could sign in", mend),
    })
}
