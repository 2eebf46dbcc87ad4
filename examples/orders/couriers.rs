//! Who carries parcels.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catga::Fault;

/// A cheap clone of what all nodes share.
#[derive(Clone, Default)]
pub struct Couriers {
    truck: Arc<AtomicBool>,
}

/// Why nobody came. The derive tells catga what another attempt can mend.
#[derive(Debug, thiserror::Error, Fault)]
pub enum ShipError {
    #[error("all couriers are out")]
    #[transient(after = "20ms", max = 3)]
    AllOut,
    #[error("{sku} is too heavy for a bicycle")]
    #[permanent]
    TooHeavy { sku: String },
}

impl Couriers {
    /// A cup is carried with the second attempt, an anvil by truck only.
    pub fn call(&self, sku: &str, attempt: NonZeroU32) -> Result<(), ShipError> {
        match sku {
            "cup" if attempt.get() == 1 => Err(ShipError::AllOut),
            "anvil" if !self.truck.load(Ordering::Relaxed) => Err(ShipError::TooHeavy {
                sku: sku.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    pub fn buy_a_truck(&self) {
        self.truck.store(true, Ordering::Relaxed);
    }
}
