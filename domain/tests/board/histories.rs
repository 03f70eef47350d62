//! Every short command history over a tiny world. Laws speak of one step from one state, so a state that two histories
//! share is gone on from once: what is walked is every state within reach, and from each of them every command.

use std::collections::BTreeSet;

use muster_domain::By;
use muster_domain::dispatch::board::{Board, Command};
use muster_domain::identity::Role;
use muster_domain::ids::UserId;

use crate::language::{Floor, command, id};
use crate::laws;

const LENGTH: usize = 5;

const COMMANDS: &str = "
    assign v1 bob, assign v2 bob, assign v3 bob, assign v1 ann, assign v2 bob+ann, assign v3 ann
    assign v1 bob force x, assign v2 bob+ann force x, assign v3 bob force x
    unassign v1 bob, unassign v2 bob+ann, unassign v3 bob
    move v1 -, move v1 09:30-10:30, move v2 10-11 force x, move v3 09:30-10:30 to bob, move v3 10-11 to nobody
    start-travel v1, bob: start v1, pause v1, complete v1, ann: start v2, no-access v2
    cancel v1, cancel v2, reopen v1, reopen v1 force x, reopen v2 force x
    cancel-job j1, complete-job j1, reopen-job j1
    fence bob p1 at 09, fence bob p1 at 09:10 out 09:05, fence ann p1 at 10:55 policy accept, dismiss v1
    off bob t1 09-10, on bob t1, deactivate bob, activate bob
";

fn commands() -> Vec<(Command, By)> {
    let lines = COMMANDS.split([',', '\n']).map(str::trim).filter(|line| !line.is_empty());
    let office = By::User { id: UserId(id("cid")), role: Role::Dispatcher };
    let one = |line: &str| match line.split_once(": ") {
        Some((who, line)) => (words(line), By::User { id: UserId(id(who)), role: Role::Worker }),
        None => (words(line), office),
    };
    lines.map(one).collect()
}

fn words(line: &str) -> Command {
    command(&line.split_whitespace().collect::<Vec<_>>())
}

/// What decisions and laws depend on: everything but versions, times of change and wording.
fn essence(board: &Board) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for visit in board.visits() {
        (visit.id, visit.status.name(), visit.window, &visit.workers, &visit.former_workers).hash(&mut hasher);
        (visit.overlap_group, visit.forced.is_some()).hash(&mut hasher);
        visit.arrival.map(|arrival| (arrival.at, arrival.by, arrival.dismissed)).hash(&mut hasher);
    }
    for worker in board.workers() {
        (worker.id, worker.active, worker.time_off.len()).hash(&mut hasher);
    }
    for job in board.visits().filter_map(|visit| board.job(visit.job_id)) {
        (job.status.name(), job.end.is_some()).hash(&mut hasher);
    }
    hasher.finish()
}

#[test]
fn after_every_short_history_every_law_holds() {
    let mut floor = Floor::default();
    for line in ["worker bob", "worker ann", "job j1 : v1 09-10, v2 09:30-10:30", "job j2 : v3 10-11"] {
        floor.say(line);
    }
    let commands = commands();
    let mut seen = BTreeSet::from([essence(&floor.board)]);
    let mut frontier = vec![floor.board.clone()];
    let mut steps = 0;
    for _ in 0..LENGTH {
        let mut next = Vec::new();
        for board in &frontier {
            for (command, by) in &commands {
                floor.board = board.clone();
                floor.journal.clear();
                floor.step(command, *by);
                steps += 1;
                if seen.insert(essence(&floor.board)) {
                    laws::stored(&floor.board);
                    next.push(floor.board.clone());
                }
            }
        }
        frontier = next;
    }
    assert!(steps > 100_000, "{steps} steps over {} states", seen.len());
}
