//! A node process: `torture node NAME BROKER SINK`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use catga::Node;
use catga::delivery::retry::Policy;
use catga::node::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tracing_subscriber::filter::LevelFilter;

use crate::handlers::{self, Itself};
use crate::sink::Sink;

pub const SERVICE: &str = "accounts";
pub const HEARTBEAT: Duration = Duration::from_millis(300);
pub const NODE_TIMEOUT: Duration = Duration::from_secs(2);
const PARTITIONS: u32 = 16;
/// Less than anybody waits for it to end.
const DRAIN: Duration = Duration::from_secs(3);

/// What a node process is told.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name of the node, and which of its lives this is, as in `b#3`.
    pub process: String,
    pub broker: String,
    pub sink: u16,
}

impl Call {
    pub const WORD: &str = "node";

    pub fn parse(arguments: &[String]) -> Option<Self> {
        match arguments {
            [word, process, broker, sink] if word == Self::WORD => Some(Self {
                process: process.clone(),
                broker: broker.clone(),
                sink: sink.parse().ok()?,
            }),
            _ => None,
        }
    }

    pub fn arguments(&self) -> [String; 4] {
        let word = Self::WORD.to_owned();
        let (process, broker) = (self.process.clone(), self.broker.clone());
        [word, process, broker, self.sink.to_string()]
    }

    fn name(&self) -> &str {
        let name = self.process.split_once('#');
        name.map_or(&self.process, |(name, _)| name)
    }
}

/// Runs until it is asked to end.
pub async fn run(call: Call) -> ExitCode {
    let level = match std::env::var_os("TORTURE_LOG") {
        Some(_) => LevelFilter::DEBUG,
        None => LevelFilter::INFO,
    };
    let log = tracing_subscriber::fmt().with_ansi(false);
    log.with_max_level(level).init();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return ExitCode::FAILURE;
    };
    let Some(node) = start(&call, &mut terminate).await else {
        return ExitCode::SUCCESS;
    };
    terminate.recv().await;
    println!("{} is asked to end", call.process);
    let ended = node.shutdown().await;
    println!("{} has ended: {ended:?}", call.process);
    ExitCode::SUCCESS
}

/// Starts, as often as it takes: the broker may be away. `None` if it is asked to end before.
async fn start(call: &Call, terminate: &mut Signal) -> Option<Node> {
    let sink = Sink::new(call.sink, &call.process);
    loop {
        let itself = Itself::default();
        let started = settings(Node::builder(SERVICE))
            .id(call.name())
            .broker(call.broker.as_str())
            .partitions(PARTITIONS)
            .drain_timeout(DRAIN)
            .retry(Policy::new(6, Duration::from_millis(50)).with_cap(Duration::from_millis(500)))
            .state(sink.clone())
            .state(Arc::clone(&itself))
            .only(|handler| handler.module() == handlers::MODULE)
            .start();
        tokio::select! {
            started = started => match started {
                Ok(node) => {
                    // Nothing else sets it.
                    let _ = itself.set(node.clone());
                    sink.up().await;
                    return Some(node);
                }
                Err(error) => println!("{} does not start: {error} {error:?}", call.process),
            },
            _ = terminate.recv() => return None,
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Fast, so that a round is short.
pub fn settings(node: Builder) -> Builder {
    node.heartbeat(HEARTBEAT).node_timeout(NODE_TIMEOUT)
}
