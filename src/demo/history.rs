//! Where a worker was before anybody looked: the way he must have taken through the visits he has behind him, so that
//! a first look at the map already shows trails.

use chrono::{DateTime, Duration, Utc};
use muster_domain::dispatch::VisitStatus;

use super::city::City;
use super::drive::{Truth, Van};
use super::duty::Order;

const BACK: Duration = Duration::minutes(150);
const DRIVING_S: i64 = 12;
const STANDING_S: i64 = 180;

/// Drives the van through it, up to `now`.
pub fn relive(city: &City, van: &mut Van, orders: &[Order], now: DateTime<Utc>) -> Vec<(DateTime<Utc>, Truth)> {
    let mut visited: Vec<_> = orders.iter().filter(|order| was_there(order.status)).collect();
    visited.sort_by_key(|order| order.window);
    let behind = |order: &Order| Some((order.window?, order.place?));
    let behind: Vec<_> = visited.into_iter().filter_map(behind).filter(|((start, _), _)| *start > now - BACK).collect();
    let Some(((first, _), _)) = behind.first() else { return Vec::new() };
    let mut at = *first - Duration::minutes(12);
    let mut fixes = Vec::new();
    for ((start, end), place) in behind {
        let to = city.nearest(place);
        let leave = (start - Duration::seconds(van.estimate_s(city, to) as i64)).min(now);
        stand(van, &mut at, leave, &mut fixes);
        van.go(city, to);
        while van.is_moving() && at < now {
            van.pass(DRIVING_S as f64);
            at += Duration::seconds(DRIVING_S);
            fixes.push((at.min(now), van.truth()));
        }
        // Who has arrived by the schedule is there, however slowly he drove.
        while van.is_moving() {
            van.pass(DRIVING_S as f64);
        }
        stand(van, &mut at, end.min(now), &mut fixes);
    }
    stand(van, &mut at, now, &mut fixes);
    fixes
}

fn was_there(status: VisitStatus) -> bool {
    matches!(
        status,
        VisitStatus::OnSite
            | VisitStatus::InProgress
            | VisitStatus::Paused
            | VisitStatus::Completed
            | VisitStatus::NoAccess
    )
}

fn stand(van: &mut Van, at: &mut DateTime<Utc>, until: DateTime<Utc>, fixes: &mut Vec<(DateTime<Utc>, Truth)>) {
    while *at < until {
        let step = (until - *at).num_seconds().clamp(1, STANDING_S);
        van.pass(step as f64);
        *at += Duration::seconds(step);
        fixes.push(((*at).min(until), van.truth()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Chance;
    use crate::demo::city::Xy;

    #[test]
    fn a_relived_morning_passes_its_visits_in_time_and_ends_at_the_last() {
        let city = City::build(1);
        let mut chance = Chance::new(6);
        let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().expect("RFC 3339");
        let orders: Vec<Order> = [(130, 90, VisitStatus::Completed), (60, 20, VisitStatus::NoAccess)]
            .into_iter()
            .map(|(from, to, status)| Order {
                id: uuid::Uuid::from_u128(from as u128),
                status,
                window: Some((now - Duration::minutes(from), now - Duration::minutes(to))),
                place: Some(city.some_address(&mut chance, 2200.0).door),
            })
            .collect();
        let mut van = Van::parked(&city, city.some_address(&mut chance, 2200.0).kerb, Chance::new(1));
        let fixes = relive(&city, &mut van, &orders, now);
        assert!((40..400).contains(&fixes.len()), "{}", fixes.len());
        assert!(fixes.windows(2).all(|pair| pair[0].0 < pair[1].0) && fixes.last().expect("some").0 <= now);
        for order in &orders {
            let (start, end) = order.window.expect("a window");
            let middle = fixes.iter().find(|(at, _)| *at > start + (end - start) / 2).expect("a fix at work");
            let away_m = middle.1.at.distance_m(Xy::of(order.place.expect("a place")));
            assert!(away_m < 40.0, "{away_m}");
        }
    }
}
