use std::fmt;

use redis::{ErrorKind, RedisError};

use crate::transport::TransportError;

/// Why Redis did not do what it was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no connection, and none could be made: nothing was sent.
    Away { server: Box<str>, cause: Cause },
    /// It was sent, and what became of it is unknown.
    Lost(Cause),
    /// The server answered that it did not do it.
    Refused(RedisError),
}

/// What happened to a connection.
#[derive(Debug)]
pub(super) enum Cause {
    Error(RedisError),
    /// No answer within this many seconds.
    Silence(u64),
    Closed,
    /// The address or the namespace.
    Unusable(Box<str>),
}

impl Trouble {
    /// What it means for something that was sent.
    pub(super) fn sent(cause: Cause) -> Self {
        match cause {
            Cause::Error(error)
                if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) =>
            {
                Self::Refused(error)
            }
            cause => Self::Lost(cause),
        }
    }

    /// The code that the server refused with, as in `OOM`.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => error.code(),
            Self::Away { .. } | Self::Lost(_) => None,
        }
    }

    pub(super) fn when(self, what: &'static str) -> TransportError {
        TransportError::new(what, self)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away { server, .. } => write!(f, "no connection to Redis at {server}"),
            Self::Lost(_) => f.write_str("the connection to Redis was lost"),
            Self::Refused(_) => f.write_str("Redis refused"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Away { cause, .. } | Self::Lost(cause) => Some(cause),
            Self::Refused(error) => Some(error),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Silence(seconds) => write!(f, "no answer within {seconds} s"),
            Self::Closed => f.write_str("it was closed"),
            Self::Unusable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Error(error) => error.source(),
            Self::Silence(_) | Self::Closed | Self::Unusable(_) => None,
        }
    }
}
