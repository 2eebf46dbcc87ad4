use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::message::MessageInfo;
use crate::routing::Strategy;

/// The strategies that a builder was given, by wire name.
pub(crate) type OwnStrategies = Arc<HashMap<&'static str, Arc<dyn Strategy>>>;

/// The strategy of each message type: one value per type, since some keep a count.
#[derive(Default)]
pub(crate) struct Strategies {
    own: OwnStrategies,
    /// Built-in ones, made when a type is first sent.
    built_in: RwLock<HashMap<&'static str, Arc<dyn Strategy>>>,
}

impl Strategies {
    pub(crate) fn insert(&mut self, message: &MessageInfo, strategy: impl Strategy) {
        Arc::make_mut(&mut self.own).insert(message.name(), Arc::new(strategy));
    }

    /// Those that the builder was given. The built-in ones have nothing to prepare.
    pub(crate) fn own(&self) -> OwnStrategies {
        Arc::clone(&self.own)
    }

    /// Whether the builder was given a strategy for the type.
    pub(crate) fn has_own(&self, message: &MessageInfo) -> bool {
        self.own.contains_key(message.name())
    }

    pub(crate) fn of(&self, message: &MessageInfo) -> Arc<dyn Strategy> {
        if let Some(own) = self.own.get(message.name()) {
            return Arc::clone(own);
        }
        let known = self
            .built_in
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(message.name())
            .map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut built_in = self
                .built_in
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let strategy = built_in
                .entry(message.name())
                .or_insert_with(|| message.route().strategy().strategy().into());
            Arc::clone(strategy)
        })
    }
}

impl fmt::Debug for Strategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strategies")
            .field("own", &self.own.keys())
            .finish_non_exhaustive()
    }
}
