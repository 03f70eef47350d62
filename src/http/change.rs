//! How a noun of the record lane changes anything: one transaction, its answer kept under the caller's key, then
//! announced, then answered.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use muster_actors::board::{Render, Reply};
use muster_actors::ports::{AnswerKey, Kept, Rendered};
use muster_domain::Moment;
use muster_domain::dispatch::board::{Board, Command, Known};

use super::{App, Caller, Code, Fault, Input, Problem, envelope};
use crate::store::{StoreError, Undone, Unit, answers};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

pub type Changing<'a> = Pin<Box<dyn Future<Output = Result<Rendered, Undone<Problem>>> + Send + 'a>>;

/// Runs `run` in one transaction of the caller's account, journal included.
pub async fn change<F>(app: &App, caller: &Caller, input: &Input, run: F) -> Result<HttpResponse, Problem>
where
    F: for<'a> Fn(&'a mut Unit) -> Changing<'a> + Send + Sync + 'static,
{
    input.refuse_query()?;
    commit(app, caller, input.answer_key(app, caller), false, run).await
}

/// The same, for an answer that holds a secret: it is kept only sealed.
pub async fn change_with_secret<F>(app: &App, caller: &Caller, input: &Input, run: F) -> Result<HttpResponse, Problem>
where
    F: for<'a> Fn(&'a mut Unit) -> Changing<'a> + Send + Sync + 'static,
{
    input.refuse_query()?;
    commit(app, caller, input.answer_key(app, caller), true, run).await
}

enum Outcome {
    New(Rendered),
    Kept(Kept),
}

type Deciding<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Undone<Problem>>> + Send + 'a>>;

/// Says what kind of closure it is, which inference cannot see from afar.
fn deciding<F>(work: F) -> F
where
    F: for<'a> Fn(&'a mut Unit) -> Deciding<'a> + Send + Sync + 'static,
{
    work
}

async fn commit<F>(
    app: &App,
    caller: &Caller,
    key: Option<AnswerKey>,
    sealed: bool,
    run: F,
) -> Result<HttpResponse, Problem>
where
    F: for<'a> Fn(&'a mut Unit) -> Changing<'a> + Send + Sync + 'static,
{
    let (run, secrets, asked) = (Arc::new(run), app.secrets.clone(), key.clone());
    let work = deciding(move |unit| {
        let (run, secrets, key) = (Arc::clone(&run), secrets.clone(), asked.clone());
        Box::pin(async move {
            let account = unit.account();
            let Some(key) = key else { return Ok(Outcome::New(run(unit).await?)) };
            if let Some(kept) = answers::find(unit.conn(), account, &key).await? {
                return Ok(Outcome::Kept(kept));
            }
            let answer = run(unit).await?;
            let mut kept = answer.clone();
            if sealed {
                kept.body = secrets.seal(&key.key, &kept.body).into();
            }
            answers::keep(unit.conn(), account, &key, &kept).await?;
            Ok(Outcome::New(answer))
        })
    });
    let (store, announce) = (app.store.clone(), Arc::clone(&app.announce));
    let (account, moment) = (caller.account, caller.moment());
    // A caller who hangs up drops this handler; what was committed is announced all the same.
    let announced = actix_rt::spawn(async move {
        let done = store.change(account, moment, work).await?;
        announce.announce(account, &done.entries);
        Ok::<_, Undone<Problem>>(done.value)
    });
    let outcome = announced.await.map_err(Problem::internal)??;
    match (outcome, key) {
        (Outcome::New(answer), _) => Ok(envelope::send(answer)),
        (Outcome::Kept(kept), Some(key)) if kept.body_hash == key.body_hash => {
            let mut answer = kept.answer;
            if sealed {
                let opened = app.secrets.unseal(&key.key, &answer.body);
                answer.body = opened.ok_or_else(|| Problem::internal("a kept answer cannot be unsealed"))?.into();
            }
            Ok(replayed(answer))
        }
        (Outcome::Kept(_), _) => Err(key_reused()),
    }
}

/// How a command reaches the account's board, and what the caller hears of it.
pub async fn command(
    app: &App,
    caller: &Caller,
    input: &Input,
    command: Command,
    render: Render,
) -> Result<HttpResponse, Problem> {
    command_at(app, caller, input, caller.moment(), command, render).await
}

/// The same for a command that may be tried: with `?dryRun=true` the answer is what it would be, and nothing happens.
pub async fn command_or_trial(
    app: &App,
    caller: &Caller,
    input: &Input,
    order: Command,
    render: Render,
) -> Result<HttpResponse, Problem> {
    if !input.dry_run()? {
        return submit(app, caller, input.answer_key(app, caller), caller.moment(), order, render).await;
    }
    let at = caller.moment();
    let look = move |board: &Board| {
        let decision = board.decide(&order, &at, &Known::default());
        let mut tried = board.clone();
        decision.facts.iter().for_each(|fact| tried.evolve(board.position(), fact));
        render(&tried, &decision)
    };
    Ok(envelope::send(app.boards.look(caller.account, look).await?))
}

/// The same at a known instant, for answers that tell it.
pub async fn command_at(
    app: &App,
    caller: &Caller,
    input: &Input,
    at: Moment,
    command: Command,
    render: Render,
) -> Result<HttpResponse, Problem> {
    input.refuse_query()?;
    submit(app, caller, input.answer_key(app, caller), at, command, render).await
}

async fn submit(
    app: &App,
    caller: &Caller,
    key: Option<AnswerKey>,
    at: Moment,
    order: Command,
    render: Render,
) -> Result<HttpResponse, Problem> {
    match app.boards.submit(caller.account, order, at, key, render).await {
        Reply::Answered(answer) => Ok(envelope::send(answer)),
        Reply::Replayed(answer) => Ok(replayed(answer)),
        Reply::KeyReused => Err(key_reused()),
        Reply::Diverged { constraint } => Err(StoreError::Constraint(constraint).into()),
        Reply::Full => Err(Problem::new(Code::OVERLOADED, "The board's queue is full. Nothing happened.")),
        Reply::Unknown => Err(StoreError::Unknown.into()),
        Reply::Unavailable => Err(StoreError::Unavailable("board".into()).into()),
    }
}

fn replayed(answer: Rendered) -> HttpResponse {
    let mut response = envelope::send(answer);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key_reused() -> Problem {
    let fault = Fault::new(Code::IDEMPOTENCY_KEY_REUSED, "This Idempotency-Key was used with another body.");
    fault.header("Idempotency-Key").into()
}
