use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::CAPACITY;
use crate::message::chance;
use crate::node::NodeId;
use crate::transport::redis::Shared;
use crate::transport::redis::error::Trouble;
use crate::transport::redis::link::{Channel, Listening};
use crate::transport::redis::wire::Parcel;
use crate::transport::{BoxFuture, Frame, Inbox, Incoming};

/// A node's inbox: ends when its connection breaks, or when the node opens another one.
pub(super) struct Mailbox {
    shared: Arc<Shared>,
    posted: mpsc::Receiver<Posted>,
    _listening: Listening,
}

/// A frame in an inbox.
enum Posted {
    Told(Frame),
    Asked {
        sent: u64,
        number: u64,
        answers: String,
        frame: Frame,
    },
}

impl Shared {
    pub(super) async fn open(self: &Arc<Self>, node: &NodeId) -> Result<Mailbox, Trouble> {
        let line = self.link.line().await?;
        let channel = self.names.inbox(&line.server, node.as_str());
        let (post, posted) = mpsc::channel(CAPACITY);
        let own = chance::draw(|chance| chance.u64(..));
        let mut intake = Intake {
            post: Some(post),
            own,
            refusals: Arc::clone(self),
        };
        // A former inbox of this node may still be there: in a process that was stopped for a
        // while, say. First it ends, then this one begins, so that nothing is handled by both.
        let opened = Parcel::Opened { inbox: own };
        self.publish(&channel, &opened).await?;
        let deliver = Box::new(move |_: &str, payload| intake.take(payload));
        let channel = Channel::Exactly(channel);
        Ok(Mailbox {
            shared: Arc::clone(self),
            _listening: self.link.listen_over(&line, channel, deliver).await?,
            posted,
        })
    }

    /// Answers that a request was not handled and will not be.
    fn refuse(self: &Arc<Self>, number: u64, answers: String) {
        self.answer(answers, Parcel::Undelivered { number });
    }

    fn answer(self: &Arc<Self>, channel: String, answer: Parcel) {
        let shared = Arc::clone(self);
        // Without a runtime the process is about to end.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // Whoever asked waits until its deadline.
                if let Err(error) = shared.publish(&channel, &answer).await {
                    tracing::debug!(target: "catga", %error, "an answer was not sent");
                }
            });
        }
    }
}

/// Sorts what comes through the channel of an inbox.
struct Intake {
    /// `None` once another inbox has taken over.
    post: Option<mpsc::Sender<Posted>>,
    own: u64,
    refusals: Arc<Shared>,
}

impl Intake {
    fn take(&mut self, payload: Bytes) {
        let posted = match Parcel::decode(payload) {
            Some(Parcel::Told(frame)) => Posted::Told(frame),
            Some(Parcel::Asked {
                sent,
                number,
                answers,
                frame,
            }) => Posted::Asked {
                sent,
                number,
                answers,
                frame,
            },
            Some(Parcel::Opened { inbox }) => {
                if inbox != self.own {
                    self.post = None;
                }
                return;
            }
            _ => return,
        };
        // It is for the other inbox.
        let Some(post) = &self.post else {
            return;
        };
        if let Err(error) = post.try_send(posted)
            && let Posted::Asked {
                number, answers, ..
            } = error.into_inner()
        {
            self.refusals.refuse(number, answers);
        }
    }
}

impl Mailbox {
    fn incoming(&self, posted: Posted) -> Incoming {
        match posted {
            Posted::Told(frame) => Incoming::told(frame),
            Posted::Asked {
                sent,
                number,
                answers,
                frame,
            } => {
                let shared = Arc::clone(&self.shared);
                // What was sent before either clock was known has no age.
                let age = match sent {
                    0 => 0,
                    sent => shared.clock.earliest().saturating_sub(sent),
                };
                Incoming::asked(frame, move |frame| {
                    Box::pin(async move {
                        let answer = Parcel::Answer { number, frame };
                        if let Err(error) = shared.publish(&answers, &answer).await {
                            tracing::debug!(target: "catga", %error, "an answer was not sent");
                        }
                    })
                })
                .aged(std::time::Duration::from_micros(age))
            }
        }
    }
}

impl Inbox for Mailbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            let posted = self.posted.recv().await?;
            Some(self.incoming(posted))
        })
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.posted.close();
        while let Ok(posted) = self.posted.try_recv() {
            if let Posted::Asked {
                number, answers, ..
            } = posted
            {
                self.shared.refuse(number, answers);
            }
        }
    }
}
