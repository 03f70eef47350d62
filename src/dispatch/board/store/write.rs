//! Facts become rows. Each function is part of a transaction of its caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use muster_domain::By;
use muster_domain::dispatch::Visit;
use muster_domain::ids::{AccountId, JobId, VisitId};
use muster_domain::journal::{Fact, JobFact, JobVerb, TimeOffFact, TimeOffVerb, VisitVerb, WorkerFact, WorkerVerb};
use muster_domain::work::Job;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::read::end_name;
use crate::store::StoreError;

pub type Written = (DateTime<Utc>, By, Arc<Fact>);

/// Writes what the board decided. Several facts about one thing leave its last state.
pub async fn write(conn: &mut PgConnection, account: AccountId, facts: &[Written]) -> Result<(), StoreError> {
    let mut visits: BTreeMap<VisitId, &Visit> = BTreeMap::new();
    let mut groups: BTreeMap<VisitId, VisitId> = BTreeMap::new();
    let mut jobs: BTreeMap<JobId, JobRow> = BTreeMap::new();
    for (at, _, fact) in facts {
        match &**fact {
            Fact::Visit(fact) if fact.verb == VisitVerb::Superseded => {}
            Fact::Visit(fact) => {
                groups.remove(&fact.visit.id);
                visits.insert(fact.visit.id, &fact.visit);
                groups.extend(fact.regrouped.iter().copied());
            }
            Fact::Job(fact) => {
                let created = jobs.get(&fact.job.id).and_then(|row| row.created);
                let created = created.or((fact.verb == JobVerb::Created).then_some(fact));
                jobs.insert(fact.job.id, JobRow { job: &fact.job, created, at: *at });
            }
            Fact::Worker(fact) => write_worker(conn, account, fact, *at).await?,
            Fact::TimeOff(fact) => write_time_off(conn, account, fact).await?,
            Fact::Record(_) => {}
        }
    }
    write_jobs(conn, account, &jobs).await?;
    write_visits(conn, account, &visits, &groups).await?;
    write_assignments(conn, account, &visits, &groups).await
}

/// The last state of a job among the facts, and whether it is new.
struct JobRow<'a> {
    job: &'a Job,
    created: Option<&'a JobFact>,
    at: DateTime<Utc>,
}

async fn write_jobs(
    conn: &mut PgConnection,
    account: AccountId,
    jobs: &BTreeMap<JobId, JobRow<'_>>,
) -> Result<(), StoreError> {
    for JobRow { job, created, at } in jobs.values() {
        let ended = job.end.map(end_name);
        if let Some(created) = created {
            sqlx::query(
                "INSERT INTO jobs (account_id, id, number, title, description, client_id, property_id, lat, lng,
                     required_skills, priority, ended, status, version, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
            )
            .bind(account.0)
            .bind(job.id.0)
            .bind(job.number)
            .bind(&job.title)
            .bind(&created.description)
            .bind(job.client_id.0)
            .bind(job.property_id.map(|id| id.0))
            .bind(job.location.map(|place| place.lat))
            .bind(job.location.map(|place| place.lng))
            .bind(job.required_skills.iter().cloned().collect::<Vec<_>>())
            .bind(job.priority)
            .bind(ended)
            .bind(job.status.name())
            .bind(job.version)
            .bind(at)
            .execute(&mut *conn)
            .await?;
            sqlx::query(
                "INSERT INTO document_numbers (account_id, series, number, subject) VALUES ($1, 'job', $2, $3)",
            )
            .bind(account.0)
            .bind(job.number)
            .bind(job.id.0)
            .execute(&mut *conn)
            .await?;
        } else {
            sqlx::query(
                "UPDATE jobs SET ended = $3, status = $4, version = $5, updated_at = $6, title = $7, lat = $8, lng = $9,
                     required_skills = $10, priority = $11
                 WHERE account_id = $1 AND id = $2",
            )
            .bind(account.0)
            .bind(job.id.0)
            .bind(ended)
            .bind(job.status.name())
            .bind(job.version)
            .bind(at)
            .bind(&job.title)
            .bind(job.location.map(|place| place.lat))
            .bind(job.location.map(|place| place.lng))
            .bind(job.required_skills.iter().cloned().collect::<Vec<_>>())
            .bind(job.priority)
            .execute(&mut *conn)
            .await?;
        }
    }
    Ok(())
}

async fn write_visits(
    conn: &mut PgConnection,
    account: AccountId,
    visits: &BTreeMap<VisitId, &Visit>,
    groups: &BTreeMap<VisitId, VisitId>,
) -> Result<(), StoreError> {
    if visits.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = visits.values().map(|visit| row_of(visit, groups)).collect();
    sqlx::query(
        "INSERT INTO visits (account_id, id, job_id, status, starts_at, ends_at, former_workers, lat, lng,
             required_skills, priority, forced, overlap_group, closed_at, version, arrival_proposed_at,
             arrival_proposed_by, arrival_dismissed)
         SELECT $1, r.* FROM jsonb_to_recordset($2) AS r (id uuid, job_id uuid, status text, starts_at timestamptz,
             ends_at timestamptz, former_workers uuid[], lat double precision, lng double precision,
             required_skills text[], priority smallint, forced jsonb, overlap_group uuid, closed_at timestamptz,
             version bigint, arrival_proposed_at timestamptz, arrival_proposed_by uuid, arrival_dismissed boolean)
         ON CONFLICT (account_id, id) DO UPDATE SET status = excluded.status, starts_at = excluded.starts_at,
             ends_at = excluded.ends_at, former_workers = excluded.former_workers, lat = excluded.lat,
             lng = excluded.lng, required_skills = excluded.required_skills, priority = excluded.priority,
             forced = excluded.forced, overlap_group = excluded.overlap_group, closed_at = excluded.closed_at,
             version = excluded.version, arrival_proposed_at = excluded.arrival_proposed_at,
             arrival_proposed_by = excluded.arrival_proposed_by, arrival_dismissed = excluded.arrival_dismissed",
    )
    .bind(account.0)
    .bind(Json(rows))
    .execute(conn)
    .await?;
    Ok(())
}

fn row_of(visit: &Visit, groups: &BTreeMap<VisitId, VisitId>) -> Value {
    json!({
        "id": visit.id,
        "job_id": visit.job_id,
        "status": visit.status.name(),
        "starts_at": visit.window.map(|window| window.start),
        "ends_at": visit.window.map(|window| window.end),
        "former_workers": visit.former_workers,
        "lat": visit.location.map(|place| place.lat),
        "lng": visit.location.map(|place| place.lng),
        "required_skills": visit.required_skills,
        "priority": visit.priority,
        "forced": visit.forced,
        "overlap_group": groups.get(&visit.id).unwrap_or(&visit.overlap_group),
        "closed_at": visit.closed_at,
        "version": visit.version,
        "arrival_proposed_at": visit.arrival.map(|arrival| arrival.at),
        "arrival_proposed_by": visit.arrival.map(|arrival| arrival.by),
        "arrival_dismissed": visit.arrival.map(|arrival| arrival.dismissed),
    })
}

/// One array a column, for UNNEST.
#[derive(Default)]
struct Assignments {
    visit: Vec<Uuid>,
    worker: Vec<Uuid>,
    starts_at: Vec<Option<DateTime<Utc>>>,
    ends_at: Vec<Option<DateTime<Utc>>>,
    group: Vec<Uuid>,
}

impl Assignments {
    fn push(
        &mut self,
        visit: Uuid,
        worker: Uuid,
        held: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        group: VisitId,
    ) {
        self.visit.push(visit);
        self.worker.push(worker);
        self.starts_at.push(held.0);
        self.ends_at.push(held.1);
        self.group.push(group.0);
    }
}

/// First all go that are not to stay as they are, then all come that are not there: an exclusion constraint looks at
/// every single row as it is written, and that is dear.
async fn write_assignments(
    conn: &mut PgConnection,
    account: AccountId,
    visits: &BTreeMap<VisitId, &Visit>,
    groups: &BTreeMap<VisitId, VisitId>,
) -> Result<(), StoreError> {
    if visits.is_empty() && groups.is_empty() {
        return Ok(());
    }
    let mut wanted = Assignments::default();
    for visit in visits.values() {
        let group = *groups.get(&visit.id).unwrap_or(&visit.overlap_group);
        let held = visit.occupies();
        let held = (held.map(|window| window.start), held.map(|window| window.end));
        visit.workers.iter().for_each(|worker| wanted.push(visit.id.0, worker.0, held, group));
    }
    let touched: Vec<Uuid> = visits.keys().map(|id| id.0).collect();
    if !touched.is_empty() {
        sqlx::query(
            "DELETE FROM visit_assignments a WHERE a.account_id = $1 AND a.visit_id = ANY ($2) AND NOT EXISTS (
                 SELECT FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::uuid[])
                     AS w (visit_id, worker_id, starts_at, ends_at, overlap_group)
                 WHERE w.visit_id = a.visit_id AND w.worker_id = a.worker_id AND w.overlap_group = a.overlap_group
                     AND lower(a.during) IS NOT DISTINCT FROM w.starts_at AND upper(a.during) IS NOT DISTINCT FROM w.ends_at)",
        )
        .bind(account.0)
        .bind(touched)
        .bind(&wanted.visit)
        .bind(&wanted.worker)
        .bind(&wanted.starts_at)
        .bind(&wanted.ends_at)
        .bind(&wanted.group)
        .execute(&mut *conn)
        .await?;
    }
    let others = groups.iter().filter(|(id, _)| !visits.contains_key(id)).map(|(id, group)| (id.0, *group)).collect();
    regroup(conn, account, &others, &mut wanted).await?;
    sqlx::query(
        "INSERT INTO visit_assignments (account_id, visit_id, worker_id, during, overlap_group)
         SELECT $1, w.visit_id, w.worker_id,
                CASE WHEN w.starts_at IS NOT NULL THEN tstzrange(w.starts_at, w.ends_at, '[)') END, w.overlap_group
         FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::uuid[])
             AS w (visit_id, worker_id, starts_at, ends_at, overlap_group)
         WHERE NOT EXISTS (SELECT FROM visit_assignments a
             WHERE a.account_id = $1 AND a.visit_id = w.visit_id AND a.worker_id = w.worker_id)",
    )
    .bind(account.0)
    .bind(wanted.visit)
    .bind(wanted.worker)
    .bind(wanted.starts_at)
    .bind(wanted.ends_at)
    .bind(wanted.group)
    .execute(conn)
    .await?;
    Ok(())
}

/// Other visits whose overlap group changes with these: their assignments are taken out, to come again in the new group.
async fn regroup(
    conn: &mut PgConnection,
    account: AccountId,
    others: &BTreeMap<Uuid, VisitId>,
    wanted: &mut Assignments,
) -> Result<(), StoreError> {
    if others.is_empty() {
        return Ok(());
    }
    let (ids, groups): (Vec<Uuid>, Vec<Uuid>) = others.iter().map(|(id, group)| (*id, group.0)).unzip();
    let gone = sqlx::query(
        "DELETE FROM visit_assignments WHERE account_id = $1 AND visit_id = ANY ($2)
         RETURNING visit_id, worker_id, lower(during) AS starts_at, upper(during) AS ends_at",
    )
    .bind(account.0)
    .bind(&ids)
    .fetch_all(&mut *conn)
    .await?;
    for row in gone {
        let visit: Uuid = row.get("visit_id");
        if let Some(group) = others.get(&visit) {
            wanted.push(visit, row.get("worker_id"), (row.get("starts_at"), row.get("ends_at")), *group);
        }
    }
    sqlx::query(
        "UPDATE visits v SET overlap_group = g.overlap_group FROM unnest($2::uuid[], $3::uuid[]) AS g (id, overlap_group)
         WHERE v.account_id = $1 AND v.id = g.id",
    )
    .bind(account.0)
    .bind(ids)
    .bind(groups)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaving the roster ends everything that was signed for the person; coming back does not bring it back.
async fn write_worker(
    conn: &mut PgConnection,
    account: AccountId,
    fact: &WorkerFact,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let active = match fact.verb {
        WorkerVerb::Activated => true,
        WorkerVerb::Deactivated => false,
        // The record lane writes these rows itself.
        WorkerVerb::Created
        | WorkerVerb::Updated
        | WorkerVerb::BecameAvailable
        | WorkerVerb::BecameUnavailable
        | WorkerVerb::ConsentGiven
        | WorkerVerb::ConsentWithdrawn => return Ok(()),
    };
    sqlx::query(
        "UPDATE workers SET active = $3, followed_since = CASE WHEN $3 THEN $4 ELSE followed_since END,
             version = version + 1, updated_at = $4
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(fact.worker.id.0)
    .bind(active)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    if !active {
        sqlx::query(
            "UPDATE devices SET revoked_at = $3, version = version + 1
             WHERE account_id = $1 AND worker_id = $2 AND revoked_at IS NULL",
        )
        .bind(account.0)
        .bind(fact.worker.id.0)
        .bind(at)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(
        "UPDATE users u SET status = CASE WHEN NOT $3 THEN 'inactive'
                 -- Coming back is no acceptance: he was made known here, or has come in before.
                 WHEN EXISTS (SELECT FROM identities i WHERE i.id = u.identity_id AND i.created_at = u.created_at)
                     OR EXISTS (SELECT FROM sessions s WHERE (s.account_id, s.user_id) = (u.account_id, u.id))
                 THEN 'active' ELSE 'invited' END, version = version + 1,
             session_version = session_version + CASE WHEN $3 THEN 0 ELSE 1 END, updated_at = $4
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(fact.worker.id.0)
    .bind(active)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    if !active {
        sqlx::query(
            "UPDATE sessions SET ended_at = $3, ended_because = 'worker deactivated'
             WHERE account_id = $1 AND user_id = $2 AND ended_at IS NULL",
        )
        .bind(account.0)
        .bind(fact.worker.id.0)
        .bind(at)
        .execute(conn)
        .await?;
    }
    Ok(())
}

async fn write_time_off(conn: &mut PgConnection, account: AccountId, fact: &TimeOffFact) -> Result<(), StoreError> {
    let query = match fact.verb {
        TimeOffVerb::Added => sqlx::query(
            "INSERT INTO time_off (account_id, id, worker_id, starts_at, ends_at, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(account.0)
        .bind(fact.time_off.id.0)
        .bind(fact.worker_id.0)
        .bind(fact.time_off.window.start)
        .bind(fact.time_off.window.end)
        .bind(&fact.time_off.reason),
        TimeOffVerb::Removed => sqlx::query("DELETE FROM time_off WHERE account_id = $1 AND id = $2")
            .bind(account.0)
            .bind(fact.time_off.id.0),
    };
    query.execute(conn).await?;
    Ok(())
}
