use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use catga::transport::{
    Change, Entry, Expect, Identity, Record, RecordKey, Revision, Transport, WriteError,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Line;
use super::stored::Stored;

/// A broker whose store can be changed behind the nodes' backs.
pub struct Faults {
    store: Mutex<Arc<dyn Transport>>,
    frames: Arc<dyn Transport>,
    identity: Mutex<String>,
    written: Mutex<Vec<(String, RecordKey, Instant)>>,
    /// What nodes fetched again.
    fetched: Mutex<Vec<Weak<Entry>>>,
    /// What the store had when it fell back last.
    before: Mutex<Option<Snapshot>>,
    pub(super) stored: Stored,
    /// Every change of this ends all watches.
    pub(super) breaks: watch::Sender<u64>,
    /// Every change of this ends all reads of queues.
    pub(super) flows: watch::Sender<u64>,
}

/// What the store had at some time.
#[derive(Debug, Clone)]
pub struct Snapshot(Vec<(RecordKey, Record)>);

impl Snapshot {
    /// The records, in the order of their versions.
    #[must_use]
    pub fn records(&self) -> &[(RecordKey, Record)] {
        &self.0
    }

    /// Writes the records to an empty store that counts its versions from 1, until each has the
    /// version it had.
    pub async fn write_to(&self, empty: &dyn Transport) {
        let records = empty.records();
        let burnt = RecordKey::Service("burnt".into());
        let mut last = Revision(0);
        for (key, record) in &self.0 {
            while last.0 + 1 < record.revision.0 {
                let expect = Expect::Absent;
                let written = records.write(&burnt, Bytes::new(), expect, None).await;
                last = written.unwrap().revision;
                records.remove(&burnt, last).await.unwrap();
            }
            let value = record.value.clone();
            let written = records.write(key, value, Expect::Absent, None).await;
            last = written.unwrap().revision;
        }
    }
}

impl Faults {
    #[must_use]
    pub fn new(inner: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(Arc::clone(&inner)),
            stored: Stored::new(Arc::clone(&inner)),
            frames: inner,
            identity: Mutex::new("first".to_owned()),
            written: Mutex::default(),
            fetched: Mutex::default(),
            before: Mutex::default(),
            breaks: watch::Sender::new(0),
            flows: watch::Sender::new(0),
        })
    }

    /// A line for a node of this name.
    #[must_use]
    pub fn line(self: &Arc<Self>, name: &str) -> Line {
        Line::new(Arc::clone(self), name)
    }

    /// How often records were written that `is` says.
    #[must_use]
    pub fn writes(&self, is: impl Fn(&str, &RecordKey) -> bool) -> usize {
        let written = self.written.lock().unwrap();
        written
            .iter()
            .filter(|(name, key, _)| is(name, key))
            .count()
    }

    /// When the last of these writes was sent.
    #[must_use]
    pub fn last_write(&self, is: impl Fn(&str, &RecordKey) -> bool) -> Option<Instant> {
        let written = self.written.lock().unwrap();
        let of_these = written.iter().filter(|(name, key, _)| is(name, key));
        of_these.map(|(.., sent)| *sent).max()
    }

    /// How much of what nodes fetched again is in their hands.
    #[must_use]
    pub fn fetched_in_hand(&self) -> usize {
        let mut fetched = self.fetched.lock().unwrap();
        fetched.retain(|entry| entry.strong_count() > 0);
        fetched.len()
    }

    /// Another one of the same, which is counted.
    pub(super) fn fetched(&self, entry: &Entry) -> Arc<Entry> {
        let fetched = Arc::new(entry.clone());
        self.fetched.lock().unwrap().push(Arc::downgrade(&fetched));
        fetched
    }

    /// Ends all watches; others can be started at once.
    pub fn break_watches(&self) {
        self.breaks.send_modify(|breaks| *breaks += 1);
    }

    /// The store says that it is another one, and watches end as with a lost connection.
    pub fn change_identity(&self, to: &str) {
        to.clone_into(&mut self.identity.lock().unwrap());
        self.break_watches();
    }

    /// The value of a record, as the store has it.
    pub async fn value(&self, key: &RecordKey) -> Option<serde_json::Value> {
        let record = self.store().records().read(key).await.unwrap().record?;
        serde_json::from_slice(&record.value).ok()
    }

    /// Writes a record, whatever it is.
    pub async fn put(&self, key: &RecordKey, value: &serde_json::Value) {
        let store = self.store();
        let records = store.records();
        loop {
            let found = records.read(key).await.unwrap().record;
            let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
            let value = Bytes::from(value.to_string());
            match records.write(key, value, expect, None).await {
                Err(WriteError::Conflict) => {}
                written => {
                    written.unwrap();
                    return;
                }
            }
        }
    }

    /// Removes a record, whatever it is.
    pub async fn remove(&self, key: &RecordKey) {
        let store = self.store();
        let records = store.records();
        loop {
            let found = records.read(key).await.unwrap().record.unwrap();
            match records.remove(key, found.revision).await {
                Err(WriteError::Conflict) => {}
                removed => return removed.unwrap(),
            }
        }
    }

    /// What the store has now.
    pub async fn snapshot(&self) -> Snapshot {
        let mut watch = self.store().records().watch().await.unwrap();
        let mut records = Vec::new();
        while let Some(Change::Put(key, record)) = watch.next().await {
            records.push((key, record));
        }
        records.sort_by_key(|(_, record)| record.revision);
        Snapshot(records)
    }

    /// Another store takes the place of the present one, and watches end. Queues and marks stay.
    pub fn replace(&self, by: Arc<dyn Transport>) {
        *self.store.lock().unwrap() = by;
        self.break_watches();
    }

    /// The records are what they were when this was called before.
    pub(super) async fn fall_back(&self) {
        let now = self.snapshot().await;
        let before = self.before.lock().unwrap().replace(now.clone());
        let Some(Snapshot(before)) = before else {
            return;
        };
        let mut before: HashMap<_, _> = before.into_iter().collect();
        let store = self.store();
        let records = store.records();
        for (key, Record { value, revision }) in now.0 {
            let Some(old) = before.remove(&key) else {
                records.remove(&key, revision).await.unwrap();
                continue;
            };
            if old.value != value {
                let written = records.write(&key, old.value, Expect::Revision(revision), None);
                written.await.unwrap();
            }
        }
        for (key, old) in before {
            let written = records.write(&key, old.value, Expect::Absent, None);
            written.await.unwrap();
        }
    }

    pub(super) fn store(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.store.lock().unwrap())
    }

    pub(super) fn frames(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.frames)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity(self.identity.lock().unwrap().clone())
    }

    pub(super) fn wrote(&self, name: &str, key: RecordKey, sent: Instant) {
        self.written
            .lock()
            .unwrap()
            .push((name.to_owned(), key, sent));
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}
