use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use crate::node::{is_name, without_credentials};

/// Which server, as whom, and under which name it may be shown.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Without user and password.
    pub(super) shown: Box<str>,
    /// Or why there is none: told when a node starts.
    pub(super) client: Result<Client, Box<str>>,
}

impl Server {
    /// The servers of one URL, or of several with commas between them.
    pub(super) fn of_urls(urls: &str) -> Vec<Self> {
        let mut starts = vec![0];
        for (comma, _) in urls.match_indices(',') {
            // A password may have one, too.
            let rest = &urls[comma + 1..];
            let scheme = rest.split_once("://").map(|(scheme, _)| scheme);
            if scheme.is_some_and(|scheme| !scheme.contains([',', '/', '@', ':'])) {
                starts.push(comma + 1);
            }
        }
        let ends = starts.iter().skip(1).map(|start| start - 1);
        let ends = ends.chain([urls.len()]);
        let urls = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| &urls[*start..end]);
        let servers: Vec<_> = urls.map(Self::of_url).collect();
        let database = servers[0].database();
        let other = |server: &Self| server.client.is_ok() && server.database() != database;
        if !servers.iter().any(other) {
            return servers;
        }
        let unusable = |server: Self| Self {
            client: Err("several servers of one master have the same database".into()),
            ..server
        };
        servers.into_iter().map(unusable).collect()
    }

    pub(super) fn of_url(url: &str) -> Self {
        Self {
            // The query has the password of a Unix socket.
            shown: without_credentials(url.split('?').next().unwrap_or(url)).into(),
            client: parse(url),
        }
    }

    pub(super) fn of_client(client: &Client) -> Self {
        let info = client.get_connection_info();
        Self {
            shown: info.addr().to_string().into(),
            client: prepared(info.clone()),
        }
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        self.client.as_ref().map_or(0, |client| {
            client.get_connection_info().redis_settings().db()
        })
    }

    /// The same without that number.
    pub(super) fn without_database(self) -> Self {
        self.with(|info| {
            let settings = info.redis_settings().clone().set_db(0);
            info.set_redis_settings(settings)
        })
    }

    /// Another server of its cluster; without a host, one at the same.
    pub(super) fn at(&self, host: Option<&str>, port: u16) -> Self {
        let mut address = None;
        let mut server = self.clone().with(|info| {
            let addr = at(info.addr(), host, port);
            address = Some(addr.to_string());
            info.set_addr(addr)
        });
        if let Some(address) = address {
            server.shown = address.into();
        }
        server
    }

    fn with(mut self, change: impl FnOnce(ConnectionInfo) -> ConnectionInfo) -> Self {
        self.client = self
            .client
            .and_then(|client| prepared(change(client.get_connection_info().clone())));
        self
    }

    /// The same, unless no namespace can have this name.
    pub(super) fn with_namespace(mut self, namespace: &str) -> Self {
        if !is_name(namespace) {
            self.client = Err(format!(
                "`{namespace}` is no name for a namespace: letters a to z, digits and `-`"
            )
            .into());
        }
        self
    }
}

/// What is said without the feature.
#[cfg(not(feature = "tls"))]
const NO_TLS: &str = "TLS needs catga's feature `tls`";

fn parse(url: &str) -> Result<Client, Box<str>> {
    #[cfg(not(feature = "tls"))]
    if url.starts_with("rediss:") || url.starts_with("valkeys:") {
        return Err(NO_TLS.into());
    }
    let info = url
        .into_connection_info()
        .map_err(|error| format!("the URL cannot be read: {error}"))?;
    prepared(info)
}

/// The same kind of connection to another place.
fn at(from: &ConnectionAddr, to: Option<&str>, to_port: u16) -> ConnectionAddr {
    let mut addr = from.clone();
    if let ConnectionAddr::TcpTls { host, port, .. } = &mut addr {
        *port = to_port;
        if let Some(to) = to {
            to.clone_into(host);
        }
        return addr;
    }
    let here = match from {
        ConnectionAddr::Tcp(host, _) => host,
        // A socket is on this machine.
        _ => "127.0.0.1",
    };
    ConnectionAddr::Tcp(to.unwrap_or(here).to_owned(), to_port)
}

/// A client of one's own: small commands must not wait for more to be sent with them.
fn prepared(info: ConnectionInfo) -> Result<Client, Box<str>> {
    if let ConnectionAddr::TcpTls { .. } = info.addr() {
        // The program may have chosen another client with TLS, but not catga's feature.
        #[cfg(not(feature = "tls"))]
        return Err(NO_TLS.into());
        // Without a choice the client panics. One that was made before stays.
        #[cfg(feature = "tls")]
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let settings = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_tcp_settings(settings)).map_err(|error| error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        Server::of_url(url).client.unwrap_err().into()
    }

    #[test]
    fn urls_name_user_database_and_socket() {
        let server = Server::of_url("redis://me:secret@127.0.0.1:7000/3");
        assert_eq!(&*server.shown, "redis://…@127.0.0.1:7000/3");
        assert_eq!(server.database(), 3);
        let client = server.client.unwrap();
        let info = client.get_connection_info();
        assert_eq!(info.redis_settings().username(), Some("me"));
        assert!(info.tcp_settings().nodelay());
        let socket = Server::of_url("redis+unix:///run/redis.sock?db=2");
        assert_eq!(socket.database(), 2);
        let socket = Server::of_url("redis+unix:///run/redis.sock?user=me&pass=secret");
        assert_eq!(&*socket.shown, "redis+unix:///run/redis.sock");
        let client = Client::open("redis://:secret@127.0.0.1").unwrap();
        assert_eq!(&*Server::of_client(&client).shown, "127.0.0.1:6379");
    }

    #[test]
    fn several_urls_are_several_servers() {
        let shown = |urls: &str| -> Vec<_> {
            let servers = Server::of_urls(urls).into_iter();
            servers.map(|server| server.shown.into_string()).collect()
        };
        assert_eq!(shown("redis://a:1"), ["redis://a:1"]);
        assert_eq!(
            shown("redis://:se,cret@a:1/2,redis://b:2/2"),
            ["redis://…@a:1/2", "redis://b:2/2"]
        );
        assert_eq!(shown("redis://a:1,b:2").len(), 1);
        let [a, b] = &Server::of_urls("redis://a,redis://b/1")[..] else {
            panic!("two servers");
        };
        for server in [a, b] {
            let told = server.client.as_ref().unwrap_err();
            assert!(told.contains("the same database"), "{told}");
        }
    }

    #[test]
    fn others_of_a_cluster_are_reached_in_the_same_way() {
        let named = Server::of_url("redis://me:secret@10.0.0.1:7000/0");
        let other = named.at(Some("10.0.0.2"), 7001);
        assert_eq!(&*other.shown, "10.0.0.2:7001");
        let client = other.client.unwrap();
        let settings = client.get_connection_info().redis_settings();
        assert_eq!(settings.username(), Some("me"));
        assert_eq!(settings.password(), Some("secret"));
        // Of one that does not know its host, the host is the same.
        assert_eq!(&*named.at(None, 7001).shown, "10.0.0.1:7001");
        let socket = Server::of_url("redis+unix:///run/redis.sock");
        assert_eq!(&*socket.at(None, 7001).shown, "127.0.0.1:7001");
        let numbered = Server::of_url("redis://10.0.0.1/3");
        assert_eq!(numbered.clone().without_database().database(), 0);
        assert_eq!(numbered.database(), 3);
    }

    #[test]
    fn what_cannot_be_used_says_so() {
        assert!(told("redis://host:notaport").starts_with("the URL cannot be read"));
        let server = Server::of_url("redis://host").with_namespace("a:b");
        assert!(server.client.unwrap_err().contains("`a:b` is no name"));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_is_a_feature() {
        assert!(told("rediss://host").contains("feature `tls`"));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_comes_with_the_url() {
        let client = Server::of_url("rediss://host").client.unwrap();
        let info = client.get_connection_info();
        assert!(matches!(info.addr(), ConnectionAddr::TcpTls { .. }));
        let other = Server::of_url("rediss://host").at(Some("other"), 7001);
        let client = other.client.unwrap();
        let info = client.get_connection_info();
        assert!(matches!(
            info.addr(),
            ConnectionAddr::TcpTls { host, port: 7001, .. } if host == "other"
        ));
    }
}
