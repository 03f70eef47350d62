//! A half-open span of time `[start, end)`, so that back-to-back visits do not collide.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeWindow {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl TimeWindow {
    /// `None` unless `start < end`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub fn overlaps(&self, other: &TimeWindow) -> bool {
        self.start < other.end && other.start < self.end
    }

    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    pub fn covers(&self, other: &TimeWindow) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    pub fn length(&self) -> TimeDelta {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(s, 0).expect("in range")
    }
    fn w(a: i64, b: i64) -> TimeWindow {
        TimeWindow::new(at(a), at(b)).expect("start before end")
    }

    #[test]
    fn touching_windows_do_not_overlap() {
        assert!(!w(0, 10).overlaps(&w(10, 20)) && !w(10, 20).overlaps(&w(0, 10)));
        assert!(w(0, 11).overlaps(&w(10, 20)));
        assert!(w(0, 10).contains(at(0)) && !w(0, 10).contains(at(10)));
    }

    #[test]
    fn an_empty_or_backward_window_does_not_exist() {
        assert_eq!(TimeWindow::new(at(5), at(5)), None);
        assert_eq!(TimeWindow::new(at(6), at(5)), None);
    }
}
