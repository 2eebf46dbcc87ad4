//! Other attributes stay, and `#[cfg]` holds for the registration too.

use catga::{command, event, handler};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Happened {
    at_noon: bool,
}

/// Documentation stays, and so does everything of another macro.
#[handler]
#[tracing::instrument(skip(event))]
async fn instrumented(event: Happened) {
    let _ = event.at_noon;
}

#[tracing::instrument(skip_all)]
#[handler]
async fn instrumented_above(_event: Happened) {}

#[handler]
#[cfg(not(any()))]
async fn included(_event: Happened) {}

#[handler]
#[cfg(any())]
async fn excluded(_event: Happened) -> NoSuchType {}

#[cfg(any())]
#[handler]
async fn excluded_above(_event: Happened) -> NoSuchType {}

#[cfg_attr(not(any()), handler)]
#[must_use]
fn conditional(_command: Act) -> u8 {
    1
}

#[command(response = u8)]
#[derive(Serialize, Deserialize)]
struct Act;

#[test]
fn registered() {
    assert_eq!(
        super::handler_names(module_path!()),
        [
            "conditional",
            "included",
            "instrumented",
            "instrumented_above"
        ]
    );
    assert_eq!(conditional(Act), 1);
}
