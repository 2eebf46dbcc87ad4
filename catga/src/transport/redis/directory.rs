//! Who has which keys, learned when it is needed, and again once it is in doubt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::check::Info;
use super::error::{Cause, Trouble};
use super::primary::{Primary, Request};
use super::server::Server;
use super::slots::{Slots, Told, told};

/// Once one of several servers has said that it is the master, the others may take so long to say
/// that they are, too.
const OBJECTION: Duration = Duration::from_millis(500);

/// The servers that were named, of which one is the master, and those of its cluster if it is in
/// one.
#[derive(Debug)]
pub(super) struct Directory {
    named: Vec<Arc<Primary>>,
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
    pub(super) fn new(servers: &[Server]) -> Self {
        let servers = servers.iter().cloned();
        Self {
            named: servers
                .map(|server| Arc::new(Primary::new("", server)))
                .collect(),
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
        Err(self.away(&why))
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
    pub(super) fn leaves(
        &self,
        key: &str,
        from: &Arc<Primary>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (key, from) = (key.to_owned(), Arc::clone(from));
        let mut slots = self.slots.subscribe();
        async move {
            let left = |now: &Arc<Primary>| match &*from.id {
                "" => !is_same(now, &from),
                // Whatever address it has now.
                id => *now.id != *id,
            };
            let elsewhere = |slots: &Arc<Slots>| slots.primary(&key).is_none_or(left);
            // Without the directory nobody asks.
            let _ = slots
                .wait_for(|slots| slots.as_ref().is_some_and(elsewhere))
                .await;
        }
    }

    /// A server could not be used: of a cluster, or of several that were named, another one may have
    /// its keys by now.
    pub(super) fn failed(&self, spot: &Spot) {
        if !spot.primary.id.is_empty() || self.named.len() > 1 {
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
        match self.known() {
            Some(slots) => Ok(slots),
            // Rare, and kilobytes of state that no command has to carry.
            None => Box::pin(self.look()).await,
        }
    }

    async fn look(&self) -> Result<Arc<Slots>, Trouble> {
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
        let slots = match &self.named[..] {
            [named] => match is_in_cluster(named).await? {
                true => self.of_cluster(named).await?,
                false => Slots::alone(named),
            },
            _ => self.of_several().await?,
        };
        Ok(self.learned(slots))
    }

    /// Asks all servers that were named which of them is the master. Where several say so, it is not
    /// for a node to choose: one of them has forgotten what another one stored.
    async fn of_several(&self) -> Result<Slots, Trouble> {
        let named = self.named.iter();
        let mut asked: FuturesUnordered<_> = named
            .map(async |server| (server, role(server).await))
            .collect();
        let (mut masters, mut failed) = (Vec::<&Arc<Primary>>::new(), None);
        loop {
            let told = match masters.is_empty() {
                true => asked.next().await,
                false => timeout(OBJECTION, asked.next()).await.unwrap_or_default(),
            };
            match told {
                Some((server, Ok(Role::InCluster))) => return self.of_cluster(server).await,
                Some((server, Ok(Role::Master))) => masters.push(server),
                Some((_, Ok(Role::Replica))) => {}
                Some((_, Err(error))) => failed = Some(error),
                None => break,
            }
        }
        match (&masters[..], failed) {
            ([master], _) => Ok(Slots::alone(master)),
            ([], Some(error)) => Err(error),
            ([], None) => Err(self.away("none of them is a master")),
            ([one, other, ..], _) => Err(self.away(&format!(
                "{} and {} both are masters: make one the replica of the other",
                one.server.shown, other.server.shown
            ))),
        }
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

    fn learned(&self, slots: Slots) -> Arc<Slots> {
        let slots = Arc::new(slots);
        let others = slots.primaries.iter();
        let others = others.filter(|primary| !primary.id.is_empty());
        *self.others() = others.cloned().collect();
        if !self.others().is_empty() {
            // From here on they are some of the others.
            for named in &self.named {
                named.renew();
            }
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

    fn away(&self, why: &str) -> Trouble {
        let shown: Vec<_> = self
            .named
            .iter()
            .map(|named| &*named.server.shown)
            .collect();
        Trouble::Away {
            server: shown.join(", ").into(),
            cause: Cause::Unusable(why.into()),
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
    let new = Primary::new(&told.id, server);
    match known.iter().find(|known| is_same(known, &new)) {
        Some(known) => Arc::clone(known),
        None => Arc::new(new),
    }
}

fn is_same(one: &Primary, other: &Primary) -> bool {
    one.id == other.id && one.server.shown == other.server.shown
}

/// Asks the only server that was named.
async fn is_in_cluster(named: &Primary) -> Result<bool, Trouble> {
    let database = named.server.database();
    match mode(named).await {
        Err(error) if database != 0 => {
            // One in a cluster lets nobody in with a number.
            let first = Primary::new("", named.server.clone().without_database());
            if !matches!(mode(&first).await, Ok(true)) {
                return Err(error);
            }
            let why = format!("a Redis Cluster has no database {database}: leave the number out");
            Err(named.away(Cause::Unusable(why.into())))
        }
        answered => answered,
    }
}

/// What one of several servers is.
enum Role {
    Master,
    Replica,
    InCluster,
}

async fn role(server: &Primary) -> Result<Role, Trouble> {
    let info: String = server.send(Request::Command(&redis::cmd("INFO"))).await?;
    let info = Info::of(info);
    Ok(match (info.get("redis_mode"), info.get("role")) {
        (Some("cluster"), _) => Role::InCluster,
        (_, Some("slave")) => Role::Replica,
        _ => Role::Master,
    })
}

/// Whether a server is in a cluster.
async fn mode(server: &Primary) -> Result<bool, Trouble> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let info: String = server.send(Request::Command(&info)).await?;
    Ok(Info::of(info).get("redis_mode") == Some("cluster"))
}
