use std::sync::Arc;

use super::lanes::Closed;
use super::{Engine, Queue};
use crate::node::Core;

/// A turn in the lane of a key; the next one goes on when it is dropped.
pub(crate) trait LaneTurn: Send {}

impl<T: Send> LaneTurn for T {}

/// Waits for a turn in the lane of a key, among the stored messages of that key.
///
/// Cancel safe.
pub(crate) async fn turn(core: &Arc<Core>, key: Arc<str>) -> Result<Box<dyn LaneTurn>, Closed> {
    match &core.engine {
        Some(engine) => Engine::turn(core, engine, key).await,
        None => {
            let turn = Queue::turn(core, key).await?;
            Ok(Box::new(turn))
        }
    }
}
