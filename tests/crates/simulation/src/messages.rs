//! What the simulated services handle.

use std::time::Duration;

use catga::testing::Sink;
use catga::{Context, Fault, MessageId, command, event};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// What is to become of a message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Fate {
    Succeed,
    /// It takes this many milliseconds.
    Slow(u64),
    /// It fails as often as this, and succeeds then.
    Fail(u32),
    /// It panics as often as this, and succeeds then.
    Panic(u32),
    /// No attempt can help.
    Refuse,
    /// No attempt can help before it was a dead letter.
    RefuseAtFirst,
}

/// The header of what was a dead letter.
const REPLAY: &str = "catga-replay";

/// What handlers say that panic because they were told to.
pub const PANIC: &str = "it was told to panic";

#[derive(Debug, thiserror::Error, Fault, Serialize, Deserialize)]
pub enum Failure {
    #[error("it was told to fail")]
    #[transient]
    Transient,
    #[error("it was told to refuse")]
    #[permanent]
    Permanent,
}

impl Fate {
    pub fn draw(chance: &mut fastrand::Rng) -> Self {
        match chance.u8(..20) {
            0..3 => Self::Fail(chance.u32(1..4)),
            3..5 => Self::Panic(chance.u32(1..3)),
            5 => Self::Refuse,
            6 => Self::RefuseAtFirst,
            7..13 => Self::Slow(chance.u64(1..3_000)),
            _ => Self::Succeed,
        }
    }

    /// What is to become of what a handler sends with this fate.
    pub const fn of_child(self) -> Self {
        match self {
            Self::Slow(millis) => Self::Slow(millis / 4),
            Self::Fail(_) => Self::Fail(1),
            Self::Panic(_) | Self::Refuse | Self::RefuseAtFirst | Self::Succeed => Self::Succeed,
        }
    }

    /// Does what was drawn.
    pub async fn befall(self, cx: &Context) -> Result<(), Failure> {
        let attempt = cx.attempt().get();
        match self {
            Self::Slow(millis) => sleep(Duration::from_millis(millis)).await,
            Self::Fail(times) if attempt <= times => return Err(Failure::Transient),
            Self::Panic(times) if attempt <= times => {
                sleep(Duration::from_millis(5)).await;
                panic!("{PANIC}");
            }
            Self::Refuse => return Err(Failure::Permanent),
            Self::RefuseAtFirst if cx.headers().get(REPLAY).is_none() => {
                return Err(Failure::Permanent);
            }
            Self::RefuseAtFirst | Self::Succeed | Self::Fail(_) | Self::Panic(_) => {}
        }
        Ok(())
    }
}

#[command(error = Failure)]
#[route(key = "account")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Book {
    pub account: u32,
    pub fate: Fate,
}

#[event]
#[route(key = "account")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Booked {
    pub account: u32,
    pub fate: Fate,
}

/// What handlers send.
#[command(error = Failure)]
#[route(key = "account")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Post {
    pub account: u32,
    /// The message whose handler sent it.
    pub parent: MessageId,
    /// Which of its handlers.
    pub by: String,
    pub fate: Fate,
}

impl Post {
    /// Posts something because of the message of `cx`: the same each time.
    pub async fn send(
        cx: &Context,
        sink: &Sink,
        by: &str,
        account: u32,
        fate: Fate,
    ) -> Result<(), Failure> {
        let (parent, by) = (cx.id(), by.to_owned());
        let post = Self {
            account,
            parent,
            by,
            fate,
        };
        let stored = sink.enqueue(cx, post).await;
        stored.map(drop).map_err(|_| Failure::Transient)
    }
}

#[command(error = Failure)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tidy {
    pub fate: Fate,
}

/// What one version of the accounts handles.
#[command(error = Failure)]
#[route(key = "account")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Freeze {
    pub account: u32,
    pub fate: Fate,
}

/// What another version handles.
#[command(error = Failure)]
#[route(key = "account")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Merge {
    pub account: u32,
    pub fate: Fate,
}

/// The same, for no account.
#[command(error = Failure)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Archive {
    pub fate: Fate,
}

#[event]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tidied {
    pub fate: Fate,
}
