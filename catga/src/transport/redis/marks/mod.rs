//! Small values of one service: `<ns>:{<service>}:mark:<name>`, each `VERSION VALUE`, and
//! `…:version`, the last version that was given to any of them. Scripts pass also when the server
//! is out of memory.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use super::Shared;
use super::call::{Call, Script};
use super::records::parse;
use crate::transport::{
    BoxFuture, Expect, Marks, Read, Revision, TransportError, WriteError, Written,
};

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));
static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/remove.lua")));
static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/write.lua")));

impl Shared {
    fn mark(&self, service: &str, name: &str) -> String {
        self.names.service(service, format_args!("mark:{name}"))
    }
}

impl Marks for Shared {
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            let call = Call::new(&READ, &[self.mark(service, name)]);
            let read: Result<(u64, u64, Option<Vec<u8>>), _> = self.commands.call(&call).await;
            let (seconds, micros, stored) = read.map_err(|error| error.when("read a mark"))?;
            let record = match stored {
                Some(stored) => Some(parse(stored.into()).ok_or_else(|| unreadable(name))?),
                None => None,
            };
            Ok(Read {
                record,
                time: seconds * 1_000_000 + micros,
            })
        })
    }

    fn write<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(async move {
            let keys = [
                self.mark(service, name),
                self.names.service(service, "version"),
            ];
            let mut call = Call::new(&WRITE, &keys);
            call.arg(match expect {
                Expect::Absent => String::new(),
                Expect::Revision(revision) => revision.0.to_string(),
            });
            call.arg(&*value);
            call.arg(expires.map(milliseconds).unwrap_or_default());
            match self.commands.call(&call).await {
                Ok(Some(version)) => Ok(Written {
                    revision: Revision(version),
                }),
                Ok(None) => Err(WriteError::Conflict),
                Err(error) => Err(WriteError::Transport(error.when("write a mark"))),
            }
        })
    }

    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let mut call = Call::new(&REMOVE, &[self.mark(service, name)]);
            call.arg(revision.map_or_else(String::new, |revision| revision.0.to_string()));
            let removed: Result<u32, _> = self.commands.call(&call).await;
            removed
                .map(drop)
                .map_err(|error| error.when("remove a mark"))
        })
    }
}

/// Whole seconds, rounded up, at least one and no more than Redis takes.
fn milliseconds(expires: Duration) -> String {
    let begun = u64::from(expires.subsec_nanos() > 0);
    let seconds = expires.as_secs().saturating_add(begun);
    (seconds.clamp(1, u64::from(u32::MAX)) * 1_000).to_string()
}

fn unreadable(name: &str) -> TransportError {
    TransportError::new(
        "read a mark",
        format!("`{name}` is not one that catga wrote"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_expire_after_whole_seconds() {
        let after = |millis| milliseconds(Duration::from_millis(millis));
        assert_eq!(after(0), "1000");
        assert_eq!(after(1), "1000");
        assert_eq!(after(2_000), "2000");
        assert_eq!(after(2_001), "3000");
        assert_eq!(milliseconds(Duration::MAX), "4294967295000");
    }
}
