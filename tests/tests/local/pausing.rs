use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::{Context, State, command, handler};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::node;

/// The numbers and attempts of what ran.
type Log = Arc<Mutex<Vec<(u32, u32)>>>;

/// Takes a while, and then fails so many times.
#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Work {
    key: u32,
    n: u32,
    fails: u32,
}

#[handler(retry(max = 3, after = "10ms"))]
async fn work(command: Work, State(log): State<Log>, cx: Context) -> anyhow::Result<()> {
    let attempt = cx.attempt().get();
    log.lock().unwrap().push((command.n, attempt));
    sleep(Duration::from_millis(100)).await;
    anyhow::ensure!(attempt > command.fails, "not now");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_lane_waits_until_it_goes_on() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    for n in 0..3 {
        let (key, fails) = (1, 0);
        node.enqueue(Work { key, n, fails }).await.unwrap();
    }
    eventually(|| log.lock().unwrap().len() == 1).await;
    node.pause().await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        *log.lock().unwrap(),
        [(0, 1)],
        "what runs goes on to its end"
    );
    node.resume().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(*log.lock().unwrap(), [(0, 1), (1, 1), (2, 1)]);
    node.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pausing_costs_nobody_an_attempt() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)));
    let (key, n, fails) = (1, 0, 2);
    node.enqueue(Work { key, n, fails }).await.unwrap();
    eventually(|| log.lock().unwrap().len() == 1).await;
    node.pause().await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(*log.lock().unwrap(), [(0, 1)]);
    node.resume().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(*log.lock().unwrap(), [(0, 1), (0, 2), (0, 3)]);
    assert!(node.dead_letters().await.unwrap().is_empty());
    node.shutdown().await.unwrap();
}
