use catga::message::{KeySink, KeyText, KeyWriter};
use catga::{Context, Message, event, handler, query, route};
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Serialize, Deserialize)]
struct Customer {
    id: u64,
}

#[derive(Serialize, Deserialize)]
struct Sku(String);

impl KeyText for Sku {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        key.part(&self.0);
    }
}

macro_rules! keyed {
    ($handler:ident, $name:ident, $item:item) => {
        #[query(response = Option<String>)]
        #[derive(Serialize, Deserialize)]
        $item

        #[handler]
        async fn $handler(_: $name, cx: Context) -> Option<String> {
            cx.key().map(str::to_owned)
        }
    };
}

keyed!(
    field,
    Field,
    #[route(key = "sku")]
    struct Field {
        sku: Sku,
    }
);
keyed!(
    nested,
    Nested,
    #[route(key = "customer.id")]
    struct Nested {
        customer: Customer,
    }
);
keyed!(
    tuple,
    Tuple,
    #[route(key = "1")]
    struct Tuple(u8, Option<String>);
);
keyed!(
    composite,
    Composite,
    #[route(key = ("tenant", "customer.id"))]
    struct Composite {
        tenant: String,
        customer: Customer,
    }
);
keyed!(
    unkeyed,
    Unkeyed,
    struct Unkeyed {
        id: u8,
    }
);

#[query(response = Option<String>)]
#[derive(Serialize, Deserialize)]
struct Marked {
    #[key]
    tenant: String,
    other: u8,
    #[key]
    number: i32,
}

#[handler]
async fn marked(message: Marked, cx: Context) -> Option<String> {
    let _ = message.other;
    cx.key().map(str::to_owned)
}

#[query(response = Option<String>)]
#[route(key = "id")]
#[derive(Serialize, Deserialize)]
enum Variants {
    First { id: u8 },
    Second { other: String, id: String },
}

#[handler]
async fn variants(_: Variants, cx: Context) -> Option<String> {
    cx.key().map(str::to_owned)
}

#[event]
#[derive(Serialize, Deserialize)]
enum MarkedVariants {
    First(#[key] u8),
    Second {
        other: String,
        #[key]
        id: String,
    },
}

#[route(key = "id")]
#[query(response = ())]
#[derive(Serialize, Deserialize)]
struct RouteAbove {
    id: u8,
}

#[tokio::test]
async fn every_form_of_a_key_has_its_canonical_text() {
    let node = node!();
    let some = |text: &str| Some(text.to_owned());
    let customer = || Customer { id: 9 };
    assert_eq!(
        node.send(Field {
            sku: Sku("a\\b".into())
        })
        .await
        .unwrap(),
        some("a\\\\b")
    );
    assert_eq!(
        node.send(Nested {
            customer: customer()
        })
        .await
        .unwrap(),
        some("9")
    );
    assert_eq!(node.send(Tuple(1, some("x"))).await.unwrap(), some("x"));
    assert_eq!(node.send(Tuple(1, None)).await.unwrap(), some(""));
    let composite = Composite {
        tenant: "a\u{1f}".into(),
        customer: customer(),
    };
    assert_eq!(
        node.send(composite).await.unwrap(),
        some("a\\\u{1f}\u{1f}9")
    );
    assert_eq!(node.send(Unkeyed { id: 1 }).await.unwrap(), None);
    let marked = Marked {
        tenant: "t".into(),
        other: 1,
        number: -3,
    };
    assert_eq!(node.send(marked).await.unwrap(), some("t\u{1f}-3"));
    assert_eq!(
        node.send(Variants::First { id: 3 }).await.unwrap(),
        some("3")
    );
    let second = Variants::Second {
        other: "o".into(),
        id: "s".into(),
    };
    assert_eq!(node.send(second).await.unwrap(), some("s"));
}

#[test]
fn the_paths_of_a_key_are_known() {
    assert_eq!(Composite::info().route().key(), ["tenant", "customer.id"]);
    assert_eq!(Marked::info().route().key(), ["tenant", "number"]);
    assert!(MarkedVariants::info().route().is_keyed());
    assert!(RouteAbove::info().route().is_keyed());
    assert!(!Unkeyed::info().route().is_keyed());
    let mut writer = KeyWriter::new(Vec::new());
    MarkedVariants::Second {
        other: String::new(),
        id: "k".into(),
    }
    .write_key(&mut writer);
    assert_eq!(writer.finish(), b"k");
    let mut writer = KeyWriter::new(Vec::new());
    MarkedVariants::First(5).write_key(&mut writer);
    assert_eq!(writer.finish(), b"5");
}
