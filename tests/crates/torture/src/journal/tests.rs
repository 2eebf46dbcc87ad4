//! Each check finds what it is for.

use std::sync::Arc;

use catga::MessageId;

use super::{Journal, Rule};
use crate::messages::Letter;
use crate::sink::Execution;

fn execution(process: &str, handler: &str, number: u64, fence: u64) -> Execution {
    Execution {
        process: process.to_owned(),
        handler: handler.to_owned(),
        stream: "k".to_owned(),
        keyed: true,
        number,
        attempt: 1,
        fence,
    }
}

fn start(
    journal: &Journal,
    process: &str,
    handler: &str,
    number: u64,
    fence: u64,
) -> Arc<Execution> {
    let started = journal.start(execution(process, handler, number, fence));
    started.unwrap()
}

fn found(journal: &Journal) -> Vec<Rule> {
    let violations = journal.violations(&journal.owed(&[]));
    violations.iter().map(|violation| violation.rule).collect()
}

#[test]
fn what_is_as_it_should_be_is_no_violation() {
    let journal = Journal::default();
    journal.acknowledged("k", 1, MessageId::new(), &["sum", "list"]);
    journal.acknowledged("k", 2, MessageId::new(), &["book"]);
    let beside = [
        start(&journal, "a#1", "sum", 1, 5),
        start(&journal, "a#1", "list", 1, 5),
    ];
    for execution in &beside {
        assert!(journal.end(execution, true));
    }
    let failed = start(&journal, "a#1", "book", 2, 5);
    assert!(journal.end(&failed, false));
    let again = start(&journal, "a#1", "book", 2, 5);
    assert!(journal.end(&again, true));
    assert_eq!(found(&journal), []);
    assert_eq!(journal.sum().handled, 3);
    assert_eq!(journal.sum().duplicates.count(), 0);
}

#[test]
fn what_runs_beside_another_message_overlaps() {
    let journal = Journal::default();
    let first = start(&journal, "a#1", "book", 1, 5);
    start(&journal, "b#1", "book", 2, 5);
    assert!(journal.end(&first, true));
    assert_eq!(found(&journal), [Rule::Overlap]);
}

#[test]
fn an_owner_of_the_past_writes_nothing() {
    let journal = Journal::default();
    let past = start(&journal, "a#1", "book", 1, 5);
    let now = start(&journal, "b#1", "book", 1, 6);
    assert!(!journal.end(&past, true));
    assert!(journal.start(execution("a#1", "book", 2, 5)).is_none());
    assert!(journal.end(&now, true));
    assert_eq!(found(&journal), []);
}

#[test]
fn a_first_start_behind_a_later_one_is_out_of_order() {
    let journal = Journal::default();
    for number in [1, 3, 1, 2] {
        let execution = start(&journal, "a#1", "book", number, 5);
        assert!(journal.end(&execution, true));
    }
    assert_eq!(found(&journal), [Rule::Order]);
    assert_eq!(journal.sum().duplicates.same, 1);
    assert_eq!(journal.twice().len(), 1);
}

#[test]
fn what_is_neither_handled_nor_dead_is_lost() {
    let journal = Journal::default();
    let id = MessageId::new();
    journal.acknowledged("k", 1, id, &["sum", "list"]);
    let failed = start(&journal, "a#1", "sum", 1, 5);
    assert!(journal.end(&failed, false));
    assert_eq!(found(&journal), [Rule::Lost, Rule::Lost]);
    let letter = |handler: Option<&str>| Letter {
        number: 1,
        id,
        handler: handler.map(str::to_owned),
        reason: String::new(),
    };
    assert_eq!(
        journal
            .owed(&[letter(Some("torture::handlers::sum"))])
            .len(),
        1
    );
    assert!(journal.owed(&[letter(None)]).is_empty());
}

#[test]
fn what_is_gone_is_in_nobodys_way() {
    let journal = Journal::default();
    let killed = start(&journal, "a#1", "book", 1, 5);
    journal.gone(&killed);
    start(&journal, "a#1", "book", 1, 5);
    assert_eq!(found(&journal), []);
}
