//! What a node finds wrong before it starts, and what it shows.

use std::num::NonZeroU32;

use catga::wiring::{Problem, Problems};
use catga::{Node, command, event, handler, query};
use serde::{Deserialize, Serialize};

/// A module's problems.
fn problems_of(module: &'static str) -> Problems {
    catga::wiring::check(move |handler| handler.module().ends_with(module)).unwrap_err()
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

mod two_handlers {
    use super::*;

    #[command(name = "two.handlers")]
    #[derive(Serialize, Deserialize)]
    struct Once;

    #[handler]
    async fn first(_: Once) {}

    #[handler]
    async fn second(_: Once) {}
}

#[test]
fn a_command_has_one_handler() {
    let problems = problems_of("two_handlers");
    assert_eq!(problems.iter().count(), 1);
    let Some(Problem::TwoHandlers { first, second, .. }) = problems.iter().next() else {
        panic!("{problems}");
    };
    assert_eq!((first.name(), second.name()), ("first", "second"));
    let text = problems.to_string();
    let place = format!(
        "main.rs:{}: `second` is a second handler",
        second.origin().line()
    );
    assert!(text.contains(&place), "{text}");
    assert!(text.contains(&first.origin().to_string()), "{text}");
}

mod same_path {
    use super::*;

    #[event]
    #[derive(Serialize, Deserialize)]
    pub struct Twice;

    #[event]
    #[derive(Serialize, Deserialize)]
    pub struct Other;

    #[allow(dead_code, reason = "only holds a handler")]
    fn one() {
        #[handler]
        async fn note(_: Twice) {}
    }

    #[allow(dead_code, reason = "only holds handlers")]
    fn two() {
        #[handler]
        async fn note(_: Twice) {}

        mod inner {
            #[super::handler]
            async fn note(_: super::Twice) {}
        }
    }

    #[allow(dead_code, reason = "only holds a handler")]
    fn three() {
        #[handler]
        async fn note(_: Other) {}
    }
}

#[test]
fn two_handlers_of_an_event_cannot_share_a_path() {
    let problems = problems_of("same_path");
    let Some(Problem::SameHandler { first, second, .. }) = problems.iter().next() else {
        panic!("{problems}");
    };
    assert_eq!(problems.len(), 1, "another message or module is no clash");
    assert_eq!((first.name(), second.name()), ("note", "note"));
    assert!(first.origin().line() < second.origin().line());
    let text = problems.to_string();
    assert!(text.contains("`wiring::same_path::note`"), "{text}");
    for handler in [first, second] {
        assert!(text.contains(&handler.origin().to_string()), "{text}");
    }
}

mod same_name {
    use super::*;

    #[query(response = (), name = "same")]
    #[derive(Serialize, Deserialize)]
    struct One;

    #[event(name = "same")]
    #[derive(Serialize, Deserialize)]
    struct Other;

    #[handler]
    async fn one(_: One) {}

    #[handler]
    async fn other(_: Other) {}
}

#[test]
fn two_types_cannot_share_a_wire_name() {
    let problems = problems_of("same_name");
    let text = problems.to_string();
    assert!(
        matches!(problems.iter().next(), Some(Problem::SameName { .. })),
        "{text}"
    );
    assert!(
        text.contains("#[event(name = \"…\")]"),
        "says how to mend it: {text}"
    );
    assert!(
        text.contains("same_name::One") && text.contains("same_name::Other"),
        "{text}"
    );
}

mod contradictions {
    use super::*;

    #[command]
    #[derive(Serialize, Deserialize)]
    struct Unkeyed;

    #[handler(serial)]
    async fn serial_without_key(_: Unkeyed) {}

    #[query(response = ())]
    #[derive(Serialize, Deserialize)]
    struct Asked;

    #[handler(retry(max = 2))]
    async fn retried_query(_: Asked) {}

    #[command]
    #[derive(Serialize, Deserialize)]
    struct Called;

    #[handler(broadcast)]
    async fn broadcast_command(_: Called) {}

    #[event]
    #[route(key = "key")]
    #[derive(Serialize, Deserialize)]
    struct Happened {
        key: u8,
    }

    #[handler(serial)]
    async fn serial_event(_: Happened) {}
}

#[test]
fn options_that_contradict_the_message_are_reported() {
    let problems = problems_of("contradictions");
    let handlers: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::Contradiction { handler, .. } => handler.name(),
            other => panic!("{other}"),
        })
        .collect();
    let expected = [
        "retried_query",
        "broadcast_command",
        "serial_event",
        "serial_without_key",
    ];
    assert_eq!(handlers, expected);
}

mod topics {
    use super::*;

    #[event]
    #[derive(Serialize, Deserialize)]
    struct Bare;

    #[handler(broadcast, topic = "bare.>")]
    async fn of_an_event_without_one(_: Bare) {}

    #[event]
    #[route(topic = "orders.{region}.placed")]
    #[derive(Serialize, Deserialize)]
    struct Placed {
        region: String,
    }

    #[handler(broadcast, topic = "orders.*.paid")]
    async fn of_another(_: Placed) {}

    #[handler(broadcast, topic = "orders.eu.placed.>")]
    async fn of_a_longer_one(_: Placed) {}

    #[handler(broadcast, topic = "orders.*")]
    async fn of_a_shorter_one(_: Placed) {}

    #[handler(broadcast, topic = "orders.eu.placed")]
    async fn of_one_region(_: Placed) {}

    #[handler(broadcast, topic = "*.*.placed")]
    async fn of_all_that_are_placed(_: Placed) {}

    #[handler(broadcast, topic = "orders.>")]
    async fn of_all_orders(_: Placed) {}
}

#[test]
fn a_topic_that_no_event_can_have_is_reported() {
    let problems = problems_of("topics");
    let handlers: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::Contradiction { handler, .. } => handler.name(),
            other => panic!("{other}"),
        })
        .collect();
    let expected = [
        "of_an_event_without_one",
        "of_another",
        "of_a_longer_one",
        "of_a_shorter_one",
    ];
    assert_eq!(handlers, expected);
}

mod good {
    use super::*;

    #[command(response = u8, name = "good.command", version = 3)]
    #[route(key = ("tenant", "id"))]
    #[derive(Serialize, Deserialize)]
    struct Keyed {
        tenant: String,
        id: u32,
    }

    #[handler(serial, concurrency = 4, retry(max = 9, after = "10ms", cap = "1s"))]
    async fn keyed(_: Keyed) -> u8 {
        1
    }

    #[event(name = "good.event")]
    #[route(topic = "good.{region}.happened")]
    #[derive(Serialize, Deserialize)]
    struct Happened {
        region: String,
    }

    #[handler]
    async fn on_happened(_: Happened) {}

    #[handler(broadcast)]
    async fn on_broadcast(_: Happened) {}
}

fn good() -> catga::node::Builder {
    Node::builder("good").only(|handler| handler.module().ends_with("::good"))
}

#[test]
fn the_wiring_is_typed() {
    let wiring = good().check().unwrap();
    let names: Vec<_> = wiring
        .messages()
        .iter()
        .map(|message| message.info().name())
        .collect();
    assert_eq!(names, ["good.command", "good.event"]);
    let keyed = wiring.message("good.command").unwrap().handlers()[0];
    assert_eq!(keyed.name(), "keyed");
    assert_eq!(keyed.module(), "wiring::good");
    assert_eq!(keyed.crate_name(), "wiring");
    assert_eq!(keyed.concurrency().unwrap().get(), 4);
    assert!(keyed.is_serial());
    assert_eq!(keyed.retry().unwrap().max_attempts(), NonZeroU32::new(9));
    assert!(wiring.message("absent").is_none());
}

#[test]
fn the_wiring_shows_as_a_table() {
    let wiring = good().check().unwrap();
    let at = |name: &str| {
        let mut handlers = wiring
            .messages()
            .iter()
            .flat_map(|message| message.handlers());
        handlers
            .find(|handler| handler.name() == name)
            .unwrap()
            .origin()
            .to_string()
    };
    let expected = format!(
        "\
message          kind     key         strategy                      handler                                  declared at
good.command v3  command  tenant, id  consistent_hash               wiring::good::keyed (serial)             {}
good.event       event    -           topic good.{{region}}.happened  wiring::good::on_happened                {}
                                                                    wiring::good::on_broadcast (broadcast)   {}",
        at("keyed"),
        at("on_happened"),
        at("on_broadcast"),
    );
    assert_eq!(
        squeeze(&wiring.to_string()),
        squeeze(&expected),
        "\n{wiring}\n",
    );
}

/// Columns as wide as they may be.
fn squeeze(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[tokio::test]
async fn all_problems_are_reported_at_once() {
    let error = Node::builder("Not A Name")
        .id("node_1")
        .broker("amqp://me:secret@localhost")
        .state(1_u8)
        .state(2_u8)
        .only(|handler| handler.module().ends_with("two_handlers"))
        .start()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("5 problems with the wiring:\n- "),
        "{text}"
    );
    for part in [
        "`second`",
        "second state of type `u8`",
        "Not A Name",
        "node_1",
        "amqp://…@",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn check_is_one_line_of_a_test() {
    let wiring = catga::check!(|handler| handler.module().ends_with("::good"));
    assert_eq!(wiring.messages().len(), 2);
}

#[test]
#[should_panic(expected = "is a second handler")]
fn check_panics_with_every_problem() {
    catga::check!();
}

#[test]
#[should_panic(expected = "the filter selects none of the")]
fn check_does_not_pass_where_nothing_is_selected() {
    catga::check!(|handler| handler.module() == "wiring::goood");
}

#[test]
fn a_node_needs_a_runtime() {
    let mut starting = Box::pin(Node::builder("good").only(|_| false).start());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(started) = starting.as_mut().poll(&mut cx) else {
        panic!("it waits");
    };
    assert!(started.unwrap_err().to_string().contains("tokio runtime"));
}

#[test]
fn problems_can_be_counted_and_shown_one_by_one() {
    let problems = problems_of("contradictions");
    assert_eq!(lines(&problems).len(), 4);
    assert!(
        (&problems)
            .into_iter()
            .all(|problem| problem.to_string().contains("main.rs:"))
    );
    assert_eq!(problems.len(), problems.into_iter().count());
}
