use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::hub::Hub;
use crate::node::epoch_now;
use crate::transport::{
    BoxFuture, Expect, Marks, Read, Record, Revision, TransportError, WriteError, Written,
};

/// The marks of all services.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<State>);

#[derive(Debug, Clone, Default)]
struct State {
    /// The last version that was given out: versions rise over all marks.
    revision: u64,
    services: HashMap<Arc<str>, HashMap<String, Marked>>,
    /// What runs out, by when and the version it had.
    ends: BTreeMap<(Instant, u64), (Arc<str>, String)>,
}

#[derive(Debug, Clone)]
struct Marked {
    record: Record,
    ends: Option<Instant>,
}

impl Board {
    pub(super) fn copy(&self) -> Self {
        Self(Mutex::new(self.current().clone()))
    }

    /// The marks that have not run out. Whoever looks removes the others.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some(end) = state.ends.first_entry()
            && end.key().0 <= now
        {
            let (service, name) = end.remove();
            state.remove(&service, &name);
        }
        state
    }
}

impl State {
    fn get(&self, service: &str, name: &str) -> Option<&Marked> {
        self.services.get(service)?.get(name)
    }

    fn remove(&mut self, service: &str, name: &str) {
        let Some(marks) = self.services.get_mut(service) else {
            return;
        };
        if let Some(Marked { record, ends }) = marks.remove(name)
            && let Some(ends) = ends
        {
            self.ends.remove(&(ends, record.revision.0));
        }
    }

    fn write(
        &mut self,
        service: &Arc<str>,
        name: &str,
        value: Bytes,
        ends: Option<Instant>,
    ) -> Revision {
        self.remove(service, name);
        self.revision += 1;
        let revision = Revision(self.revision);
        if let Some(ends) = ends {
            let mark = (Arc::clone(service), name.to_owned());
            self.ends.insert((ends, revision.0), mark);
        }
        let record = Record { value, revision };
        let marks = self.services.entry(Arc::clone(service)).or_default();
        marks.insert(name.to_owned(), Marked { record, ends });
        revision
    }
}

impl Marks for Hub {
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            let state = self.board.current();
            let found = state.get(service, name);
            Ok(Read {
                record: found.map(|found| found.record.clone()),
                time: epoch_now(),
            })
        })
    }

    fn write<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(async move {
            let mut state = self.board.current();
            let found = state.get(service, name);
            let met = match expect {
                Expect::Absent => found.is_none(),
                Expect::Revision(revision) => {
                    found.is_some_and(|found| found.record.revision == revision)
                }
            };
            if !met {
                return Err(WriteError::Conflict);
            }
            let ends = expires.and_then(|after| Instant::now().checked_add(whole_seconds(after)));
            let revision = state.write(service, name, value, ends);
            Ok(Written { revision })
        })
    }

    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let mut state = self.board.current();
            let found = state.get(service, name).map(|found| found.record.revision);
            if revision.is_none() || revision == found {
                state.remove(service, name);
            }
            Ok(())
        })
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    let begun = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(begun))
}
