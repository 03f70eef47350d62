//! A board that panics, or whose store fails, at any step: whoever asked hears the truth, which may be that nobody
//! knows; the next command works; memory is what the rows say; a repetition under the same key has one effect.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use muster_actors::board::{QUEUE_LIMIT, Reply};
use muster_actors::directory::Unread;
use muster_actors::ports::CommitError;
use muster_domain::dispatch::board::Command;
use muster_domain::ids::{VisitId, WorkerId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::harness::office::{Hearing, Office, Server, assign, in_system, key, now, status, window};
use crate::harness::spy::{Fault, Spy, Step, planted};

const PATIENCE: Duration = Duration::from_secs(20);

/// A business with one worker and as many visits as a test needs, on a server whose store can be told to fail.
struct Scene {
    office: Office,
    spy: Arc<Spy>,
    server: Server,
    worker: WorkerId,
    visits: Vec<VisitId>,
    next: usize,
}

impl Scene {
    async fn with_visits(count: i64) -> Self {
        let office = Office::open().await;
        let spy = Spy::on(office.store.clone());
        let server = office.server_on(Arc::clone(&spy) as _);
        let worker = office.hires(1).await[0];
        let mut visits = Vec::new();
        for chunk in (0..count).collect::<Vec<_>>().chunks(50) {
            let windows: Vec<_> = chunk.iter().map(|n| Some(window(n * 60, n * 60 + 60))).collect();
            visits.extend(server.books(&windows).await);
        }
        Self { office, spy, server, worker, visits, next: 0 }
    }

    /// A server that has not loaded the account yet.
    fn wakes_up(&mut self) {
        self.server = self.office.server_on(Arc::clone(&self.spy) as _);
    }

    /// Makes sure that the fault comes to pass at its step.
    async fn leads_to(&mut self, step: Step) {
        match step {
            Step::Load => self.wakes_up(),
            Step::Reload => {
                let refused = CommitError::Refused { constraint: "planted".into() };
                self.spy.fails_once(Step::Commit, Fault::Fails(refused));
            }
            Step::Since => drop(self.office.hires(1).await),
            Step::Prepare | Step::Commit | Step::Save => {}
        }
    }

    /// Assigns the next visit under a key of its own.
    async fn assigns(&mut self) -> Reply {
        self.next += 1;
        self.assigns_again().await
    }

    async fn assigns_again(&self) -> Reply {
        let key = key(&format!("visit {}", self.next));
        let command = assign(self.visits[self.next - 1], &[self.worker]);
        let reply = tokio::time::timeout(PATIENCE, self.server.says_under(key, command)).await;
        reply.unwrap_or_else(|_| panic!("visit {} is never answered", self.next))
    }

    /// Exactly the first `self.next` visits are assigned, each once, and everybody agrees.
    async fn is_as_told(&self) {
        assert!(self.spy.is_quiet(), "what was planned has come to pass");
        let rows = self.office.rows().await;
        assert_eq!(self.server.board().await, rows);
        for (n, id) in self.visits.iter().enumerate() {
            let visit = rows.visit(*id).expect("it is there");
            let expected = if n < self.next { (2, 1) } else { (1, 0) };
            assert_eq!((visit.version, visit.workers.len()), expected, "visit {n}");
        }
    }
}

#[test]
fn after_a_panic_at_any_step_the_next_command_works_and_the_same_key_finds_out() {
    in_system(async {
        let mut scene = Scene::with_visits(30).await;
        for step in [Step::Load, Step::Since, Step::Prepare, Step::Commit, Step::Reload] {
            for fault in [Fault::Panic, Fault::PanicLater, Fault::PanicDone] {
                scene.leads_to(step).await;
                scene.spy.fails_once(step, fault.clone());
                let mut told = scene.assigns().await;
                if step == Step::Reload {
                    assert_eq!(status(&told), 500, "refused alone; the rows are read when somebody next asks");
                    told = scene.assigns_again().await;
                }
                // A new board that dies at once may be replaced before it is given anything.
                let replaced = step == Step::Load && status(&told) == 200;
                assert!(status(&told) == 503 || replaced, "{step:?} {fault:?}: {told:?}");
                let again = scene.assigns_again().await;
                let was_done = (step, &fault) == (Step::Commit, &Fault::PanicDone) || replaced;
                let kept = matches!(again, Reply::Replayed(_));
                assert_eq!((status(&again), kept), (200, was_done), "{step:?} {fault:?}");
                scene.is_as_told().await;
                assert_eq!(status(&scene.assigns().await), 200, "{step:?} {fault:?}: the next one");
            }
        }
        scene.is_as_told().await;
    });
}

#[test]
fn who_hears_of_a_commit_and_panics_takes_nothing_back() {
    in_system(async {
        for hearing in [Hearing::OfAChange, Hearing::OfACommit] {
            let mut scene = Scene::with_visits(3).await;
            assert_eq!(status(&scene.assigns().await), 200);
            scene.server.heard.fails_once(hearing);
            assert_eq!(status(&scene.assigns().await), 503, "{hearing:?}");
            let again = scene.assigns_again().await;
            assert!(matches!(again, Reply::Replayed(_)), "{hearing:?}: {again:?}");
            assert_eq!(status(&scene.assigns().await), 200);
            scene.is_as_told().await;
        }
    });
}

#[test]
fn an_answer_or_a_look_that_panics_changes_nothing() {
    in_system(async {
        let mut scene = Scene::with_visits(3).await;
        assert_eq!(status(&scene.assigns().await), 200);
        let command = assign(scene.visits[1], &[scene.worker]);
        let boards = &scene.server.boards;
        let reply = boards.submit(scene.server.account, command, now(), None, Box::new(|_, _| planted())).await;
        assert_eq!(status(&reply), 503);
        scene.is_as_told().await;
        let look = scene.server.boards.look(scene.server.account, |_| -> () { planted() }).await;
        assert_eq!(look, Err(Unread::Unavailable));
        assert_eq!(status(&scene.assigns().await), 200);
        scene.is_as_told().await;
    });
}

#[test]
fn a_board_that_panics_while_it_saves_itself_is_loaded_again() {
    in_system(async {
        let mut scene = Scene::with_visits(4).await;
        for fault in [Fault::Panic, Fault::PanicLater, Fault::Unavailable, Fault::PanicDone] {
            assert_eq!(status(&scene.assigns().await), 200);
            scene.spy.fails_once(Step::Save, fault);
            scene.server.boards.sleep();
            // Until it has stopped, it may take a question along.
            tokio::time::sleep(Duration::from_millis(50)).await;
            scene.server.board().await;
        }
        scene.is_as_told().await;
    });
}

#[test]
fn a_store_that_cannot_be_reached_is_told_as_such_and_nothing_happened() {
    in_system(async {
        let mut scene = Scene::with_visits(10).await;
        for step in [Step::Load, Step::Prepare, Step::Commit] {
            scene.leads_to(step).await;
            scene.spy.fails_once(step, Fault::Unavailable);
            let told = scene.assigns().await;
            // A new board may have failed, and tried again, before it was given anything.
            let late = step == Step::Load && status(&told) == 200;
            assert!(matches!(told, Reply::Unavailable) || late, "{step:?}: {told:?}");
            scene.next -= usize::from(!late);
            scene.is_as_told().await;
            assert_eq!(status(&scene.assigns().await), 200, "{step:?}");
        }
        scene.spy.fails_once(Step::Prepare, Fault::Unavailable);
        let look = scene.server.boards.look(scene.server.account, |_| ()).await;
        assert_eq!(look, Err(Unread::Unavailable));
        // What others wrote cannot be read, so everything is.
        scene.leads_to(Step::Since).await;
        scene.spy.fails_once(Step::Since, Fault::Unavailable);
        assert!(matches!(scene.assigns().await, Reply::Answered(_)));
        scene.is_as_told().await;
    });
}

#[test]
fn a_commit_of_which_nobody_knows_is_found_out_by_its_key_and_one_that_lost_a_race_is_repeated_by_itself() {
    in_system(async {
        let mut scene = Scene::with_visits(10).await;
        for (fault, was_done) in [(Fault::Fails(CommitError::Unknown), false), (Fault::DoneUnknown, true)] {
            scene.spy.fails_once(Step::Commit, fault.clone());
            assert!(matches!(scene.assigns().await, Reply::Unknown), "{fault:?}");
            let again = scene.assigns_again().await;
            let kept = matches!(again, Reply::Replayed(_));
            assert_eq!((status(&again), kept), (200, was_done), "{fault:?}");
            scene.is_as_told().await;
        }
        for error in [CommitError::Stale, CommitError::Answered] {
            for _ in 0..3 {
                scene.spy.fails_once(Step::Commit, Fault::Fails(error.clone()));
            }
            let commits = scene.spy.asked(Step::Commit);
            assert!(matches!(scene.assigns().await, Reply::Answered(_)), "{error:?}");
            assert_eq!(scene.spy.asked(Step::Commit), commits + 4);
        }
        scene.is_as_told().await;
    });
}

#[test]
fn a_queue_that_is_full_refuses_and_nothing_happened() {
    in_system(async {
        let scene = Scene::with_visits(1).await;
        scene.spy.hold(true);
        let nobody = || Command::DeactivateWorker { worker: WorkerId(Uuid::nil()) };
        let many = (0..3 * QUEUE_LIMIT).map(|_| scene.server.says(nobody()));
        let go_on = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            scene.spy.hold(false);
        };
        let (replies, ()) = futures_util::future::join(join_all(many), go_on).await;
        let full = replies.iter().filter(|reply| matches!(reply, Reply::Full)).count();
        let refused = replies.iter().filter(|reply| status(reply) == 409).count();
        assert_eq!(full + refused, replies.len());
        assert!(full >= QUEUE_LIMIT / 2 && refused >= QUEUE_LIMIT, "{full} of {}", replies.len());
        scene.is_as_told().await;
    });
}

/// Everybody repeats what he does not know, under his key, while the store and the boards fail again and again.
#[test]
fn on_a_day_of_faults_every_key_has_one_effect() {
    in_system(async {
        const VISITS: usize = 120;
        let mut scene = Scene::with_visits(VISITS as i64).await;
        let mut dice = StdRng::seed_from_u64(7);
        let (spy, heard) = (Arc::clone(&scene.spy), Arc::clone(&scene.server.heard));
        let (over, mut is_over) = tokio::sync::watch::channel(false);
        let trouble = async move {
            while !*is_over.borrow_and_update() {
                let step = *[Step::Prepare, Step::Commit, Step::Load].choose(&mut dice).expect("not empty");
                let fault = match dice.random_range(0..8) {
                    0 => Fault::Panic,
                    1 => Fault::PanicLater,
                    2 | 3 => Fault::PanicDone,
                    4 => Fault::Unavailable,
                    5 => Fault::DoneUnknown,
                    6 => Fault::Fails(CommitError::Unknown),
                    _ => Fault::Fails(CommitError::Stale),
                };
                spy.fails_once(step, fault);
                if dice.random_ratio(1, 4) {
                    heard.fails_once(*[Hearing::OfAChange, Hearing::OfACommit].choose(&mut dice).expect("not empty"));
                }
                tokio::time::sleep(Duration::from_millis(8)).await;
            }
        };
        let clients = (0..VISITS).map(|n| {
            let (server, visit, worker) = (scene.server.clone(), scene.visits[n], scene.worker);
            async move {
                for repeated in 0..200 {
                    let reply = server.says_under(key(&format!("visit {n}")), assign(visit, &[worker])).await;
                    match status(&reply) {
                        200 => return repeated,
                        503 | 504 => tokio::time::sleep(Duration::from_millis(5 + n as u64 % 7)).await,
                        _ => panic!("visit {n}: {reply:?}"),
                    }
                }
                panic!("visit {n} is never assigned");
            }
        });
        let all = async {
            let repeated: usize = join_all(clients).await.into_iter().sum();
            over.send_replace(true);
            repeated
        };
        let (repeated, ()) = futures_util::future::join(all, trouble).await;
        assert!(repeated > VISITS / 4, "{repeated} repetitions: too quiet a day to prove anything");
        scene.spy.forgives();
        scene.next = VISITS;
        scene.wakes_up();
        scene.is_as_told().await;
        assert_eq!(
            scene.office.count("SELECT count(*) FROM journal WHERE kind = 'visit.assigned'").await,
            VISITS as i64
        );
    });
}
