//! Code of the user's that panics where nobody expects it, and callers without a runtime.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use catga::message::{KeySink, KeyText, KeyWriter};
use catga::node::StoreError;
use catga::{Node, Options, SendError, State, command, handler};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};
use tokio::runtime;

use crate::node;

type Log = Arc<Mutex<Vec<u32>>>;

/// Panics when it is dropped, but not while another panic is under way.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[command]
#[derive(Serialize, Deserialize)]
struct HoldABomb;

#[handler]
async fn hold_a_bomb(_: HoldABomb) {
    let _bomb = Bomb;
    pending::<()>().await;
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Throw {
    key: u32,
    throws: bool,
}

#[handler(retry(max = 1))]
async fn throw(command: Throw, State(log): State<Log>) {
    if command.throws {
        std::panic::panic_any(Bomb);
    }
    log.lock().unwrap().push(command.key);
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NoKey;

impl KeyText for NoKey {
    fn write_key<S: KeySink>(&self, _: &mut KeyWriter<S>) {
        panic!("no key");
    }
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Keyless {
    key: NoKey,
}

#[handler(serial)]
async fn keyless(_: Keyless) {}

#[command]
#[derive(Serialize, Deserialize)]
struct Slow {
    millis: u64,
}

/// Waits without a runtime.
#[handler]
async fn slow(command: Slow) {
    let until = Instant::now() + Duration::from_millis(command.millis);
    std::future::poll_fn(|cx| {
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(1));
            waker.wake();
        });
        Poll::Pending
    })
    .await;
}

#[command]
#[derive(Serialize, Deserialize)]
struct Never;

#[handler]
async fn never(_: Never) {
    pending::<()>().await;
}

#[tokio::test]
async fn a_drop_that_panics_at_the_deadline_is_a_panic_of_the_handler() {
    let node = node!(.state(Log::default()));
    let hasty = Options::new().timeout(Duration::from_millis(5));
    let error = node.with(hasty).send(HoldABomb).await.unwrap_err();
    let SendError::Panicked(panicked) = error else {
        panic!("{error:?}");
    };
    assert_eq!(panicked.text(), "dropped");
}

#[tokio::test]
async fn a_panic_with_a_payload_that_panics_is_one_panic() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let error = node
        .send(Throw {
            key: 1,
            throws: true,
        })
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Panicked(_)), "{error:?}");
    node.enqueue(Throw {
        key: 1,
        throws: true,
    })
    .await
    .unwrap();
    node.enqueue(Throw {
        key: 1,
        throws: false,
    })
    .await
    .unwrap();
    eventually(|| *log.lock().unwrap() == [1]).await;
    node.shutdown().await.unwrap();
    assert_eq!(node.dead_letters().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_panics_is_a_panic_of_its_send() {
    let node = node!(.state(Log::default()));
    let error = node.send(Keyless { key: NoKey }).await.unwrap_err();
    assert!(matches!(error, SendError::Panicked(_)), "{error:?}");
}

#[tokio::test]
async fn a_key_that_panics_is_a_panic_of_its_send_in_a_cluster() {
    let broker = catga::node::Broker::from("memory://hostile-keys");
    let start = |name: &'static str| {
        Node::builder("hostile")
            .id(name)
            .broker(broker.clone())
            .state(Log::default())
            .only(|handler| handler.module() == module_path!())
            .start()
    };
    let node = start("a").await.unwrap();
    let other = start("b").await.unwrap();
    eventually(|| node.members().len() == 2).await;
    let error = node.send(Keyless { key: NoKey }).await.unwrap_err();
    assert!(matches!(error, SendError::Panicked(_)), "{error:?}");
    other.shutdown().await.unwrap();
    node.shutdown().await.unwrap();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on a thread that has no runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(Duration::from_secs(10)),
        }
    }
}

async fn start(log: Log) -> Node {
    node!(.state(log).queue_capacity(1).drain_timeout(Duration::ZERO))
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn verbs_work_outside_of_a_runtime() {
    let runtime = runtime();
    let node = runtime.block_on(start(Log::default()));
    block_on(node.send(Slow { millis: 10 })).unwrap();
    let hasty = || Options::new().timeout(Duration::from_millis(20));
    let late = block_on(node.with(hasty()).send(Never));
    assert!(matches!(late, Err(SendError::Timeout(_))), "{late:?}");
    block_on(node.enqueue(Never)).unwrap();
    let full = block_on(node.with(hasty()).enqueue(Never));
    assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
    runtime.block_on(node.shutdown()).unwrap_err();
}

#[test]
fn a_node_whose_runtime_has_gone_refuses() {
    let first = runtime();
    let node = first.block_on(start(Log::default()));
    first.block_on(node.enqueue(Never)).unwrap();
    drop(first);
    let started = Instant::now();
    let refused = runtime().block_on(node.enqueue(Never));
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(5), "at once");
}
