use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{Call, FromContext, Requirements};
use crate::BoxError;

/// A clone of the node's state of type `T`.
///
/// Given to the node with [`Builder::state`](crate::node::Builder::state). It is cloned for each
/// call: put what is large, shared or not `Clone` into an [`Arc`](std::sync::Arc). A node does not
/// start without the state that its handlers ask for; `Option<State<T>>` asks for nothing.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use catga::{Node, State, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Count { by: u32 }
///
/// #[handler]
/// async fn count(command: Count, State(total): State<Arc<AtomicU32>>) {
///     total.fetch_add(command.by, Ordering::Relaxed);
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let total = Arc::new(AtomicU32::new(0));
/// # let here = module_path!();
/// let node = Node::builder("counter")
///     .state(Arc::clone(&total))
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// node.send(Count { by: 3 }).await?;
/// assert_eq!(total.load(Ordering::Relaxed), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromContext for State<T> {
    #[inline]
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        call.state::<T>().cloned().map(Self).ok_or_else(|| {
            MissingState {
                type_name: type_name::<T>(),
            }
            .into()
        })
    }

    fn requires(requirements: &mut Requirements) {
        requirements.state::<T>();
    }
}

impl<T: Clone + Send + Sync + 'static> FromContext for Option<State<T>> {
    #[inline]
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        Ok(call.state::<T>().cloned().map(State))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// An extractor asked for a state that its `requires` did not name and the node does not have.
#[derive(Debug)]
pub struct MissingState {
    type_name: &'static str,
}

impl fmt::Display for MissingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the node has no state of type `{0}`: give it with `Builder::state`, and name it in `FromContext::requires` so that a node without it does not start",
            self.type_name
        )
    }
}

impl std::error::Error for MissingState {}
