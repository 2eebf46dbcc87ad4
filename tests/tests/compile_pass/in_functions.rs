//! Messages and handlers inside of a function, as in a documentation test.

use catga::{Message, command, handler};
use serde::{Deserialize, Serialize};

#[test]
fn declared_in_a_function() {
    #[command(response = u8, name = "in_functions.Local")]
    #[route(key = "id")]
    #[derive(Serialize, Deserialize)]
    struct Local {
        id: u8,
    }

    #[handler]
    async fn local(message: Local) -> u8 {
        std::future::ready(message.id).await
    }

    assert_eq!(Local::info().name(), "in_functions.Local");
    assert_eq!(super::handler_names(module_path!()), ["local"]);
}
