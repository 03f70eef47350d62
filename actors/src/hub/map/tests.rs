//! What of the map a subscription is told, and when.

use muster_domain::Place;
use uuid::Uuid;

use super::*;

const TICK: Duration = Duration::from_millis(1_000);

fn focus(n: u128) -> Look {
    Look { focus: Some(vec![WorkerId(Uuid::from_u128(n))]), ..Look::default() }
}
fn view(viewport: [f64; 4]) -> Look {
    Look { viewport: Some(Viewport(viewport)), ..Look::default() }
}
fn zoom(zoom: f64) -> Look {
    Look { zoom: Some(zoom), ..Look::default() }
}
fn json(frame: Option<Bytes>) -> serde_json::Value {
    serde_json::from_slice(&frame.expect("a frame")).expect("JSON")
}

fn mark(n: u128, lat: f64, lng: f64) -> Mark {
    let worker = WorkerId(Uuid::from_u128(n));
    Mark {
        worker,
        place: Place { lat, lng },
        online: n % 2 == 1,
        json: format!(r#"{{"id":"{n}","lat":{lat}}}"#).into(),
    }
}
fn sub(viewport: Option<[f64; 4]>) -> MapSub {
    let look = Look { viewport: viewport.map(Viewport), ..Look::default() };
    MapSub::new("m", look, TICK, None)
}
fn text(frame: Option<Bytes>) -> String {
    String::from_utf8(frame.expect("a frame").to_vec()).expect("text")
}
fn known(marks: &[Mark]) -> Marks {
    let mut known = Marks::default();
    known.replace(&marks.iter().cloned().collect());
    known
}

#[test]
fn a_snapshot_comes_even_when_it_is_empty() {
    let now = Instant::now();
    let mut map = sub(None);
    assert_eq!(map.pump(&mut Marks::default(), now), None, "not before the survey has answered");
    assert_eq!(text(map.pump(&mut known(&[]), now)), r#"{"type":"snapshot","id":"m","last":true,"workers":[]}"#);
}

#[test]
fn positions_of_one_worker_replace_each_other_and_leaving_the_viewport_is_told() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 9.0, 9.0)]);
    let mut map = sub(Some([0.0, 0.0, 5.0, 5.0]));
    assert!(text(map.pump(&mut marks, start)).contains(r#""id":"1""#));
    marks.put(&[mark(1, 2.0, 2.0)].into());
    marks.put(&[mark(1, 3.0, 3.0)].into());
    assert_eq!(map.pump(&mut marks, start), None, "not before the tick");
    let later = start + Duration::from_millis(1_000);
    assert_eq!(text(map.pump(&mut marks, later)), r#"{"type":"delta","id":"m","rm":[],"up":[{"id":"1","lat":3}]}"#);
    marks.put(&[mark(1, 8.0, 8.0)].into());
    let much_later = later + Duration::from_secs(60);
    let left = text(map.pump(&mut marks, much_later));
    assert!(left.contains(&Uuid::from_u128(1).to_string()) && left.contains(r#""up":[]"#), "{left}");
    assert_eq!(map.pump(&mut marks, much_later + Duration::from_secs(9)), None);
}

#[test]
fn a_moved_viewport_shows_what_came_into_sight_and_takes_off_what_left() {
    let now = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 9.0, 9.0)]);
    let mut map = sub(Some([0.0, 0.0, 5.0, 5.0]));
    map.pump(&mut marks, now);
    map.update(view([5.0, 5.0, 10.0, 10.0]), &marks);
    let moved = text(map.pump(&mut marks, now + LOOK_TICK));
    assert!(moved.contains(r#""up":[{"id":"2""#) && moved.contains(&Uuid::from_u128(1).to_string()), "{moved}");
}

#[test]
fn a_worker_in_focus_is_told_sooner_and_not_twice() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 1.0, 1.0)]);
    let mut map = MapSub::new("m", focus(1), TICK, None);
    map.pump(&mut marks, start);
    marks.put(&[mark(1, 2.0, 2.0), mark(2, 2.0, 2.0)].into());
    let soon = text(map.pump(&mut marks, start + Duration::from_millis(250)));
    assert!(soon.contains(r#""id":"1""#) && !soon.contains(r#""id":"2""#), "{soon}");
    let tick = text(map.pump(&mut marks, start + Duration::from_millis(1_000)));
    assert!(!tick.contains(r#""id":"1""#) && tick.contains(r#""id":"2""#), "{tick}");
}

#[test]
fn a_worker_sees_himself_alone_and_one_who_vanished_is_taken_off() {
    let now = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 1.0, 1.0)]);
    let me = Some(WorkerId(Uuid::from_u128(1)));
    let mut map = MapSub::new("m", zoom(3.0), TICK, me);
    let snapshot = text(map.pump(&mut marks, now));
    assert!(snapshot.contains(r#""id":"1""#) && !snapshot.contains(r#""id":"2""#));
    marks.replace(&[mark(2, 1.0, 1.0)].into());
    assert!(text(map.pump(&mut marks, now + Duration::from_secs(2))).contains(&Uuid::from_u128(1).to_string()));
}

#[test]
fn everybody_with_the_same_view_is_sent_the_very_same_bytes() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0)]);
    let mut maps = [sub(None), sub(None), sub(None)];
    for map in &mut maps[..2] {
        map.pump(&mut marks, start);
    }
    let mut later = start;
    for n in 0..3 {
        later += TICK;
        marks.put(&[mark(1, 2.0 + f64::from(n), 2.0)].into());
        let frames: Vec<Option<Bytes>> = maps.iter_mut().map(|map| map.pump(&mut marks, later)).collect();
        let bytes = |n: usize| frames[n].as_ref().map(|frame| frame.as_ptr());
        assert_eq!(bytes(0), bytes(1), "one encoding");
        assert_eq!(bytes(0) == bytes(2), n > 0, "who came late gets his snapshot, and then sings along");
        assert_eq!(maps[0].pump(&mut marks, later), None);
    }
}

#[test]
fn one_who_was_passed_over_gets_the_newest_once_and_then_what_all_get() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 1.0, 1.0)]);
    let (mut quick, mut slow) = (sub(None), sub(None));
    quick.pump(&mut marks, start);
    slow.pump(&mut marks, start);
    for n in 1..6_u8 {
        marks.put(&[mark(1, f64::from(n), 1.0)].into());
        assert!(quick.pump(&mut marks, start + TICK * u32::from(n)).is_some());
    }
    let now = start + TICK * 5;
    assert_eq!(text(slow.pump(&mut marks, now)), r#"{"type":"delta","id":"m","rm":[],"up":[{"id":"1","lat":5}]}"#);
    assert_eq!(slow.pump(&mut marks, now), None);
    marks.replace(&[mark(1, 5.0, 1.0)].into());
    let told = [quick.pump(&mut marks, now + TICK), slow.pump(&mut marks, now + TICK)];
    assert_eq!(told[0].as_ref().map(|f| f.as_ptr()), told[1].as_ref().map(|f| f.as_ptr()));
    assert!(text(told[0].clone()).contains(&format!(r#""rm":["{}"]"#, Uuid::from_u128(2))));
}

#[test]
fn a_quiet_account_is_told_at_once_and_a_busy_one_once_a_tick() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0)]);
    for mut map in [sub(None), sub(Some([0.0, 0.0, 50.0, 50.0]))] {
        map.pump(&mut marks, start);
        let (quiet, mut told) = (start + TICK * 5, 0);
        for ms in 0..3_000_u32 {
            marks.put(&[mark(1, f64::from(ms % 40), 1.0)].into());
            let now = quiet + Duration::from_millis(u64::from(ms));
            told += usize::from(map.pump(&mut marks, now).is_some());
            assert!(ms > 0 || told == 1, "at once");
        }
        assert_eq!(told, 3);
    }
}

#[test]
fn panning_is_told_a_few_times_a_second_and_ends_where_the_viewport_ended() {
    let start = Instant::now();
    let all: Vec<Mark> = (0..40).map(|n| mark(n, 1.0, n as f64)).collect();
    let mut marks = known(&all);
    let mut map = sub(Some([0.0, 0.0, 5.0, 5.0]));
    let mut on_map = BTreeSet::new();
    let mut frames = 0;
    let mut pump = |map: &mut MapSub, ms: u64| {
        while let Some(frame) = map.pump(&mut marks, start + Duration::from_millis(ms)) {
            frames += 1;
            let frame = json(Some(frame));
            for list in ["workers", "up"] {
                on_map
                    .extend(frame[list].as_array().into_iter().flatten().map(|w| w["id"].as_str().map(str::to_owned)));
            }
            for gone in frame["rm"].as_array().into_iter().flatten() {
                let id: Uuid = gone.as_str().and_then(|id| id.parse().ok()).expect("an id");
                on_map.remove(&Some(id.as_u128().to_string()));
            }
        }
    };
    pump(&mut map, 0);
    for step in 1..=60_u64 {
        let west = step as f64 / 2.0;
        map.update(view([west, 0.0, west + 5.0, 5.0]), &Marks::default());
        pump(&mut map, step * 16);
    }
    pump(&mut map, 1_200);
    assert!(frames <= 12, "{frames} frames for a second of panning");
    let expected: BTreeSet<Option<String>> = (30..=35).map(|n: u32| Some(n.to_string())).collect();
    assert_eq!(on_map, expected);
}

#[test]
fn far_away_workers_are_counted_and_those_in_focus_shown() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 47.1, 9.5), mark(2, 47.1, 9.52), mark(3, -33.0, 151.0)]);
    let look = Look { zoom: Some(5.0), ..focus(2) };
    let mut map = MapSub::new("m", look, TICK, None);
    let snapshot = json(map.pump(&mut marks, start));
    assert_eq!(snapshot["workers"].as_array().map(Vec::len), Some(1));
    assert_eq!(snapshot["workers"][0]["id"], "2");
    let clusters = snapshot["clusters"].as_array().expect("a list");
    let sizes: BTreeSet<(u64, u64)> =
        clusters.iter().map(|c| (c["count"].as_u64().expect("n"), c["online"].as_u64().expect("n"))).collect();
    assert_eq!(sizes, [(2, 1), (1, 1)].into());
    let home = clusters.iter().find(|c| c["count"] == 2).expect("both");
    assert_eq!((&home["lat"], &home["lng"]), (&47.1.into(), &9.51.into()));

    marks.put(&[mark(3, 47.1, 9.5)].into());
    let delta = json(map.pump(&mut marks, start + TICK));
    assert_eq!((&delta["up"], &delta["rm"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!((&delta["clusters"][0]["id"], &delta["clusters"][0]["count"]), (&home["id"], &3.into()));
    assert_eq!(delta["rmClusters"].as_array().map(Vec::len), Some(1), "nobody is left at the other place");

    map.update(zoom(9.0), &marks);
    let near = json(map.pump(&mut marks, start + TICK * 2));
    assert_eq!(near["rmClusters"], serde_json::json!([home["id"]]));
    let up: Vec<&str> = near["up"].as_array().expect("a list").iter().filter_map(|w| w["id"].as_str()).collect();
    assert_eq!(up, ["1", "3"], "2 is on the map already");
    map.update(zoom(7.9), &marks);
    let far = json(map.pump(&mut marks, start + TICK * 3));
    assert_eq!((far["rm"].as_array().map(Vec::len), far["clusters"].as_array().map(Vec::len)), (Some(2), Some(1)));
}

#[test]
fn clusters_that_were_counted_a_moment_ago_are_counted_again_until_they_are_true() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 47.1, 9.5)]);
    let quick = Duration::from_millis(25);
    let mut map = MapSub::new("m", zoom(3.0), quick, None);
    map.pump(&mut marks, start);
    marks.put(&[mark(2, 47.1, 9.5)].into());
    assert_eq!(map.pump(&mut marks, start + quick), None, "not counted so soon again");
    assert!(map.due_at(&marks, start + quick).is_some());
    assert_eq!(json(map.pump(&mut marks, start + TICK))["clusters"][0]["count"], 2);
    assert_eq!(map.due_at(&marks, start + TICK), None);
}

#[test]
fn a_cluster_on_the_date_line_lies_on_it() {
    let mut marks = known(&[mark(1, -17.0, 179.95), mark(2, -17.0, -179.95)]);
    let mut map = MapSub::new("m", zoom(0.0), TICK, None);
    let snapshot = json(map.pump(&mut marks, Instant::now()));
    for cluster in snapshot["clusters"].as_array().expect("a list") {
        assert!(cluster["lng"].as_f64().expect("a number").abs() > 179.0, "{cluster}");
    }
}

#[test]
fn who_sees_everybody_and_then_less_is_told_who_left() {
    let start = Instant::now();
    let mut marks = known(&[mark(1, 1.0, 1.0), mark(2, 9.0, 9.0)]);
    let mut map = sub(None);
    map.pump(&mut marks, start);
    marks.replace(&[mark(1, 1.0, 1.0)].into());
    marks.put(&[mark(3, 9.0, 9.0)].into());
    map.update(view([0.0, 0.0, 5.0, 5.0]), &marks);
    let delta = json(map.pump(&mut marks, start + TICK));
    let rm = delta["rm"].as_array().expect("a list");
    assert!(rm.contains(&Uuid::from_u128(2).to_string().into()), "{rm:?}");
    assert!(!rm.contains(&Uuid::from_u128(1).to_string().into()) && delta["up"] == serde_json::json!([]));
}
