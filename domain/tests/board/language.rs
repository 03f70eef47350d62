//! A small language in which a test reads like the day of a dispatcher: one command a line, `|`, and what came of it.
//! It parses and tells; the rules themselves are the board's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use muster_domain::dispatch::board::{Board, Command, Complaint, Decision, Known, NewJob, NewVisit, Rejection};
use muster_domain::dispatch::board::{SeenArrival, Site, Touched, Why};
use muster_domain::dispatch::{Shift, Step, TimeOff, Visit, Worker, WorkingHours};
use muster_domain::identity::Role;
use muster_domain::ids::{ClientId, DeviceId, JobId, PropertyId, TimeOffId, UserId, VisitId, WorkerId};
use muster_domain::journal::{Fact, VisitFact, WorkerFact, WorkerVerb};
use muster_domain::{By, Moment, Place, TimeWindow};
use uuid::Uuid;

use crate::laws;

const NAMES: [&str; 4] = ["bob", "ann", "cid", "dan"];

/// A Monday, at midnight.
pub fn midnight() -> DateTime<Utc> {
    "2026-11-30T00:00:00Z".parse().expect("RFC 3339")
}

/// `bob`, `v1`, `j2`, `t1`, `c1`, `p1` … to an id that sorts by its number; whoever is unknown gets an id too.
pub fn id(name: &str) -> Uuid {
    if let Some(number) = NAMES.iter().position(|known| *known == name) {
        return Uuid::from_u128(0x100 + number as u128);
    }
    let (kind, number) = name.split_at(1);
    let number: u128 = number.parse().unwrap_or(0xff);
    let kinds = ["w", "v", "j", "t", "c", "p"];
    let kind = kinds.iter().position(|known| *known == kind).unwrap_or(0) as u128;
    Uuid::from_u128((kind + 1) * 0x100 + number)
}

pub fn name(id: Uuid) -> String {
    let (kind, number) = (id.as_u128() / 0x100, (id.as_u128() % 0x100) as usize);
    match kind {
        1 => NAMES.get(number).map_or_else(|| "stranger".to_owned(), |name| (*name).to_owned()),
        2..=6 => format!("{}{number}", ["v", "j", "t", "c", "p"][kind as usize - 2]),
        _ => id.to_string(),
    }
}

/// `09-10`, `09:30-17`, or `-` for none.
pub fn window(text: &str) -> Option<TimeWindow> {
    let (start, end) = text.split_once('-').filter(|(start, _)| !start.is_empty())?;
    let at = |text: &str| {
        let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
        midnight()
            + TimeDelta::hours(hours.parse().expect("hours"))
            + TimeDelta::minutes(minutes.parse().expect("minutes"))
    };
    Some(TimeWindow::new(at(start), at(end)).expect("forward"))
}

fn span(window: Option<TimeWindow>) -> String {
    let at = |at: DateTime<Utc>| {
        let text = at.format("%H:%M").to_string();
        text.strip_suffix(":00").map_or_else(|| text.clone(), str::to_owned)
    };
    window.map_or_else(|| "-".to_owned(), |window| format!("{}-{}", at(window.start), at(window.end)))
}

/// A board, the journal behind it, and a clock that advances a minute a line.
pub struct Floor {
    pub board: Board,
    pub journal: Vec<Fact>,
    pub now: DateTime<Utc>,
    pub known: Known,
}

impl Default for Floor {
    fn default() -> Self {
        let site = |number: u128| Site {
            property_id: PropertyId(Uuid::from_u128(0x600 + number)),
            place: Place::new(47.0, 8.0 + number as f64 / 100.0),
        };
        let sites = [("c1", vec![site(1)]), ("c2", vec![site(2), site(3)]), ("c3", vec![])];
        let sites: BTreeMap<_, _> = sites.into_iter().map(|(client, sites)| (ClientId(id(client)), sites)).collect();
        let known = Known { sites };
        Self { board: Board::default(), journal: Vec::new(), now: midnight() + TimeDelta::hours(6), known }
    }
}

/// Runs the table and compares it, line by line, with what it says should happen.
pub fn check(table: &str) {
    let mut floor = Floor::default();
    let mut told = String::new();
    let mut differs = false;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once('|').map_or((line, None), |(a, b)| (a.trim(), Some(b.trim())));
        let got = floor.say(asked);
        differs |= expected.is_some_and(|expected| expected != got);
        told += &match expected {
            Some(_) => format!("        {asked:<30} | {got}\n"),
            None => {
                assert!(!got.contains("no: "), "{asked}: {got}");
                format!("        {asked}\n")
            }
        };
    }
    assert!(!differs, "it went differently; as it is now:\n{told}");
}

impl Floor {
    pub fn say(&mut self, line: &str) -> String {
        self.now += TimeDelta::minutes(1);
        let (by, line) = match line.split_once(": ") {
            Some((who, rest)) if !line.starts_with("job ") => (by(who), rest),
            _ => (By::User { id: UserId(Uuid::from_u128(1)), role: Role::Dispatcher }, line),
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "worker" {
            let worker = worker(&words[1..]);
            self.evolve(&Fact::Worker(WorkerFact { verb: WorkerVerb::Created, worker }));
            return String::new();
        }
        let command = command(&words);
        tell(&self.ask(&command, by))
    }

    /// Decides, checks every law around the decision, and makes it so.
    pub fn ask(&mut self, command: &Command, by: By) -> Decision {
        let decision = self.step(command, by);
        laws::stored(&self.board);
        decision
    }

    pub fn step(&mut self, command: &Command, by: By) -> Decision {
        let at = Moment { now: self.now, by };
        let decision = self.board.decide(command, &at, &self.known);
        assert_eq!(decision, self.board.decide(command, &at, &self.known), "the same question, the same answer");
        let before = self.board.clone();
        for fact in &decision.facts {
            self.evolve(fact);
        }
        laws::step(&before, &decision, &self.board);
        laws::hold(&self.board);
        decision
    }

    pub fn evolve(&mut self, fact: &Fact) {
        self.journal.push(fact.clone());
        self.board.evolve(self.journal.len() as i64, fact);
    }
}

pub fn by(who: &str) -> By {
    match who.strip_prefix("phone-of-") {
        Some(worker) => By::Device { id: DeviceId(Uuid::from_u128(9)), worker: WorkerId(id(worker)) },
        None if who == "system" => By::System,
        None => By::User { id: UserId(id(who)), role: Role::Worker },
    }
}

fn worker(words: &[&str]) -> Worker {
    let after = |key: &str| words.iter().position(|word| *word == key).map(|at| words[at + 1]);
    let shifts = after("hours").map(|hours| {
        let (start, end) = hours.split_once('-').expect("from-to");
        let time = |text: &str| NaiveTime::from_hms_opt(text.parse().expect("an hour"), 0, 0).expect("an hour");
        Shift { weekday: 0, start: time(start), end: time(end) }
    });
    Worker {
        id: WorkerId(id(words[0])),
        active: true,
        available: true,
        tracking_consent: true,
        followed_since: None,
        skills: after("skills").map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        home: None,
        hours: WorkingHours { zone: chrono_tz::UTC, shifts: shifts.into_iter().collect() },
        time_off: BTreeMap::new(),
    }
}

fn workers(words: &[&str]) -> BTreeSet<WorkerId> {
    let each = words.iter().flat_map(|word| word.split('+')).filter(|word| !matches!(*word, "nobody" | "-"));
    each.map(|word| WorkerId(id(word))).collect()
}

fn new_visit(words: &[&str]) -> NewVisit {
    NewVisit {
        id: VisitId(id(words[0])),
        window: words.get(1).and_then(|text| window(text)),
        workers: workers(words.get(2..).unwrap_or_default()),
    }
}

/// The words before the first option, and the options: `force why`, `if 3`, `to bob`, `at 09:30` …
fn options<'a>(words: &[&'a str]) -> (Vec<&'a str>, BTreeMap<&'a str, &'a str>) {
    let first =
        words.iter().position(|word| ["force", "if", "to", "needs", "for", "in", "at", "out", "policy"].contains(word));
    let (plain, rest) = words.split_at(first.unwrap_or(words.len()));
    (plain.to_vec(), rest.chunks(2).map(|pair| (pair[0], pair[1])).collect())
}

pub fn command(words: &[&str]) -> Command {
    if words[0] == "job" {
        return new_job(&words[1..].join(" "));
    }
    let (plain, options) = options(&words[1..]);
    let reason = || "because".to_owned();
    let force = options.get("force").map(|why| (*why).to_owned());
    let expect = options.get("if").map(|version| version.parse().expect("a version"));
    let (visit, job) = (VisitId(id(plain[0])), JobId(id(plain[0])));
    let worker = WorkerId(id(plain[0]));
    match words[0] {
        "add" => Command::AddVisit { job, visit: new_visit(&plain[1..]) },
        "assign" => Command::Assign { visit, workers: workers(&plain[1..]), force, expect },
        "unassign" => Command::Unassign { visit, workers: workers(&plain[1..]), expect },
        "move" => {
            let workers = options.get("to").map(|who| workers(&[who]));
            let window = (plain[1] != "same").then(|| window(plain[1]));
            Command::Move { visit, window, workers, force, expect }
        }
        "fence" => {
            let at = |key: &str| options.get(key).map(|text| window(&format!("{text}-23")).expect("a window").start);
            let (at, outside_at) = (at("at").expect("an instant"), at("out"));
            let (property, accept) = (PropertyId(id(plain[1])), options.contains_key("policy"));
            Command::ProposeArrival(SeenArrival { worker, property, at, outside_at, accept })
        }
        "dismiss" => Command::DismissArrival { visit, expect },
        "cancel" => Command::Cancel { visit, reason: None, expect },
        "reopen" => Command::Reopen { visit, reason: reason(), force, expect },
        "complete-job" => Command::CompleteJob { job, expect },
        "cancel-job" => Command::CancelJob { job, reason: None, expect },
        "reopen-job" => Command::ReopenJob { job, reason: reason(), expect },
        "off" => {
            let window = window(plain[2]).expect("a window");
            Command::AddTimeOff { worker, time_off: TimeOff { id: TimeOffId(id(plain[1])), window, reason: None } }
        }
        "on" => Command::RemoveTimeOff { worker, time_off: TimeOffId(id(plain[1])) },
        "deactivate" => Command::DeactivateWorker { worker },
        "activate" => Command::ActivateWorker { worker },
        path => {
            let step = Step::ALL.into_iter().find(|step| step.path() == path).expect("a known word");
            Command::Report { visit, step, occurred_at: None, expect }
        }
    }
}

/// `job j1 needs gas : v1 09-10 bob, v2`
fn new_job(line: &str) -> Command {
    let (head, visits) = line.split_once(':').unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    let (plain, options) = options(&words);
    let visits = visits.split(',').map(|visit| visit.split_whitespace().collect::<Vec<_>>());
    Command::CreateJob(NewJob {
        id: JobId(id(plain[0])),
        title: "Boiler".to_owned(),
        description: None,
        client_id: ClientId(id(options.get("for").unwrap_or(&"c1"))),
        property_id: options.get("in").map(|property| PropertyId(id(property))),
        required_skills: options.get("needs").into_iter().flat_map(|all| all.split(',')).map(str::to_owned).collect(),
        priority: 3,
        visits: visits.filter(|words| !words.is_empty()).map(|words| new_visit(&words)).collect(),
    })
}

pub fn tell(decision: &Decision) -> String {
    let mut told: Vec<String> = decision.facts.iter().map(tell_fact).collect();
    match &decision.answer {
        Ok(Touched { affected, .. }) if affected.is_empty() => {}
        Ok(Touched { affected, .. }) => told.push(format!("affects {}", list(affected.iter().map(|id| id.0)))),
        Err(rejection) => told.push(format!("no: {}", tell_no(rejection))),
    }
    if told.is_empty() { "nothing changes".to_owned() } else { told.join("; ") }
}

fn list(ids: impl IntoIterator<Item = Uuid>) -> String {
    let names: Vec<String> = ids.into_iter().map(name).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join("+") }
}

fn tell_visit(visit: &Visit) -> String {
    let workers = list(visit.workers.iter().map(|id| id.0));
    let mut told =
        format!("{} {} {} {workers} #{}", name(visit.id.0), visit.status.name(), span(visit.window), visit.version);
    if visit.overlap_group != visit.id {
        told += &format!(" with {}", name(visit.overlap_group.0));
    }
    if visit.forced.is_some() {
        told += " forced";
    }
    if let Some(arrival) = visit.arrival {
        let word = if arrival.dismissed { "dismissed" } else { "there?" };
        told += &format!(" {word} {} {}", name(arrival.by.0), arrival.at.format("%H:%M"));
    }
    told
}

fn tell_fact(fact: &Fact) -> String {
    match fact {
        Fact::Visit(VisitFact { verb, visit, regrouped, .. }) => {
            let groups = regrouped.iter().map(|(id, group)| format!(" {}->{}", name(id.0), name(group.0)));
            format!("{} {}{}", verb.kind(), tell_visit(visit), groups.collect::<String>())
        }
        Fact::Job(fact) => {
            format!("{} {} {} #{}", fact.verb.kind(), name(fact.job.id.0), fact.job.status.name(), fact.job.version)
        }
        Fact::Worker(fact) => format!("{} {}", fact.verb.kind(), name(fact.worker.id.0)),
        Fact::TimeOff(fact) => format!("{} {}", fact.verb.kind(), name(fact.time_off.id.0)),
        Fact::Record(fact) => fact.verb.kind().to_owned(),
    }
}

fn tell_no(rejection: &Rejection) -> String {
    let not_found = |id: Uuid| format!("{} not found", name(id));
    match rejection {
        Rejection::VisitNotFound(id) => not_found(id.0),
        Rejection::JobNotFound(id) => not_found(id.0),
        Rejection::WorkerNotFound(id) => not_found(id.0),
        Rejection::ClientNotFound(id) => not_found(id.0),
        Rejection::PropertyNotFound(id) => not_found(id.0),
        Rejection::TimeOffNotFound(id) => not_found(id.0),
        Rejection::PropertyRequired(id) => format!("{} has several properties", name(id.0)),
        Rejection::AlreadyExists => "already exists".to_owned(),
        Rejection::StaleVisit(now) => format!("stale, now {}", tell_visit(now)),
        Rejection::StaleJob(now) => format!("stale, now #{}", now.version),
        Rejection::WrongState { current, busy_with } => match busy_with {
            Some(other) => format!("busy with {}", name(other.0)),
            None => format!("wrong state {}", current.status.name()),
        },
        Rejection::WrongJobState(job) => format!("wrong state {}", job.status.name()),
        Rejection::Superseded(_) => "superseded".to_owned(),
        Rejection::Unfit(complaints) => complaints.iter().map(tell_why).collect::<Vec<_>>().join(", "),
        Rejection::TimeOffOverlaps { with } => format!("overlaps {}", name(with.0)),
    }
}

fn tell_why(complaint: &Complaint) -> String {
    let worker = name(complaint.worker.0);
    match &complaint.why {
        Why::Inactive => format!("{worker} inactive"),
        Why::Overlap { visit, window } => format!("{worker} has {} {}", name(visit.0), span(Some(*window))),
        Why::OutsideHours => format!("{worker} outside hours"),
        Why::OnTimeOff { time_off, window } => format!("{worker} off {} {}", name(time_off.0), span(Some(*window))),
        Why::MissingSkill { skill } => format!("{worker} lacks {skill}"),
    }
}
