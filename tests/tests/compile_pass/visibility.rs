//! Every visibility; what is public is documented, and nothing more is asked for.

use catga::{command, event, handler};
use serde::{Deserialize, Serialize};

/// A public command.
#[command(response = Answer, error = Refusal)]
#[route(key = "id")]
#[derive(Debug, Serialize, Deserialize)]
pub struct Public {
    /// Its key.
    pub id: u8,
}

/// A public response.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer;

/// A public error.
#[derive(Debug, thiserror::Error, catga::Fault, Serialize, Deserialize)]
#[error("refused")]
#[permanent]
pub struct Refusal;

/// A public handler.
///
/// # Errors
///
/// Always.
#[handler]
pub async fn public(_: Public) -> Result<Answer, Refusal> {
    std::future::ready(Err(Refusal)).await
}

#[event(name = "visibility.Crate")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Crate;

#[handler]
pub(crate) fn of_the_crate(_: Crate) {}

#[event(name = "visibility.Parent")]
#[derive(Serialize, Deserialize)]
pub(super) struct Parent;

#[handler]
pub(super) fn of_the_parent(_: Parent) {}

#[event(name = "visibility.Path")]
#[derive(Serialize, Deserialize)]
pub(in crate::visibility) struct Path;

#[handler]
pub(in crate::visibility) fn of_a_path(_: Path) {}

#[event(name = "visibility.Private")]
#[derive(Serialize, Deserialize)]
struct Private;

#[handler]
fn private(_: Private) {}

#[test]
fn registered() {
    assert_eq!(
        super::handler_names(module_path!()),
        [
            "of_a_path",
            "of_the_crate",
            "of_the_parent",
            "private",
            "public"
        ]
    );
}
