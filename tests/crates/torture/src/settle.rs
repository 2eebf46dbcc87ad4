//! The end: no more faults, and all that was acknowledged has to come to its end.

use std::time::{Duration, Instant};

use catga::Node;
use tokio::time::sleep;

use crate::journal::Journal;
use crate::messages::{Letter, Letters};

/// How long that may take: what a node had taken from the shared queue when it was killed comes
/// back when its visibility ends, and its next consumer may have been killed, too.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The handler of what comes from the shared queue.
const UNKEYED: &str = "tidy";

/// Waits until nothing is owed any more, or for as long as that may take. Returns the dead letters.
pub async fn settle(node: &Node, journal: &Journal) -> Vec<Letter> {
    let begun = Instant::now();
    let mut letters = Vec::new();
    let mut keyed = None;
    loop {
        list(node, &mut letters).await;
        let owed = journal.owed(&letters);
        if keyed.is_none() && owed.iter().all(|owed| owed.handler == UNKEYED) {
            keyed = Some(begun.elapsed());
        }
        if owed.is_empty() || begun.elapsed() > PATIENCE {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let all = begun.elapsed();
    println!("settled: what has a key after {keyed:.1?}, the rest after {all:.1?}");
    // What comes a second time comes now.
    sleep(Duration::from_secs(1)).await;
    list(node, &mut letters).await;
    letters
}

/// Adds the dead letters that are new.
async fn list(node: &Node, letters: &mut Vec<Letter>) {
    loop {
        let after = letters.last().map_or(0, |letter| letter.number);
        match node.send(Letters { after }).await {
            Ok(more) if more.is_empty() => return,
            Ok(more) => letters.extend(more),
            Err(error) => {
                println!("the dead letters are not told: {error}");
                return;
            }
        }
    }
}
