//! Boards on a real database: nobody is in two places, whatever number of servers decides; what is remembered is what
//! the rows say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use muster_actors::board::Reply;
use muster_actors::ports::BoardStore;
use muster_domain::TimeWindow;
use muster_domain::dispatch::board::Command;
use muster_domain::ids::{VisitId, WorkerId};
use uuid::Uuid;

use crate::harness::cluster::{connect, execute};
use crate::harness::office::{Office, Server, assign, in_system, key, status, window};
use crate::harness::spy::{Spy, Step};

const SLOTS: i64 = 100;
const VISITS_A_SLOT: i64 = 10;

/// A thousand windows: ten a slot, which all hold the slot's middle and none of which leaves the slot. Whatever the
/// order, exactly one of each slot fits into one worker's calendar.
fn slots() -> Vec<Option<TimeWindow>> {
    let slot = |n: i64| (0..VISITS_A_SLOT).map(move |k| Some(window(n * 60 + k * 3, n * 60 + 31 + k * 3)));
    (0..SLOTS).flat_map(slot).collect()
}

async fn thousand_visits(server: &Server) -> Vec<VisitId> {
    let mut visits = Vec::new();
    for windows in slots().chunks(50) {
        visits.extend(server.books(windows).await);
    }
    visits
}

fn won(replies: &[Reply]) -> i64 {
    let won = replies.iter().filter(|reply| status(reply) == 200).count();
    let lost = replies.iter().filter(|reply| status(reply) == 409).count();
    assert_eq!(won + lost, replies.len(), "each is answered, with yes or no");
    i64::try_from(won).expect("a thousand at most")
}

async fn one_of_each_slot_was_won(office: &Office, replies: &[Reply]) {
    assert_eq!(won(replies), SLOTS);
    assert_eq!(office.count("SELECT count(*) FROM visit_assignments").await, SLOTS);
    let slots = "SELECT count(DISTINCT floor(extract(epoch FROM starts_at) / 3600)) FROM visits JOIN visit_assignments
        ON (visit_assignments.account_id, visit_id) = (visits.account_id, id)";
    assert_eq!(office.count(slots).await, SLOTS);
    assert_eq!(office.double_bookings().await, 0);
    assert_eq!(office.count("SELECT count(*) FROM journal WHERE kind = 'visit.assigned'").await, SLOTS);
}

#[test]
fn of_a_thousand_assignments_at_once_exactly_those_win_that_do_not_overlap() {
    in_system(async {
        let office = Office::open().await;
        let spy = Spy::on(office.store.clone());
        let server = office.server_on(Arc::clone(&spy) as _);
        let worker = office.hires(1).await[0];
        let visits = thousand_visits(&server).await;
        let before = spy.asked(Step::Commit);
        let replies = join_all(visits.iter().map(|visit| server.assigns(*visit, worker))).await;
        one_of_each_slot_was_won(&office, &replies).await;
        let commits = spy.asked(Step::Commit) - before;
        assert!(commits <= 40, "a thousand commands took {commits} transactions");
        assert_eq!(server.board().await, office.rows().await);
    });
}

#[test]
fn of_a_thousand_assignments_over_two_servers_exactly_those_win_that_do_not_overlap() {
    in_system(async {
        let office = Office::open().await;
        let servers = [office.server().await, office.server().await];
        let worker = office.hires(1).await[0];
        let visits = thousand_visits(&servers[0]).await;
        let turns = visits.iter().zip(servers.iter().cycle());
        let replies = join_all(turns.map(|(visit, server)| server.assigns(*visit, worker))).await;
        one_of_each_slot_was_won(&office, &replies).await;
        for server in &servers {
            assert_eq!(server.board().await, office.rows().await);
        }
        let told: Vec<i64> = servers.iter().flat_map(|server| server.heard.seqs()).collect();
        let mut once = told.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(told.len(), once.len(), "each fact is announced by the server that wrote it, once");
    });
}

#[test]
fn what_one_server_was_told_the_other_one_knows_at_once() {
    in_system(async {
        let office = Office::open().await;
        let [here, there] = [office.server().await, office.server().await];
        assert_eq!(there.board().await.workers().count(), 0, "awake before anybody is hired");
        for n in 0..20 {
            // The record lane of nobody's server: neither board is told.
            let worker = office.hires(1).await[0];
            assert_eq!(there.board().await.workers().count(), n + 1);
            let visits = here.books(&[Some(window(0, 60)), Some(window(30, 90))]).await;
            assert_eq!(status(&there.assigns(visits[0], worker).await), 200);
            assert_eq!(status(&here.assigns(visits[1], worker).await), 409, "the refusal knows of the other's booking");
        }
    });
}

#[test]
fn one_key_fifty_times_over_two_servers_is_one_effect_and_one_answer() {
    in_system(async {
        let office = Office::open().await;
        let servers = [office.server().await, office.server().await];
        let worker = office.hires(1).await[0];
        let windows: Vec<_> = (0..20).map(|n| Some(window(n * 60, n * 60 + 60))).collect();
        let visits = servers[0].books(&windows).await;
        // Ten keys at once, among other commands, so that they fall into different batches.
        let round = visits.iter().enumerate().flat_map(|(n, visit)| {
            let times = if n % 2 == 0 { 50 } else { 1 };
            (0..times).map(move |k| (n, *visit, k))
        });
        let round = round.map(|(n, visit, k)| {
            let server = &servers[k % 2];
            async move { (n, server.says_under(key(&format!("key {n}")), assign(visit, &[worker])).await) }
        });
        let replies = join_all(round).await;
        for n in 0..visits.len() {
            let answers: Vec<&Reply> = replies.iter().filter(|(of, _)| *of == n).map(|(_, reply)| reply).collect();
            let new = answers.iter().filter(|reply| matches!(reply, Reply::Answered(_))).count();
            assert_eq!(new, 1, "the others are told that it is a repetition");
            let body = |reply: &Reply| match reply {
                Reply::Answered(answer) | Reply::Replayed(answer) => (answer.status, answer.body.clone()),
                other => panic!("{other:?}"),
            };
            assert!(answers.iter().all(|reply| body(reply) == (200, "Some(Some((2, 1)))".into())), "{answers:?}");
        }
        assert_eq!(office.count("SELECT count(*) FROM journal WHERE kind = 'visit.assigned'").await, 20);
        assert_eq!(office.count("SELECT count(*) FROM kept_answers").await, 20);
        let mut other = key("key 0");
        other.body_hash = [8; 32];
        let reused = servers[1].says_under(other, assign(visits[1], &[worker])).await;
        assert!(matches!(reused, Reply::KeyReused));
    });
}

/// Submits all at once while nothing is prepared, so that all but the first are one batch.
async fn in_one_batch(spy: &Spy, server: &Server, commands: Vec<Command>) -> Vec<Reply> {
    spy.hold(true);
    // The first is on its own, because it does not wait for others.
    let first = Command::DeactivateWorker { worker: WorkerId(Uuid::nil()) };
    let all = join_all(std::iter::once(first).chain(commands).map(|command| server.says(command)));
    let go_on = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        spy.hold(false);
    };
    let (mut replies, ()) = futures_util::future::join(all, go_on).await;
    replies.remove(0);
    replies
}

#[test]
fn two_workers_swap_their_visits_in_one_transaction() {
    in_system(async {
        let office = Office::open().await;
        let spy = Spy::on(office.store.clone());
        let server = office.server_on(Arc::clone(&spy) as _);
        let workers = office.hires(2).await;
        let visits = server.books(&[Some(window(0, 60)), Some(window(30, 90))]).await;
        for (visit, worker) in visits.iter().zip(&workers) {
            assert_eq!(status(&server.assigns(*visit, *worker).await), 200);
        }
        let to = |visit: VisitId, workers: &[WorkerId]| Command::Move {
            visit,
            window: None,
            workers: Some(workers.iter().copied().collect()),
            force: None,
            expect: None,
        };
        let commits = spy.asked(Step::Commit);
        let swap = vec![to(visits[0], &[]), to(visits[1], &workers[..1]), to(visits[0], &workers[1..])];
        let replies = in_one_batch(&spy, &server, swap).await;
        assert_eq!(replies.iter().map(status).collect::<Vec<_>>(), [200; 3]);
        assert_eq!(spy.asked(Step::Commit), commits + 1);
        let rows = office.rows().await;
        let of = |visit: VisitId| rows.visit(visit).expect("it is there").workers.iter().copied().collect::<Vec<_>>();
        assert_eq!((of(visits[0]), of(visits[1])), (workers[1..].to_vec(), workers[..1].to_vec()));
        assert_eq!(server.board().await, rows);
        assert_eq!(office.double_bookings().await, 0);
    });
}

fn forced(visit: VisitId, worker: WorkerId) -> Command {
    Command::Assign { visit, workers: [worker].into(), force: Some("asked for".into()), expect: None }
}

/// What the database itself says to an ordinary booking of `worker`, written past the board.
async fn booked_by_hand(office: &Office, visit: VisitId, worker: WorkerId) -> Result<(), String> {
    let mut owner = connect(&office.db.owner_url).await;
    let sql = "INSERT INTO visit_assignments (account_id, visit_id, worker_id, during, overlap_group)
        SELECT account_id, id, $3, tstzrange(starts_at, ends_at, '[)'), id FROM visits WHERE (account_id, id) = ($1, $2)";
    let query = sqlx::query(sql).bind(office.account.0).bind(visit.0).bind(worker.0);
    let done = query.execute(&mut owner).await;
    done.map(drop).map_err(|error| error.as_database_error().and_then(|e| e.constraint()).unwrap_or("?").to_owned())
}

#[test]
fn a_booking_over_a_forced_one_is_refused_by_the_database_too() {
    in_system(async {
        let office = Office::open().await;
        let server = office.server().await;
        let worker = office.hires(1).await[0];
        let windows = [(0, 60), (30, 90), (80, 120), (85, 100), (45, 50), (200, 260)].map(|(a, b)| Some(window(a, b)));
        let visits = server.books(&windows).await;
        assert_eq!(status(&server.assigns(visits[0], worker).await), 200);
        assert_eq!(status(&server.assigns(visits[1], worker).await), 409);
        for visit in [visits[1], visits[2]] {
            assert_eq!(status(&server.says(forced(visit, worker)).await), 200);
        }
        let refused = Err("visit_assignments_no_overlap".to_owned());
        for visit in [visits[3], visits[4]] {
            assert_eq!(status(&server.assigns(visit, worker).await), 409);
            assert_eq!(booked_by_hand(&office, visit, worker).await, refused);
        }
        // The middle of the three goes elsewhere: the others no longer share a group, and stay guarded.
        let elsewhere = Command::Move {
            visit: visits[1],
            window: Some(Some(window(300, 360))),
            workers: None,
            force: None,
            expect: None,
        };
        assert_eq!(status(&server.says(elsewhere).await), 200);
        assert_eq!(office.count("SELECT count(DISTINCT overlap_group) FROM visit_assignments").await, 3);
        for visit in [visits[3], visits[4]] {
            assert_eq!(booked_by_hand(&office, visit, worker).await, refused);
        }
        assert_eq!(server.board().await, office.rows().await);
    });
}

#[test]
fn without_its_constraint_the_database_would_not_notice() {
    in_system(async {
        let office = Office::open().await;
        let server = office.server().await;
        let worker = office.hires(1).await[0];
        let visits = server.books(&[Some(window(0, 60)), Some(window(30, 90))]).await;
        assert_eq!(status(&server.assigns(visits[0], worker).await), 200);
        let mut owner = connect(&office.db.owner_url).await;
        execute(&mut owner, "ALTER TABLE visit_assignments DROP CONSTRAINT visit_assignments_no_overlap").await;
        assert_eq!(booked_by_hand(&office, visits[1], worker).await, Ok(()));
        assert_eq!(office.double_bookings().await, 1, "the question that all these tests ask sees it");
    });
}

fn divergences() -> u64 {
    let metrics = muster::observe::metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix("muster_divergences_total "));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Somebody wrote past the board, with and without a snapshot from before he did.
async fn a_planted_booking_makes_only_its_rival_fail(has_snapshot: bool) {
    muster::boot::observe(&muster::settings::Settings { log: "off".into(), ..Default::default() });
    let office = Office::open().await;
    let spy = Spy::on(office.store.clone());
    let server = office.server_on(Arc::clone(&spy) as _);
    let workers = office.hires(2).await;
    let windows: Vec<_> = (0..8).map(|n| Some(window(n * 60, n * 60 + 60))).chain([Some(window(10, 20))]).collect();
    let visits = server.books(&windows).await;
    if has_snapshot {
        let board = Box::new(server.board().await);
        office.store.save_snapshot(office.account, board).await.expect("it is saved");
    }
    assert_eq!(booked_by_hand(&office, visits[8], workers[0]).await, Ok(()));
    let before = divergences();
    let commands = (0..8).map(|n| assign(visits[n], &[workers[n % 2]])).collect();
    let replies = in_one_batch(&spy, &server, commands).await;
    let statuses: Vec<u16> = replies.iter().map(status).collect();
    assert_eq!(statuses, [409, 200, 200, 200, 200, 200, 200, 200], "only the guilty one is refused");
    assert_eq!(spy.asked(Step::Reload), 1);
    assert_eq!(divergences(), before + 1, "and somebody is told");
    assert_eq!(office.double_bookings().await, 0);
    assert_eq!(server.board().await, office.rows().await);
    let fresh = office.server().await;
    assert_eq!(fresh.board().await, office.rows().await, "whoever loads next is not misled either");
}

#[test]
fn a_booking_written_past_the_board_makes_only_its_rival_fail() {
    in_system(async {
        a_planted_booking_makes_only_its_rival_fail(false).await;
        a_planted_booking_makes_only_its_rival_fail(true).await;
    });
}
