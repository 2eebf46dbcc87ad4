//! What this node handles itself: with other nodes around it, beside the same node without.

use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use catga::Node;
use catga::routing::{DEFAULT_PARTITIONS, Key, partition_of};
use catga_benches::{Contest, Figure, Limits};
use tokio::runtime;

use crate::messages::{Count, Pay};
use crate::{calls, report};

const KEYS: usize = 4_096;

const BY_HAND: &str = "FNV-1a and one load, by hand";
const UNKEYED: &str = "unkeyed send, in a cluster";
const KEYED: &str = "keyed send, in a cluster";

pub(crate) fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (alone, here, there) = runtime.block_on(start())?;
    let keys = keys_of(&here);
    let key = |number: u64| keys[usize::try_from(number).unwrap_or(0) % KEYS];

    let mut contest = Contest::new(151, Duration::from_millis(2));
    contest.baseline(BY_HAND, by_hand(&here, key));
    contest.baseline(
        "unkeyed send, alone",
        calls(&runtime, |number| alone.send(Count { number })),
    );
    contest.beside(
        UNKEYED,
        calls(&runtime, |number| here.send(Count { number })),
    );
    let pay = |number| Pay {
        order_id: Cow::Borrowed(key(number)),
    };
    contest.baseline(
        "keyed send, alone",
        calls(&runtime, |number| alone.send(pay(number))),
    );
    contest.beside(KEYED, calls(&runtime, |number| here.send(pay(number))));
    let figures = contest.run();

    runtime.block_on(async {
        for node in [alone, here, there] {
            node.shutdown().await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(figures)
}

pub(crate) fn check(figures: &[Figure], limits: &mut Limits) {
    let by_hand = report::find(figures, BY_HAND).nanoseconds;
    let unkeyed = report::find(figures, UNKEYED);
    limits.at_most(&format!("{UNKEYED}, x alone"), unkeyed.ratio(), 1.1);
    let keyed = report::find(figures, KEYED);
    limits.at_most(
        &format!("{KEYED}, added, x (hash and one load)"),
        keyed.difference() / by_hand,
        2.0,
    );
    for figure in [unkeyed, keyed] {
        limits.exactly(
            &format!("{}, allocations", figure.name),
            figure.allocations,
            0.0,
        );
    }
}

async fn start() -> Result<(Node, Node, Node), Box<dyn Error>> {
    let alone = Node::builder("bench").start().await?;
    let clustered = |id| {
        let builder = Node::builder("bench").broker("memory://local").id(id);
        // Partitions are claimed after one heartbeat.
        builder.heartbeat(Duration::from_millis(200)).start()
    };
    let (here, there) = (clustered("here").await?, clustered("there").await?);
    while here.partitions().len() + there.partitions().len() < DEFAULT_PARTITIONS as usize {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((alone, here, there))
}

/// Keys of 16 bytes that a node owns.
fn keys_of(node: &Node) -> Vec<&'static str> {
    let owned = node.partitions();
    (0_u64..)
        .map(|number| format!("order-{:010}", number * 7_919))
        .filter(|key| {
            let hash = Key::from_text(key).fnv1a32();
            owned.contains_key(&partition_of(hash, DEFAULT_PARTITIONS))
        })
        .take(KEYS)
        .map(|key| &*Box::leak(key.into_boxed_str()))
        .collect()
}

/// The least that a look at a key's owner takes.
fn by_hand(node: &Node, key: impl Fn(u64) -> &'static str) -> impl FnMut(u64) {
    let owned = node.partitions();
    let here: Vec<bool> = (0..DEFAULT_PARTITIONS)
        .map(|partition| owned.contains_key(&partition))
        .collect();
    move |calls| {
        for number in 0..calls {
            let hash = key(black_box(number))
                .bytes()
                .fold(0x811C_9DC5_u32, |hash, byte| {
                    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
                });
            black_box(here[hash as usize % here.len()]);
        }
    }
}
