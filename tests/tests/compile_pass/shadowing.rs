//! Types of the user's with the names of the prelude.

mod names {
    #![allow(unused, reason = "they are there to be in the way")]

    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct String;
    pub(super) struct Vec;
    pub(super) struct Box;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) trait Send {}
    pub(super) trait Sync {}
    pub(super) trait Sized {}
    pub(super) trait Into {}
    pub(super) trait Fn {}
    pub(super) trait Future {}
    pub(super) struct Message;
    pub(super) struct Codec;
    pub(super) struct Start;
    pub(super) struct Fault;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod catga {}
    pub(super) mod serde {}
    macro_rules! concat {
        () => {
            compile_error!("shadowed")
        };
    }
    macro_rules! file {
        () => {
            compile_error!("shadowed")
        };
    }
    macro_rules! line {
        () => {
            compile_error!("shadowed")
        };
    }
    macro_rules! module_path {
        () => {
            compile_error!("shadowed")
        };
    }
    macro_rules! option_env {
        () => {
            compile_error!("shadowed")
        };
    }
    macro_rules! env {
        () => {
            compile_error!("shadowed")
        };
    }
    pub(super) use {concat, env, file, line, module_path, option_env};
}

// Explicitly: a glob would lose against the prelude's macros.
#[allow(unused_imports, reason = "they are there to be in the way")]
use names::{
    Box, Codec, Err, Fault, Fn, Future, Into, Message, None, Ok, Option, Result, Send, Sized, Some,
    Start, String, Sync, Vec, catga, concat, core, env, file, line, module_path, option_env, std,
};

#[::catga::command(response = u8, error = Failure, timeout = "1s", version = 2, idempotent)]
#[::catga::route(key = ("id", "sku"))]
#[derive(::serde::Serialize, ::serde::Deserialize)]
struct Act {
    id: u8,
    sku: ::std::string::String,
}

#[derive(Debug, ::catga::Fault, ::serde::Serialize, ::serde::Deserialize)]
enum Failure {
    #[permanent]
    Once,
    #[transient(after = "1s", max = 2)]
    Often,
    Else,
}

impl ::std::fmt::Display for Failure {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        f.write_str("failure")
    }
}

impl ::std::error::Error for Failure {}

#[::catga::event]
#[::catga::route(topic = "acts.{id}")]
#[derive(::serde::Serialize, ::serde::Deserialize)]
enum Acted {
    Once {
        #[::catga::key]
        id: u8,
    },
}

#[::catga::handler(retry(max = 2), concurrency = 3)]
async fn act(
    _: Act,
    _: ::std::option::Option<::catga::State<u8>>,
) -> ::std::result::Result<u8, Failure> {
    ::std::future::ready(::std::result::Result::Ok(1)).await
}

#[::catga::handler]
fn acted(_: Acted) {}

#[test]
fn registered() {
    let module = ::std::module_path!();
    assert_eq!(super::handler_names(module), ["act", "acted"]);
    assert_eq!(
        ::catga::Fault::of(&Failure::Often),
        ::catga::Fault::transient(1_000.into(), 2.into())
    );
    assert_eq!(
        ::catga::Fault::of(&Failure::Once),
        ::catga::Fault::Permanent
    );
    assert_eq!(
        ::catga::Fault::of(&Failure::Else),
        ::catga::Fault::UNDECLARED
    );
    let _ = Acted::Once { id: 1 };
}
