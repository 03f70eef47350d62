//! What a schedule can bring along: the jobs of its visits and their clients, as their own nouns write them.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_domain::dispatch::Visit;
use muster_domain::ids::AccountId;
use serde_json::Value;
use uuid::Uuid;

use crate::customers::clients::{self, client_resource};
use crate::http::{App, Problem};
use crate::store::Undone;
use crate::work::jobs::{self, job_resource};

/// `include`: `job`, `client`.
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
    let ids: Arc<Vec<Uuid>> = Arc::new(ids.into_iter().collect());
    let (with_jobs, with_clients) = (wants(include, "job"), wants(include, "client"));
    let read: Result<Vec<Value>, Undone<Problem>> = app
        .store
        .quiet(account, move |unit| {
            let ids = Arc::clone(&ids);
            Box::pin(async move {
                let account = unit.account();
                let jobs = jobs::read(unit.conn(), account, &ids).await?;
                let mut found = Vec::new();
                if with_jobs {
                    found.extend(jobs.iter().map(job_resource));
                }
                if with_clients {
                    let of: BTreeSet<Uuid> = jobs.iter().map(|record| record.job.client_id.0).collect();
                    let of: Vec<Uuid> = of.into_iter().collect();
                    found.extend(clients::read(unit.conn(), account, &of).await?.iter().map(client_resource));
                }
                Ok(found)
            })
        })
        .await;
    Ok(read?)
}

fn wants(include: &[String], name: &str) -> bool {
    include.iter().any(|included| included == name)
}
