//! The loop that most people write first: ten entries at a time, an acknowledgement for each, and
//! a nap when there is nothing.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;

use super::connection::connect;
use crate::by_hand::{attributes, new_id};
use crate::parcel::{Parcel, Received};
use crate::way::{Queue, Way};

const STREAM: &str = "naive";
const GROUP: &str = "workers";
const NAP: Duration = Duration::from_millis(100);

type Entries = Vec<(String, Vec<Vec<u8>>)>;

pub(super) struct Naive {
    writer: MultiplexedConnection,
    task: JoinHandle<()>,
    received: Received,
}

impl Naive {
    pub(super) async fn start(url: &str) -> Self {
        let writer = connect(url).await;
        let made: Result<(), _> = redis::cmd("XGROUP")
            .arg("CREATE")
            .arg(STREAM)
            .arg(GROUP)
            .arg("0")
            .arg("MKSTREAM")
            .query_async(&mut writer.clone())
            .await;
        made.expect("a group");
        let received = Received::default();
        Self {
            task: tokio::spawn(read(connect(url).await, received.clone())),
            writer,
            received,
        }
    }
}

async fn read(mut connection: MultiplexedConnection, received: Received) {
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(GROUP).arg("one");
    command
        .arg("COUNT")
        .arg(10)
        .arg("STREAMS")
        .arg(STREAM)
        .arg(">");
    loop {
        let read: Option<Vec<(String, Entries)>> =
            command.query_async(&mut connection).await.expect("entries");
        let Some(read) = read else {
            tokio::time::sleep(NAP).await;
            continue;
        };
        for (id, values) in read.into_iter().flat_map(|(_, entries)| entries) {
            let data = values.last().expect("a payload");
            let parcel = serde_json::from_slice(data).expect("a parcel");
            let mut ack = redis::cmd("XACK");
            ack.arg(STREAM).arg(GROUP).arg(id);
            let acknowledged: Result<u64, _> = ack.query_async(&mut connection).await;
            acknowledged.expect("an acknowledgement");
            received.note(&parcel);
        }
    }
}

async fn add(mut connection: MultiplexedConnection, parcel: Parcel) {
    let mut command = redis::cmd("XADD");
    command.arg(STREAM).arg("*");
    for (name, value) in attributes(&new_id(), &parcel.order) {
        command.arg(name).arg(value);
    }
    command.arg("data").arg(parcel.to_json());
    let stored: Result<String, _> = command.query_async(&mut connection).await;
    stored.expect("it is stored");
}

impl Way for Naive {
    async fn store(&self, count: u64) {
        for parcel in (0..count).map(Parcel::new) {
            add(self.writer.clone(), parcel).await;
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        tokio::spawn(add(self.writer.clone(), parcel));
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        self
    }
}

/// What was received was acknowledged before, and nothing is ever removed.
impl Queue for Naive {
    async fn emptied(&self) {}

    async fn clear(&self) {}
}

impl Drop for Naive {
    fn drop(&mut self) {
        self.task.abort();
    }
}
