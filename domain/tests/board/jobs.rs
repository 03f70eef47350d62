//! Whole jobs: how they are made and ended, and how their status follows their visits.

use crate::language::check;

#[test]
fn a_job_is_made_with_its_visits_or_not_at_all() {
    check(
        "
        worker bob
        worker ann skills gas
        job j1 : v1 09-10 bob, v2 -    | job.created j1 unassigned #1; visit.created v1 scheduled 09-10 bob #1; visit.created v2 unscheduled - nobody #1
        job j1 : v3 10-11              | no: already exists
        job j2 : v1 10-11              | no: already exists
        job j2 : v3 10-11 bob, v4 10:30-11 bob | no: bob has v3 10-11
        job j2 : v3 09-10 bob, v4 12-13 | no: bob has v1 09-10
        job j2 needs gas : v3 10-11 bob | no: bob lacks gas
        job j2 needs gas : v3 10-11 ann | job.created j2 scheduled #1; visit.created v3 scheduled 10-11 ann #1
        job j3 : v5 10-11 zed          | no: stranger not found
        job j3                         | job.created j3 unscheduled #1
        ",
    );
}

#[test]
fn a_job_needs_a_client_and_no_more_doubt_about_the_place() {
    check(
        "
        job j1 for c9 : v1 09-10       | no: c9 not found
        job j1 for c2 : v1 09-10       | no: c2 has several properties
        job j1 for c2 in p1 : v1 09-10 | no: p1 not found
        job j1 for c2 in p3 : v1 09-10 | job.created j1 unassigned #1; visit.created v1 unassigned 09-10 nobody #1
        job j2 for c3 : v2 09-10       | job.created j2 unassigned #1; visit.created v2 unassigned 09-10 nobody #1
        job j3 for c3 in p1 : v3 09-10 | no: p1 not found
        ",
    );
}

#[test]
fn a_visit_is_added_to_a_job_that_has_not_ended() {
    check(
        "
        worker bob
        job j1
        add j1 v1 -                    | visit.created v1 unscheduled - nobody #1
        add j1 v2 09-10                | visit.created v2 unassigned 09-10 nobody #1; job.statusChanged j1 unassigned #2
        add j1 v2 09-10                | no: already exists
        add j1 v3 10-11 bob            | visit.created v3 scheduled 10-11 bob #1
        add j9 v4 10-11                | no: j9 not found
        cancel-job j1
        add j1 v4 12-13                | no: wrong state cancelled
        ",
    );
}

/// A visit that nobody has been found for makes it unassigned, with a window or without.
#[test]
fn the_status_of_a_job_follows_its_visits() {
    check(
        "
        worker bob
        worker ann
        job j1 : v1 -, v2 -
        move v1 09-10                  | visit.moved v1 unassigned 09-10 nobody #2; job.statusChanged j1 unassigned #2
        assign v1 bob                  | visit.assigned v1 scheduled 09-10 bob #3
        assign v2 ann                  | visit.assigned v2 unscheduled - ann #2; job.scheduled j1 scheduled #3
        move v2 11-12                  | visit.moved v2 scheduled 11-12 ann #3
        start v1                       | visit.started v1 inProgress 09-10 bob #4; job.statusChanged j1 inProgress #4
        unassign v2 ann                | visit.unassigned v2 unassigned 11-12 nobody #4; job.statusChanged j1 unassigned #5
        complete v1                    | visit.completed v1 completed 09-10 bob #5
        no-access v2                   | no: wrong state unassigned
        cancel v2                      | visit.cancelled v2 cancelled 11-12 nobody #5; job.statusChanged j1 readyToComplete #6
        reopen v1                      | visit.reopened v1 scheduled 09-10 bob #6; job.scheduled j1 scheduled #7
        cancel v1                      | visit.cancelled v1 cancelled 09-10 bob #7; job.statusChanged j1 unscheduled #8
        ",
    );
}

#[test]
fn a_job_is_completed_when_nothing_is_open_and_something_done() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 10-11
        complete-job j1                | no: wrong state unassigned
        start v1
        complete v1
        complete-job j1                | no: wrong state unassigned
        cancel v2
        complete-job j1                | job.completed j1 completed #3
        complete-job j1                | no: wrong state completed
        cancel-job j1                  | no: wrong state completed
        reopen v1                      | no: wrong state completed
        complete-job j9                | no: j9 not found
        ",
    );
}

#[test]
fn cancelling_a_job_cancels_what_is_open() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob, v2 09:30-10, v3 11-12 bob, v4 -
        assign v2 bob force vip
        start v3
        complete v3
        start v1
        cancel-job j1                  | visit.cancelled v1 cancelled 09-10 bob #3 v2->v2; visit.cancelled v2 cancelled 09:30-10 bob #3 forced; visit.cancelled v4 cancelled - nobody #2; job.cancelled j1 cancelled #2
        cancel-job j1                  | no: wrong state cancelled
        cancel v1                      | no: wrong state cancelled
        add j1 v5 09-10                | no: wrong state cancelled
        cancel-job j9                  | no: j9 not found
        ",
    );
}

#[test]
fn an_ended_job_is_reopened_and_its_visits_by_themselves() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob
        reopen-job j1                  | no: wrong state scheduled
        cancel-job j1
        reopen v1                      | no: wrong state cancelled
        reopen-job j1                  | job.reopened j1 unscheduled #3
        reopen v1                      | visit.reopened v1 scheduled 09-10 bob #3; job.scheduled j1 scheduled #4
        reopen-job j9                  | no: j9 not found
        ",
    );
}

#[test]
fn a_jobs_version_is_checked_too() {
    check(
        "
        worker bob
        job j1 : v1 09-10 bob
        start v1
        complete v1
        complete-job j1 if 1           | no: stale, now #3
        complete-job j1 if 3           | job.completed j1 completed #4
        cancel-job j1 if 3             | no: stale, now #4
        reopen-job j1 if 3             | no: stale, now #4
        reopen-job j1 if 4             | job.reopened j1 readyToComplete #5
        cancel-job j1 if 4             | no: stale, now #5
        cancel-job j1 if 5             | job.cancelled j1 cancelled #6
        ",
    );
}
