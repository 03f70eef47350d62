//! B9: how soon a server is ready, with nothing and with a hundred thousand workers, and what it weighs.

use std::time::Instant;

use anyhow::Result;

use crate::Plan;
use crate::business::Business;
use crate::ground::Ground;
use crate::machine;
use crate::table::Table;

const WORKERS: usize = 100_000;
const MIB: f64 = 1024.0 * 1024.0;

pub fn ready(plan: &Plan, table: &mut Table) -> Result<()> {
    let mut ground = Ground::new(&plan.binary, &plan.scratch, &[])?;
    let first = ground.start()?;
    table.put("B9", "muster", "first start, making its cluster", &[("ms", first.as_secs_f64() * 1e3)]);
    ground.stop()?;
    let again = ground.start()?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let figures = [
        ("ms", again.as_secs_f64() * 1e3),
        ("idle MiB", machine::rss_kb(ground.pid())? / 1024.0),
        ("binary MiB", std::fs::metadata(&plan.binary)?.len() as f64 / MIB),
    ];
    table.put("B9", "muster", "start, empty", &figures);
    let mut business = Business::found(ground.addr, "city")?;
    let ids = business.seed_workers(&ground, WORKERS, 0, false)?;
    business.seed_positions(&ground, &ids, 1.0)?;
    ground.stop()?;
    let began = Instant::now();
    let ready = ground.start()?;
    business.owner.get("/api/v1/workers/nearby?lat=47&lng=9")?;
    let figures = [
        ("ready ms", ready.as_secs_f64() * 1e3),
        ("first answer ms", began.elapsed().as_secs_f64() * 1e3),
        ("MiB", machine::rss_kb(ground.pid())? / 1024.0),
    ];
    table.put("B9", "muster", "start, 100 k workers", &figures);
    Ok(())
}
