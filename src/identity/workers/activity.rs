//! Leaving the roster and coming back: the board frees the visits and, in the same transaction, ends what was signed for
//! the person.

use actix_web::HttpResponse;
use muster_actors::board::Render;
use muster_actors::ports::Rendered;
use muster_domain::dispatch::board::{Board, Command, Rejection, Touched};
use muster_domain::ids::WorkerId;

use crate::dispatch::refusals;
use crate::http::change::command;
use crate::http::{App, Caller, Code, Fault, Input, Problem};
use crate::identity::Identity;
use crate::identity::users::{self, Status, User};

/// The status is the board's business and everything else the record's: no request changes both.
pub fn only_status(touches_more: bool) -> Result<(), Problem> {
    if !touches_more {
        return Ok(());
    }
    let detail = "Change a worker's status by itself: it frees or blocks his time.";
    Err(Fault::new(Code::VALIDATION_ERROR, detail).at("/data/attributes/status").into())
}

/// `answer` gets the user as he then is.
pub async fn set_active(
    app: &App,
    identity: &Identity,
    caller: &Caller,
    input: &Input,
    user: User,
    active: bool,
    answer: impl Fn(&User, &Board, &Touched) -> Rendered + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let worker = WorkerId::from(user.id);
    let next = allowed(app, caller, user, active).await?;
    let what = if active { Command::ActivateWorker { worker } } else { Command::DeactivateWorker { worker } };
    let render: Render = Box::new(move |board, decision| match &decision.answer {
        Ok(touched) => answer(&next, board, touched),
        Err(rejection) => refused(rejection),
    });
    let response = command(app, caller, input, what, render).await?;
    identity.sessions.forget_user(caller.account, worker.into());
    Ok(response)
}

/// The user as he would be, if the caller may make him so.
async fn allowed(app: &App, caller: &Caller, user: User, active: bool) -> Result<User, Problem> {
    let by = caller.role;
    let read = app.store.quiet::<_, Problem, _>(caller.account, move |unit| {
        let user = user.clone();
        Box::pin(async move {
            if active == (user.status != Status::Inactive) {
                return Ok(user);
            }
            let account = unit.account();
            let accepted = users::store::has_accepted(unit.conn(), account, user.id).await?;
            let mut next = user.clone();
            next.status = match (active, accepted) {
                (true, true) => Status::Active,
                (true, false) => Status::Invited,
                (false, _) => Status::Inactive,
            };
            users::check_standing(unit, &user, next.standing(), by).await?;
            next.version += 1;
            Ok(next)
        })
    });
    Ok(read.await?)
}

/// The worker is in the path, not in the body.
pub fn refused(rejection: &Rejection) -> Rendered {
    match rejection {
        Rejection::WorkerNotFound(_) => refusals::not_found(),
        other => refusals::render(other),
    }
}
