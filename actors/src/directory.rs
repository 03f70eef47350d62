//! Where to find an account's board: starts it on first use, and replaces it after it slept, stopped or panicked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix::prelude::SendError;
use actix::{Actor, Addr, Arbiter, Handler, Message};
use muster_domain::Moment;
use muster_domain::dispatch::board::{Board, Command};
use muster_domain::ids::AccountId;
use tokio::sync::oneshot;

pub use crate::board::Unread;
use crate::board::{Behind, BoardActor, LookAt, Observer, Render, Reply, Sleep, Submit};
use crate::ports::{AnswerKey, BoardStore};

/// A board that dies before it takes a message is replaced so often.
const DELIVERIES: usize = 3;

pub struct Directory {
    store: Arc<dyn BoardStore>,
    observer: Arc<dyn Observer>,
    arbiters: Vec<Arbiter>,
    boards: Mutex<HashMap<AccountId, Addr<BoardActor>>>,
}

impl Directory {
    /// `threads`: how many threads the boards share.
    pub fn new(store: Arc<dyn BoardStore>, observer: Arc<dyn Observer>, threads: usize) -> Self {
        let arbiters = (0..threads.max(1)).map(|_| Arbiter::new()).collect();
        Self { store, observer, arbiters, boards: Mutex::default() }
    }

    fn board(&self, account: AccountId) -> Addr<BoardActor> {
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(board) = boards.get(&account).filter(|board| board.connected()) {
            return board.clone();
        }
        let (store, observer) = (Arc::clone(&self.store), Arc::clone(&self.observer));
        let thread = account.0.as_u128() % self.arbiters.len() as u128;
        let board = BoardActor::start_in_arbiter(&self.arbiters[thread as usize].handle(), move |ctx| {
            ctx.set_mailbox_capacity(crate::board::QUEUE_LIMIT);
            BoardActor::new(account, store, observer)
        });
        boards.insert(account, board.clone());
        board
    }

    /// Hands the board a command and waits for what becomes of it. Dropping the future does not take the command back.
    pub async fn submit(
        &self,
        account: AccountId,
        command: Command,
        moment: Moment,
        key: Option<AnswerKey>,
        render: Render,
    ) -> Reply {
        let (reply, answer) = oneshot::channel();
        let submit = Submit { command, moment, key, render, reply };
        let board = match self.deliver(account, submit) {
            Ok(board) => board,
            Err(Unread::Full) => return Reply::Full,
            Err(Unread::Unavailable) => return Reply::Unavailable,
        };
        if let Ok(reply) = answer.await {
            return reply;
        }
        // A board that died with the command in hand: it may or may not have committed.
        self.forget(account, &board);
        Reply::Unknown
    }

    /// Reads the committed board, caught up with every other server.
    pub async fn look<T: Send + 'static>(
        &self,
        account: AccountId,
        look: impl FnOnce(&Board) -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let (found, answer) = oneshot::channel();
        let look = LookAt { look: Box::new(move |board| drop(found.send(board.map(look)))) };
        let board = self.deliver(account, look)?;
        match answer.await {
            Ok(found) => found,
            Err(_) => {
                self.forget(account, &board);
                Err(Unread::Unavailable)
            }
        }
    }

    /// To the account's board, or to the one that replaces it if it dies under our hands.
    fn deliver<M>(&self, account: AccountId, mut message: M) -> Result<Addr<BoardActor>, Unread>
    where
        M: Message<Result = ()> + Send + 'static,
        BoardActor: Handler<M>,
    {
        for _ in 0..DELIVERIES {
            let board = self.board(account);
            match board.try_send(message) {
                Ok(()) => return Ok(board),
                Err(SendError::Full(_)) => {
                    metrics::counter!("muster_queue_refusals_total", "queue" => "board_mailbox").increment(1);
                    return Err(Unread::Full);
                }
                Err(SendError::Closed(back)) => {
                    self.forget(account, &board);
                    message = back;
                }
            }
        }
        Err(Unread::Unavailable)
    }

    /// A board that has died may look alive for a moment longer; whoever comes next must not find it.
    fn forget(&self, account: AccountId, dead: &Addr<BoardActor>) {
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if boards.get(&account).is_some_and(|board| board == dead) {
            boards.remove(&account);
        }
    }

    /// The record lane or another server wrote what boards read. A board that is not awake need not know.
    pub fn behind(&self, account: AccountId) {
        let boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(board) = boards.get(&account) {
            // A full mailbox will make the board look at the store anyway.
            board.try_send(Behind).ok();
        }
    }

    /// Makes sure that the account's board is awake, so that its observers hear of the roster.
    pub fn wake(&self, account: AccountId) {
        self.board(account).try_send(Behind).ok();
    }

    /// Every board saves its snapshot and stops.
    pub fn sleep(&self) {
        let boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.values().for_each(|board| drop(board.try_send(Sleep)));
    }
}
