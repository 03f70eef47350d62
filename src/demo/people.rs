//! Who is in the demonstration: workers with skills, and clients with doors. Invented, like their city.

use chrono::{Duration, NaiveDateTime, NaiveTime, Timelike};

use super::chance::Chance;
use super::city::{Address, City};

pub const ACCOUNT: &str = "Rivergate Services";
pub const ZONE: chrono_tz::Tz = chrono_tz::Europe::Zurich;
pub const CURRENCY: &str = "CHF";
pub const OWNER: (&str, &str, &str) = ("Nora", "Amsler", "owner@demo.test");
pub const DISPATCHER: (&str, &str, &str) = ("Tom", "Keller", "dispatcher@demo.test");
pub const PASSWORD: &str = "Demo-dispatch-1";

/// The skill that one worker alone has.
pub const RARE_SKILL: &str = "refrigerant";
const TOWN: &str = "Rivergate";
const POSTAL_CODES: [&str; 4] = ["9490", "9491", "9494", "9495"];

const FIRST: [&str; 48] = [
    "Anna", "Ben", "Carla", "David", "Elif", "Felix", "Gita", "Hugo", "Ines", "Jonas", "Kaja", "Luca", "Mira", "Nils",
    "Olga", "Pavel", "Quentin", "Rosa", "Samir", "Tessa", "Urs", "Vera", "Wanda", "Yusuf", "Zoe", "Amir", "Bianca",
    "Cyril", "Dana", "Emil", "Freya", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lea", "Marco", "Nadia", "Oskar",
    "Petra", "Rahel", "Stefan", "Tamara", "Vito", "Selma", "Linus", "Maya",
];
const LAST: [&str; 48] = [
    "Achermann",
    "Bauer",
    "Costa",
    "Demir",
    "Egger",
    "Fischer",
    "Graf",
    "Huber",
    "Ivanov",
    "Jensen",
    "Kovac",
    "Lang",
    "Moser",
    "Novak",
    "Okafor",
    "Peric",
    "Rossi",
    "Steiner",
    "Tanner",
    "Ulrich",
    "Vogel",
    "Weber",
    "Yilmaz",
    "Zimmer",
    "Ammann",
    "Berger",
    "Christen",
    "Dubois",
    "Eriksen",
    "Frei",
    "Giger",
    "Hofer",
    "Imhof",
    "Jost",
    "Kuhn",
    "Lindt",
    "Marti",
    "Nolan",
    "Oberli",
    "Pfister",
    "Roth",
    "Suter",
    "Thaler",
    "Urban",
    "Wyss",
    "Zeller",
    "Brunner",
    "Schmid",
];
const COMPANIES: [&str; 20] = [
    "Hotel Krone",
    "Lakeside Dental",
    "Miller Bakery",
    "Old Mill Brewery",
    "Rivergate School",
    "Alpine Fitness",
    "Café Morgenrot",
    "Foundry Lofts",
    "Harbour Storage",
    "Northgate Clinic",
    "St Mark's Church",
    "Sun Apartments",
    "Weaver & Sons",
    "City Library",
    "Linden Care Home",
    "Parkway Cinema",
    "Market Hall",
    "Green Grocers",
    "Bluebell Nursery",
    "Quarry Garage",
];
/// Main trade first; the others come on top.
const TRADES: [&[&str]; 10] = [
    &["gas", "heating"],
    &["electric"],
    &["plumbing", "drains"],
    &["heating", "plumbing"],
    &["electric", "solar"],
    &["locks"],
    &["gas", "plumbing"],
    &["cooling", "electric"],
    &["heating", "gas"],
    &["drains", "plumbing"],
];

#[derive(Clone, Debug)]
pub struct NewWorker {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub skills: Vec<&'static str>,
    pub home: Address,
    pub shift: Shift,
    /// Not here today, and why.
    pub time_off: Option<&'static str>,
}

/// The same hours on each day of the week, so that a demonstration on a Sunday night has somebody to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    pub start: NaiveTime,
    pub end: NaiveTime,
}

#[derive(Clone, Debug)]
pub struct NewClient {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company_name: Option<String>,
    pub email: String,
    pub phone: String,
    pub address: Address,
    pub city: &'static str,
    pub postal_code: &'static str,
}

pub fn email_of(worker: usize) -> String {
    format!("worker{}@demo.test", worker + 1)
}

pub fn index_of(email: &str) -> Option<usize> {
    let number: usize = email.strip_prefix("worker")?.strip_suffix("@demo.test")?.parse().ok()?;
    number.checked_sub(1).filter(|index| email_of(*index) == email)
}

/// `now` is the wall clock of `ZONE`.
pub fn workers(city: &City, seed: u64, count: usize, now: NaiveDateTime) -> Vec<NewWorker> {
    let mut chance = Chance::of(seed, "workers");
    let (mut first, mut last) = (FIRST.to_vec(), LAST.to_vec());
    chance.shuffle(&mut first);
    chance.shuffle(&mut last);
    let make = |index: usize| NewWorker {
        first_name: first[index % first.len()].to_owned(),
        last_name: last[(index + index / last.len()) % last.len()].to_owned(),
        email: email_of(index),
        phone: format!("+41 79 555 {:02} {:02}", (10 + index / 100) % 100, index % 100),
        skills: skills(index, &mut chance),
        home: city.some_address(&mut chance, 2500.0),
        shift: shift(index, now),
        time_off: time_off(index, count),
    };
    (0..count).map(make).collect()
}

fn skills(index: usize, chance: &mut Chance) -> Vec<&'static str> {
    let mut skills = TRADES[index % TRADES.len()].to_vec();
    let second = chance.pick(&TRADES)[0];
    if chance.happens(0.3) && !skills.contains(&second) {
        skills.push(second);
    }
    if index == 7 {
        skills.push(RARE_SKILL);
    }
    skills
}

/// Two of thirty are away; a small crew is complete.
fn time_off(index: usize, count: usize) -> Option<&'static str> {
    match index {
        11 if count > 20 => Some("Holiday"),
        24 if count > 20 => Some("Sick"),
        _ => None,
    }
}

/// Most began some hours ago and have some to go; some end soon, some have just begun.
pub fn shift(index: usize, now: NaiveDateTime) -> Shift {
    let (since_h, until_h) = match index % 15 {
        3 | 10 => (8, 2),
        6 | 13 => (1, 8),
        other if other % 2 == 0 => (4, 6),
        _ => (5, 5),
    };
    let start = half_hour(now - Duration::hours(since_h));
    let end = half_hour(now + Duration::hours(until_h) + Duration::minutes(29));
    Shift { start: start.time(), end: end.time() }
}

fn half_hour(at: NaiveDateTime) -> NaiveDateTime {
    let surplus = at.minute() % 30;
    let whole = at - Duration::minutes(i64::from(surplus));
    whole.with_second(0).and_then(|at| at.with_nanosecond(0)).unwrap_or(whole)
}

pub fn clients(city: &City, seed: u64, count: usize) -> Vec<NewClient> {
    let mut chance = Chance::of(seed, "clients");
    let (mut first, mut last) = (FIRST.to_vec(), LAST.to_vec());
    chance.shuffle(&mut first);
    chance.shuffle(&mut last);
    let make = |index: usize| {
        let company = (index % 4 == 1).then(|| COMPANIES[(index / 4) % COMPANIES.len()].to_owned());
        let person = company.is_none();
        NewClient {
            first_name: person.then(|| first[(index * 5) % first.len()].to_owned()),
            last_name: person.then(|| last[(index * 7 + index / 48) % last.len()].to_owned()),
            company_name: company,
            email: format!("client{}@example.com", index + 1),
            phone: format!("+41 76 555 {:02} {:02}", (20 + index / 100) % 100, index % 100),
            address: city.some_address(&mut chance, 2350.0),
            city: TOWN,
            postal_code: chance.pick(&POSTAL_CODES),
        }
    };
    (0..count).map(make).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_addresses_of_a_crew_differ() {
        let now = "2026-11-23T01:10:00".parse().expect("a time");
        let crew = workers(&City::build(1), 1, 30, now);
        let names: BTreeSet<_> = crew.iter().map(|worker| (&worker.first_name, &worker.last_name)).collect();
        assert_eq!(names.len(), 30);
        let initials: BTreeSet<_> =
            crew.iter().map(|worker| (&worker.first_name[..1], &worker.last_name[..1])).collect();
        assert!(initials.len() > 22, "{initials:?}");
        assert_eq!(crew.iter().filter(|worker| worker.skills.contains(&RARE_SKILL)).count(), 1);
        assert_eq!(crew.iter().filter(|worker| worker.time_off.is_some()).count(), 2);
    }

    #[test]
    fn at_any_hour_everybody_is_in_the_middle_of_a_shift() {
        for minute in (0..24 * 60).step_by(7) {
            let midnight: NaiveDateTime = "2026-11-23T00:00:00".parse().expect("a time");
            let now = midnight + Duration::minutes(minute);
            for index in 0..30 {
                let Shift { start, end } = shift(index, now);
                let within = if start < end {
                    start <= now.time() && now.time() < end
                } else {
                    start <= now.time() || now.time() < end
                };
                assert!(within, "{index} at {now}: {start} to {end}");
            }
        }
    }
}
