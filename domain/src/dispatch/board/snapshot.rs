//! The board as it is stored between restarts: only what cannot be derived, versioned like the journal.

use serde::{Deserialize, Serialize};

use super::Board;
use crate::dispatch::{Visit, Worker};
use crate::ids::JobId;
use crate::work::Job;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardSnapshot {
    pub v: u16,
    pub position: i64,
    pub jobs_numbered: i64,
    pub workers: Vec<Worker>,
    pub jobs: Vec<Job>,
    pub visits: Vec<Visit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub torn: Vec<JobId>,
}

impl BoardSnapshot {
    pub const VERSION: u16 = 1;
}

impl From<&Board> for BoardSnapshot {
    fn from(board: &Board) -> Self {
        Self {
            v: Self::VERSION,
            position: board.position,
            jobs_numbered: board.jobs_numbered,
            workers: board.roster.values().cloned().collect(),
            jobs: board.jobs.values().cloned().collect(),
            visits: board.visits.values().cloned().collect(),
            torn: board.torn.iter().copied().collect(),
        }
    }
}

impl From<BoardSnapshot> for Board {
    fn from(snapshot: BoardSnapshot) -> Self {
        let mut board = Board {
            position: snapshot.position,
            jobs_numbered: snapshot.jobs_numbered,
            roster: snapshot.workers.into_iter().map(|worker| (worker.id, worker)).collect(),
            jobs: snapshot.jobs.into_iter().map(|job| (job.id, job)).collect(),
            torn: snapshot.torn.into_iter().collect(),
            ..Board::default()
        };
        for visit in snapshot.visits {
            board.place(visit);
        }
        board
    }
}
