use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant as Moment};

use futures_util::future::{Either, select};
use redis::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::entry::{Fields, read};
use super::reading::{Reading, stored, streams, until_answered};
use super::script;
use super::shared::{GROUP, Token};
use super::stream_id::StreamId;
use crate::BoxError;
use crate::transport::redis::call::{Call, Script};
use crate::transport::redis::commands::Commands;
use crate::transport::redis::error::{Cause, Trouble};
use crate::transport::redis::link::Listening;
use crate::transport::{self, BoxFuture, GIVE_BACK_DELAY, SharedIntake, Ticket, VISIBILITY};

static CLAIM: LazyLock<Script> = script!("claim");

/// How often a consumer looks for what others have left.
const LOOK: Duration = Duration::from_secs(VISIBILITY.as_secs() / 3);

/// What was taken and not handed out within this time is left to others: it is about to be theirs.
const FRESH: Duration = Duration::from_secs(VISIBILITY.as_secs() / 2);

/// Where a look for what others have left begins.
const BEGINNING: &str = "0-0";

/// Where to go on, and what was found: id, fields and how often it was delivered.
type Claimed = (String, Vec<(Value, Value, u32)>);

/// Told when something was given back to the queue.
#[derive(Debug, Default)]
pub(super) struct GivenBack {
    pub(super) by_others: Notify,
    pub(super) by_this: Notify,
}

/// A node as a consumer of a shared queue.
pub(super) struct Consumer {
    listening: Listening,
    given_back: Arc<GivenBack>,
    commands: Arc<Commands>,
    reading: Reading,
    stream: [String; 1],
    name: String,
    /// What was taken and not yet handed out, and since when it may have been taken.
    waiting: VecDeque<(Moment, transport::Shared)>,
    /// A look for what others have left, on its way.
    claiming: Option<BoxFuture<'static, Result<Claimed, Trouble>>>,
    /// When its answer was last seen not to be there.
    waited: Moment,
    /// Where the next one begins, and when.
    from: String,
    look: Instant,
}

impl Consumer {
    pub(super) fn new(
        commands: Arc<Commands>,
        reading: Reading,
        stream: String,
        name: &str,
        listening: Listening,
        given_back: Arc<GivenBack>,
    ) -> Self {
        Self {
            listening,
            given_back,
            commands,
            reading,
            stream: [stream],
            name: name.to_owned(),
            waiting: VecDeque::new(),
            claiming: None,
            waited: Moment::now(),
            from: BEGINNING.to_owned(),
            look: Instant::now(),
        }
    }

    /// Takes what others have left for too long: they are dead, or do not extend it.
    async fn claim(&mut self, count: usize) -> Result<(), Trouble> {
        let claiming = match &mut self.claiming {
            Some(claiming) => claiming,
            None => {
                let mut call = Call::new(&CLAIM, &self.stream);
                call.arg(GROUP).arg(&self.name);
                call.arg(VISIBILITY.as_millis().to_string());
                call.arg(&self.from).arg(count);
                let commands = Arc::clone(&self.commands);
                self.waited = Moment::now();
                self.claiming
                    .insert(Box::pin(async move { commands.call(&call).await }))
            }
        };
        let claimed = until_answered(claiming, &mut self.waited).await;
        self.claiming = None;
        let (from, entries) = claimed?;
        if from == BEGINNING {
            self.look = Instant::now() + LOOK;
        }
        self.from = from;
        for (id, fields, delivery) in entries {
            if let Some(id) = StreamId::of_value(&id) {
                self.take(self.waited, id, fields, delivery);
            }
        }
        Ok(())
    }

    fn take_all(&mut self, answer: Value) {
        let since = self.reading.since();
        for (_, entries) in streams(answer) {
            for (id, fields) in entries.into_iter().filter_map(stored) {
                self.take(since, id, fields, 1);
            }
        }
    }

    fn take(&mut self, since: Moment, id: StreamId, fields: Value, delivery: u32) {
        let token = Token {
            delivery,
            consumer: &self.name,
        };
        let shared = transport::Shared {
            ticket: Ticket {
                position: id.position(),
                token: token.to_string().into(),
            },
            taken: delivery,
            entry: read(Fields::of(fields), None),
        };
        self.waiting.push_back((since, shared));
    }

    /// Forgets what has waited for long: nobody extends it here, so another consumer, or this one,
    /// is about to take it over.
    fn forget_old(&mut self) {
        self.waiting.retain(|(since, _)| since.elapsed() < FRESH);
    }

    /// Takes what is there, or waits for a while.
    async fn fill(&mut self, room: usize) -> Result<(), BoxError> {
        let room = room.max(1);
        while self.claiming.is_some() || self.look <= Instant::now() {
            self.claim(room).await?;
            if !self.waiting.is_empty() {
                return Ok(());
            }
        }
        if !self.listening.is_open() {
            return Err(Trouble::Lost(Cause::Closed).into());
        }
        let came = {
            let read = pin!(self.reading.read(GROUP, &self.name, &self.stream, room));
            let by_others = pin!(self.given_back.by_others.notified());
            let by_this = pin!(self.given_back.by_this.notified());
            match select(read, select(by_others, by_this)).await {
                Either::Left((answer, _)) => Ok(answer?),
                Either::Right((Either::Left(_), _)) => Err(Instant::now()),
                Either::Right((Either::Right(_), _)) => Err(Instant::now() + GIVE_BACK_DELAY),
            }
        };
        match came {
            Ok(answer) => self.take_all(answer),
            Err(look) => {
                // The read goes on, and is answered later.
                self.look = self.look.min(look);
                BEGINNING.clone_into(&mut self.from);
            }
        }
        Ok(())
    }
}

impl SharedIntake for Consumer {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<transport::Shared>>> {
        Box::pin(async move {
            self.forget_old();
            while self.waiting.is_empty() {
                if let Err(error) = self.fill(room).await {
                    tracing::debug!(target: "catga", stream = %self.stream[0], error, "a consumer has ended");
                    return None;
                }
                self.forget_old();
            }
            let count = room.min(self.waiting.len());
            let taken = self.waiting.drain(..count);
            Some(taken.map(|(_, shared)| shared).collect())
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Vec<transport::Shared>> {
        Box::pin(async move {
            if self.claiming.is_some() {
                // What is lost on the way is visible again after a while.
                let _ = self.claim(0).await;
            }
            if let Some(Ok(answer)) = self.reading.rest().await {
                self.take_all(answer);
            }
            self.waiting.into_iter().map(|(_, shared)| shared).collect()
        })
    }
}
