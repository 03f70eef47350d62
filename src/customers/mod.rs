//! Customers: for whom work is done, and where.

pub mod clients;
pub mod properties;

use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use uuid::Uuid;

use crate::store::Unit;

/// What a change is called: of attributes, and of being in use.
struct Verbs {
    updated: RecordVerb,
    activated: RecordVerb,
    deactivated: RecordVerb,
}

/// Notes what changed of a record, and whether it went out of use or came back.
fn note_change(unit: &mut Unit, verbs: &Verbs, id: Uuid, version: i64, changed: Vec<String>, active: Option<bool>) {
    if !changed.is_empty() {
        unit.note(Fact::Record(RecordFact { verb: verbs.updated, id, version, changed }));
    }
    if let Some(active) = active {
        let verb = if active { verbs.activated } else { verbs.deactivated };
        unit.note(Fact::Record(RecordFact { verb, id, version, changed: vec!["status".into()] }));
    }
}
