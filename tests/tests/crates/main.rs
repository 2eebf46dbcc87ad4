//! Messages and handlers in several crates.

use catga::{Node, SendError, handler};
use catga_tests_messages::{Open, Opened};
use catga_tests_renamed::{Number, Store};

// Nothing else names the first of them, so that the linker would leave it out.
catga::use_crates!(catga_tests_handlers, catga_tests_renamed);

#[handler]
async fn also_note(_: Opened) {}

#[tokio::test]
async fn handlers_of_libraries_are_wired() {
    let node = Node::builder("bank").start().await.unwrap();
    let open = Open {
        account: "a".into(),
    };
    assert_eq!(node.send(open).await.unwrap(), "opened a");
    assert_eq!(node.send(Number).await.unwrap(), 42);
    node.send(Store { number: 1 }).await.unwrap();
    let opened = Opened {
        account: "a".into(),
    };
    assert_eq!(node.publish(opened).await.unwrap().services().len(), 1);
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_node_selects_by_crate_and_package() {
    let node = Node::builder("bank")
        .only(|handler| {
            handler.crate_name() != "catga_tests_handlers"
                && handler.origin().package() != "catga-tests-renamed"
        })
        .start()
        .await
        .unwrap();
    let handlers: Vec<_> = node
        .wiring()
        .messages()
        .iter()
        .flat_map(|message| message.handlers())
        .map(|handler| handler.name())
        .collect();
    assert_eq!(handlers, ["also_note"]);
    let open = Open {
        account: "a".into(),
    };
    assert!(matches!(node.send(open).await, Err(SendError::NoRoute(_))));
    assert!(matches!(
        node.send(Number).await,
        Err(SendError::NoRoute(_))
    ));
}

#[test]
fn the_handlers_of_an_event_come_from_several_crates() {
    let wiring = catga::check!();
    let crates: Vec<_> = wiring
        .message("Opened")
        .unwrap()
        .handlers()
        .iter()
        .map(|handler| handler.crate_name())
        .collect();
    assert_eq!(crates, ["catga_tests_handlers", "crates"]);
}
