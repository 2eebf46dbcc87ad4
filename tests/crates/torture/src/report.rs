//! What is printed in the end.

use std::fs;
use std::path::{Path, PathBuf};

use crate::journal::{Journal, Rule, Violation};
use crate::messages::Letter;
use crate::round::Cluster;

/// So many violations are shown with their history.
const SHOWN: usize = 5;

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    pub rounds: u64,
    pub letters: Vec<Letter>,
    /// What went wrong beside the promises that are counted.
    pub wrong: Vec<String>,
}

impl Report {
    /// Prints it, the sum last; whether all is well.
    pub fn print(&self, journal: &Journal, cluster: &Cluster) -> bool {
        let owed = journal.owed(&self.letters);
        let violations = journal.violations(&owed);
        for violation in violations.iter().take(SHOWN) {
            print(violation, journal);
        }
        let twice = journal.twice();
        for duplicate in twice.iter().take(SHOWN) {
            print(duplicate, journal);
        }
        let well = violations.is_empty() && self.wrong.is_empty();
        for wrong in &self.wrong {
            println!("{wrong}");
        }
        if !well || !twice.is_empty() {
            match keep_logs(cluster) {
                Ok(folder) => println!("the logs are in {}", folder.display()),
                Err(error) => println!("the logs could not be kept: {error}"),
            }
        }
        let count = |rule| {
            violations
                .iter()
                .filter(|violation| violation.rule == rule)
                .count()
        };
        let sum = journal.sum();
        let duplicates = &sum.duplicates;
        println!(
            "of the duplicates {} are of nodes that were killed or stopped, {} are of others, {} ran twice for one owner",
            duplicates.harmed, duplicates.other, duplicates.same
        );
        println!(
            "{} rounds, {} acknowledged, {} handled, {} dead-lettered, {} lost, {} order violations, {} overlaps, {} duplicates",
            self.rounds,
            sum.acknowledged,
            sum.handled,
            self.letters.len(),
            count(Rule::Lost),
            count(Rule::Order),
            count(Rule::Overlap),
            duplicates.count(),
        );
        well
    }
}

fn print(violation: &Violation, journal: &Journal) {
    let Violation {
        rule,
        stream,
        number,
        text,
    } = violation;
    println!("{rule:?}: {number} of {stream}: {text}");
    println!("{}", journal.history(violation));
}

/// Copies the logs of all processes to where they stay.
fn keep_logs(cluster: &Cluster) -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("catga-torture-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let keep = |log: &Path, name: &str| fs::copy(log, folder.join(name));
    for member in &cluster.crew {
        keep(&member.log(), &format!("{}.log", member.name()))?;
    }
    keep(&cluster.broker.log(), "broker.log")?;
    Ok(folder)
}
