use std::time::Duration;

use catga::node::NodeId;
use catga::transport::{
    BoxFuture, Frame, Inbox, Incoming, Messenger, RequestError, Subscription, TransportError,
};
use tokio::time::sleep;

use super::{Fault, Line};

impl Messenger for Line {
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.inbox).await?;
            let frames = self.faults.frames();
            let inner = frames.messenger().serve(node).await?;
            let line = self.clone();
            Ok(Box::new(Held { inner, line }) as Box<dyn Inbox>)
        })
    }

    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>> {
        Box::pin(async move {
            let passed = self.pass(|rules| rules.frames).await;
            passed.map_err(RequestError::Transport)?;
            let frames = self.faults.frames();
            frames.messenger().request(to, frame, timeout).await
        })
    }

    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.frames).await?;
            self.faults.frames().messenger().tell(to, frame).await
        })
    }

    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.frames).await?;
            let frames = self.faults.frames();
            frames.messenger().broadcast(subject, frame).await
        })
    }

    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.frames).await?;
            let frames = self.faults.frames();
            let inner = frames.messenger().subscribe(subject).await?;
            let line = self.clone();
            Ok(Box::new(Held { inner, line }) as Box<dyn Subscription>)
        })
    }
}

/// Frames that are held while the line hangs.
struct Held<T: ?Sized> {
    line: Line,
    inner: Box<T>,
}

impl<T: ?Sized> Held<T> {
    async fn open(line: &Line) {
        let mut rules = line.rules.subscribe();
        let open = rules.wait_for(|rules| rules.frames != Fault::Hang).await;
        open.expect("the line is here");
    }
}

impl Inbox for Held<dyn Inbox> {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            let Self { line, inner } = self;
            Self::open(line).await;
            let mut incoming = inner.next().await?;
            let line = line.clone();
            let frame = std::mem::take(&mut incoming.frame);
            Some(Incoming::asked(frame, move |answer| {
                Box::pin(async move {
                    Self::open(&line).await;
                    let fault = line.rules.borrow().frames;
                    match fault {
                        Fault::LoseReply => return,
                        Fault::SlowReply(by) => sleep(by).await,
                        _ => {}
                    }
                    incoming.reply(answer).await;
                })
            }))
        })
    }
}

impl Subscription for Held<dyn Subscription> {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(async {
            let Self { line, inner } = self;
            Self::open(line).await;
            inner.next().await
        })
    }
}
