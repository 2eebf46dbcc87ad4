//! What the macros must accept, in a crate that allows little.
//!
//! Each module is one case; all of them are under the lints of this file.
#![forbid(unsafe_code)]
#![deny(
    missing_docs,
    missing_debug_implementations,
    rust_2018_idioms,
    trivial_casts,
    unreachable_pub,
    unused,
    unused_qualifications,
    warnings,
    clippy::all,
    clippy::pedantic
)]

mod attributes;
mod faults;
mod imports;
mod in_functions;
mod keys;
mod macro_rules;
mod names;
mod options;
mod patterns;
mod reexport;
mod renamed;
mod shadowing;
mod shapes;
mod twice;
pub mod visibility;

use catga::message::{KeyWriter, MessageInfo};
use catga::{HandlerInfo, Message};

/// The handlers that were registered in a module, by name.
fn handlers(module: &'static str) -> Vec<&'static HandlerInfo> {
    let mut handlers: Vec<_> = catga::wiring::handlers()
        .filter(|handler| handler.module() == module)
        .collect();
    handlers.sort_by_key(|handler| handler.name());
    handlers
}

fn handler_names(module: &'static str) -> Vec<&'static str> {
    handlers(module).iter().map(|handler| handler.name()).collect()
}

fn key_of<M: Message>(message: &M) -> String {
    let mut writer = KeyWriter::new(Vec::new());
    message.write_key(&mut writer);
    String::from_utf8(writer.finish()).expect("a key is text")
}

fn key_paths<M: Message>() -> &'static [&'static str] {
    let info: &MessageInfo = M::info();
    info.route().key()
}
