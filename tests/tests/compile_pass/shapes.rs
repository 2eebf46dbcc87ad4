//! Messages of every shape.

use catga::{Message, command, event, handler, query};
use serde::{Deserialize, Serialize};

#[command]
#[derive(Serialize, Deserialize)]
struct Unit;

#[command]
#[derive(Serialize, Deserialize)]
struct Empty {}

#[query(response = Vec<String>)]
#[derive(Serialize, Deserialize)]
struct Tuple(u8, String);

#[event]
#[derive(Serialize, Deserialize)]
enum Choice {
    Unit,
    Tuple(u8),
    Named { field: u8 },
}

/// Cannot be made, and is a message all the same.
#[event]
#[derive(Serialize, Deserialize)]
enum Never {}

#[handler]
fn unit(_: Unit) {}

#[handler]
fn empty(_: Empty) -> Result<(), String> {
    Ok(())
}

#[handler]
async fn tuple(tuple: Tuple) -> Result<Vec<String>, std::io::Error> {
    std::future::ready(Ok(vec![tuple.1; tuple.0.into()])).await
}

#[handler]
fn choice(_: Choice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Ok(())
}

#[handler]
async fn never(never: Never) -> Result<(), std::convert::Infallible> {
    match never {}
}

#[test]
fn registered() {
    assert_eq!(
        super::handler_names(module_path!()),
        ["choice", "empty", "never", "tuple", "unit"]
    );
    assert_eq!(Tuple::info().name(), "Tuple");
    let _ = [Choice::Unit, Choice::Tuple(1), Choice::Named { field: 1 }];
}
