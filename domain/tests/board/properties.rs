//! Long random histories: the board against a calendar so simple that it cannot be wrong, and stored halves of a history
//! against the whole.

use std::collections::BTreeSet;

use muster_domain::TimeWindow;
use muster_domain::dispatch::board::{Board, BoardSnapshot, Command, Decision, Rejection, Why};
use muster_domain::dispatch::{Step, Visit};
use muster_domain::ids::{VisitId, WorkerId};
use muster_domain::journal::Fact;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use proptest::sample::select;

use crate::language::{Floor, id};
use crate::laws;

/// What a worker promised to whom and when: the whole model.
#[derive(Default)]
struct Calendar(Vec<(WorkerId, VisitId, TimeWindow)>);

impl Calendar {
    /// With whom would `workers` collide?
    fn collisions(&self, visit: VisitId, workers: &BTreeSet<WorkerId>, window: Option<TimeWindow>) -> Collisions {
        let Some(window) = window else { return BTreeSet::new() };
        let hits = self.0.iter().filter(|(worker, other, held)| {
            workers.contains(worker) && *other != visit && held.start < window.end && window.start < held.end
        });
        hits.map(|(worker, other, _)| (*worker, *other)).collect()
    }

    fn set(&mut self, visit: VisitId, workers: &BTreeSet<WorkerId>, window: Option<TimeWindow>) {
        self.0.retain(|(_, held, _)| *held != visit);
        self.0.extend(window.into_iter().flat_map(|window| workers.iter().map(move |worker| (*worker, visit, window))));
    }

    /// Before the board is asked: what should it say about overlaps? `None` where it does not look.
    fn foresee(&self, board: &Board, command: &Command) -> Option<Collisions> {
        let visit = |id: &VisitId| board.visit(*id);
        match command {
            Command::Assign { visit: id, workers, .. } => {
                let visit = visit(id).filter(|visit| visit.status.is_planned())?;
                let added: BTreeSet<WorkerId> = workers.difference(&visit.workers).copied().collect();
                (!added.is_empty()).then(|| self.collisions(*id, &added, visit.window))
            }
            Command::Move { visit: id, window, workers, .. } => {
                let visit = visit(id).filter(|visit| visit.status.is_planned())?;
                let workers = workers.as_ref().unwrap_or(&visit.workers);
                let window = window.unwrap_or(visit.window);
                let changes = (window, workers) != (visit.window, &visit.workers);
                changes.then(|| self.collisions(*id, workers, window))
            }
            Command::Reopen { visit: id, .. } => {
                let visit = visit(id).filter(|visit| !visit.status.is_open())?;
                board
                    .job(visit.job_id)?
                    .end
                    .is_none()
                    .then(|| self.collisions(*id, &still_there(board, visit), visit.window))
            }
            _ => None,
        }
    }

    fn follow(&mut self, command: &Command, decision: &Decision, before: &Board) {
        if decision.answer.is_err() {
            return;
        }
        let of = |id: VisitId| before.visit(id).cloned();
        match command {
            Command::Assign { visit, workers, .. } => {
                let Some(old) = of(*visit).filter(|old| old.status.is_open()) else { return };
                self.set(*visit, &(&old.workers | workers), old.window);
            }
            Command::Unassign { visit, workers, .. } => {
                let Some(old) = of(*visit).filter(|old| old.status.is_open()) else { return };
                self.set(*visit, &(&old.workers - workers), old.window);
            }
            Command::Move { visit, window, workers, .. } => {
                let Some(old) = of(*visit) else { return };
                self.set(*visit, workers.as_ref().unwrap_or(&old.workers), window.unwrap_or(old.window));
            }
            Command::Cancel { visit, .. } | Command::Report { visit, step: Step::Complete | Step::NoAccess, .. } => {
                self.set(*visit, &BTreeSet::new(), None);
            }
            Command::Reopen { visit, .. } => {
                let Some(old) = of(*visit) else { return };
                self.set(*visit, &still_there(before, &old), old.window);
            }
            Command::CancelJob { job, .. } => {
                before.visits_of(*job).for_each(|visit| self.set(visit.id, &BTreeSet::new(), None));
            }
            Command::DeactivateWorker { worker } => {
                let planned = |id: VisitId| before.visit(id).is_some_and(|visit| visit.status.is_planned());
                self.0.retain(|(held, visit, _)| held != worker || !planned(*visit));
            }
            _ => {}
        }
    }
}

type Collisions = BTreeSet<(WorkerId, VisitId)>;

fn told(decision: &Decision) -> Collisions {
    let Err(Rejection::Unfit(complaints)) = &decision.answer else { return BTreeSet::new() };
    let overlap = |complaint: &muster_domain::dispatch::board::Complaint| match complaint.why {
        Why::Overlap { visit, .. } => Some((complaint.worker, visit)),
        _ => None,
    };
    complaints.iter().filter_map(overlap).collect()
}

fn line() -> impl Strategy<Value = String> {
    let visit = || select(vec!["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"]);
    let worker = || select(vec!["bob", "ann", "cid", "bob+ann", "ann+cid", "bob+cid+dan", "dan"]);
    let one = || select(vec!["bob", "ann", "cid", "dan"]);
    let job = || select(vec!["j1", "j2", "j3"]);
    let window =
        || select(vec!["08-09", "08:30-09:30", "09-10", "09:30-12", "10-11", "11-12:15", "08-17", "-", "same"]);
    let force = || select(vec!["", "", "", " force x"]);
    let step = select(vec!["start-travel", "arrive", "start", "pause", "complete", "complete", "no-access"]);
    let to = prop_oneof![Just(String::new()), worker().prop_map(|who| format!(" to {who}"))];
    prop_oneof![
        6 => (visit(), worker(), force()).prop_map(|(visit, who, force)| format!("assign {visit} {who}{force}")),
        2 => (visit(), worker()).prop_map(|(visit, who)| format!("unassign {visit} {who}")),
        5 => (visit(), window(), to, force()).prop_map(|(visit, at, to, force)| format!("move {visit} {at}{to}{force}")),
        4 => (step, visit()).prop_map(|(step, visit)| format!("{step} {visit}")),
        1 => (one(), visit()).prop_map(|(who, visit)| format!("{who}: start {visit}")),
        3 => (one(), select(vec!["at 09", "at 09:10 out 09:05", "at 11:30 out 11", "at 10 policy accept"]))
            .prop_map(|(who, when)| format!("fence {who} p1 {when}")),
        1 => visit().prop_map(|visit| format!("dismiss {visit}")),
        1 => visit().prop_map(|visit| format!("cancel {visit}")),
        2 => (visit(), force()).prop_map(|(visit, force)| format!("reopen {visit}{force}")),
        1 => (job(), select(vec!["cancel-job", "complete-job", "reopen-job", "reopen-job"]))
            .prop_map(|(job, verb)| format!("{verb} {job}")),
        1 => (one(), select(vec!["deactivate", "activate", "activate"])).prop_map(|(who, verb)| format!("{verb} {who}")),
        1 => (one(), select(vec!["off {} t1 08-09", "off {} t2 09-10", "on {} t1", "on {} t2"]))
            .prop_map(|(who, line)| line.replace("{}", who)),
    ]
}

fn floor() -> Floor {
    let mut floor = Floor::default();
    for line in [
        "worker bob skills gas",
        "worker ann",
        "worker cid hours 08-12",
        "worker dan skills gas hours 08-17",
        "job j1 : v1 09-10, v2 09:30-10, v3 - bob",
        "job j2 needs gas : v4 10-11, v5 08-12, v6 11-12 bob",
        "job j3 : v7 08-08:30 ann, v8 08:30-09 ann+bob",
    ] {
        floor.say(line);
    }
    floor
}

/// Whoever left the roster does not come back with a visit.
fn still_there(board: &Board, visit: &Visit) -> BTreeSet<WorkerId> {
    visit.workers.iter().copied().filter(|id| board.worker(*id).is_some_and(|worker| worker.active)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plain_calendar_agrees_on_every_overlap(lines in proptest::collection::vec(line(), 1..160)) {
        let mut floor = floor();
        let mut calendar = Calendar::default();
        for visit in floor.board.visits().cloned().collect::<Vec<Visit>>() {
            calendar.set(visit.id, &visit.workers, visit.window);
        }
        for line in &lines {
            let (by, words) = match line.split_once(": ") {
                Some((who, rest)) => (crate::language::by(who), rest),
                None => (crate::language::by("system"), line.as_str()),
            };
            let command = crate::language::command(&words.split_whitespace().collect::<Vec<_>>());
            let before = floor.board.clone();
            let foreseen = calendar.foresee(&before, &command);
            let decision = floor.step(&command, by);
            let forced = line.contains("force");
            match foreseen {
                Some(foreseen) if !forced => assert_eq!(told(&decision), foreseen, "{line}"),
                Some(foreseen) if decision.answer.is_err() => assert_eq!(told(&decision), foreseen, "{line}"),
                Some(_) | None => {}
            }
            calendar.follow(&command, &decision, &before);
            let mut plain: Vec<_> = calendar.0.iter().map(|(worker, visit, window)| (*worker, *visit, *window)).collect();
            let mut held: Vec<_> = floor.board.visits().filter(|visit| visit.status.is_open()).flat_map(|visit| {
                let window = visit.window.into_iter();
                window.flat_map(move |window| visit.workers.iter().map(move |worker| (*worker, visit.id, window)))
            }).collect();
            plain.sort();
            held.sort();
            assert_eq!(held, plain, "{line}");
        }
    }

    #[test]
    fn a_snapshot_and_what_came_after_it_are_the_whole_history(
        lines in proptest::collection::vec(line(), 1..120), cut in 0.0..1.0f64,
    ) {
        let mut floor = floor();
        for line in &lines {
            floor.say(line);
        }
        let cut = (floor.journal.len() as f64 * cut) as usize;
        let stored: Vec<String> =
            floor.journal.iter().map(|fact| serde_json::to_string(fact).expect("facts are JSON")).collect();
        let mut board = Board::default();
        for (seq, line) in (1i64..).zip(&stored) {
            let fact: Fact = serde_json::from_str(line).expect("what was written is read");
            assert_eq!(fact, floor.journal[seq as usize - 1]);
            board.evolve(seq, &fact);
            if seq as usize == cut {
                let half = serde_json::to_string(&BoardSnapshot::from(&board)).expect("snapshots are JSON");
                board = serde_json::from_str::<BoardSnapshot>(&half).expect("what was written is read").into();
            }
        }
        assert_eq!(board, floor.board);
        laws::hold(&board);
    }

    /// The guard of the database has nothing to refuse after any accepted command, as long as nobody is forced it has
    /// no groups to let through either, and whoever is named as colliding really would be refused by it.
    #[test]
    fn the_database_would_refuse_what_is_refused_and_nothing_else(lines in proptest::collection::vec(line(), 1..80)) {
        let mut floor = floor();
        for line in lines.iter().filter(|line| !line.contains(": ")) {
            let command = crate::language::command(&line.split_whitespace().collect::<Vec<_>>());
            let before = floor.board.clone();
            let decision = floor.ask(&command, crate::language::by("system"));
            let Command::Assign { visit, workers, .. } = &command else { continue };
            if told(&decision).is_empty() {
                continue;
            }
            let mut rows: Vec<Visit> = before.visits().cloned().collect();
            for row in rows.iter_mut().filter(|row| row.id == *visit) {
                row.workers.extend(workers);
                row.overlap_group = VisitId(id("v99"));
            }
            assert!(!laws::excluded(&rows).is_empty(), "{line}: refused by the rules alone");
        }
    }
}
