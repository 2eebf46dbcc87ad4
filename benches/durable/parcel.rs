//! What is stored and handled.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use catga::{State, command, handler, route};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub(crate) const MODULE: &str = module_path!();

/// How large a parcel is as JSON, in bytes.
const SIZE: usize = 256;

/// How many keys there are, unless each parcel has its own.
const KEYS: u64 = 1_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[command]
#[route(key = "order")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) order: String,
    /// When it was sent, in nanoseconds since the program began; 0 where nobody asks.
    sent: u64,
    text: String,
}

impl Parcel {
    pub(crate) fn new(number: u64) -> Self {
        Self::of_order(number % KEYS, 0)
    }

    pub(crate) fn of_order(order: u64, sent: u64) -> Self {
        let order = order.to_string();
        let digits = sent.checked_ilog10().unwrap_or_default() as usize + 1;
        let rest = r#"{"order":"","sent":,"text":""}"#.len() + order.len() + digits;
        Self {
            text: "x".repeat(SIZE - rest),
            order,
            sent,
        }
    }

    /// One that is sent now.
    pub(crate) fn timed(number: u64) -> Self {
        Self::of_order(number % KEYS, now())
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(SIZE);
        serde_json::to_writer(&mut json, self).expect("a parcel is JSON");
        json
    }
}

fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[handler]
async fn take(parcel: Parcel, State(received): State<Received>) {
    received.note(&parcel);
}

/// Fails for as long as it is told to, and holds its key.
#[command]
#[route(key = "order")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Block {
    order: String,
}

impl Block {
    /// No other parcels have it.
    pub(crate) const ORDER: u64 = u64::MAX;

    pub(crate) fn new() -> Self {
        Self {
            order: Self::ORDER.to_string(),
        }
    }
}

#[handler(retry(max = 1_000, after = "1s", cap = "1s"))]
async fn fail(_: Block, State(received): State<Received>) -> Result<(), &'static str> {
    if received.0.blocked.load(Ordering::Acquire) {
        received.0.failures.fetch_add(1, Ordering::Relaxed);
        return Err("not yet");
    }
    Ok(())
}

/// What has been handled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    wanted: AtomicU64,
    all: Notify,
    /// Whether a [`Block`] fails, and how often it did.
    blocked: AtomicBool,
    failures: AtomicU64,
    /// How long those took that say when they were sent, in nanoseconds.
    times: Mutex<Vec<f64>>,
}

impl Received {
    pub(crate) fn note(&self, parcel: &Parcel) {
        let Self(inner) = self;
        if parcel.sent > 0 {
            let time = now().saturating_sub(parcel.sent);
            let mut times = inner.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(time as f64);
        }
        let count = inner.count.fetch_add(1, Ordering::AcqRel) + 1;
        if count == inner.wanted.load(Ordering::Acquire) {
            inner.all.notify_one();
        }
    }

    pub(crate) fn block(&self, blocked: bool) {
        self.0.blocked.store(blocked, Ordering::Release);
    }

    pub(crate) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// From here on, so many are waited for.
    pub(crate) fn expect(&self, more: u64) {
        let wanted = self.0.count.load(Ordering::Acquire) + more;
        self.0.wanted.store(wanted, Ordering::Release);
    }

    /// Completes when as many came as were expected.
    pub(crate) async fn all(&self) {
        let Self(inner) = self;
        while inner.count.load(Ordering::Acquire) < inner.wanted.load(Ordering::Acquire) {
            inner.all.notified().await;
        }
    }

    pub(crate) fn take_times(&self) -> Vec<f64> {
        let times = &self.0.times;
        std::mem::take(&mut times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
