//! Expansions as files, to be reviewed like the API that they are; `UPDATE_EXPECT=1` writes them.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, File, Item, Stmt, parse_quote};

use crate::message::Kind;
use crate::{fault, handler, message, route, use_crates};

#[track_caller]
fn check(expansion: TokenStream, expected: &ExpectFile) {
    let mut file: File = syn::parse2(expansion).expect("an expansion is Rust");
    for item in &mut file.items {
        show_registration(item);
    }
    expected.assert_eq(&prettyplease::unparse(&file));
}

/// Shows what stands in `submit! { .. }` as the expression that it is: the formatter leaves the
/// inside of macros alone.
fn show_registration(item: &mut Item) {
    let Item::Const(item) = item else { return };
    let Expr::Block(body) = &mut *item.expr else {
        return;
    };
    for statement in &mut body.block.stmts {
        if let Stmt::Macro(submit) = statement {
            let registration: Expr = submit.mac.parse_body().expect("an expression");
            let mac = &submit.mac.path;
            *statement = parse_quote!(#mac(#registration););
        }
    }
}

#[test]
fn command_with_key() {
    let expansion = message::expand(
        Kind::Command,
        quote!(
            response = Receipt,
            error = OrderError,
            version = 2,
            timeout = "5s",
            idempotent
        ),
        quote! {
            /// Places an order.
            #[route(key = ("order_id", "customer.id"))]
            #[derive(Serialize, Deserialize)]
            pub struct PlaceOrder {
                pub order_id: String,
                #[serde(default)]
                pub customer: Customer,
            }
        },
    );
    check(expansion, &expect_file!["../snapshots/command_with_key.rs"]);
}

#[test]
fn query() {
    let expansion = message::expand(
        Kind::Query,
        quote!(response = Vec<Order>, name = "orders.list", crate = bus),
        quote! {
            #[catga::route(strategy = "round_robin")]
            struct ListOrders(u32);
        },
    );
    check(expansion, &expect_file!["../snapshots/query.rs"]);
}

#[test]
fn event_enum_with_key() {
    let expansion = message::expand(
        Kind::Event,
        quote!(),
        quote! {
            #[route(topic = "orders.{region.name}")]
            enum OrderChanged {
                Placed { #[key] order_id: String, region: Region },
                #[cfg(feature = "returns")]
                Returned { region: Region, #[key] order_id: String, reason: String },
            }
        },
    );
    check(
        expansion,
        &expect_file!["../snapshots/event_enum_with_key.rs"],
    );
}

#[test]
fn handler_with_parameters() {
    let expansion = handler::expand(
        quote!(concurrency = 4, retry(max = 8, after = "50ms"), serial),
        quote! {
            /// Places an order.
            #[cfg(unix)]
            #[tracing::instrument(skip_all)]
            pub(crate) async fn place(
                PlaceOrder { order_id, .. }: PlaceOrder,
                State(store): State<Store>,
                context: Context,
            ) -> Result<Receipt, OrderError> {
                store.place(order_id, context).await
            }
        },
    );
    check(
        expansion,
        &expect_file!["../snapshots/handler_with_parameters.rs"],
    );
}

#[test]
fn plain_handler() {
    let expansion = handler::expand(
        quote!(broadcast),
        quote! { fn forget(_: orders::CacheChanged) {} },
    );
    check(expansion, &expect_file!["../snapshots/plain_handler.rs"]);
}

#[test]
fn derived_fault() {
    let expansion = fault::expand(quote! {
        enum OrderError {
            #[permanent]
            SoldOut { sku: String },
            #[transient(after = "2s", max = 8)]
            WarehouseAway,
            Busy(u8),
        }
    });
    check(expansion, &expect_file!["../snapshots/derived_fault.rs"]);
}

#[test]
fn used_crates() {
    let arguments = ["--extern=bus=/target/libshop_billing-0f.rlib".to_owned()];
    let expansion = use_crates::expand(quote!(orders, bus), &arguments);
    check(expansion, &expect_file!["../snapshots/used_crates.rs"]);
}

#[test]
fn route_above_the_message_attribute() {
    let expansion = route::expand(
        &quote!(key = "order_id"),
        quote! {
            #[event]
            #[derive(Serialize, Deserialize)]
            struct OrderPlaced { order_id: String }
        },
    );
    check(expansion, &expect_file!["../snapshots/route_above.rs"]);
}

/// The item and its implementations stay, so that one mistake is one error.
#[test]
fn message_with_errors() {
    let expansion = message::expand(
        Kind::Query,
        quote!(reponse = u32, name = "a..b", idempotent, colour = Map<A, B>),
        quote! {
            #[route(key = "ordr_id", strategy = "sticky")]
            struct CountOrders { order_id: String }
        },
    );
    check(
        expansion,
        &expect_file!["../snapshots/message_with_errors.rs"],
    );
}

/// A function whose body is not finished stays as it is.
#[test]
fn handler_with_errors() {
    let expansion = handler::expand(
        quote!(concurrency = 0, serial, broadcast),
        quote! {
            unsafe fn place<T>(order: &PlaceOrder, other: impl Send) -> impl Sized { todo!() }
        },
    );
    check(
        expansion,
        &expect_file!["../snapshots/handler_with_errors.rs"],
    );
}

#[test]
fn body_is_not_parsed() {
    let item = quote! { async fn place(order: PlaceOrder) { let x = order. } };
    let expansion = handler::expand(quote!(), item.clone()).to_string();
    assert!(expansion.starts_with(&item.to_string()), "{expansion}");
    assert!(expansion.contains("submit !"), "{expansion}");
    assert!(!expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn fault_with_errors() {
    let expansion = fault::expand(quote! {
        enum OrderError {
            #[permanent(now)]
            SoldOut,
            #[transient(after = 2)]
            #[permanent]
            WarehouseAway { #[transient] field: u8 },
        }
    });
    check(
        expansion,
        &expect_file!["../snapshots/fault_with_errors.rs"],
    );
}
