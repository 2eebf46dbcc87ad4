use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

inventory::collect!(Classifier);

/// What a durable delivery makes of a handler's error: try again, or give up at once.
///
/// `#[derive(Fault)]` states it for the variants of an error; everything else is
/// [`Transient`](Self::Transient) with the handler's retry policy. The error is recognised
/// wherever it stands in the chain of [`sources`](Error::source), so that context may be wrapped
/// around it, and in a `Box` or an `Arc` of its own.
///
/// A handler may return it in an `anyhow::Error`, with `.context(..)` or without, or in any other
/// error that dereferences to `dyn Error + Send + Sync`. It is not seen where `?` has made a
/// `Box<dyn Error>` of such a plain `anyhow::Error` before the handler returned: that hides the type
/// of the error inside, so let the handler return `anyhow::Result` then. Nor is it seen as the
/// context itself, as in `.context(StockError::SoldOut)`, nor in an `anyhow::Error::from_boxed`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::Fault;
///
/// #[derive(Debug, thiserror::Error, Fault)]
/// enum StockError {
///     #[error("sold out")]
///     #[permanent]
///     SoldOut,
///     #[error("warehouse away")]
///     #[transient(after = "2s", max = 8)]
///     WarehouseAway,
///     #[error("busy")]
///     Busy,
/// }
///
/// assert_eq!(Fault::of(&StockError::SoldOut), Fault::Permanent);
/// assert_eq!(Fault::of(&StockError::Busy), Fault::Transient { after: None, max: None });
/// let Fault::Transient { after, max } = Fault::of(&StockError::WarehouseAway) else { panic!() };
/// assert_eq!(after, Some(Duration::from_secs(2)));
/// assert_eq!(max.map(|max| max.get()), Some(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No later attempt can succeed: the message goes to the dead letters at once.
    Permanent,
    /// A later attempt may succeed.
    Transient {
        /// How long to wait before the next attempt, in place of the policy's backoff: exactly that,
        /// without growth or jitter.
        after: Option<Duration>,
        /// How many attempts there are in all, in place of the policy's.
        max: Option<NonZeroU32>,
    },
}

impl Fault {
    /// What is said of errors about which nothing is declared.
    pub const UNDECLARED: Self = Self::Transient {
        after: None,
        max: None,
    };

    /// What `#[derive(Fault)]` says of this error, or of the nearest of its sources.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        sources(error)
            .find_map(|error| {
                inventory::iter::<Classifier>
                    .into_iter()
                    .find_map(|classifier| (classifier.0)(error))
            })
            .unwrap_or(Self::UNDECLARED)
    }

    /// The macro passes milliseconds and refuses `max = 0`.
    #[doc(hidden)]
    #[must_use]
    pub const fn transient(after_ms: Option<u64>, max: Option<u32>) -> Self {
        Self::Transient {
            after: match after_ms {
                Some(after) => Some(Duration::from_millis(after)),
                None => None,
            },
            max: match max {
                Some(max) => NonZeroU32::new(max),
                None => None,
            },
        }
    }
}

/// An error and its sources, outermost first.
pub(super) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (**error).source()
    })
}

/// What one `#[derive(Fault)]` registers: says nothing of errors of other types.
#[doc(hidden)]
#[derive(Debug)]
pub struct Classifier(fn(&(dyn Error + 'static)) -> Option<Fault>);

impl Classifier {
    /// The error, if it is an `E`, also behind a pointer of its own, which is an error itself and
    /// hides what it points to; asks for the one bound that `E` must satisfy.
    #[doc(hidden)]
    #[must_use]
    pub fn downcast<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
        error
            .downcast_ref::<E>()
            .or_else(|| error.downcast_ref::<Box<E>>().map(|error| &**error))
            .or_else(|| error.downcast_ref::<Arc<E>>().map(|error| &**error))
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn new(classify: fn(&(dyn Error + 'static)) -> Option<Fault>) -> Self {
        Self(classify)
    }
}
