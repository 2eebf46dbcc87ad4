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
            Ok(Box::new(Held::new(inner, line)) as Box<dyn Inbox>)
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
            Ok(Box::new(Held::new(inner, line)) as Box<dyn Subscription>)
        })
    }
}

/// Frames that are held while the line hangs.
struct Held<T: ?Sized, F> {
    line: Line,
    inner: Box<T>,
    /// A frame that comes once more.
    again: Option<F>,
}

impl<T: ?Sized, F> Held<T, F> {
    fn new(inner: Box<T>, line: Line) -> Self {
        Self {
            line,
            inner,
            again: None,
        }
    }

    async fn open(line: &Line) {
        let mut rules = line.rules.subscribe();
        let open = rules.wait_for(|rules| rules.frames != Fault::Hang).await;
        open.expect("the line is here");
    }
}

impl Inbox for Held<dyn Inbox, Frame> {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            let Self { line, inner, again } = self;
            Self::open(line).await;
            if let Some(frame) = again.take() {
                return Some(Incoming::told(frame));
            }
            let mut rules = line.rules.subscribe();
            let mut incoming = tokio::select! {
                biased;
                _ = rules.wait_for(|rules| rules.inbox == Fault::Fail) => return None,
                incoming = inner.next() => incoming?,
            };
            if line.rules.borrow().frames == Fault::Twice {
                *again = Some(incoming.frame.clone());
            }
            let age = incoming.age();
            let line = line.clone();
            let frame = std::mem::take(&mut incoming.frame);
            let held = Incoming::asked(frame, move |answer| {
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
            });
            Some(held.aged(age))
        })
    }
}

impl Subscription for Held<dyn Subscription, (String, Frame)> {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(async {
            let Self { line, inner, again } = self;
            Self::open(line).await;
            if again.is_some() {
                return again.take();
            }
            let frame = inner.next().await;
            if line.rules.borrow().frames == Fault::Twice {
                again.clone_from(&frame);
            }
            frame
        })
    }
}
