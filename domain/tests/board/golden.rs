//! What is stored as JSON is stored for years: today's writing equals the newest golden file, and every older file is
//! still read. `MUSTER_BLESS=1` writes the files of the current version; files of older versions are never touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, NaiveTime, Utc};
use muster_domain::dispatch::board::{Board, BoardSnapshot};
use muster_domain::dispatch::{Forced, ProposedArrival, Shift, TimeOff, Visit, VisitStatus, Worker, WorkingHours};
use muster_domain::identity::Role;
use muster_domain::ids::{ClientId, DeviceId, JobId, PropertyId, TimeOffId, UserId, VisitId, WorkerId};
use muster_domain::journal::{
    FACT_VERSION, Fact, Glance, JobFact, JobVerb, RecordFact, RecordVerb, TimeOffFact, TimeOffVerb, VisitFact,
    VisitVerb, WorkerFact, WorkerVerb,
};
use muster_domain::work::{Job, JobEnd, JobStatus};
use muster_domain::{By, Place, TimeWindow};
use serde_json::{Value, json};
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0193_8000_0000_7000_8000_0000_0000_0000 + number)
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-30T{text}Z").parse().expect("RFC 3339")
}

fn span(start: &str, end: &str) -> TimeWindow {
    TimeWindow::new(at(start), at(end)).expect("forward")
}

fn visit() -> Visit {
    Visit {
        id: VisitId(id(1)),
        job_id: JobId(id(2)),
        status: VisitStatus::Scheduled,
        window: Some(span("09:00:00", "10:30:00")),
        workers: [WorkerId(id(3))].into(),
        former_workers: [WorkerId(id(4))].into(),
        location: Place::new(47.14, 9.52),
        required_skills: ["gas".to_owned()].into(),
        priority: 3,
        forced: Some(Forced { reason: "VIP".to_owned(), by: Some(UserId(id(5))), at: at("08:00:00") }),
        overlap_group: VisitId(id(0)),
        closed_at: None,
        arrival: None,
        version: 4,
    }
}

fn bare_visit() -> Visit {
    Visit {
        id: VisitId(id(6)),
        status: VisitStatus::Unscheduled,
        window: None,
        workers: BTreeSet::new(),
        former_workers: BTreeSet::new(),
        location: None,
        required_skills: BTreeSet::new(),
        forced: None,
        overlap_group: VisitId(id(6)),
        version: 1,
        ..visit()
    }
}

fn job() -> Job {
    Job {
        id: JobId(id(2)),
        number: 7,
        title: "Boiler".to_owned(),
        client_id: ClientId(id(8)),
        property_id: Some(PropertyId(id(9))),
        location: Place::new(47.14, 9.52),
        required_skills: ["gas".to_owned()].into(),
        priority: 3,
        end: None,
        status: JobStatus::Scheduled,
        version: 2,
    }
}

fn worker() -> Worker {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
    Worker {
        id: WorkerId(id(3)),
        active: true,
        available: true,
        tracking_consent: true,
        followed_since: None,
        skills: ["gas".to_owned()].into(),
        home: Place::new(47.1, 9.5),
        hours: WorkingHours {
            zone: chrono_tz::Europe::Zurich,
            shifts: vec![Shift { weekday: 0, start: time(8), end: time(17) }],
        },
        time_off: BTreeMap::from([(time_off().id, time_off())]),
    }
}

fn time_off() -> TimeOff {
    TimeOff { id: TimeOffId(id(10)), window: span("12:00:00", "13:00:00"), reason: Some("Dentist".to_owned()) }
}

fn proposed(verb: VisitVerb, dismissed: bool) -> VisitFact {
    let arrival = Some(ProposedArrival { at: at("08:59:30.125"), by: WorkerId(id(3)), dismissed });
    let reason = (!dismissed).then(|| "geofence".to_owned());
    let occurred_at = (!dismissed).then(|| at("08:59:30.125"));
    let before = Some(Glance::of(&visit()));
    VisitFact { verb, visit: Visit { arrival, ..visit() }, before, reason, occurred_at, regrouped: vec![] }
}

fn facts() -> Vec<(&'static str, Fact)> {
    let bare = Glance::of(&bare_visit());
    let ended = Job { end: Some(JobEnd::Completed), status: JobStatus::Completed, ..job() };
    let plain = Job { property_id: None, location: None, required_skills: BTreeSet::new(), ..job() };
    vec![
        (
            "visit",
            Fact::Visit(VisitFact {
                verb: VisitVerb::Assigned,
                visit: visit(),
                before: Some(bare),
                reason: Some("VIP".to_owned()),
                occurred_at: Some(at("08:59:58.250")),
                regrouped: vec![(VisitId(id(6)), VisitId(id(0)))],
            }),
        ),
        (
            "visit-created",
            Fact::Visit(VisitFact {
                verb: VisitVerb::Created,
                visit: bare_visit(),
                before: None,
                reason: None,
                occurred_at: None,
                regrouped: vec![],
            }),
        ),
        ("visit-arrival", Fact::Visit(proposed(VisitVerb::ArrivalProposed, false))),
        ("visit-arrival-dismissed", Fact::Visit(proposed(VisitVerb::ArrivalDismissed, true))),
        (
            "job",
            Fact::Job(JobFact {
                verb: JobVerb::Created,
                job: job(),
                description: Some("Leaks".to_owned()),
                reason: Some("Asked".to_owned()),
            }),
        ),
        ("job-completed", Fact::Job(JobFact { verb: JobVerb::Completed, job: ended, description: None, reason: None })),
        ("job-followed", Fact::Job(JobFact::followed(plain))),
        ("worker", Fact::Worker(WorkerFact { verb: WorkerVerb::Updated, worker: worker() })),
        (
            "time-off",
            Fact::TimeOff(TimeOffFact { verb: TimeOffVerb::Added, worker_id: WorkerId(id(3)), time_off: time_off() }),
        ),
        (
            "record",
            Fact::Record(RecordFact {
                verb: RecordVerb::PropertyUpdated,
                id: id(9),
                version: 3,
                changed: vec!["location".to_owned()],
            }),
        ),
    ]
}

fn board() -> Board {
    Board::from(BoardSnapshot {
        v: BoardSnapshot::VERSION,
        position: 41,
        jobs_numbered: 7,
        workers: vec![worker()],
        jobs: vec![job()],
        visits: vec![visit(), bare_visit()],
        torn: vec![JobId(id(11))],
    })
}

/// Every word that is stored: renaming one makes old rows unreadable.
fn words() -> Value {
    fn all<T: serde::Serialize>(all: &[T]) -> Value {
        all.iter().map(|one| serde_json::to_value(one).expect("a word")).collect()
    }
    let by = [
        By::User { id: UserId(id(5)), role: Role::Dispatcher },
        By::Device { id: DeviceId(id(12)), worker: WorkerId(id(3)) },
        By::System,
    ];
    json!({
        "visitVerbs": all(VisitVerb::ALL),
        "jobVerbs": all(JobVerb::ALL),
        "workerVerbs": all(WorkerVerb::ALL),
        "timeOffVerbs": all(TimeOffVerb::ALL),
        "visitStatuses": all(&VisitStatus::ALL),
        "jobStatuses": all(&JobStatus::ALL),
        "jobEnds": all(&[JobEnd::Completed, JobEnd::Cancelled]),
        "roles": all(&Role::ALL),
        "by": all(&by),
    })
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn agrees(version: u16, name: &str, value: &Value) {
    let path = folder().join(format!("v{version}/{name}.json"));
    let written = serde_json::to_string_pretty(value).expect("JSON") + "\n";
    if std::env::var_os("MUSTER_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
        std::fs::write(&path, &written).expect("written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, golden, "{} is stored differently from now on: a new version?", path.display());
}

#[test]
fn facts_and_snapshots_are_stored_as_the_golden_files_say() {
    for (name, fact) in facts() {
        agrees(FACT_VERSION, name, &serde_json::to_value(&fact).expect("JSON"));
    }
    let snapshot = serde_json::to_value(BoardSnapshot::from(&board())).expect("JSON");
    agrees(BoardSnapshot::VERSION, "board", &snapshot);
    agrees(FACT_VERSION, "words", &words());
}

#[test]
fn every_kind_of_fact_has_a_golden_file() {
    let one_of_each = |fact: &Fact| match fact {
        Fact::Visit(_) => "visit",
        Fact::Job(_) => "job",
        Fact::Worker(_) => "worker",
        Fact::TimeOff(_) => "timeOff",
        Fact::Record(_) => "record",
    };
    let kinds: BTreeSet<&str> = facts().iter().map(|(_, fact)| one_of_each(fact)).collect();
    assert_eq!(kinds.len(), 5);
}

#[test]
fn whatever_was_ever_stored_is_still_read() {
    let mut read = 0;
    for version in std::fs::read_dir(folder()).expect("the golden files") {
        for file in std::fs::read_dir(version.expect("a folder").path()).expect("a folder") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            match path.file_stem().and_then(|name| name.to_str()) {
                Some("board") => drop(serde_json::from_str::<BoardSnapshot>(&text).expect(&text)),
                Some("words") => {}
                _ => drop(serde_json::from_str::<Fact>(&text).expect(&text)),
            }
            read += 1;
        }
    }
    assert!(read >= facts().len() + 2);
}

/// What was added later may be missing from what was stored before.
#[test]
fn optional_parts_may_be_missing() {
    let value = serde_json::to_value(&facts()[1].1).expect("JSON");
    for part in ["reason", "occurredAt", "regrouped"] {
        assert_eq!(value.get(part), None, "{part} is not written when it says nothing");
    }
    let mut snapshot = serde_json::to_value(BoardSnapshot::from(&Board::default())).expect("JSON");
    assert_eq!(snapshot.as_object_mut().expect("an object").remove("torn"), None);
}
