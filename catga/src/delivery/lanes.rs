use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Envelope;

/// One lane per key that is being handled: whoever is in it runs, the others wait in order.
///
/// A lane exists only while somebody is in it, so keys that are quiet cost nothing.
#[derive(Default)]
pub(crate) struct Lanes {
    busy: Mutex<HashMap<Arc<str>, VecDeque<Waiting>>>,
}

enum Waiting {
    Delivery(Envelope),
    Call(oneshot::Sender<Turn>),
}

impl Lanes {
    /// Enters the lane of the envelope's key. Gives the envelope back if it may run now.
    pub(crate) fn enter(&self, envelope: Envelope) -> Option<Envelope> {
        let Some(key) = &envelope.key else {
            return Some(envelope);
        };
        match self.busy().entry(Arc::clone(key)) {
            Entry::Occupied(mut lane) => {
                lane.get_mut().push_back(Waiting::Delivery(envelope));
                None
            }
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
                Some(envelope)
            }
        }
    }

    /// Leaves the lane of a key. Returns the delivery that is next; a call that is next gets its
    /// turn instead, and an empty lane ends.
    pub(crate) fn leave(self: &Arc<Self>, key: &Arc<str>, then: &Resume) -> Option<Envelope> {
        loop {
            let next = {
                let mut busy = self.busy();
                let next = busy.get_mut(key).and_then(VecDeque::pop_front);
                if next.is_none() {
                    busy.remove(key);
                }
                next
            };
            match next? {
                Waiting::Delivery(envelope) => return Some(envelope),
                Waiting::Call(caller) => {
                    let turn = Turn::new(Arc::clone(self), Arc::clone(key), Arc::clone(then));
                    match caller.send(turn) {
                        Ok(()) => return None,
                        // The caller has gone; its turn is not taken.
                        Err(turn) => turn.forget(),
                    }
                }
            }
        }
    }

    /// Waits for a turn in the lane of a key.
    ///
    /// Cancel safe: a caller that goes away gives up its place.
    pub(crate) async fn turn(self: &Arc<Self>, key: Arc<str>, then: Resume) -> Option<Turn> {
        let granted = match self.busy().entry(Arc::clone(&key)) {
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut lane) => {
                let (grant, granted) = oneshot::channel();
                lane.get_mut().push_back(Waiting::Call(grant));
                Some(granted)
            }
        };
        match granted {
            None => Some(Turn::new(Arc::clone(self), key, then)),
            // Lanes are dropped only with their node, and then nothing runs any more.
            Some(granted) => granted.await.ok(),
        }
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<Arc<str>, VecDeque<Waiting>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("busy", &self.busy().len())
            .finish()
    }
}

/// Runs the delivery that was waiting behind a call.
pub(crate) type Resume = Arc<dyn Fn(Envelope) + Send + Sync>;

/// A call's turn in the lane of its key; the next one goes on when it is dropped.
pub(crate) struct Turn {
    lane: Option<(Arc<Lanes>, Arc<str>, Resume)>,
}

impl Turn {
    const fn new(lanes: Arc<Lanes>, key: Arc<str>, then: Resume) -> Self {
        Self {
            lane: Some((lanes, key, then)),
        }
    }

    fn forget(mut self) {
        self.lane = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((lanes, key, then)) = self.lane.take()
            && let Some(envelope) = lanes.leave(&key, &then)
        {
            then(envelope);
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("key", &self.lane.as_ref().map(|(_, key, _)| key))
            .finish()
    }
}
