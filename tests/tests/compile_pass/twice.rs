//! The same attributes more than once in one module.

use catga::{Fault, command, event, handler, query};
use serde::{Deserialize, Serialize};

#[command(name = "twice.First")]
#[derive(Serialize, Deserialize)]
struct First {
    #[key]
    id: u8,
}

#[command(name = "twice.Second")]
#[derive(Serialize, Deserialize)]
struct Second {
    #[key]
    id: u8,
}

#[query(response = u8)]
#[derive(Serialize, Deserialize)]
struct FirstQuestion;

#[query(response = u8)]
#[derive(Serialize, Deserialize)]
struct SecondQuestion;

#[event]
#[route(topic = "{id}")]
#[derive(Serialize, Deserialize)]
struct FirstEvent {
    id: u8,
}

#[event]
#[route(topic = "{id}")]
#[derive(Serialize, Deserialize)]
struct SecondEvent {
    id: u8,
}

#[derive(Debug, thiserror::Error, Fault)]
#[error("first")]
#[permanent]
struct FirstError;

#[derive(Debug, thiserror::Error, Fault)]
#[error("second")]
#[permanent]
struct SecondError;

#[handler]
fn first(_: FirstEvent) -> Result<(), FirstError> {
    Err(FirstError)
}

#[handler]
fn second(_: FirstEvent) -> Result<(), SecondError> {
    Err(SecondError)
}

#[test]
fn registered() {
    assert_eq!(super::handler_names(module_path!()), ["first", "second"]);
    assert_eq!(super::key_of(&First { id: 1 }), "1");
    assert_eq!(super::key_of(&Second { id: 2 }), "2");
    let _ = (FirstQuestion, SecondQuestion, SecondEvent { id: 1 });
}
