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
#![allow(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "the cases are shorter than real handlers; generated code does none of this"
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
mod shadowing;
mod shapes;
mod twice;
pub mod visibility;

use catga::message::KeyWriter;
use catga::{HandlerInfo, Message};

/// The handlers that were registered in a module, sorted by name.
fn handlers(module: &str) -> Vec<&'static HandlerInfo> {
    let wiring = catga::wiring::check(|handler| handler.module() == module)
        .expect("the module's handlers fit together");
    let mut handlers: Vec<_> = wiring
        .messages()
        .iter()
        .flat_map(|message| message.handlers().iter().copied())
        .collect();
    handlers.sort_by_key(|handler| handler.name());
    handlers
}

fn handler_names(module: &str) -> Vec<&'static str> {
    let handlers = handlers(module);
    handlers.iter().map(|handler| handler.name()).collect()
}

fn key_of<M: Message>(message: &M) -> String {
    let mut writer = KeyWriter::new(Vec::new());
    message.write_key(&mut writer);
    String::from_utf8(writer.finish()).expect("a key is text")
}

fn key_paths<M: Message>() -> &'static [&'static str] {
    M::info().route().key()
}
