//! `send` on one thread: the reply comes from a handler in the same process.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use catga::Node;
use catga_benches::{Contest, Figure, Limits};
use kameo::actor::Spawn;
use tokio::runtime::{self, Runtime};

use crate::actor::{Adder, Ask};
use crate::hot::{Add, add};
use crate::keyed::AddKeyed;
use crate::large::{AddLarge, add_large};
use crate::mediator::{AddMediated, Mediator};
use crate::stateful::{AddOffset, Offset, add_offset};
use crate::{node_with, numbered, report};

const TABLES: [&str; 3] = [
    "catga send, 1 handler",
    "catga send, 100 handlers",
    "catga send, 1,000 handlers",
];
const KEYED: &str = "catga send, keyed";
const STATEFUL: &str = "catga send, with state";
const LARGE: &str = "catga send, large future";

/// The nanoseconds that `send` may add to a direct call.
const ADDED: f64 = 15.0;

pub(crate) fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let nodes = runtime.block_on(Nodes::start())?;
    let offset = Arc::new(Offset(1));
    let mediator = Mediator::builder().build();
    let actor = runtime.block_on(async { Adder::spawn(Adder) });

    let mut contest = Contest::new(151, Duration::from_millis(2));
    contest.baseline("direct call", calls(&runtime, |a| add(Add { a, b: 1 })));
    for (name, node) in TABLES
        .into_iter()
        .zip([&nodes.one, &nodes.hundred, &nodes.thousand])
    {
        contest.beside(name, calls(&runtime, |a| node.send(Add { a, b: 1 })));
    }
    contest.beside(
        KEYED,
        calls(&runtime, |a| nodes.keyed.send(AddKeyed { a, b: 1 })),
    );
    contest.beside(
        "medi-rs send",
        calls(&runtime, |a| mediator.send(AddMediated { a, b: 1 })),
    );
    contest.beside(
        "kameo ask",
        calls(&runtime, |a| actor.ask(Ask { a, b: 1 }).into_future()),
    );

    contest.baseline(
        "direct call, with state",
        calls(&runtime, |a| {
            add_offset(AddOffset { a }, catga::State(Arc::clone(&offset)))
        }),
    );
    contest.beside(
        STATEFUL,
        calls(&runtime, |a| nodes.stateful.send(AddOffset { a })),
    );

    contest.baseline(
        "direct call, large future",
        calls(&runtime, |a| add_large(AddLarge { a, b: 1 })),
    );
    contest.beside(
        LARGE,
        calls(&runtime, |a| nodes.large.send(AddLarge { a, b: 1 })),
    );

    contest.baseline(
        "direct calls, 1,000 types in turn",
        turns(&runtime, numbered::call_each),
    );
    contest.beside(
        "catga send, 1,000 types in turn",
        turns(&runtime, |a| numbered::send_each(&nodes.thousand, a)),
    );
    let figures = contest.run();

    runtime.block_on(nodes.shutdown())?;
    Ok(figures)
}

pub(crate) fn check(figures: &[Figure], limits: &mut Limits) {
    for name in TABLES {
        let figure = report::find(figures, name);
        limits.at_most(
            &format!("{name}, ns over direct"),
            figure.difference(),
            ADDED,
        );
    }
    for name in TABLES.into_iter().chain([KEYED, STATEFUL]) {
        let figure = report::find(figures, name);
        limits.exactly(&format!("{name}, allocations"), figure.allocations, 0.0);
    }
    let boxed = report::find(figures, LARGE).allocations;
    limits.exactly(&format!("{LARGE}, allocations"), boxed, 1.0);
}

struct Nodes {
    one: Node,
    hundred: Node,
    thousand: Node,
    keyed: Node,
    stateful: Node,
    large: Node,
}

impl Nodes {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let nodes = Self {
            one: node_with("one", &["::hot"]).start().await?,
            hundred: node_with("hundred", &["::hot", "::n0"]).start().await?,
            thousand: Node::builder("thousand")
                .only(|handler| {
                    let module = handler.module();
                    module.ends_with("::hot") || module.contains("::numbered::")
                })
                .start()
                .await?,
            keyed: node_with("keyed", &["::keyed"]).start().await?,
            stateful: node_with("stateful", &["::stateful"])
                .state(Arc::new(Offset(1)))
                .start()
                .await?,
            large: node_with("large", &["::large"]).start().await?,
        };
        assert_eq!(nodes.one.send(Add { a: 2, b: 3 }).await?, 5);
        assert_eq!(nodes.keyed.send(AddKeyed { a: 2, b: 3 }).await?, 5);
        assert_eq!(nodes.stateful.send(AddOffset { a: 2 }).await?, 3);
        assert_eq!(nodes.large.send(AddLarge { a: 2, b: 3 }).await?, 5);
        assert_eq!(
            numbered::send_each(&nodes.thousand, 1).await,
            numbered::call_each(1).await
        );
        Ok(nodes)
    }

    async fn shutdown(&self) -> Result<(), Box<dyn Error>> {
        let Self {
            one,
            hundred,
            thousand,
            keyed,
            stateful,
            large,
        } = self;
        for node in [one, hundred, thousand, keyed, stateful, large] {
            node.shutdown().await?;
        }
        Ok(())
    }
}

/// Awaits one call after the other.
///
/// What comes back is taken apart at once, as by a caller's `?`: to move a reply as a whole is no part
/// of any of them.
fn calls<'a, E, F>(runtime: &'a Runtime, call: impl Fn(u64) -> F + 'a) -> impl FnMut(u64) + 'a
where
    F: Future<Output = Result<u64, E>>,
{
    move |calls| {
        runtime.block_on(async {
            for number in 0..calls {
                black_box(call(black_box(number)).await.ok());
            }
        });
    }
}

/// The same where one call of `turn` is one call of each numbered message.
fn turns<'a, F>(runtime: &'a Runtime, turn: impl Fn(u64) -> F + 'a) -> impl FnMut(u64) + 'a
where
    F: Future<Output = u64>,
{
    move |calls| {
        runtime.block_on(async {
            for number in 0..calls.div_ceil(numbered::COUNT) {
                black_box(turn(black_box(number)).await);
            }
        });
    }
}
