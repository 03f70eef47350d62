//! What the people of one office see of each other, and how they are sent away and kept out.

use muster_domain::journal::{Fact, RecordFact, RecordVerb};

use super::*;

#[test]
fn those_who_are_sent_away_together_come_back_apart() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let pipes: Vec<_> = (0..300).map(|n| enter(&here, Role::Dispatcher, n).0).collect();
        hubs.drain(Duration::from_millis(100)).await;
        let mut tenths = [0; 10];
        for pipe in &pipes {
            let ms = pipe.frames("bye")[0]["retryAfterMs"].as_u64().expect("a time");
            tenths[(ms / 1_500) as usize] += 1;
        }
        // 30 each in the mean; a fair dice does this worse once in a million runs.
        assert!(tenths.iter().all(|count| (4..=66).contains(count)), "{tenths:?}");
    });
}

fn hold(kind: &str, visit: u128) -> String {
    format!(r#"{{"type":"{kind}","id":"d","visitId":"{}"}}"#, Uuid::from_u128(visit))
}

#[test]
fn the_office_sees_who_moves_what_until_he_lets_go_or_leaves() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let ((ann, a), (dee, d), (bob, b)) =
            (enter(&here, Role::Owner, 7), enter(&here, Role::Dispatcher, 8), enter(&here, Role::Worker, 9));
        for (pipe, key) in [(&ann, a), (&dee, d), (&bob, b)] {
            here.heard(key, &subscribe(""));
            pipe.waits_for("snapshot", 1).await;
        }
        here.heard(a, &hold("hold", 1));
        dee.waits_for("holding", 1).await;
        let holding = &dee.frames("holding")[0];
        assert_eq!(holding["by"], serde_json::json!({"userId": Uuid::from_u128(7), "name": "\"Number\" 7"}));
        assert_eq!((&holding["id"], &holding["visitId"]), (&"d".into(), &Uuid::from_u128(1).to_string().into()));
        here.heard(a, &hold("hold", 1));
        here.heard(d, &hold("hold", 1));
        ann.waits_for("holding", 1).await;
        assert_eq!(ann.frames("holding")[0]["by"]["userId"], Uuid::from_u128(8).to_string());
        let (late, l) = enter(&here, Role::Manager, 10);
        here.heard(l, &subscribe(""));
        late.waits_for("holding", 1).await;
        assert_eq!(late.frames("holding")[0]["by"]["userId"], Uuid::from_u128(7).to_string(), "the first of two");
        here.heard(a, &hold("release", 1));
        dee.waits_for("holding", 2).await;
        late.waits_for("holding", 2).await;
        assert_eq!(dee.frames("holding")[1]["by"], Value::Null);
        assert_eq!(late.frames("holding")[1]["by"]["userId"], Uuid::from_u128(8).to_string());
        here.left(d);
        late.waits_for("holding", 3).await;
        assert_eq!(late.frames("holding")[2]["by"], Value::Null);
        here.heard(b, &hold("hold", 1));
        bob.waits_for("error", 1).await;
        assert_eq!(bob.frames("error")[0]["code"], "FORBIDDEN");
        assert!(bob.frames("holding").is_empty(), "no names for workers");
    });
}

#[test]
fn a_socket_holds_no_more_than_eight_and_only_from_a_schedule() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let (ann, key) = enter(&here, Role::Owner, 7);
        here.heard(key, &hold("hold", 1));
        here.heard(key, MAP);
        here.heard(key, &hold("hold", 1).replace(r#""d""#, r#""m""#));
        here.heard(key, &subscribe(""));
        for visit in 0..9 {
            here.heard(key, &hold("hold", visit));
        }
        ann.waits_for("error", 3).await;
        let codes: Vec<Value> = ann.frames("error").iter().map(|error| error["code"].clone()).collect();
        assert_eq!(codes, ["SUBSCRIPTION_UNKNOWN", "FILTER_INVALID", "TOO_MANY_HOLDS"]);
    });
}

#[test]
fn after_a_change_of_role_his_sockets_hear_nothing_more_and_a_later_one_does() {
    run(async {
        let world = World::default();
        let hubs = hubs(&world, patient());
        let here = hubs.here();
        let ((ann, a), (bob, b)) = (enter(&here, Role::Dispatcher, 7), enter(&here, Role::Dispatcher, 8));
        here.heard(a, &subscribe(""));
        here.heard(b, &subscribe(""));
        bob.waits_for("snapshot", 1).await;
        ann.waits_for("snapshot", 1).await;
        let changed = |name: &str| {
            let (verb, id) = (RecordVerb::UserUpdated, Uuid::from_u128(7));
            Fact::Record(RecordFact { verb, id, version: 2, changed: vec![name.to_owned()] })
        };
        let told = vec![
            world.journal.note(changed("phone"), chrono::Utc::now()),
            world.journal.note(changed("role"), chrono::Utc::now()),
            world.journal.write(visit(1, Some(hours(1, 2)), &[])),
        ];
        hubs.feeds.committed(account(1), told);
        bob.waits_for("event", 3).await;
        assert_eq!((ann.closed.get(), bob.closed.get()), (Some(4401), None));
        assert!(ann.frames("event").is_empty());
        let (again, key) = enter(&here, Role::Worker, 7);
        here.heard(key, &subscribe(""));
        again.waits_for("snapshot", 1).await;
        let long_ago = chrono::Utc::now() - chrono::TimeDelta::minutes(1);
        hubs.feeds.committed(account(1), vec![world.journal.note(changed("role"), long_ago)]);
        bob.waits_for("event", 4).await;
        assert_eq!(again.closed.get(), None, "he came after that");
    });
}
