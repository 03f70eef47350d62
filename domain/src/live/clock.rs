//! How far a phone's clock is off, from when it says it sent and when that came. A clock that runs ahead shows itself at
//! once, because nothing is received before it is sent; one that is behind looks like a slow network, and must show
//! the same difference for a while. Keeps a few samples; corrects nothing by itself.

use chrono::{DateTime, TimeDelta, Utc};

/// Differences that are remembered: the smallest of them had the least delay.
const SAMPLES: usize = 8;
/// A clock ahead by less is as good as right.
const AHEAD_FROM_MS: i64 = 2_000;
/// A clock behind by less cannot be told from a slow network.
const BEHIND_FROM_MS: i64 = 30_000;
/// So much do the delays of a working network differ from each other.
const SAME_WITHIN_MS: i64 = 10_000;
/// So many differences must agree, over so long, before a clock counts as behind: a buffer that is sent after an
/// outage shows ever smaller ones, all at once.
const BEHIND_AFTER: usize = 3;
const BEHIND_OVER_MS: i64 = 60_000;
/// A phone that is off by more than this gets no correction: its day is wrong, not its clock.
const MAX_CORRECTED_MS: i64 = 24 * 3_600_000;
/// From here on somebody should set the phone's clock.
pub const WRONG_FROM: TimeDelta = TimeDelta::minutes(5);

/// One phone's clock. A sample is receipt minus sending: the delay, less what the clock is ahead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhoneClock {
    /// (received, difference), in milliseconds, the oldest first.
    samples: Vec<(i64, i64)>,
}

impl PhoneClock {
    pub fn note(&mut self, sent_at: DateTime<Utc>, received_at: DateTime<Utc>) {
        let difference_ms = (received_at - sent_at).num_milliseconds();
        let was_set = |held: i64| (held - difference_ms).abs() > WRONG_FROM.num_milliseconds();
        let is_right = (-AHEAD_FROM_MS..BEHIND_FROM_MS).contains(&difference_ms);
        if is_right && self.least_ms().is_some_and(was_set) {
            // Somebody set it: a delay that by chance equals its error is the less likely story.
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.remove(0);
        }
        self.samples.push((received_at.timestamp_millis(), difference_ms));
    }

    fn least_ms(&self) -> Option<i64> {
        self.samples.iter().map(|(_, difference)| *difference).min()
    }

    /// Whole milliseconds to take off its times; negative if it is behind, 0 as long as nothing is known for certain.
    pub fn ahead_ms(&self) -> i32 {
        let Some(least) = self.least_ms() else { return 0 };
        let is_off = least <= -AHEAD_FROM_MS || (least >= BEHIND_FROM_MS && self.is_steady(least));
        if !is_off || least.abs() > MAX_CORRECTED_MS {
            return 0;
        }
        i32::try_from(-least).unwrap_or(0)
    }

    fn is_steady(&self, least: i64) -> bool {
        let agreeing = || self.samples.iter().filter(|(_, difference)| difference - least <= SAME_WITHIN_MS);
        let (first, last) = (agreeing().map(|(at, _)| at).min(), agreeing().map(|(at, _)| at).max());
        let over = first.zip(last).map_or(0, |(first, last)| last - first);
        agreeing().count() >= BEHIND_AFTER && over >= BEHIND_OVER_MS
    }

    /// Off by so much that a person should know.
    pub fn is_wrong(&self) -> bool {
        let Some(least) = self.least_ms() else { return false };
        let wrong_ms = WRONG_FROM.num_milliseconds();
        least <= -wrong_ms || (least >= wrong_ms && self.is_steady(least))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::super::point::tests::at;
    use super::*;

    /// Reports of a phone whose clock is ahead by so much, each with its delay, one every `every_s` by the server's clock.
    fn heard(ahead_s: i64, every_s: i64, delays_s: &[i64]) -> PhoneClock {
        let mut clock = PhoneClock::default();
        let mut received = at("2026-11-30T08:00:00Z");
        for delay_s in delays_s {
            clock.note(received - TimeDelta::seconds(*delay_s) + TimeDelta::seconds(ahead_s), received);
            received += TimeDelta::seconds(every_s);
        }
        clock
    }

    #[test]
    fn each_clock_is_corrected_by_what_is_certain() {
        let table = [
            // ahead, every, delays, corrected by, is wrong
            (0, 30, vec![1, 1, 20, 1], 0, false),
            (0, 30, vec![25, 28, 25, 26], 0, false),
            (7_200, 30, vec![1], 7_199, true),
            (7_200, 30, vec![40, 1, 300], 7_199, true),
            (-7_200, 30, vec![1, 1], 0, false),
            (-7_200, 30, vec![1, 1, 1], -7_201, true),
            (-240, 30, vec![1, 1, 1], -241, false),
            (3 * 86_400, 30, vec![1], 0, true),
            (1, 30, vec![0], 0, false),
        ];
        for (ahead_s, every_s, delays_s, expected_s, wrong) in table {
            let clock = heard(ahead_s, every_s, &delays_s);
            assert_eq!(clock.ahead_ms(), expected_s * 1_000, "{ahead_s} {delays_s:?}");
            assert_eq!(clock.is_wrong(), wrong, "{ahead_s} {delays_s:?}");
        }
    }

    #[test]
    fn a_buffer_sent_after_an_outage_does_not_look_like_a_slow_clock() {
        assert_eq!(heard(0, 1, &[3_600, 3_300, 3_000, 2_700, 2_400]).ahead_ms(), 0);
        assert_eq!(heard(0, 1, &[605, 604, 603, 602, 601]).ahead_ms(), 0, "all at once proves nothing");
    }

    #[test]
    fn a_clock_that_was_set_is_believed_at_once() {
        let mut clock = heard(7_200, 30, &[1, 1, 1]);
        let now = at("2026-11-30T08:05:00Z");
        clock.note(now - TimeDelta::seconds(1), now);
        assert_eq!((clock.ahead_ms(), clock.is_wrong()), (0, false));
    }

    proptest! {
        #[test]
        fn the_correction_never_makes_a_moment_later_than_it_was_by_more_than_the_least_delay(
            ahead_s in -90_000i64..90_000, delays_s in proptest::collection::vec(0i64..120, 1..20),
        ) {
            let clock = heard(ahead_s, 30, &delays_s);
            let error_ms = i64::from(clock.ahead_ms()) - ahead_s * 1_000;
            let recent = &delays_s[delays_s.len().saturating_sub(SAMPLES)..];
            let least_ms = recent.iter().min().expect("one at least") * 1_000;
            prop_assert!(clock.ahead_ms() == 0 || error_ms.abs() <= least_ms, "{error_ms} {least_ms}");
        }
    }
}
