//! What the nodes handle. A stream is what one publisher sends, one message after the other; the
//! keyed ones have it as their key.

use std::time::Duration;

use catga::{Context, Fault, MessageId, command, event, query};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

#[command(error = Failure)]
#[route(key = "stream")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Book {
    pub stream: String,
    pub number: u64,
    pub fate: Fate,
}

#[event]
#[route(key = "stream")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Booked {
    pub stream: String,
    pub number: u64,
    /// One for each of its handlers.
    pub fates: [Fate; 2],
}

#[command(error = Failure)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tidy {
    pub stream: String,
    pub number: u64,
    pub fate: Fate,
}

/// The dead letters of the service.
#[query(response = Vec<Letter>)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letters {
    /// Those behind this number.
    pub after: u64,
}

/// A dead letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letter {
    pub number: u64,
    pub id: MessageId,
    /// `None` where it stands for all handlers of the message.
    pub handler: Option<String>,
    pub reason: String,
}

/// What is to become of a message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Fate {
    /// How long an attempt takes.
    millis: u64,
    end: End,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum End {
    Succeed,
    /// It fails as often as this, and succeeds then.
    Fail(u32),
    /// No attempt can help.
    Refuse,
}

#[derive(Debug, thiserror::Error, Fault, Serialize, Deserialize)]
pub enum Failure {
    #[error("it was told to fail")]
    #[transient]
    Told,
    #[error("it was told to refuse")]
    #[permanent]
    Refused,
    #[error("the sink refuses the write: its fence is from the past")]
    #[transient]
    Fenced,
    #[error("the sink does not answer")]
    #[transient]
    Unwritten,
}

impl Fate {
    pub fn draw(chance: &mut Rng) -> Self {
        let millis = match chance.u8(..20) {
            0..8 => 0,
            8..18 => chance.u64(1..20),
            18 => chance.u64(20..200),
            _ => chance.u64(200..800),
        };
        let end = match chance.u8(..100) {
            0..5 => End::Fail(chance.u32(1..3)),
            5 => End::Refuse,
            _ => End::Succeed,
        };
        Self { millis, end }
    }

    /// Does what was drawn.
    pub async fn befall(self, cx: &Context) -> Result<(), Failure> {
        if self.millis > 0 {
            sleep(Duration::from_millis(self.millis)).await;
        }
        match self.end {
            End::Fail(times) if cx.attempt().get() <= times => Err(Failure::Told),
            End::Refuse => Err(Failure::Refused),
            End::Succeed | End::Fail(_) => Ok(()),
        }
    }
}
