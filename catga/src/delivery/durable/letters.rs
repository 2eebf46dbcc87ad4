//! Messages that are not handled, with everything that is known of why.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::Engine;
use super::engine::Acked;
use super::item::{Content, Item};
use super::patience::Patience;
use super::run::End;
use crate::delivery::{DeadLetter, Failure, Reason};
use crate::handler::HandlerInfo;
use crate::message::{ContentType, MessageId};
use crate::node::{Core, epoch_now, time_now, time_of};
use crate::transport::{Entry, Malformed, StoredLetter};

const REASON: &str = "catga-dead-reason";
const HANDLER: &str = "catga-dead-handler";
const ATTEMPTS: &str = "catga-dead-attempts";
const ERROR: &str = "catga-dead-error";
const NODE: &str = "catga-dead-node";
/// In microseconds since 1970.
const TIME: &str = "catga-dead-time";

/// The most that is told of an error: a letter is as large as its message and this.
const CONTEXT: usize = 8 * 1024;

/// Why a message is not handled.
#[derive(Debug)]
pub(super) enum BurialCause<'a> {
    /// A handler could not.
    Failed {
        handler: &'static HandlerInfo,
        attempts: NonZeroU32,
        failure: &'a Failure,
    },
    /// No node of the service knows its type.
    UnknownType,
    /// It was replayed for this handler, which the node that has it does not have.
    NoHandler(&'a str),
    /// It is no message, or its format is not known.
    Unreadable,
    /// It cannot be stored for those who take it, or has no key.
    Refused(String),
    /// It was running when this many nodes died.
    Crashes(NonZeroU32),
}

/// Buries a message that no handler is run for.
pub(super) async fn bury_whole(
    core: &Core,
    engine: &Engine,
    item: &Item,
    content: &Content,
    death: &BurialCause<'_>,
) -> End {
    // Who stood still meanwhile may have lost its right to it. From the shared queue nobody has one.
    let running = match item.ticket {
        Some(_) => None,
        None => Some(item.term.begin(&engine.cluster).await),
    };
    tracing::error!(
        target: "catga",
        node = %core.id,
        position = item.position.sequence,
        partition = item.term.partition,
        why = death.chain(content).join(": "),
        "a message is not handled and is a dead letter"
    );
    let end = bury(core, engine, item, content, death, true).await;
    if let Some(running) = running {
        item.keep(running);
    }
    end
}

/// Writes a dead letter, and acknowledges its message if it is the `last` word on it. Asks the
/// broker until that is done.
pub(super) async fn bury(
    core: &Core,
    engine: &Engine,
    item: &Item,
    content: &Content,
    death: &BurialCause<'_>,
    last: bool,
) -> End {
    let (id, letter) = (death.id(item, content), death.letter(core, content));
    let queues = engine.cluster.transport.queues();
    let mut patience = Patience::new();
    loop {
        let acked = if last { engine.release_of(item) } else { None };
        let release = acked.as_ref().map(Acked::release);
        let bury = queues.bury(&engine.service, &id, &letter, release);
        match engine.cluster.limited("write a dead letter", bury).await {
            Ok(()) if acked.is_some() => return End::Buried,
            Ok(()) => return End::Handled,
            Err(error) => {
                let failed = "a dead letter could not be written";
                patience.wait(engine, failed, &error).await;
            }
        }
    }
}

impl BurialCause<'_> {
    fn reason(&self) -> Reason {
        match self {
            Self::Failed { failure, .. } => Reason::of(failure.fault),
            Self::UnknownType | Self::NoHandler(_) => Reason::UnknownType,
            Self::Unreadable | Self::Refused(_) => Reason::Unreadable,
            Self::Crashes(_) => Reason::Crashes,
        }
    }

    pub(super) fn chain(&self, content: &Content) -> Vec<String> {
        match self {
            Self::Failed { failure, .. } => failure.chain.clone(),
            Self::UnknownType => {
                vec!["nobody who is there takes a message of this type".to_owned()]
            }
            Self::NoHandler(handler) => vec![format!(
                "it was replayed for the handler `{handler}`, which this node does not have: replay it once all nodes of the service have the handler, or discard it"
            )],
            Self::Refused(why) => vec![why.clone()],
            Self::Unreadable => vec![match content {
                Content::Malformed(malformed) => malformed.error.clone(),
                Content::Message(entry, _)
                | Content::Foreign(entry)
                | Content::Unreadable(entry) => {
                    format!("nothing here reads the format `{}`", entry.content_type)
                }
            }],
            Self::Crashes(crashes) => vec![format!(
                "it was running each time when {crashes} nodes died, one after the other"
            )],
        }
    }

    fn attempts(&self) -> u32 {
        match self {
            Self::Failed { attempts, .. } => attempts.get(),
            Self::Crashes(crashes) => crashes.get(),
            Self::UnknownType | Self::NoHandler(_) | Self::Unreadable | Self::Refused(_) => 0,
        }
    }

    /// The same for each time that the letter is written, and no other letter's: messages of several
    /// types may have one id, and positions are those of a partition.
    fn id(&self, item: &Item, content: &Content) -> String {
        let of = match self {
            Self::Failed { handler, .. } => xxh3_64(handler.path().as_bytes()),
            Self::NoHandler(handler) => xxh3_64(handler.as_bytes()),
            _ => 0,
        };
        match content.entry() {
            Some(entry) => format!(
                "{}-{of:x}-{}-{}",
                entry.id, item.term.partition, item.position.sequence
            ),
            None => format!(
                "{}-{}-{}",
                item.term.partition, item.position.sequence, item.position.stored
            ),
        }
    }

    pub(super) fn letter(&self, core: &Core, content: &Content) -> Entry {
        let mut letter = match content {
            Content::Malformed(malformed) => unreadable(malformed, MessageId::new()),
            Content::Message(entry, _) | Content::Foreign(entry) | Content::Unreadable(entry) => {
                Entry::clone(entry)
            }
        };
        let headers = &mut letter.headers;
        headers.insert(REASON, self.reason().as_str());
        headers.insert(ATTEMPTS, self.attempts().to_string());
        headers.insert(NODE, core.id.as_str());
        headers.insert(TIME, epoch_now().to_string());
        headers.insert(ERROR, told(self.chain(content)));
        match self {
            Self::Failed { handler, .. } => headers.insert(HANDLER, handler.path()),
            Self::NoHandler(handler) => headers.insert(HANDLER, *handler),
            _ => {}
        }
        letter
    }
}

impl Content {
    fn entry(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::Message(entry, _) | Self::Foreign(entry) | Self::Unreadable(entry) => Some(entry),
            Self::Malformed(_) => None,
        }
    }
}

/// What was found, as far as it goes.
fn unreadable(malformed: &Malformed, id: MessageId) -> Entry {
    let name = malformed.headers.get("ce-type").unwrap_or_default();
    Entry {
        id,
        name: Cow::Owned(name.to_owned()),
        source: "".into(),
        time: time_now(),
        key: None,
        content_type: Cow::Borrowed("application/octet-stream"),
        headers: malformed.headers.clone(),
        payload: malformed.payload.clone(),
    }
}

/// The chain of errors as JSON, cut where it is too long.
fn told(chain: Vec<String>) -> String {
    let mut left = CONTEXT;
    let texts: Vec<String> = chain
        .into_iter()
        .map(|mut text| {
            let end = text.floor_char_boundary(left);
            text.truncate(end);
            left -= end;
            text
        })
        .take_while(|text| !text.is_empty())
        .collect();
    ContentType::Json
        .encode(&texts)
        .ok()
        .and_then(|bytes| String::from_utf8(Vec::from(bytes)).ok())
        .unwrap_or_default()
}

/// Whether a letter is one because nobody knew its type.
#[cfg(feature = "testing")]
pub(crate) fn is_of_unknown_type(letter: &Entry) -> bool {
    let headers = &letter.headers;
    headers.get(REASON) == Some(Reason::UnknownType.as_str()) && headers.get(HANDLER).is_none()
}

/// A dead letter as users see it.
pub(super) fn letter_of(stored: StoredLetter, unclaimed: bool) -> DeadLetter {
    let entry = match stored.letter {
        Ok(entry) => Arc::unwrap_or_clone(entry),
        Err(malformed) => {
            // The same each time that it is read.
            let whose = if unclaimed { "door" } else { "own" };
            let place = format!("{whose}-{}", stored.number);
            unreadable(&malformed, MessageId::from_hash(xxh3_128(place.as_bytes())))
        }
    };
    let mut headers = entry.headers;
    let time = headers.remove(TIME).and_then(|time| time.parse().ok());
    DeadLetter {
        number: stored.number,
        id: entry.id,
        message: entry.name,
        key: entry.key,
        reason: headers
            .remove(REASON)
            .and_then(|reason| Reason::parse(&reason))
            .unwrap_or(Reason::Unreadable),
        handler: headers.remove(HANDLER),
        attempts: headers
            .remove(ATTEMPTS)
            .and_then(|attempts| attempts.parse().ok())
            .unwrap_or(0),
        chain: headers
            .remove(ERROR)
            .and_then(|texts| ContentType::Json.decode(texts.as_bytes()).ok())
            .unwrap_or_default(),
        node: headers.remove(NODE).unwrap_or_default(),
        failed_at: time.map_or(UNIX_EPOCH, time_of),
        headers,
        content_type: entry.content_type,
        payload: entry.payload,
        source: entry.source,
        time: entry.time,
        unclaimed,
    }
}

/// The message of a dead letter, to be stored again.
pub(super) fn entry_of_letter(letter: &DeadLetter) -> Entry {
    Entry {
        id: letter.id,
        name: letter.message.clone(),
        source: Arc::clone(&letter.source),
        time: letter.time,
        key: letter.key.clone(),
        content_type: letter.content_type.clone(),
        headers: letter.headers.clone(),
        payload: Bytes::clone(&letter.payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Headers;

    #[test]
    fn a_malformed_letter_has_the_same_id_each_time() {
        let read = |number, unclaimed| {
            let letter = StoredLetter {
                number,
                letter: Err(Malformed {
                    error: "no id".to_owned(),
                    headers: Headers::new(),
                    payload: Bytes::new(),
                }),
            };
            letter_of(letter, unclaimed).id()
        };
        assert_eq!(read(1, false), read(1, false));
        assert_ne!(read(1, false), read(2, false));
        assert_ne!(read(1, false), read(1, true));
    }
}
