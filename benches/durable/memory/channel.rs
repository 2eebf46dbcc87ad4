//! A channel and a task behind it: what every queue costs at least.

use tokio::sync::mpsc;

use crate::parcel::{Parcel, Received};
use crate::way::{Queue, Way};

const WINDOW: usize = 1_000;

/// Parcels as they are.
pub(super) struct Bare {
    parcels: mpsc::Sender<Parcel>,
    received: Received,
}

impl Bare {
    pub(super) fn start() -> Self {
        let received = Received::default();
        let (parcels, mut taken) = mpsc::channel(WINDOW);
        let noting = received.clone();
        tokio::spawn(async move {
            while let Some(parcel) = taken.recv().await {
                noting.note(&parcel);
            }
        });
        Self { parcels, received }
    }
}

impl Way for Bare {
    async fn store(&self, count: u64) {
        for parcel in (0..count).map(Parcel::new) {
            self.parcels.send(parcel).await.expect("a receiver");
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        self.parcels.try_send(parcel).expect("room");
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        self
    }
}

/// Nothing is acknowledged.
impl Queue for Bare {
    async fn emptied(&self) {}

    async fn clear(&self) {}
}

/// Parcels as JSON.
pub(super) struct Encoded {
    parcels: mpsc::Sender<Vec<u8>>,
    received: Received,
}

impl Encoded {
    pub(super) fn start() -> Self {
        let received = Received::default();
        let (parcels, mut taken) = mpsc::channel::<Vec<u8>>(WINDOW);
        let noting = received.clone();
        tokio::spawn(async move {
            while let Some(json) = taken.recv().await {
                noting.note(&serde_json::from_slice(&json).expect("a parcel"));
            }
        });
        Self { parcels, received }
    }
}

impl Way for Encoded {
    async fn store(&self, count: u64) {
        for parcel in (0..count).map(Parcel::new) {
            let sent = self.parcels.send(parcel.to_json()).await;
            sent.expect("a receiver");
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        self.parcels.try_send(parcel.to_json()).expect("room");
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        self
    }
}

impl Queue for Encoded {
    async fn emptied(&self) {}

    async fn clear(&self) {}
}
