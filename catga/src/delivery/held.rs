use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The keys whose lanes an execution is in: its own, and those of the handlers that called it.
#[derive(Debug)]
pub(crate) struct HeldKeys {
    key: Arc<str>,
    by_caller: Option<Arc<Self>>,
}

impl HeldKeys {
    pub(crate) fn new(key: Arc<str>, by_caller: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { key, by_caller })
    }

    pub(crate) fn holds(&self, key: &str) -> bool {
        std::iter::successors(Some(self), |held| held.by_caller.as_deref())
            .any(|held| &*held.key == key)
    }
}

/// A handler that is in the lane of a key sent a message with that key to a `serial` handler, which
/// would have waited for its own caller.
///
/// The [`source`](Error::source) of the [`SendError::Failed`](crate::SendError::Failed) that such a
/// `send` answers with at once; nothing ran. It is a permanent failure, since trying again meets
/// the same lane. The lane belongs to the caller: a durable handler of a keyed message is in its
/// key's lane, and so is a `serial` one. It is seen through any number of calls that were made with
/// a [`Context`](crate::Context) on this node.
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use catga::delivery::LaneHeld;
/// use catga::{Context, Node, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[route(key = "account")]
/// #[derive(Serialize, Deserialize)]
/// struct Close { account: u32 }
///
/// #[command]
/// #[route(key = "account")]
/// #[derive(Serialize, Deserialize)]
/// struct PayOut { account: u32 }
///
/// #[handler(serial)]
/// async fn close(command: Close, cx: Context) -> Result<(), catga::BoxError> {
///     let error = cx.send(PayOut { account: command.account }).await.unwrap_err();
///     let held = error.source().unwrap().downcast_ref::<LaneHeld>().unwrap();
///     assert_eq!((held.key(), held), ("7", &held.clone()));
///     // Behind this one, in the same lane:
///     cx.enqueue(PayOut { account: command.account }).await?;
///     Ok(())
/// }
///
/// #[handler(serial)]
/// async fn pay_out(_: PayOut) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("accounts")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// node.send(Close { account: 7 }).await?;
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneHeld {
    key: Arc<str>,
}

impl LaneHeld {
    pub(crate) const fn new(key: Arc<str>) -> Self {
        Self { key }
    }

    /// The key, in canonical form.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for LaneHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it would wait for its own caller, which is in the lane of the key `{}`: `enqueue` it, to run behind the caller, or call the function of the handler",
            self.key
        )
    }
}

impl Error for LaneHeld {}
