//! What the nodes of the tests handle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::{Context, Deadline, Fault, State, command, event, handler, query};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

pub const MODULE: &str = module_path!();

/// What ran where: the name of the node and the number of the message.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<(String, u64)>>>);

impl Log {
    pub fn all(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.all().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often each node ran something.
    pub fn by_node(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for (node, _) in self.all() {
            *counts.entry(node).or_default() += 1;
        }
        counts
    }

    /// How often each message ran.
    pub fn by_number(&self) -> HashMap<u64, usize> {
        let mut counts = HashMap::new();
        for (_, number) in self.all() {
            *counts.entry(number).or_default() += 1;
        }
        counts
    }
}

/// The node on which a handler runs.
#[derive(Debug, Clone)]
pub struct Here {
    pub name: String,
    log: Log,
}

impl Here {
    pub fn new(name: &str, log: &Log) -> Self {
        Self {
            name: name.to_owned(),
            log: log.clone(),
        }
    }

    fn ran(self, number: u64) -> String {
        self.log.0.lock().unwrap().push((self.name.clone(), number));
        self.name
    }
}

macro_rules! commands {
    ($($(#[$route:meta])* $name:ident by $handler:ident;)*) => {$(
        #[command(response = String)]
        $(#[$route])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub struct $name {
            pub n: u64,
        }

        #[handler]
        async fn $handler(command: $name, State(here): State<Here>) -> String {
            here.ran(command.n)
        }
    )*};
}

commands! {
    #[route(strategy = "round_robin")] InTurn by in_turn;
    #[route(strategy = "random")] AtRandom by at_random;
    #[route(strategy = "least_loaded")] Idlest by idlest;
    Nearest by nearest;
    #[route(key = "n")] ByKey by by_key;
    Chosen by chosen;
    #[route(key = "n")] OnRing by on_ring;
}

/// Takes a while.
#[command(response = String)]
#[route(strategy = "round_robin")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slow {
    pub n: u64,
    pub ms: u64,
}

#[handler]
async fn slow(command: Slow, State(here): State<Here>) -> String {
    sleep(Duration::from_millis(command.ms)).await;
    here.ran(command.n)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error, Fault, Serialize, Deserialize)]
#[error("{sku} is sold out")]
#[permanent]
pub struct SoldOut {
    pub sku: String,
}

/// Is refused by its handler, with its own error.
#[command(error = SoldOut)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Buy {
    pub sku: String,
}

#[handler]
async fn buy(command: Buy) -> Result<(), SoldOut> {
    Err(SoldOut { sku: command.sku })
}

/// Fails, with a chain of errors.
#[command]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Break;

#[handler]
async fn break_it(_: Break) -> anyhow::Result<()> {
    Err(anyhow::anyhow!("the disk is full").context("not written"))
}

#[command]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Panic;

#[handler]
async fn panic(_: Panic) {
    panic!("not this one");
}

/// How long its handler has, in milliseconds, and the header `tenant`.
#[query(response = (u64, Option<String>))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimeLeft;

#[handler]
async fn time_left(
    _: TimeLeft,
    deadline: Deadline,
    headers: catga::Headers,
) -> (u64, Option<String>) {
    let left = u64::try_from(deadline.remaining().as_micros()).unwrap();
    (left, headers.get("tenant").map(str::to_owned))
}

/// Never ends; logs its number when it starts, and its number plus 100 when it is dropped.
#[command]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endless {
    pub n: u64,
}

struct OnDrop(Option<Here>, u64);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(here) = self.0.take() {
            here.ran(self.1);
        }
    }
}

#[handler]
async fn endless(command: Endless, State(here): State<Here>, cx: Context) {
    here.clone().ran(command.n);
    let cancelled = cx.cancellation();
    let (then, n) = (here.clone(), command.n);
    tokio::spawn(async move {
        cancelled.cancelled().await;
        then.ran(n + 200);
    });
    let _dropped = OnDrop(Some(here), command.n + 100);
    std::future::pending::<()>().await;
}

#[event]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changed {
    pub n: u64,
}

#[handler(broadcast)]
async fn changed(event: Changed, State(here): State<Here>) {
    here.ran(event.n);
}

/// Its handlers add to the number what they take.
#[event]
#[route(topic = "moved.{region}.to.{shelf}")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Moved {
    pub region: String,
    pub shelf: Option<String>,
    pub n: u64,
}

/// What the handlers of [`Moved`] add: of all topics, of one segment, of the rest.
pub const OF_ALL: u64 = 1_000;
pub const OF_ONE: u64 = 2_000;
pub const OF_REST: u64 = 3_000;

#[handler(broadcast)]
async fn moved(event: Moved, State(here): State<Here>) {
    here.ran(event.n + OF_ALL);
}

#[handler(broadcast, topic = "moved.*.to.tea")]
async fn moved_to_tea(event: Moved, State(here): State<Here>) {
    here.ran(event.n + OF_ONE);
}

#[handler(broadcast, topic = "moved.eu.>")]
async fn moved_in_europe(event: Moved, State(here): State<Here>) {
    here.ran(event.n + OF_REST);
}

/// Takes turns with the others of its key; logs its number when it starts and again when it ends.
#[command]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Serial {
    pub key: u64,
    pub n: u64,
}

#[handler(serial)]
async fn serial(command: Serial, State(here): State<Here>) {
    here.clone().ran(command.n);
    sleep(Duration::from_millis(20)).await;
    here.ran(command.n);
}

/// Fails in one of two ways, wherever it is handled.
#[command]
#[route(strategy = "round_robin")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fails {
    pub n: u64,
    pub panics: bool,
}

#[handler]
async fn fails(command: Fails, State(here): State<Here>) -> Result<(), &'static str> {
    here.ran(command.n);
    assert!(!command.panics, "as it was told");
    Err("as it was told")
}
