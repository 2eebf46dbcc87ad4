//! Names of the user's that the generated code uses too.

use catga::{Message, State, command, event, handler};
use serde::{Deserialize, Serialize};

#[event(name = "names.Info")]
#[derive(Serialize, Deserialize)]
struct Info {
    #[key]
    key: u8,
}

#[event]
#[route(key = ("message", "part_1"))]
#[derive(Serialize, Deserialize)]
enum Parts {
    A { message: u8, part_1: u8 },
}

#[command]
#[derive(Serialize, Deserialize)]
struct r#Raw;

#[handler]
async fn run(_: Info) {}

#[handler]
async fn message(_: Info, _: Option<State<u8>>) {}

#[handler]
async fn call(_: Info, _: Option<State<u8>>) {}

#[handler]
async fn parameter_1(_: Info, _: Option<State<u8>>, _: Option<State<u16>>) {}

#[handler]
fn returned(_: Info) {}

#[handler]
fn requirements(_: Info, _: Option<State<u8>>) {}

#[handler]
fn r#type(_: r#Raw) {}

#[test]
fn registered() {
    assert_eq!(
        super::handler_names(module_path!()),
        [
            "call",
            "message",
            "parameter_1",
            "requirements",
            "returned",
            "run",
            "type"
        ]
    );
    assert_eq!(Raw::info().name(), "Raw");
    assert_eq!(super::key_of(&Info { key: 1 }), "1");
    let parts = Parts::A {
        message: 1,
        part_1: 2,
    };
    assert_eq!(super::key_of(&parts), "1\u{1f}2");
}
