//! Messages that may have been running when a node died.
//!
//! A message that ends the process that handles it would end one node after the other. How often
//! one was started after a crash is counted in the broker; nothing else pays for it.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::item::Item;
use super::partition::Mark;
use super::patience::Patience;
use crate::message::ContentType;
use crate::transport::{Expect, TransportError, WriteError};

/// A count outlives the longest outage that anybody waits for.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What becomes of a suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Run,
    /// While no other suspect runs on this node: if this one does it again, the others are not
    /// blamed.
    Alone,
    /// It was running in this many crashes.
    Quarantine(NonZeroU32),
}

/// In how many crashes an entry was running.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    mark: Mark,
    crashes: u32,
    /// What counted last: a count whose reply was lost is not made again.
    by: String,
}

/// Counts the crash, before anything runs. Asks the broker until it answers.
pub(super) async fn judge(engine: &Engine, item: &Item) -> Verdict {
    let mut patience = Patience::new();
    let crashes = loop {
        match count(engine, item).await {
            Ok(crashes) => break crashes,
            Err(error) => {
                let failed = "the crashes of a message could not be counted";
                patience.wait(engine, failed, &error).await;
            }
        }
    };
    match NonZeroU32::new(crashes) {
        Some(crashes) if crashes >= engine.limits.crashes => Verdict::Quarantine(crashes),
        Some(crashes) if crashes.get() > 1 => Verdict::Alone,
        _ => Verdict::Run,
    }
}

async fn count(engine: &Engine, item: &Item) -> Result<u32, TransportError> {
    let (name, marks) = (name(item), engine.cluster.transport.marks());
    loop {
        let read = marks.read(&engine.service, &name);
        let found = engine.cluster.limited("read a count", read).await?.record;
        let known = found
            .as_ref()
            .and_then(|found| ContentType::Json.decode::<Count>(&found.value).ok())
            // Another entry had this sequence before.
            .filter(|count| count.mark == item.mark);
        let by = match &item.ticket {
            Some(ticket) => ticket.token.to_string(),
            None => item.term.epoch.to_string(),
        };
        let crashes = match known {
            Some(count) if count.by == by => return Ok(count.crashes),
            Some(count) => count.crashes.saturating_add(1),
            None => 1,
        };
        let count = Count {
            mark: item.mark,
            crashes,
            by,
        };
        let value = ContentType::Json
            .encode(&count)
            .map_err(|error| TransportError::new("encode a count", error))?;
        let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
        let write = marks.write(&engine.service, &name, value, expect, Some(KEPT));
        match engine.cluster.limited_write("write a count", write).await {
            Ok(_) => return Ok(crashes),
            Err(WriteError::Conflict) => {}
            Err(WriteError::Transport(error)) => return Err(error),
        }
    }
}

/// It came to its end, whatever that was, and the node lives.
pub(super) async fn acquit(engine: &Engine, item: &Item) {
    if !item.suspect {
        return;
    }
    let name = name(item);
    let remove = engine
        .cluster
        .transport
        .marks()
        .remove(&engine.service, &name, None);
    // Otherwise it expires.
    let _ = engine.cluster.limited("remove a count", remove).await;
}

fn name(item: &Item) -> String {
    let sequence = item.position.sequence;
    match item.ticket {
        Some(_) => format!("crashes-shared-{sequence}"),
        None => format!("crashes-{}-{sequence}", item.term.partition),
    }
}
