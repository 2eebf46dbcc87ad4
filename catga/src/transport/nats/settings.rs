//! Which server, as whom, and under which name it may be shown.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr};

use super::Storage;
use super::headers::decode;
use crate::node::{is_name, without_credentials};

/// How long a connection to one server may take.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection on which nothing comes for two to three of these is dead.
const PING: Duration = Duration::from_secs(2);

/// The longest wait between two attempts to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What a transport is made of.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) source: Source,
    pub(super) access: Access,
    pub(super) namespace: Box<str>,
    pub(super) storage: Storage,
    pub(super) replicas: usize,
}

/// Where the connection comes from.
#[derive(Clone)]
pub(super) enum Source {
    /// One or more, with commas.
    Urls(Box<str>),
    Client(Client),
}

/// What is needed to be let in, beside what the URL says.
#[derive(Clone, Default)]
pub(super) struct Access {
    pub(super) sign_in: Option<SignIn>,
    pub(super) tls: bool,
    pub(super) roots: Option<PathBuf>,
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
}

/// As whom to sign in.
#[derive(Clone)]
pub(super) enum SignIn {
    User(String, String),
    Token(String),
    Nkey(String),
    Credentials(PathBuf),
}

/// Servers, and how to connect to them.
pub(super) struct Route {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) options: ConnectOptions,
}

impl Settings {
    /// The servers as they may be shown: without user and password.
    pub(super) fn shown(&self) -> Box<str> {
        match &self.source {
            Source::Urls(urls) => {
                let urls: Vec<_> = each(urls).map(without_credentials).collect();
                urls.join(", ").into()
            }
            Source::Client(client) => {
                let info = client.server_info();
                format!("{}:{}", info.host, info.port).into()
            }
        }
    }

    /// What no connection is needed to see.
    pub(super) fn check(&self) -> Result<(), Box<str>> {
        if !is_name(&self.namespace) {
            return Err(format!(
                "`{}` is no name for a namespace: letters a to z, digits and `-`",
                self.namespace
            )
            .into());
        }
        let has_access = self.access.sign_in.is_some() || self.access.has_tls();
        if matches!(self.source, Source::Client(_)) && has_access {
            return Err(
                "a client that was made elsewhere has signed in already: give its `ConnectOptions` what is needed".into(),
            );
        }
        Ok(())
    }

    /// How to connect to these URLs.
    pub(super) async fn route(&self, urls: &str) -> Result<Route, Box<str>> {
        let servers = each(urls)
            .map(str::parse)
            .collect::<Result<Vec<ServerAddr>, _>>()
            .map_err(|error| format!("the URL cannot be read: {error}"))?;
        if let Some(other) = servers.iter().find(|server| server.is_websocket()) {
            let scheme = other.scheme();
            return Err(
                format!("`{scheme}://` is not supported: use `nats://` or `tls://`").into(),
            );
        }
        let tls = self.access.has_tls() || servers.iter().any(ServerAddr::tls_required);
        if tls && cfg!(not(feature = "tls")) {
            return Err(NEEDS_TLS.into());
        }
        let in_url = servers.iter().find_map(sign_in);
        let sign_in = self.access.sign_in.clone().or(in_url);
        let options = self.access.options(sign_in).await?;
        Ok(Route { servers, options })
    }
}

/// What is missing in this build.
pub(super) const NEEDS_TLS: &str = "an encrypted connection needs catga's feature `tls`";

impl Access {
    fn has_tls(&self) -> bool {
        self.tls || self.roots.is_some() || self.certificate.is_some()
    }

    async fn options(&self, sign_in: Option<SignIn>) -> Result<ConnectOptions, Box<str>> {
        // Where a program has more than one cryptography, the client panics unless one of them is
        // chosen. One that was chosen before stays.
        #[cfg(feature = "tls")]
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut options = ConnectOptions::new()
            .name("catga")
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .client_capacity(4_096)
            .reconnect_delay_callback(wait)
            .require_tls(self.tls);
        if let Some(roots) = &self.roots {
            options = options.add_root_certificates(roots.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        match sign_in {
            None => Ok(options),
            Some(SignIn::User(user, password)) => Ok(options.user_and_password(user, password)),
            Some(SignIn::Token(token)) => Ok(options.token(token)),
            Some(SignIn::Nkey(seed)) => Ok(options.nkey(seed)),
            Some(SignIn::Credentials(file)) => {
                let options = options.credentials_file(&file).await;
                options.map_err(|error| {
                    format!("no credentials in {}: {error}", file.display()).into()
                })
            }
        }
    }
}

/// What a URL has before its `@`: a user and a password, or a token.
fn sign_in(server: &ServerAddr) -> Option<SignIn> {
    let user = decode(server.username()?).into_owned();
    Some(match server.password() {
        Some(password) => SignIn::User(user, decode(password).into_owned()),
        None => SignIn::Token(user),
    })
}

fn each(urls: &str) -> impl Iterator<Item = &str> {
    urls.split(',').map(str::trim).filter(|url| !url.is_empty())
}

/// How long to wait before the n-th attempt to connect. Nodes do not come back all at once.
fn wait(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX);
    match doublings {
        0 | 1 => Duration::ZERO,
        doublings => (Duration::from_millis(10) * 2_u32.pow(doublings.min(8)))
            .min(LONGEST_WAIT)
            .mul_f64(0.5 + fastrand::f64() / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(urls: &str) -> Settings {
        Settings {
            source: Source::Urls(urls.into()),
            access: Access::default(),
            namespace: "catga".into(),
            storage: Storage::File,
            replicas: 1,
        }
    }

    async fn told(urls: &str) -> String {
        let route = settings(urls).route(urls).await;
        route.err().map(String::from).unwrap_or_default()
    }

    #[test]
    fn credentials_are_not_shown() {
        let settings = settings("nats://me:secret@a:1, tls://token@b , c:3");
        assert_eq!(&*settings.shown(), "nats://…@a:1, tls://…@b, c:3");
    }

    #[test]
    fn urls_have_a_user_or_a_token() {
        let of = |url: &str| sign_in(&url.parse().unwrap());
        assert!(of("nats://host").is_none());
        assert!(
            matches!(of("nats://me:p%40ss@host"), Some(SignIn::User(user, password)) if user == "me" && password == "p@ss")
        );
        assert!(
            matches!(of("nats://s3cret@host"), Some(SignIn::Token(token)) if token == "s3cret")
        );
    }

    #[tokio::test]
    async fn what_cannot_be_used_says_so() {
        assert!(
            told("nats://host:notaport")
                .await
                .starts_with("the URL cannot be read")
        );
        assert!(told("ws://host").await.contains("use `nats://`"));
        assert_eq!(told("nats://a,nats://b:2").await, "");
        let mut named = settings("nats://host");
        named.namespace = "a_b".into();
        assert!(named.check().unwrap_err().contains("`a_b` is no name"));
        named.namespace = "a-b".into();
        named.access.sign_in = Some(SignIn::Credentials("/nowhere/at.all".into()));
        let refused = named.route("nats://host").await.err().unwrap();
        assert!(
            refused.starts_with("no credentials in /nowhere/at.all"),
            "{refused}"
        );
    }

    #[cfg(not(feature = "tls"))]
    #[tokio::test]
    async fn tls_is_a_feature() {
        assert_eq!(told("tls://host").await, NEEDS_TLS);
        let mut settings = settings("nats://host");
        settings.access.roots = Some("ca.pem".into());
        assert_eq!(
            &*settings.route("nats://host").await.err().unwrap(),
            NEEDS_TLS
        );
    }

    #[test]
    fn waits_grow_up_to_a_second() {
        assert_eq!(wait(1), Duration::ZERO);
        for attempts in 2..100 {
            assert!(wait(attempts) >= Duration::from_millis(10));
            assert!(wait(attempts) <= LONGEST_WAIT);
        }
    }
}
