use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::sparse::Sparse;

/// One lane per key that is being handled: whoever is in it runs, the others wait in order.
///
/// A lane exists only while somebody is in it, so keys that are quiet cost nothing. What waits is
/// a delivery `D`, or a call that waits for its [`Turn`].
pub(crate) struct Lanes<D> {
    state: Mutex<State<D>>,
}

struct State<D> {
    busy: HashMap<Arc<str>, Lane<D>>,
    /// Numbers those who wait, so that each can leave from the middle of its lane.
    next: u64,
    closed: bool,
}

/// Room for so many lanes is kept.
const KEPT: usize = 2_048;

impl<D> State<D> {
    /// Ends a lane, and gives back what a time with very many of them has needed.
    fn remove(&mut self, key: &str) {
        self.busy.remove(key);
        let (count, room) = (self.busy.len(), self.busy.capacity());
        if room > KEPT && count < room / 8 {
            self.busy.shrink_to(2 * count);
        }
    }
}

struct Lane<D> {
    /// Those who wait, in the order in which they came.
    waiting: Sparse<Queued<D>>,
    /// Whether whoever is in it waits for its next attempt.
    blocked: bool,
}

impl<D> Default for Lane<D> {
    fn default() -> Self {
        Self {
            waiting: Sparse::default(),
            blocked: false,
        }
    }
}

enum Queued<D> {
    Delivery(D),
    Call(oneshot::Sender<Turn<D>>),
}

/// What is ahead of a delivery that has to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    /// How many wait before it.
    pub(crate) waiting: usize,
    /// Whether they wait for a next attempt.
    pub(crate) blocked: bool,
}

/// The lanes are closed: nothing moves in them any more.
#[derive(Debug)]
pub(crate) struct Closed;

impl<D> Lanes<D> {
    /// Enters the lane of a key. Gives the delivery back if it may run now.
    pub(crate) fn enter(&self, key: &Arc<str>, delivery: D) -> Option<D> {
        self.enter_as(key, delivery, |delivery, _| delivery)
    }

    /// The same, where what has to wait is kept as something else.
    pub(crate) fn enter_as<T>(
        &self,
        key: &Arc<str>,
        delivery: T,
        wait: impl FnOnce(T, Ahead) -> D,
    ) -> Option<T> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let State { busy, next, .. } = &mut *state;
        match busy.entry(Arc::clone(key)) {
            Entry::Occupied(mut lane) => {
                *next += 1;
                let lane = lane.get_mut();
                let ahead = Ahead {
                    waiting: lane.waiting.len(),
                    blocked: lane.blocked,
                };
                let waiting = Queued::Delivery(wait(delivery, ahead));
                lane.waiting.insert(*next, waiting);
                None
            }
            Entry::Vacant(lane) => {
                lane.insert(Lane::default());
                Some(delivery)
            }
        }
    }

    /// Whoever is in the lane waits for its next attempt, and so do all behind it.
    pub(crate) fn block(&self, key: &str) {
        if let Some(lane) = self.state().busy.get_mut(key) {
            lane.blocked = true;
        }
    }

    /// Shows the first `count` of those who wait in a lane.
    pub(crate) fn first(&self, key: &str, count: usize, mut show: impl FnMut(&mut D)) {
        if let Some(lane) = self.state().busy.get_mut(key) {
            for waiting in lane.waiting.values_mut().take(count) {
                if let Queued::Delivery(delivery) = waiting {
                    show(delivery);
                }
            }
        }
    }

    /// Leaves the lane of a key. Returns the delivery that is next; a call that is next gets its
    /// turn instead, and an empty lane ends.
    pub(crate) fn leave(
        self: &Arc<Self>,
        key: &Arc<str>,
        resume: impl Fn() -> Resume<D>,
    ) -> Option<D> {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.busy.get_mut(key).and_then(|lane| {
                    lane.blocked = false;
                    lane.waiting.pop_first()
                });
                if next.is_none() {
                    state.remove(key);
                }
                next
            };
            match next? {
                Queued::Delivery(delivery) => return Some(delivery),
                Queued::Call(caller) => {
                    let turn = Turn::new(Arc::clone(self), Arc::clone(key), resume());
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
    /// Cancel safe: a caller that goes away leaves the lane at once.
    pub(crate) async fn turn(
        self: &Arc<Self>,
        key: Arc<str>,
        resume: Resume<D>,
    ) -> Result<Turn<D>, Closed> {
        let place = {
            let mut state = self.state();
            if state.closed {
                return Err(Closed);
            }
            let State { busy, next, .. } = &mut *state;
            match busy.entry(Arc::clone(&key)) {
                Entry::Vacant(lane) => {
                    lane.insert(Lane::default());
                    None
                }
                Entry::Occupied(mut lane) => {
                    *next += 1;
                    let (grant, granted) = oneshot::channel();
                    lane.get_mut().waiting.insert(*next, Queued::Call(grant));
                    Some(QueuedCall {
                        lanes: self,
                        key: Arc::clone(&key),
                        number: *next,
                        granted,
                    })
                }
            }
        };
        let Some(mut place) = place else {
            return Ok(Turn::new(Arc::clone(self), key, resume));
        };
        // The other end is dropped only when the lanes are closed.
        (&mut place.granted).await.map_err(|_| Closed)
    }

    /// Nothing moves any more: those who wait for a turn hear of it, and deliveries are dropped.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.busy)
        };
        // Not under the lock: what is dropped may come back here.
        drop(waiting);
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D> Default for Lanes<D> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                busy: HashMap::new(),
                next: 0,
                closed: false,
            }),
        }
    }
}

impl<D> fmt::Debug for Lanes<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("busy", &self.state().busy.len())
            .finish()
    }
}

/// A caller's place in a lane, given up on drop.
struct QueuedCall<'a, D> {
    lanes: &'a Lanes<D>,
    key: Arc<str>,
    number: u64,
    /// A turn that has come and is not taken goes on when this is dropped.
    granted: oneshot::Receiver<Turn<D>>,
}

impl<D> Drop for QueuedCall<'_, D> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.lanes.state();
            let lane = state.busy.get_mut(&self.key);
            lane.and_then(|lane| lane.waiting.remove(self.number))
        };
        drop(left);
    }
}

/// Runs the delivery that was waiting behind a call, in the lane of this key.
pub(crate) type Resume<D> = Arc<dyn Fn(&Arc<str>, D) + Send + Sync>;

/// The lane that a call is in, and what runs the delivery behind it.
type TurnLane<D> = (Arc<Lanes<D>>, Arc<str>, Resume<D>);

/// A call's turn in the lane of its key; the next one goes on when it is dropped.
pub(crate) struct Turn<D> {
    lane: Option<TurnLane<D>>,
}

impl<D> Turn<D> {
    const fn new(lanes: Arc<Lanes<D>>, key: Arc<str>, resume: Resume<D>) -> Self {
        Self {
            lane: Some((lanes, key, resume)),
        }
    }

    fn forget(mut self) {
        self.lane = None;
    }
}

impl<D> Drop for Turn<D> {
    fn drop(&mut self) {
        if let Some((lanes, key, resume)) = self.lane.take()
            && let Some(delivery) = lanes.leave(&key, || Arc::clone(&resume))
        {
            resume(&key, delivery);
        }
    }
}

impl<D> fmt::Debug for Turn<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("key", &self.lane.as_ref().map(|(_, key, _)| key))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn lanes() -> (Arc<Lanes<u8>>, Arc<str>, Resume<u8>) {
        (Arc::default(), Arc::from("key"), Arc::new(|_, _| {}))
    }

    fn waiting(lanes: &Lanes<u8>, key: &str) -> Option<usize> {
        lanes.state().busy.get(key).map(|lane| lane.waiting.len())
    }

    #[test]
    fn a_caller_that_gives_up_leaves_at_once() {
        let (lanes, key, resume) = lanes();
        assert_eq!(lanes.enter(&key, 1), Some(1));
        for _ in 0..3 {
            let turn = lanes.turn(Arc::clone(&key), Arc::clone(&resume));
            assert!(turn.now_or_never().is_none(), "it waits");
            assert_eq!(waiting(&lanes, &key), Some(0), "and leaves nothing behind");
        }
        assert_eq!(lanes.enter(&key, 2), None);
        assert_eq!(lanes.leave(&key, || Arc::clone(&resume)), Some(2));
        assert_eq!(lanes.leave(&key, || Arc::clone(&resume)), None);
        assert_eq!(waiting(&lanes, &key), None, "an empty lane ends");
    }

    #[test]
    fn very_many_keys_leave_nothing_behind() {
        let (lanes, _, resume) = lanes();
        let keys: Vec<Arc<str>> = (0..20_000).map(|key: u32| key.to_string().into()).collect();
        for key in &keys {
            assert_eq!(lanes.enter(key, 1), Some(1));
        }
        for key in &keys {
            assert_eq!(lanes.leave(key, || Arc::clone(&resume)), None);
        }
        let room = lanes.state().busy.capacity();
        assert!(room <= KEPT, "for {room} lanes");
    }

    #[test]
    fn a_turn_that_nobody_takes_goes_on() {
        let (lanes, key, _) = lanes();
        let resumed = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&resumed);
        let resume: Resume<u8> = Arc::new(move |_, delivery| seen.lock().unwrap().push(delivery));
        assert_eq!(lanes.enter(&key, 1), Some(1));
        let mut turn = Box::pin(lanes.turn(Arc::clone(&key), Arc::clone(&resume)));
        assert!(turn.as_mut().now_or_never().is_none());
        assert_eq!(lanes.enter(&key, 2), None);
        assert_eq!(lanes.leave(&key, || Arc::clone(&resume)), None);
        drop(turn);
        assert_eq!(*resumed.lock().unwrap(), [2]);
    }

    #[test]
    fn closed_lanes_turn_callers_away() {
        let (lanes, key, resume) = lanes();
        assert_eq!(lanes.enter(&key, 1), Some(1));
        let mut turn = Box::pin(lanes.turn(Arc::clone(&key), Arc::clone(&resume)));
        assert!(turn.as_mut().now_or_never().is_none());
        lanes.close();
        assert!(matches!(turn.now_or_never(), Some(Err(Closed))));
        let late = lanes.turn(key, resume);
        assert!(matches!(late.now_or_never(), Some(Err(Closed))));
    }
}
