use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::{Context, MessageId, State, command, event, handler, query};
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Clone, Default)]
struct Shared {
    children: Arc<Mutex<Vec<(String, MessageId)>>>,
    sent: Arc<Mutex<Vec<MessageId>>>,
}

#[command]
#[derive(Serialize, Deserialize)]
struct Parent {
    fails_once: bool,
}

#[event]
#[derive(Serialize, Deserialize)]
struct Child {
    text: String,
}

#[query(response = MessageIdText)]
#[derive(Serialize, Deserialize)]
struct AskChild;

type MessageIdText = String;

#[handler(retry(max = 2, after = "1ms"))]
async fn parent(
    command: Parent,
    State(shared): State<Shared>,
    cx: Context,
) -> Result<(), catga::BoxError> {
    for text in ["same", "same", "other"] {
        cx.publish(Child { text: text.into() }).await?;
    }
    let id = cx.send(AskChild).await?.parse()?;
    shared.sent.lock().unwrap().push(id);
    if command.fails_once && cx.attempt().get() == 1 {
        return Err("after it sent its children".into());
    }
    Ok(())
}

#[handler]
async fn child(event: Child, State(shared): State<Shared>, cx: Context) {
    shared.children.lock().unwrap().push((event.text, cx.id()));
}

#[handler]
async fn ask_child(_: AskChild, cx: Context) -> MessageIdText {
    cx.id().to_string()
}

#[command(timeout = "1s")]
#[derive(Serialize, Deserialize)]
struct Outer;

#[query(response = Duration)]
#[derive(Serialize, Deserialize)]
struct Inner;

#[handler]
async fn outer(_: Outer, cx: Context) -> Result<(), catga::BoxError> {
    let left = cx.send(Inner).await?;
    assert!(
        left <= Duration::from_secs(1),
        "the parent's deadline: {left:?}"
    );
    Ok(())
}

#[handler]
async fn inner(_: Inner, cx: Context) -> Duration {
    cx.deadline().remaining()
}

#[tokio::test]
async fn a_retried_handler_does_not_duplicate_its_children() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    node.enqueue(Parent { fails_once: true }).await.unwrap();
    node.shutdown().await.unwrap();
    assert!(node.dead_letters().is_empty());
    let children = shared.children.lock().unwrap();
    let mut texts: Vec<_> = children.iter().map(|(text, _)| text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        ["other", "same", "same"],
        "equal children are told apart"
    );
    for (_, id) in children.iter() {
        assert_eq!(id.as_uuid().get_version_num(), 8);
    }
    let sent = shared.sent.lock().unwrap();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1], "both attempts send the same message");
}

#[tokio::test]
async fn children_of_different_parents_are_different_messages() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    for _ in 0..2 {
        node.send(Parent { fails_once: false }).await.unwrap();
    }
    node.shutdown().await.unwrap();
    assert_eq!(shared.children.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn a_child_has_its_parents_deadline() {
    let node = node!(.state(Shared::default()));
    node.send(Outer).await.unwrap();
}
