//! A server that is away for long, and messages as large as it takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::node::StoreError;
use catga::transport::Nats;
use catga::{Node, Options, State, command, handler};
use catga_tests::servers::nats::NatsServer;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::site::{each_server, fresh_namespace};

/// What was handled first: its number and its size.
type Kept = Arc<Mutex<Vec<(u64, usize)>>>;

#[command(name = "limits.keep")]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Keep {
    key: u64,
    n: u64,
    text: String,
}

/// The number of a message that no handler can do anything with.
const BAD: u64 = 1_000;

#[handler(retry(max = 1))]
async fn keep(command: Keep, State(kept): State<Kept>) -> Result<(), std::io::Error> {
    if command.n == BAD {
        return Err(std::io::Error::other("no ".repeat(10_000)));
    }
    let mut kept = kept.lock().unwrap();
    if kept.iter().all(|(n, _)| *n != command.n) {
        kept.push((command.n, command.text.len()));
    }
    Ok(())
}

async fn node(nats: Nats, kept: &Kept) -> Node {
    Node::builder("limits")
        .broker(nats)
        .heartbeat(Duration::from_millis(500))
        .node_timeout(Duration::from_secs(3))
        .state(Arc::clone(kept))
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .unwrap()
}

async fn until_kept(kept: &Kept, count: usize) -> Vec<(u64, usize)> {
    let started = Instant::now();
    loop {
        let now = kept.lock().unwrap().clone();
        if now.len() >= count {
            return now;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{now:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn small(n: u64) -> Keep {
    Keep {
        key: 1,
        n,
        text: String::new(),
    }
}

#[tokio::test]
async fn publishers_wait_until_their_deadline_for_a_server_that_is_away() {
    let mut server = NatsServer::start("2.15");
    let kept = Kept::default();
    let node = node(Nats::url(&server.url()), &kept).await;
    node.enqueue(small(0)).await.unwrap();
    until_kept(&kept, 1).await;

    server.process().kill();
    let patient = tokio::spawn({
        let node = node.clone();
        async move {
            let options = Options::new().timeout(Duration::from_secs(120));
            node.with(options).enqueue_all((1..=50).map(small)).await
        }
    });
    let started = Instant::now();
    let options = Options::new().timeout(Duration::from_secs(3));
    let refused = node
        .with(options)
        .enqueue(Keep {
            key: 2,
            ..small(99)
        })
        .await;
    assert!(started.elapsed() >= Duration::from_secs(3), "{refused:?}");
    assert!(refused.is_err());
    sleep(Duration::from_secs(27)).await;
    assert!(!patient.is_finished());

    server.restart();
    for stored in patient.await.unwrap() {
        stored.unwrap();
    }
    // The one that was refused may have been stored all the same.
    let mut handled = until_kept(&kept, 51).await;
    handled.retain(|(n, _)| *n != 99);
    while handled.len() < 51 {
        sleep(Duration::from_millis(20)).await;
        handled = until_kept(&kept, 51).await;
        handled.retain(|(n, _)| *n != 99);
    }
    let numbers: Vec<_> = handled.iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, (0..=50).collect::<Vec<_>>());
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_the_server_just_takes_is_handled_and_more_is_refused() {
    for server in each_server() {
        let kept = Kept::default();
        let nats = Nats::url(&server.url()).namespace(&fresh_namespace());
        let node = node(nats, &kept).await;
        // A server as it comes takes 1 MiB, and 16 KiB of that are for a dead letter.
        let beside = serde_json::to_string(&small(1)).unwrap().len();
        let just = 1024 * 1024 - 16 * 1024 - beside;
        let large = |n, size| Keep {
            text: "x".repeat(size),
            ..small(n)
        };
        node.enqueue(large(1, just)).await.unwrap();
        let error = node.enqueue(large(2, just + 1)).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        assert!(error.to_string().contains("limits.keep"), "{error}");
        // A digit more for each that its number has more.
        let bad = large(BAD, just - 3);
        let payload = serde_json::to_vec(&bad).unwrap();
        node.enqueue(bad).await.unwrap();
        node.enqueue(small(3)).await.unwrap();
        assert_eq!(until_kept(&kept, 2).await, [(1, just), (3, 0)]);
        let letters = node.dead_letters().await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(
            letters[0].payload(),
            payload,
            "it fits, with what is told of it"
        );
        node.shutdown().await.unwrap();
    }
}
