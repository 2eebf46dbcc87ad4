use std::time::Duration;

use catga::{MessageId, Options, SendError, command, handler, query};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::node;

#[command(timeout = "5s")]
#[derive(Serialize, Deserialize)]
struct Hang;

#[handler]
async fn hang(_: Hang) {
    std::future::pending::<()>().await;
}

#[query(response = (), timeout = "250ms")]
#[derive(Serialize, Deserialize)]
struct HangQuery;

#[handler]
async fn hang_query(_: HangQuery) {
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn the_types_timeout_ends_a_call() {
    let node = node!();
    let start = Instant::now();
    let error = node.send(Hang).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 5);
    let SendError::Timeout(timeout) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(timeout.after(), Duration::from_secs(5));
    assert!(!error.is_retryable(), "it may have run");
    assert!(node.send(HangQuery).await.unwrap_err().is_retryable());
}

#[tokio::test(start_paused = true)]
async fn the_callers_timeout_comes_before_the_types() {
    let node = node!();
    let start = Instant::now();
    let id = MessageId::new();
    let options = Options::new().timeout(Duration::from_millis(20)).id(id);
    let error = node.with(options).send(Hang).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_millis(30));
    assert_eq!(error.id(), Some(id));
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

#[tokio::test]
async fn a_node_has_the_name_that_it_is_given() {
    let node = node!(.id("blue-1"));
    assert_eq!(node.id().as_str(), "blue-1");
    assert_eq!(node.id().to_string(), "blue-1");
    assert_ne!(node!().id(), node!().id());
}
