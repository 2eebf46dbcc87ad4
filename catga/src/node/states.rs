use std::any::{Any, TypeId};
use std::fmt;

/// The state that handlers take with [`State`](crate::State), one value per type.
#[derive(Default)]
pub(crate) struct States {
    // A node has a handful of them: comparing ids in a row beats hashing one.
    values: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
}

impl States {
    /// Adds a value, unless there is one of its type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        let new = !self.contains(TypeId::of::<T>());
        if new {
            self.values.push((TypeId::of::<T>(), Box::new(value)));
        }
        new
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.values.iter().any(|(known, _)| *known == id)
    }

    #[inline]
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let id = TypeId::of::<T>();
        self.values
            .iter()
            .find(|(known, _)| *known == id)
            .and_then(|(_, value)| value.downcast_ref())
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States")
            .field("count", &self.values.len())
            .finish()
    }
}
