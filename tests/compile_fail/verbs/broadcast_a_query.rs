use catga::{Node, query};
use serde::{Deserialize, Serialize};

#[query(response = u32)]
#[derive(Serialize, Deserialize)]
struct Message {
    order_id: String,
}

async fn use_the_verb(node: Node, message: Message) {
    let _ = node.broadcast(message).await;
}

fn main() {}
