use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::{Context, Options, State, command, event, handler};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::node;

#[derive(Clone, Default)]
struct Seen {
    order: Arc<Mutex<HashMap<u32, Vec<u32>>>>,
    running: Arc<Mutex<HashMap<u32, usize>>>,
    most: Arc<AtomicUsize>,
    release: Arc<Notify>,
}

#[event]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Step {
    key: u32,
    number: u32,
}

#[handler(retry(max = 4, after = "1ms"))]
async fn step(event: Step, State(seen): State<Seen>, cx: Context) -> anyhow::Result<()> {
    let running = {
        let mut running = seen.running.lock().unwrap();
        *running.entry(event.key).or_default() += 1;
        running.values().filter(|count| **count > 0).count()
    };
    seen.most.fetch_max(running, Ordering::Relaxed);
    if event.number.is_multiple_of(5) {
        tokio::time::sleep(Duration::from_millis(u64::from(event.key % 3))).await;
    }
    let alone = {
        let mut running = seen.running.lock().unwrap();
        let count = running.get_mut(&event.key).unwrap();
        *count -= 1;
        *count == 0
    };
    assert!(alone, "two executions of one key");
    if event.number.is_multiple_of(7) && cx.attempt().get() == 1 {
        anyhow::bail!("not yet");
    }
    seen.order
        .lock()
        .unwrap()
        .entry(event.key)
        .or_default()
        .push(event.number);
    Ok(())
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Turn {
    key: u32,
    waits: bool,
}

#[handler(serial)]
async fn turn(command: Turn, State(seen): State<Seen>) {
    seen.order
        .lock()
        .unwrap()
        .entry(command.key)
        .or_default()
        .push(0);
    if command.waits {
        seen.release.notified().await;
    }
    seen.order
        .lock()
        .unwrap()
        .entry(command.key)
        .or_default()
        .push(1);
}

async fn in_order() {
    let seen = Seen::default();
    let node = node!(.state(seen.clone()));
    for number in 0..50 {
        for key in 0..20 {
            node.publish(Step { key, number }).await.unwrap();
        }
    }
    node.shutdown().await.unwrap();
    assert!(
        node.dead_letters().await.unwrap().is_empty(),
        "{:?}",
        node.dead_letters().await.unwrap()
    );
    let order = seen.order.lock().unwrap();
    assert_eq!(order.len(), 20);
    for (key, numbers) in order.iter() {
        assert_eq!(*numbers, (0..50).collect::<Vec<_>>(), "key {key}");
    }
    assert!(
        seen.most.load(Ordering::Relaxed) > 1,
        "keys run side by side"
    );
}

#[tokio::test]
async fn a_key_is_handled_in_stored_order_on_one_thread() {
    in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_handled_in_stored_order_on_many_threads() {
    in_order().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_key_does_not_hold_up_the_others() {
    let seen = Seen::default();
    let node = node!(.state(seen.clone()));
    // Number 7 fails once and waits for a clock that stands still; the other key goes past it.
    node.publish(Step { key: 1, number: 7 }).await.unwrap();
    node.publish(Step { key: 1, number: 8 }).await.unwrap();
    node.publish(Step { key: 2, number: 1 }).await.unwrap();
    eventually(|| seen.order.lock().unwrap().contains_key(&2)).await;
    assert_eq!(seen.order.lock().unwrap().get(&2), Some(&vec![1]));
    assert_eq!(seen.order.lock().unwrap().get(&1), None);
    node.shutdown().await.unwrap();
    assert_eq!(seen.order.lock().unwrap().get(&1), Some(&vec![7, 8]));
}

#[tokio::test(start_paused = true)]
async fn a_serial_send_takes_the_lane_of_its_key() {
    let seen = Seen::default();
    let node = node!(.state(seen.clone()));
    let waiting = {
        let node = node.clone();
        tokio::spawn(async move {
            node.send(Turn {
                key: 9,
                waits: true,
            })
            .await
        })
    };
    eventually(|| !seen.order.lock().unwrap().is_empty()).await;
    // Behind it: a delivery, a call that gives up, and another delivery.
    node.publish(Step { key: 9, number: 11 }).await.unwrap();
    let hasty = Options::new().timeout(Duration::from_millis(5));
    node.with(hasty)
        .send(Turn {
            key: 9,
            waits: false,
        })
        .await
        .unwrap_err();
    node.publish(Step { key: 9, number: 12 }).await.unwrap();
    // Another key is free.
    node.send(Turn {
        key: 8,
        waits: false,
    })
    .await
    .unwrap();
    assert_eq!(seen.order.lock().unwrap()[&9], [0]);
    seen.release.notify_one();
    waiting.await.unwrap().unwrap();
    node.send(Turn {
        key: 9,
        waits: false,
    })
    .await
    .unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(seen.order.lock().unwrap()[&9], [0, 1, 11, 12, 0, 1]);
}
