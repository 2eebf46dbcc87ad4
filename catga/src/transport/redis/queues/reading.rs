use std::future::poll_fn;
use std::pin::pin;
// How long the server has hidden something is a matter of its own clock, also in a test whose clock
// stands.
use std::time::{Duration, Instant};

use futures_util::future::{Either, Fuse, select};
use redis::{Cmd, Value};

use super::stream_id::StreamId;
use crate::transport::BoxFuture;
use crate::transport::redis::commands::Separate;
use crate::transport::redis::error::Cause;
use crate::transport::redis::separate::Connection;

/// How long the server lets a read wait for entries. Then it is asked anew.
const BLOCK: Duration = Duration::from_secs(1);

/// Reads that block, over a connection of their own.
pub(super) struct Reading {
    /// Not there while there is an answer to wait for, and once it broke.
    connection: Option<Connection>,
    /// Ends when the server is known not to have the queue any more.
    leaves: Fuse<BoxFuture<'static, ()>>,
    /// The answer to the last read; kept until it is taken, so that nothing is lost when nobody
    /// waits for it any more.
    answer: Option<BoxFuture<'static, Result<(Connection, Value), Cause>>>,
    /// When the answer was last seen not to be there.
    waited: Instant,
}

impl Reading {
    pub(super) fn new(separate: Separate) -> Self {
        Self {
            connection: Some(separate.connection),
            leaves: separate.leaves,
            answer: None,
            waited: Instant::now(),
        }
    }

    /// What the group has not got yet from these streams, at most `count` of each; nothing if
    /// there was nothing for a while. Reads that somebody stopped waiting for come first.
    pub(super) async fn read(
        &mut self,
        group: &str,
        consumer: &str,
        streams: &[impl AsRef<str>],
        count: usize,
    ) -> Result<Value, Cause> {
        let answer = match &mut self.answer {
            Some(answer) => answer,
            None => {
                let command = command(group, consumer, streams, count);
                let mut connection = self.connection.take().ok_or(Cause::Closed)?;
                self.waited = Instant::now();
                self.answer.insert(Box::pin(async move {
                    let value = connection.ask(&command).await?;
                    Ok((connection, value))
                }))
            }
        };
        let answered = {
            let waiting = pin!(until_answered(answer, &mut self.waited));
            // A server that has fallen out of its cluster may say nothing for long.
            match select(waiting, &mut self.leaves).await {
                Either::Left((answered, _)) => Some(answered),
                Either::Right(_) => None,
            }
        };
        match answered {
            Some(answered) => self.answered(answered),
            None => Err(Cause::Closed),
        }
    }

    /// The answer to a read that somebody stopped waiting for, if there is one. Nothing is asked.
    pub(super) async fn rest(&mut self) -> Option<Result<Value, Cause>> {
        let answered = self.answer.as_mut()?.await;
        Some(self.answered(answered))
    }

    fn answered(&mut self, answered: Result<(Connection, Value), Cause>) -> Result<Value, Cause> {
        self.answer = None;
        let (connection, value) = answered?;
        self.connection = Some(connection);
        Ok(value)
    }

    /// What the last answer brought is with this consumer since then, or for a shorter time.
    pub(super) const fn since(&self) -> Instant {
        self.waited
    }
}

/// Waits for an answer, and notes when it was not there yet: nobody may look at it for long.
pub(super) async fn until_answered<T>(
    answer: &mut BoxFuture<'static, T>,
    waited: &mut Instant,
) -> T {
    poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        if polled.is_pending() {
            *waited = Instant::now();
        }
        polled
    })
    .await
}

fn command(group: &str, consumer: &str, streams: &[impl AsRef<str>], count: usize) -> Cmd {
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(group).arg(consumer);
    command.arg("COUNT").arg(count);
    command.arg("BLOCK").arg(BLOCK.as_secs() * 1_000);
    command.arg("STREAMS");
    for stream in streams {
        command.arg(stream.as_ref());
    }
    for _ in streams {
        command.arg(">");
    }
    command
}

/// The streams of an answer, each with its entries.
pub(super) fn streams(answer: Value) -> Vec<(Value, Vec<Value>)> {
    let streams = match answer {
        // The client may speak the newer protocol.
        Value::Map(streams) => streams,
        Value::Array(streams) => streams.into_iter().filter_map(pair).collect(),
        _ => Vec::new(),
    };
    let entries = |(stream, entries)| match entries {
        Value::Array(entries) => Some((stream, entries)),
        _ => None,
    };
    streams.into_iter().filter_map(entries).collect()
}

/// An entry of a stream: its id and its fields.
pub(super) fn stored(entry: Value) -> Option<(StreamId, Value)> {
    let (id, fields) = pair(entry)?;
    Some((StreamId::of_value(&id)?, fields))
}

fn pair(value: Value) -> Option<(Value, Value)> {
    let Value::Array(values) = value else {
        return None;
    };
    let mut values = values.into_iter();
    Some((values.next()?, values.next()?))
}
