//! Who handles what: the table that is built once, when a node starts.
//!
//! Handlers register themselves before `main` runs. A node takes those that
//! [`Builder::only`](crate::node::Builder::only) selects, checks that they fit together and with
//! its state, and reports every [`Problem`] at once. [`check!`](crate::check) is the same check
//! as one line of a test.

mod display;
mod origin;
mod problem;
mod slot;
mod table;
mod used_crate;

pub use origin::Origin;
pub use problem::{Problem, Problems};
pub use used_crate::UsedCrate;

pub(crate) use slot::Slot;
pub(crate) use table::{Around, HandledHere, Local, Row, Table};

use crate::handler::HandlerInfo;
use crate::message::{Kind, MessageInfo};

/// The wiring of a node: its messages and their handlers, sorted by the messages' wire names.
///
/// [`Display`](std::fmt::Display) shows the whole table.
///
/// # Examples
///
/// ```
/// use catga::{Node, event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[route(key = "sku")]
/// #[derive(Serialize, Deserialize)]
/// struct StockChanged { sku: String }
///
/// #[handler]
/// async fn refresh(_: StockChanged) {}
///
/// # let here = module_path!();
/// let wiring = Node::builder("stock")
/// #   .only(move |handler| handler.module() == here)
///     .check()?;
/// assert_eq!(wiring.messages()[0].handlers()[0].name(), "refresh");
/// assert!(wiring.to_string().contains("StockChanged"));
/// # Ok::<(), catga::wiring::Problems>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Wiring {
    messages: Vec<WiredMessage>,
}

impl Wiring {
    /// The messages that have a handler.
    #[must_use]
    pub fn messages(&self) -> &[WiredMessage] {
        &self.messages
    }

    /// The message with this wire name.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&WiredMessage> {
        self.messages
            .binary_search_by(|message| message.info.name().cmp(name))
            .ok()
            .map(|at| &self.messages[at])
    }

    pub(crate) fn handlers(&self) -> impl Iterator<Item = &'static HandlerInfo> {
        self.messages
            .iter()
            .flat_map(|message| message.handlers.iter().copied())
    }

    /// What is registered and selected, and what is wrong with it.
    pub(crate) fn collect(select: impl Fn(&HandlerInfo) -> bool) -> (Self, Vec<Problem>) {
        let mut handlers: Vec<&'static HandlerInfo> = inventory::iter::<HandlerInfo>
            .into_iter()
            .filter(|handler| select(handler))
            .collect();
        // The order of registration differs between builds.
        handlers.sort_by_key(|handler| {
            (
                handler.message().name(),
                *handler.message().origin(),
                *handler.origin(),
            )
        });

        let mut problems = used_crate::unused();
        let mut messages: Vec<WiredMessage> = Vec::new();
        for handler in handlers {
            problems.extend(problem::contradictions(handler));
            let info = handler.message();
            match messages.last_mut() {
                Some(last) if std::ptr::eq(last.info, info) => {
                    if info.kind() != Kind::Event {
                        problems.push(Problem::TwoHandlers {
                            first: last.handlers[0],
                            second: handler,
                        });
                    } else if let Some(first) = last.handlers.iter().find(|first| {
                        (first.module(), first.name()) == (handler.module(), handler.name())
                    }) {
                        problems.push(Problem::SameHandler {
                            first,
                            second: handler,
                        });
                    }
                    last.handlers.push(handler);
                }
                last => {
                    if let Some(last) = last.filter(|last| last.info.name() == info.name()) {
                        problems.push(Problem::SameName {
                            first: last.info,
                            second: info,
                        });
                    }
                    messages.push(WiredMessage {
                        info,
                        handlers: vec![handler],
                    });
                }
            }
        }
        (Self { messages }, problems)
    }
}

/// One message of a [`Wiring`] and its handlers.
#[derive(Debug, Clone)]
pub struct WiredMessage {
    info: &'static MessageInfo,
    handlers: Vec<&'static HandlerInfo>,
}

impl WiredMessage {
    /// The message.
    #[must_use]
    pub const fn info(&self) -> &'static MessageInfo {
        self.info
    }

    /// Its handlers, in the order of their places in the source.
    #[must_use]
    pub fn handlers(&self) -> &[&'static HandlerInfo] {
        &self.handlers
    }
}

/// Checks everything that needs no state.
///
/// # Errors
///
/// All problems of the selected handlers; a selection without a handler is one, too.
///
/// # Examples
///
/// ```
/// let problems = catga::wiring::check(|handler| handler.module() == "shop::biling").unwrap_err();
/// assert!(problems.to_string().contains("no handler"));
/// ```
pub fn check(select: impl Fn(&HandlerInfo) -> bool) -> Result<Wiring, Problems> {
    let (wiring, mut problems) = Wiring::collect(select);
    if wiring.messages.is_empty() {
        let registered = inventory::iter::<HandlerInfo>.into_iter().count();
        problems.push(Problem::NothingToCheck { registered });
    }
    Problems::none_of(problems)?;
    Ok(wiring)
}

/// Checks the wiring in a test, without a node and without its state.
///
/// Covers all handlers of the program, or those that a closure selects; the value is the
/// [`Wiring`]. Where there is no handler, nothing was checked, and that does not pass.
///
/// # Panics
///
/// With all [`Problems`], each with file and line.
///
/// # Examples
///
/// ```
/// use catga::{command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Ship { order_id: String }
///
/// #[handler]
/// async fn ship(_: Ship) {}
///
/// # let here = module_path!();
/// # /*
/// let wiring = catga::check!();
/// # */
/// # let wiring = catga::check!(|handler| handler.module() == here);
/// assert_eq!(wiring.message("Ship").unwrap().handlers()[0].name(), "ship");
/// ```
///
/// Two handlers of one command do not pass:
///
/// ```should_panic
/// # use catga::{command, handler};
/// # use serde::{Deserialize, Serialize};
/// # #[command]
/// # #[derive(Serialize, Deserialize)]
/// # struct Ship { order_id: String }
/// #[handler]
/// async fn ship(_: Ship) {}
///
/// #[handler]
/// async fn ship_again(_: Ship) {}
///
/// # let here = module_path!();
/// catga::check!(|handler| handler.module() == here);
/// ```
#[macro_export]
macro_rules! check {
    () => {
        $crate::check!(|_| true)
    };
    ($select:expr) => {
        match $crate::wiring::check($select) {
            ::core::result::Result::Ok(wiring) => wiring,
            ::core::result::Result::Err(problems) => ::core::panic!("{problems}"),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_handlers_does_not_pass() {
        let problems = check(|_| true).unwrap_err().to_string();
        assert!(
            problems.contains("the program has no `#[handler]`"),
            "{problems}"
        );
        assert!(problems.contains("use_crates!"), "{problems}");
    }
}
