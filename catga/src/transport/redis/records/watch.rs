//! What changes in the records.
//!
//! The channel tells each change with the version before it, so nothing is missed unseen. A watch
//! that missed something, or is told of a version by other answers and not by the channel, ends:
//! the next one reads everything.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::{ALL, Answer, Kind, number, parse};
use crate::transport::redis::Shared;
use crate::transport::redis::call::Call;
use crate::transport::redis::error::Trouble;
use crate::transport::redis::link::{Channel, Listening};
use crate::transport::{BoxFuture, Change, Record, Revision, Watch};

/// How much later than another answer the channel may tell of a version.
const PATIENCE: Duration = Duration::from_secs(2);

/// A watch of all records.
pub(super) struct Changes {
    /// What was read at the beginning and not yet told.
    waiting: VecDeque<Change>,
    /// Everything up to this version is told or waits to be.
    through: u64,
    told: mpsc::UnboundedReceiver<Bytes>,
    /// What other answers say is the last version.
    last: watch::Receiver<u64>,
    _listening: Listening,
}

/// Hashes as `HGETALL` has them.
type Hash = Vec<(String, Vec<u8>)>;

impl Shared {
    pub(super) async fn changes(&self) -> Result<Changes, Trouble> {
        // First the channel: what is written from here on is told there.
        let (tell, told) = mpsc::unbounded_channel();
        let channel = Channel::Exactly(self.names.changes());
        let deliver = Box::new(move |_: &str, payload| {
            // The watch may have ended.
            let _ = tell.send(payload);
        });
        let listening = self.link.listen(channel, deliver).await?;
        let hashes = self.names.hashes();
        let mut keys = vec![self.names.cluster("version")];
        keys.extend(hashes.iter().map(|(_, hash)| hash.clone()));
        let read: Answer<Vec<Hash>> = self.ask(&Call::new(&ALL, &keys)).await?;
        self.version.read(read.version);
        let mut waiting = VecDeque::new();
        for ((kind, _), hash) in hashes.iter().zip(read.rest) {
            for (name, stored) in hash {
                if let Some(record) = parse(stored.into()) {
                    waiting.push_back(Change::Put(kind.key(&name), record));
                }
            }
        }
        waiting.push_back(Change::Current);
        Ok(Changes {
            waiting,
            through: read.version,
            told,
            last: self.version.subscribe(),
            _listening: listening,
        })
    }
}

impl Changes {
    /// Takes what the channel told. `None` if something before it is missing.
    fn take(&mut self, payload: &Bytes) -> Option<()> {
        let told = Told::parse(payload)?;
        // Read at the beginning.
        if told.version <= self.through {
            return Some(());
        }
        if told.before != self.through {
            return None;
        }
        self.through = told.version;
        self.waiting.push_back(told.change);
        Some(())
    }
}

impl Watch for Changes {
    fn next(&mut self) -> BoxFuture<'_, Option<Change>> {
        Box::pin(async {
            loop {
                if let Some(change) = self.waiting.pop_front() {
                    return Some(change);
                }
                let behind = *self.last.borrow_and_update() > self.through;
                let payload = {
                    let last = &mut self.last;
                    let otherwise = std::pin::pin!(async {
                        if behind {
                            sleep(PATIENCE).await;
                        } else {
                            // Cannot fail while the transport is here; without it, the channel
                            // ends, too.
                            let _ = last.changed().await;
                        }
                    });
                    match select(std::pin::pin!(self.told.recv()), otherwise).await {
                        Either::Left((payload, _)) => payload?,
                        Either::Right(_) if behind => return None,
                        Either::Right(_) => continue,
                    }
                };
                self.take(&payload)?;
            }
        })
    }
}

/// What the channel tells of one change.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    before: u64,
    version: u64,
    change: Change,
}

impl Told {
    fn parse(payload: &Bytes) -> Option<Self> {
        let mut parts = payload.splitn(6, |byte| *byte == b' ');
        let before = number(parts.next()?)?;
        let version = number(parts.next()?)?;
        let what = parts.next()?;
        let kind = parts.next()?;
        let kind = Kind::ALL
            .into_iter()
            .find(|known| known.hash().as_bytes() == kind)?;
        let key = kind.key(std::str::from_utf8(parts.next()?).ok()?);
        let change = match (what, parts.next()) {
            (b"put", Some(value)) => Change::Put(
                key,
                Record {
                    value: payload.slice_ref(value),
                    revision: Revision(version),
                },
            ),
            (b"gone", None) => Change::Removed(key),
            _ => return None,
        };
        Some(Self {
            before,
            version,
            change,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::RecordKey;

    fn told(text: &str) -> Option<Told> {
        Told::parse(&Bytes::from(text.to_owned()))
    }

    #[test]
    fn changes_are_read_from_the_channel() {
        let put = told("7 9 put owners shop {\"a\": 1}").unwrap();
        assert_eq!((put.before, put.version), (7, 9));
        let record = Record {
            value: Bytes::from_static(b"{\"a\": 1}"),
            revision: Revision(9),
        };
        assert_eq!(
            put.change,
            Change::Put(RecordKey::Owners("shop".into()), record)
        );
        let gone = told("0 1 gone services shop").unwrap();
        assert_eq!(
            gone.change,
            Change::Removed(RecordKey::Service("shop".into()))
        );
        for nonsense in ["", "1 2 put", "1 2 put other a b", "1 2 gone member a b"] {
            assert_eq!(told(nonsense), None, "{nonsense}");
        }
    }
}
