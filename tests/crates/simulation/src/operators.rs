//! Those who operate the services: they pause them, replay or drop what was given up, and find what
//! other programs left there.

use std::cell::Cell;
use std::time::Duration;

use catga::testing::World;
use fastrand::Rng;
use tokio::time::sleep;

use crate::workload::ACCOUNTS;

const SERVICES: [&str; 2] = ["accounts", "invoices"];

/// Goes on until it is `over`, and leaves no service paused.
pub async fn run(world: &World, mut chance: Rng, over: &Cell<bool>) {
    while !over.get() {
        sleep(Duration::from_millis(chance.u64(..6_000))).await;
        let service = SERVICES[chance.usize(..SERVICES.len())];
        match chance.u8(..8) {
            0..3 => {
                let _ = world.on(service).pause().await;
                sleep(Duration::from_millis(chance.u64(..15_000))).await;
                resume(world, service).await;
            }
            3..6 => replay(world, service, &mut chance).await,
            _ => {
                let account = chance.u32(..ACCOUNTS).to_string();
                let key = (chance.u8(..4) > 0).then_some(&*account);
                world.on(service).store_unreadable("Booked", key).await;
            }
        }
    }
    for service in SERVICES {
        resume(world, service).await;
    }
}

async fn resume(world: &World, service: &str) {
    while world.on(service).resume().await.is_err() {
        sleep(Duration::from_millis(500)).await;
    }
}

/// Replays what there is, oldest first, and drops some of it: one after the other, or again where it is
/// not certain.
async fn replay(world: &World, service: &str, chance: &mut Rng) {
    let Ok(letters) = world.on(service).dead_letters().await else {
        return;
    };
    for letter in letters {
        if chance.u8(..6) == 0 {
            while world.on(service).discard(&letter).await.is_err() && chance.bool() {}
            // Somebody else still has it on a list.
            if chance.bool() {
                continue;
            }
        }
        while world.on(service).replay(&letter).await.is_err() && chance.bool() {}
    }
}
