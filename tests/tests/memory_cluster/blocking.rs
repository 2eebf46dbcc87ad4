//! Code that blocks its thread past the lease of its node.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use catga::transport::Memory;
use catga::{Node, State, command, event, handler};
use catga_tests::faulty::{Faults, Line};
use catga_tests::suite::site::until;
use serde::{Deserialize, Serialize};

const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default)]
struct Gate(Arc<(Mutex<Passed>, Condvar)>);

#[derive(Debug, Default)]
struct Passed {
    open: bool,
    ran: Vec<u64>,
}

impl Gate {
    fn ran(&self) -> Vec<u64> {
        self.0.0.lock().unwrap().ran.clone()
    }

    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }
}

#[command]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Block {
    key: u64,
    n: u64,
}

#[handler]
fn block(command: Block, State(gate): State<Gate>) {
    let (passed, opened) = &*gate.0;
    let mut passed = passed.lock().unwrap();
    passed.ran.push(command.n);
    while command.n == 0 && !passed.open {
        passed = opened.wait(passed).unwrap();
    }
}

async fn node_on(line: &Line, gate: &Gate) -> Node {
    let node = Node::builder("shop")
        .id("a")
        .broker(line.transport())
        .heartbeat(Duration::from_millis(500))
        .node_timeout(Duration::from_secs(3))
        .state(gate.clone())
        .partitions(1)
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .unwrap();
    until("it owns", LONG, || node.partitions().len() == 1).await;
    node
}

/// The lease ends, and the node is back.
async fn lapse(line: &Line, node: &Node) {
    line.cut();
    until("its lease ends", LONG, || node.partitions().is_empty()).await;
    line.heal();
    until("it is back", LONG, || node.partitions().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_blocks_past_the_lease_is_not_run_again_by_its_own_node() {
    // However often the lease ends meanwhile.
    for lapses in [1, 2] {
        let faults = Faults::new(Arc::new(Memory::private()));
        let line = faults.line("a");
        let gate = Gate::default();
        let node = node_on(&line, &gate).await;
        node.enqueue(Block { key: 1, n: 0 }).await.unwrap();
        until("it runs", LONG, || gate.ran() == [0]).await;
        for n in 2..2 + lapses {
            lapse(&line, &node).await;
            // Behind it in the queue: once this ran, the other one has come again and waits.
            node.enqueue(Block { key: n, n }).await.unwrap();
            until("the other key runs", LONG, || gate.ran().contains(&n)).await;
        }
        gate.open();
        node.enqueue(Block { key: 1, n: 1 }).await.unwrap();
        until("its key goes on", LONG, || gate.ran().contains(&1)).await;
        let expected: Vec<u64> = [0].into_iter().chain(2..2 + lapses).chain([1]).collect();
        assert_eq!(gate.ran(), expected);
    }
}

#[event]
#[route(key = "key")]
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pair {
    key: u64,
}

#[handler]
fn blocks(event: Pair, gate: State<Gate>) {
    block(
        Block {
            key: event.key,
            n: 0,
        },
        gate,
    );
}

#[handler]
async fn waits(_: Pair) {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_that_blocks_past_the_lease_is_not_run_again_by_its_own_node() {
    let faults = Faults::new(Arc::new(Memory::private()));
    let line = faults.line("a");
    let gate = Gate::default();
    let node = node_on(&line, &gate).await;
    node.publish(Pair { key: 1 }).await.unwrap();
    until("it runs", LONG, || gate.ran() == [0]).await;
    lapse(&line, &node).await;
    node.enqueue(Block { key: 2, n: 2 }).await.unwrap();
    until("the other key runs", LONG, || gate.ran() == [0, 2]).await;
    gate.open();
    node.enqueue(Block { key: 1, n: 3 }).await.unwrap();
    until("what is behind it runs", LONG, || gate.ran().contains(&3)).await;
    assert_eq!(gate.ran(), [0, 2, 3]);
}
