use std::sync::{Arc, LazyLock};

use redis::Value;

use super::entry::{self, Fields, read};
use super::reading::stored;
use super::shared::GROUP;
use super::stream_id::StreamId;
use super::{WINDOW_MILLIS, script};
use crate::transport::redis::Shared;
use crate::transport::redis::call::{Call, Script};
use crate::transport::redis::error::Trouble;
use crate::transport::{Entry, Release, StoredLetter};

static BURY: LazyLock<Script> = script!("bury");

impl Shared {
    pub(super) async fn write_letter(
        &self,
        service: &Arc<str>,
        id: &str,
        letter: &Entry,
        release: Option<Release<'_>>,
    ) -> Result<(), Trouble> {
        let mut keys = vec![
            self.names.service(service, format_args!("letter:{id}")),
            self.dead(service),
        ];
        let (group, position) = match &release {
            Some(Release::Partition(generation, ack)) => {
                keys.push(self.names.partition(service, ack.partition));
                (&*generation.name, Some(ack.position))
            }
            Some(Release::Shared(ticket)) => {
                keys.push(self.shared_stream(service));
                (GROUP, Some(ticket.position))
            }
            None => ("", None),
        };
        let id = position.map(|position| StreamId::of_position(&position).to_string());
        let mut call = Call::new(&BURY, &keys);
        call.arg(WINDOW_MILLIS).arg(group);
        call.arg(id.unwrap_or_default());
        entry::write(letter, |name, value| {
            call.arg(name).arg(value);
        });
        self.commands.call(&call).await
    }

    pub(super) async fn letters_after(
        &self,
        service: &str,
        number: u64,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, Trouble> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let dead = self.dead(service);
        let mut range = redis::cmd("XRANGE");
        range.arg(&dead);
        range
            .arg(format!("({}", StreamId::of_sequence(number)))
            .arg("+");
        range.arg("COUNT").arg(limit);
        let letters: Vec<Value> = self.commands.command(&dead, &range).await?;
        let letters = letters.into_iter().filter_map(stored);
        let letter = |(id, fields): (StreamId, Value)| StoredLetter {
            number: id.sequence(),
            letter: read(Fields::of(fields), None),
        };
        Ok(letters.map(letter).collect())
    }

    pub(super) async fn delete_letter(&self, service: &str, number: u64) -> Result<bool, Trouble> {
        let dead = self.dead(service);
        let mut delete = redis::cmd("XDEL");
        delete.arg(&dead);
        delete.arg(StreamId::of_sequence(number).to_string());
        let deleted: u32 = self.commands.command(&dead, &delete).await?;
        Ok(deleted > 0)
    }

    fn dead(&self, service: &str) -> String {
        self.names.service(service, "dead")
    }
}
