//! Handlers and parameters in a user's unit tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::handler::TestCall;
use catga::node::NodeId;
use catga::{
    BoxError, Call, Context, Deadline, FromContext, Headers, MessageId, Node, State, command,
    event, handler,
};
use serde::{Deserialize, Serialize};

use crate::node;

type Log = Arc<Mutex<Vec<String>>>;

#[command(response = String)]
#[route(key = "id")]
#[derive(Serialize, Deserialize)]
struct Place {
    id: String,
}

#[event]
#[derive(Serialize, Deserialize)]
struct Placed {
    id: String,
}

#[handler]
async fn place(
    order: Place,
    State(prefix): State<String>,
    headers: Headers,
    deadline: Deadline,
    cx: Context,
) -> Result<String, BoxError> {
    assert!(!deadline.has_passed());
    let id = format!("{prefix}{}", order.id);
    cx.publish(Placed { id: id.clone() }).await?;
    let tenant = headers.get("tenant").unwrap_or("nobody");
    Ok(format!("{id} of {tenant}, attempt {}", cx.attempt()))
}

#[handler]
async fn placed(event: Placed, State(log): State<Log>) {
    log.lock().unwrap().push(event.id);
}

#[tokio::test]
async fn a_handler_is_called_with_a_context_whose_verbs_reach_the_node() {
    let log = Log::default();
    let node = node!(.state(log.clone()).state(String::new()));
    let call = TestCall::on(&node).attempt(3);
    let headers = Headers::from_iter([("tenant", "acme")]);
    let order = Place { id: "1".into() };
    let soon = Deadline::after(Duration::from_secs(1));
    let state = State("o-".to_owned());
    let placed = place(order, state, headers, soon, call.context()).await;
    assert_eq!(placed.unwrap(), "o-1 of acme, attempt 3");
    node.shutdown().await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["o-1"]);
}

#[tokio::test]
async fn on_a_node_without_handlers_what_is_published_is_for_nobody() {
    let node = Node::builder("test").only(|_| false).start().await.unwrap();
    let cx = TestCall::on(&node).context();
    let published = cx.publish(Placed { id: "1".into() }).await.unwrap();
    assert_eq!(published.services().len(), 0);
    assert!(
        !cx.cancellation().is_cancelled(),
        "its call is gone, not cancelled"
    );
    node.shutdown().await.unwrap();
}

/// Everything that a call gives.
#[derive(Debug, PartialEq)]
struct Facts {
    node: NodeId,
    id: MessageId,
    key: Option<String>,
    attempt: u32,
    tenant: Option<String>,
    limit: u32,
}

impl FromContext for Facts {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        assert!(call.deadline().remaining() <= Duration::from_secs(2));
        Ok(Self {
            node: call.node().clone(),
            id: call.id(),
            key: call.key().map(str::to_owned),
            attempt: call.attempt().get(),
            tenant: call.headers().get("tenant").map(str::to_owned),
            limit: *call.state().ok_or("no limit")?,
        })
    }
}

#[tokio::test]
async fn a_parameter_is_read_from_a_call() {
    let node = Node::builder("test")
        .only(|_| false)
        .state(9_u32)
        .start()
        .await
        .unwrap();
    let id = MessageId::new();
    let call = TestCall::on(&node)
        .id(id)
        .key(&("acme", 7))
        .attempt(0)
        .header("tenant", "acme")
        .timeout(Duration::from_secs(2));
    let facts = call.extract::<Facts>().unwrap();
    let expected = Facts {
        node: node.id().clone(),
        id,
        key: Some("acme\u{1f}7".into()),
        attempt: 1,
        tenant: Some("acme".into()),
        limit: 9,
    };
    assert_eq!(facts, expected);
    assert_eq!(call.extract::<State<u32>>().unwrap().0, 9);
    assert!(call.extract::<State<u64>>().is_err());
    let cx = call.context();
    assert_eq!((cx.id(), cx.key()), (id, Some("acme\u{1f}7")));
    let cancellation = cx.cancellation();
    call.cancel();
    assert!(cancellation.is_cancelled());
    node.shutdown().await.unwrap();
}
