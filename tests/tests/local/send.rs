use catga::{Node, SendError, command, handler, query};
use serde::{Deserialize, Serialize};

use crate::node;

#[command(response = u64)]
#[derive(Serialize, Deserialize)]
struct Add {
    a: u64,
    b: u64,
}

#[handler]
async fn add(message: Add) -> u64 {
    message.a + message.b
}

#[query(response = String)]
#[derive(Serialize, Deserialize)]
struct Greet(String);

#[handler]
fn greet(query: Greet) -> String {
    format!("hello {}", query.0)
}

#[command]
#[derive(Serialize, Deserialize)]
enum Switch {
    On,
    Off,
}

#[handler]
async fn switch(message: Switch) -> anyhow::Result<()> {
    match message {
        Switch::On => Ok(()),
        Switch::Off => anyhow::bail!("it cannot be switched off"),
    }
}

/// Neither `Clone` nor `Sync`: a local call asks for neither.
#[command(response = std::cell::Cell<u8>)]
#[derive(Serialize, Deserialize)]
struct NotSync(std::cell::Cell<u8>);

#[handler]
async fn not_sync(message: NotSync) -> std::cell::Cell<u8> {
    tokio::task::yield_now().await;
    message.0
}

#[query(response = usize)]
#[derive(Serialize, Deserialize)]
struct Large;

#[handler]
async fn large(_: Large) -> usize {
    let held = [1_u8; 4096];
    tokio::task::yield_now().await;
    held.iter().map(|byte| usize::from(*byte)).sum()
}

#[tokio::test]
async fn a_command_a_query_and_a_plain_function_answer() {
    let node = node!();
    assert_eq!(node.send(Add { a: 1, b: 2 }).await.unwrap(), 3);
    assert_eq!(node.send(Greet("you".into())).await.unwrap(), "hello you");
    node.send(Switch::On).await.unwrap();
    assert!(node.send(Switch::Off).await.is_err());
    let cell = std::cell::Cell::new(7);
    assert_eq!(node.send(NotSync(cell)).await.unwrap().get(), 7);
    assert_eq!(node.send(Large).await.unwrap(), 4096);
}

#[tokio::test]
async fn handlers_stay_callable() {
    assert_eq!(add(Add { a: 1, b: 2 }).await, 3);
    assert_eq!(greet(Greet("me".into())), "hello me");
}

#[tokio::test]
async fn a_message_that_nobody_handles_has_no_route() {
    let node = Node::builder("empty")
        .only(|_| false)
        .start()
        .await
        .unwrap();
    let error = node.send(Add { a: 1, b: 2 }).await.unwrap_err();
    assert!(matches!(error, SendError::NoRoute(_)));
    assert_eq!(error.message(), Some("Add"));
    assert_eq!(error.node(), Some(node.id()));
    assert!(error.to_string().contains("use_crates!"), "{error}");
}

#[tokio::test]
async fn a_send_is_lazy_and_can_move_to_another_task() {
    let node = node!();
    drop(node.send(Switch::Off));
    let handle = tokio::spawn(async move { node.send(Add { a: 2, b: 2 }).await });
    assert_eq!(handle.await.unwrap().unwrap(), 4);
}

#[tokio::test]
async fn nodes_in_one_program_have_their_own_handlers() {
    let with = node!();
    let without = Node::builder("empty")
        .only(|_| false)
        .start()
        .await
        .unwrap();
    assert!(without.send(Large).await.is_err());
    assert!(with.send(Large).await.is_ok());
    assert_ne!(with.id(), without.id());
    assert_eq!(with.service(), "test");
}
