use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::node::StoreError;
use catga::{MessageId, Node, Options, State, command, event, handler};
use catga_tests::texts;
use serde::{Deserialize, Serialize};

use crate::node;

type Log = Arc<Mutex<Vec<String>>>;

#[command(response = u8)]
#[derive(Serialize, Deserialize)]
struct Note(String);

#[handler]
async fn note(command: Note, State(log): State<Log>) -> u8 {
    log.lock().unwrap().push(command.0);
    7
}

#[event]
#[derive(Serialize, Deserialize)]
struct Noted(String);

#[handler]
async fn first(event: Noted, State(log): State<Log>) {
    log.lock().unwrap().push(format!("first {}", event.0));
}

#[handler]
fn second(event: Noted, State(log): State<Log>) {
    log.lock().unwrap().push(format!("second {}", event.0));
}

#[event]
#[derive(Serialize, Deserialize)]
struct Unheard;

#[event]
#[derive(Serialize, Deserialize)]
struct Unwritable(#[serde(serialize_with = "refuse")] u8);

fn refuse<S: serde::Serializer>(_: &u8, _: S) -> Result<S::Ok, S::Error> {
    Err(serde::ser::Error::custom("it is a secret"))
}

#[handler]
async fn unwritable(_: Unwritable) {}

#[command]
#[derive(Serialize, Deserialize)]
struct Stuck;

#[handler]
async fn stuck(_: Stuck) {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_is_stored_is_handled() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    node.enqueue(Note("command".into())).await.unwrap();
    let published = node.publish(Noted("event".into())).await.unwrap();
    assert_eq!(published.services().collect::<Vec<_>>(), ["test"]);
    node.shutdown().await.unwrap();
    let mut log = log.lock().unwrap().clone();
    log.sort();
    assert_eq!(log, ["command", "first event", "second event"]);
}

#[tokio::test]
async fn nobody_subscribed_is_a_fact_in_the_receipt() {
    let node = node!(.state(Log::default()));
    let published = node.publish(Unheard).await.unwrap();
    assert_eq!(published.services().len(), 0);
}

#[tokio::test]
async fn a_command_that_no_service_takes_is_not_stored() {
    let node = Node::builder("empty")
        .only(|_| false)
        .start()
        .await
        .unwrap();
    let error = node.enqueue(Note("lost".into())).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NoService {
                message: "Note",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_encoded_is_refused_at_once() {
    let node = node!(.state(Log::default()));
    let error = node.publish(Unwritable(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Encode { .. }));
    assert!(
        texts(&error).concat().contains("it is a secret"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_id_is_stored_once_within_the_window() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let id = MessageId::new();
    let options = || Options::new().id(id);
    let store = || node.with(options()).enqueue(Note("once".into()));
    let first = store().await.unwrap();
    assert_eq!((first.id(), first.is_repeated()), (id, false));
    assert!(store().await.unwrap().is_repeated());
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(!store().await.unwrap().is_repeated());
    let published = node.with(Options::new().id(id)).publish(Noted("x".into()));
    assert!(!published.await.unwrap().is_repeated(), "another type");
    node.shutdown().await.unwrap();
    let log = log.lock().unwrap();
    assert_eq!(log.iter().filter(|line| *line == "once").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_after_the_deadline_and_stores_nothing() {
    let node = node!(.state(Log::default()).queue_capacity(2).drain_timeout(Duration::ZERO));
    node.enqueue(Stuck).await.unwrap();
    node.enqueue(Stuck).await.unwrap();
    let id = MessageId::new();
    let options = Options::new().id(id).timeout(Duration::from_millis(50));
    let error = node.with(options).enqueue(Stuck).await.unwrap_err();
    let StoreError::Full {
        id: refused, after, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((refused, after), (id, Some(Duration::from_millis(50))));
    let error = node.shutdown().await.unwrap_err();
    assert_eq!(error.deliveries(), 2);
}
