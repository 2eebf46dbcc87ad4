use std::fmt;

use async_nats::ConnectError;
use serde::Deserialize;

use crate::transport::TransportError;

/// Why NATS did not do what it was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no connection, and none could be made: nothing was sent.
    Away { servers: Box<str>, cause: Cause },
    /// It was not sent, for it has more bytes than the server takes.
    TooLarge { size: usize, limit: usize },
    /// Nobody listens on the subject: it was not delivered.
    NoResponder,
    /// It was not sent, for what should be stored before it may not be.
    Behind,
    /// It was sent, and what became of it is unknown.
    Lost(Cause),
    /// `JetStream` answered that it did not do it.
    Refused(Refused),
    /// The server, or what is stored there, cannot be used.
    Unfit(String),
}

/// What happened to a connection.
#[derive(Debug)]
pub(super) enum Cause {
    Connect(ConnectError),
    /// No answer within this many seconds.
    Silence(u64),
    Closed,
    /// The address, the credentials or the namespace.
    Unusable(Box<str>),
}

/// An error that `JetStream` answers with.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    #[serde(rename = "err_code", default)]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) description: String,
}

impl Trouble {
    pub(super) fn when(self, what: &'static str) -> TransportError {
        TransportError::new(what, self)
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away { servers, .. } => write!(f, "no connection to NATS at {servers}"),
            Self::TooLarge { size, limit } => write!(
                f,
                "it has {size} bytes with its headers, and the server takes at most {limit}: send less at once, or raise the server's `max_payload`"
            ),
            Self::NoResponder => {
                f.write_str("nobody answers: JetStream is off, or has no leader now")
            }
            Self::Behind => {
                f.write_str("what comes before it may not be stored: send all again, in order")
            }
            Self::Lost(_) => f.write_str("the connection to NATS was lost"),
            Self::Refused(_) => f.write_str("JetStream refused"),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Away { cause, .. } | Self::Lost(cause) => Some(cause),
            Self::Refused(refused) => Some(refused),
            Self::TooLarge { .. } | Self::NoResponder | Self::Behind | Self::Unfit(_) => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Silence(seconds) => write!(f, "no answer within {seconds} s"),
            Self::Closed => f.write_str("it was closed"),
            Self::Unusable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its own text has that of its source.
            Self::Connect(_) | Self::Silence(_) | Self::Closed | Self::Unusable(_) => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.description, self.code)
    }
}

impl std::error::Error for Refused {}
