use std::time::Duration;

use tokio::time::sleep;

use super::Line;
use crate::node::NodeId;
use crate::testing::fate::Fate;
use crate::testing::faults::Disturbance;
use crate::testing::flow::{Flow, Next};
use crate::transport::{
    BoxFuture, Frame, Inbox, Incoming, Messenger, RequestError, Subscription, Transport,
    TransportError,
};

impl Messenger for Line {
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>> {
        Box::pin(async move {
            let (flow, memory) = (self.flow(), self.broker.memory());
            let serve = async { memory.messenger().serve(node).await };
            let inner = self.carry_once("open an inbox", serve).await?;
            Ok(Box::new(Frames { flow, inner }) as Box<dyn Inbox>)
        })
    }

    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>> {
        Box::pin(async move {
            self.set_out().await.map_err(RequestError::Transport)?;
            let memory = self.broker.memory();
            let answer = memory.messenger().request(to, frame, timeout).await;
            // Without a connection there is no answer either; the caller's own timeout ends this.
            match self.come_back().await {
                Ok(()) => answer,
                Err(_) => Err(RequestError::Timeout),
            }
        })
    }

    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.set_out().await?;
            self.broker.memory().messenger().tell(to, frame).await
        })
    }

    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.set_out().await?;
            let memory = self.broker.memory();
            memory.messenger().broadcast(subject, frame).await
        })
    }

    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>> {
        Box::pin(async move {
            let (flow, memory) = (self.flow(), self.broker.memory());
            let subscribe = async { memory.messenger().subscribe(subject).await };
            let inner = self.carry_once("subscribe", subscribe).await?;
            Ok(Box::new(Frames { flow, inner }) as Box<dyn Subscription>)
        })
    }
}

/// Frames on their way to a node.
struct Frames<T, S: ?Sized> {
    flow: Flow<T>,
    inner: Box<S>,
}

impl Inbox for Frames<Incoming, dyn Inbox> {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            let Self { flow, inner } = self;
            loop {
                let incoming = match flow.next(inner.next()).await? {
                    Next::Late(incoming) => return Some(incoming),
                    Next::New(incoming) => incoming,
                };
                match flow.fate(Disturbance::Frames, Fate::of_frame) {
                    Fate::Lost => {}
                    Fate::Slow(by) => {
                        let age = incoming.age() + by;
                        flow.delay(incoming.aged(age), by);
                    }
                    Fate::Twice(_) => {
                        flow.keep(Incoming::told(incoming.frame.clone()));
                        return Some(answered(flow, incoming));
                    }
                    _ => return Some(answered(flow, incoming)),
                }
            }
        })
    }
}

/// The answer takes the same line back.
fn answered(flow: &Flow<Incoming>, mut incoming: Incoming) -> Incoming {
    let line = Line {
        broker: flow.broker.clone(),
        process: flow.process.clone(),
    };
    let age = incoming.age();
    let frame = std::mem::take(&mut incoming.frame);
    let held = Incoming::asked(frame, move |answer| {
        Box::pin(async move {
            match line
                .broker
                .fate(Disturbance::Frames, Fate::of_frame, "answer")
            {
                Fate::Lost => return,
                Fate::Slow(by) => sleep(by).await,
                _ => {}
            }
            if line.come_back().await.is_ok() {
                incoming.reply(answer).await;
            }
        })
    });
    held.aged(age)
}

impl Subscription for Frames<(String, Frame), dyn Subscription> {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(async {
            let Self { flow, inner } = self;
            loop {
                let frame = match flow.next(inner.next()).await? {
                    Next::Late(frame) => return Some(frame),
                    Next::New(frame) => frame,
                };
                match flow.fate(Disturbance::Frames, Fate::of_frame) {
                    Fate::Lost => {}
                    Fate::Slow(by) => flow.delay(frame, by),
                    Fate::Twice(_) => {
                        flow.keep(frame.clone());
                        return Some(frame);
                    }
                    _ => return Some(frame),
                }
            }
        })
    }
}
