//! A handler and its module with one name.

mod place {
    use catga::{command, handler};
    use serde::{Deserialize, Serialize};

    #[command(name = "reexport.Place")]
    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Place;

    #[handler]
    pub(super) async fn place(_: Place) {
        std::future::ready(()).await;
    }
}

use place::place;

#[test]
fn callable() {
    assert!(size_of_val(&place(place::Place)) < 100);
    assert_eq!(super::handlers(concat!(module_path!(), "::place")).len(), 1);
}
