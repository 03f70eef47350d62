//! What a business has to do today: which jobs, for whom, when and by which worker, arranged around now.
//! A plan only; `seed` asks the server for it.

use chrono::{DateTime, Duration, DurationRound, Utc};

use super::chance::Chance;
use super::people::RARE_SKILL;

/// How far back a fresh day reaches, and how far ahead it is filled.
const BACK: Duration = Duration::minutes(175);
pub const AHEAD: Duration = Duration::minutes(215);
/// With this much free time somebody could certainly do one more visit.
pub const ROOM: Duration = Duration::minutes(140);
/// Between two visits there is at least the way from one to the next.
const GAP_MIN: (f64, f64) = (14.0, 40.0);

/// How many urgent calls come at once, how urgent, and by when they are to be done.
pub const RUSH_JOBS: usize = 20;
pub const RUSH_PRIORITY: i16 = 5;
pub const RUSH_WITHIN: Duration = Duration::hours(2);
const RUSH_MOST_MIN: i64 = 60;
/// Nobody calls in a hurry about what can wait on any other day.
const RUSH_FROM_PRIORITY: i16 = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub title: &'static str,
    pub skill: &'static str,
    pub minutes: i64,
    pub priority: i16,
}

const fn task(title: &'static str, skill: &'static str, minutes: i64, priority: i16) -> Task {
    Task { title, skill, minutes, priority }
}

const TASKS: [Task; 34] = [
    task("Boiler service", "gas", 60, 3),
    task("Gas leak check", "gas", 30, 5),
    task("Gas hob connection", "gas", 45, 2),
    task("Gas meter swap", "gas", 30, 3),
    task("Radiator stays cold", "heating", 45, 3),
    task("Heating pump replacement", "heating", 75, 4),
    task("Thermostat installation", "heating", 30, 2),
    task("Underfloor heating check", "heating", 45, 2),
    task("Burner will not start", "heating", 60, 5),
    task("Fuse box upgrade", "electric", 90, 3),
    task("Socket is dead", "electric", 30, 3),
    task("Power out in kitchen", "electric", 45, 5),
    task("Lighting installation", "electric", 60, 2),
    task("EV charger check", "electric", 45, 2),
    task("Electrical inspection", "electric", 60, 1),
    task("Burst pipe", "plumbing", 60, 5),
    task("Dripping tap", "plumbing", 30, 1),
    task("Water heater descaling", "plumbing", 60, 2),
    task("Toilet keeps running", "plumbing", 30, 3),
    task("Shower replacement", "plumbing", 90, 2),
    task("Low water pressure", "plumbing", 45, 3),
    task("Blocked drain", "drains", 45, 4),
    task("Drain camera survey", "drains", 60, 2),
    task("Gutter outlet blocked", "drains", 30, 2),
    task("Locked out", "locks", 30, 5),
    task("Cylinder replacement", "locks", 30, 3),
    task("Door closer adjustment", "locks", 30, 1),
    task("Smart lock installation", "locks", 60, 2),
    task("Panic bar repair", "locks", 45, 4),
    task("Cold room too warm", "cooling", 60, 5),
    task("Air conditioner service", "cooling", 60, 2),
    task("Split unit noisy", "cooling", 45, 2),
    task("Inverter shows an error", "solar", 45, 3),
    task("Panel cleaning", "solar", 60, 1),
];
const RARE_TASK: Task = task("Heat pump refrigerant leak", RARE_SKILL, 75, 5);

/// How far a visit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Planned,
    OnSite,
    Started,
    Done,
    NoAccess,
}

#[derive(Clone, Debug)]
pub struct NewJob {
    pub task: Task,
    /// Which of the clients.
    pub client: usize,
    pub window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Which of the workers; nobody: it waits in the queue.
    pub worker: Option<usize>,
    pub progress: Progress,
    /// Why it may overlap another visit of its worker.
    pub force: Option<&'static str>,
}

/// Somebody who can be planned for.
#[derive(Clone, Debug)]
pub struct Hand {
    pub worker: usize,
    pub skills: Vec<String>,
    /// When he is here.
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// His other work ends then; nothing before it.
    pub free_from: Option<DateTime<Utc>>,
    /// One of a crowd: he gets so many visits from now on, and no past.
    pub only: Option<usize>,
}

/// A full day for these hands: what is done, what is under way, what is to come.
pub fn lanes(chance: &mut Chance, hands: &[Hand], clients: usize, now: DateTime<Utc>) -> Vec<NewJob> {
    let mut jobs = Vec::new();
    for hand in hands {
        let (mut windows, mut before) = (Vec::new(), "");
        let mut at = match hand.free_from {
            Some(free) => quarter(free + minutes(chance, (2.0, 30.0))),
            None => anchor(chance, hand, now),
        };
        let (mut back, earliest) = (at, (now - BACK).max(hand.from));
        while hand.free_from.is_none() && hand.only.is_none() {
            let task = task_for(chance, &hand.skills, &mut before);
            let end = quarter(back - minutes(chance, GAP_MIN));
            back = end - Duration::minutes(task.minutes);
            if back < earliest {
                break;
            }
            windows.insert(0, (task, back, end));
        }
        let last = (now + AHEAD).min(hand.until);
        loop {
            let task = task_for(chance, &hand.skills, &mut before);
            let end = at + Duration::minutes(task.minutes);
            if end > last || hand.only.is_some_and(|most| windows.len() == most) {
                break;
            }
            windows.push((task, at, end));
            at = quarter(end + minutes(chance, GAP_MIN));
        }
        for (task, start, end) in windows {
            let (progress, client) = (progress(chance, start, end, now), chance.below(clients));
            let (window, worker) = (Some((start, end)), Some(hand.worker));
            jobs.push(NewJob { task, client, window, worker, progress, force: None });
        }
    }
    jobs
}

/// When the visit begins around which a fresh day is laid: some are about to arrive, most are at work, some wait.
fn anchor(chance: &mut Chance, hand: &Hand, now: DateTime<Utc>) -> DateTime<Utc> {
    let begins_in = match chance.unit() {
        die if die < 0.36 => (1.0, 8.0),
        die if die < 0.86 => (-32.0, -6.0),
        _ => (14.0, 28.0),
    };
    quarter(now + minutes(chance, begins_in)).max(hand.from)
}

/// What nobody has taken on yet: with a window, without one, and one that only the rare worker can do.
pub fn queue(
    chance: &mut Chance,
    with_window: usize,
    without: usize,
    clients: usize,
    now: DateTime<Utc>,
) -> Vec<NewJob> {
    let job = |chance: &mut Chance, task: Task, window| NewJob {
        task,
        client: chance.below(clients),
        window,
        worker: None,
        progress: Progress::Planned,
        force: None,
    };
    let mut calls = TASKS.to_vec();
    chance.shuffle(&mut calls);
    let mut jobs = Vec::new();
    for number in 0..with_window {
        let task = if number == 2 { RARE_TASK } else { calls[number % calls.len()].clone() };
        let start = quarter(now + minutes(chance, (30.0, 235.0)));
        let window = Some((start, start + Duration::minutes(task.minutes)));
        jobs.push(job(chance, task, window));
    }
    for number in 0..without {
        let task = calls[(with_window + number) % calls.len()].clone();
        jobs.push(job(chance, task, None));
    }
    jobs
}

/// Urgent calls, all at once, from these clients: nobody has them yet, and each is to be done within two hours.
pub fn rush(chance: &mut Chance, near: &[usize], now: DateTime<Utc>) -> Vec<NewJob> {
    let mut calls: Vec<&Task> =
        TASKS.iter().filter(|task| task.minutes <= RUSH_MOST_MIN && task.priority >= RUSH_FROM_PRIORITY).collect();
    let mut callers = near.to_vec();
    chance.shuffle(&mut calls);
    chance.shuffle(&mut callers);
    let call = |number: usize| {
        let task = Task { priority: RUSH_PRIORITY, ..calls[number % calls.len()].clone() };
        let latest = (RUSH_WITHIN - Duration::minutes(task.minutes + 5)).num_minutes() as f64;
        let start = quarter(now + minutes(chance, (10.0, latest)));
        let window = Some((start, start + Duration::minutes(task.minutes)));
        let client = callers[number % callers.len().max(1)];
        NewJob { task, client, window, worker: None, progress: Progress::Planned, force: None }
    };
    if callers.is_empty() { Vec::new() } else { (0..RUSH_JOBS).map(call).collect() }
}

/// A second visit over a planned one, which somebody decided to allow.
pub fn forced_pair(chance: &mut Chance, jobs: &[NewJob], clients: usize, now: DateTime<Utc>) -> Option<NewJob> {
    let later = |job: &&NewJob| {
        job.worker.is_some() && job.window.is_some_and(|(start, _)| start > now + Duration::minutes(25))
    };
    let under = jobs.iter().filter(later).min_by_key(|job| job.window.map(|(start, _)| start))?;
    let start = under.window?.0 + Duration::minutes(15);
    // The same trade, so that the overlap is the only rule it breaks.
    let same = TASKS.iter().filter(|task| task.skill == under.task.skill && task.minutes <= under.task.minutes);
    let task = Task { priority: 5, ..same.min_by_key(|task| task.minutes)?.clone() };
    let window = Some((start, start + Duration::minutes(task.minutes)));
    let force = Some("Same house, the client agreed to both at once");
    let client = chance.below(clients);
    Some(NewJob { task, client, window, worker: under.worker, progress: Progress::Planned, force })
}

/// Something he can do, and not the same twice in a row.
fn task_for(chance: &mut Chance, skills: &[String], before: &mut &'static str) -> Task {
    let known: Vec<&Task> = TASKS.iter().filter(|task| skills.iter().any(|skill| skill == task.skill)).collect();
    let others: Vec<&Task> = known.into_iter().filter(|task| task.title != *before).collect();
    let task = if others.is_empty() { chance.pick(&TASKS) } else { chance.pick(&others).clone() };
    *before = task.title;
    task
}

fn progress(chance: &mut Chance, start: DateTime<Utc>, end: DateTime<Utc>, now: DateTime<Utc>) -> Progress {
    if end <= now {
        return if chance.happens(0.04) { Progress::NoAccess } else { Progress::Done };
    }
    match (now - start).num_minutes() {
        late if late >= 8 => Progress::Started,
        late if late >= 3 => Progress::OnSite,
        // He is on his way, or will be in a minute.
        _ => Progress::Planned,
    }
}

fn minutes(chance: &mut Chance, (least, most): (f64, f64)) -> Duration {
    Duration::seconds((chance.between(least, most) * 60.0) as i64)
}

fn quarter(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_round(Duration::minutes(5)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(now: DateTime<Utc>) -> Vec<Hand> {
        let skills = [["gas", "heating"], ["electric", "solar"], ["plumbing", "drains"]];
        let hand = |worker: usize| Hand {
            worker,
            skills: skills[worker % 3].iter().map(|skill| (*skill).to_owned()).collect(),
            from: now - Duration::hours(5),
            until: now + Duration::hours(5),
            free_from: None,
            only: None,
        };
        (0..28).map(hand).collect()
    }

    #[test]
    fn nobody_is_planned_twice_at_once_nor_beyond_his_shift_nor_without_the_skill() {
        let now: DateTime<Utc> = "2026-11-23T00:10:00Z".parse().expect("RFC 3339");
        let hands = crew(now);
        let jobs = lanes(&mut Chance::new(4), &hands, 60, now);
        for hand in &hands {
            let own: Vec<&NewJob> = jobs.iter().filter(|job| job.worker == Some(hand.worker)).collect();
            let windows: Vec<_> = own.iter().filter_map(|job| job.window).collect();
            assert!(windows.windows(2).all(|pair| pair[0].1 + Duration::minutes(10) <= pair[1].0), "{windows:?}");
            assert!(windows.iter().all(|(start, end)| *start >= hand.from && *end <= hand.until));
            assert!(own.iter().all(|job| hand.skills.iter().any(|skill| skill == job.task.skill)));
            let active = own.iter().filter(|job| matches!(job.progress, Progress::OnSite | Progress::Started)).count();
            assert!(active <= 1, "one place at a time");
        }
    }

    #[test]
    fn a_day_has_something_done_something_under_way_and_something_to_come() {
        let now: DateTime<Utc> = "2026-11-23T00:10:00Z".parse().expect("RFC 3339");
        let jobs = lanes(&mut Chance::new(4), &crew(now), 60, now);
        let count = |progress| jobs.iter().filter(|job| job.progress == progress).count();
        assert!((90..160).contains(&jobs.len()), "{}", jobs.len());
        assert!(count(Progress::Done) > 30 && count(Progress::Started) > 8 && count(Progress::Planned) > 40);
        let queue = queue(&mut Chance::new(4), 12, 3, 60, now);
        assert_eq!(queue.iter().filter(|job| job.task.skill == RARE_SKILL).count(), 1);
        let forced = forced_pair(&mut Chance::new(4), &jobs, 60, now).expect("somebody has later work");
        assert!(forced.window.expect("a window").0 > now && forced.worker.is_some());
    }

    #[test]
    fn one_of_a_crowd_has_a_short_day_and_no_past() {
        let now: DateTime<Utc> = "2026-11-23T00:10:00Z".parse().expect("RFC 3339");
        let hands: Vec<Hand> = crew(now).into_iter().map(|hand| Hand { only: Some(2), ..hand }).collect();
        let jobs = lanes(&mut Chance::new(4), &hands, 60, now);
        assert_eq!(jobs.len(), 2 * hands.len());
        assert!(jobs.iter().all(|job| job.window.is_some_and(|(_, end)| end > now)));
    }

    #[test]
    fn a_rush_is_twenty_urgent_calls_of_the_next_two_hours_that_nobody_has() {
        let now: DateTime<Utc> = "2026-11-23T00:10:00Z".parse().expect("RFC 3339");
        for seed in 0..50 {
            let jobs = rush(&mut Chance::new(seed), &[4, 7, 9], now);
            assert_eq!(jobs.len(), RUSH_JOBS);
            for job in &jobs {
                let (start, end) = job.window.expect("a window");
                assert!(start > now && end <= now + RUSH_WITHIN, "{start} to {end}");
                assert!(job.worker.is_none() && job.task.priority == RUSH_PRIORITY && [4, 7, 9].contains(&job.client));
            }
        }
        assert!(rush(&mut Chance::new(1), &[], now).is_empty());
    }
}
