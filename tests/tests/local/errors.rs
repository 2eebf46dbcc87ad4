use std::error::Error as _;
use std::sync::Arc;

use catga::transport::Memory;
use catga::{Fault, Node, SendError, command, handler, query};
use catga_tests::faulty::{self, Faults, Line};
use catga_tests::texts;
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Debug, PartialEq, thiserror::Error, Fault, Serialize, Deserialize)]
enum OrderError {
    #[error("{sku} is sold out")]
    #[permanent]
    SoldOut { sku: String },
    #[error("the warehouse is away")]
    #[transient(after = "2s", max = 8)]
    WarehouseAway,
}

#[command(response = u32, error = OrderError)]
#[derive(Serialize, Deserialize)]
struct Order {
    sku: String,
}

#[handler]
async fn order(order: Order) -> Result<u32, OrderError> {
    match order.sku.as_str() {
        "gone" => Err(OrderError::SoldOut { sku: order.sku }),
        "away" => Err(OrderError::WarehouseAway),
        "panic" => panic!("the warehouse burns"),
        _ => Ok(7),
    }
}

#[query(response = u32)]
#[derive(Serialize, Deserialize)]
struct Stock {
    fails: bool,
}

#[handler]
async fn stock(query: Stock) -> anyhow::Result<u32> {
    if query.fails {
        return Err(anyhow::Error::new(OrderError::WarehouseAway).context("no stock"));
    }
    Ok(1)
}

#[command(idempotent)]
#[derive(Serialize, Deserialize)]
struct Explode;

#[handler]
fn explode(_: Explode) {
    panic!("{}", "in place");
}

#[tokio::test]
async fn a_declared_error_arrives_typed() {
    let node = node!();
    let order = |sku: &str| node.send(Order { sku: sku.into() });
    assert_eq!(order("here").await.unwrap(), 7);
    let error = order("gone").await.unwrap_err();
    assert_eq!(texts(&error)[1..], ["gone is sold out"]);
    assert!(!error.is_retryable());
    let SendError::Rejected(OrderError::SoldOut { sku }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(sku, "gone");
}

#[tokio::test]
async fn an_undeclared_error_arrives_with_its_text_and_chain() {
    let node = node!();
    let error = node.send(Stock { fails: true }).await.unwrap_err();
    assert!(error.to_string().contains("`Stock`"), "{error}");
    let mut chain = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        chain.push(error.to_string());
        source = error.source();
    }
    assert_eq!(chain, ["no stock", "the warehouse is away"]);
    assert!(error.is_retryable(), "a query, and not a permanent error");
    let SendError::Failed(failed) = error else {
        panic!("{error:?}");
    };
    let source = failed.into_source();
    assert_eq!(source.to_string(), "no stock");
    assert_eq!(
        Fault::of(&*source),
        Fault::transient(Some(2_000), Some(8)),
        "the error itself, with its type"
    );
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_node_goes_on() {
    let node = node!();
    let error = node
        .send(Order {
            sku: "panic".into(),
        })
        .await
        .unwrap_err();
    let SendError::Panicked(panicked) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(panicked.text(), "the warehouse burns");
    assert!(!error.is_retryable());
    let error = node.send(Explode).await.unwrap_err();
    assert!(error.to_string().contains("in place"), "{error}");
    assert!(error.is_retryable(), "the command is idempotent");
    assert_eq!(node.send(Stock { fails: false }).await.unwrap(), 1);
}

#[tokio::test]
async fn the_question_mark_works_between_messages_with_different_errors() {
    async fn both(node: &Node, sku: &str) -> Result<Option<u32>, SendError> {
        let stock = node.send(Stock { fails: false }).await?;
        match node.send(Order { sku: sku.into() }).await {
            Ok(count) => Ok(Some(count + stock)),
            Err(error) => {
                error.split()?;
                Ok(None)
            }
        }
    }
    async fn widened(node: &Node) -> Result<u32, SendError<OrderError>> {
        let stock = node
            .send(Stock { fails: true })
            .await
            .map_err(SendError::widen)?;
        Ok(stock)
    }
    let node = node!();
    assert_eq!(both(&node, "here").await.unwrap(), Some(8));
    assert_eq!(both(&node, "gone").await.unwrap(), None);
    assert!(both(&node, "panic").await.is_err());
    assert!(matches!(widened(&node).await, Err(SendError::Failed(_))));
}

#[test]
fn a_fault_is_found_behind_context() {
    let inner = anyhow::Error::new(OrderError::SoldOut { sku: "x".into() });
    let wrapped: catga::BoxError = inner.context("outer").context("outermost").into();
    assert_eq!(Fault::of(&*wrapped), Fault::Permanent);
    assert_eq!(Fault::of(&std::fmt::Error), Fault::UNDECLARED);
}

#[command(idempotent)]
#[derive(Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not for paper"))
    }
}

#[handler]
async fn unwritable(_: Unwritable) {}

/// Each text stands once in the chain, so that a log of the whole repeats nothing.
fn assert_nothing_is_repeated(error: &(dyn std::error::Error + 'static)) {
    let texts = texts(error);
    for (outer, inner) in texts.iter().zip(&texts[1..]) {
        assert!(!outer.contains(inner.as_str()), "{texts:?}");
    }
}

/// A node that handles everything, and one that handles nothing.
async fn server_and_client([server, client]: &[Line; 2]) -> [Node; 2] {
    let start = async |id: &'static str, handles: bool, line: &Line| {
        Node::builder(id)
            .broker(line.transport())
            .id(id)
            .only(move |handler| handles && handler.module() == module_path!())
            .start()
            .await
            .unwrap()
    };
    [
        start("server", true, server).await,
        start("client", false, client).await,
    ]
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_encoded_is_not_worth_another_try() {
    let faults = Faults::new(Arc::new(Memory::private()));
    let lines = ["server", "client"].map(|name| faults.line(name));
    let [server, client] = server_and_client(&lines).await;
    let error = client.send(Unwritable).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "`Unwritable` on node `client` failed", "no handler");
    assert!(texts(&error)[2].contains("not for paper"), "{error:?}");
    assert!(!error.is_retryable(), "{error:?}");
    let SendError::Failed(failed) = error else {
        panic!("{error:?}");
    };
    assert_eq!(failed.fault(), Fault::Permanent);
    server.send(Unwritable).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_its_source() {
    let faults = Faults::new(Arc::new(Memory::private()));
    let lines = ["server", "client"].map(|name| faults.line(name));
    let [server, client] = server_and_client(&lines).await;
    let line = &lines[1];
    let sku = |sku: &str| Order { sku: sku.into() };
    assert_nothing_is_repeated(&server.send(sku("gone")).await.unwrap_err());
    assert_nothing_is_repeated(&client.send(sku("gone")).await.unwrap_err());
    assert_nothing_is_repeated(&client.send(sku("panic")).await.unwrap_err());
    for node in [&server, &client] {
        let error = node.send(Stock { fails: true }).await.unwrap_err();
        assert_eq!(texts(&error)[1..], ["no stock", "the warehouse is away"]);
        assert_nothing_is_repeated(&error);
    }
    line.set(|rules| rules.frames = faulty::Fault::Fail);
    let error = client.send(Explode).await.unwrap_err();
    assert!(matches!(error, SendError::Transport(_)), "{error:?}");
    assert_eq!(texts(&error).len(), 3);
    assert_nothing_is_repeated(&error);
    line.heal();
    client.shutdown().await.unwrap();
    server.shutdown().await.unwrap();

    let node = node!();
    let error = node.enqueue(Unwritable).await.unwrap_err();
    assert_eq!(texts(&error).len(), 3);
    assert_nothing_is_repeated(&error);
}
