use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::BoxError;
use crate::delivery::{Delivery, Outcome};
use crate::transport::BoxFuture;

/// What a layer wraps: the layers added after it, and below them the handler.
///
/// A [`Service`] of [`Delivery`]s; a cheap clone is made for each call. A layer calls it as
/// [`Builder::layer`](super::Builder::layer) shows.
pub struct Next(Box<dyn CloneService>);

impl Next {
    fn new<S>(service: S) -> Self
    where
        S: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        Self(Box::new(Erased(service)))
    }
}

impl Clone for Next {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl Service<Delivery> for Next {
    type Response = Outcome;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Outcome, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        self.0.call(delivery)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

/// [`Service`] as an object, with `Clone`.
trait CloneService: Send + Sync {
    fn clone_box(&self) -> Box<dyn CloneService>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, delivery: Delivery) -> BoxFuture<'static, Result<Outcome, BoxError>>;
}

#[derive(Clone)]
struct Erased<S>(S);

impl<S> CloneService for Erased<S>
where
    S: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    fn clone_box(&self) -> Box<dyn CloneService> {
        Box::new(self.clone())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, delivery: Delivery) -> BoxFuture<'static, Result<Outcome, BoxError>> {
        let called = self.0.call(delivery);
        Box::pin(async move { called.await.map_err(Into::into) })
    }
}

/// Below the last layer: the handler itself.
#[derive(Clone)]
struct Handler;

impl Service<Delivery> for Handler {
    type Response = Outcome;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Outcome, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let execute = delivery.message().operations.execute;
        let (core, pick, facts, payload) = delivery.into_parts();
        let executed = execute(core, pick, facts, payload);
        Box::pin(async move { Ok(executed.await) })
    }
}

/// One layer, with the types of what it makes behind it.
pub(crate) type Wrap = Box<dyn FnOnce(Next) -> Next + Send>;

pub(crate) fn wrap<L>(layer: L) -> Wrap
where
    L: Layer<Next> + Send + 'static,
    L::Service: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
    <L::Service as Service<Delivery>>::Error: Into<BoxError>,
    <L::Service as Service<Delivery>>::Future: Send + 'static,
{
    Box::new(move |next| Next::new(layer.layer(next)))
}

/// The layers of a node, the first added outermost.
#[derive(Debug)]
pub(crate) struct Layers(Next);

impl Layers {
    /// `None` where there are no layers, so that calls go past all of this.
    pub(crate) fn stack(wraps: Vec<Wrap>) -> Option<Self> {
        (!wraps.is_empty()).then(|| {
            let handler = Next::new(Handler);
            Self(
                wraps
                    .into_iter()
                    .rev()
                    .fold(handler, |next, wrap| wrap(next)),
            )
        })
    }

    /// Sends a delivery through all layers.
    pub(crate) async fn call(&self, delivery: Delivery) -> Result<Outcome, BoxError> {
        let mut service = self.0.clone();
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(delivery).await
    }
}
