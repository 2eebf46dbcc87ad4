//! The tests are worth something: a broker that lies does not pass. Through lines without faults it
//! passes.

use std::sync::Arc;

use catga::transport::{Memory, Transport};
use catga_tests::contract::{Outside, Post};
use catga_tests::faulty::{Faults, Lie};
use catga_tests::suite::{Cluster, run};

use crate::InMemory;

/// A cluster in memory, behind a line.
struct Lined {
    memory: Memory,
    faults: Arc<Faults>,
}

impl Lined {
    fn telling(lie: Lie) -> Self {
        let lined = Self::fresh();
        lined.faults.lie(lie, 1);
        lined
    }
}

impl Cluster for Lined {
    fn fresh() -> Self {
        let memory = Memory::private();
        let faults = Faults::new(Arc::new(memory.clone()));
        Self { memory, faults }
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.faults.line("node").transport()
    }
}

impl Outside for Lined {
    async fn post(&self, post: Post<'_>) -> bool {
        InMemory(self.memory.clone()).post(post).await
    }
}

/// A cluster in memory whose nodes are lied to.
struct Lying {
    memory: Memory,
    lie: Option<Lie>,
}

impl Lying {
    fn telling(lie: Lie) -> Self {
        Self {
            lie: Some(lie),
            ..Self::fresh()
        }
    }
}

impl Cluster for Lying {
    fn fresh() -> Self {
        let memory = Memory::private();
        Self { memory, lie: None }
    }

    fn again(&self) -> Self {
        let memory = Memory::private();
        Self { memory, ..*self }
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.memory.clone())
    }

    fn lie(&self) -> Option<Lie> {
        self.lie
    }
}

mod no_lie {
    catga_tests::contract!(crate::lies::Lined);
}

/// Each fails where the broker lies, with this in its text.
macro_rules! lies {
    ($cluster:ident of $home:ident;
     $($name:ident: $lie:ident => $module:ident::$promise:ident, $text:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $text)]
        fn $name() {
            run::<$cluster, _>(|_| {
                catga_tests::$home::$module::$promise($cluster::telling(Lie::$lie))
            });
        }
    )*};
}

lies! { Lined of contract;
    acks_lost: AcksLost => acks::what_is_acknowledged_leaves_its_queue,
        "an acknowledged entry leaves its queue";
    settlements_lost: AcksLost => shared_waits::what_is_settled_late_does_not_come_again,
        "3 * VISIBILITY";
    releases_lost: AcksLost => release::a_buried_entry_leaves_its_partition,
        "an acknowledged entry leaves its queue";
    appends_lost: AppendsLost => append::entries_come_in_the_order_they_were_appended,
        "0 of 1000 came";
    appends_refused: AppendsRefused => append::entries_come_in_the_order_they_were_appended, "Full";
    appends_swapped: AppendsSwapped => append::entries_come_in_the_order_they_were_appended,
        "left: [\"1\", \"0\", \"2\"";
    reads_swapped: ReadsSwapped => append::entries_come_in_the_order_they_were_appended,
        "left: [\"1\", \"0\", \"2\"";
    batch_lost: BatchLost => intake::numbers_have_no_gaps, "nothing was lost";
    middle_lost: MiddleLost => append::a_batch_that_was_stored_in_part_is_completed,
        "no number is left out";
    tail_lost: TailLost => intake::numbers_have_no_gaps, "nothing was lost";
    read_twice: ReadTwice => generations::a_new_generation_gets_exactly_what_is_not_acknowledged,
        "came";
    old_reads: GenerationsIgnored => generations::a_read_of_a_destroyed_generation_ends,
        "the read of a destroyed generation ends";
    old_acks: GenerationsIgnored => generations::what_an_old_generation_acknowledges_has_no_effect,
        "left: None";
    old_burials: GenerationsIgnored => release::an_old_generation_frees_nothing, "None";
    acked_before_run: AckedBeforeRun => generations::a_new_generation_gets_exactly_what_is_not_acknowledged,
        "came";
    numbers_from_one: NumbersFromOne => generations::the_identity_of_the_queues_is_stable,
        "position.sequence";
    conditions_ignored: ConditionsIgnored => marks::of_many_at_once_one_is_written, "left: 16";
    removals_lost: RemovalsLost => marks::a_removed_mark_can_be_written_again, "right: None";
}

// Without a lie they pass in the suite itself: there, too, each node has a line.
lies! { Lying of suite;
    acked_before_run_and_crashed: AckedBeforeRun => crashes::a_crash_is_taken_over_in_order,
        "not within 60s: all ran";
    two_owners: OwnersSplit => ownership::what_is_given_away_is_stopped_before_anyone_hears_of_it,
        "is also b's";
    stuck_owner: RemovalsLost => ownership::a_crash_is_taken_over_in_time,
        "32 partitions are owned by 1";
    store_fell_back: RecordsFellBack => ownership::all_partitions_are_owned_after_the_start,
        "partition 0: ";
}
