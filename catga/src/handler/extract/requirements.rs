use std::any::{TypeId, type_name};

/// What handlers ask of the node they run on, collected before it starts.
///
/// # Examples
///
/// ```
/// use catga::{BoxError, Call, FromContext, Node, Requirements, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// struct Limit(u32);
///
/// impl FromContext for Limit {
///     fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
///         Ok(Self(*call.state::<u32>().ok_or("no limit")?))
///     }
///
///     fn requires(requirements: &mut Requirements) {
///         requirements.state::<u32>();
///     }
/// }
///
/// #[query(response = u32)]
/// #[derive(Serialize, Deserialize)]
/// struct HowMany;
///
/// #[handler]
/// async fn how_many(_: HowMany, limit: Limit) -> u32 {
///     limit.0
/// }
///
/// # let here = module_path!();
/// let builder = Node::builder("limits");
/// # let builder = builder.only(move |handler| handler.module() == here);
/// assert!(builder.check().is_err());
/// assert!(builder.state(3_u32).check().is_ok());
/// ```
#[derive(Debug, Default)]
pub struct Requirements {
    pub(crate) states: Vec<(TypeId, &'static str)>,
}

impl Requirements {
    /// Asks for a state of type `T`.
    pub fn state<T: Send + Sync + 'static>(&mut self) {
        self.states.push((TypeId::of::<T>(), type_name::<T>()));
    }
}
