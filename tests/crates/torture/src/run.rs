//! A whole run.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use catga::Node;
use catga_tests::servers::proxy::Proxy;
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::arguments::Arguments;
use crate::broker::Broker;
use crate::crew;
use crate::journal::Journal;
use crate::process;
use crate::publisher::Publisher;
use crate::report::Report;
use crate::round::{Cluster, Round};
use crate::settle::{self, settle};
use crate::sink;

/// Nodes that publish and handle nothing, in this process.
const PUBLISHERS: usize = 2;
const KEYED: usize = 24;
const UNKEYED: usize = 4;

/// So long all is well after each fault, at least.
const REST: Duration = Duration::from_millis(500);

/// Whether all promises were kept.
pub async fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let begun = Instant::now();
    let mut chance = Rng::with_seed(arguments.seed);
    let journal = Arc::<Journal>::default();
    let (broker, name) = Broker::start(arguments.broker, arguments.seed);
    println!("{name}, seed {}", arguments.seed);
    let sink = sink::serve(&journal).await?;
    let (crew, mut lines) = crew::start(&broker, sink, &journal).await;
    let mut wrong = Vec::new();
    for member in &crew {
        if !member.is_up().await {
            wrong.push(format!("{} does not start", member.title()));
        }
    }
    let (nodes, more) = publishers(&broker).await?;
    lines.extend(more);
    let stop = Arc::<AtomicBool>::default();
    let streams = publish(&nodes, &journal, &stop, &mut chance);
    let mut cluster = Cluster {
        broker,
        crew,
        lines,
    };

    let rounds = Round::draw(arguments.rounds, &mut chance);
    for (number, round) in (1..).zip(rounds) {
        sleep(REST.mul_f64(1.0 + chance.f64())).await;
        let (at, ended) = round.run(&mut cluster, &mut chance, &journal).await;
        let seconds = begun.elapsed().as_secs();
        println!(
            "round {number}, {seconds} s: {round} ({}); {} acknowledged",
            cluster.crew[at].title(),
            journal.count()
        );
        if !ended {
            wrong.push(format!(
                "{} did not end when it was asked to",
                cluster.crew[at].title()
            ));
        }
        wrong.extend(look_after(&mut cluster));
    }

    stop.store(true, Ordering::Relaxed);
    if timeout(settle::PATIENCE, join_all(streams)).await.is_err() {
        wrong.push("publishers do not get their last messages acknowledged".to_owned());
    }
    let letters = settle(&nodes[0], &journal).await;
    wrong.extend(look_after(&mut cluster));
    let report = Report {
        rounds: arguments.rounds,
        letters,
        wrong,
    };
    let well = report.print(&journal, &cluster);
    for node in nodes {
        // Everything is told already.
        let _ = node.shutdown().await;
    }
    Ok(well)
}

/// Starts nodes again that ended by themselves, which they must not.
fn look_after(cluster: &mut Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in &mut cluster.crew {
        if member.has_ended() {
            wrong.push(format!("{} ended by itself", member.title()));
            member.restart();
        }
    }
    wrong
}

async fn publishers(broker: &Broker) -> Result<(Vec<Node>, Vec<Proxy>), Box<dyn Error>> {
    let (mut nodes, mut lines) = (Vec::new(), Vec::new());
    for number in 0..PUBLISHERS {
        let line = Proxy::to(broker.port()).await;
        let node = process::settings(Node::builder("publishers"))
            .id(format!("publisher-{number}"))
            .broker(broker.url(line.port()))
            .only(|_| false)
            .start()
            .await?;
        nodes.push(node);
        lines.push(line);
    }
    Ok((nodes, lines))
}

fn publish(
    nodes: &[Node],
    journal: &Arc<Journal>,
    stop: &Arc<AtomicBool>,
    chance: &mut Rng,
) -> Vec<tokio::task::JoinHandle<()>> {
    let keyed = (0..KEYED).map(|number| (format!("k{number}"), true));
    let unkeyed = (0..UNKEYED).map(|number| (format!("u{number}"), false));
    let streams = keyed.chain(unkeyed).zip(nodes.iter().cycle());
    streams
        .map(|((stream, keyed), node)| {
            let publisher = Publisher {
                node: node.clone(),
                journal: Arc::clone(journal),
                stop: Arc::clone(stop),
            };
            tokio::spawn(publisher.run(stream, keyed, chance.fork()))
        })
        .collect()
}
