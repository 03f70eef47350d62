//! Can these workers do this visit in this window? Every reason why not, so that a dispatcher sees them all at once.

use std::collections::BTreeSet;

use super::{Board, Complaint, Rejection, Why};
use crate::TimeWindow;
use crate::dispatch::Visit;
use crate::ids::WorkerId;

pub(super) enum Verdict {
    Fits,
    /// It does not, and somebody's reason overrules every complaint.
    Forced,
}

impl Board {
    /// All or none: one worker's complaint refuses them all.
    pub(super) fn fit(
        &self,
        visit: &Visit,
        workers: &BTreeSet<WorkerId>,
        window: Option<TimeWindow>,
        force: bool,
    ) -> Result<Verdict, Rejection> {
        let mut complaints = Vec::new();
        for id in workers {
            let worker = self.worker(*id).ok_or(Rejection::WorkerNotFound(*id))?;
            let mut complain = |why| complaints.push(Complaint { why, worker: *id });
            if !worker.active {
                complain(Why::Inactive);
            }
            if let Some(window) = window {
                self.occupied(*id, window, Some(visit.id)).for_each(|(other, held)| {
                    complain(Why::Overlap { visit: other, window: held });
                });
                if !worker.hours.cover(&window) {
                    complain(Why::OutsideHours);
                }
                worker.time_off.values().filter(|off| off.window.overlaps(&window)).for_each(|off| {
                    complain(Why::OnTimeOff { time_off: off.id, window: off.window });
                });
            }
            visit.required_skills.difference(&worker.skills).for_each(|skill| {
                complain(Why::MissingSkill { skill: skill.clone() });
            });
        }
        complaints.sort();
        match complaints {
            none if none.is_empty() => Ok(Verdict::Fits),
            refused if force && refused.iter().all(|complaint| complaint.why.can_be_forced()) => Ok(Verdict::Forced),
            refused => Err(Rejection::Unfit(refused)),
        }
    }
}
