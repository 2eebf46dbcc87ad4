//! What a transport promises of queues, dead letters, the front door and marks, as one test for each
//! promise, for any transport.
//!
//! A test binary runs all of it with `catga_tests::contract!(TheCluster);`.

mod entries;
mod ground;
mod outside;
mod reader;
mod waits;

pub mod acks;
pub mod append;
pub mod door;
pub mod fetch;
pub mod generations;
pub mod given;
pub mod intake;
pub mod letters;
pub mod marks;
pub mod overlap;
pub mod provision;
pub mod received;
pub mod release;
pub mod shared;
pub mod shared_waits;
pub mod survival;

pub use outside::{Outside, Post};

/// Makes a test of every promise, for one kind of cluster, on a clock of its own.
#[macro_export]
macro_rules! contract {
    ($cluster:ty) => {
        $crate::promises! { $cluster, contract;
            provision {
                provisioning_is_idempotent;
                many_may_provision_at_once;
                what_is_stored_stays_when_it_is_provisioned_again;
                a_provisioned_service_is_empty;
                what_nobody_provisioned_has_nothing;
                what_an_acknowledged_append_is_worth_is_told;
                a_tap_that_nobody_listens_to_is_no_error;
            }
            append {
                entries_come_in_the_order_they_were_appended;
                positions_rise_from_one;
                a_number_that_was_stored_is_not_stored_again;
                a_batch_that_was_stored_in_part_is_completed;
                numbers_are_counted_for_each_writer;
                numbers_are_counted_for_each_queue;
                writers_at_once_keep_their_own_order;
                an_entry_that_is_too_large_harms_no_other;
            }
            given {
                a_given_id_is_stored_once;
                a_given_id_is_stored_once_whoever_appends_it;
                a_given_id_is_stored_once_within_a_batch;
                a_given_id_is_another_with_another_name;
                a_given_id_is_another_in_each_replay;
                a_given_id_is_another_in_another_queue;
                a_given_id_is_known_although_it_was_handled;
                an_id_from_chance_is_known_when_it_is_given_later;
            }
            survival {
                every_attribute_of_an_entry_survives;
                every_character_survives;
                an_entry_without_key_and_headers_survives;
                every_byte_of_a_payload_survives;
                a_large_payload_survives;
            }
            generations {
                a_new_generation_gets_exactly_what_is_not_acknowledged;
                what_an_old_generation_acknowledges_has_no_effect;
                what_a_closed_generation_acknowledges_has_no_effect;
                a_read_of_a_destroyed_generation_ends;
                a_read_that_waits_ends_with_its_generation_and_swallows_nothing;
                another_connection_destroys_it_as_well;
                closing_is_idempotent;
                the_identity_of_the_queues_is_stable;
                reopening_again_and_again_loses_nothing;
            }
            overlap {
                one_common_partition_destroys_a_generation;
                what_the_destroyed_one_read_besides_is_kept;
                disjoint_generations_live_side_by_side;
                services_do_not_touch_each_other;
                of_many_at_once_one_is_left;
            }
            received {
                it_is_told_how_far_the_destroyed_one_had_read;
                nothing_is_told_of_what_nobody_read;
                what_comes_later_is_not_among_it;
                it_is_told_what_is_stored;
            }
            intake {
                numbers_have_no_gaps;
                no_more_comes_than_there_is_room_for;
                a_dropped_read_loses_nothing;
                many_partitions_come_through_one_intake;
                what_is_appended_while_a_read_waits_comes_promptly;
                a_full_partition_does_not_keep_the_others_waiting_for_ever;
            }
            acks {
                what_is_acknowledged_leaves_its_queue;
                what_is_acknowledged_out_of_order_leaves_the_rest;
                acknowledging_twice_harms_nothing;
                many_are_acknowledged_at_once;
                the_oldest_moves_as_entries_leave;
                what_was_not_received_is_not_acknowledged;
            }
            fetch {
                what_is_stored_is_found_again;
                what_is_acknowledged_is_not_found;
                another_entry_at_the_same_place_is_not_found;
                a_fetch_takes_nothing_from_the_reader;
            }
            shared {
                each_entry_goes_to_one_consumer;
                what_is_settled_does_not_come_again;
                what_is_given_back_comes_to_another_at_once;
                no_more_comes_than_there_is_room_for;
                the_shared_queue_and_the_partitions_are_apart;
                shared_queues_belong_to_their_services;
            }
            shared_waits {
                a_consumer_that_waits_gets_what_is_appended;
                what_a_dead_consumer_had_comes_again;
                what_is_extended_stays_hidden;
                what_is_settled_late_does_not_come_again;
                a_dropped_read_of_a_consumer_loses_nothing;
                what_a_closed_consumer_had_asked_for_is_given_back;
            }
            letters {
                a_letter_survives_with_everything;
                the_same_letter_twice_is_one;
                letters_belong_to_their_services;
                letters_come_page_by_page;
                a_discarded_letter_is_gone;
            }
            release {
                a_buried_entry_leaves_its_partition;
                a_buried_entry_leaves_the_shared_queue;
                burying_it_twice_is_one_letter_and_frees_it;
                an_old_generation_frees_nothing;
            }
            door {
                what_is_left_out_gets_a_default;
                what_is_said_is_kept;
                ids_follow_from_the_place;
                what_has_no_type_is_malformed_and_can_be_buried;
            }
            marks {
                a_mark_that_nobody_wrote_is_absent;
                a_mark_is_read_as_it_was_written;
                writes_are_conditional;
                of_many_at_once_one_is_written;
                a_removed_mark_can_be_written_again;
                removing_is_idempotent;
                a_late_removal_leaves_a_later_version;
                a_mark_runs_out;
                a_mark_without_an_end_stays;
                a_later_write_sets_another_end;
                marks_belong_to_their_services;
            }
        }
    };
}
