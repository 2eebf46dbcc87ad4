//! Publishers: one for each stream, which sends the next message when the last one was
//! acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catga::node::StoreError;
use catga::{MessageId, Node, Options};
use fastrand::Rng;
use tokio::time::sleep;

use crate::journal::Journal;
use crate::messages::{Book, Booked, Fate, Tidy};

/// Well above what a fault takes, so that it comes to doubts as well as to waits.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Nearly every call that has no more time than this is in doubt.
const HASTE: Duration = Duration::from_millis(1);

/// What a publisher has at hand.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub node: Node,
    pub journal: Arc<Journal>,
    pub stop: Arc<AtomicBool>,
}

impl Publisher {
    /// Publishes a stream until it is told to stop; returns when all of it is acknowledged.
    pub async fn run(self, stream: String, keyed: bool, mut chance: Rng) {
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let message = Message::draw(&stream, number, keyed, &mut chance);
            let id = self.publish(&message, &stream, &mut chance).await;
            self.journal
                .acknowledged(&stream, number, id, message.due());
            // In bursts: a third follows at once.
            if chance.u8(..3) > 0 {
                sleep(Duration::from_millis(chance.u64(1..300))).await;
            }
        }
    }

    /// Repeats a message under one id until it is acknowledged.
    async fn publish(&self, message: &Message, stream: &str, chance: &mut Rng) -> MessageId {
        // Half of them have their id from the first call on.
        let mut id = chance.bool().then(MessageId::new);
        loop {
            let timeout = if chance.u8(..50) == 0 { HASTE } else { TIMEOUT };
            let mut options = Options::new().timeout(timeout);
            if let Some(id) = id {
                options = options.id(id);
            }
            match message.store(&self.node, options).await {
                Ok(id) => return id,
                Err(error) => {
                    id = id.or(error.id());
                    if timeout != HASTE {
                        let text = format!("{stream} is in doubt: {error}");
                        self.journal.incident(text);
                    }
                }
            }
            sleep(Duration::from_millis(chance.u64(..100))).await;
        }
    }
}

enum Message {
    Book(Book),
    Booked(Booked),
    Tidy(Tidy),
}

impl Message {
    fn draw(stream: &str, number: u64, keyed: bool, chance: &mut Rng) -> Self {
        let stream = stream.to_owned();
        let fate = Fate::draw(chance);
        if !keyed {
            return Self::Tidy(Tidy {
                stream,
                number,
                fate,
            });
        }
        if chance.bool() {
            return Self::Book(Book {
                stream,
                number,
                fate,
            });
        }
        let fates = [fate, Fate::draw(chance)];
        Self::Booked(Booked {
            stream,
            number,
            fates,
        })
    }

    /// The handlers that take it.
    fn due(&self) -> &'static [&'static str] {
        match self {
            Self::Book(_) => &["book"],
            Self::Booked(_) => &["sum", "list"],
            Self::Tidy(_) => &["tidy"],
        }
    }

    async fn store(&self, node: &Node, options: Options) -> Result<MessageId, StoreError> {
        let with = node.with(options);
        match self {
            Self::Book(command) => Ok(with.enqueue(command.clone()).await?.id()),
            Self::Tidy(command) => Ok(with.enqueue(command.clone()).await?.id()),
            Self::Booked(event) => Ok(with.publish(event.clone()).await?.id()),
        }
    }
}
