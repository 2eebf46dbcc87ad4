use super::{Call, FromContext};
use crate::BoxError;
use crate::message::Headers;

impl FromContext for Headers {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        Ok(call.headers().clone())
    }
}
