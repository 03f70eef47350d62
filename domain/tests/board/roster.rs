//! Who can be sent: time off, leaving and coming back, and what that does to visits.

use crate::language::check;

/// Time off that touches other time off is fine; time off that overlaps it is one, not two.
#[test]
fn time_off_lists_what_it_covers_and_moves_nothing() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 10-11 bob, v3 12-13 bob, v4 13-14 bob
        cancel v4
        off bob t1 09:30-10            | timeOff.added t1; affects v1
        off bob t2 10-12:30            | timeOff.added t2; affects v2+v3
        off bob t3 13-15               | timeOff.added t3
        off bob t4 14-16               | no: overlaps t3
        off bob t1 20-21               | no: already exists
        off zed t5 09-10               | no: stranger not found
        on bob t9                      | no: t9 not found
        on zed t1                      | no: stranger not found
        on bob t2                      | timeOff.removed t2
        assign v2 bob                  | nothing changes
        move v2 09:45-10:45            | no: bob has v1 09-10, bob off t1 09:30-10
        move v2 11-11:30               | visit.moved v2 scheduled 11-11:30 bob #2
        ",
    );
}

#[test]
fn deactivating_frees_what_is_planned_and_keeps_what_has_begun() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob, v2 10-11 bob+ann, v3 - bob, v4 12-13
        job j2 : v5 14-15 bob
        assign v4 bob force vip
        start v5
        deactivate bob                 | worker.deactivated bob; visit.unassigned v1 unassigned 09-10 nobody #2; job.statusChanged j1 unassigned #3; visit.unassigned v2 scheduled 10-11 ann #2; visit.unassigned v3 unscheduled - nobody #2; visit.unassigned v4 unassigned 12-13 nobody #3; affects v1+v2+v3+v4
        deactivate bob                 | nothing changes
        assign v1 bob                  | no: bob inactive
        bob: pause v5                  | visit.paused v5 paused 14-15 bob #3
        complete v5                    | visit.completed v5 completed 14-15 bob #4; job.statusChanged j2 readyToComplete #3
        reopen v5                      | visit.reopened v5 unassigned 14-15 nobody #5; job.statusChanged j2 unassigned #4
        activate bob                   | worker.activated bob
        activate bob                   | nothing changes
        assign v1 bob                  | visit.assigned v1 scheduled 09-10 bob #3
        deactivate zed                 | no: stranger not found
        activate zed                   | no: stranger not found
        ",
    );
}

#[test]
fn deactivating_parts_a_group() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob, v2 09-10, v3 09-10 ann
        assign v2 bob+ann force vip
        deactivate bob                 | worker.deactivated bob; visit.unassigned v1 unassigned 09-10 nobody #2 v2->v2 v3->v2; job.statusChanged j1 unassigned #3; visit.unassigned v2 scheduled 09-10 ann #3 forced; affects v1+v2
        deactivate ann                 | worker.deactivated ann; visit.unassigned v2 unassigned 09-10 nobody #4 forced v3->v3; visit.unassigned v3 unassigned 09-10 nobody #2; affects v2+v3
        ",
    );
}
