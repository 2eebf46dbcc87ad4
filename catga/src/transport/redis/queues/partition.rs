use std::sync::{Arc, LazyLock};

use redis::Value;

use super::entry::{Door, Fields, read};
use super::generation::new_mark;
use super::reading::stored;
use super::script;
use super::stream_id::StreamId;
use crate::BoxError;
use crate::transport::redis::Shared;
use crate::transport::redis::call::{Call, Script};
use crate::transport::redis::error::Trouble;
use crate::transport::{DOOR, Entry, Malformed, Position};

static PROVISION: LazyLock<Script> = script!("provision");

/// How many entries one answer brings, and the server reads at a time.
const AT_ONCE: usize = 500;

impl Shared {
    /// Streams are made with their first entry; only what must not be missing is made here.
    pub(super) async fn make_queues(
        &self,
        service: &Arc<str>,
        partitions: u32,
    ) -> Result<(), BoxError> {
        let shared = self.shared_stream(service);
        let mut keys = vec![self.mark_of(service), shared.clone()];
        keys.extend((0..partitions).map(|partition| self.names.partition(service, partition)));
        let mut call = Call::new(&PROVISION, &keys);
        call.arg(new_mark());
        let misfit: Vec<String> = self.commands.call(&call).await?;
        if let [key, kind] = &misfit[..] {
            return Err(format!(
                "the key `{key}` should be a stream and is a {kind} that another program wrote: rename it, or choose another namespace"
            )
            .into());
        }
        if **service != *DOOR {
            self.make_group(&shared).await?;
        }
        Ok(())
    }

    pub(super) async fn fetch_all(
        &self,
        service: &str,
        partition: u32,
        positions: &[Position],
    ) -> Result<Vec<Option<Result<Arc<Entry>, Malformed>>>, Trouble> {
        let stream = self.names.partition(service, partition);
        let mark = match service {
            DOOR => self.read_mark(service).await?,
            _ => None,
        };
        let mut found = Vec::with_capacity(positions.len());
        for positions in positions.chunks(AT_ONCE) {
            let mut ranges = redis::pipe();
            for position in positions {
                let id = StreamId::of_position(position).to_string();
                ranges.cmd("XRANGE").arg(&stream).arg(&id).arg(id);
            }
            let ranges: Vec<Vec<Value>> = self.commands.pipeline(&stream, &ranges).await?;
            found.extend(ranges.into_iter().map(|range| {
                let (id, fields) = range.into_iter().find_map(stored)?;
                let door = mark.as_deref().map(|stream| Door { stream, id });
                Some(read(Fields::of(fields), door))
            }));
        }
        Ok(found)
    }

    pub(super) async fn oldest_of(
        &self,
        service: &str,
        partition: u32,
    ) -> Result<Option<u64>, Trouble> {
        let stream = self.names.partition(service, partition);
        let mut range = redis::cmd("XRANGE");
        range.arg(&stream);
        range.arg("-").arg("+").arg("COUNT").arg(1);
        let first: Vec<Value> = self.commands.command(&stream, &range).await?;
        let first = first.into_iter().find_map(stored);
        Ok(first.map(|(id, _)| id.sequence()))
    }

    async fn read_mark(&self, service: &str) -> Result<Option<String>, Trouble> {
        let mark = self.mark_of(service);
        let mut get = redis::cmd("GET");
        get.arg(&mark);
        self.commands.command(&mark, &get).await
    }
}
