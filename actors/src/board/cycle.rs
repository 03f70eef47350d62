//! One turn of the board: prepare (read what is needed, and where the account stands), decide, commit, evolve, announce,
//! answer. Every step between two futures is synchronous.

use std::sync::Arc;
use std::time::Instant;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use chrono::Utc;
use muster_domain::dispatch::board::{Board, Known, Needs};
use muster_domain::journal::Fact;

use super::{BATCH_LIMIT, BoardActor, LookAt, Reply, SNAPSHOT_EVERY, Submit, Unread, Waiting};
use crate::ports::{Batch, BoardStore, CommitError, Entry, Later, Prepared, Rendered, Unavailable};

type Ctx = Context<BoardActor>;

/// Decided and waiting for the commit.
struct Decided {
    waiting: Waiting,
    answer: Rendered,
    facts: Vec<Arc<Fact>>,
}

impl BoardActor {
    /// Starts the next step if none is in flight.
    pub(super) fn go_on(&mut self, ctx: &mut Ctx) {
        if self.busy || (self.queue.is_empty() && self.looks.is_empty() && !self.behind) {
            return;
        }
        if self.committed.is_none() {
            let read = if self.misled { BoardStore::reload } else { BoardStore::load };
            return self.then(ctx, read(&*self.store, self.account, Utc::now()), Self::loaded);
        }
        self.behind = false;
        let size = if self.alone > 0 { 1 } else { BATCH_LIMIT };
        let batch: Vec<Waiting> = self.queue.drain(..self.queue.len().min(size)).collect();
        self.alone = self.alone.saturating_sub(batch.len());
        let mut needs = Needs::default();
        batch.iter().for_each(|waiting| needs.extend(waiting.submit.command.needs(&self.ahead)));
        let keys = batch.iter().filter_map(|waiting| waiting.submit.key.clone()).collect();
        // Only those that asked before the position is read: what is read then is true for them.
        let looks = std::mem::take(&mut self.looks);
        let prepare = self.store.prepare(self.account, needs, keys);
        self.then(ctx, prepare, move |board, ctx, prepared| board.prepared(ctx, batch, looks, prepared));
    }

    /// Runs `step` with what the future brings; meanwhile the mailbox stays open.
    fn then<T: 'static>(
        &mut self,
        ctx: &mut Ctx,
        future: Later<T>,
        step: impl FnOnce(&mut Self, &mut Ctx, T) + 'static,
    ) {
        self.busy = true;
        let run = future.into_actor(self).map(move |value, board, ctx| {
            board.busy = false;
            step(board, ctx, value);
            board.go_on(ctx);
        });
        ctx.spawn(run);
    }

    fn loaded(&mut self, _: &mut Ctx, loaded: Result<Board, Unavailable>) {
        match loaded {
            Ok(board) => {
                self.misled = false;
                self.observer.changed(self.account, &board, &[]);
                self.ahead = board.clone();
                self.committed = Some(board);
            }
            Err(Unavailable) => {
                self.queue.drain(..).for_each(|waiting| waiting.answer(|| Reply::Unavailable));
                self.looks.drain(..).for_each(|look| (look.look)(Err(Unread::Unavailable)));
                self.behind = false;
            }
        }
    }

    fn prepared(
        &mut self,
        ctx: &mut Ctx,
        batch: Vec<Waiting>,
        looks: Vec<LookAt>,
        prepared: Result<Prepared, Unavailable>,
    ) {
        let (Ok(prepared), Some(committed)) = (prepared, &mut self.committed) else {
            batch.into_iter().for_each(|waiting| waiting.answer(|| Reply::Unavailable));
            looks.into_iter().for_each(|look| (look.look)(Err(Unread::Unavailable)));
            return;
        };
        if prepared.head.board_seq != committed.position() {
            self.put_back(batch);
            self.looks.splice(0..0, looks);
            return self.catch_up(ctx);
        }
        for (job, visits) in prepared.recalled {
            self.ahead.recall(job.clone(), visits.clone());
            committed.recall(job, visits);
        }
        for look in looks {
            (look.look)(Ok(committed));
        }
        let decided = self.decide(batch, prepared.known, &prepared.kept);
        self.commit(ctx, decided);
    }

    /// Another server's board, or the record lane, wrote: their entries first, then everything again.
    fn catch_up(&mut self, ctx: &mut Ctx) {
        metrics::counter!("muster_board_catch_ups_total").increment(1);
        self.behind = true;
        let position = self.committed.as_ref().map(Board::position).unwrap_or_default();
        let since = self.store.since(self.account, position);
        self.then(ctx, since, |board, _, since| match (since, &mut board.committed) {
            (Ok(Some(entries)), Some(committed)) if !entries.is_empty() => {
                for entry in &entries {
                    committed.evolve(entry.seq, &entry.fact);
                    board.ahead.evolve(entry.seq, &entry.fact);
                }
                board.observer.changed(board.account, committed, &entries);
            }
            // Too far behind, or a position that no journal explains: from the store, entirely.
            (since, _) => {
                board.misled = since.is_ok();
                board.committed = None;
            }
        });
    }

    /// A repetition that came in while its first was in flight is joined to it now: side by side in one batch they
    /// would be decided twice under one key, and such a batch can never be committed.
    fn put_back(&mut self, batch: Vec<Waiting>) {
        for mut waiting in batch.into_iter().rev() {
            let again = waiting.submit.key.as_ref().and_then(|key| self.queued_with(key));
            if let Some(again) = again.and_then(|at| self.queue.remove(at)) {
                let hash = again.submit.key.map(|key| key.body_hash).unwrap_or_default();
                waiting.joined.push((again.submit.reply, hash));
                waiting.joined.extend(again.joined);
            }
            self.queue.push_front(waiting);
        }
    }

    /// In order, each on the state left by the one before.
    fn decide(
        &mut self,
        batch: Vec<Waiting>,
        known: Known,
        kept: &std::collections::BTreeMap<usize, crate::ports::Kept>,
    ) -> Vec<Decided> {
        let mut decided: Vec<Decided> = Vec::with_capacity(batch.len());
        let mut keys = 0;
        for waiting in batch {
            let index = waiting.submit.key.as_ref().map(|_| keys);
            keys += usize::from(index.is_some());
            if let Some(kept) = index.and_then(|index| kept.get(&index)) {
                waiting.replay(kept);
                continue;
            }
            let Submit { command, moment, render, .. } = &waiting.submit;
            let decision = self.ahead.decide(command, moment, &known);
            for fact in &decision.facts {
                let next = self.ahead.position() + 1;
                self.ahead.evolve(next, fact);
            }
            let answer = render(&self.ahead, &decision);
            decided.push(Decided { waiting, answer, facts: decision.facts.into_iter().map(Arc::new).collect() });
        }
        decided
    }

    fn commit(&mut self, ctx: &mut Ctx, decided: Vec<Decided>) {
        let Some(committed) = &self.committed else { return };
        if decided.iter().all(|one| one.facts.is_empty()) {
            return decided.into_iter().for_each(|one| one.waiting.answered(one.answer));
        }
        let mut batch = Batch { decided_at: committed.position(), facts: Vec::new(), answers: Vec::new() };
        for one in decided.iter().filter(|one| !one.facts.is_empty()) {
            let Submit { moment, key, .. } = &one.waiting.submit;
            batch.facts.extend(one.facts.iter().map(|fact| (moment.now, moment.by, Arc::clone(fact))));
            batch.answers.extend(key.clone().map(|key| (key, one.answer.clone())));
        }
        metrics::histogram!("muster_board_batch_commands").record(decided.len() as f64);
        let facts = batch.facts.clone();
        let began = Instant::now();
        let commit = self.store.commit(self.account, batch);
        self.then(ctx, commit, move |board, _, outcome| {
            metrics::histogram!("muster_commit_seconds").record(began.elapsed());
            match outcome {
                Ok(first) => board.done(first, facts, decided),
                Err(error) => board.undone(error, decided),
            }
        });
    }

    /// It is in the database: now memory may change, and everybody may hear of it.
    fn done(
        &mut self,
        first: i64,
        facts: Vec<(chrono::DateTime<Utc>, muster_domain::By, Arc<Fact>)>,
        decided: Vec<Decided>,
    ) {
        let Some(committed) = &mut self.committed else { return };
        let entries: Vec<Entry> =
            (first..).zip(facts).map(|(seq, (at, by, fact))| Entry { seq, at, by, fact }).collect();
        for entry in &entries {
            committed.evolve(entry.seq, &entry.fact);
        }
        self.ahead.moved_to(committed.position());
        self.since_snapshot += entries.len();
        self.observer.changed(self.account, committed, &entries);
        self.observer.committed(self.account, &entries);
        if self.since_snapshot >= committed.size().clamp(*SNAPSHOT_EVERY.start(), *SNAPSHOT_EVERY.end()) {
            self.save_snapshot();
        }
        decided.into_iter().for_each(|one| one.waiting.answered(one.answer));
    }

    fn undone(&mut self, error: CommitError, decided: Vec<Decided>) {
        if let Some(committed) = &self.committed {
            self.ahead = committed.clone();
        }
        let batch: Vec<Waiting> = decided.into_iter().map(|one| one.waiting).collect();
        metrics::counter!("muster_commit_failures_total", "because" => because(&error)).increment(1);
        match error {
            CommitError::Refused { constraint } => {
                // The rules allowed what the database does not: one of the two is wrong, and the database wins.
                tracing::error!(account = %self.account, constraint, commands = batch.len(), "decisions diverged");
                metrics::counter!("muster_divergences_total").increment(1);
                self.committed = None;
                self.misled = true;
                if batch.len() == 1 {
                    batch.into_iter().for_each(|one| one.answer(|| Reply::Diverged { constraint: constraint.clone() }));
                } else {
                    // One of them is guilty; alone, each gets its own answer.
                    self.alone += batch.len();
                    self.put_back(batch);
                }
            }
            CommitError::Stale | CommitError::Answered => self.put_back(batch),
            CommitError::Unknown => {
                self.committed = None;
                batch.into_iter().for_each(|waiting| waiting.answer(|| Reply::Unknown));
            }
            CommitError::Unavailable => batch.into_iter().for_each(|waiting| waiting.answer(|| Reply::Unavailable)),
        }
    }

    /// Lets go of what ended long ago, in a quiet moment.
    pub(super) fn tidy(&mut self) {
        let Some(committed) = self.committed.as_mut().filter(|_| !self.busy) else { return };
        let now = Utc::now();
        if committed.wakes_at().is_some_and(|at| at <= now) {
            committed.forget(now);
            self.ahead.forget(now);
        }
    }

    fn save_snapshot(&mut self) {
        let Some(committed) = &self.committed else { return };
        self.since_snapshot = 0;
        let save = self.store.save_snapshot(self.account, Box::new(committed.clone()));
        // Losing one costs the next start some reading, nothing else.
        actix::spawn(async move { drop(save.await) });
    }

    pub(super) fn sleep(&mut self, ctx: &mut Ctx) {
        let idle = !self.busy && self.queue.is_empty() && self.looks.is_empty();
        if idle {
            self.save_snapshot();
            ctx.stop();
        }
    }
}

fn because(error: &CommitError) -> &'static str {
    match error {
        CommitError::Refused { .. } => "refused",
        CommitError::Stale => "stale",
        CommitError::Answered => "answered",
        CommitError::Unknown => "unknown",
        CommitError::Unavailable => "unavailable",
    }
}

impl Waiting {
    fn answered(self, answer: Rendered) {
        let hash = self.submit.key.map(|key| key.body_hash);
        for (reply, other) in self.joined {
            let same = hash == Some(other);
            reply.send(if same { Reply::Replayed(answer.clone()) } else { Reply::KeyReused }).ok();
        }
        self.submit.reply.send(Reply::Answered(answer)).ok();
    }

    fn replay(self, kept: &crate::ports::Kept) {
        let reply = |hash: &[u8; 32]| {
            if *hash == kept.body_hash { Reply::Replayed(kept.answer.clone()) } else { Reply::KeyReused }
        };
        let own = self.submit.key.as_ref().map(|key| reply(&key.body_hash)).unwrap_or(Reply::KeyReused);
        self.joined.into_iter().for_each(|(sender, hash)| drop(sender.send(reply(&hash))));
        self.submit.reply.send(own).ok();
    }

    fn answer(self, reply: impl Fn() -> Reply) {
        self.joined.into_iter().for_each(|(sender, _)| drop(sender.send(reply())));
        self.submit.reply.send(reply()).ok();
    }
}
