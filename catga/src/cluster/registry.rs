use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::message::{ContentType, Kind, MessageInfo};
use crate::transport::{Change, Expect, RecordKey, Records, Revision, TransportError, WriteError};
use crate::wiring::Wiring;

/// What a service takes: the same for all of its nodes, and there while none of them runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceRecord {
    pub(super) partitions: u32,
    /// Whether its nodes handle nothing of what is stored for now.
    #[serde(default)]
    pub(super) paused: bool,
    /// By wire name.
    pub(super) types: BTreeMap<String, TypeRecord>,
    /// A version before this one that says the same, if nodes have started since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypeRecord {
    kind: String,
    version: u32,
    /// The paths of the key's parts.
    key: Vec<String>,
    /// Whether it takes broadcasts of the type.
    broadcast: bool,
    /// Whether it takes stored messages of the type, or calls.
    handles: bool,
}

impl TypeRecord {
    fn of(info: &MessageInfo, broadcast: bool, handles: bool) -> Self {
        Self {
            kind: info.kind().as_str().to_owned(),
            version: info.version(),
            key: info.route().key().iter().map(|&path| path.into()).collect(),
            broadcast,
            handles,
        }
    }

    /// Whether messages of it are stored: a query is only asked.
    fn is_stored(&self) -> bool {
        self.handles && self.kind != Kind::Query.as_str()
    }
}

impl ServiceRecord {
    /// What the wiring of one node says.
    pub(super) fn of(wiring: &Wiring, partitions: u32) -> Self {
        let types = wiring
            .messages()
            .iter()
            .map(|message| {
                let info = message.info();
                let is_broadcast = |handler: &&crate::HandlerInfo| {
                    info.kind() == Kind::Event && handler.is_broadcast()
                };
                let broadcast = message.handlers().iter().any(is_broadcast);
                let handles = !message.handlers().iter().all(is_broadcast);
                (
                    info.name().to_owned(),
                    TypeRecord::of(info, broadcast, handles),
                )
            })
            .collect();
        Self {
            partitions,
            paused: false,
            types,
            since: None,
        }
    }

    /// Whether it is the same but for its version.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        (self.partitions, self.paused, &self.types)
            == (other.partitions, other.paused, &other.types)
    }

    /// The types that it takes only live, sorted: queries, and events that are broadcast.
    pub(super) fn only_live(&self) -> impl Iterator<Item = &str> {
        let live = self.types.iter().filter(|(_, found)| !found.is_stored());
        live.map(|(name, _)| name.as_str())
    }

    /// Whether it handles anything that is stored or called.
    pub(super) fn handles_any(&self) -> bool {
        self.types.values().any(|found| found.handles)
    }

    /// Whether it takes calls of a type, and nothing of it that is stored.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let found = self.types.get(name);
        found.is_some_and(|found| found.handles && !found.is_stored())
    }

    pub(super) fn takes_broadcasts(&self, name: &str) -> bool {
        self.types.get(name).is_some_and(|found| found.broadcast)
    }

    /// The types of which it takes stored messages.
    pub(super) fn stored_types(&self) -> impl Iterator<Item = &str> {
        self.types
            .iter()
            .filter(|(_, found)| found.is_stored())
            .map(|(name, _)| name.as_str())
    }

    /// The key paths of a type of which it takes stored messages.
    pub(super) fn key_paths(&self, name: &str) -> Option<Vec<String>> {
        let found = self.types.get(name).filter(|found| found.is_stored())?;
        Some(found.key.clone())
    }

    /// Whether everything that a node of the service takes is in it.
    pub(super) fn covers(&self, node: &Self) -> bool {
        node.types.iter().all(|(name, found)| {
            self.types.get(name).is_some_and(|known| {
                (known.broadcast || !found.broadcast) && (known.handles || !found.handles)
            })
        })
    }

    /// Adds what another node of the service takes. What is there stays: nodes of the version
    /// before may still run.
    fn merge(&mut self, other: &Self) {
        for (name, found) in &other.types {
            let known = self
                .types
                .entry(name.clone())
                .or_insert_with(|| found.clone());
            let (broadcast, handles) = (known.broadcast, known.handles);
            *known = found.clone();
            known.broadcast |= broadcast;
            known.handles |= handles;
        }
    }
}

/// Why a service could not be registered.
#[derive(Debug)]
pub(super) enum RegisterError {
    /// The service has another number of partitions.
    Partitions {
        recorded: u32,
    },
    Transport(TransportError),
}

/// What became of a registration.
#[derive(Debug)]
pub(super) struct Registered {
    /// The first version of the service's record that is known to have it.
    pub(super) revision: Revision,
    /// How it is taken back.
    undo: Undo,
}

#[derive(Debug)]
enum Undo {
    /// The record had all of it before, from this version on.
    Nothing(Revision),
    Remove,
    Restore(ServiceRecord),
}

/// Adds what this node takes to the record of its service.
///
/// A node that `starts` writes the record also where nothing is new: another one that does not get
/// to the end of its start, and takes back what it registered, must see that somebody relies on it.
pub(super) async fn register(
    records: &dyn Records,
    service: &Arc<str>,
    own: &ServiceRecord,
    starts: bool,
) -> Result<Registered, RegisterError> {
    let key = RecordKey::Service(Arc::clone(service));
    loop {
        let found = records.read(&key).await.map_err(RegisterError::Transport)?;
        let (expect, record, undo) = match &found.record {
            None => (Expect::Absent, own.clone(), Undo::Remove),
            Some(found) => {
                let before = decode(&found.value).map_err(RegisterError::Transport)?;
                if before.partitions != own.partitions {
                    return Err(RegisterError::Partitions {
                        recorded: before.partitions,
                    });
                }
                let mut record = before.clone();
                record.merge(own);
                let undo = if record.says_the_same_as(&before) {
                    let since = before.since.filter(|since| *since <= found.revision.0);
                    let revision = since.map_or(found.revision, Revision);
                    let undo = Undo::Nothing(revision);
                    if !starts {
                        return Ok(Registered { revision, undo });
                    }
                    record.since = Some(revision.0);
                    undo
                } else {
                    record.since = None;
                    Undo::Restore(before)
                };
                (Expect::Revision(found.revision), record, undo)
            }
        };
        let value = encode(&record).map_err(RegisterError::Transport)?;
        match records.write(&key, value, expect, None).await {
            Ok(written) => {
                let revision = match undo {
                    Undo::Nothing(revision) => revision,
                    _ => written.revision,
                };
                return Ok(Registered { revision, undo });
            }
            // Another node of the service was faster: look again.
            Err(WriteError::Conflict) => {}
            Err(WriteError::Transport(error)) => return Err(RegisterError::Transport(error)),
        }
    }
}

/// Takes a registration back, unless the record was changed since.
pub(super) async fn withdraw(
    records: &dyn Records,
    service: &Arc<str>,
    registered: Registered,
) -> Result<(), TransportError> {
    let key = RecordKey::Service(Arc::clone(service));
    let withdrawn = match registered.undo {
        Undo::Nothing(_) => return Ok(()),
        Undo::Remove => records.remove(&key, registered.revision).await,
        Undo::Restore(mut before) => {
            before.since = None;
            let expect = Expect::Revision(registered.revision);
            let write = records.write(&key, encode(&before)?, expect, None);
            write.await.map(|_| ())
        }
    };
    match withdrawn {
        // Somebody else relies on it now.
        Ok(()) | Err(WriteError::Conflict) => Ok(()),
        Err(WriteError::Transport(error)) => Err(error),
    }
}

/// A version of a service's record that is as it should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub(super) revision: Revision,
    /// Whether this call made it so.
    pub(super) changed: bool,
}

/// Takes a type out of the record of a service, whoever registered it. `None` if there is no such
/// service.
pub(super) async fn remove(
    records: &dyn Records,
    service: &Arc<str>,
    name: &str,
) -> Result<Option<Recorded>, TransportError> {
    change(records, service, |record| {
        record.types.remove(name).is_some()
    })
    .await
}

/// Lets the nodes of a service handle nothing of what is stored, or go on. `None` if there is no such
/// service.
pub(super) async fn pause(
    records: &dyn Records,
    service: &Arc<str>,
    paused: bool,
) -> Result<Option<Recorded>, TransportError> {
    change(records, service, |record| {
        std::mem::replace(&mut record.paused, paused) != paused
    })
    .await
}

/// Changes the record of a service, if it is not as it should be already.
async fn change(
    records: &dyn Records,
    service: &Arc<str>,
    change: impl Fn(&mut ServiceRecord) -> bool,
) -> Result<Option<Recorded>, TransportError> {
    let key = RecordKey::Service(Arc::clone(service));
    loop {
        let Some(found) = records.read(&key).await?.record else {
            return Ok(None);
        };
        let mut record = decode(&found.value)?;
        if !change(&mut record) {
            let (revision, changed) = (found.revision, false);
            return Ok(Some(Recorded { revision, changed }));
        }
        record.since = None;
        let expect = Expect::Revision(found.revision);
        match records.write(&key, encode(&record)?, expect, None).await {
            Ok(written) => {
                let (revision, changed) = (written.revision, true);
                return Ok(Some(Recorded { revision, changed }));
            }
            Err(WriteError::Conflict) => {}
            Err(WriteError::Transport(error)) => return Err(error),
        }
    }
}

/// What every service takes.
pub(super) async fn services(
    records: &dyn Records,
) -> Result<BTreeMap<Arc<str>, ServiceRecord>, TransportError> {
    let mut watch = records.watch().await?;
    let mut found = BTreeMap::new();
    loop {
        match watch.next().await {
            Some(Change::Put(RecordKey::Service(service), record)) => {
                if let Ok(record) = ContentType::Json.decode(&record.value) {
                    found.insert(service, record);
                }
            }
            Some(Change::Current) => return Ok(found),
            Some(_) => {}
            None => return Err(TransportError::new("tell the services", "the watch broke")),
        }
    }
}

/// A command or query of this wiring that another service takes, and that service.
pub(super) fn conflict<'a>(
    services: impl IntoIterator<Item = (&'a Arc<str>, &'a ServiceRecord)>,
    own: &Arc<str>,
    wiring: &Wiring,
) -> Option<(String, String)> {
    let mut others = services.into_iter().filter(|(service, _)| *service != own);
    others.find_map(|(service, record)| {
        wiring
            .messages()
            .iter()
            .map(crate::wiring::WiredMessage::info)
            .filter(|info| info.kind() != Kind::Event)
            .find(|info| record.types.contains_key(info.name()))
            .map(|info| (info.name().to_owned(), service.to_string()))
    })
}

fn encode(record: &ServiceRecord) -> Result<bytes::Bytes, TransportError> {
    ContentType::Json
        .encode(record)
        .map_err(|error| TransportError::new("encode a record", error))
}

pub(super) fn decode(bytes: &[u8]) -> Result<ServiceRecord, TransportError> {
    ContentType::Json
        .decode(bytes)
        .map_err(|error| TransportError::new("read a service's record", error))
}
