//! Messages at the front door whose headers break the connection of whoever reads them.
//!
//! The server takes any bytes as headers, but the client ends its connection at names and values
//! that it cannot read. So after a break the first messages at the door are asked for one by one,
//! in another form, and what could not be read is stored anew with headers that can.

use std::ops::RangeInclusive;

use async_nats::Subject;
use serde_json::json;

use super::Depot;
use super::append::STORED_ID;
use super::intake::AHEAD;
use super::letters::Deleted;
use crate::transport::DOOR;
use crate::transport::nats::api;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers::{self, Outgoing, decode, decode_name};
use crate::transport::nats::link::{Question, Spare};
use crate::transport::nats::stream::{self, Info, StoredMessage};

/// How many are asked for at once.
const AT_ONCE: u64 = 64;

impl Depot {
    /// Looks at what a generation of the door may have been sent.
    pub(super) async fn mend(&self, door: &Info) -> Result<(), Trouble> {
        let mut first = door.state.first_sequence;
        let end = first
            .saturating_add(AHEAD.high)
            .min(door.state.last_sequence + 1);
        while first < end {
            let next = first.saturating_add(AT_ONCE).min(end);
            self.mend_some(first..=next - 1).await?;
            first = next;
        }
        Ok(())
    }

    async fn mend_some(&self, sequences: RangeInclusive<u64>) -> Result<(), Trouble> {
        let to: Subject = format!("$JS.API.STREAM.MSG.GET.{}", self.names.queues(DOOR)).into();
        let sequences: Vec<u64> = sequences.collect();
        let questions = sequences.into_iter().map(|sequence| Question {
            subject: to.clone(),
            headers: Outgoing::default(),
            payload: json!({ "seq": sequence }).to_string().into(),
        });
        for answer in self.link.ask_all(Spare::NOTHING, questions).await {
            let got = answer.and_then(|payload| api::read(&payload));
            if let Some(message) = stream::if_there(got)? {
                let block = message.header_block()?;
                if !is_readable(&block) {
                    self.store_anew(message, &block).await?;
                }
            }
        }
        Ok(())
    }

    async fn store_anew(&self, message: StoredMessage, block: &[u8]) -> Result<(), Trouble> {
        let text = String::from_utf8_lossy(block);
        let mut headers = Outgoing::default();
        for (name, value) in headers::lines(&text) {
            headers.named(&decode_name(name), &decode(value));
        }
        // If it cannot be deleted now, it is not stored twice.
        headers.set(
            STORED_ID,
            &format!("anew.{}.{}", message.sequence, message.time),
        );
        let payload = message.payload()?;
        self.link.store(message.subject, headers, payload).await?;
        let what = format!("STREAM.MSG.DELETE.{}", self.names.queues(DOOR));
        let question = json!({ "seq": message.sequence });
        self.link.api(&what, &question).await.map(|Deleted {}| ())
    }
}

/// Whether the client can read these headers.
fn is_readable(block: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(block) else {
        return false;
    };
    text.lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .all(|line| {
            let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_graphic());
            let is_more = line.starts_with(char::is_whitespace);
            let is_named = line.split_once(':').is_some_and(|(name, _)| is_name(name));
            (is_more || is_named) && !line.contains('\r')
        })
}

#[cfg(test)]
mod tests {
    use super::is_readable;

    #[test]
    fn what_the_client_refuses_is_not_readable() {
        for good in [
            "",
            "NATS/1.0\r\n\r\n",
            "NATS/1.0\r\nA: b\r\n c\r\nd:\r\n\r\n",
        ] {
            assert!(is_readable(good.as_bytes()), "{good:?}");
        }
        for bad in [
            &b"NATS/1.0\r\nA b: c\r\n\r\n"[..],
            b"NATS/1.0\r\nA\r\n\r\n",
            b"NATS/1.0\r\nA: b\rc\r\n\r\n",
            b"NATS/1.0\r\nA: \xff\r\n\r\n",
        ] {
            assert!(!is_readable(bad), "{bad:?}");
        }
    }
}
