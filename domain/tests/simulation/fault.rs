//! Mistakes that could be made around the rules. Each is a switch of the simulated shell or store, never of the product,
//! and the simulation is only worth its name while it finds every one of them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A commit does not compare the account's position.
    NoFence,
    /// Neither the position is compared nor is there an exclusion constraint.
    NoFenceNoConstraint,
    /// The caller is told before the commit.
    AcknowledgedBeforeCommit,
    /// The stream is told before the commit.
    AnnouncedBeforeCommit,
    /// An edit of a worker or a place does not move the boards' position.
    RecordLaneForgets,
    /// The answer under a key is kept in a second transaction.
    AnswerOutsideTransaction,
    /// A refusal is answered without looking where the account stands.
    RefusedFromMemory,
    /// Memory changes with the request to commit, and stays so when the commit fails.
    EvolvedBeforeCommit,
    /// A snapshot is filed under the position that the account has by now.
    SnapshotMisplaced,
    /// Catching up leaves out the first entry when there are several.
    CatchUpSkips,
    /// Only the visit itself is written, not the others whose group changes.
    GroupsNotWritten,
    /// Nobody looks whether a key was already answered, and a second answer is dropped silently.
    NoKeyLookup,
    /// A repetition that waits in the same queue is decided by itself.
    RepetitionNotJoined,
    /// A batch that is put back does not see that one of its commands was repeated meanwhile.
    RepetitionPutBeside,
    /// The feed passes on what comes, without filling the gap before it.
    FeedPassesOverGap,
    /// The snapshot is read before the subscription begins.
    SnapshotThenSubscribe,
    /// When a constraint refuses a batch, everybody in it is refused.
    BatchFailsTogether,
    /// What was read from rows for a forgotten visit is not put back.
    RecallIgnored,
    /// The position is read before the rest of what a batch must know.
    PositionReadFirst,
    /// An unknown outcome is answered like one that certainly did not happen.
    UnknownCalledUnavailable,
}

impl Fault {
    pub const ALL: [Fault; 20] = [
        Fault::NoFence,
        Fault::NoFenceNoConstraint,
        Fault::AcknowledgedBeforeCommit,
        Fault::AnnouncedBeforeCommit,
        Fault::RecordLaneForgets,
        Fault::AnswerOutsideTransaction,
        Fault::RefusedFromMemory,
        Fault::EvolvedBeforeCommit,
        Fault::SnapshotMisplaced,
        Fault::CatchUpSkips,
        Fault::GroupsNotWritten,
        Fault::NoKeyLookup,
        Fault::RepetitionNotJoined,
        Fault::RepetitionPutBeside,
        Fault::FeedPassesOverGap,
        Fault::SnapshotThenSubscribe,
        Fault::BatchFailsTogether,
        Fault::RecallIgnored,
        Fault::PositionReadFirst,
        Fault::UnknownCalledUnavailable,
    ];

    /// The law that is there to find it, in its own words.
    pub fn breaks(self) -> &'static str {
        match self {
            Fault::NoFence => "was lost",
            Fault::NoFenceNoConstraint => "in two places at once",
            Fault::AcknowledgedBeforeCommit => "was acknowledged and not committed",
            Fault::AnnouncedBeforeCommit => "is not in the journal",
            Fault::RecordLaneForgets => "than the rows at",
            Fault::AnswerOutsideTransaction => "took effect twice",
            Fault::RefusedFromMemory => "from before it was asked",
            Fault::EvolvedBeforeCommit => "than the rows at",
            Fault::SnapshotMisplaced => "than the rows at",
            Fault::CatchUpSkips => "than the rows at",
            Fault::GroupsNotWritten => "the groups in the rows",
            Fault::NoKeyLookup => "took effect twice",
            Fault::RepetitionNotJoined => "took effect twice",
            Fault::RepetitionPutBeside => "was answered anew",
            Fault::FeedPassesOverGap => "a reader",
            Fault::SnapshotThenSubscribe => "a reader",
            Fault::BatchFailsTogether => "though it is innocent",
            Fault::RecallIgnored => "by who forgets nothing",
            Fault::PositionReadFirst => "on a place that is elsewhere",
            Fault::UnknownCalledUnavailable => "was said not to",
        }
    }
}
