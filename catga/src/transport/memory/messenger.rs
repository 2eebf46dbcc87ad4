use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::hub::Hub;
use crate::node::NodeId;
use crate::routing::{InvalidPattern, TopicPattern};
use crate::transport::{
    BoxFuture, Frame, Inbox, Incoming, Messenger, RequestError, Subscription, TransportError,
};

/// Frames that wait in an inbox or a subscription; whoever sends more waits or, for broadcasts,
/// loses them.
const CAPACITY: usize = 4_096;

/// One subscription.
#[derive(Debug)]
pub(super) struct Listener {
    pattern: TopicPattern,
    frames: mpsc::Sender<(String, Frame)>,
}

/// A frame in an inbox, and whether the node took it out.
pub(super) struct Posted {
    incoming: Incoming,
    taken: Arc<AtomicBool>,
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.incoming.fmt(f)
    }
}

impl Hub {
    fn inbox(&self, node: &NodeId) -> Option<mpsc::Sender<Posted>> {
        self.state().inboxes.get(node).cloned()
    }
}

impl Messenger for Hub {
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>> {
        Box::pin(async move {
            let (frames, inbox) = mpsc::channel(CAPACITY);
            self.state().inboxes.insert(node.clone(), frames);
            Ok(Box::new(Mailbox(inbox)) as Box<dyn Inbox>)
        })
    }

    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        within: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>> {
        Box::pin(async move {
            let inbox = self.inbox(to).ok_or(RequestError::NoResponder)?;
            let (answer, answered) = oneshot::channel();
            let incoming = Incoming::asked(frame, move |frame| {
                // Whoever asked may have given up; the caller counts that.
                let _ = answer.send(frame);
                Box::pin(std::future::ready(()))
            });
            let taken = Arc::<AtomicBool>::default();
            let posted = Posted {
                incoming,
                taken: Arc::clone(&taken),
            };
            timeout(within, async move {
                inbox
                    .send(posted)
                    .await
                    .map_err(|_| RequestError::NoResponder)?;
                match answered.await {
                    Ok(frame) => Ok(frame),
                    // The inbox was closed with the frame in it.
                    Err(_) if !taken.load(Ordering::Acquire) => Err(RequestError::NoResponder),
                    // The node died with it: nobody knows how far it came.
                    Err(_) => std::future::pending().await,
                }
            })
            .await
            .map_err(|_| RequestError::Timeout)?
        })
    }

    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            if let Some(inbox) = self.inbox(to) {
                // Lost where the inbox is full or gone, as the contract says.
                let _ = inbox.try_send(Posted {
                    incoming: Incoming::told(frame),
                    taken: Arc::default(),
                });
            }
            Ok(())
        })
    }

    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let mut state = self.state();
            state
                .listeners
                .retain(|listener| !listener.frames.is_closed());
            for listener in &state.listeners {
                if listener.pattern.matches(subject) {
                    // At most once: a subscription that is full misses it.
                    let _ = listener
                        .frames
                        .try_send((subject.to_owned(), frame.clone()));
                }
            }
            Ok(())
        })
    }

    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>> {
        Box::pin(async move {
            let pattern = subject
                .parse()
                .map_err(|error: InvalidPattern| TransportError::new("subscribe", error))?;
            let (frames, subscription) = mpsc::channel(CAPACITY);
            self.state().listeners.push(Listener { pattern, frames });
            Ok(Box::new(Frames(subscription)) as Box<dyn Subscription>)
        })
    }
}

struct Mailbox(mpsc::Receiver<Posted>);

impl Inbox for Mailbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            let posted = self.0.recv().await?;
            posted.taken.store(true, Ordering::Release);
            Some(posted.incoming)
        })
    }
}

struct Frames(mpsc::Receiver<(String, Frame)>);

impl Subscription for Frames {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(self.0.recv())
    }
}
