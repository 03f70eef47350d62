//! The journal: no gaps, in the order of commits, and nobody changes a line of it unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::DateTime;
use muster::store::audit::{Broken, verify};
use muster::store::journal::Line;
use muster::store::{Store, Undone};
use muster_actors::ports::Journal;
use muster_domain::By;
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, UserId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use uuid::Uuid;

use crate::harness::cluster::{connect, execute};
use crate::harness::office::{Office, in_system, now};

const WRITERS: usize = 8;
const CHANGES: usize = 60;

/// One change of the record lane: `facts` lines, of which a board reads those of properties; or nothing, undone at the
/// very end.
async fn change(store: &Store, account: AccountId, facts: usize, verb: RecordVerb, undone: bool) {
    let done = store.change(account, now(), move |unit| {
        Box::pin(async move {
            for _ in 0..facts {
                unit.note(Fact::Record(RecordFact { verb, id: Uuid::now_v7(), version: 1, changed: vec![] }));
            }
            if undone { Err(Undone::Refused(())) } else { Ok(()) }
        })
    });
    match done.await {
        Ok(done) => assert_eq!((undone, done.entries.len()), (false, facts)),
        Err(Undone::Refused(())) => assert!(undone),
        Err(Undone::Failed(error)) => panic!("{error}"),
    }
}

/// Reads on from where it stood, as a feed does, until it is told that nothing more comes and has it all.
async fn follow(office: Office, is_over: Arc<AtomicBool>) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let last = is_over.load(Ordering::SeqCst);
        let from = seen.last().copied().unwrap_or_default();
        let read = office.store.after(office.account, from, 7).await.expect("the store answers");
        let read = read.unwrap_or_else(|| panic!("what follows {from} was not there when something later was"));
        if read.is_empty() && last {
            return seen;
        }
        seen.extend(read.iter().map(|entry| entry.seq));
    }
}

#[test]
fn eight_writers_who_sometimes_give_up_leave_no_gap_and_whoever_follows_misses_nothing() {
    in_system(async {
        let office = Office::open().await;
        let is_over = Arc::new(AtomicBool::new(false));
        let follower = tokio::spawn(follow(office.clone(), Arc::clone(&is_over)));
        let writers = (0..WRITERS).map(|writer| {
            let office = office.clone();
            tokio::spawn(async move {
                for n in 0..CHANGES {
                    let verb = if n % 3 == 0 { RecordVerb::PropertyUpdated } else { RecordVerb::ClientUpdated };
                    change(&office.store, office.account, 1 + n % 2, verb, (n + writer) % 5 == 0).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("it does not panic");
        }
        is_over.store(true, Ordering::SeqCst);
        let seen = follower.await.expect("it does not panic");
        let head = office.store.head(office.account).await.expect("the store answers");
        assert_eq!(seen, (1..=head.seq).collect::<Vec<_>>());
        let kept = WRITERS * CHANGES * 4 / 5;
        assert!(seen.len() > kept && seen.len() < WRITERS * CHANGES * 2, "{}", seen.len());
        assert_eq!(head.board_seq, office.count("SELECT max(seq) FROM journal WHERE moves_board").await);
        assert!(head.board_seq <= head.seq);
        assert_eq!(verify(&office.store, office.account).await.expect("it stands"), head.seq);
    });
}

#[test]
fn a_change_that_notes_nothing_moves_nothing() {
    in_system(async {
        let office = Office::open().await;
        let before = office.store.head(office.account).await;
        change(&office.store, office.account, 0, RecordVerb::ClientUpdated, false).await;
        change(&office.store, office.account, 3, RecordVerb::ClientUpdated, true).await;
        assert_eq!(office.store.head(office.account).await, before);
    });
}

async fn twelve_lines() -> Office {
    let office = Office::open().await;
    for n in 0..5 {
        let verb = if n == 2 { RecordVerb::PropertyUpdated } else { RecordVerb::ClientUpdated };
        change(&office.store, office.account, 2, verb, false).await;
    }
    assert_eq!(verify(&office.store, office.account).await.expect("it stands"), 12);
    office
}

/// What somebody with the owner's rights may try, and the line at which it shows.
const EDITS: [(&str, i64); 17] = [
    ("UPDATE journal SET kind = 'client.created' WHERE seq = 5", 5),
    ("UPDATE journal SET at = at + interval '1 microsecond' WHERE seq = 5", 5),
    (
        "UPDATE journal SET by = '{\"kind\": \"user\", \"id\": \"0195f000-0000-7000-8000-000000000000\", \"role\": \"owner\"}' WHERE seq = 5",
        5,
    ),
    ("UPDATE journal SET by = '{}' WHERE seq = 5", 5),
    ("UPDATE journal SET subject = gen_random_uuid() WHERE seq = 5", 5),
    ("UPDATE journal SET audience = ARRAY[gen_random_uuid()] WHERE seq = 5", 5),
    ("UPDATE journal SET moves_board = NOT moves_board WHERE seq = 5", 5),
    ("UPDATE journal SET payload = (payload::text || ' ')::json WHERE seq = 5", 5),
    ("UPDATE journal SET payload = '{}', digest = sha256('{}') WHERE seq = 5", 5),
    ("UPDATE journal SET payload = 'null', digest = sha256('null') WHERE seq = 5", 5),
    ("UPDATE journal SET chain = sha256('') WHERE seq = 5", 5),
    ("DELETE FROM journal WHERE seq = 5", 5),
    ("DELETE FROM journal WHERE seq <= 3", 1),
    ("DELETE FROM journal WHERE seq > 10", 11),
    ("DELETE FROM journal WHERE seq > 10; UPDATE account_stream SET seq = 10", 11),
    ("UPDATE account_stream SET chain = sha256('')", 13),
    ("UPDATE account_stream SET seq = 10, chain = (SELECT chain FROM journal WHERE seq = 10)", 11),
];

#[test]
fn whatever_the_owner_edits_cuts_out_or_cuts_off_is_named() {
    in_system(async {
        let office = twelve_lines().await;
        let mut owner = connect(&office.db.owner_url).await;
        execute(&mut owner, "CREATE TABLE lines AS TABLE journal; CREATE TABLE stream AS TABLE account_stream").await;
        for (edit, seq) in EDITS {
            execute(&mut owner, edit).await;
            match verify(&office.store, office.account).await {
                Err(Undone::Refused(broken)) => assert_eq!(broken, Broken { seq }, "{edit}"),
                other => panic!("{edit}: {other:?}"),
            }
            let restore = "DELETE FROM journal; INSERT INTO journal TABLE lines;
                DELETE FROM account_stream; INSERT INTO account_stream TABLE stream";
            execute(&mut owner, restore).await;
            assert_eq!(verify(&office.store, office.account).await.expect("it stands again"), 12, "{edit}");
        }
    });
}

#[test]
fn a_person_can_be_erased_from_the_journal_without_breaking_it() {
    in_system(async {
        let office = twelve_lines().await;
        let mut owner = connect(&office.db.owner_url).await;
        execute(&mut owner, "UPDATE journal SET payload = 'null' WHERE seq IN (1, 5, 12)").await;
        assert_eq!(verify(&office.store, office.account).await.expect("it stands"), 12);
    });
}

#[test]
fn one_accounts_journal_is_verified_without_looking_at_anothers() {
    in_system(async {
        let office = twelve_lines().await;
        let other = Office::open_on(Arc::clone(&office.db)).await;
        let mut owner = connect(&office.db.owner_url).await;
        execute(&mut owner, format!("DELETE FROM journal WHERE account_id = '{}'", other.account)).await;
        assert_eq!(verify(&office.store, office.account).await.expect("it stands"), 12);
        assert!(matches!(verify(&other.store, other.account).await, Err(Undone::Refused(Broken { seq: 1 }))));
    });
}

/// Chains that were written must be verified for ever: this is what the link of one known line is.
#[test]
fn the_link_of_a_known_line_stays_what_it_is() {
    let line = Line {
        seq: 7,
        at: DateTime::from_timestamp_micros(1_790_000_000_000_001).expect("in range"),
        by: By::User { id: UserId(Uuid::from_u128(1)), role: Role::Dispatcher },
        kind: "visit.assigned",
        subject: Uuid::from_u128(2),
        audience: vec![Uuid::from_u128(3), Uuid::from_u128(4)],
        moves_board: true,
        digest: &[5; 32],
    };
    let link: String = line.link(&[6; 32]).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(link, "4f0c2fa2cd9f3b14ea5f9276d86b64e55befa25f9eb0300fed08be5b43959d13");
}
