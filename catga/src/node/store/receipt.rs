use std::sync::Arc;

use crate::cluster::Taker;
use crate::message::MessageId;

/// A command is stored: the receipt of [`Node::enqueue`](crate::Node::enqueue).
///
/// # Examples
///
/// ```
/// use catga::{MessageId, Node, Options, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Ship;
///
/// #[handler]
/// async fn ship(_: Ship) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("orders")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let id = MessageId::new();
/// let stored = node.with(Options::new().id(id)).enqueue(Ship).await?;
/// assert_eq!((stored.id(), stored.is_repeated()), (id, false));
/// let again = node.with(Options::new().id(id)).enqueue(Ship).await?;
/// assert!(again.is_repeated(), "it is stored once");
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub(super) id: MessageId,
    pub(super) repeated: bool,
}

impl Stored {
    /// The id of the message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Whether a message with this id was stored before, so that this one was not.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }
}

/// An event is stored for each subscribed service: the receipt of
/// [`Node::publish`](crate::Node::publish).
///
/// # Examples
///
/// ```
/// use catga::{Node, event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct Shipped;
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct Unheard;
///
/// #[handler]
/// async fn thank(_: Shipped) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("orders")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let published = node.publish(Shipped).await?;
/// assert_eq!(published.services().collect::<Vec<_>>(), ["orders"]);
/// let published = node.publish(Unheard).await?;
/// assert_eq!(published.services().len(), 0, "a fact, and no error");
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub(super) id: MessageId,
    pub(super) repeated: bool,
    pub(super) services: Services,
}

impl Published {
    /// The id of the event.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Whether an event with this id was stored before, so that this one was not.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// The services it is stored for; none if nobody subscribes.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.services.len()).map(|at| self.services.get(at))
    }
}

/// The services that a message is stored for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Services {
    None,
    /// That of the node itself.
    Own(Arc<str>),
    Takers(Arc<[Taker]>),
}

impl Services {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Own(_) => 1,
            Self::Takers(takers) => takers.len(),
        }
    }

    fn get(&self, at: usize) -> &str {
        match self {
            Self::None => "",
            Self::Own(service) => service,
            Self::Takers(takers) => &takers[at].service,
        }
    }
}

/// An event is on its way to every live node: the receipt of
/// [`Node::broadcast`](crate::Node::broadcast).
///
/// It says nothing of who hears the event: that is known to nobody.
///
/// # Examples
///
/// ```
/// use catga::{MessageId, Node, Options, event};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct PricesChanged;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::builder("prices").only(|_| false).start().await?;
/// let id = MessageId::new();
/// let told = node.with(Options::new().id(id)).broadcast(PricesChanged).await?;
/// assert_eq!(told.id(), id);
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    pub(super) id: MessageId,
}

impl Broadcast {
    /// The id of the event.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }
}
