//! Spans and events, with OpenTelemetry's names for messaging; nothing where nobody listens.

use std::num::NonZeroU32;
use std::time::Duration;

use tracing::{Span, field};

use crate::delivery::{Envelope, Failure};
use crate::handler::{Facts, HandlerInfo};
use crate::node::{Core, SendError};

/// Whether a subscriber may want spans: one load of a global.
#[inline]
pub(crate) fn enabled() -> bool {
    tracing::level_enabled!(tracing::Level::INFO)
}

/// The span of one attempt to handle a message.
#[cold]
pub(crate) fn handling(core: &Core, handler: &'static HandlerInfo, facts: &Facts) -> Span {
    tracing::info_span!(
        target: "catga",
        "process",
        otel.name = format_args!("process {}", handler.message().name()),
        otel.kind = "consumer",
        otel.status_code = field::Empty,
        error.type = field::Empty,
        messaging.system = "catga",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = handler.message().name(),
        messaging.client.id = core.id.as_str(),
        messaging.message.id = %facts.id(),
        messaging.consumer.group.name = &*core.service,
        code.function.name = format_args!("{}::{}", handler.module(), handler.name()),
        catga.attempt = facts.attempt.get(),
    )
}

/// Marks the span of a message whose handler failed.
pub(crate) fn failed<E>(span: &Span, error: &SendError<E>) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error.kind());
}

pub(crate) fn retrying(
    core: &Core,
    handler: &'static HandlerInfo,
    envelope: &Envelope,
    attempt: NonZeroU32,
    failure: &Failure,
    delay: Duration,
) {
    tracing::warn!(
        target: "catga",
        node = %core.id,
        handler = handler.name(),
        message_type = envelope.info.name(),
        id = %envelope.id,
        attempt,
        error = failure.text(),
        ?delay,
        "an attempt failed; the message is tried again"
    );
}

pub(crate) fn dead_lettered(
    core: &Core,
    handler: &'static HandlerInfo,
    envelope: &Envelope,
    attempts: NonZeroU32,
    failure: &Failure,
) {
    tracing::error!(
        target: "catga",
        node = %core.id,
        handler = handler.name(),
        message_type = envelope.info.name(),
        id = %envelope.id,
        attempts,
        error = failure.text(),
        "a message used up its attempts and is a dead letter"
    );
}

pub(crate) fn broadcast_failed(
    core: &Core,
    handler: &'static HandlerInfo,
    envelope: &Envelope,
    failure: &Failure,
) {
    tracing::warn!(
        target: "catga",
        node = %core.id,
        handler = handler.name(),
        message_type = envelope.info.name(),
        id = %envelope.id,
        error = failure.text(),
        "the handler of a broadcast failed; it is not tried again"
    );
}
