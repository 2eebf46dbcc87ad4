//! Spans and events, with OpenTelemetry's names for messaging; nothing where nobody listens.

mod chain;
mod complaints;

use std::num::NonZeroU32;
use std::time::Duration;

use tracing::{Span, field};

use crate::delivery::{Envelope, Failure, Fault};
use crate::handler::{Facts, HandlerInfo};
use crate::message::MessageInfo;
use crate::node::{Core, SendError};

pub(crate) use chain::Chain;
pub(crate) use complaints::Complaints;

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
        error = failure.chain.join(": "),
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
    let why = match failure.fault {
        Fault::Permanent => "a message failed for good",
        Fault::Transient { .. } => "a message used up its attempts",
    };
    tracing::error!(
        target: "catga",
        node = %core.id,
        handler = handler.name(),
        message_type = envelope.info.name(),
        id = %envelope.id,
        attempts,
        error = failure.chain.join(": "),
        "{why} and is a dead letter"
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
        error = failure.chain.join(": "),
        "the handler of a broadcast failed; it is not tried again"
    );
}

/// An event was published for handlers of broadcasts alone, or the other way round.
#[cold]
pub(crate) fn passed_over(core: &Core, event: &MessageInfo, verb: &str, advice: &str) {
    tracing::warn!(
        target: "catga",
        node = %core.id,
        message_type = event.name(),
        "`{verb}` passes the handlers of this node over: {advice}"
    );
}
