use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Line;
use crate::delivery::is_success;
use crate::transport::{
    BoxFuture, Expect, Marks, Read, Revision, Transport, TransportError, WriteError, Written,
};

impl Marks for Line {
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("read a mark", async move {
            memory.marks().read(service, name).await
        }))
    }

    fn write<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(self.carry("write a mark", WriteError::Transport, move || {
            let broker = Arc::clone(&self.broker);
            let (service, name, value) = (Arc::clone(service), name.to_owned(), value.clone());
            Box::pin(async move {
                let (memory, succeeded) = (broker.memory(), is_success(&value));
                let marks = memory.marks();
                let written = marks.write(&service, &name, value, expect, expires);
                let written = written.await?;
                if succeeded {
                    broker.history.remembered(&service, &name);
                }
                Ok(written)
            })
        }))
    }

    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("remove a mark", async move {
            memory.marks().remove(service, name, revision).await
        }))
    }
}
