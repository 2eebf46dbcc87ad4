use catga::Node;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Message {
    order_id: String,
}

async fn use_the_verb(node: Node, message: Message) {
    let _ = node.enqueue(message).await;
}

fn main() {}
