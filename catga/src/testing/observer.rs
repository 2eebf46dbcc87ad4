use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::enqueued::Enqueued;
use super::sink::{Sink, observed};
use crate::BoxError;
use crate::delivery::{Delivery, Outcome};
use crate::node::Next;
use crate::transport::BoxFuture;

/// The innermost layer of a node: sees the handlers of stored messages start and end.
#[derive(Debug, Clone)]
pub(super) struct Observer(pub(super) Sink);

impl Layer<Next> for Observer {
    type Service = Observed;

    fn layer(&self, next: Next) -> Observed {
        Observed {
            sink: self.0.clone(),
            next,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Observed {
    sink: Sink,
    next: Next,
}

impl Service<Delivery> for Observed {
    type Response = Outcome;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Outcome, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        if !delivery.is_stored() || delivery.handler().is_broadcast() {
            let Sink { process, .. } = self.sink.clone();
            let called = self.next.call(delivery);
            return Box::pin(async move { process.within(called).await });
        }
        let Sink {
            history, process, ..
        } = self.sink.clone();
        let entry = Enqueued::of(delivery.id(), delivery.headers());
        let handler = delivery.handler().name();
        let (attempt, fence) = (delivery.attempt(), delivery.fence());
        let key = delivery.key().map(Arc::from);
        let called = self.next.call(delivery);
        Box::pin(async move {
            let begin = || history.begin(&process, entry, handler, key, attempt, fence);
            observed(&process, begin, called, |result| match result {
                Ok(outcome) => outcome
                    .error()
                    .map_or(Ok(()), |error| Err(error.to_string())),
                Err(error) => Err(error.to_string()),
            })
            .await
        })
    }
}
