use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use tokio::time::sleep;

use super::fate::Fate;
use super::faults::{Disturbance, Faults};
use super::history::History;
use crate::transport::{
    Change, Expect, Memory, Record, RecordKey, Revision, Transport, TransportError, WriteError,
};

/// The longest way of an acknowledgement that is not answered.
const ACKS_LATER: Duration = Duration::from_secs(3);

/// The broker of a simulation: one in memory, whose records can fall back.
pub(super) struct Broker {
    pub(super) history: Arc<History>,
    /// Queues, marks and frames.
    memory: Memory,
    /// Whether it says that acknowledgements are on their way, and removes what they are for later.
    acks_later: bool,
    state: Mutex<State>,
}

struct State {
    /// The records.
    records: Memory,
    /// How often they fell back.
    fallbacks: u64,
    /// Whether the store tells that it is another one now.
    identity: u64,
    chance: Rng,
    /// What goes wrong on the lines at present.
    weather: Faults,
}

/// What the records were at some time, in the order of their versions.
#[derive(Debug, Clone)]
pub(super) struct Snapshot(Vec<(RecordKey, Record)>);

impl Broker {
    pub(super) fn new(history: &Arc<History>, mut chance: Rng) -> Arc<Self> {
        Arc::new(Self {
            history: Arc::clone(history),
            memory: Memory::private(),
            acks_later: chance.bool(),
            state: Mutex::new(State {
                records: Memory::private(),
                fallbacks: 0,
                identity: 0,
                chance,
                weather: Faults::none(),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn memory(&self) -> Memory {
        self.memory.clone()
    }

    pub(super) fn records(&self) -> Memory {
        self.state().records.clone()
    }

    /// How long an acknowledgement is on its way after it was sent; `None` where it is answered.
    pub(super) fn ack_later(&self) -> Option<Duration> {
        if !self.acks_later {
            return None;
        }
        let share = self.state().chance.f64();
        // Mostly soon, and now and then so late that its generation has gone.
        Some(ACKS_LATER.mul_f64(share.powi(4)))
    }

    pub(super) fn identity(&self) -> u64 {
        self.state().identity
    }

    pub(super) fn set_weather(&self, weather: Faults) {
        self.state().weather = weather;
    }

    /// What becomes of something under a kind of fault.
    pub(super) fn fate(&self, kind: Disturbance, draw: fn(&mut Rng) -> Fate, what: &str) -> Fate {
        let mut state = self.state();
        let fate = if state.weather.includes(kind) {
            draw(&mut state.chance)
        } else {
            Fate::Done
        };
        drop(state);
        self.history.mix(what, &fate);
        fate
    }

    /// A number below another.
    pub(super) fn below(&self, bound: usize) -> usize {
        self.state().chance.usize(..bound.max(1))
    }

    /// How long something takes on its way.
    pub(super) async fn way(&self) {
        let millis = self.state().chance.u64(..3);
        if millis > 0 {
            sleep(Duration::from_millis(millis)).await;
        }
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, TransportError> {
        let mut watch = self.records().records().watch().await?;
        let mut records = Vec::new();
        while let Some(Change::Put(key, record)) = watch.next().await {
            records.push((key, record));
        }
        records.sort_by_key(|(_, record)| record.revision);
        Ok(Snapshot(records))
    }

    /// The records are what they were, versions included. The store `tells` that it is another
    /// one, or the nodes have to find out.
    pub(super) async fn fall_back(&self, to: &Snapshot, tells: bool) -> Result<(), WriteError> {
        let empty = Memory::private();
        to.write_to(&empty).await?;
        let mut state = self.state();
        state.records = empty;
        state.fallbacks += 1;
        if tells {
            state.identity = state.fallbacks;
        }
        Ok(())
    }
}

impl Snapshot {
    /// Writes the records to an empty store that counts its versions from 1.
    async fn write_to(&self, empty: &Memory) -> Result<(), WriteError> {
        let records = empty.records();
        let burnt = RecordKey::Service("burnt".into());
        let mut last = Revision(0);
        for (key, record) in &self.0 {
            while last.0 + 1 < record.revision.0 {
                let written = records.write(&burnt, Bytes::new(), Expect::Absent, None);
                last = written.await?.revision;
                records.remove(&burnt, last).await?;
            }
            let value = record.value.clone();
            let written = records.write(key, value, Expect::Absent, None).await?;
            last = written.revision;
        }
        Ok(())
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
