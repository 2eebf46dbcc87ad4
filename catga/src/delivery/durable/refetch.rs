use std::sync::Arc;

use futures_util::future::{Either, Ready, ready};

use super::Engine;
use super::item::{Item, Loaded};
use super::patience::Patience;
use super::waiter::Waiter;
use crate::node::Core;
use crate::transport::{BoxFuture, Position};

/// How many of a lane are fetched at once.
const TOGETHER: usize = 16;

/// The payload of an item, fetched again if it was given up, together with those right behind it.
/// `None` if the broker does not have it any more.
pub(super) fn payload_of<'a>(
    core: &'a Core,
    engine: &'a Engine,
    item: &'a Item,
) -> Either<Ready<Option<Loaded>>, BoxFuture<'a, Option<Loaded>>> {
    match item.payload() {
        None => Either::Right(Box::pin(load(core, engine, item))),
        payload => Either::Left(ready(payload)),
    }
}

async fn load(core: &Core, engine: &Engine, item: &Item) -> Option<Loaded> {
    let mut positions = vec![item.position];
    // Many lanes may move on at once, after an outage of what their handlers need.
    let behind = engine.room.left().min(TOGETHER - 1);
    if let Some(key) = &item.key {
        engine.lanes.first(key, behind, |waiter| {
            if let Waiter::Light(light) = waiter
                && Arc::ptr_eq(&light.term, &item.term)
            {
                positions.push(light.position());
            }
        });
    }
    let mut found = fetch(core, engine, item, &positions).await.into_iter();
    let payload = found.next()??;
    item.load(payload.clone());
    let mut behind: Vec<(Position, Loaded)> = positions
        .into_iter()
        .skip(1)
        .zip(found)
        .filter_map(|(position, payload)| Some((position, payload?)))
        .collect();
    if let Some(key) = &item.key {
        engine.lanes.first(key, TOGETHER - 1, |waiter| {
            let Waiter::Light(light) = waiter else {
                return;
            };
            let at = behind.iter().position(|(position, _)| {
                *position == light.position() && Arc::ptr_eq(&light.term, &item.term)
            });
            let payload = at.map(|at| behind.swap_remove(at).1);
            if let Some(whole) = payload.and_then(|payload| light.item(engine, key, Some(payload)))
            {
                *waiter = Waiter::whole(whole);
            }
        });
    }
    Some(payload)
}

/// Asks the broker until it answers.
async fn fetch(
    core: &Core,
    engine: &Engine,
    item: &Item,
    positions: &[Position],
) -> Vec<Option<Loaded>> {
    let queues = engine.cluster.transport.queues();
    let mut patience = Patience::new();
    loop {
        let fetch = queues.fetch(&engine.service, item.term.partition, positions);
        let fetched = engine.cluster.limited("fetch waiting messages", fetch);
        match fetched.await {
            Ok(found) => {
                let payload = |entry| Loaded::of(core, &engine.room, entry, item.term.epoch);
                return found.into_iter().map(|entry| entry.map(payload)).collect();
            }
            Err(error) => {
                let failed = "waiting messages could not be fetched";
                patience.wait(engine, failed, &error).await;
            }
        }
    }
}
