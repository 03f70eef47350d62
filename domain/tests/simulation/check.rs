//! What must hold at all times. Each check sees the whole world, which nobody inside it can.

use muster_domain::dispatch::board::Board;
use muster_domain::ids::{JobId, VisitId};

use crate::feed::Reader;
use crate::server::{Asked, Basis, Reply};
use crate::store::Store;

/// Memory = rows: at its position, the board knows nothing wrong, and whatever is open.
pub fn memory(store: &mut Store, server: usize, board: &Board) {
    let position = board.position();
    let Some(rows) = store.truth.rows_at.get(position as usize).cloned() else {
        return store.truth.require(false, || format!("server {server} is ahead of the store, at {position}"));
    };
    let stored: Vec<JobId> = muster_domain::dispatch::board::BoardSnapshot::from(board).torn;
    let workers: Vec<_> = board.workers().collect();
    let right = rows.workers.values().eq(workers);
    store.truth.require(right, || format!("server {server} has another roster than the rows at {position}"));
    for visit in board.visits() {
        let right = rows.visits.get(&visit.id) == Some(visit);
        let id = visit.id;
        store.truth.require(right, || format!("server {server} has another {id:?} than the rows at {position}"));
        let known = board.job(visit.job_id).is_some() || stored.contains(&visit.job_id);
        store.truth.require(known, || format!("server {server} has {id:?} without its job"));
    }
    for visit in rows.visits.values().filter(|visit| visit.status.is_open()) {
        let id: VisitId = visit.id;
        store.truth.require(board.visit(id).is_some(), || format!("server {server} misses {id:?} at {position}"));
    }
    for (id, job) in &rows.jobs {
        let Some(held) = board.job(*id) else { continue };
        store.truth.require(held == job, || format!("server {server} has another {id:?} than the rows at {position}"));
        let whole = board.visits_of(*id).count() == rows.visits.values().filter(|v| v.job_id == *id).count();
        let whole = whole || stored.contains(id);
        store.truth.require(whole, || format!("server {server} has a part of {id:?} and does not know it"));
    }
}

/// Nothing is acknowledged that is not committed, one key has one effect and one answer, and a refusal is true.
pub fn reply(store: &mut Store, asked: &Asked, reply: &Reply, basis: Option<&Basis>) {
    let key = asked.key;
    let effect = store.truth.effects.get(&key).copied();
    match reply {
        Reply::Answered(answer) if answer.facts > 0 => {
            store.truth.require(effect.is_some(), || format!("{key:?} was acknowledged and not committed"));
        }
        Reply::Answered(_) => {
            let Some(basis) = basis else { return };
            let first = effect.is_none_or(|it| it.transaction > basis.as_of && it.seq > basis.position);
            store.truth.require(first, || format!("{key:?} had taken effect and was answered anew"));
            let fresh = basis.position >= asked.since;
            store.truth.require(fresh, || format!("{key:?} was answered from before it was asked"));
        }
        Reply::Replayed(answer) => {
            let same = store.kept.get(&key) == Some(answer);
            store.truth.require(same, || format!("{key:?} was answered with another answer"));
        }
        Reply::Diverged => {
            store.truth.require(asked.poisoned, || format!("{key:?} was refused though it is innocent"));
        }
        Reply::Full | Reply::Unknown | Reply::Unavailable => {}
    }
    if let (Reply::Answered(answer), Some(basis)) = (reply, basis) {
        let Some(board) = store.truth.board_at.get(basis.position as usize).cloned() else {
            return store.truth.require(false, || format!("{key:?} was decided on a position that does not exist"));
        };
        let sites = &store.truth.rows_at[basis.position as usize].sites;
        let mut known = basis.known.sites.values().flatten();
        let true_then = known.all(|site| sites.get(&site.property_id).map(|(_, place)| *place) == Some(site.place));
        store.truth.require(true_then, || format!("{key:?} was decided on a place that is elsewhere"));
        let after = store.truth.board_at.get(basis.position as usize + answer.facts).cloned();
        let told = answer.visit.as_ref();
        let truly = told.is_none_or(|told| after.is_some_and(|after| after.visit(told.id) == Some(told)));
        store.truth.require(truly, || format!("{key:?} was told of a visit that is not so"));
        let again = board.decide(&asked.command, &basis.at, &basis.known);
        let same = again.answer == answer.verdict && again.facts.len() == answer.facts;
        store.truth.require(same, || format!("{key:?} is decided differently by who forgets nothing"));
    }
}

/// Nothing is announced that is not committed.
pub fn announcement(store: &mut Store, seq: i64, fact: &muster_domain::journal::Fact) {
    let committed = seq.checked_sub(1).and_then(|at| store.journal.get(at as usize));
    let same = committed.is_some_and(|entry| entry.seq == seq && *entry.fact == *fact);
    store.truth.require(same, || format!("{seq} was announced and is not in the journal"));
}

/// Snapshot and events = snapshot after.
pub fn view(store: &mut Store, reader: &Reader) {
    let Some(seq) = reader.seq else { return };
    let ends = seq == 0 || store.journal.get(seq as usize - 1).is_some_and(|entry| entry.ends);
    if !ends {
        return;
    }
    let Some(rows) = store.truth.rows_at.get(seq as usize).cloned() else { return };
    let who = reader.worker;
    store.truth.require(reader.agrees(&rows), || format!("a reader ({who:?}) sees something else at {seq}"));
}

/// The journal is gapless, and by itself gives the rows.
pub fn journal(store: &mut Store) {
    let gapless = store.journal.iter().zip(1i64..).all(|(entry, seq)| entry.seq == seq);
    store.truth.require(gapless, || "the journal has a gap".to_owned());
    let Some(board) = store.truth.board_at.last().cloned() else { return };
    let rows = store.rows.clone();
    let same = board.visits().eq(rows.visits.values()) && board.workers().eq(rows.workers.values());
    store.truth.require(same, || "the journal gives other rows".to_owned());
    let jobs = rows.jobs.values().all(|job| board.job(job.id) == Some(job));
    store.truth.require(jobs, || "the journal gives other jobs".to_owned());
    let groups = crate::laws::components(rows.visits.values());
    let right = rows.visits.values().all(|visit| groups[&visit.id] == visit.overlap_group);
    store.truth.require(right, || "the groups in the rows are not the connected ones".to_owned());
}
