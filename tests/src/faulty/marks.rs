use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catga::transport::{
    BoxFuture, Expect, Marks, Read, Revision, TransportError, WriteError, Written,
};

use super::records::met;
use super::{Lie, Line};

impl Marks for Line {
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.reads).await?;
            let inner = self.faults.queues();
            let mut read = inner.marks().read(service, name).await?;
            read.time = read.time.saturating_add_signed(self.rules.borrow().clock);
            Ok(read)
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
            let passed = self.pass(|rules| rules.writes).await;
            let fault = passed.map_err(WriteError::Transport)?;
            let (line, service, name) = (self.clone(), Arc::clone(service), name.to_owned());
            let written = async move {
                let inner = line.faults.queues();
                let marks = inner.marks();
                let mut expect = expect;
                if line.faults.tell(Lie::ConditionsIgnored) {
                    expect = met(marks.read(&service, &name).await?);
                }
                let expires = expires.filter(|_| !line.faults.has(Lie::RemovalsLost));
                marks.write(&service, &name, value, expect, expires).await
            };
            self.done(fault, WriteError::Transport, written).await
        })
    }

    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let fault = self.pass(|rules| rules.writes).await?;
            let (line, service, name) = (self.clone(), Arc::clone(service), name.to_owned());
            let removed = async move {
                let inner = line.faults.queues();
                if line.faults.tell(Lie::RemovalsLost) {
                    return Ok(());
                }
                inner.marks().remove(&service, &name, revision).await
            };
            self.done(fault, |lost| lost, removed).await
        })
    }
}
