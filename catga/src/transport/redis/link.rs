//! The connection for subscriptions: one for all, made when it is needed.
//!
//! It is one to the server of what the whole namespace shares. When it breaks, or that is another
//! server, everything that was subscribed ends; whoever needs it subscribes again, over a new one.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, StreamExt as _};
use redis::Msg;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::{mpsc, oneshot};

use super::commands::Commands;
use super::error::{Cause, Trouble};
use super::primary::{CONNECT, within};

/// How long the server may take to confirm a subscription.
const CONFIRM: Duration = Duration::from_secs(2);

/// A channel, or a pattern of channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Channel {
    Exactly(String),
    /// As `PSUBSCRIBE` has it.
    Like(String),
}

/// What is done with a payload; the name of its channel comes first. *Must not* block.
pub(super) type Deliver = Box<dyn FnMut(&str, Bytes) + Send>;

/// Makes the connection, and again after it broke.
pub(super) struct Link {
    commands: Arc<Commands>,
    current: Mutex<Option<Line>>,
    connecting: tokio::sync::Mutex<()>,
    listeners: AtomicU64,
}

/// A connection for subscriptions.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// What a Redis Cluster calls its server; empty if that is in none.
    pub(super) server: Box<str>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What the task of a connection is told to do.
enum Order {
    Listen {
        channel: Channel,
        listener: u64,
        deliver: Deliver,
        done: oneshot::Sender<Result<(), Trouble>>,
    },
    Leave {
        channel: Channel,
        listener: u64,
    },
}

/// Ends a subscription when it is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    channel: Channel,
    listener: u64,
    orders: mpsc::UnboundedSender<Order>,
}

impl Link {
    pub(super) fn new(commands: Arc<Commands>) -> Self {
        Self {
            commands,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            listeners: AtomicU64::new(0),
        }
    }

    /// Subscribes. Everything that is published after this has returned is delivered, until the
    /// connection breaks: then `deliver` is dropped.
    pub(super) async fn listen(
        &self,
        channel: Channel,
        deliver: Deliver,
    ) -> Result<Listening, Trouble> {
        let line = self.line().await?;
        self.listen_over(&line, channel, deliver).await
    }

    /// The same over one connection and no other.
    pub(super) async fn listen_over(
        &self,
        line: &Line,
        channel: Channel,
        deliver: Deliver,
    ) -> Result<Listening, Trouble> {
        let orders = &line.orders;
        let listener = self.listeners.fetch_add(1, Ordering::Relaxed);
        let (done, confirmed) = oneshot::channel();
        // If the caller does not wait for the end, this undoes what was begun.
        let listening = Listening {
            channel: channel.clone(),
            listener,
            orders: orders.clone(),
        };
        let order = Order::Listen {
            channel,
            listener,
            deliver,
            done,
        };
        if orders.send(order).is_err() {
            return Err(Trouble::Lost(Cause::Closed));
        }
        confirmed
            .await
            .unwrap_or(Err(Trouble::Lost(Cause::Closed)))?;
        Ok(listening)
    }

    /// The connection that is there, or a new one.
    pub(super) async fn line(&self) -> Result<Line, Trouble> {
        if let Some(line) = self.known() {
            return Ok(line);
        }
        let _turn = self.connecting.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(line) = self.known() {
            return Ok(line);
        }
        let home = self.commands.home().await?;
        let primary = &home.primary;
        let (sink, stream) = within(CONNECT, primary.client()?.get_async_pubsub())
            .await
            .map_err(|cause| {
                self.commands.failed(&home);
                primary.away(cause)
            })?
            .split();
        let (orders, received) = mpsc::unbounded_channel();
        let line = Line {
            server: primary.id.clone(),
            orders,
        };
        *self.current() = Some(line.clone());
        let commands = Arc::clone(&self.commands);
        tokio::spawn(async move {
            let run = std::pin::pin!(Task::default().run(sink, stream, received));
            if let Either::Left(_) = select(run, commands.leaves_home(&home)).await {
                // What broke this has most likely broken the other connection, too; without this,
                // the next command would be the one to find out.
                commands.broke(&home);
            }
        });
        Ok(line)
    }

    fn known(&self) -> Option<Line> {
        self.current()
            .as_ref()
            .filter(|line| !line.orders.is_closed())
            .cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Line>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("connected", &self.known().is_some())
            .finish_non_exhaustive()
    }
}

impl Listening {
    /// Whether its connection is there.
    pub(super) fn is_open(&self) -> bool {
        !self.orders.is_closed()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A connection that broke has no subscriptions any more.
        let _ = self.orders.send(Order::Leave {
            channel: self.channel.clone(),
            listener: self.listener,
        });
    }
}

/// Who listens to what, over one connection.
#[derive(Default)]
struct Task {
    listeners: HashMap<Channel, Vec<(u64, Deliver)>>,
}

impl Task {
    /// Runs until the connection breaks, or until nobody is left who could use it.
    async fn run(
        mut self,
        mut sink: PubSubSink,
        mut stream: PubSubStream,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) {
        loop {
            let order = std::pin::pin!(orders.recv());
            match select(order, stream.next()).await {
                Either::Left((Some(order), _)) => {
                    if self.follow(&mut sink, &mut stream, order).await.is_err() {
                        return;
                    }
                }
                Either::Right((Some(message), _)) => self.deliver(&message),
                Either::Left((None, _)) | Either::Right((None, _)) => return,
            }
        }
    }

    /// `Err` if the connection is no good any more.
    async fn follow(
        &mut self,
        sink: &mut PubSubSink,
        stream: &mut PubSubStream,
        order: Order,
    ) -> Result<(), Cause> {
        match order {
            Order::Listen {
                channel,
                listener,
                deliver,
                done,
            } => {
                let answered = match self.listeners.contains_key(&channel) {
                    true => Ok(()),
                    false => confirmed(subscribe(sink, &channel)).await,
                };
                match answered {
                    Ok(()) => {
                        let listeners = self.listeners.entry(channel).or_default();
                        listeners.push((listener, deliver));
                        // Who does not wait any more leaves by itself.
                        let _ = done.send(Ok(()));
                        Ok(())
                    }
                    Err(Trouble::Lost(cause)) => Err(cause),
                    Err(refused) => {
                        let _ = done.send(Err(refused));
                        Ok(())
                    }
                }
            }
            Order::Leave { channel, listener } => {
                let Some(listeners) = self.listeners.get_mut(&channel) else {
                    return Ok(());
                };
                if listeners.iter().all(|(number, _)| *number == listener) {
                    let answered = confirmed(unsubscribe(sink, &channel)).await;
                    // What came until then counts as delivered: an inbox refuses it.
                    while let Some(Some(message)) = stream.next().now_or_never() {
                        self.deliver(&message);
                    }
                    self.listeners.remove(&channel);
                    if let Err(Trouble::Lost(cause)) = answered {
                        return Err(cause);
                    }
                } else {
                    listeners.retain(|(number, _)| *number != listener);
                }
                Ok(())
            }
        }
    }

    fn deliver(&mut self, message: &Msg) {
        let name = message.get_channel_name();
        let channel = match message.get_pattern::<Option<String>>() {
            Ok(Some(pattern)) => Channel::Like(pattern),
            _ => Channel::Exactly(name.to_owned()),
        };
        if let Some(listeners) = self.listeners.get_mut(&channel) {
            let payload = Bytes::copy_from_slice(message.get_payload_bytes());
            for (_, deliver) in listeners {
                deliver(name, payload.clone());
            }
        }
    }
}

async fn subscribe(sink: &mut PubSubSink, channel: &Channel) -> redis::RedisResult<()> {
    match channel {
        Channel::Exactly(name) => sink.subscribe(name).await,
        Channel::Like(pattern) => sink.psubscribe(pattern).await,
    }
}

async fn unsubscribe(sink: &mut PubSubSink, channel: &Channel) -> redis::RedisResult<()> {
    match channel {
        Channel::Exactly(name) => sink.unsubscribe(name).await,
        Channel::Like(pattern) => sink.punsubscribe(pattern).await,
    }
}

async fn confirmed(answer: impl Future<Output = redis::RedisResult<()>>) -> Result<(), Trouble> {
    within(CONFIRM, answer).await.map_err(Trouble::sent)
}
