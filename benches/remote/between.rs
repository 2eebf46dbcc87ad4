//! A call from node to node in one process, beside a bare channel there and a bare one back.

use std::error::Error;
use std::time::Duration;

use catga::Node;
use catga_benches::{Contest, Figure, Limits};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::messages::{Count, count};
use crate::{calls, report};

/// What `send` may take, in channels: the frame is encoded, routed, counted and decoded as well.
const TIMES: f64 = 12.0;

const SEND: &str = "send to another node";

/// One call after the other, on a runtime of the caller's choice.
pub(crate) fn measure(runtime: &Runtime, named: &str) -> Result<Vec<Figure>, Box<dyn Error>> {
    let (client, server) = runtime.block_on(start(named))?;
    let bare = &runtime.block_on(async { Bare::start() });
    let encoded = &runtime.block_on(async { Encoded::start() });

    let mut contest = Contest::new(101, Duration::from_millis(4));
    contest.baseline(
        format!("mpsc and oneshot, {named}"),
        calls(runtime, |number| bare.call(Count { number })),
    );
    contest.beside(
        format!("the same with JSON, {named}"),
        calls(runtime, |number| encoded.call(Count { number })),
    );
    contest.beside(
        format!("{SEND}, {named}"),
        calls(runtime, |number| client.send(Count { number })),
    );
    let figures = contest.run();
    runtime.block_on(async {
        client.shutdown().await?;
        server.shutdown().await
    })?;
    Ok(figures)
}

pub(crate) fn check(named: &str, figures: &[Figure], limits: &mut Limits) {
    let send = report::find(figures, &format!("{SEND}, {named}"));
    limits.at_most(
        &format!("{}, x (mpsc and oneshot)", send.name),
        send.ratio(),
        TIMES,
    );
}

async fn start(named: &str) -> Result<(Node, Node), Box<dyn Error>> {
    let broker = format!("memory://{}", named.replace(' ', "-"));
    let server = Node::builder("bench").broker(&*broker).start().await?;
    let client = Node::builder("clients").broker(&*broker).only(|_| false);
    let client = client.start().await?;
    assert_eq!(client.send(Count { number: 1 }).await?, 2);
    Ok((client, server))
}

/// The least: a message there, a number back.
struct Bare(mpsc::Sender<(Count, oneshot::Sender<u64>)>);

impl Bare {
    fn start() -> Self {
        let (calls, mut called) = mpsc::channel::<(Count, oneshot::Sender<u64>)>(1_024);
        tokio::spawn(async move {
            while let Some((message, reply)) = called.recv().await {
                let _ = reply.send(count(message).await);
            }
        });
        Self(calls)
    }

    async fn call(&self, message: Count) -> Option<u64> {
        let (reply, replied) = oneshot::channel();
        self.0.send((message, reply)).await.ok()?;
        replied.await.ok()
    }
}

type Bytes = Vec<u8>;

/// The same, with everything written and read on its way.
struct Encoded(mpsc::Sender<(Bytes, oneshot::Sender<Bytes>)>);

impl Encoded {
    fn start() -> Self {
        let (calls, mut called) = mpsc::channel::<(Bytes, oneshot::Sender<Bytes>)>(1_024);
        tokio::spawn(async move {
            while let Some((message, reply)) = called.recv().await {
                let Ok(message) = serde_json::from_slice(&message) else {
                    continue;
                };
                let counted = serde_json::to_vec(&count(message).await);
                let _ = reply.send(counted.unwrap_or_default());
            }
        });
        Self(calls)
    }

    async fn call(&self, message: Count) -> Option<u64> {
        let (reply, replied) = oneshot::channel();
        let message = serde_json::to_vec(&message).ok()?;
        self.0.send((message, reply)).await.ok()?;
        serde_json::from_slice(&replied.await.ok()?).ok()
    }
}
