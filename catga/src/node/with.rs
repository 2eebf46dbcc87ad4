use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::store::{self, Broadcast, Published, StoreError, StoreFuture, Stored, UnderWay};
use super::{Core, NodeId, Options, SendError, SendFuture};
use crate::handler::{Key, Parent};
use crate::message::{Command, Event, Message, Request};

/// How many messages of a batch are on their way to the broker at once.
const WINDOW: usize = 1_000;

/// The verbs of a [`Node`](crate::Node) or a [`Context`](crate::Context), with options for one
/// call.
///
/// Each verb promises what it promises on [`Node`](crate::Node). Made by
/// [`Node::with`](crate::Node::with) and [`Context::with`](crate::Context::with); good for one call.
///
/// # Examples
///
/// ```
/// use catga::node::With;
/// use catga::{Context, Headers, Node, Options, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = String)]
/// #[derive(Serialize, Deserialize)]
/// struct Greeting;
///
/// #[query(response = String)]
/// #[derive(Serialize, Deserialize)]
/// struct Name;
///
/// /// Passes the header on.
/// #[handler]
/// async fn greeting(_: Greeting, cx: Context) -> Result<String, catga::BoxError> {
///     let user = cx.headers().get("user").ok_or("nobody asks")?;
///     let name = cx.with(Options::new().header("user", user)).send(Name).await?;
///     Ok(format!("hello {name}"))
/// }
///
/// #[handler]
/// async fn name(_: Name, headers: Headers) -> String {
///     headers.get("user").unwrap_or("nobody").to_uppercase()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("greetings")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let with_user: With<'_> = node.with(Options::new().header("user", "ada"));
/// assert_eq!(with_user.send(Greeting).await?, "hello ADA");
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "options alone do nothing: call a verb"]
pub struct With<'a> {
    pub(super) core: &'a Arc<Core>,
    options: Option<Box<Options>>,
    /// The execution that makes the call.
    parent: Option<&'a Parent>,
}

impl<'a> With<'a> {
    pub(crate) const fn new(core: &'a Arc<Core>) -> Self {
        Self {
            core,
            options: None,
            parent: None,
        }
    }

    pub(crate) const fn child(core: &'a Arc<Core>, parent: &'a Parent) -> Self {
        Self {
            core,
            options: None,
            parent: Some(parent),
        }
    }

    pub(crate) fn with(mut self, options: Options) -> Self {
        self.options = Some(Box::new(options));
        self
    }

    /// See [`Node::send`](crate::Node::send).
    pub fn send<M: Request>(self, message: M) -> SendFuture<'a, M::Itself> {
        let core = self.core;
        let (options, _) = self.options("send", &message);
        SendFuture::new(core, options, message.into())
    }

    /// See [`Node::send_to`](crate::Node::send_to).
    pub fn send_to<M: Request>(mut self, node: &NodeId, message: M) -> SendFuture<'a, M::Itself> {
        self.options.get_or_insert_default().to = Some(node.clone());
        self.send(message)
    }

    /// See [`Node::send_all`](crate::Node::send_all).
    pub async fn send_all<M: Request>(
        self,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<M::Response, SendError<M::Error>>> {
        // A queue for each key; an unkeyed message is a queue of its own.
        let mut queues: Vec<Vec<(usize, M)>> = Vec::new();
        let mut keys: HashMap<Arc<str>, usize> = HashMap::new();
        let mut count = 0;
        for message in messages {
            let queue = match message.text() {
                Some(key) => *keys.entry(key).or_insert(queues.len()),
                None => queues.len(),
            };
            if queue == queues.len() {
                queues.push(Vec::new());
            }
            queues[queue].push((count, message));
            count += 1;
        }
        let this = &self;
        let mut running: FuturesUnordered<_> = queues
            .into_iter()
            .map(async |queue| {
                let mut replies = Vec::with_capacity(queue.len());
                for (index, message) in queue {
                    replies.push((index, this.nth(index).send(message).await));
                }
                replies
            })
            .collect();
        let mut replies: Vec<Option<_>> = std::iter::repeat_with(|| None).take(count).collect();
        while let Some(done) = running.next().await {
            for (index, reply) in done {
                replies[index] = Some(reply);
            }
        }
        replies.into_iter().flatten().collect()
    }

    /// See [`Node::enqueue`](crate::Node::enqueue).
    pub fn enqueue<M: Command>(self, command: M) -> StoreFuture<'a, Stored> {
        let core = self.core;
        let (options, child) = self.options("enqueue", &command);
        store::enqueue(core, options, child, command)
    }

    /// See [`Node::enqueue_all`](crate::Node::enqueue_all).
    pub async fn enqueue_all<M: Command>(
        self,
        commands: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Stored, StoreError>> {
        self.store_all(commands, With::enqueue, true).await
    }

    /// See [`Node::publish`](crate::Node::publish).
    pub fn publish<M: Event>(self, event: M) -> StoreFuture<'a, Published> {
        let core = self.core;
        let (options, child) = self.options("publish", &event);
        store::publish(core, options, child, event)
    }

    /// See [`Node::publish_all`](crate::Node::publish_all).
    pub async fn publish_all<M: Event>(
        self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Published, StoreError>> {
        // What is shown to others is shown while it is polled.
        let handed = !self.core.tap;
        self.store_all(events, With::publish, handed).await
    }

    /// See [`Node::broadcast`](crate::Node::broadcast).
    pub fn broadcast<M: Event>(self, event: M) -> StoreFuture<'a, Broadcast> {
        let core = self.core;
        let (options, child) = self.options("broadcast", &event);
        StoreFuture::boxed(core, store::broadcast(core, options, child, event))
    }

    /// See [`Node::broadcast_all`](crate::Node::broadcast_all).
    pub async fn broadcast_all<M: Event>(
        self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Broadcast, StoreError>> {
        self.store_all(events, With::broadcast, false).await
    }

    /// Hands messages over in their order, many at once where a broker stores them. `handed` says
    /// that they go on by themselves then.
    async fn store_all<M: Message, T: Send + 'a>(
        self,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send,
        verb: impl Fn(Self, M) -> StoreFuture<'a, T> + Send,
        handed: bool,
    ) -> Vec<Result<T, StoreError>> {
        let window = if self.core.cluster.is_some() {
            WINDOW
        } else {
            1
        };
        let mut under_way = UnderWay::new(handed);
        let mut results = Vec::new();
        for (n, message) in messages.into_iter().enumerate() {
            if under_way.len() == window {
                // Half of them, so that what comes next is many for each queue and not one.
                while under_way.len() > window / 2 {
                    results.extend(under_way.next().await);
                }
            }
            under_way.push(verb(self.nth(n), message).begun());
        }
        while let Some(result) = under_way.next().await {
            results.push(result);
        }
        results
    }

    /// The same for the n-th message of a batch: an id that was given is the first one's, and the
    /// others get one that follows from it.
    fn nth(&self, n: usize) -> With<'a> {
        With {
            core: self.core,
            options: self.options.clone().map(|mut options| {
                options.id = options.id.map(|id| id.nth(n));
                options
            }),
            parent: self.parent,
        }
    }

    /// The options of a call, and whether a handler makes it.
    fn options<M: Message>(self, verb: &'static str, message: &M) -> (Option<Box<Options>>, bool) {
        match self.parent {
            None => (self.options, false),
            Some(parent) => {
                let mut options = self.options.unwrap_or_default();
                *options = parent.child_options(std::mem::take(&mut *options), verb, message);
                (Some(options), true)
            }
        }
    }
}

impl fmt::Debug for With<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With")
            .field("node", &self.core.id)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
