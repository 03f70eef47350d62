//! What the runs came to, and how a step is told in a trace.

use std::collections::BTreeMap;

use crate::server::{Flight, Reply};

/// What the runs came to; a simulation in which nothing goes wrong proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    const WANTED: [&'static str; 15] = [
        "committed",
        "replayed",
        "refused",
        "stale",
        "caught up",
        "unknown",
        "unknown but written",
        "fell apart",
        "forgot",
        "recalled",
        "loaded from snapshot",
        "overlapping",
        "arrival proposed",
        "arrival dismissed",
        "torn",
    ];

    pub fn one(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        other.0.iter().for_each(|(what, count)| *self.0.entry(what).or_default() += count);
    }

    pub fn is_worth_it(&self) -> bool {
        Self::WANTED.iter().all(|what| self.0.get(what).is_some_and(|count| *count > 0))
    }
}

pub fn brief(flight: &Flight) -> String {
    match flight {
        Flight::Load(board) => format!("load {:?}", board.as_ref().map(|board| board.position())),
        Flight::Since(entries) => format!("since, {:?} entries", entries.as_ref().map(Vec::len)),
        Flight::Prepare { keys, parts, prepared, .. } => {
            format!("prepare {keys:?} {parts}/2 at {}", prepared.board_seq)
        }
        Flight::Commit { batch, outcome, .. } => {
            let kinds: Vec<&str> = batch.facts.iter().map(|(_, _, fact)| fact.kind()).collect();
            format!("commit on {} {kinds:?}: {outcome:?}", batch.decided_at)
        }
    }
}

pub fn brief_reply(reply: &Reply) -> String {
    match reply {
        Reply::Answered(answer) => format!("{} facts, {:?}", answer.facts, answer.verdict.is_ok()),
        Reply::Replayed(_) => "the same again".to_owned(),
        other => format!("{other:?}"),
    }
}
