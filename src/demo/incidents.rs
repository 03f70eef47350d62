//! What goes wrong in a day: which phones are troublesome, and which customers. Everything follows from the seed, the
//! worker and the how-manieth visit it is, so that the same seed has the same bad day. Decides only.

use super::chance::Chance;

/// Phones whose battery nobody has charged.
const EMPTY_BATTERY: f64 = 0.08;
/// Phones that know only roughly where they are.
const POOR_GPS: f64 = 0.15;
/// Phones whose clock somebody has set by hand.
const WRONG_CLOCK: f64 = 0.05;
/// By so much, ahead or behind.
const CLOCK_OFF_S: (f64, f64) = (35.0, 230.0);
/// Workers in cellars: the phone is away for minutes at a time.
const CELLAR: f64 = 0.04;
/// Workers who do not agree to be followed.
const DECLINES: f64 = 0.02;
/// A small crew shares: it would miss the one who does not.
const DECLINES_FROM_CREW: usize = 20;

/// Customers who are not there …
const NOBODY_HOME: f64 = 0.05;
/// … who come late, and let the worker wait …
const LATE_CUSTOMER: f64 = 0.10;
const LATE_BY_S: (f64, f64) = (360.0, 1_080.0);
/// … and work that turns out to be more than was thought.
const OVERRUN: f64 = 0.16;
const OVERRUN_BY: (f64, f64) = (1.15, 1.7);
/// Otherwise it takes as long as planned, or somewhat less.
const AS_PLANNED: (f64, f64) = (0.65, 0.98);

/// One person and his phone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traits {
    pub empty_battery: bool,
    pub poor_gps: bool,
    /// How far the phone's clock runs ahead; negative: behind.
    pub clock_off_s: f64,
    pub cellar: bool,
    pub declines: bool,
}

impl Traits {
    pub fn of(seed: u64, worker: usize, crew_size: usize) -> Self {
        let mut chance = Chance::of(seed, &format!("traits {worker}"));
        let [empty, poor, wrong, cellar, declines] =
            [EMPTY_BATTERY, POOR_GPS, WRONG_CLOCK, CELLAR, DECLINES].map(|rate| chance.happens(rate));
        let off_s = chance.between(CLOCK_OFF_S.0, CLOCK_OFF_S.1) * if chance.happens(0.5) { 1.0 } else { -1.0 };
        Self {
            empty_battery: empty,
            poor_gps: poor,
            clock_off_s: if wrong { off_s.round() } else { 0.0 },
            cellar,
            declines: declines && crew_size >= DECLINES_FROM_CREW,
        }
    }
}

/// What awaits somebody at a customer's door.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reception {
    Expected,
    /// The customer comes so many seconds late.
    Waits(f64),
    NobodyHome,
}

/// How one visit goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encounter {
    pub reception: Reception,
    /// Of the planned time.
    pub takes: f64,
}

impl Encounter {
    /// Of a worker's `nth` visit since the demonstration was started.
    pub fn of(seed: u64, worker: usize, nth: u64) -> Self {
        let mut chance = Chance::of(seed, &format!("encounter {worker} {nth}"));
        let reception = match chance.unit() {
            die if die < NOBODY_HOME => Reception::NobodyHome,
            die if die < NOBODY_HOME + LATE_CUSTOMER => Reception::Waits(chance.between(LATE_BY_S.0, LATE_BY_S.1)),
            _ => Reception::Expected,
        };
        let (least, most) = if chance.happens(OVERRUN) { OVERRUN_BY } else { AS_PLANNED };
        Self { reception, takes: chance.between(least, most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_has_the_same_bad_day() {
        for worker in 0..50 {
            assert_eq!(Traits::of(1, worker, 60), Traits::of(1, worker, 60));
            assert_eq!(Encounter::of(1, worker, 3), Encounter::of(1, worker, 3));
        }
        let days = |seed| (0..50).map(|worker| Traits::of(seed, worker, 60)).collect::<Vec<_>>();
        assert_ne!(days(1), days(2));
    }

    #[test]
    fn what_goes_wrong_goes_wrong_about_as_often_as_it_should() {
        let crew: Vec<Traits> = (0..4_000).map(|worker| Traits::of(7, worker, 4_000)).collect();
        let part = |is: fn(&Traits) -> bool| crew.iter().filter(|one| is(one)).count() as f64 / 4_000.0;
        let counted = [
            (part(|one| one.empty_battery), EMPTY_BATTERY),
            (part(|one| one.poor_gps), POOR_GPS),
            (part(|one| one.clock_off_s != 0.0), WRONG_CLOCK),
            (part(|one| one.cellar), CELLAR),
            (part(|one| one.declines), DECLINES),
        ];
        for (found, rate) in counted {
            assert!((found - rate).abs() < 0.015, "{found} for {rate}");
        }
        let met: Vec<Encounter> = (0..4_000).map(|nth| Encounter::of(7, 3, nth)).collect();
        let part = |is: fn(&Encounter) -> bool| met.iter().filter(|one| is(one)).count() as f64 / 4_000.0;
        assert!((part(|one| one.reception == Reception::NobodyHome) - NOBODY_HOME).abs() < 0.015);
        assert!((part(|one| matches!(one.reception, Reception::Waits(_))) - LATE_CUSTOMER).abs() < 0.015);
        assert!((part(|one| one.takes > 1.0) - OVERRUN).abs() < 0.02);
    }

    #[test]
    fn a_small_crew_shares_and_a_usual_one_shows_what_can_happen() {
        assert!((0..5_000).all(|worker| !Traits::of(1, worker, 12).declines));
        let crew: Vec<Traits> = (0..60).map(|worker| Traits::of(1, worker, 60)).collect();
        assert!(crew.iter().filter(|one| one.empty_battery).count() >= 2);
        assert!(crew.iter().any(|one| one.clock_off_s != 0.0) && crew.iter().any(|one| one.cellar));
    }
}
