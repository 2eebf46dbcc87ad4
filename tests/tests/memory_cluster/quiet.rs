//! How much a node says while its broker is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::transport::Memory;
use catga_tests::faulty::{Fault, Rules};
use catga_tests::suite::durable::node_on_line;
use catga_tests::suite::durable::work::{Put, Sink, Try};
use catga_tests::suite::site::{NODE_TIMEOUT, Site, until};
use tokio::time::sleep;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::InMemory;

/// Counts what operators are woken by.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "catga" && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn letters_that_cannot_be_written_are_a_line_now_and_then() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    line.set(|rules| rules.letters = Fault::Fail);
    let hopeless = |key| Try {
        permanent: true,
        ..Try::new(key, 0, 0)
    };
    for stored in a.enqueue_all((0..500).map(hopeless)).await {
        stored.unwrap();
    }
    until("each was tried", NODE_TIMEOUT, || sink.len() == 500).await;
    let warnings = Warnings::default();
    let guard = tracing::subscriber::set_default(warnings.clone());
    sleep(Duration::from_secs(60)).await;
    drop(guard);
    let count = warnings.0.load(Ordering::Relaxed);
    assert!((5..=10).contains(&count), "{count} in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_is_some_lines_now_and_then() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    let warnings = Warnings::default();
    let guard = tracing::subscriber::set_default(warnings.clone());
    line.set(|rules| *rules = Rules::DOWN);
    let storing: Vec<_> = (0..200)
        .map(|key| {
            let a = a.clone();
            tokio::spawn(async move { a.enqueue(Put { key, n: 0, ms: 0 }).await })
        })
        .collect();
    sleep(Duration::from_secs(60)).await;
    drop(guard);
    line.heal();
    for stored in storing {
        let _ = stored.await.unwrap();
    }
    let count = warnings.0.load(Ordering::Relaxed);
    assert!((5..200).contains(&count), "{count} in a minute");
}
