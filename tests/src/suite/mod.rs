//! What a cluster promises, as one test for each promise, for any transport.
//!
//! A test binary runs all of it with `catga_tests::suite!(TheCluster);`.

mod clock;
mod owners;
pub mod site;
pub mod work;

pub mod broadcasts;
pub mod calls;
pub mod durable;
pub mod fallback;
pub mod identity;
pub mod membership;
pub mod ownership;
pub mod reroute;
pub mod routing;
pub mod starting;
pub mod subscriptions;
pub mod topics;

pub use durable::{crashes, handling, moving, operating, stopping, unkeyed, versions};

use std::sync::Arc;

use catga::transport::Transport;

use crate::faulty::{Lie, Snapshot};

pub use clock::{Clock, run};

/// A broker to test with: every value is an empty namespace of its own.
pub trait Cluster: Sized {
    /// How time passes in its tests.
    const CLOCK: Clock = Clock::Jumps;

    fn fresh() -> Self;

    /// Another empty one.
    fn again(&self) -> Self {
        Self::fresh()
    }

    /// A connection to it.
    fn transport(&self) -> Arc<dyn Transport>;

    /// A lie that it tells on every occasion on the lines of a test's nodes.
    fn lie(&self) -> Option<Lie> {
        None
    }

    /// A connection to an empty one that is given these records, each with its version.
    fn restored(&self, snapshot: &Snapshot) -> impl Future<Output = Arc<dyn Transport>> {
        let empty = self.again().transport();
        async {
            snapshot.write_to(&*empty).await;
            empty
        }
    }
}

/// Makes a test of every promise, for one kind of cluster, on a clock of its own.
#[macro_export]
macro_rules! suite {
    ($cluster:ty) => {
        $crate::promises! { $cluster, suite;
            membership {
                two_nodes_see_each_other;
                a_node_that_leaves_is_gone_at_once;
                a_leaving_node_is_gone_whatever_its_heartbeats_do;
                a_node_that_vanishes_is_gone_in_time;
                a_node_that_is_cut_off_is_gone_in_time;
                a_member_tells_of_itself;
                watch_wakes_when_a_node_comes_or_goes;
                a_broken_watch_leaves_the_last_picture;
                a_watch_that_says_nothing_is_replaced;
                nobody_dies_of_an_outage_of_the_broker;
                each_heartbeat_is_one_write;
                a_wrong_clock_of_the_broker_changes_nothing;
            }
            ownership {
                all_partitions_are_owned_after_the_start;
                the_number_of_partitions_can_be_chosen;
                a_join_or_a_leave_moves_few_partitions;
                epochs_rise_with_each_owner;
                several_changes_of_a_round_are_one_write;
                a_planned_leave_hands_over_at_once;
                a_crash_is_taken_over_in_time;
                a_cut_node_stops_before_others_take_over_and_comes_back;
                a_cut_that_heals_within_the_lease_changes_nothing;
                slow_and_lost_replies_make_no_two_owners;
                what_is_given_away_is_stopped_before_anyone_hears_of_it;
                nodes_that_handle_everything_own_everything;
            }
            identity {
                a_lost_heartbeat_reply_is_no_death;
                a_node_whose_record_was_removed_comes_back;
                a_restart_under_the_same_name_waits_for_the_old_one;
                a_restart_after_a_shutdown_does_not_wait;
                a_name_that_lives_is_refused;
                of_two_with_one_name_one_starts;
                another_number_of_partitions_is_refused;
                a_command_belongs_to_one_service;
                of_two_services_at_once_none_stays_with_half_a_claim;
                a_broker_that_does_not_answer_is_a_start_error;
                start_waits_until_every_live_node_knows;
            }
            starting {
                a_cut_while_a_node_starts_is_an_error_in_time;
                a_live_node_that_cannot_see_is_named;
                a_node_whose_inbox_cannot_be_opened_does_not_start;
                a_key_has_a_place_before_anyone_owns_it;
                a_restarted_node_is_there_once;
                a_heartbeat_that_is_too_slow_for_its_timeout_is_refused;
            }
            subscriptions {
                a_command_moves_to_another_service_by_an_explicit_call;
                a_subscription_outlives_its_nodes_and_ends_by_an_explicit_call;
                what_a_live_node_handles_is_not_ended;
                every_live_node_knows_when_it_is_ended;
                ending_it_again_waits_for_everybody_as_well;
                without_the_broker_ending_it_is_an_error_in_time;
                what_a_live_node_takes_is_recorded_again;
            }
            fallback {
                a_store_that_fell_back_stops_everyone_for_a_while;
                a_store_that_forgot_everything_is_filled_again;
                another_store_stops_everyone_for_a_while;
                a_node_that_cannot_look_knows_nothing_of_a_store_that_fell_back;
                a_lost_connection_alone_stops_nobody;
            }
            routing {
                round_robin_is_exact_and_runs_each_once;
                random_reaches_every_node_and_runs_each_once;
                least_loaded_spreads_and_runs_each_once;
                least_loaded_avoids_a_busy_node;
                local_first_stays_at_home;
                all_requests_of_a_key_go_to_one_node_from_everywhere;
                a_ring_agrees_on_every_node;
                a_strategy_of_the_users_own;
                a_strategy_is_prepared_for_each_view_before_it_picks;
                a_strategy_that_panics_in_prepare_stops_nothing;
                naming_this_node_by_its_place_is_a_direct_call;
                a_strategy_that_answers_nonsense_is_an_error;
            }
            calls {
                a_declared_error_arrives_as_itself;
                a_reply_comes_in_the_format_of_its_call;
                a_failure_arrives_with_its_chain;
                a_panic_arrives_with_its_text;
                a_deadline_ends_the_call_and_the_handler;
                the_handler_has_no_more_time_than_the_caller;
                dropping_a_call_stops_its_handler;
                late_answers_are_dropped_and_counted;
                callers_of_other_runtimes_are_answered;
                send_to_goes_to_that_node;
                a_node_is_there_when_its_start_returns;
                an_overloaded_node_refuses;
                a_frame_that_comes_twice_runs_once;
                no_more_calls_than_a_node_may_have_are_under_way;
                send_to_a_node_that_does_not_own_the_key_is_refused;
                a_serial_handler_takes_turns_for_calls_of_all_nodes;
                many_at_once_keep_the_order_of_each_key;
                calls_ask_the_store_nothing;
            }
            reroute {
                nodes_come_and_go_and_every_request_runs_once;
                a_draining_node_finishes_and_takes_nothing_new;
                a_caller_with_an_old_view_is_refused_and_asks_the_next;
                who_does_not_own_the_key_refuses_and_the_caller_tries_again;
                a_node_without_an_inbox_is_passed_over;
                a_key_of_a_node_without_an_inbox_is_refused_by_the_deadline;
                a_key_of_a_dead_node_is_handled_by_the_next;
                a_lost_answer_is_never_asked_for_twice;
                an_error_or_a_panic_is_never_tried_elsewhere;
                nobody_there_is_no_route;
                a_node_without_a_lease_takes_no_keys;
            }
            broadcasts {
                a_broadcast_reaches_every_live_node_once;
                a_node_hears_broadcasts_once_its_start_returned;
                a_node_that_left_hears_nothing;
                a_broadcast_without_listeners_is_no_error;
                a_broadcast_that_comes_twice_is_heard_once;
                a_broadcast_over_a_cut_line_is_an_error_in_time;
            }
            handling {
                what_is_enqueued_is_handled_once;
                nodes_write_and_read_different_formats;
                each_key_is_in_order_and_never_overlaps;
                unkeyed_messages_are_shared;
                an_event_is_handled_once_per_service;
                nobody_takes_it;
                the_same_id_is_stored_once;
                a_failed_attempt_is_tried_again_in_its_lane;
                what_is_given_up_is_a_dead_letter_and_its_key_goes_on;
                a_dead_letter_is_replayed_at_the_tail;
                a_replay_for_a_handler_that_is_not_here_is_a_letter_again;
                two_replays_of_a_letter_at_once_are_one;
                a_discarded_letter_is_gone;
                handlers_that_finished_do_not_run_again;
                what_a_handler_stores_again_is_stored_once;
                a_trace_goes_on_with_what_a_handler_sends_and_stores;
                the_fence_is_the_epoch_of_the_owner;
                what_cannot_be_read_holds_nobody_up;
                letters_of_one_id_are_told_apart;
                a_blocked_key_does_not_hold_up_the_others;
            }
            moving {
                a_join_moves_partitions_without_a_duplicate;
                attempts_and_finished_handlers_go_with_a_planned_move;
                a_slow_handler_keeps_its_partition_until_it_ends;
                what_waits_for_its_dead_letter_keeps_its_partition;
                a_last_attempt_is_not_made_again_by_the_next_owner;
                a_move_that_is_called_off_starts_nothing_of_a_paused_service;
            }
            stopping {
                a_shutdown_hands_over_without_a_duplicate;
                a_shutdown_drops_what_does_not_end_and_another_runs_it;
                a_broker_that_comes_back_hears_of_a_shutdown;
                a_broker_that_stays_away_does_not_hold_up_a_shutdown;
                a_service_that_is_down_handles_what_came_meanwhile;
            }
            crashes {
                a_crash_is_taken_over_in_order;
                a_node_that_is_cut_off_stops_in_time;
                a_lapse_of_the_lease_is_no_crash;
                what_ends_nodes_is_quarantined;
                what_only_waited_when_nodes_died_is_not_quarantined;
                what_is_paused_when_nodes_die_is_not_quarantined;
                what_ends_nodes_is_suspect_to_every_survivor;
            }
            unkeyed {
                unkeyed_messages_of_a_dead_node_come_again;
                unkeyed_messages_of_a_node_that_stops_go_to_another_at_once;
                unkeyed_messages_of_unknown_types_take_no_room;
                unkeyed_messages_at_work_stay_where_they_are;
            }
            operating {
                a_paused_service_handles_nothing_until_it_is_resumed;
                a_node_that_reads_anew_starts_nothing_of_a_paused_service;
                a_node_that_was_dead_starts_nothing_of_a_paused_service;
                pausing_again_waits_for_everybody_as_well;
                letters_are_listed_however_slow_the_broker_is;
                a_handler_with_dedup_succeeds_once_for_each_id;
                an_id_that_another_has_claimed_costs_no_attempt;
                a_claim_whose_answer_was_lost_is_its_own;
                a_claim_lasts_as_long_as_its_call;
                what_is_being_claimed_starts_nothing_of_a_paused_service;
                messages_of_the_front_door_are_handled_in_order;
                what_nobody_takes_at_the_front_door_is_kept;
                the_order_of_the_front_door_outlives_a_full_queue;
                what_is_lost_on_the_way_from_the_front_door_is_read_again;
                the_broker_tells_what_it_promises;
            }
            versions {
                who_handles_nothing_that_is_stored_owns_nothing;
                unkeyed_messages_come_to_the_version_that_knows_them;
                versions_side_by_side_handle_all_of_each_key;
                what_only_a_leaving_node_handles_is_no_dead_letter;
                an_event_that_a_node_only_overhears_is_not_handled_by_it;
                a_query_of_a_new_version_moves_nothing_and_has_its_place;
            }
            topics {
                a_star_is_one_segment;
                a_greater_than_is_the_rest;
                several_patterns_may_match;
                without_a_pattern_a_handler_hears_every_topic;
                a_value_is_one_segment_whatever_is_in_it;
                patterns_hold_without_a_cluster;
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($cluster:ty, $home:ident; $($module:ident { $($name:ident;)* })*) => {$(
        mod $module {
            $(
                #[test]
                fn $name() {
                    $crate::suite::run::<$cluster, _>($crate::$home::$module::$name);
                }
            )*
        }
    )*};
}

/// Makes a kind of cluster for each server, of what a test binary has as a namespace on it.
#[macro_export]
macro_rules! clusters {
    ($space:ident with $clock:ident; $($name:ident on $server:ident;)*) => {$(
        pub struct $name($space);

        impl $crate::suite::Cluster for $name {
            const CLOCK: $crate::suite::Clock = $clock;

            fn fresh() -> Self {
                Self($space::on(&$server))
            }

            fn transport(&self) -> ::std::sync::Arc<dyn ::catga::transport::Transport> {
                self.0.transport()
            }

            async fn restored(
                &self,
                snapshot: &$crate::faulty::Snapshot,
            ) -> ::std::sync::Arc<dyn ::catga::transport::Transport> {
                $space::on(&$server).restored(snapshot).await
            }
        }

        impl $crate::contract::Outside for $name {
            async fn post(&self, post: $crate::contract::Post<'_>) -> bool {
                self.0.post(post).await
            }
        }
    )*};
}
