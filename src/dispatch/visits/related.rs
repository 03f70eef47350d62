//! What a schedule can bring along: the jobs of its visits and their clients, as their own nouns write them.

use std::collections::BTreeSet;

use muster_domain::dispatch::Visit;
use muster_domain::ids::AccountId;
use serde_json::Value;
use uuid::Uuid;

use crate::customers::clients::{self, client_resource};
use crate::http::{App, Problem};
use crate::store::{Undone, Unit};
use crate::work::jobs::{self, job_resource};

pub async fn included(
    app: &App,
    account: AccountId,
    visits: &[Visit],
    include: &[String],
) -> Result<Vec<Value>, Problem> {
    let ids: BTreeSet<Uuid> = visits.iter().map(|visit| visit.job_id.0).collect();
    if include.is_empty() || ids.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, asked): (Vec<Uuid>, Vec<String>) = (ids.into_iter().collect(), include.to_vec());
    Ok(app.store.quiet(account, move |unit| Box::pin(related(unit, ids.clone(), asked.clone()))).await?)
}

async fn related(unit: &mut Unit, ids: Vec<Uuid>, include: Vec<String>) -> Result<Vec<Value>, Undone<Problem>> {
    let account = unit.account();
    let asked = |name: &str| include.iter().any(|included| included == name);
    let jobs = jobs::read(unit.conn(), account, &ids).await?;
    let owners: BTreeSet<Uuid> = jobs.iter().filter(|_| asked("client")).map(|job| job.job.client_id.0).collect();
    let clients = clients::read(unit.conn(), account, &owners.into_iter().collect::<Vec<_>>()).await?;
    let jobs = jobs.iter().filter(|_| asked("job")).map(job_resource);
    Ok(jobs.chain(clients.iter().map(client_resource)).collect())
}
