//! What ran where, in the order in which it ran.

use std::sync::Arc;

use catga::Context;
use tokio::sync::watch;

/// One line of the journal.
#[derive(Debug, Clone)]
pub struct Entry {
    pub what: &'static str,
    pub order_id: String,
    /// The piece that was packed; 0 for what is not about one.
    pub item: u32,
    pub node: String,
}

/// A cheap clone of one list, which can be waited on.
#[derive(Clone)]
pub struct Journal {
    entries: Arc<watch::Sender<Vec<Entry>>>,
    aloud: bool,
}

impl Journal {
    /// `aloud`: it is printed as it is written.
    pub fn new(aloud: bool) -> Self {
        Self {
            entries: Arc::new(watch::Sender::new(Vec::new())),
            aloud,
        }
    }

    pub fn begins(&self, cx: &Context, order_id: &str, item: u32) {
        self.write(cx, "begins", order_id, item);
    }

    pub fn packed(&self, cx: &Context, order_id: &str, item: u32) {
        if self.aloud {
            println!("  packed piece {item} of {order_id}");
        }
        self.write(cx, "packed", order_id, item);
    }

    pub fn did(&self, cx: &Context, what: &'static str, order_id: &str) {
        if self.aloud {
            println!("  {what} {order_id}");
        }
        self.write(cx, what, order_id, 0);
    }

    /// Everything of one kind so far.
    pub fn all(&self, what: &str) -> Vec<Entry> {
        let entries = self.entries.borrow();
        let of_kind = entries.iter().filter(|entry| entry.what == what);
        of_kind.cloned().collect()
    }

    /// Waits until this many orders, or pieces of them, are done. One that is done again counts
    /// once.
    pub async fn wait_for(&self, what: &str, count: usize) -> anyhow::Result<()> {
        let mut entries = self.entries.subscribe();
        entries
            .wait_for(|entries| distinct(entries, what) >= count)
            .await?;
        Ok(())
    }

    fn write(&self, cx: &Context, what: &'static str, order_id: &str, item: u32) {
        let entry = Entry {
            what,
            order_id: order_id.to_owned(),
            item,
            node: cx.node().to_string(),
        };
        self.entries.send_modify(|entries| entries.push(entry));
    }
}

/// How many different orders or pieces there are.
fn distinct(entries: &[Entry], what: &str) -> usize {
    let of_kind = entries.iter().filter(|entry| entry.what == what);
    let mut done: Vec<_> = of_kind.map(|entry| (&entry.order_id, entry.item)).collect();
    done.sort_unstable();
    done.dedup();
    done.len()
}
