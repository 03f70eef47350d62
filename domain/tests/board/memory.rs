//! What the board lets go of, and how it comes back: boards that forgot at different times must still agree.

use chrono::TimeDelta;
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Board, BoardSnapshot, Needs};
use muster_domain::ids::{JobId, VisitId};
use muster_domain::{By, Moment};

use crate::language::{Floor, command, id};

/// One board remembers, the other one has let go of `j1`.
fn two_boards() -> (Floor, Board) {
    let mut floor = Floor::default();
    for line in ["worker bob", "job j1 : v1 09-10 bob, v2 -", "start v1", "complete v1", "cancel v2", "job j2 : v3 -"] {
        floor.say(line);
    }
    let mut forgetful = floor.board.clone();
    let due = forgetful.wakes_at().expect("something is closed");
    assert_eq!(due - floor.now, TimeDelta::hours(48) - TimeDelta::minutes(1), "two days after the last was closed");
    forgetful.forget(due - TimeDelta::seconds(1));
    assert_eq!(forgetful, floor.board, "not before its time");
    floor.now = due;
    forgetful.forget(floor.now);
    assert_eq!((forgetful.job(job()), forgetful.visits().count()), (None, 1), "all of j1 is gone, j2 is not");
    assert_eq!(forgetful.wakes_at(), None);
    (floor, forgetful)
}

fn job() -> JobId {
    JobId(id("j1"))
}

fn needs(line: &str, board: &Board) -> Needs {
    command(&line.split_whitespace().collect::<Vec<_>>()).needs(board)
}

fn recall(forgetful: &mut Board, rows: &Board) {
    let visits: Vec<Visit> = rows.visits_of(job()).cloned().collect();
    forgetful.recall(rows.job(job()).expect("in the rows").clone(), visits);
}

#[test]
fn what_was_let_go_of_is_asked_for_and_recalled_whole() {
    let (floor, mut forgetful) = two_boards();
    assert_eq!(needs("reopen v2", &forgetful).visits, [VisitId(id("v2"))].into());
    assert_eq!(needs("reopen-job j1", &forgetful).jobs, [job()].into());
    assert!(needs("cancel v3", &forgetful).is_empty());
    recall(&mut forgetful, &floor.board);
    assert_eq!(forgetful, floor.board);
}

/// Neither fact tells of the sibling that was completed, on which the job's status depends.
#[test]
fn a_job_that_somebody_else_went_on_with_is_completed_from_rows_before_the_next_decision() {
    for line in ["reopen v2", "complete-job j1", "add j1 v4 -"] {
        let (mut floor, mut forgetful) = two_boards();
        let known = floor.journal.len();
        floor.say(line);
        for (seq, fact) in (known as i64 + 1..).zip(&floor.journal[known..]) {
            forgetful.evolve(seq, fact);
        }
        assert_ne!(forgetful, floor.board, "{line}: only a part is known");
        let stored: Board = BoardSnapshot::from(&forgetful).into();
        assert_eq!(stored, forgetful, "{line}: and that it is a part survives a snapshot");
        assert_eq!(needs("cancel v3", &forgetful).jobs, [job()].into(), "{line}: whatever the next command is");
        recall(&mut forgetful, &floor.board);
        assert_eq!(forgetful, floor.board, "{line}");
        assert!(needs("cancel v3", &forgetful).is_empty());
    }
}

#[test]
fn a_job_with_an_open_visit_is_kept() {
    let mut floor = Floor::default();
    for line in ["job j1 : v1 09-10, v2 -", "cancel v1", "job j2"] {
        floor.say(line);
    }
    assert_eq!(floor.board.wakes_at(), None);
    let before = floor.board.clone();
    floor.board.forget(floor.now + TimeDelta::days(400));
    assert_eq!(floor.board, before);
}

#[test]
fn a_job_that_was_ended_without_any_visit_is_let_go_of_and_recalled_when_somebody_opens_it_again() {
    let mut floor = Floor::default();
    for line in ["job j1", "cancel-job j1", "job j2"] {
        floor.say(line);
    }
    let mut forgetful = floor.board.clone();
    assert!(forgetful.wakes_at().is_some_and(|at| at <= floor.now));
    forgetful.forget(floor.now);
    assert_eq!((forgetful.job(job()), forgetful.wakes_at()), (None, None));
    assert!(forgetful.job(JobId(id("j2"))).is_some(), "nobody has ended it");
    assert_eq!(needs("reopen-job j1", &forgetful).jobs, [job()].into());
    recall(&mut forgetful, &floor.board);
    assert_eq!(forgetful, floor.board);
}

/// Of one who was last seen outside before the boards began to forget, only what they all know counts.
#[test]
fn an_arrival_is_decided_alike_by_who_has_forgotten_an_earlier_stay_and_who_has_not() {
    let mut floor = Floor::default();
    for line in ["worker bob", "job j1 : v1 05-07 bob", "arrive v1", "complete v1", "job j2 : v2 07-08 bob"] {
        floor.say(line);
    }
    let mut forgetful = floor.board.clone();
    let due = forgetful.wakes_at().expect("something is closed");
    forgetful.forget(due);
    assert!(forgetful.job(job()).is_none());
    let seen = command(&"fence bob p1 at 06:30".split_whitespace().collect::<Vec<_>>());
    for (hours, facts) in [(-40, 0), (0, 1), (24, 1)] {
        let at = Moment { now: due + TimeDelta::hours(hours), by: By::System };
        let decided = floor.board.decide(&seen, &at, &floor.known);
        assert_eq!(decided.facts.len(), facts, "{hours}");
        let may_have_forgotten = hours >= 0;
        assert!(!may_have_forgotten || decided == forgetful.decide(&seen, &at, &floor.known), "{hours}");
    }
}
