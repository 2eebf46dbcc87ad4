//! What is declared of an error is seen through whatever the handler returns it in.

use std::time::Duration;

use anyhow::Context as _;
use catga::delivery::retry::Policy;
use catga::{BoxError, Fault, Node, SendError, command, handler};
use catga_tests::dead_letter;
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Debug, thiserror::Error, Fault)]
#[error("there is no such order")]
#[permanent]
struct NoSuchOrder;

#[derive(Debug, thiserror::Error)]
#[error("no invoice")]
struct Outer(#[source] Box<NoSuchOrder>);

/// A way to return the error.
macro_rules! handlers {
    ($($message:ident, $function:ident -> $returns:ty = $result:expr;)*) => {$(
        #[command(idempotent)]
        #[derive(Serialize, Deserialize)]
        struct $message;

        #[handler]
        async fn $function(_: $message) -> $returns {
            $result
        }
    )*};
}

fn find() -> Result<(), NoSuchOrder> {
    Err(NoSuchOrder)
}

/// An error as some programs write their own: a pointer to any other, and no error itself.
#[derive(Debug)]
struct AppError(BoxError);

impl From<NoSuchOrder> for AppError {
    fn from(error: NoSuchOrder) -> Self {
        Self(error.into())
    }
}

impl std::ops::Deref for AppError {
    type Target = dyn std::error::Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl From<AppError> for BoxError {
    fn from(error: AppError) -> Self {
        error.0
    }
}

handlers! {
    Itself, itself -> Result<(), NoSuchOrder> = find();
    Boxed, boxed -> Result<(), BoxError> = Ok(find()?);
    BoxedAlone, boxed_alone -> Result<(), Box<NoSuchOrder>> = find().map_err(Box::new);
    Plain, plain -> anyhow::Result<()> = Ok(find()?);
    WithContext, with_context -> anyhow::Result<()> = find().context("no invoice");
    AnyhowInBox, anyhow_in_box -> Result<(), BoxError> =
        find().context("no invoice").map_err(Into::into);
    Shared, shared -> Result<(), std::sync::Arc<NoSuchOrder>> = find().map_err(Into::into);
    AsSource, as_source -> Result<(), Outer> = find().map_err(|error| Outer(Box::new(error)));
    OfTheProgram, of_the_program -> Result<(), AppError> = Ok(find()?);
}

async fn permanent<M: catga::Command<Error = std::convert::Infallible>>(
    node: &Node,
    make: fn() -> M,
) {
    let name = M::info().name();
    let error = node.send(make()).await.map(drop).unwrap_err();
    assert!(!error.is_retryable(), "{name}: {error:?}");
    let SendError::Failed(failed) = error else {
        panic!("{name}: {error:?}");
    };
    assert_eq!(failed.fault(), Fault::Permanent, "{name}");

    node.enqueue(make()).await.unwrap();
    dead_letter(node).await;
    let letter = node.dead_letters().await.unwrap().remove(0);
    assert_eq!(letter.attempts(), 1, "{name}: {letter:?}");
    let last = letter.error_chain().last().unwrap();
    assert_eq!(last, "there is no such order", "{name}");
    assert!(node.discard(&letter).await.unwrap());
}

#[tokio::test]
async fn a_permanent_error_is_seen_however_it_is_returned() {
    let node = node!(.retry(Policy::new(3, Duration::from_millis(1))));
    permanent(&node, || Itself).await;
    permanent(&node, || Boxed).await;
    permanent(&node, || BoxedAlone).await;
    permanent(&node, || Plain).await;
    permanent(&node, || WithContext).await;
    permanent(&node, || AnyhowInBox).await;
    permanent(&node, || Shared).await;
    permanent(&node, || AsSource).await;
    permanent(&node, || OfTheProgram).await;
}

#[tokio::test]
async fn what_is_permanent_on_another_node_is_permanent_here() {
    let start = |id: &'static str, handles: bool| {
        Node::builder(id)
            .broker("memory://faults")
            .id(id)
            .only(move |handler| handles && handler.module() == module_path!())
            .start()
    };
    let server = start("server", true).await.unwrap();
    let client = start("client", false).await.unwrap();
    for error in [
        client.send(Plain).await.unwrap_err(),
        client.send(WithContext).await.unwrap_err(),
    ] {
        assert!(!error.is_retryable(), "{error:?}");
        assert_eq!(Fault::of(&error), Fault::Permanent);
    }
    client.shutdown().await.unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_a_handler_passes_on_stays_permanent() {
    let node = node!();
    let error = node.send(Plain).await.unwrap_err();
    assert_eq!(Fault::of(&error), Fault::Permanent);
    let wrapped = anyhow::Error::new(error).context("the step before failed");
    assert_eq!(Fault::of(wrapped.as_ref()), Fault::Permanent);
}
