use std::net::Ipv4Addr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to what goes through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes through.
    Open,
    /// It is held back, and nobody is told; new connections are made.
    Held,
    /// What the server sends is not read, and nobody is told; what goes to it goes through.
    Unread,
    /// Connections are cut, and new ones as soon as they are made.
    Cut,
}

/// Stands between a node and a server of this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    flow: Flow,
    /// Rises with each cut.
    cuts: u64,
}

impl Proxy {
    /// A proxy to a port of this machine.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = watch::Sender::new(State {
            flow: Flow::Open,
            cuts: 0,
        });
        let states = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, states.subscribe()));
            }
        });
        Self { port, state, task }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What happens from here on.
    pub fn set(&self, flow: Flow) {
        self.state.send_modify(|state| state.flow = flow);
    }

    /// Cuts all connections; new ones go through.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Flow::Cut);
    }
}

/// Carries one connection until either end closes it or it is cut.
async fn carry(client: TcpStream, server: u16, mut states: watch::Receiver<State>) {
    let begun = states.borrow().cuts;
    let flows = states.clone();
    let carried = async {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut up_from, mut down_to) = client.into_split();
        let (mut down_from, mut up_to) = server.into_split();
        tokio::select! {
            () = copy(&mut up_from, &mut up_to, flows.clone(), &[Flow::Held]) => {}
            () = copy(&mut down_from, &mut down_to, flows, &[Flow::Held, Flow::Unread]) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = states.wait_for(|state| state.cuts != begun || state.flow == Flow::Cut) => {}
    }
}

/// Copies what comes, but nothing while the flow is one of those that hold it back.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut flows: watch::Receiver<State>,
    holding: &[Flow],
) {
    let mut buffer = vec![0; 64 * 1_024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if flows
            .wait_for(|state| !holding.contains(&state.flow))
            .await
            .is_err()
        {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
