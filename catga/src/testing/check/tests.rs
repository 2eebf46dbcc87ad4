//! Each check finds what it is for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Letter, Takers};
use crate::message::MessageId;
use crate::testing::enqueued::Enqueued;
use crate::testing::history::{History, Running};
use crate::testing::process::Process;
use crate::testing::report::{Rule, Violation};

struct Scene {
    history: Arc<History>,
    takers: Takers,
    letters: Vec<Letter>,
}

impl Scene {
    fn new() -> Self {
        let mut takers = Takers::default();
        takers
            .0
            .insert("Book", [("shop".into(), vec!["book"])].into());
        Self {
            history: History::new(),
            takers,
            letters: Vec::new(),
        }
    }

    fn start(&self, node: &Arc<Process>, id: MessageId, fence: u64) -> Running {
        self.start_entry(node, Enqueued::first(id), fence)
    }

    fn start_entry(&self, node: &Arc<Process>, entry: Enqueued, fence: u64) -> Running {
        let key = Some("k".into());
        self.history
            .begin(node, entry, "book", key, NonZeroU32::MIN, fence)
    }

    /// Replays of these letters of one message, one after the other.
    fn replayed(&self, id: MessageId, numbers: &[u64], handler: &str) {
        for number in numbers {
            let called = self.history.called();
            let handler = Some(handler);
            let done = Ok(true);
            self.history
                .replayed(&"shop".into(), id, *number, handler, called, done);
        }
    }

    fn acknowledged(&self, id: MessageId) {
        let called = self.history.called();
        self.history.answered(id, "Book", called, Ok(None));
    }

    #[track_caller]
    fn finds(&self, expected: &[Rule]) {
        self.finds_in(expected, false);
    }

    #[track_caller]
    fn finds_in(&self, expected: &[Rule], planned: bool) {
        let mut record = self.history.record();
        record.check_end(&self.takers, &self.letters, planned);
        let found: Vec<_> = record.violations.iter().map(Violation::rule).collect();
        assert_eq!(found, expected, "{:?}", record.violations);
    }
}

fn node(life: u64) -> Arc<Process> {
    let id = format!("shop-{life}").into();
    Process::new(&"shop".into(), &id, life)
}

fn id(number: u128) -> MessageId {
    MessageId::from_hash(number)
}

#[test]
fn what_goes_as_promised_is_no_violation() {
    let scene = Scene::new();
    let (a, b) = (node(1), node(2));
    for number in 1..4 {
        scene.acknowledged(id(number));
    }
    scene.start(&a, id(1), 1).end(Ok(()));
    scene.start(&a, id(2), 1).end(Err("no".to_owned()));
    a.kill();
    scene.start(&b, id(2), 2).end(Ok(()));
    scene.start(&b, id(3), 2).end(Ok(()));
    scene.finds(&[]);
}

#[test]
fn two_executions_of_a_key_overlap() {
    let scene = Scene::new();
    let (a, b) = (node(1), node(2));
    let first = scene.start(&a, id(1), 1);
    scene.start(&b, id(2), 2).end(Ok(()));
    first.interrupt();
    scene.finds(&[Rule::Overlap]);
}

#[test]
fn a_paused_node_may_be_overtaken_and_its_late_write_is_refused() {
    let scene = Scene::new();
    let (a, b) = (node(1), node(2));
    let first = scene.start(&a, id(1), 1);
    a.pause();
    scene.start(&b, id(1), 2).end(Ok(()));
    scene.history.write_late(&a);
    a.resume();
    first.interrupt();
    scene.finds(&[]);
}

#[test]
fn a_late_write_with_the_same_fence_overlaps() {
    let scene = Scene::new();
    let (a, b) = (node(1), node(2));
    let first = scene.start(&a, id(1), 1);
    a.pause();
    scene.start(&b, id(1), 1).end(Ok(()));
    scene.history.write_late(&a);
    a.resume();
    first.interrupt();
    scene.finds(&[Rule::Overlap]);
}

#[test]
fn an_old_owner_starts_something() {
    let scene = Scene::new();
    let (a, b) = (node(1), node(2));
    scene.start(&b, id(1), 2).end(Ok(()));
    scene.start(&a, id(2), 1).interrupt();
    scene.finds(&[Rule::Overlap]);
}

#[tokio::test(start_paused = true)]
async fn a_node_starts_something_when_it_is_overdue() {
    let scene = Scene::new();
    let one = node(1);
    one.beat(Instant::now(), Duration::from_secs(10));
    advance(Duration::from_secs(9)).await;
    scene.start(&one, id(1), 1).end(Ok(()));
    advance(Duration::from_secs(1)).await;
    scene.start(&one, id(2), 1).end(Ok(()));
    scene.finds(&[Rule::Overlap]);
}

#[test]
fn the_order_of_the_queue_is_kept() {
    let scene = Scene::new();
    let one = node(1);
    for (number, at) in [(1, 7), (2, 3)] {
        let place = Some((0, at));
        scene
            .history
            .received(&one, Enqueued::first(id(number)), None, place);
    }
    for number in [1, 2] {
        scene.start(&one, id(number), 1).end(Ok(()));
    }
    scene.finds(&[Rule::Order]);
}

#[test]
fn the_order_of_the_calls_is_kept() {
    let scene = Scene::new();
    let one = node(1);
    scene.acknowledged(id(1));
    scene.acknowledged(id(2));
    for number in [2, 1] {
        scene.start(&one, id(number), 1).end(Ok(()));
    }
    scene.finds(&[Rule::Order]);
}

#[test]
fn what_was_acknowledged_is_missing() {
    let mut scene = Scene::new();
    for number in 1..4 {
        scene.acknowledged(id(number));
    }
    let one = node(1);
    scene.start(&one, id(1), 1).end(Err("no".to_owned()));
    scene.start(&one, id(2), 1).interrupt();
    scene.letters.push(Letter {
        service: "shop".into(),
        number: 9,
        entry: Enqueued::first(id(1)),
        handler: None,
    });
    scene.finds(&[Rule::Handled, Rule::Handled]);
}

#[test]
fn an_event_was_not_stored_for_all() {
    let scene = Scene::new();
    let called = scene.history.called();
    let stored_for = Ok(Some(Vec::new()));
    scene.history.answered(id(1), "Book", called, stored_for);
    scene.start(&node(1), id(1), 1).end(Ok(()));
    scene.finds(&[Rule::Handled]);
}

#[test]
fn a_dead_letter_never_failed() {
    let mut scene = Scene::new();
    scene.letters.push(Letter {
        service: "shop".into(),
        number: 9,
        entry: Enqueued::first(id(1)),
        handler: Some("book".to_owned()),
    });
    scene.finds(&[Rule::Letters]);
}

#[test]
fn what_succeeded_runs_again_under_the_same_fence() {
    let scene = Scene::new();
    let one = node(1);
    for _ in 0..2 {
        scene.start(&one, id(1), 1).end(Ok(()));
    }
    scene.finds(&[Rule::Repeated]);
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_again_runs_again() {
    let scene = Scene::new();
    let one = node(1);
    scene
        .history
        .stored(&"shop".into(), Enqueued::first(id(1)), None);
    advance(Duration::from_secs(121)).await;
    scene
        .history
        .stored(&"shop".into(), Enqueued::first(id(1)), None);
    scene.start(&one, id(1), 1).end(Ok(()));
    scene.start(&one, id(1), 1).end(Ok(()));
    scene.finds(&[]);
}

#[test]
fn an_id_is_not_known_again() {
    let scene = Scene::new();
    for _ in 0..2 {
        scene
            .history
            .stored(&"shop".into(), Enqueued::first(id(1)), None);
    }
    scene.finds(&[Rule::Repeated]);
}

#[test]
fn a_handler_sends_another_message_when_it_runs_again() {
    let scene = Scene::new();
    for (child, cause) in [(1, "a"), (1, "a"), (2, "b"), (3, "a"), (2, "c")] {
        scene.history.caused(id(child), None, cause.to_owned());
    }
    scene.finds(&[Rule::Children, Rule::Children]);
}

#[test]
fn a_planned_move_repeats_what_was_handled() {
    let scene = Scene::new();
    scene.start(&node(1), id(1), 1).end(Ok(()));
    scene.start(&node(2), id(1), 2).end(Ok(()));
    scene.finds_in(&[Rule::Repeated], true);
}

fn replay(number: u128, letter: u64) -> Enqueued {
    Enqueued {
        replay: Some(letter),
        ..Enqueued::first(id(number))
    }
}

#[test]
fn a_replay_is_handled_or_a_letter_again() {
    let mut scene = Scene::new();
    scene.replayed(id(1), &[1], "book");
    scene.replayed(id(2), &[2], "book");
    let one = node(1);
    scene.start_entry(&one, replay(1, 1), 1).end(Ok(()));
    let again = scene.start_entry(&one, replay(2, 2), 1);
    again.end(Err("no".to_owned()));
    scene.letters.push(Letter {
        service: "shop".into(),
        number: 3,
        entry: replay(2, 2),
        handler: Some("book".to_owned()),
    });
    scene.finds(&[]);
}

#[test]
fn a_replay_is_lost() {
    let scene = Scene::new();
    let one = node(1);
    scene.start(&one, id(1), 1).end(Ok(()));
    scene.replayed(id(1), &[1], "book");
    scene.finds(&[Rule::Handled]);
}

#[test]
fn replays_are_handled_out_of_turn() {
    let scene = Scene::new();
    let one = node(1);
    scene.replayed(id(1), &[1], "book");
    scene.replayed(id(2), &[2], "book");
    scene.start_entry(&one, replay(2, 2), 1).end(Ok(()));
    scene.start_entry(&one, replay(1, 1), 1).end(Ok(()));
    scene.finds(&[Rule::Order]);
}

#[test]
fn a_replay_runs_a_handler_that_had_not_given_it_up() {
    let scene = Scene::new();
    let one = node(1);
    scene.replayed(id(1), &[1], "list");
    scene.start_entry(&one, replay(1, 1), 1).end(Ok(()));
    scene.finds(&[Rule::Handled, Rule::Handled]);
}

#[test]
fn what_cannot_be_read_is_no_letter() {
    let scene = Scene::new();
    let history = &scene.history;
    history.unreadable(&"shop".into(), id(1), Some("Book".to_owned()));
    history.unreadable(&"shop".into(), id(2), None);
    scene.finds(&[Rule::Handled, Rule::Handled]);
}

#[test]
fn something_starts_while_its_service_is_paused() {
    let scene = Scene::new();
    let (one, unaware, shop) = (node(1), node(2), "shop".into());
    let pausing = scene.history.pauses(&shop);
    scene.history.paused(&shop, &pausing, [unaware.life].into());
    scene.start(&one, id(1), 1).end(Ok(()));
    scene.start(&unaware, id(2), 1).end(Ok(()));
    scene.history.resumes(&shop);
    scene.start(&one, id(3), 1).end(Ok(()));
    scene.finds(&[Rule::Paused]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_counts_only_if_nothing_may_end_it() {
    let scene = Scene::new();
    let (one, shop) = (node(1), "shop".into());
    let pausing = scene.history.pauses(&shop);
    scene.history.resumes(&shop);
    scene.history.paused(&shop, &pausing, [].into());
    scene.start(&one, id(1), 1).end(Ok(()));
    scene.history.resumed(&shop, false);
    let pausing = scene.history.pauses(&shop);
    scene.history.paused(&shop, &pausing, [].into());
    scene.start(&one, id(2), 1).end(Ok(()));
    scene.finds(&[]);
}

#[test]
fn what_was_replayed_is_still_a_letter() {
    let mut scene = Scene::new();
    let one = node(1);
    scene.start(&one, id(1), 1).end(Err("no".to_owned()));
    scene.replayed(id(1), &[1], "book");
    scene.start_entry(&one, replay(1, 1), 1).end(Ok(()));
    scene.letters.push(Letter {
        service: "shop".into(),
        number: 1,
        entry: Enqueued::first(id(1)),
        handler: Some("book".to_owned()),
    });
    scene.finds(&[Rule::Letters]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_taken_for_dead_need_not_know() {
    let (one, timeout) = (node(1), Duration::from_secs(10));
    let began = Instant::now();
    one.beat(began, timeout);
    advance(Duration::from_secs(5)).await;
    one.beat(Instant::now(), timeout);
    assert!(!one.was_overdue(began));
    advance(Duration::from_secs(10)).await;
    let late = Instant::now();
    one.beat(late, timeout);
    assert!(!one.is_overdue() && one.was_overdue(late));
    advance(Duration::from_secs(1)).await;
    assert!(!one.was_overdue(Instant::now()));
}

fn letter(number: u64, entry: Enqueued) -> Letter {
    Letter {
        service: "shop".into(),
        number,
        entry,
        handler: Some("book".to_owned()),
    }
}

#[test]
fn what_was_dropped_owes_nothing() {
    let scene = Scene::new();
    scene.acknowledged(id(1));
    let failed = scene.start(&node(1), id(1), 1);
    failed.end(Err("no".to_owned()));
    scene
        .history
        .discarded(letter(1, Enqueued::first(id(1))), None);
    scene.finds(&[]);
}

#[test]
fn what_was_dropped_is_still_a_letter() {
    let mut scene = Scene::new();
    let failed = scene.start(&node(1), id(1), 1);
    failed.end(Err("no".to_owned()));
    let dropped = letter(1, Enqueued::first(id(1)));
    let called = scene.history.called();
    scene.history.discarded(dropped.clone(), Some(true));
    // A list that was asked for before may have it.
    scene.history.listed(called, std::slice::from_ref(&dropped));
    scene.letters.push(dropped);
    scene.finds(&[Rule::Letters]);
}

#[test]
fn what_was_dropped_is_replayed() {
    let scene = Scene::new();
    let one = node(1);
    scene.start(&one, id(1), 1).end(Err("no".to_owned()));
    let dropped = letter(1, Enqueued::first(id(1)));
    scene.history.discarded(dropped, Some(true));
    scene.replayed(id(1), &[1], "book");
    scene.start_entry(&one, replay(1, 1), 1).end(Ok(()));
    scene.finds(&[Rule::Handled]);
}
