use std::sync::{Arc, Mutex};

use catga::{MessageId, Options, State, command, event, handler};
use catga_tests::texts;
use serde::{Deserialize, Serialize};

use crate::node;

type Log = Arc<Mutex<Vec<(u8, u32)>>>;

#[command(response = u32)]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Step {
    key: u8,
    number: u32,
}

#[handler]
async fn step(command: Step, State(log): State<Log>) -> anyhow::Result<u32> {
    if command.number.is_multiple_of(3) {
        tokio::task::yield_now().await;
    }
    log.lock().unwrap().push((command.key, command.number));
    anyhow::ensure!(command.number != 5, "five");
    Ok(command.number)
}

#[event]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Stepped {
    key: u8,
    number: u32,
}

#[handler]
async fn stepped(event: Stepped, State(log): State<Log>) {
    log.lock().unwrap().push((event.key, event.number));
}

fn of_key(log: &Log, key: u8) -> Vec<u32> {
    let log = log.lock().unwrap();
    log.iter()
        .filter(|(of, _)| *of == key)
        .map(|(_, number)| *number)
        .collect()
}

#[tokio::test]
async fn results_and_the_order_per_key_are_those_of_the_iterator() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let replies = node
        .send_all((0..12).map(|number| Step {
            key: u8::try_from(number % 2).unwrap(),
            number,
        }))
        .await;
    assert_eq!(replies.len(), 12);
    for (number, reply) in replies.iter().enumerate() {
        match reply {
            Ok(answer) => assert_eq!(*answer as usize, number),
            Err(error) => assert!(number == 5 && texts(error).concat().contains("five")),
        }
    }
    assert_eq!(of_key(&log, 0), [0, 2, 4, 6, 8, 10]);
    assert_eq!(of_key(&log, 1), [1, 3, 5, 7, 9, 11]);
}

#[tokio::test]
async fn stored_batches_keep_the_order_per_key() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let events = (0..100).map(|number| Stepped {
        key: u8::try_from(number % 4).unwrap(),
        number,
    });
    let receipts = node.publish_all(events).await;
    assert!(receipts.iter().all(Result::is_ok));
    node.shutdown().await.unwrap();
    for key in 0..4 {
        let expected: Vec<_> = (0..100)
            .filter(|number| number % 4 == u32::from(key))
            .collect();
        assert_eq!(of_key(&log, key), expected);
    }
}

#[tokio::test]
async fn a_batch_that_is_repeated_with_its_id_stores_nothing_twice() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let id = MessageId::new();
    let store = || {
        let steps = (0..3).map(|number| Step { key: 1, number });
        node.with(Options::new().id(id)).enqueue_all(steps)
    };
    let first: Vec<_> = store().await.into_iter().map(Result::unwrap).collect();
    let again: Vec<_> = store().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(first[0].id(), id);
    assert!(
        first
            .iter()
            .zip(&again)
            .all(|(first, again)| first.id() == again.id())
    );
    assert!(first.iter().all(|stored| !stored.is_repeated()));
    assert!(again.iter().all(catga::node::Stored::is_repeated));
    node.shutdown().await.unwrap();
    assert_eq!(of_key(&log, 1), [0, 1, 2]);
}
