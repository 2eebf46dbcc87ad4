//! What the nodes of the tests store and handle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::{BoxError, Context, Fault, Options, State, command, event, handler, query};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;

pub const MODULE: &str = module_path!();

/// One execution of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub handler: &'static str,
    pub key: u64,
    pub n: u64,
    pub node: String,
    pub attempt: u32,
    pub fence: u64,
    pub replay: bool,
    /// Its `traceparent` and its `tracestate`.
    pub trace: [Option<String>; 2],
}

/// Everything that ran, in its order, and a gate that handlers may wait at.
#[derive(Debug, Clone)]
pub struct Sink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ran: Mutex<Vec<Ran>>,
    /// What is running, by key.
    running: Mutex<BTreeMap<u64, usize>>,
    overlaps: Mutex<Vec<u64>>,
    open: watch::Sender<bool>,
}

impl Default for Sink {
    fn default() -> Self {
        Self(Arc::new(Inner {
            ran: Mutex::default(),
            running: Mutex::default(),
            overlaps: Mutex::default(),
            open: watch::Sender::new(true),
        }))
    }
}

impl Sink {
    pub fn all(&self) -> Vec<Ran> {
        self.0.ran.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.0.ran.lock().unwrap().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of a key in the order in which they ran for the first time.
    pub fn of_key(&self, key: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        for ran in self.all() {
            if ran.key == key && !numbers.contains(&ran.n) {
                numbers.push(ran.n);
            }
        }
        numbers
    }

    /// How often each number of a key ran.
    pub fn times(&self, key: u64) -> BTreeMap<u64, usize> {
        let mut times = BTreeMap::new();
        for ran in self.all().iter().filter(|ran| ran.key == key) {
            *times.entry(ran.n).or_default() += 1;
        }
        times
    }

    pub fn by_handler(&self, handler: &str) -> Vec<Ran> {
        let all = self.all().into_iter();
        all.filter(|ran| ran.handler == handler).collect()
    }

    /// Keys of which two executions were seen at once.
    pub fn overlaps(&self) -> Vec<u64> {
        self.0.overlaps.lock().unwrap().clone()
    }

    /// Handlers of [`Put`] and [`Once`] wait until it is opened.
    pub fn close(&self) {
        self.0.open.send_replace(false);
    }

    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    fn ran(&self, handler: &'static str, key: u64, n: u64, node: &str, cx: &Context) {
        self.0.ran.lock().unwrap().push(Ran {
            handler,
            key,
            n,
            node: node.to_owned(),
            attempt: cx.attempt().get(),
            fence: cx.fence(),
            replay: cx.headers().get("catga-replay").is_some(),
            trace: ["traceparent", "tracestate"]
                .map(|name| cx.headers().get(name).map(str::to_owned)),
        });
    }

    fn enter(&self, key: u64) -> Inside {
        let mut running = self.0.running.lock().unwrap();
        let count = running.entry(key).or_default();
        *count += 1;
        if *count > 1 {
            self.0.overlaps.lock().unwrap().push(key);
        }
        Inside(self.clone(), key)
    }

    async fn gate(&self) {
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
    }
}

struct Inside(Sink, u64);

impl Drop for Inside {
    fn drop(&mut self) {
        let mut running = self.0.0.running.lock().unwrap();
        if let Some(count) = running.get_mut(&self.1) {
            *count -= 1;
        }
    }
}

/// What a node's handlers write to.
#[derive(Debug, Clone)]
pub struct At {
    pub node: String,
    pub sink: Sink,
}

/// Runs when the gate is open, for so many milliseconds.
#[command]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Put {
    pub key: u64,
    pub n: u64,
    pub ms: u64,
}

#[handler]
async fn put(command: Put, State(at): State<At>, cx: Context) {
    let _inside = at.sink.enter(command.key);
    at.sink.ran("put", command.key, command.n, &at.node, &cx);
    at.sink.gate().await;
    if command.ms > 0 {
        sleep(Duration::from_millis(command.ms)).await;
    }
}

/// Has no key, and time for longer than what is taken from a shared queue is hidden from others.
#[command(timeout = "2m")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub n: u64,
    pub ms: u64,
}

#[handler]
async fn job(command: Job, State(at): State<At>, cx: Context) {
    at.sink.ran("job", 0, command.n, &at.node, &cx);
    if command.ms > 0 {
        sleep(Duration::from_millis(command.ms)).await;
    }
}

/// Has no key, either.
#[command]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chore {
    pub n: u64,
}

#[handler]
async fn chore(command: Chore, State(at): State<At>, cx: Context) {
    at.sink.ran("chore", 0, command.n, &at.node, &cx);
}

#[derive(Debug, thiserror::Error, Fault, Serialize, Deserialize)]
pub enum Trouble {
    #[error("not now")]
    #[transient(after = "50ms", max = 4)]
    NotNow,
    #[error("never")]
    #[permanent]
    Never,
}

/// Fails `fails` times, or for good.
#[command(error = Trouble)]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Try {
    pub key: u64,
    pub n: u64,
    pub fails: u32,
    pub permanent: bool,
    pub panics: bool,
}

impl Try {
    pub fn new(key: u64, n: u64, fails: u32) -> Self {
        Self {
            key,
            n,
            fails,
            permanent: false,
            panics: false,
        }
    }
}

#[handler]
async fn try_it(command: Try, State(at): State<At>, cx: Context) -> Result<(), Trouble> {
    let _inside = at.sink.enter(command.key);
    at.sink.ran("try_it", command.key, command.n, &at.node, &cx);
    assert!(!command.panics, "as it was told");
    if command.permanent && cx.headers().get("catga-replay").is_none() {
        return Err(Trouble::Never);
    }
    if cx.attempt().get() <= command.fails {
        return Err(Trouble::NotNow);
    }
    Ok(())
}

/// Two handlers, of which one may fail.
#[event]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Happened {
    pub key: u64,
    pub n: u64,
    /// How often the second handler fails.
    pub fails: u32,
}

#[handler]
async fn first(event: Happened, State(at): State<At>, cx: Context) {
    at.sink.ran("first", event.key, event.n, &at.node, &cx);
}

#[handler]
async fn second(event: Happened, State(at): State<At>, cx: Context) -> Result<(), Trouble> {
    at.sink.ran("second", event.key, event.n, &at.node, &cx);
    if cx.attempt().get() <= event.fails {
        return Err(Trouble::NotNow);
    }
    Ok(())
}

/// Succeeds once for each id.
#[command(response = u64, idempotent)]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Once {
    pub key: u64,
    pub n: u64,
    pub fails: u32,
}

#[handler(dedup = "10m", retry(max = 3, after = "20ms"))]
async fn once(command: Once, State(at): State<At>, cx: Context) -> Result<u64, &'static str> {
    at.sink.ran("once", command.key, command.n, &at.node, &cx);
    at.sink.gate().await;
    if cx.attempt().get() <= command.fails {
        return Err("not now");
    }
    Ok(command.n + 1)
}

/// Stores children, and fails after it, so that it runs again.
#[command]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spread {
    pub key: u64,
    pub n: u64,
    pub children: u64,
}

#[handler(retry(max = 2, after = "20ms"))]
async fn spread(command: Spread, State(at): State<At>, cx: Context) -> Result<(), &'static str> {
    at.sink.ran("spread", command.key, command.n, &at.node, &cx);
    for n in 0..command.children {
        let child = Put {
            key: command.key + 1_000,
            n,
            ms: 0,
        };
        cx.enqueue(child).await.map_err(|_| "not stored")?;
    }
    if cx.attempt().get() == 1 {
        return Err("once more");
    }
    Ok(())
}

/// Is stored for one node and only heard by another.
#[event]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noted {
    pub key: u64,
    pub n: u64,
}

#[handler]
async fn note(event: Noted, State(at): State<At>, cx: Context) {
    at.sink.ran("note", event.key, event.n, &at.node, &cx);
}

#[handler(broadcast)]
async fn overhear(event: Noted, State(at): State<At>, cx: Context) {
    at.sink.ran("overhear", event.key, event.n, &at.node, &cx);
}

/// Goes on by every verb; the last child has a `traceparent` of its own.
#[command]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follow {
    pub key: u64,
    pub own: String,
}

#[handler]
async fn follow(command: Follow, State(at): State<At>, cx: Context) -> Result<(), BoxError> {
    let Follow { key, own } = command;
    at.sink.ran("follow", key, 0, &at.node, &cx);
    let job = |n| Job { n, ms: 0 };
    cx.enqueue(job(0)).await?;
    cx.publish(Noted { key, n: 1 }).await?;
    cx.broadcast(Noted { key, n: 2 }).await?;
    // To both nodes.
    for result in cx.send_all((0..8).map(|key| Traced { key })).await {
        result?;
    }
    let own = Options::new().header("traceparent", own);
    cx.with(own).enqueue(job(3)).await?;
    Ok(())
}

#[query(response = ())]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Traced {
    pub key: u64,
}

#[handler]
async fn traced(query: Traced, State(at): State<At>, cx: Context) {
    at.sink.ran("traced", query.key, 0, &at.node, &cx);
}

/// The name of the node that answers.
#[query(response = String)]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    pub key: u64,
}

#[handler]
async fn ask(_: Ask, State(at): State<At>) -> String {
    at.node
}
