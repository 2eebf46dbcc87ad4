//! Who has which keys, learned when it is needed, and again once it is in doubt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::Value;
use tokio::sync::watch;

use super::check::Info;
use super::error::{Cause, Trouble};
use super::primary::{Primary, Request};
use super::server::Server;
use super::slots::{Slots, Told, told};

/// A server that was named, and those of its cluster if it is in one.
#[derive(Debug)]
pub(super) struct Directory {
    named: Arc<Primary>,
    /// `None` if it is not known or in doubt.
    slots: watch::Sender<Option<Arc<Slots>>>,
    /// Held while it is asked for.
    looking: tokio::sync::Mutex<()>,
    /// The others that can be asked: first those who are most likely to know.
    others: Mutex<Vec<Arc<Primary>>>,
}

/// The server that has a key, as far as is known.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    slots: Arc<Slots>,
    pub(super) primary: Arc<Primary>,
}

impl Directory {
    pub(super) fn new(server: Server) -> Self {
        Self {
            named: Arc::new(Primary::new("", server)),
            slots: watch::Sender::new(None),
            looking: tokio::sync::Mutex::default(),
            others: Mutex::default(),
        }
    }

    /// The server that has a key.
    pub(super) async fn spot(&self, key: &str) -> Result<Spot, Trouble> {
        let slots = self.slots().await?;
        if let Some(primary) = slots.primary(key).cloned() {
            return Ok(Spot { slots, primary });
        }
        self.doubt(&slots);
        let why = format!("no server of the Redis Cluster has the slot of `{key}`");
        Err(self.named.away(Cause::Unusable(why.into())))
    }

    /// All servers that have keys.
    pub(super) async fn spots(&self) -> Result<Vec<Spot>, Trouble> {
        let slots = self.slots().await?;
        let spot = |primary: &Arc<Primary>| Spot {
            slots: Arc::clone(&slots),
            primary: Arc::clone(primary),
        };
        Ok(slots.primaries.iter().map(spot).collect())
    }

    /// Ends when this server is known not to have the key any more.
    pub(super) fn leaves(&self, key: &str, id: &str) -> impl Future<Output = ()> + Send + 'static {
        let (key, id) = (key.to_owned(), id.to_owned());
        let mut slots = self.slots.subscribe();
        async move {
            let elsewhere =
                |slots: &Arc<Slots>| slots.primary(&key).is_none_or(|now| *now.id != *id);
            // Without the directory nobody asks.
            let _ = slots
                .wait_for(|slots| slots.as_ref().is_some_and(elsewhere))
                .await;
        }
    }

    /// A server could not be used: of a cluster, another one may have its keys by now.
    pub(super) fn failed(&self, spot: &Spot) {
        if !spot.primary.id.is_empty() {
            self.ask_last(&spot.primary);
            self.doubt(&spot.slots);
        }
    }

    /// A server says that it has not got a key: it knows who has.
    pub(super) fn moved(&self, spot: &Spot) {
        let mut others = self.others();
        if let Some(at) = others.iter().position(|o| Arc::ptr_eq(o, &spot.primary)) {
            others[..=at].rotate_right(1);
        }
        drop(others);
        self.doubt(&spot.slots);
    }

    /// All is asked for again, unless that has happened since.
    fn doubt(&self, slots: &Arc<Slots>) {
        self.slots.send_if_modified(|known| {
            let same = known.as_ref().is_some_and(|now| Arc::ptr_eq(now, slots));
            if same {
                *known = None;
            }
            same
        });
    }

    async fn slots(&self) -> Result<Arc<Slots>, Trouble> {
        if let Some(slots) = self.known() {
            return Ok(slots);
        }
        let _turn = self.looking.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(slots) = self.known() {
            return Ok(slots);
        }
        let others = self.others().clone();
        for other in &others {
            // If nobody waits for its answer, the next one asks another first.
            self.ask_last(other);
            if let Ok(slots) = self.of_cluster(other).await {
                let slots = self.learned(slots);
                // One that is cut off from its cluster tells what was: it is not the first to be
                // asked again.
                self.ask_last(other);
                return Ok(slots);
            }
        }
        let slots = match self.is_in_cluster().await? {
            true => self.of_cluster(&self.named).await?,
            false => Slots::alone(&self.named),
        };
        Ok(self.learned(slots))
    }

    async fn of_cluster(&self, asked: &Arc<Primary>) -> Result<Slots, Trouble> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let answer: Value = asked.send(Request::Command(&command)).await?;
        let Some(told) = told(&answer) else {
            let why = "its Redis Cluster is not set up: no server in it has slots";
            return Err(asked.away(Cause::Unusable(why.into())));
        };
        let known = self.others().clone();
        Ok(Slots::of_cluster(&told, |told| {
            primary(told, asked, &known)
        }))
    }

    /// Asks the server that was named.
    async fn is_in_cluster(&self) -> Result<bool, Trouble> {
        let database = self.named.server.database();
        match mode(&self.named).await {
            Err(error) if database != 0 => {
                // One in a cluster lets nobody in with a number.
                let first = Primary::new("", self.named.server.clone().without_database());
                if !matches!(mode(&first).await, Ok(true)) {
                    return Err(error);
                }
                let why =
                    format!("a Redis Cluster has no database {database}: leave the number out");
                Err(self.named.away(Cause::Unusable(why.into())))
            }
            answered => answered,
        }
    }

    fn learned(&self, slots: Slots) -> Arc<Slots> {
        let slots = Arc::new(slots);
        let others = slots.primaries.iter();
        let others = others.filter(|primary| !primary.id.is_empty());
        *self.others() = others.cloned().collect();
        if !self.others().is_empty() {
            // From here on it is one of the others.
            self.named.renew();
        }
        self.slots.send_replace(Some(Arc::clone(&slots)));
        slots
    }

    fn ask_last(&self, primary: &Arc<Primary>) {
        let mut others = self.others();
        if let Some(at) = others.iter().position(|o| Arc::ptr_eq(o, primary)) {
            others[at..].rotate_left(1);
        }
    }

    fn known(&self) -> Option<Arc<Slots>> {
        self.slots.borrow().clone()
    }

    fn others(&self) -> MutexGuard<'_, Vec<Arc<Primary>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is known keeps its connection.
fn primary(told: &Told, asked: &Arc<Primary>, known: &[Arc<Primary>]) -> Arc<Primary> {
    let server = asked.server.at(told.host.as_deref(), told.port);
    let same = |known: &&Arc<Primary>| *known.id == *told.id && known.server.shown == server.shown;
    match known.iter().find(same) {
        Some(known) => Arc::clone(known),
        None => Arc::new(Primary::new(&told.id, server)),
    }
}

/// Whether a server is in a cluster.
async fn mode(server: &Primary) -> Result<bool, Trouble> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let info: String = server.send(Request::Command(&info)).await?;
    Ok(Info::of(info).get("redis_mode") == Some("cluster"))
}
