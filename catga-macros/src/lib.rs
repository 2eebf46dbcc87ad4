//! The macros of [`catga`](https://docs.rs/catga), which re-exports all of them: depend on
//! `catga`, not on this crate.

use proc_macro::TokenStream;

mod attribute;
mod fault;
mod handler;
mod key;
mod message;
mod origin;
mod route;
mod use_crates;

#[cfg(test)]
mod readme;
#[cfg(test)]
mod snapshots;

/// Makes a struct or an enum a command: a message that asks one handler to do something.
///
/// The type derives serde's two traits and is `Send + 'static`; it is not generic. The macro
/// leaves it as it is and implements [`Message`], [`Request`] and [`Command`] for it.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `response = Type` | what a handler answers with | `()` |
/// | `error = Type` | the business error that a caller gets as `SendError::Rejected`; it needs `std::error::Error + Serialize + Deserialize` and is `Send + Sync` | any error, which arrives as its text |
/// | `name = "orders.place"` | the name on the wire: ASCII letters, digits, `_`, `-`, and dots between segments | the type's name |
/// | `version = 2` | a number that the wiring and the registry show, for people and tools; nothing depends on it | 1 |
/// | `timeout = "5s"` | how long a call may take, or one attempt of a stored message: a number and `ms`, `s`, `m` or `h` | 30 seconds |
/// | `idempotent` | it is safe to run twice: [`SendError::is_retryable`] says so also where it may have run | it is not |
/// | `crate = path` | where `catga` is, if the dependency is renamed | `::catga` |
///
/// [`#[route]`](macro@route) and [`#[key]`](macro@key) say to which node it goes.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::{Message, command};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Receipt { number: u64 }
///
/// #[command(response = Receipt, name = "orders.place", timeout = "5s")]
/// #[derive(Serialize, Deserialize)]
/// struct PlaceOrder { sku: String, quantity: u32 }
///
/// assert_eq!(PlaceOrder::info().name(), "orders.place");
/// assert_eq!(PlaceOrder::info().timeout(), Duration::from_secs(5));
/// ```
///
/// [`Message`]: https://docs.rs/catga/latest/catga/trait.Message.html
/// [`Request`]: https://docs.rs/catga/latest/catga/trait.Request.html
/// [`Command`]: https://docs.rs/catga/latest/catga/trait.Command.html
/// [`SendError::is_retryable`]: https://docs.rs/catga/latest/catga/node/enum.SendError.html#method.is_retryable
#[proc_macro_attribute]
pub fn command(attribute: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(message::Kind::Command, attribute.into(), item.into()).into()
}

/// Makes a struct or an enum a query: a message that asks one handler for something and changes
/// nothing.
///
/// Its options are those of [`#[command]`](macro@command), but `response` must be given, and
/// there is no `idempotent`: a query is always safe to repeat.
///
/// # Examples
///
/// ```
/// use catga::{Message, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = u64)]
/// #[derive(Serialize, Deserialize)]
/// struct CountStock { sku: String }
///
/// assert!(CountStock::info().is_idempotent());
/// ```
#[proc_macro_attribute]
pub fn query(attribute: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(message::Kind::Query, attribute.into(), item.into()).into()
}

/// Makes a struct or an enum an event: a message that says what happened, to any number of
/// handlers.
///
/// Of the options of [`#[command]`](macro@command) it has `name`, `version`, `timeout` and
/// `crate`: an event has neither a response nor an error.
///
/// # Examples
///
/// ```
/// use catga::{Message, event, message::Kind};
/// use serde::{Deserialize, Serialize};
///
/// #[event(version = 2)]
/// #[derive(Serialize, Deserialize)]
/// enum OrderChanged {
///     Placed { order_id: String },
///     Cancelled { order_id: String, reason: String },
/// }
///
/// assert_eq!(OrderChanged::info().kind(), Kind::Event);
/// assert_eq!(OrderChanged::info().version(), 2);
/// ```
#[proc_macro_attribute]
pub fn event(attribute: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(message::Kind::Event, attribute.into(), item.into()).into()
}

/// Says where a message goes; stands below the message attribute, or, where `catga::route` is
/// imported, above it.
///
/// | option | meaning |
/// |---|---|
/// | `key = "order_id"` | messages with the same value go to the same node; durable ones are handled in order |
/// | `key = "customer.id"`, `key = "0"` | a nested field, a field of a tuple struct |
/// | `key = ("tenant", "order_id")` | a key of several parts |
/// | `strategy = "round_robin"` | how a node is picked for a command or query without a key: `round_robin`, `random`, `least_loaded` or `local_first` |
/// | `strategy = "consistent_hash"` | what a key implies; needs one |
/// | `topic = "orders.{region}.placed"` | the topic of an event; `{region}` stands for a field |
///
/// What counts is the text of the key, within a service: stored messages with the same text are
/// handled one after the other, also those of different types. Order `7` and customer `7` are one
/// key; where they should not wait for each other, a part of the key says which of them it is.
///
/// Every part of a key is a [`KeyText`]: a string, an integer, a `bool`, a `char`, a `Uuid` or a
/// type of yours. In an enum every variant has the fields of the key. Contradictions do not
/// compile. A field that is renamed by an editor stays the key when it is marked with
/// [`#[key]`](macro@key) instead.
///
/// # Examples
///
/// ```
/// use catga::{Message, command, message::key_text, route};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Customer { id: u64 }
///
/// #[command]
/// #[route(key = ("tenant", "customer.id"))]
/// #[derive(Serialize, Deserialize)]
/// struct PlaceOrder { tenant: String, customer: Customer }
///
/// assert_eq!(PlaceOrder::info().route().key(), ["tenant", "customer.id"]);
/// ```
///
/// [`KeyText`]: https://docs.rs/catga/latest/catga/message/trait.KeyText.html
#[proc_macro_attribute]
pub fn route(attribute: TokenStream, item: TokenStream) -> TokenStream {
    route::expand(&attribute.into(), item.into()).into()
}

/// Marks the field of a message that is its routing key.
///
/// The same as [`#[route(key = "..")]`](macro@route) with the field's name, but it follows when
/// the field is renamed. Several marked fields are the parts of one key, in the order of the
/// fields. In an enum every variant has as many marked fields as the others.
///
/// # Examples
///
/// ```
/// use catga::{Message, event, key};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct OrderPlaced {
///     #[key]
///     order_id: String,
///     sku: String,
/// }
///
/// assert_eq!(OrderPlaced::info().route().key(), ["order_id"]);
/// ```
#[proc_macro_attribute]
pub fn key(attribute: TokenStream, item: TokenStream) -> TokenStream {
    key::expand(&attribute.into(), &item.into()).into()
}

/// Registers a free function as a handler of the message that is its first parameter.
///
/// An `async fn` or a plain `fn`, which runs in place. The message comes by value; every other
/// parameter is a [`FromContext`]: `State<T>`, `Option<State<T>>`, `Context`, `Deadline`,
/// `Headers`, or a type of yours. It returns the response, or a `Result` of it: with the declared
/// error, or with any error where none is declared.
///
/// The function stays as it is, and can be called in a unit test; [`TestCall`] makes its `Context`
/// there. `#[cfg]` below `#[handler]` holds for the registration too.
///
/// A stored message with a key that waits for its next attempt holds its key, for every handler of
/// the service: also for those of the same event that have succeeded. They are not run again, but
/// their next message of that key waits, too.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `concurrency = 4` | how many executions may run at once on a node | no limit of its own |
/// | `retry(max = 8, after = "200ms", cap = "30s")` | attempts of a durable delivery in all, the wait before the second, doubled for each one after it, the longest wait; each may be left out. A wait is drawn from half of it to the whole, so that what failed together does not come again together | as the node's policy says: 5, 200 ms, 30 s |
/// | `broadcast` | takes the events that are broadcast, not those that are published | published ones |
/// | `topic = "orders.*.placed"` | of the broadcast events those whose topic matches: `*` is any one segment, `>` at the end all that follow | all |
/// | `serial` | `send` waits for its key's turn, as durable deliveries do | it does not wait |
/// | `dedup = "10m"` | remembers for that long, in the broker, for which message ids it succeeded, and does not run for them again; `send` of an `idempotent` command with an id answers what it answered then | it may run again |
/// | `crate = path` | where `catga` is, if the dependency is renamed | `::catga` |
///
/// # Examples
///
/// ```
/// use catga::{BoxError, State, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command(response = u32)]
/// #[derive(Serialize, Deserialize)]
/// struct Double { value: u32 }
///
/// #[handler(concurrency = 4, retry(max = 3, after = "1s"))]
/// async fn double(command: Double, State(limit): State<u32>) -> Result<u32, BoxError> {
///     if command.value > limit {
///         return Err("too large".into());
///     }
///     Ok(command.value * 2)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// assert_eq!(double(Double { value: 2 }, State(10)).await?, 4);
/// # Ok(())
/// # }
/// ```
///
/// [`FromContext`]: https://docs.rs/catga/latest/catga/trait.FromContext.html
/// [`TestCall`]: https://docs.rs/catga/latest/catga/handler/struct.TestCall.html
#[proc_macro_attribute]
pub fn handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(attribute.into(), item.into()).into()
}

/// Says of an error's variants whether another attempt of a durable delivery can succeed.
///
/// On each variant of an enum, or on a struct itself, stands one of
///
/// - `#[permanent]`: never; the message goes to the dead letters at once;
/// - `#[transient]`: perhaps, with the handler's retry policy; what nothing is said about is
///   transient too;
/// - `#[transient(after = "2s", max = 8)]`: perhaps, after this wait and with this many attempts
///   in all; each may be left out.
///
/// The type implements [`std::error::Error`] and is not generic. `#[fault(crate = path)]` says
/// where `catga` is, if the dependency is renamed.
///
/// # Examples
///
/// ```
/// use catga::Fault;
///
/// #[derive(Debug, thiserror::Error, Fault)]
/// enum OrderError {
///     #[error("{sku} is sold out")]
///     #[permanent]
///     SoldOut { sku: String },
///     #[error("the warehouse is away")]
///     #[transient(after = "2s", max = 8)]
///     WarehouseAway,
/// }
///
/// let error = OrderError::SoldOut { sku: "a-1".into() };
/// assert_eq!(Fault::of(&error), Fault::Permanent);
/// let Fault::Transient { after, max } = Fault::of(&OrderError::WarehouseAway) else {
///     panic!("it passes");
/// };
/// assert_eq!(after.unwrap().as_secs(), 2);
/// assert_eq!(max.unwrap().get(), 8);
/// ```
#[proc_macro_derive(Fault, attributes(permanent, transient, fault))]
pub fn fault(item: TokenStream) -> TokenStream {
    fault::expand(item.into()).into()
}

/// Keeps crates that hold handlers in the program.
///
/// A crate that no code names is dropped by the linker, together with its handlers. List it here,
/// at the root of the program. A listed crate without a handler is reported when a node starts.
///
/// # Examples
///
/// In a program these are the crates with the handlers, such as `orders, billing`. Here it is one
/// that has none, and this is how it is reported:
///
/// ```standalone_crate
/// catga::use_crates!(thiserror);
///
/// let problems = catga::wiring::check(|_| true).unwrap_err();
/// assert!(problems.to_string().contains("the crate `thiserror` is listed in `use_crates!`"));
/// ```
#[proc_macro]
pub fn use_crates(input: TokenStream) -> TokenStream {
    let arguments: Vec<_> = std::env::args().collect();
    use_crates::expand(input.into(), &arguments).into()
}
