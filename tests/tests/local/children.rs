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
    assert!(node.dead_letters().await.unwrap().is_empty());
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

#[command]
#[derive(Serialize, Deserialize)]
struct First;

#[command]
#[derive(Serialize, Deserialize)]
struct Second;

#[allow(dead_code, reason = "only holds a handler")]
fn one() {
    #[handler]
    async fn tell(_: First, cx: Context) -> Result<(), catga::BoxError> {
        let child = Child { text: "t".into() };
        cx.publish(child).await?;
        Ok(())
    }
}

#[allow(dead_code, reason = "only holds a handler")]
fn two() {
    #[handler]
    async fn tell(_: Second, cx: Context) -> Result<(), catga::BoxError> {
        let child = Child { text: "t".into() };
        cx.publish(child).await?;
        Ok(())
    }
}

#[tokio::test]
async fn handlers_of_one_name_have_different_children() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    let id = MessageId::new();
    let options = || catga::Options::new().id(id);
    node.with(options()).send(First).await.unwrap();
    node.with(options()).send(Second).await.unwrap();
    node.shutdown().await.unwrap();
    let children = shared.children.lock().unwrap();
    assert_eq!(children.len(), 2);
    assert_ne!(children[0].1, children[1].1);
}

#[command]
#[derive(Serialize, Deserialize)]
struct Batches;

#[command]
#[derive(Serialize, Deserialize)]
struct Piece(u32);

#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<u32>>>);

#[handler(retry(max = 2, after = "1ms"))]
async fn batches(_: Batches, cx: Context) -> Result<(), catga::BoxError> {
    let child = |text: &str| Child { text: text.into() };
    let stored = cx.enqueue_all((0..3).map(Piece)).await;
    let published = cx.publish_all(["a", "b"].map(child)).await;
    let told = cx.broadcast_all(["c"].map(child)).await;
    let asked = cx.send_all([AskChild, AskChild]).await;
    let to = cx.send_to(cx.node(), AskChild).await?;
    assert!(stored.iter().all(Result::is_ok));
    assert!(published.iter().all(Result::is_ok) && told.iter().all(Result::is_ok));
    assert_eq!((asked.len(), to.len()), (2, 36));
    match cx.attempt().get() {
        1 => Err("after it sent its children".into()),
        _ => Ok(()),
    }
}

#[handler]
async fn piece(command: Piece, pieces: Option<State<Pieces>>) {
    if let Some(State(pieces)) = pieces {
        pieces.0.lock().unwrap().push(command.0);
    }
}

#[tokio::test]
async fn a_batch_of_children_is_stored_once() {
    let (shared, pieces) = (Shared::default(), Pieces::default());
    let node = node!(.state(shared.clone()).state(pieces.clone()));
    node.enqueue(Batches).await.unwrap();
    node.shutdown().await.unwrap();
    assert!(
        node.dead_letters().await.unwrap().is_empty(),
        "{:?}",
        node.dead_letters().await.unwrap()
    );
    let mut pieces = pieces.0.lock().unwrap().clone();
    pieces.sort_unstable();
    assert_eq!(pieces, [0, 1, 2]);
    assert_eq!(shared.children.lock().unwrap().len(), 2);
}
