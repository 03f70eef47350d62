//! What a fence saw, and which visit it concerns: one arrival is proposed once, of one visit, and only people or the
//! account's policy make it true.

use crate::language::check;

#[test]
fn an_arrival_is_proposed_once_and_changes_no_state() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob
        system: fence bob p1 at 08:55 out 08:54 | visit.arrivalProposed v1 scheduled 09-10 bob #2 there? bob 08:55
        system: fence bob p1 at 08:55 out 08:54 | nothing changes
        system: fence bob p1 at 09:20 out 09:15 | nothing changes
        system: fence bob p1 at 08:56           | nothing changes
        bob: arrive v1                          | visit.arrived v1 onSite 09-10 bob #3; job.statusChanged j1 inProgress #2
        system: fence bob p1 at 08:55 out 08:54 | nothing changes
        ",
    );
}

#[test]
fn only_a_visit_of_his_at_this_property_and_near_is_meant() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob, v2 - bob, v3 14-15
        system: fence ann p1 at 08:55           | nothing changes
        system: fence bob p2 at 08:55           | nothing changes
        system: fence bob p9 at 08:55           | nothing changes
        system: fence stranger p1 at 08:55      | nothing changes
        system: fence bob p1 at 07              | nothing changes
        system: fence bob p1 at 12              | nothing changes
        system: fence bob p1 at 14              | nothing changes
        system: fence bob p1 at 07:01           | visit.arrivalProposed v1 scheduled 09-10 bob #2 there? bob 07:01
        dismiss v1                              | visit.arrivalDismissed v1 scheduled 09-10 bob #3 dismissed bob 07:01
        system: fence bob p1 at 11:59 out 11:50 | visit.arrivalProposed v1 scheduled 09-10 bob #4 there? bob 11:59
        ",
    );
}

#[test]
fn the_visit_he_travels_to_is_meant_and_else_the_earliest() {
    check(
        "
        worker bob
        job j1 : v1 10-11 bob
        job j2 : v2 09-10 bob, v3 11-12 bob
        system: fence bob p1 at 09:30 out 09:29 | visit.arrivalProposed v2 scheduled 09-10 bob #2 there? bob 09:30
        start-travel v1                         | visit.travelStarted v1 traveling 10-11 bob #2; job.statusChanged j1 inProgress #2
        system: fence bob p1 at 09:40 out 09:39 | visit.arrivalProposed v1 traveling 10-11 bob #3 there? bob 09:40
        arrive v1                               | visit.arrived v1 onSite 10-11 bob #4
        system: fence bob p1 at 09:50 out 09:49 | nothing changes
        ",
    );
}

#[test]
fn a_dismissed_one_is_not_proposed_again_until_he_was_outside() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob
        dismiss v1                              | nothing changes
        system: fence bob p1 at 08:55 out 08:50 | visit.arrivalProposed v1 scheduled 09-10 bob #2 there? bob 08:55
        ann: dismiss v1                         | no: v1 not found
        dismiss v1 if 1                         | no: stale, now v1 scheduled 09-10 bob #2 there? bob 08:55
        dismiss v9                              | no: v9 not found
        bob: dismiss v1                         | visit.arrivalDismissed v1 scheduled 09-10 bob #3 dismissed bob 08:55
        dismiss v1                              | nothing changes
        system: fence bob p1 at 08:55 out 08:50 | nothing changes
        system: fence bob p1 at 09:05           | nothing changes
        system: fence bob p1 at 09:05 out 08:55 | nothing changes
        system: fence bob p1 at 09:05 out 09:04 | visit.arrivalProposed v1 scheduled 09-10 bob #4 there? bob 09:05
        ",
    );
}

#[test]
fn a_proposal_ends_with_what_it_was_made_for() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 09-10 bob
        system: fence bob p1 at 08:55 | visit.arrivalProposed v1 scheduled 09-10 bob #2 there? bob 08:55
        assign v1 ann                 | visit.assigned v1 scheduled 09-10 bob+ann #3 there? bob 08:55
        move v1 09:30-10              | visit.moved v1 scheduled 09:30-10 bob+ann #4 there? bob 08:55
        unassign v1 bob               | visit.unassigned v1 scheduled 09:30-10 ann #5
        assign v1 bob                 | visit.assigned v1 scheduled 09:30-10 bob+ann #6
        system: fence bob p1 at 08:55 | visit.arrivalProposed v1 scheduled 09:30-10 bob+ann #7 there? bob 08:55
        move v1 15-16                 | visit.moved v1 scheduled 15-16 bob+ann #8
        move v1 09-10                 | visit.moved v1 scheduled 09-10 bob+ann #9
        system: fence bob p1 at 08:55 | visit.arrivalProposed v1 scheduled 09-10 bob+ann #10 there? bob 08:55
        start-travel v1               | visit.travelStarted v1 traveling 09-10 bob+ann #11 there? bob 08:55; job.statusChanged j1 inProgress #2
        cancel v1                     | visit.cancelled v1 cancelled 09-10 bob+ann #12; job.statusChanged j1 unscheduled #3
        reopen v1                     | visit.reopened v1 scheduled 09-10 bob+ann #13; job.scheduled j1 scheduled #4
        ",
    );
}

#[test]
fn one_stay_is_one_visits() {
    check(
        "
        worker bob
        job j1 : v1 05-07 bob, v2 07-08 bob
        bob: arrive v1                          | visit.arrived v1 onSite 05-07 bob #2; job.statusChanged j1 inProgress #2
        system: fence bob p1 at 06:00 out 05:59 | nothing changes
        bob: complete v1                        | visit.completed v1 completed 05-07 bob #3; job.scheduled j1 scheduled #3
        system: fence bob p1 at 06:10           | nothing changes
        system: fence bob p1 at 06:10 out 06:00 | nothing changes
        system: fence bob p1 at 06:40 out 06:30 | visit.arrivalProposed v2 scheduled 07-08 bob #2 there? bob 06:40
        ",
    );
}

#[test]
fn with_the_policy_the_board_takes_it_for_true_if_it_can() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob
        job j2 for c2 in p2 : v2 10-11 bob
        system: fence bob p1 at 08:55 policy accept | visit.arrived v1 onSite 09-10 bob #2; job.statusChanged j1 inProgress #2
        system: fence bob p1 at 08:55 policy accept | nothing changes
        system: fence bob p2 at 09:55 policy accept | visit.arrivalProposed v2 scheduled 10-11 bob #2 there? bob 09:55
        complete v1                                 | visit.completed v1 completed 09-10 bob #3; job.statusChanged j1 readyToComplete #3
        system: fence bob p2 at 09:55 policy accept | nothing changes
        arrive v2                                   | visit.arrived v2 onSite 10-11 bob #3; job.statusChanged j2 inProgress #2
        ",
    );
}
