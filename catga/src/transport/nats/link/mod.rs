//! The connection: one for all, made when it is needed and again for ever after it broke.

mod batch;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Event, Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::error::{Cause, Trouble};
use super::headers::Outgoing;
use super::names::Names;
use super::pending::Pending;
use super::settings::{Settings, Source};

pub(super) use batch::{Question, Spare};

/// How long making a connection, or waiting for a lost one, may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long `JetStream` may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What was wrong with the connection is looked at this often while it is away.
const LOOK: Duration = Duration::from_millis(10);

/// Everything goes through here.
pub(super) struct Link {
    settings: Settings,
    /// A subject on which nobody listens.
    nowhere: String,
    current: Mutex<Option<Arc<Session>>>,
    /// Held while a connection is made.
    connecting: tokio::sync::Mutex<()>,
    /// Rises whenever the connection breaks. A client that was made elsewhere does not tell.
    breaks: watch::Sender<u64>,
}

/// A client, and the answers that come to it.
struct Session {
    client: Client,
    pending: Arc<Pending>,
    /// What comes before the number of a question in the subject of its answer.
    answers: Box<str>,
    sorter: JoinHandle<()>,
}

impl Link {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            nowhere: Names::new(&settings.namespace).nowhere(),
            settings,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            breaks: watch::Sender::new(0),
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes whenever the connection breaks, as far as that is told.
    pub(super) fn breaks(&self) -> watch::Receiver<u64> {
        self.breaks.subscribe()
    }

    /// The client, connected.
    pub(super) async fn client(&self) -> Result<Client, Trouble> {
        Ok(self.session().await?.client.clone())
    }

    /// Sends, without an answer.
    pub(super) async fn publish(
        &self,
        subject: impl Into<Subject>,
        headers: Outgoing,
        payload: Bytes,
    ) -> Result<(), Trouble> {
        let session = self.session().await?;
        let sent = session.send(subject.into(), None, headers, payload).await;
        sent.inspect_err(|trouble| self.forget(&session, trouble))
    }

    /// Asks for what comes to a subject that is subscribed to.
    pub(super) async fn ask_into(
        &self,
        subject: &str,
        inbox: &str,
        question: Bytes,
    ) -> Result<(), Trouble> {
        let session = self.session().await?;
        let (subject, inbox) = (subject.into(), Some(inbox.into()));
        let sent = session
            .send(subject, inbox, Outgoing::default(), question)
            .await;
        sent.inspect_err(|trouble| self.forget(&session, trouble))
    }

    /// Sends messages without headers, in order and without an answer.
    pub(super) async fn publish_all(&self, messages: Vec<(Subject, Bytes)>) -> Result<(), Trouble> {
        let session = self.session().await?;
        for (subject, payload) in messages {
            let sent = session
                .send(subject, None, Outgoing::default(), payload)
                .await;
            sent.inspect_err(|trouble| self.forget(&session, trouble))?;
        }
        Ok(())
    }

    /// Asks `JetStream`, which answers soon, or never if the connection breaks.
    pub(super) async fn ask(
        &self,
        subject: impl Into<Subject>,
        headers: Outgoing,
        payload: Bytes,
    ) -> Result<Message, Trouble> {
        let mut breaks = self.breaks();
        let asked = pin!(self.request(subject, headers, payload, ANSWER));
        let broken = pin!(async {
            // Cannot fail: the sender is a field of `self`.
            let _ = breaks.changed().await;
        });
        match select(asked, broken).await {
            Either::Left((answer, _)) => answer?.ok_or(Trouble::Lost(silence(ANSWER))),
            Either::Right(_) => Err(Trouble::Lost(Cause::Closed)),
        }
    }

    /// Asks, and waits for the answer also while the connection is away; `None` if there is none
    /// in time.
    pub(super) async fn request(
        &self,
        subject: impl Into<Subject>,
        headers: Outgoing,
        payload: Bytes,
        within: Duration,
    ) -> Result<Option<Message>, Trouble> {
        let session = self.session().await?;
        let waiting = session.pending.ask();
        let reply = format!("{}{}", session.answers, waiting.number());
        let sent = session.send(subject.into(), Some(reply.into()), headers, payload);
        sent.await
            .inspect_err(|trouble| self.forget(&session, trouble))?;
        match timeout(within, waiting.answer()).await {
            Ok(answer) => checked(answer.status).map(|()| Some(answer)),
            Err(_) => Ok(None),
        }
    }

    /// Subscribes; the server knows of it when this returns.
    pub(super) async fn subscribe(&self, subject: String) -> Result<Subscriber, Trouble> {
        let client = self.client().await?;
        let subscribed = client.subscribe(subject).await;
        let subscriber = subscribed.map_err(|error| Trouble::Unfit(error.to_string()))?;
        // The server reads one connection in order: once it has answered, it has subscribed.
        let nowhere = self.nowhere.clone();
        match self.ask(nowhere, Outgoing::default(), Bytes::new()).await {
            Ok(_) | Err(Trouble::NoResponder) => Ok(subscriber),
            Err(trouble) => Err(trouble),
        }
    }

    /// The session, once it is connected: what waits in the client would be sent at any later
    /// time.
    async fn session(&self) -> Result<Arc<Session>, Trouble> {
        match self.known() {
            Some(session) if session.is_connected() => Ok(session),
            // Rare, and kilobytes of state that nobody else has to carry.
            _ => Box::pin(self.connected()).await,
        }
    }

    async fn connected(&self) -> Result<Arc<Session>, Trouble> {
        let connected = async {
            let session = match self.known() {
                Some(session) => session,
                None => self.connect().await?,
            };
            while !session.is_connected() {
                sleep(LOOK).await;
            }
            Ok(session)
        };
        let connected = timeout(CONNECT, connected).await;
        connected.unwrap_or_else(|_| Err(self.away(silence(CONNECT))))
    }

    async fn connect(&self) -> Result<Arc<Session>, Trouble> {
        let _turn = self.connecting.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(session) = self.known() {
            return Ok(session);
        }
        let unusable = |why| self.away(Cause::Unusable(why));
        self.settings.check().map_err(unusable)?;
        let client = match &self.settings.source {
            Source::Client(client) => client.clone(),
            Source::Urls(urls) => {
                let route = self.settings.route(urls).await.map_err(unusable)?;
                #[cfg(not(feature = "tls"))]
                if super::plain::wants_tls(&route.servers).await {
                    return Err(unusable(super::settings::NEEDS_TLS.into()));
                }
                let breaks = self.breaks.clone();
                let options = route.options.event_callback(move |event| {
                    if event == Event::Disconnected {
                        breaks.send_modify(|breaks| *breaks += 1);
                    }
                    std::future::ready(())
                });
                let connecting = options.connect(route.servers);
                connecting
                    .await
                    .map_err(|error| self.away(Cause::Connect(error)))?
            }
        };
        let session = Arc::new(Session::of(client).await?);
        *self.current() = Some(Arc::clone(&session));
        Ok(session)
    }

    fn away(&self, cause: Cause) -> Trouble {
        Trouble::Away {
            servers: self.settings.shown(),
            cause,
        }
    }

    fn known(&self) -> Option<Arc<Session>> {
        self.current().clone()
    }

    /// A client whose tasks ended with their runtime is of no more use.
    fn forget(&self, session: &Arc<Session>, trouble: &Trouble) {
        if !matches!(trouble, Trouble::Lost(Cause::Closed)) {
            return;
        }
        let mut current = self.current();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, session))
        {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    async fn of(client: Client) -> Result<Self, Trouble> {
        let answers = format!("{}.", client.new_inbox());
        let subscribed = client.subscribe(format!("{answers}*")).await;
        let mut subscriber = subscribed.map_err(|_| Trouble::Lost(Cause::Closed))?;
        let pending = Arc::<Pending>::default();
        let start = answers.len();
        let sorter = tokio::spawn({
            let pending = Arc::clone(&pending);
            async move {
                while let Some(answer) = subscriber.next().await {
                    let number = answer.subject.get(start..);
                    if let Some(number) = number.and_then(|number| number.parse().ok()) {
                        pending.answered(number, answer);
                    }
                }
            }
        });
        Ok(Self {
            client,
            pending,
            answers: answers.into(),
            sorter,
        })
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    async fn send(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        headers: Outgoing,
        payload: Bytes,
    ) -> Result<(), Trouble> {
        use async_nats::client::traits::Publisher as _;

        let limit = self.client.max_payload();
        let size = headers.size() + payload.len();
        if size > limit {
            return Err(Trouble::TooLarge { size, limit });
        }
        let message = OutboundMessage {
            subject,
            reply,
            headers: headers.into_map(),
            payload,
        };
        self.client
            .publish_message(message)
            .await
            .map_err(|error| match error.kind() {
                async_nats::PublishErrorKind::Send => Trouble::Lost(Cause::Closed),
                _ => Trouble::Unfit(error.to_string()),
            })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sorter.abort();
        // The client ends with its last handle, whatever it has not written yet. Without a
        // runtime the process is about to end.
        if let Ok(runtime) = Handle::try_current() {
            let client = self.client.clone();
            runtime.spawn(async move {
                let _ = timeout(CONNECT, client.flush()).await;
            });
        }
    }
}

/// What the server answers when nobody else does.
fn checked(status: Option<StatusCode>) -> Result<(), Trouble> {
    if status == Some(StatusCode::NO_RESPONDERS) {
        return Err(Trouble::NoResponder);
    }
    Ok(())
}

fn silence(after: Duration) -> Cause {
    Cause::Silence(after.as_secs())
}
