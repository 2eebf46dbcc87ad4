//! Stored entries that are read past the flow, by their place. The leader of the stream answers.

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::Subject;
use serde_json::json;

use super::{Depot, Found, entry};
use crate::transport::nats::api;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers::Outgoing;
use crate::transport::nats::link::{Question, Spare};
use crate::transport::nats::names::Names;
use crate::transport::nats::stream;
use crate::transport::{Part, Position, rfc3339};

impl Depot {
    pub(super) async fn read_again(
        &self,
        service: &str,
        partition: u32,
        positions: &[Position],
    ) -> Result<Vec<Option<Found>>, Trouble> {
        let name = self.names.queues(service);
        let to: Subject = format!("$JS.API.STREAM.MSG.GET.{name}").into();
        let questions = positions.iter().map(|position| Question {
            subject: to.clone(),
            headers: Outgoing::default(),
            payload: json!({ "seq": position.sequence }).to_string().into(),
        });
        let answers = self.link.ask_all(Spare::NOTHING, questions).await;
        let entries = answers
            .into_iter()
            .zip(positions)
            .map(|(answer, position)| {
                let got = answer.and_then(|payload| api::read(&payload));
                let Some(message) = stream::if_there(got)? else {
                    return Ok(None);
                };
                let stored = rfc3339::read(&message.time).and_then(nanos_since_1970);
                let is_same = stored == Some(position.stored)
                    && Names::partition_of(service, &message.subject) == partition;
                if !is_same {
                    return Ok(None);
                }
                let defaults =
                    entry::Defaults::of(&self.names, service, &message.subject, *position);
                entry::stored(&message, defaults).map(Some)
            });
        entries.collect()
    }

    pub(super) async fn first(
        &self,
        service: &str,
        partition: u32,
    ) -> Result<Option<u64>, Trouble> {
        let subject = self.names.queue(service, Part::Partition(partition));
        let question = json!({ "next_by_subj": subject, "seq": 1 });
        let name = self.names.queues(service);
        let first = self.link.message(&name, &question).await?;
        Ok(first.map(|message| message.sequence))
    }
}

/// The unit of [`Position::stored`] here.
fn nanos_since_1970(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}
