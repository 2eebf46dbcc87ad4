//! Attributes that a message attribute takes off count as used, and need no import.

use serde::{Deserialize, Serialize};

mod imported {
    use catga::{command, key, route};

    use super::{Deserialize, Serialize};

    #[command]
    #[route(key = "id")]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Below {
        pub(super) id: u8,
    }

    #[route(key = "id")]
    #[command]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Above {
        pub(super) id: u8,
    }

    #[derive(Serialize, Deserialize)]
    #[command]
    pub(super) struct Marked {
        #[key]
        pub(super) id: u8,
    }
}

mod not_imported {
    use super::{Deserialize, Serialize};

    #[catga::command]
    #[route(key = "id")]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Routed {
        pub(super) id: u8,
    }

    #[catga::command]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Marked {
        #[key]
        pub(super) id: u8,
    }
}

mod by_path {
    use super::{Deserialize, Serialize};

    #[catga::route(key = "id")]
    #[catga::command]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Above {
        pub(super) id: u8,
    }

    #[catga::command]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Marked {
        #[catga::key]
        pub(super) id: u8,
    }
}

/// Two modules that import everything of each other.
mod left {
    pub(super) use super::right::*;
    use super::{Deserialize, Serialize};

    #[catga::command(name = "Left")]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Left {
        #[key]
        pub(super) id: u8,
    }
}

mod right {
    pub(super) use super::left::*;
    use super::{Deserialize, Serialize};

    #[catga::command]
    #[derive(Serialize, Deserialize)]
    pub(super) struct Right {
        #[key]
        pub(super) id: u8,
    }
}

#[test]
fn all_are_keyed() {
    use super::key_of;
    assert_eq!(key_of(&imported::Below { id: 1 }), "1");
    assert_eq!(key_of(&imported::Above { id: 2 }), "2");
    assert_eq!(key_of(&imported::Marked { id: 3 }), "3");
    assert_eq!(key_of(&not_imported::Routed { id: 4 }), "4");
    assert_eq!(key_of(&not_imported::Marked { id: 5 }), "5");
    assert_eq!(key_of(&by_path::Above { id: 6 }), "6");
    assert_eq!(key_of(&by_path::Marked { id: 7 }), "7");
    assert_eq!(key_of(&right::Left { id: 8 }), "8");
    assert_eq!(key_of(&left::Right { id: 9 }), "9");
}
