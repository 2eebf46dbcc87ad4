use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use catga::{Headers, MessageId, Options, State, event, handler};
use catga_tests::dead_letter;
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Clone, Default)]
struct Shared {
    works: Arc<AtomicBool>,
    replayed: Arc<AtomicUsize>,
    others: Arc<AtomicUsize>,
}

#[event(name = "parcels.sent")]
#[route(key = "to")]
#[derive(Serialize, Deserialize)]
struct ParcelSent {
    to: String,
}

#[handler(retry(max = 2, after = "1ms"))]
async fn deliver(
    _: ParcelSent,
    State(shared): State<Shared>,
    headers: Headers,
) -> anyhow::Result<()> {
    if !shared.works.load(Ordering::SeqCst) {
        anyhow::bail!("no such street");
    }
    assert_eq!(headers.get("tenant"), Some("acme"));
    assert!(headers.get("catga-replay").is_some());
    shared.replayed.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[handler]
async fn count(_: ParcelSent, State(shared): State<Shared>) {
    shared.others.fetch_add(1, Ordering::SeqCst);
}

#[tokio::test]
async fn a_dead_letter_has_its_whole_context_and_can_be_replayed_once() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    let id = MessageId::new();
    let options = Options::new().id(id).header("tenant", "acme");
    node.with(options)
        .publish(ParcelSent { to: "x".into() })
        .await
        .unwrap();
    dead_letter(&node).await;
    let letter = node.dead_letters().await.unwrap().remove(0);
    assert_eq!(letter.id(), id);
    assert_eq!(letter.key(), Some("x"));
    assert_eq!(letter.message(), "parcels.sent");
    assert!(letter.handler().unwrap().ends_with("::deliver"));
    assert_eq!(letter.attempts(), 2);
    assert_eq!(letter.headers().get("tenant"), Some("acme"));
    assert!(letter.error_chain()[0].contains("no such street"));
    assert!(letter.failed_at() <= std::time::SystemTime::now());

    shared.works.store(true, Ordering::SeqCst);
    assert_eq!(node.replay(&letter).await.unwrap().unwrap().id(), id);
    assert!(node.replay(&letter).await.unwrap().is_none());
    assert!(!node.discard(&letter).await.unwrap());
    node.shutdown().await.unwrap();
    assert_eq!(shared.replayed.load(Ordering::SeqCst), 1);
    assert_eq!(
        shared.others.load(Ordering::SeqCst),
        1,
        "only the handler that failed"
    );
    assert!(node.dead_letters().await.unwrap().is_empty());
}

/// Its `Deserialize` refuses what its `Serialize` wrote.
#[event]
#[derive(Serialize, Deserialize)]
struct Garbled(#[serde(deserialize_with = "refuse")] u8);

fn refuse<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
    Err(serde::de::Error::custom("not in this alphabet"))
}

#[handler(retry(max = 5, after = "1ms"))]
async fn read(_: Garbled) {}

#[tokio::test]
async fn what_cannot_be_read_is_dead_after_one_attempt() {
    let node = node!(.state(Shared::default()));
    node.publish(Garbled(1)).await.unwrap();
    node.shutdown().await.unwrap();
    let letters = node.dead_letters().await.unwrap();
    assert_eq!(letters[0].attempts(), 1);
    let chain = letters[0].error_chain().join(": ");
    assert!(chain.contains("Garbled"), "{chain}");
    assert_eq!(
        chain.matches("not in this alphabet").count(),
        1,
        "once: {chain}"
    );
}

#[tokio::test]
async fn a_discarded_dead_letter_is_gone_and_one_that_cannot_be_replayed_is_not() {
    let node = node!(.state(Shared::default()));
    for to in ["x", "y"] {
        node.publish(ParcelSent { to: to.into() }).await.unwrap();
    }
    node.shutdown().await.unwrap();
    let letters = node.dead_letters().await.unwrap();
    assert_eq!(letters.len(), 2);
    assert!(node.discard(&letters[0]).await.unwrap());
    assert!(
        node.replay(&letters[1]).await.is_err(),
        "the node has stopped"
    );
    assert_eq!(
        node.dead_letters().await.unwrap()[0].number(),
        letters[1].number()
    );
}
