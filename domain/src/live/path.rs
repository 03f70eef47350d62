//! Which of a worker's points are true: his points are read in their order, and each is used, or kept and flagged. Pure;
//! the track and the live marker are judged by the same reading, so that neither depends on the order of arrival.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{LATE_AFTER, Point};
use crate::Place;

/// Nobody who drives is faster, over what both fixes may be wrong by.
const MAX_SPEED_MPS: f64 = 70.0;
/// Of a fix that does not say.
const UNKNOWN_ACCURACY_M: f32 = 15.0;
/// A fix that may be wrong by more than this counts only if there is no better one …
const INACCURATE_FROM_M: f32 = 150.0;
/// … and a better one stands for so long.
const BETTER_STANDS_FOR: TimeDelta = TimeDelta::minutes(10);
/// Within this around where he is held to be, or within so many accuracies, nothing has moved.
const GATE_M: f64 = 25.0;
const GATE_ACCURACIES: f64 = 3.0;
/// A phone that says this moves, however short the way.
const MOVES_FROM_MPS: f32 = 1.5;
/// Whoever has not left the gate for so long stands still.
const RESTS_AFTER: TimeDelta = TimeDelta::seconds(20);
/// Out of a standstill one point proves nothing, unless nothing was heard for so long: phones that sleep send few.
const SILENT_FROM: TimeDelta = TimeDelta::seconds(120);
/// A place that cannot be reached is believed when so many points in a row say it.
const JUMP_BELIEVED_AFTER: u8 = 3;
/// The mean of a standstill follows slow drift: it is over so many points at most.
const MEAN_OVER: u16 = 50;

/// What became of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Part of the path. Late points are: they were late, not wrong.
    pub used: bool,
    pub late: bool,
    /// Noise around a place that was not left.
    pub jitter: bool,
    /// Too far to have been reached, and not confirmed by what followed.
    pub jump: bool,
    pub mock: bool,
    pub inaccurate: bool,
}

impl Use {
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("late", self.late),
            ("jitter", self.jitter),
            ("jump", self.jump),
            ("mock", self.mock),
            ("inaccurate", self.inaccurate),
        ];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}

/// A worker's points, judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filtered {
    /// One per point, as they were given.
    pub uses: Vec<Use>,
    /// Along the used points, without the noise of standing and the legs nobody can have gone.
    pub distance_m: f64,
}

/// Judges points that may be in any order.
pub fn filter(points: &[Point]) -> Filtered {
    let seen: Vec<Seen> = points.iter().map(Seen::of).collect();
    let mut order: Vec<usize> = (0..seen.len()).collect();
    order.sort_by_key(|index| seen[*index].order());
    let (mut path, mut filtered) =
        (Path::default(), Filtered { uses: vec![Use::default(); seen.len()], distance_m: 0.0 });
    let mut pending: Vec<usize> = Vec::new();
    for index in order {
        let step = path.step(&seen[index]);
        match step.held {
            Held::Kept => {}
            Held::Dismissed => pending.clear(),
            Held::Confirmed => {
                for held in pending.drain(..) {
                    filtered.uses[held] = seen[held].use_as(Verdict::Used);
                }
            }
        }
        if step.verdict.is_open() {
            pending.push(index);
        }
        filtered.uses[index] = seen[index].use_as(step.verdict);
        filtered.distance_m += step.leg_m;
    }
    filtered
}

/// As much of a point as it is judged by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    ahead_ms: i32,
    pub place: Place,
    accuracy_m: Option<f32>,
    speed_mps: Option<f32>,
    mock: bool,
}

impl Seen {
    pub fn of(point: &Point) -> Self {
        Self {
            id: point.id,
            at: point.at,
            received_at: point.received_at,
            ahead_ms: point.ahead_ms,
            place: point.place,
            accuracy_m: point.accuracy_m,
            speed_mps: point.speed_mps,
            mock: point.mock,
        }
    }

    /// The point again, without what it is not judged by.
    pub fn point(&self) -> Point {
        Point {
            id: self.id,
            at: self.at,
            sent_at: None,
            received_at: self.received_at,
            ahead_ms: self.ahead_ms,
            place: self.place,
            accuracy_m: self.accuracy_m,
            speed_mps: self.speed_mps,
            heading_deg: None,
            altitude_m: None,
            battery_pct: None,
            charging: None,
            source: None,
            activity: None,
            mock: self.mock,
        }
    }

    fn measured_at(&self) -> DateTime<Utc> {
        (self.at - TimeDelta::milliseconds(i64::from(self.ahead_ms))).min(self.received_at)
    }

    pub fn order(&self) -> (DateTime<Utc>, DateTime<Utc>, Uuid) {
        (self.measured_at(), self.at, self.id)
    }

    pub fn is_late(&self) -> bool {
        self.received_at - self.measured_at() > LATE_AFTER
    }

    fn moves(&self) -> bool {
        self.speed_mps.is_some_and(|speed| speed >= MOVES_FROM_MPS)
    }

    fn fix(&self) -> Fix {
        let accuracy_m = self.accuracy_m.unwrap_or(UNKNOWN_ACCURACY_M);
        Fix { at: self.measured_at(), place: self.place, accuracy_m }
    }

    pub fn use_as(&self, verdict: Verdict) -> Use {
        Use {
            used: verdict == Verdict::Used,
            late: self.is_late(),
            jitter: matches!(verdict, Verdict::Jitter | Verdict::Doubted(Doubt::Start)),
            jump: verdict == Verdict::Doubted(Doubt::Jump),
            mock: verdict == Verdict::Mock,
            inaccurate: verdict == Verdict::Inaccurate,
        }
    }
}

/// What may still turn out to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// He cannot have come that far.
    Jump,
    /// Out of a standstill, by one point only.
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Used,
    Jitter,
    Doubted(Doubt),
    Mock,
    Inaccurate,
}

impl Verdict {
    fn is_open(self) -> bool {
        matches!(self, Verdict::Doubted(_))
    }

    /// He is there: where the point says, or where he stands.
    pub fn places(self) -> bool {
        matches!(self, Verdict::Used | Verdict::Jitter)
    }
}

/// What a point meant for those that were doubted before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Kept,
    Dismissed,
    Confirmed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub verdict: Verdict,
    held: Held,
    leg_m: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Fix {
    at: DateTime<Utc>,
    place: Place,
    accuracy_m: f32,
}

impl Fix {
    /// Could nobody have come from here to there in the time between?
    fn is_out_of_reach_of(&self, from: &Fix) -> bool {
        let least_m = self.place.distance_m(&from.place) - f64::from(self.accuracy_m) - f64::from(from.accuracy_m);
        let between_s = (self.at - from.at).as_seconds_f64().max(1.0);
        least_m > MAX_SPEED_MPS * between_s
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    doubt: Doubt,
    first: Place,
    last: Fix,
    count: u8,
    /// Among the doubted themselves.
    legs_m: f64,
}

/// Where the points read so far lead to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    here: Option<Here>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Debug, PartialEq)]
struct Here {
    /// The end of the way so far, and since when.
    end: Place,
    since: DateTime<Utc>,
    /// The mean of what was reported around it, and of how many points.
    mean: Place,
    count: u16,
    /// The best of them.
    accuracy_m: f32,
    /// Where he is shown while he stands still.
    rests: Option<Place>,
    /// The last point that agreed.
    last: Fix,
}

impl Here {
    fn at(fix: Fix) -> Self {
        let Fix { at, place, accuracy_m } = fix;
        Self { end: place, since: at, mean: place, count: 1, accuracy_m, rests: None, last: fix }
    }

    /// From where to judge what is possible.
    fn reach(&self) -> Fix {
        Fix { place: self.rests.unwrap_or(self.last.place), ..self.last }
    }

    /// How far a place is from where he is held to be.
    fn off_m(&self, place: Place) -> f64 {
        let held = if self.rests.is_some() { self.mean } else { self.end };
        held.distance_m(&place)
    }

    fn average(&mut self, place: Place) {
        self.count = (self.count + 1).min(MEAN_OVER);
        let share = 1.0 / f64::from(self.count);
        self.mean.lat += (place.lat - self.mean.lat) * share;
        // Within the gate; at the date line the shorter way round.
        let east = place.lng - self.mean.lng;
        let east = if east.abs() > 180.0 { east - 360.0 * east.signum() } else { east };
        self.mean.lng += east * share;
        if self.mean.lng.abs() > 180.0 {
            self.mean.lng -= 360.0 * self.mean.lng.signum();
        }
    }
}

impl Path {
    /// Where he stands, if he does: the points around it are noise.
    pub fn rests(&self) -> Option<Place> {
        self.here.as_ref().and_then(|here| here.rests)
    }

    /// Reads the next point in order.
    pub fn step(&mut self, seen: &Seen) -> Step {
        let fix = seen.fix();
        let aside = |verdict| Step { verdict, held: Held::Kept, leg_m: 0.0 };
        if seen.mock {
            return aside(Verdict::Mock);
        }
        let Some(here) = &self.here else {
            self.here = Some(Here::at(fix));
            return aside(Verdict::Used);
        };
        let better_stands = here.accuracy_m * 2.0 < fix.accuracy_m && fix.at - here.last.at <= BETTER_STANDS_FOR;
        if fix.accuracy_m > INACCURATE_FROM_M && better_stands {
            return aside(Verdict::Inaccurate);
        }
        let unreachable = fix.is_out_of_reach_of(&here.reach());
        let held = match self.candidate {
            None => Held::Kept,
            Some(candidate) => match self.weigh(candidate, &fix, unreachable) {
                Ok(step) => return step,
                Err(()) => Held::Dismissed,
            },
        };
        self.candidate = None;
        if unreachable {
            return self.doubt(Doubt::Jump, fix, held);
        }
        self.advance(seen, held)
    }

    /// Does the point speak for the doubted ones before it? `Err`: it does not.
    fn weigh(&mut self, candidate: Candidate, fix: &Fix, unreachable: bool) -> Result<Step, ()> {
        let here = self.here.as_ref().ok_or(())?;
        let is_nearer = fix.place.distance_m(&candidate.last.place) < here.off_m(fix.place);
        if !is_nearer || fix.is_out_of_reach_of(&candidate.last) {
            return Err(());
        }
        let count = candidate.count + 1;
        let legs_m = candidate.legs_m + fix.place.distance_m(&candidate.last.place);
        let confirmed = match candidate.doubt {
            Doubt::Start if unreachable || here.off_m(fix.place) <= gate_m(fix) => return Err(()),
            Doubt::Start => true,
            Doubt::Jump => !unreachable || count >= JUMP_BELIEVED_AFTER,
        };
        if !confirmed {
            self.candidate = Some(Candidate { last: *fix, count, legs_m, ..candidate });
            return Ok(Step { verdict: Verdict::Doubted(candidate.doubt), held: Held::Kept, leg_m: 0.0 });
        }
        let leg_m = match candidate.doubt {
            // The way on from the place that nobody can have come to; the leg to it counts once it can have been.
            Doubt::Jump if unreachable => legs_m,
            Doubt::Jump => here.end.distance_m(&candidate.first) + legs_m,
            Doubt::Start => here.end.distance_m(&fix.place),
        };
        (self.here, self.candidate) = (Some(Here::at(*fix)), None);
        Ok(Step { verdict: Verdict::Used, held: Held::Confirmed, leg_m })
    }

    fn doubt(&mut self, doubt: Doubt, fix: Fix, held: Held) -> Step {
        self.candidate = Some(Candidate { doubt, first: fix.place, last: fix, count: 1, legs_m: 0.0 });
        Step { verdict: Verdict::Doubted(doubt), held, leg_m: 0.0 }
    }

    /// A point that can be: has he moved, or does the fix?
    fn advance(&mut self, seen: &Seen, held: Held) -> Step {
        let fix = seen.fix();
        let step = |verdict, leg_m| Step { verdict, held, leg_m };
        let Some(here) = &mut self.here else { return step(Verdict::Used, 0.0) };
        let off_m = here.off_m(fix.place);
        if fix.accuracy_m * 2.0 < here.accuracy_m && off_m <= GATE_ACCURACIES * f64::from(here.accuracy_m) {
            // The same place, better known.
            self.here = Some(Here::at(fix));
            return step(Verdict::Used, 0.0);
        }
        if off_m > gate_m(&fix) {
            let was_silent = fix.at - here.last.at >= SILENT_FROM;
            if here.rests.is_some() && !seen.moves() && !was_silent {
                return self.doubt(Doubt::Start, fix, held);
            }
            let leg_m = here.end.distance_m(&fix.place);
            self.here = Some(Here::at(fix));
            return step(Verdict::Used, leg_m);
        }
        here.last = fix;
        if seen.moves() {
            (here.rests, here.since) = (None, fix.at);
            return step(Verdict::Used, 0.0);
        }
        here.average(fix.place);
        here.accuracy_m = here.accuracy_m.min(fix.accuracy_m);
        match here.rests {
            Some(shown) if shown.distance_m(&here.mean) <= gate_m(&fix) => step(Verdict::Jitter, 0.0),
            None if fix.at - here.since < RESTS_AFTER => step(Verdict::Used, 0.0),
            // He has come to rest, or the place where he rests has crept away.
            Some(_) | None => {
                let leg_m = here.rests.map_or(0.0, |_| here.end.distance_m(&here.mean));
                (here.rests, here.end) = (Some(here.mean), here.mean);
                step(Verdict::Jitter, leg_m)
            }
        }
    }
}

fn gate_m(fix: &Fix) -> f64 {
    GATE_M.max(GATE_ACCURACIES * f64::from(fix.accuracy_m))
}

#[cfg(test)]
pub(super) mod tests;
