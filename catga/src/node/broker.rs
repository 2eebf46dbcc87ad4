use std::fmt;
use std::sync::Arc;

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

impl From<&str> for Broker {
    fn from(url: &str) -> Self {
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
        Self(Kind::Transport(Arc::new(memory)))
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

/// The URL as it may be shown: without user and password.
pub(super) fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}…{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    }
}
