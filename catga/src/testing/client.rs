use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::process::Process;
use super::world::{Inner, chain};
use crate::message::{Command, Event, Message, MessageId, Request};
use crate::node::{Node, Options, Published, SendError, StoreError, Stored};

/// Calls the verbs of a node that is drawn for each call, and notes what becomes of it.
///
/// Made by [`World::any`](super::World::any) and [`World::on`](super::World::on). While no node is
/// up, a call waits for one.
#[derive(Clone)]
#[must_use = "a client does nothing until a verb is called"]
pub struct Client {
    pub(super) world: Arc<Inner>,
    service: Option<Arc<str>>,
    options: Options,
}

impl Client {
    pub(super) fn new(world: &Arc<Inner>, service: Option<Arc<str>>) -> Self {
        Self {
            world: Arc::clone(world),
            service,
            options: Options::new(),
        }
    }

    /// Options for the call.
    pub fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// [`Node::enqueue`].
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn enqueue<M: Command>(self, command: M) -> Result<Stored, CallError<StoreError>> {
        let (given, called) = (self.options.id, self.world.history.called());
        let options = self.options.clone();
        let stored = self
            .call(|node| async move { node.with(options).enqueue(command).await })
            .await;
        let receipt = stored.as_ref().map(|stored| (stored.id(), None));
        self.note::<M>(given, called, receipt);
        stored
    }

    /// [`Node::publish`].
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn publish<M: Event>(self, event: M) -> Result<Published, CallError<StoreError>> {
        let (given, called) = (self.options.id, self.world.history.called());
        let options = self.options.clone();
        let published = self
            .call(|node| async move { node.with(options).publish(event).await })
            .await;
        let receipt = published.as_ref().map(|published| {
            let services = published.services().map(str::to_owned).collect();
            (published.id(), Some(services))
        });
        self.note::<M>(given, called, receipt);
        published
    }

    /// [`Node::send`].
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn send<M: Request>(
        self,
        request: M,
    ) -> Result<M::Response, CallError<SendError<M::Error>>> {
        let options = self.options.clone();
        self.call(|node| async move { node.with(options).send(request).await })
            .await
    }

    fn note<M: Message>(
        &self,
        given: Option<MessageId>,
        called: u64,
        receipt: Result<(MessageId, Option<Vec<String>>), &CallError<StoreError>>,
    ) {
        let (id, outcome) = match receipt {
            Ok((id, services)) => (Some(id), Ok(services)),
            Err(CallError::Died) => (given, Err("its node died".to_owned())),
            Err(CallError::Verb(error)) => (given.or(error.id()), Err(chain(error))),
        };
        if let Some(id) = id {
            let history = &self.world.history;
            history.answered(id, M::info().name(), called, outcome);
        }
    }

    async fn call<T, E, F>(&self, verb: impl FnOnce(Node) -> F) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let (process, node) = self.node().await;
        within(&process, verb(node)).await
    }

    pub(super) async fn node(&self) -> (Arc<Process>, Node) {
        loop {
            if let Some(found) = self.draw() {
                return found;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn draw(&self) -> Option<(Arc<Process>, Node)> {
        let state = self.world.state();
        let of_service = |service: usize| {
            let name = &self.world.services[service].name;
            self.service.as_ref().is_none_or(|wanted| wanted == name)
        };
        let up: Vec<_> = state
            .sites
            .iter()
            .filter(|site| of_service(site.service))
            .filter_map(super::site::Site::node)
            .filter(|(process, _)| process.is_running())
            .collect();
        let drawn = up.get(self.world.broker.below(up.len()))?;
        Some((Arc::clone(drawn.0), drawn.1.clone()))
    }
}

/// A call is a part of the process: it stands still with it, and ends with it.
pub(super) async fn within<T, E>(
    process: &Arc<Process>,
    verb: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
    let call = process.within(verb);
    match select(pin!(call), pin!(process.died())).await {
        Either::Left((result, _)) => result.map_err(CallError::Verb),
        Either::Right(_) => Err(CallError::Died),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("service", &self.service)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Why a call of a [`Client`] has no result.
///
/// [`Debug`](fmt::Debug) of what the verb says is that of the verb's error.
#[non_exhaustive]
pub enum CallError<E> {
    /// The node died with the call under way.
    Died,
    /// What the verb says.
    Verb(E),
}

impl<E: fmt::Debug> fmt::Debug for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died => f.write_str("Died: the node died with the call under way"),
            Self::Verb(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died => f.write_str("the node died with the call under way"),
            Self::Verb(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Died => None,
            Self::Verb(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_that_of_the_verb() {
        let said = || StoreError::NoService { message: "Place" };
        let error = CallError::Verb(said());
        assert_eq!(format!("{error:?}"), format!("{:?}", said()));
        let died = CallError::<StoreError>::Died;
        assert_eq!(format!("{died:?}"), format!("Died: {died}"));
    }
}
