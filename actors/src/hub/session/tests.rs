//! The protocol of one socket, step by step, without a socket.

use muster_domain::dispatch::Visit;
use serde_json::Value;

use super::*;
use crate::ports::Entry;
use crate::sample::{PlainWire, account, entry, hours, visit};

const DAY: &str =
    r#"{"type":"subscribe","id":"d","topic":"schedule","from":"1970-01-01T00:00:00Z","to":"1970-01-02T00:00:00Z""#;

fn who(role: Role) -> Who {
    let user = UserId(Uuid::from_u128(7));
    Who { account: account(1), user, role, session: None, expires_at: None }
}

fn tide(upto: i64) -> Tide {
    Tide { epoch: Uuid::from_u128(9), upto }
}

fn json(frame: &Bytes) -> Value {
    serde_json::from_slice(frame).expect("every frame is JSON")
}

fn told(entries: Vec<Entry>) -> Vec<Arc<Delivered>> {
    entries.into_iter().map(|entry| Delivered::new(entry, &PlainWire)).collect()
}

fn drain(session: &mut Session) -> Vec<Value> {
    let now = Instant::now();
    std::iter::from_fn(|| session.pump(&mut Marks::default(), &PlainWire, now)).map(|frame| json(&frame)).collect()
}

fn picture(seq: i64, visits: &[&Visit]) -> Picture {
    use crate::ports::Wire;
    Picture { epoch: tide(0).epoch, seq, visits: visits.iter().map(|visit| PlainWire.visit(visit)).collect() }
}

/// A session whose schedule subscription stands at 540.
fn live(role: Role) -> Session {
    let mut session = Session::new(who(role));
    let out = session.on_frame(&format!("{DAY}}}"), Some(tide(540)), &Marks::default());
    assert_eq!(json(&out.send[0])["type"], "subscribed");
    assert!(matches!(out.wishes[0], Wish::Picture { sub: 1, .. }));
    session.on_picture(1, picture(540, &[]), &mut Out::default());
    assert_eq!(drain(&mut session)[0]["type"], "snapshot");
    session
}

#[test]
fn subscribe_first_then_snapshot_and_nothing_falls_between() {
    let mut session = Session::new(who(Role::Dispatcher));
    let out = session.on_frame(&format!("{DAY}}}"), None, &Marks::default());
    assert!(out.send.is_empty() && out.wishes.is_empty(), "the feed has not answered");
    let mut out = Out::default();
    session.on_joined(tide(540), &mut out);
    let subscribed = json(&out.send[0]);
    assert_eq!((&subscribed["seq"], &subscribed["recovered"]), (&540.into(), &false.into()));
    let (a, b) = (visit(1, Some(hours(1, 2)), &[]), visit(2, Some(hours(3, 4)), &[]));
    let entries = told(vec![entry(541, &a, None), entry(542, &b, None)]);
    session.on_happened(&entries).expect("room");
    assert!(drain(&mut session).is_empty(), "events wait for the snapshot");
    session.on_picture(1, picture(541, &[&a]), &mut Out::default());
    let frames = drain(&mut session);
    assert_eq!((&frames[0]["seq"], frames[0]["visits"].as_array().map(Vec::len)), (&541.into(), Some(1)));
    assert_eq!((&frames[1]["prev"], &frames[1]["seq"]), (&541.into(), &542.into()));
    assert_eq!(frames.len(), 2, "what the snapshot holds is not told again");
}

#[test]
fn a_snapshot_that_is_behind_the_feed_is_bridged_from_the_journal() {
    let mut session = Session::new(who(Role::Owner));
    session.on_frame(&format!("{DAY}}}"), Some(tide(540)), &Marks::default());
    let mut out = Out::default();
    session.on_picture(1, picture(538, &[]), &mut out);
    assert!(matches!(out.wishes[0], Wish::Replay { sub: 1, after: 538 }));
    let a = visit(1, Some(hours(1, 2)), &[]);
    session.on_happened(&told(vec![entry(541, &a, None)])).expect("room");
    let entries = told(vec![entry(539, &a, None), entry(540, &a, None)]);
    session.on_replayed(1, &Replay::Events { entries, upto: 540 }, tide(541), &mut Out::default());
    let chain: Vec<i64> = drain(&mut session).iter().filter_map(|frame| frame["seq"].as_i64()).collect();
    assert_eq!(chain, [538, 539, 540, 541]);
}

#[test]
fn a_resume_continues_the_chain_and_a_foreign_or_old_cursor_is_reset() {
    let resume = |epoch: &str| format!(r#"{DAY},"resume":{{"epoch":"{epoch}","seq":512}}}}"#);
    let epoch = tide(0).epoch.to_string();
    let mut session = Session::new(who(Role::Dispatcher));
    let out = session.on_frame(&resume(&epoch), Some(tide(540)), &Marks::default());
    assert!(matches!(out.wishes[..], [Wish::Replay { sub: 1, after: 512 }]));
    let mut out = Out::default();
    let entries = told(vec![entry(513, &visit(1, Some(hours(1, 2)), &[]), None)]);
    session.on_replayed(1, &Replay::Events { entries, upto: 540 }, tide(540), &mut out);
    let subscribed = json(&out.send[0]);
    assert_eq!((&subscribed["recovered"], &subscribed["seq"]), (&true.into(), &513.into()));
    let frames = drain(&mut session);
    assert_eq!((&frames[0]["prev"], &frames[0]["seq"]), (&512.into(), &513.into()));
    assert_eq!(json(&session.heartbeat())["upto"]["d"], 540, "what was not shown is vouched for too");

    let mut session = Session::new(who(Role::Dispatcher));
    session.on_frame(&resume(&epoch), Some(tide(540)), &Marks::default());
    let mut out = Out::default();
    session.on_replayed(1, &Replay::TooOld, tide(540), &mut out);
    let kinds: Vec<Value> = out.send.iter().map(|frame| json(frame)["type"].clone()).collect();
    assert_eq!(kinds, ["subscribed", "reset"]);
    assert!(matches!(out.wishes[..], [Wish::Picture { .. }]));

    let mut session = Session::new(who(Role::Dispatcher));
    let out = session.on_frame(&resume("of another world"), Some(tide(540)), &Marks::default());
    assert_eq!(json(&out.send[1])["type"], "reset");
}

#[test]
fn a_cursor_of_the_whole_account_is_none_for_one_who_sees_only_his_own() {
    let epoch = tide(0).epoch.to_string();
    let mut session = Session::new(who(Role::Worker));
    let out = session.on_frame(
        &format!(r#"{DAY},"resume":{{"epoch":"{epoch}","seq":1}}}}"#),
        Some(tide(5)),
        &Marks::default(),
    );
    assert_eq!(json(&out.send[1])["type"], "reset");
}

#[test]
fn a_visit_that_leaves_the_subscription_is_taken_off() {
    let mut session = live(Role::Dispatcher);
    let (here, away) = (visit(1, Some(hours(1, 2)), &[]), visit(1, Some(hours(99, 100)), &[]));
    let steps = vec![
        entry(541, &here, None),
        entry(542, &away, Some(&here)),
        entry(543, &away, Some(&away)),
        entry(544, &here, Some(&away)),
    ];
    session.on_happened(&told(steps)).expect("room");
    let frames = drain(&mut session);
    let chain: Vec<(i64, i64)> =
        frames.iter().filter_map(|frame| Some((frame["prev"].as_i64()?, frame["seq"].as_i64()?))).collect();
    assert_eq!(chain, [(540, 541), (541, 542), (542, 544)]);
    assert_eq!(frames[1]["event"]["kind"], "rm");
    assert_eq!(frames[2]["event"]["visit"]["id"], 1);
}

#[test]
fn a_worker_sees_only_what_is_his_and_hears_when_he_loses_it() {
    let mut session = live(Role::Worker);
    let window = Some(hours(1, 2));
    let (his, others) = (visit(1, window, &[7]), visit(1, window, &[8]));
    let steps = vec![entry(541, &others, None), entry(542, &his, Some(&others)), entry(543, &others, Some(&his))];
    session.on_happened(&told(steps)).expect("room");
    let frames = drain(&mut session);
    assert_eq!(frames.len(), 2);
    assert_eq!((&frames[0]["seq"], &frames[1]["event"]["kind"]), (&542.into(), &"rm".into()));
}

#[test]
fn each_role_gets_the_topics_it_may_read() {
    let code = |role: Role, frame: &str| {
        let out = Session::new(who(role)).on_frame(frame, None, &Marks::default());
        out.send.first().map(|frame| json(frame)["code"].clone()).unwrap_or_default()
    };
    let workers = r#"{"type":"subscribe","id":"m","topic":"workers"}"#;
    for role in Role::ALL {
        let may_read = role != Role::LimitedWorker;
        assert_eq!(code(role, &format!("{DAY}}}")) != "FORBIDDEN", may_read, "{role:?}");
        assert_ne!(code(role, workers), "FORBIDDEN", "{role:?}");
    }
}

#[test]
fn names_are_taken_once_and_there_is_a_limit() {
    let mut session = Session::new(who(Role::Owner));
    let subscribe = |id: usize| format!(r#"{{"type":"subscribe","id":"{id}","topic":"workers"}}"#);
    for id in 0..MAX_SUBSCRIPTIONS {
        assert_eq!(json(&session.on_frame(&subscribe(id), None, &Marks::default()).send[0])["type"], "subscribed");
    }
    let refused = |session: &mut Session, frame: &str| {
        json(&session.on_frame(frame, None, &Marks::default()).send[0])["code"].clone()
    };
    assert_eq!(refused(&mut session, &subscribe(0)), "ID_TAKEN");
    assert_eq!(refused(&mut session, &subscribe(99)), "TOO_MANY_SUBSCRIPTIONS");
    assert_eq!(refused(&mut session, r#"{"type":"unsubscribe","id":"99"}"#), "SUBSCRIPTION_UNKNOWN");
    session.on_frame(r#"{"type":"unsubscribe","id":"0"}"#, None, &Marks::default());
    assert_eq!(json(&session.on_frame(&subscribe(99), None, &Marks::default()).send[0])["type"], "subscribed");
}

#[test]
fn facts_that_cannot_wait_any_longer_are_an_overflow_never_a_gap() {
    let mut session = Session::new(who(Role::Owner));
    session.on_frame(&format!("{DAY}}}"), Some(tide(0)), &Marks::default());
    let a = visit(1, Some(hours(1, 2)), &[]);
    let many = |from: i64, to: i64| told((from..=to).map(|seq| entry(seq, &a, None)).collect());
    let most = super::super::log::BACKLOG_MAX as i64;
    session.on_happened(&many(1, most)).expect("as many as may wait");
    assert_eq!(session.on_happened(&many(most + 1, most + 1)), Err(Overflow));
}
