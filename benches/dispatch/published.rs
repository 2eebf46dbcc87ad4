//! `publish` to three handlers, until all of them have handled it, beside the same by hand.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use catga::{Node, State, event, handler};
use catga_benches::{Contest, Figure, Limits};
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};
use tokio::sync::{Notify, mpsc};

use crate::node_with;

const HANDLERS: u64 = 3;

/// How many times the time of the queue by hand `publish` may take.
const RATIO: f64 = 1.5;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
}

impl Flavor {
    fn name(self) -> &'static str {
        match self {
            Self::CurrentThread => "one thread",
            Self::MultiThread => "two threads",
        }
    }

    fn runtime(self) -> Result<Runtime, std::io::Error> {
        match self {
            Self::CurrentThread => runtime::Builder::new_current_thread().enable_all().build(),
            Self::MultiThread => runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build(),
        }
    }
}

#[event]
#[derive(Debug, Serialize, Deserialize)]
struct Placed {
    order: u64,
    quantity: u64,
}

#[handler]
async fn invoice(event: Placed, State(progress): State<Arc<Progress>>) {
    progress.handled(&event);
}

#[handler]
async fn pack(event: Placed, State(progress): State<Arc<Progress>>) {
    progress.handled(&event);
}

#[handler]
async fn tell(event: Placed, State(progress): State<Arc<Progress>>) {
    progress.handled(&event);
}

/// Tells when everything that was published is handled.
#[derive(Debug, Default)]
struct Progress {
    missing: AtomicU64,
    complete: Notify,
}

impl Progress {
    fn expect(&self, events: u64) {
        self.missing.store(events * HANDLERS, Relaxed);
    }

    fn handled(&self, event: &Placed) {
        let handled = event.quantity;
        if self.missing.fetch_sub(handled, Relaxed) == handled {
            self.complete.notify_one();
        }
    }
}

pub(crate) fn measure(flavor: Flavor) -> Result<Vec<Figure>, Box<dyn Error>> {
    let runtime = flavor.runtime()?;
    let progress = Arc::new(Progress::default());
    let queue = runtime.block_on(async { spawn_worker(Arc::clone(&progress)) });
    let node = runtime.block_on(
        node_with("published", &["::published"])
            .state(Arc::clone(&progress))
            .start(),
    )?;

    let mut contest = Contest::new(51, Duration::from_millis(10));
    contest.baseline(
        format!("publish to 3 by hand, {}", flavor.name()),
        |events| {
            let (queue, progress) = (queue.clone(), Arc::clone(&progress));
            run(&runtime, async move {
                progress.expect(events);
                for order in 0..events {
                    let payload = serde_json::to_vec(&Placed { order, quantity: 1 })?;
                    queue.send(Bytes::from(payload)).await?;
                }
                progress.complete.notified().await;
                Ok(())
            });
        },
    );
    contest.beside(format!("catga publish to 3, {}", flavor.name()), |events| {
        let (node, progress) = (node.clone(), Arc::clone(&progress));
        run(&runtime, publish(node, progress, events));
    });
    let figures = contest.run();

    runtime.block_on(node.shutdown())?;
    Ok(figures)
}

pub(crate) fn check(flavor: Flavor, figures: &[Figure], limits: &mut Limits) {
    // Two threads take turns at the mercy of the scheduler: reported without a limit.
    if flavor == Flavor::CurrentThread {
        limits.at_most("catga publish, times by hand", figures[1].ratio(), RATIO);
    }
}

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

async fn publish(node: Node, progress: Arc<Progress>, events: u64) -> Outcome {
    progress.expect(events);
    for order in 0..events {
        node.publish(Placed { order, quantity: 1 }).await?;
    }
    progress.complete.notified().await;
    Ok(())
}

/// The publisher runs as a task, not on the thread that waits for it.
fn run(runtime: &Runtime, work: impl Future<Output = Outcome> + Send + 'static) {
    runtime
        .block_on(runtime.spawn(work))
        .expect("the publisher does not panic")
        .expect("each event is published");
}

fn spawn_worker(progress: Arc<Progress>) -> mpsc::Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1024);
    tokio::spawn(async move {
        while let Some(payload) = receiver.recv().await {
            let decode = || serde_json::from_slice(&payload).expect("it was encoded here");
            invoice(decode(), State(Arc::clone(&progress))).await;
            pack(decode(), State(Arc::clone(&progress))).await;
            tell(decode(), State(Arc::clone(&progress))).await;
        }
    });
    sender
}
