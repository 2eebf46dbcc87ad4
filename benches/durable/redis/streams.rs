use std::time::Duration;

use redis::aio::MultiplexedConnection;

use super::connection::connect;
use crate::nodes::{PARTITIONS, SERVICE};
use crate::way::Queue;

/// The streams of a queue, seen from outside.
pub(super) struct Streams {
    connection: MultiplexedConnection,
    pub(super) names: Vec<String>,
}

impl Streams {
    /// Those of the nodes in a namespace.
    pub(super) async fn of_nodes(url: &str, namespace: &str) -> Self {
        Self::named(url, &format!("{namespace}:{{{SERVICE}}}:q")).await
    }

    /// One for each partition.
    pub(super) async fn named(url: &str, name: &str) -> Self {
        Self {
            connection: connect(url).await,
            names: (0..PARTITIONS)
                .map(|number| format!("{name}:{number}"))
                .collect(),
        }
    }
}

impl Queue for Streams {
    async fn emptied(&self) {
        let mut lengths = redis::pipe();
        for name in &self.names {
            lengths.cmd("XLEN").arg(name);
        }
        loop {
            let mut connection = self.connection.clone();
            let lengths: Vec<u64> = lengths.query_async(&mut connection).await.expect("lengths");
            if lengths.iter().sum::<u64>() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn clear(&self) {
        let mut connection = self.connection.clone();
        let mut delete = redis::cmd("DEL");
        let deleted: Result<u64, _> = delete.arg(&self.names).query_async(&mut connection).await;
        deleted.expect("an empty stream");
    }
}

/// How many commands the server has run, those of scripts included.
pub(super) async fn commands(connection: &MultiplexedConnection) -> f64 {
    let mut info = redis::cmd("INFO");
    let info: String = info
        .arg("stats")
        .query_async(&mut connection.clone())
        .await
        .expect("statistics");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_commands_processed:"));
    line.and_then(|count| count.parse().ok()).expect("a count")
}
