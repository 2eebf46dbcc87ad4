//! The contract is worth something: a broker that lies does not pass. Through a line without faults
//! it passes.

use std::sync::Arc;

use catga::transport::{Memory, Transport};
use catga_tests::contract::{Outside, Post};
use catga_tests::faulty::{Faults, Lie};
use catga_tests::suite::{Cluster, run};

use crate::InMemory;

/// A cluster in memory, behind lines.
struct Lined {
    memory: Memory,
    faults: Arc<Faults>,
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

mod no_lie {
    catga_tests::contract!(crate::lies::Lined);
}

macro_rules! lies {
    ($($name:ident: $lie:ident => $module:ident::$promise:ident;)*) => {$(
        #[test]
        #[should_panic]
        fn $name() {
            use catga_tests::contract::$module::$promise;
            run::<Lined, _>(|cluster| {
                cluster.faults.lie(Lie::$lie, 1);
                $promise(cluster)
            });
        }
    )*};
}

lies! {
    acks_lost: AcksLost => acks::what_is_acknowledged_leaves_its_queue;
    settlements_lost: AcksLost => shared_waits::what_is_settled_late_does_not_come_again;
    releases_lost: AcksLost => release::a_buried_entry_leaves_its_partition;
    appends_lost: AppendsLost => append::entries_come_in_the_order_they_were_appended;
    appends_refused: AppendsRefused => append::entries_come_in_the_order_they_were_appended;
    appends_swapped: AppendsSwapped => append::entries_come_in_the_order_they_were_appended;
    reads_swapped: ReadsSwapped => append::entries_come_in_the_order_they_were_appended;
    batch_lost: BatchLost => intake::numbers_have_no_gaps;
    middle_lost: MiddleLost => append::a_batch_that_was_stored_in_part_is_completed;
    tail_lost: TailLost => intake::numbers_have_no_gaps;
    read_twice: ReadTwice => generations::a_new_generation_gets_exactly_what_is_not_acknowledged;
    old_reads: GenerationsIgnored => generations::a_read_of_a_destroyed_generation_ends;
    old_acks: GenerationsIgnored => generations::what_an_old_generation_acknowledges_has_no_effect;
    old_burials: GenerationsIgnored => release::an_old_generation_frees_nothing;
}
