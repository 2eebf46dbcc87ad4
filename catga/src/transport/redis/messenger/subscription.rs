use bytes::Bytes;
use tokio::sync::mpsc;

use super::CAPACITY;
use crate::routing::TopicPattern;
use crate::transport::redis::Shared;
use crate::transport::redis::error::Trouble;
use crate::transport::redis::link::{Channel, Listening};
use crate::transport::redis::wire::Parcel;
use crate::transport::{BoxFuture, Frame, Subscription};

/// The frames of one subscription.
pub(super) struct Frames {
    received: mpsc::Receiver<(String, Frame)>,
    _listening: Listening,
}

impl Shared {
    pub(super) async fn frames(&self, pattern: TopicPattern) -> Result<Frames, Trouble> {
        let (frames, received) = mpsc::channel(CAPACITY);
        let prefix = self.names.subjects();
        let channel = channel(&prefix, &pattern);
        let deliver = Box::new(move |name: &str, payload: Bytes| {
            // A `*` of Redis goes beyond a segment.
            let subject = name
                .strip_prefix(&*prefix)
                .filter(|subject| pattern.matches(subject));
            if let Some(subject) = subject
                && let Some(Parcel::Told(frame)) = Parcel::decode(payload)
            {
                // At most once: a subscription that is full misses it.
                let _ = frames.try_send((subject.to_owned(), frame));
            }
        });
        Ok(Frames {
            _listening: self.link.listen(channel, deliver).await?,
            received,
        })
    }
}

impl Subscription for Frames {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(self.received.recv())
    }
}

/// The channels that a pattern of subjects needs; more than it matches.
fn channel(prefix: &str, pattern: &TopicPattern) -> Channel {
    let mut name = prefix.to_owned();
    let mut is_pattern = false;
    for (at, segment) in pattern.as_str().split('.').enumerate() {
        if at > 0 {
            name.push('.');
        }
        if let "*" | ">" = segment {
            is_pattern = true;
            name.push('*');
        } else {
            name.push_str(segment);
        }
    }
    if is_pattern {
        Channel::Like(escaped(&name))
    } else {
        Channel::Exactly(name)
    }
}

/// `?`, `[` and `\` stand for themselves; `*` is never part of a fixed segment.
fn escaped(pattern: &str) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    for letter in pattern.chars() {
        if matches!(letter, '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel_of(pattern: &str) -> Channel {
        channel("p:", &pattern.parse().unwrap())
    }

    #[test]
    fn patterns_become_patterns_of_redis() {
        assert_eq!(channel_of("a.b?"), Channel::Exactly("p:a.b?".into()));
        assert_eq!(
            channel_of("a.*.c[d]"),
            Channel::Like("p:a.*.c\\[d\\]".into())
        );
        assert_eq!(channel_of("a.>"), Channel::Like("p:a.*".into()));
    }
}
