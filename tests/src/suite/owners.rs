use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::Node;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Looks all the time who owns what, and fails if two nodes own one partition or an epoch falls.
pub struct Inspector {
    nodes: Arc<Mutex<Vec<Node>>>,
    task: JoinHandle<()>,
}

impl Inspector {
    pub fn of(nodes: &[Node]) -> Self {
        let nodes = Arc::new(Mutex::new(nodes.to_vec()));
        let watched = Arc::clone(&nodes);
        let task = tokio::spawn(async move {
            let mut epochs = HashMap::new();
            loop {
                look(&watched.lock().unwrap(), &mut epochs);
                sleep(Duration::from_millis(1)).await;
            }
        });
        Self { nodes, task }
    }

    pub fn add(&self, node: &Node) {
        self.nodes.lock().unwrap().push(node.clone());
    }

    pub async fn end(self) {
        assert!(!self.task.is_finished(), "{:?}", self.task.await);
        self.task.abort();
    }
}

/// By partition: the last owner with its epoch.
type Epochs = HashMap<u32, (String, u64)>;

fn look(nodes: &[Node], epochs: &mut Epochs) {
    let mut owners: HashMap<u32, String> = HashMap::new();
    for node in nodes {
        for (partition, epoch) in node.partitions() {
            let id = node.id().to_string();
            let other = owners.insert(partition, id.clone());
            assert_eq!(other, None, "partition {partition} is also {id}'s");
            let (last, before) = epochs.entry(partition).or_insert((id.clone(), epoch));
            let rises = if *last == id {
                epoch >= *before
            } else {
                epoch > *before
            };
            assert!(
                rises,
                "partition {partition}: {before} of {last}, {epoch} of {id}"
            );
            (*last, *before) = (id, epoch);
        }
    }
}
