//! NATS with `JetStream`, nats-server 2.11 or later: `nats://…`.
//!
//! | what | where |
//! |---|---|
//! | members, registry, owners | [`records`]: the key-value [`bucket`] `<ns>_cluster` |
//! | stored messages, dead letters, the front door, the tap | [`queues`]: streams |
//! | marks | [`marks`]: the bucket `<ns>_seen` |
//! | inboxes, answers, broadcasts | [`messenger`]: plain subjects, nothing stored |
//!
//! There is one connection for each [`Nats`] ([`link`]), made when it is needed. The client makes
//! it again after it broke, and subscribes again.

mod api;
mod bucket;
mod check;
mod clock;
mod error;
mod guarantees;
mod headers;
mod link;
mod marks;
mod messenger;
mod names;
mod pending;
#[cfg(not(feature = "tls"))]
mod plain;
mod queues;
mod records;
mod reply_info;
mod settings;
mod stream;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Guarantees, Marks, Messenger, Queues, Records, Transport, TransportError};
use clock::ServerClock;
use error::Trouble;
use link::Link;
use marks::Notes;
use messenger::Post;
use names::Names;
use queues::Depot;
use records::Store;
use settings::{Access, Settings, SignIn, Source};

/// With replicas nothing is stored while they elect a leader, which takes up to 9 seconds.
const REPLICATED_TIMEOUT: Duration = Duration::from_secs(20);

/// A NATS server, or a cluster of them, as the broker.
///
/// A URL that is given to [`Builder::broker`](crate::node::Builder::broker) makes one with the
/// namespace `catga`. Nodes of one namespace see each other; clones share their connection.
///
/// | URL | what |
/// |---|---|
/// | `nats://user:password@host:4222` | everything but the host may be left out |
/// | `nats://token@host` | a token |
/// | `tls://…` | the same, encrypted; needs the feature `tls` |
/// | `nats://one,nats://two` | several servers of one cluster |
///
/// The servers must be nats-server 2.11 or later with `JetStream`; a node does not start with
/// others. What catga keeps there is made when a node starts; what is there with other settings is
/// an error, and is never changed. A connection is made again for ever.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use catga::Node;
/// use catga::transport::Nats;
///
/// let nats = Nats::url("nats://one:4222,nats://two:4222")
///     .credentials_file("/etc/orders/nats.creds")
///     .namespace("staging")
///     .replicas(3);
/// let node = Node::builder("orders").broker(nats).start().await?;
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Nats {
    shared: Arc<Shared>,
}

/// What the clones of a [`Nats`] share.
struct Shared {
    settings: Settings,
    link: Arc<Link>,
    store: Store,
    depot: Depot,
    notes: Notes,
    post: Post,
}

/// Where `JetStream` keeps what it stores.
///
/// # Examples
///
/// ```
/// use catga::transport::{Nats, NatsStorage};
///
/// let nats = Nats::url("nats://127.0.0.1").storage(NatsStorage::Memory);
/// # let _ = nats;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Storage {
    /// On disk: it is there again after the server was restarted.
    #[default]
    File,
    /// In memory: gone when the server ends, or with most of its replicas.
    Memory,
}

impl Storage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Memory => "memory",
        }
    }
}

impl Nats {
    /// The servers of one URL, or of several with commas between them. A URL that cannot be used
    /// is an error when a node starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://me:secret@127.0.0.1:4222");
    /// assert!(!format!("{nats:?}").contains("secret"));
    /// ```
    #[must_use]
    pub fn url(urls: &str) -> Self {
        Self::of(Source::Urls(urls.into()))
    }

    /// The namespace: letters `a` to `z`, digits and `-`. Default: `catga`. Another name is an
    /// error when a node starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://127.0.0.1").namespace("staging");
    /// assert!(format!("{nats:?}").contains("staging"));
    /// ```
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        self.with(|settings| settings.namespace = namespace.into())
    }

    /// On how many servers of the cluster each stream and bucket is kept; 1 by default, at most 5.
    ///
    /// With three, one server may fail. An election of a new leader takes up to 9 seconds: with
    /// replicas the [`node_timeout`](crate::node::Builder::node_timeout) of nodes is 20 seconds
    /// unless they are given another.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://one,nats://two,nats://three").replicas(3);
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn replicas(self, replicas: usize) -> Self {
        self.with(|settings| settings.replicas = replicas)
    }

    /// Where what is stored is kept; on disk by default.
    #[must_use]
    pub fn storage(self, storage: Storage) -> Self {
        self.with(|settings| settings.storage = storage)
    }

    /// Signs in as a user, whatever the URL says.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://127.0.0.1").user_and_password("orders", "secret");
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn user_and_password(self, user: &str, password: &str) -> Self {
        self.signed_in(SignIn::User(user.to_owned(), password.to_owned()))
    }

    /// Signs in with a token, whatever the URL says.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://127.0.0.1").token("s3cret");
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.signed_in(SignIn::Token(token.to_owned()))
    }

    /// Signs in with an nkey, given by its seed, whatever the URL says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use catga::transport::Nats;
    ///
    /// let seed = std::env::var("NATS_NKEY_SEED")?;
    /// let nats = Nats::url("nats://127.0.0.1").nkey(&seed);
    /// # let _ = nats;
    /// # Ok::<(), std::env::VarError>(())
    /// ```
    #[must_use]
    pub fn nkey(self, seed: &str) -> Self {
        self.signed_in(SignIn::Nkey(seed.to_owned()))
    }

    /// Signs in with the credentials in a file, as `nsc` writes it, whatever the URL says. It is
    /// read when a connection is made.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://127.0.0.1").credentials_file("/etc/orders/nats.creds");
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn credentials_file(self, file: impl AsRef<Path>) -> Self {
        self.signed_in(SignIn::Credentials(file.as_ref().to_owned()))
    }

    /// Takes encrypted connections only, as `tls://` does. Needs the feature `tls`; without it a
    /// node does not start.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("nats://127.0.0.1").require_tls();
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn require_tls(self) -> Self {
        self.with(|settings| settings.access.tls = true)
    }

    /// Trusts servers with a certificate of these authorities, a PEM file, in place of those that
    /// the system trusts. Needs the feature `tls`.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("tls://nats.internal").root_certificates("/etc/orders/ca.pem");
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn root_certificates(self, file: impl AsRef<Path>) -> Self {
        self.with(|settings| settings.access.roots = Some(file.as_ref().to_owned()))
    }

    /// Shows a certificate to the server, from PEM files. Needs the feature `tls`.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Nats;
    ///
    /// let nats = Nats::url("tls://nats.internal")
    ///     .client_certificate("/etc/orders/cert.pem", "/etc/orders/key.pem");
    /// # let _ = nats;
    /// ```
    #[must_use]
    pub fn client_certificate(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.with(|settings| {
            let files = (certificate.as_ref().to_owned(), key.as_ref().to_owned());
            settings.access.certificate = Some(files);
        })
    }

    fn signed_in(self, sign_in: SignIn) -> Self {
        self.with(|settings| settings.access.sign_in = Some(sign_in))
    }

    fn of(source: Source) -> Self {
        Self::new(Settings {
            source,
            access: Access::default(),
            namespace: names::DEFAULT.into(),
            storage: Storage::default(),
            replicas: 1,
        })
    }

    /// The same with other settings. It has a connection of its own.
    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::new(settings)
    }

    fn new(settings: Settings) -> Self {
        let names = Names::new(&settings.namespace);
        let link = Arc::new(Link::new(settings.clone()));
        let clock = Arc::<ServerClock>::default();
        Self {
            shared: Arc::new(Shared {
                settings,
                store: Store::new(&names, Arc::clone(&link), Arc::clone(&clock)),
                depot: Depot::new(names.clone(), Arc::clone(&link)),
                notes: Notes::new(&names, Arc::clone(&link), Arc::clone(&clock)),
                post: Post::new(names, Arc::clone(&link), clock),
                link,
            }),
        }
    }
}

/// A client that was made elsewhere, with its credentials and its TLS. It may be used for more
/// than this.
///
/// catga cannot see when its connection breaks, and takes a few seconds more to notice. Its
/// `subscription_capacity` should be left as it is: with less than 1,024, calls of other nodes may
/// be dropped, and stored messages are read again and again.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use catga::Node;
/// use catga::transport::Nats;
///
/// let client = async_nats::connect("nats://127.0.0.1:4222").await?;
/// let node = Node::builder("orders").broker(Nats::from(client)).start().await?;
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
impl From<async_nats::Client> for Nats {
    fn from(client: async_nats::Client) -> Self {
        Self::of(Source::Client(client))
    }
}

impl Transport for Nats {
    fn node_timeout(&self) -> Option<Duration> {
        (self.shared.settings.replicas > 1).then_some(REPLICATED_TIMEOUT)
    }

    fn connect(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async {
            let Shared {
                link, store, notes, ..
            } = &*self.shared;
            let ready = async {
                link.check().await?;
                store.provision().await?;
                notes.provision().await
            };
            ready
                .await
                .map_err(|trouble: Trouble| trouble.when("be used"))
        })
    }

    fn records(&self) -> &dyn Records {
        &self.shared.store
    }

    fn messenger(&self) -> &dyn Messenger {
        &self.shared.post
    }

    fn queues(&self) -> &dyn Queues {
        &self.shared.depot
    }

    fn marks(&self) -> &dyn Marks {
        &self.shared.notes
    }

    fn guarantees(&self) -> BoxFuture<'_, Result<Guarantees, TransportError>> {
        Box::pin(async {
            let told = self.shared.link.guarantees().await;
            told.map_err(|trouble| trouble.when("say what it guarantees"))
        })
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            namespace,
            storage,
            replicas,
            ..
        } = &self.shared.settings;
        f.debug_struct("Nats")
            .field("servers", &self.shared.settings.shown())
            .field("namespace", namespace)
            .field("storage", storage)
            .field("replicas", replicas)
            .finish()
    }
}
