//! Who goes when: assign, unassign and move, what refuses them, and what a reason can overrule.

use crate::language::check;

#[test]
fn assigning_adds_and_unassigning_takes_away() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10
        assign v1 bob                  | visit.assigned v1 scheduled 09-10 bob #2; job.scheduled j1 scheduled #2
        assign v1 bob                  | nothing changes
        assign v1 ann                  | visit.assigned v1 scheduled 09-10 bob+ann #3
        assign v1 ann+bob              | nothing changes
        unassign v1 cid                | no: cid not found
        unassign v1 bob                | visit.unassigned v1 scheduled 09-10 ann #4
        unassign v1 bob+ann            | visit.unassigned v1 unassigned 09-10 nobody #5; job.statusChanged j1 unassigned #3
        assign v9 bob                  | no: v9 not found
        unassign v9 bob                | no: v9 not found
        assign v1 zed                  | no: stranger not found
        assign v1 bob+zed              | no: stranger not found
        assign v1 nobody               | nothing changes
        ",
    );
}

#[test]
fn moving_changes_window_and_workers_and_keeps_what_is_not_named() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 ann
        move v1 10-11                  | visit.moved v1 scheduled 10-11 ann #2
        move v1 10-11                  | nothing changes
        move v1 10-11 to bob           | visit.moved v1 scheduled 10-11 bob #3
        move v1 10-11 to nobody        | visit.moved v1 unassigned 10-11 nobody #4; job.statusChanged j1 unassigned #2
        move v1 - to bob+ann           | visit.moved v1 unscheduled - bob+ann #5; job.statusChanged j1 unscheduled #3
        move v1 09-10                  | visit.moved v1 scheduled 09-10 bob+ann #6; job.scheduled j1 scheduled #4
        move v1 09-10 to ann           | visit.moved v1 scheduled 09-10 ann #7
        move v1 -                      | visit.moved v1 unscheduled - ann #8; job.statusChanged j1 unscheduled #5
        move v1 same to bob            | visit.moved v1 unscheduled - bob #9
        move v1 same                   | nothing changes
        move v9 09-10                  | no: v9 not found
        move v1 09-10 to bob+zed       | no: stranger not found
        ",
    );
}

/// Back-to-back visits are no overlap: windows are half-open.
#[test]
fn a_worker_cannot_be_in_two_places() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob, v2 10-11, v3 09:30-09:45, v4 08-09, v5 08-12
        assign v3 bob                  | no: bob has v1 09-10
        move v3 09:30-09:45 to bob     | no: bob has v1 09-10
        assign v2 bob                  | visit.assigned v2 scheduled 10-11 bob #2
        assign v4 bob                  | visit.assigned v4 scheduled 08-09 bob #2
        assign v5 bob                  | no: bob has v1 09-10, bob has v2 10-11, bob has v4 08-09
        move v2 09:59-11               | no: bob has v1 09-10
        move v4 08-09:01               | no: bob has v1 09-10
        move v1 08:30-10               | no: bob has v4 08-09
        add j1 v6 09-10 bob            | no: bob has v1 09-10
        add j1 v7 11-12 bob            | visit.created v7 scheduled 11-12 bob #1
        ",
    );
}

#[test]
fn all_of_several_workers_or_none() {
    check(
        "
        worker bob
        worker ann
        worker cid
        job j1 : v1 09-10 bob, v2 09-10 ann, v3 09-10
        assign v3 bob+cid              | no: bob has v1 09-10
        assign v3 bob+ann+cid          | no: bob has v1 09-10, ann has v2 09-10
        move v3 09-10 to ann+cid       | no: ann has v2 09-10
        add j1 v4 09-10 bob+cid        | no: bob has v1 09-10
        assign v3 cid                  | visit.assigned v3 scheduled 09-10 cid #2; job.scheduled j1 scheduled #2
        ",
    );
}

#[test]
fn without_a_window_nothing_is_occupied_until_it_gets_one() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 -
        assign v2 bob                  | visit.assigned v2 unscheduled - bob #2; job.scheduled j1 scheduled #2
        move v2 09-10                  | no: bob has v1 09-10
        move v2 10-11                  | visit.moved v2 scheduled 10-11 bob #3
        move v2 -                      | visit.moved v2 unscheduled - bob #4
        move v1 10-11                  | visit.moved v1 scheduled 10-11 bob #2
        ",
    );
}

#[test]
fn hours_time_off_and_skills_are_all_told_at_once() {
    check(
        "
        worker bob skills gas
        worker ann hours 08-12
        worker cid skills gas,high hours 08-12
        job j1 needs gas,high : v1 09-10, v2 11-13, v3 -
        off bob t1 12-14
        assign v1 bob                  | no: bob lacks high
        assign v1 ann                  | no: ann lacks gas, ann lacks high
        assign v1 bob+ann              | no: ann lacks gas, bob lacks high, ann lacks high
        assign v2 cid                  | no: cid outside hours
        assign v2 bob                  | no: bob off t1 12-14, bob lacks high
        assign v3 bob                  | no: bob lacks high
        assign v3 cid                  | visit.assigned v3 unscheduled - cid #2
        move v3 12-13                  | no: cid outside hours
        move v3 08-12                  | visit.moved v3 scheduled 08-12 cid #3
        on bob t1
        assign v2 bob                  | no: bob lacks high
        ",
    );
}

#[test]
fn a_reason_overrules_every_complaint_but_inactivity() {
    check(
        "
        worker bob
        worker ann hours 08-12
        job j1 needs gas : v1 09-10, v2 11-13
        job j2 : v3 09-10 ann
        off bob t1 12-14
        assign v1 ann                  | no: ann has v3 09-10, ann lacks gas
        assign v1 ann force vip        | visit.assigned v1 scheduled 09-10 ann #2 forced v3->v1
        assign v2 ann force vip        | visit.assigned v2 scheduled 11-13 ann #2 forced; job.scheduled j1 scheduled #2
        assign v2 bob force vip        | visit.assigned v2 scheduled 11-13 bob+ann #3 forced
        assign v3 ann force vip        | nothing changes
        deactivate bob
        assign v1 bob force vip        | no: bob inactive, bob lacks gas
        assign v1 bob+ann force vip    | no: bob inactive, bob lacks gas
        move v2 11-13 to bob+ann force vip | no: bob inactive, ann outside hours, bob off t1 12-14, bob lacks gas, ann lacks gas
        move v3 09-10 to bob force vip | no: bob inactive
        ",
    );
}

#[test]
fn a_reason_that_was_not_needed_marks_nothing() {
    check(
        "
        worker bob
        job j1 : v1 09-10
        assign v1 bob force vip        | visit.assigned v1 scheduled 09-10 bob #2; job.scheduled j1 scheduled #2
        move v1 10-11 force vip        | visit.moved v1 scheduled 10-11 bob #3
        ",
    );
}

#[test]
fn an_ordinary_booking_over_a_forced_one_is_refused() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 09:30-10:30, v3 10-11, v4 09:45-10
        assign v2 bob                  | no: bob has v1 09-10
        assign v2 bob force vip        | visit.assigned v2 scheduled 09:30-10:30 bob #2 with v1 forced
        assign v3 bob                  | no: bob has v2 09:30-10:30
        assign v4 bob                  | no: bob has v1 09-10, bob has v2 09:30-10:30
        move v1 09-09:45               | no: bob has v2 09:30-10:30
        move v2 10:30-11               | visit.moved v2 scheduled 10:30-11 bob #3
        assign v3 bob                  | no: bob has v2 10:30-11
        assign v4 bob                  | no: bob has v1 09-10
        ",
    );
}

#[test]
fn groups_join_and_part_as_visits_come_and_go() {
    check(
        "
        worker bob
        worker ann
        job j1 : v2 09-10 bob, v3 09:30-10:30, v1 10-11
        assign v3 bob force a          | visit.assigned v3 scheduled 09:30-10:30 bob #2 with v2 forced
        assign v1 bob force b          | visit.assigned v1 scheduled 10-11 bob #2 forced v2->v1 v3->v1; job.scheduled j1 scheduled #2
        move v1 10:15-11 force b       | visit.moved v1 scheduled 10:15-11 bob #3 forced
        unassign v1 bob                | visit.unassigned v1 unassigned 10:15-11 nobody #4 forced v2->v2 v3->v2; job.statusChanged j1 unassigned #3
        assign v1 bob force b          | visit.assigned v1 scheduled 10:15-11 bob #5 forced v2->v1 v3->v1; job.scheduled j1 scheduled #4
        move v3 12-13                  | visit.moved v3 scheduled 12-13 bob #3 v2->v2
        move v3 09:30-10:30 force c    | visit.moved v3 scheduled 09:30-10:30 bob #4 with v1 forced v2->v1
        cancel v3                      | visit.cancelled v3 cancelled 09:30-10:30 bob #5 forced v2->v2
        reopen v3                      | no: bob has v1 10:15-11, bob has v2 09-10
        reopen v3 force d              | visit.reopened v3 scheduled 09:30-10:30 bob #6 with v1 forced v2->v1
        assign v1 ann                  | visit.assigned v1 scheduled 10:15-11 bob+ann #6 forced
        unassign v3 bob                | visit.unassigned v3 unassigned 09:30-10:30 nobody #7 forced v2->v2; job.statusChanged j1 unassigned #5
        ",
    );
}

#[test]
fn a_group_reaches_through_visits_of_several_workers() {
    check(
        "
        worker bob
        worker ann
        worker cid
        job j1 : v1 09-10 bob, v2 09-10 ann, v3 09-10 cid, v4 09-10
        assign v4 ann+cid force a      | visit.assigned v4 scheduled 09-10 ann+cid #2 with v2 forced v3->v2; job.scheduled j1 scheduled #2
        assign v4 bob force a          | visit.assigned v4 scheduled 09-10 bob+ann+cid #3 with v1 forced v2->v1 v3->v1
        unassign v4 ann                | visit.unassigned v4 scheduled 09-10 bob+cid #4 with v1 forced v2->v2
        cancel v4                      | visit.cancelled v4 cancelled 09-10 bob+cid #5 forced v3->v3
        ",
    );
}

#[test]
fn the_version_that_the_caller_saw_is_checked_first() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob
        assign v1 bob if 1             | nothing changes
        assign v1 bob if 2             | no: stale, now v1 scheduled 09-10 bob #1
        move v1 10-11 if 2             | no: stale, now v1 scheduled 09-10 bob #1
        move v1 10-11 if 1             | visit.moved v1 scheduled 10-11 bob #2
        unassign v1 bob if 1           | no: stale, now v1 scheduled 10-11 bob #2
        assign v1 zed if 1             | no: stale, now v1 scheduled 10-11 bob #2
        start v1 if 1                  | no: stale, now v1 scheduled 10-11 bob #2
        cancel v1 if 1                 | no: stale, now v1 scheduled 10-11 bob #2
        start v1 if 2                  | visit.started v1 inProgress 10-11 bob #3; job.statusChanged j1 inProgress #2
        pause v1 if 3                  | visit.paused v1 paused 10-11 bob #4
        complete v1 if 4               | visit.completed v1 completed 10-11 bob #5; job.statusChanged j1 readyToComplete #3
        reopen v1 if 4                 | no: stale, now v1 completed 10-11 bob #5
        reopen v1 if 5                 | visit.reopened v1 scheduled 10-11 bob #6; job.scheduled j1 scheduled #4
        ",
    );
}
