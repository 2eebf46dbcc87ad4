//! Dead letters: all of a namespace in one stream, each under the subject of its service.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::json;

use super::append::STORED_ID;
use super::{Depot, entry, shared};
use crate::transport::nats::api::{NO_MESSAGE, NO_STREAM, NOT_DELETED};
use crate::transport::nats::error::Trouble;
use crate::transport::nats::stream::{StoredMessage, is};
use crate::transport::{Entry, Release, StoredLetter};

/// `JetStream` has deleted a message; that it answers is enough.
#[derive(Deserialize)]
pub(super) struct Deleted {}

impl Depot {
    pub(super) async fn write_letter(
        &self,
        service: &Arc<str>,
        id: &str,
        letter: &Entry,
        release: Option<Release<'_>>,
    ) -> Result<(), Trouble> {
        self.make_dead().await?;
        let headers = entry::headers(letter).with(STORED_ID, format!("{service}.{id}"));
        let to = self.names.dead_of(service);
        let stored = self.link.store(to, headers, letter.payload.clone()).await;
        stored.map_err(|trouble| self.noticed(trouble))?;
        match release {
            None => Ok(()),
            Some(Release::Partition(generation, ack)) => {
                self.acknowledge(generation, &[ack]).await.map(drop)
            }
            Some(Release::Shared(ticket)) => self.tell(&[ticket], shared::DONE).await,
        }
    }

    pub(super) async fn read_letters(
        &self,
        service: &str,
        mut after: u64,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, Trouble> {
        let subject = self.names.dead_of(service);
        let mut letters = Vec::new();
        while letters.len() < limit {
            let question = json!({ "next_by_subj": subject, "seq": after.saturating_add(1) });
            let found = self.link.message(&self.names.dead(), &question).await;
            if is(&found, NO_STREAM) {
                break;
            }
            let Some(message) = found? else {
                break;
            };
            after = message.sequence;
            letters.push(StoredLetter {
                number: message.sequence,
                letter: entry::stored(&message, None)?,
            });
        }
        Ok(letters)
    }

    pub(super) async fn remove_letter(&self, service: &str, number: u64) -> Result<bool, Trouble> {
        let stream = self.names.dead();
        // To JetStream, 0 is no sequence at all.
        let found = self
            .link
            .message(&stream, &json!({ "seq": number.max(1) }))
            .await;
        if is(&found, NO_STREAM) {
            return Ok(false);
        }
        let subject = self.names.dead_of(service);
        let is_letter = |it: &StoredMessage| it.subject == subject && it.sequence == number;
        if !found?.as_ref().is_some_and(is_letter) {
            return Ok(false);
        }
        let what = format!("STREAM.MSG.DELETE.{stream}");
        let question = json!({ "seq": number, "no_erase": true });
        let deleted = self.link.api::<Deleted>(&what, &question).await;
        // Somebody else was faster.
        if is(&deleted, NO_MESSAGE) || is(&deleted, NOT_DELETED) {
            return Ok(false);
        }
        deleted.map(|Deleted {}| true)
    }

    /// A stream that is gone is made anew by whoever asks next.
    fn noticed(&self, trouble: Trouble) -> Trouble {
        if matches!(trouble, Trouble::NoResponder) {
            self.has_dead.store(false, Ordering::Release);
        }
        trouble
    }
}
