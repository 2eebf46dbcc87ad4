use catga::{Node, event};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
struct Message {
    order_id: String,
}

async fn use_the_verb(node: Node, message: Message) {
    let _ = node.send(message).await;
}

fn main() {}
