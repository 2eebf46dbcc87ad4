use std::fmt;
use std::sync::Arc;

#[cfg(feature = "nats")]
use crate::transport::Nats;
#[cfg(feature = "redis")]
use crate::transport::Redis;
use crate::transport::{Memory, Transport};

/// What connects a node to others; see [`Builder::broker`](super::Builder::broker).
///
/// Made from a URL, from [`Memory`], or from a transport of your own.
#[derive(Clone)]
pub struct Broker(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    /// The node is alone.
    None,
    Transport(Arc<dyn Transport>),
    /// A URL that this build cannot use: an error when the node is checked.
    Unknown(String),
}

impl Broker {
    /// A transport of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::Node;
    /// use catga::node::Broker;
    /// use catga::transport::Memory;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = Broker::new(Memory::private());
    /// let node = Node::builder("orders").broker(broker).only(|_| false).start().await?;
    /// assert_eq!(node.members().len(), 1);
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(transport: impl Transport) -> Self {
        Self(Kind::Transport(Arc::new(transport)))
    }
}

/// A URL: `memory://NAME`, or that of a broker whose feature is on. Any other is a
/// [`Problem::Broker`](crate::wiring::Problem::Broker) at the start.
impl From<&str> for Broker {
    fn from(url: &str) -> Self {
        #[cfg(feature = "nats")]
        if url.starts_with("nats://") || url.starts_with("tls://") {
            return Nats::url(url).into();
        }
        #[cfg(feature = "redis")]
        if is_redis(url) {
            return Redis::url(url).into();
        }
        Self(match url.strip_prefix("memory://") {
            Some("") => Kind::None,
            Some(name) => Kind::Transport(Arc::new(Memory::named(name))),
            None => Kind::Unknown(url.to_owned()),
        })
    }
}

impl From<String> for Broker {
    fn from(url: String) -> Self {
        url.as_str().into()
    }
}

impl From<Memory> for Broker {
    fn from(memory: Memory) -> Self {
        Self::new(memory)
    }
}

#[cfg(feature = "nats")]
impl From<Nats> for Broker {
    fn from(nats: Nats) -> Self {
        Self::new(nats)
    }
}

#[cfg(feature = "redis")]
impl From<Redis> for Broker {
    fn from(redis: Redis) -> Self {
        Self::new(redis)
    }
}

impl From<Arc<dyn Transport>> for Broker {
    fn from(transport: Arc<dyn Transport>) -> Self {
        Self(Kind::Transport(transport))
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::None => f.write_str("memory://"),
            Kind::Transport(transport) => transport.fmt(f),
            Kind::Unknown(url) => f.write_str(&without_credentials(url)),
        }
    }
}

#[cfg(feature = "redis")]
fn is_redis(url: &str) -> bool {
    let scheme = url.split("://").next();
    matches!(
        scheme,
        Some("redis" | "rediss" | "valkey" | "valkeys" | "redis+unix" | "valkey+unix" | "unix")
    )
}

/// The URL as it may be shown: without user and password.
pub(crate) fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}…{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Builder;

    #[test]
    fn credentials_are_never_shown() {
        assert_eq!(
            without_credentials("nats://me:secret@host:1"),
            "nats://…@host:1"
        );
        assert_eq!(without_credentials("nats://host"), "nats://host");
        let builder = Builder::new("a".into()).broker("redis://:secret@host");
        assert!(!format!("{builder:?}").contains("secret"));
    }
}
