//! Messages and handlers that a macro of the user's writes.

use catga::Message;

macro_rules! entity {
    ($message:ident, $handler:ident, $field:ident : $ty:ty, $response:ty) => {
        #[catga::command(response = $response)]
        #[catga::route(key = "id")]
        #[derive(serde::Serialize, serde::Deserialize)]
        struct $message {
            id: u8,
            $field: $ty,
        }

        #[catga::handler]
        fn $handler(message: $message) -> $response {
            let $message { id, $field } = message;
            let _ = $field;
            id.into()
        }
    };
}

entity!(CreateUser, create_user, name: String, u8);
entity!(CreateGroup, create_group, size: (u8, u8), u16);

macro_rules! handle {
    ($handler:ident) => {
        #[catga::handler]
        fn $handler(_: $crate::macro_rules::Notice) {}
    };
}

#[catga::event]
#[derive(serde::Serialize, serde::Deserialize)]
struct Notice;

handle!(notice);

#[test]
fn registered() {
    assert_eq!(
        super::handler_names(module_path!()),
        ["create_group", "create_user", "notice"]
    );
    assert_eq!(CreateUser::info().name(), "CreateUser");
    assert_eq!(super::key_paths::<CreateGroup>(), ["id"]);
}
