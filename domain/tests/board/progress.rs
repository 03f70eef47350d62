//! What is reported from the field: who may, from which state, and what becomes of reports that come too late.

use crate::language::check;

#[test]
fn progress_goes_from_state_to_state() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 10-11
        bob: start-travel v1           | visit.travelStarted v1 traveling 09-10 bob #2
        bob: start-travel v1           | no: wrong state traveling
        bob: arrive v1                 | visit.arrived v1 onSite 09-10 bob #3
        bob: start v1                  | visit.started v1 inProgress 09-10 bob #4
        bob: pause v1                  | visit.paused v1 paused 09-10 bob #5
        bob: no-access v1              | no: wrong state paused
        bob: start v1                  | visit.started v1 inProgress 09-10 bob #6
        bob: complete v1               | visit.completed v1 completed 09-10 bob #7
        bob: complete v1               | no: wrong state completed
        start v2                       | no: wrong state unassigned
        phone-of-bob: arrive v1        | no: wrong state completed
        ",
    );
}

#[test]
fn a_worker_is_under_way_in_one_visit_only() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob+ann, v2 11-12 bob, v3 13-14 ann
        bob: start-travel v1           | visit.travelStarted v1 traveling 09-10 bob+ann #2; job.statusChanged j1 inProgress #2
        bob: start v2                  | no: busy with v1
        ann: start-travel v3           | no: busy with v1
        ann: arrive v1                 | visit.arrived v1 onSite 09-10 bob+ann #3
        bob: start v1                  | visit.started v1 inProgress 09-10 bob+ann #4
        bob: pause v1                  | visit.paused v1 paused 09-10 bob+ann #5
        bob: start v2                  | visit.started v2 inProgress 11-12 bob #2
        ann: start v1                  | no: busy with v2
        complete v2                    | visit.completed v2 completed 11-12 bob #3
        bob: start v1                  | visit.started v1 inProgress 09-10 bob+ann #6
        bob: no-access v1              | visit.noAccess v1 noAccess 09-10 bob+ann #7; job.scheduled j1 scheduled #3
        ann: start v3                  | visit.started v3 inProgress 13-14 ann #2; job.statusChanged j1 inProgress #4
        ",
    );
}

#[test]
fn what_has_begun_is_not_planned_any_more() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob
        start v1                       | visit.started v1 inProgress 09-10 bob #2; job.statusChanged j1 inProgress #2
        assign v1 bob                  | nothing changes
        assign v1 ann                  | no: wrong state inProgress
        unassign v1 bob                | no: wrong state inProgress
        move v1 12-13                  | no: wrong state inProgress
        move v1 09-10 force vip        | no: wrong state inProgress
        reopen v1                      | no: wrong state inProgress
        pause v1                       | visit.paused v1 paused 09-10 bob #3
        unassign v1 bob                | no: wrong state paused
        cancel v1                      | visit.cancelled v1 cancelled 09-10 bob #4; job.statusChanged j1 unscheduled #3
        cancel v1                      | no: wrong state cancelled
        assign v1 ann                  | no: wrong state cancelled
        unassign v1 bob                | no: wrong state cancelled
        ",
    );
}

#[test]
fn unassigning_on_the_way_keeps_the_others_traveling() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob+ann
        bob: start-travel v1           | visit.travelStarted v1 traveling 09-10 bob+ann #2; job.statusChanged j1 inProgress #2
        unassign v1 bob                | visit.unassigned v1 traveling 09-10 ann #3
        bob: arrive v1                 | visit.superseded v1 traveling 09-10 ann #3; no: superseded
        unassign v1 ann                | visit.unassigned v1 unassigned 09-10 nobody #4; job.statusChanged j1 unassigned #3
        assign v1 bob                  | visit.assigned v1 scheduled 09-10 bob #5; job.scheduled j1 scheduled #4
        bob: arrive v1                 | visit.arrived v1 onSite 09-10 bob #6; job.statusChanged j1 inProgress #5
        unassign v1 bob                | no: wrong state onSite
        ",
    );
}

#[test]
fn a_late_report_of_a_former_worker_is_evidence() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob, v2 10-11 ann
        move v1 09-10 to ann
        bob: start v1                  | visit.superseded v1 scheduled 09-10 ann #2; no: superseded
        phone-of-bob: arrive v1        | visit.superseded v1 scheduled 09-10 ann #2; no: superseded
        bob: start v1 if 1             | visit.superseded v1 scheduled 09-10 ann #2; no: superseded
        ann: complete v1               | no: wrong state scheduled
        ann: start v1                  | visit.started v1 inProgress 09-10 ann #3; job.statusChanged j1 inProgress #2
        bob: complete v1               | visit.superseded v1 inProgress 09-10 ann #3; no: superseded
        complete v1
        bob: complete v1               | visit.superseded v1 completed 09-10 ann #4; no: superseded
        reopen v1
        assign v1 bob                  | visit.assigned v1 scheduled 09-10 bob+ann #6
        bob: start v1                  | visit.started v1 inProgress 09-10 bob+ann #7; job.statusChanged j1 inProgress #4
        ",
    );
}

#[test]
fn who_was_never_assigned_knows_of_no_visit() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob
        ann: start v1                  | no: v1 not found
        phone-of-ann: arrive v1        | no: v1 not found
        ann: start v9                  | no: v9 not found
        system: arrive v1              | visit.arrived v1 onSite 09-10 bob #2; job.statusChanged j1 inProgress #2
        ",
    );
}

#[test]
fn a_closed_visit_releases_its_time() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 09-10, v3 09-10, v4 09-10
        assign v2 bob                  | no: bob has v1 09-10
        cancel v1                      | visit.cancelled v1 cancelled 09-10 bob #2
        assign v2 bob                  | visit.assigned v2 scheduled 09-10 bob #2
        start v2
        complete v2                    | visit.completed v2 completed 09-10 bob #4
        assign v3 bob                  | visit.assigned v3 scheduled 09-10 bob #2
        start v3
        no-access v3                   | visit.noAccess v3 noAccess 09-10 bob #4
        assign v4 bob                  | visit.assigned v4 scheduled 09-10 bob #2; job.scheduled j1 scheduled #2
        ",
    );
}

#[test]
fn a_paused_visit_still_occupies() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 09-10
        start v1
        pause v1                       | visit.paused v1 paused 09-10 bob #3
        assign v2 bob                  | no: bob has v1 09-10
        ",
    );
}

#[test]
fn reopening_is_checked_like_assigning() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 -, v3 11-12
        cancel v1
        job j2 : v4 09:30-10 bob
        reopen v1                      | no: bob has v4 09:30-10
        reopen v1 force vip            | visit.reopened v1 scheduled 09-10 bob #3 forced v4->v1
        reopen v1                      | no: wrong state scheduled
        cancel v2
        reopen v2                      | visit.reopened v2 unscheduled - nobody #3
        cancel v3
        reopen v3                      | visit.reopened v3 unassigned 11-12 nobody #3
        reopen v9                      | no: v9 not found
        ",
    );
}
