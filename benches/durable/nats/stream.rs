use std::time::Duration;

use async_nats::jetstream::{self, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::nodes::SERVICE;
use crate::way::Queue;

/// A stream, seen from outside.
pub(super) struct Stream {
    context: jetstream::Context,
    name: String,
}

impl Stream {
    /// That of the nodes in a namespace.
    pub(super) async fn of_nodes(url: &str, namespace: &str) -> Self {
        Self::named(url, format!("{namespace}_q_{SERVICE}")).await
    }

    pub(super) async fn named(url: &str, name: String) -> Self {
        let client = async_nats::connect(url).await.expect("a connection");
        Self {
            context: jetstream::new(client),
            name,
        }
    }

    async fn stream(&self) -> stream::Stream {
        self.context.get_stream(&self.name).await.expect("a stream")
    }
}

impl Queue for Stream {
    async fn emptied(&self) {
        while self.stream().await.cached_info().state.messages > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn clear(&self) {
        self.stream().await.purge().await.expect("an empty stream");
    }
}

/// How many messages a server got, by what its monitor says.
pub(super) async fn messages_in(monitor: u16) -> f64 {
    let mut connection = TcpStream::connect(("127.0.0.1", monitor))
        .await
        .expect("a monitor");
    connection
        .write_all(b"GET /varz HTTP/1.0\r\n\r\n")
        .await
        .expect("a request");
    let mut answer = String::new();
    connection
        .read_to_string(&mut answer)
        .await
        .expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    body["in_msgs"].as_f64().expect("a count")
}
