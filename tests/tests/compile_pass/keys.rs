//! Keys of every form.

use catga::message::{KeySink, KeyText, KeyWriter};
use catga::{Message, command, event, key, route};
use serde::{Deserialize, Serialize};

use super::{key_of, key_paths};

#[derive(Serialize, Deserialize)]
struct Customer {
    id: Sku,
    address: (String, u16),
    r#type: char,
}

#[derive(Serialize, Deserialize)]
struct Sku(String);

impl KeyText for Sku {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        key.part(&self.0);
    }
}

fn customer() -> Customer {
    Customer {
        id: Sku("c-1".into()),
        address: ("here".into(), 80),
        r#type: 'x',
    }
}

#[command]
#[route(key = ("customer.id", "customer.address.1", "customer.type", "r"))]
#[derive(Serialize, Deserialize)]
struct Nested {
    customer: Box<Customer>,
    r: Option<u8>,
}

#[command]
#[route(key = "1")]
#[derive(Serialize, Deserialize)]
struct Tuple(u8, String);

#[command]
#[derive(Serialize, Deserialize)]
struct MarkedTuple(#[key] i64, String, #[key] bool);

#[command]
#[derive(Serialize, Deserialize)]
struct Raw {
    #[key]
    r#type: String,
}

#[event]
#[route(key = ("id", "customer.id"))]
#[derive(Serialize, Deserialize)]
enum Named {
    One {
        id: u8,
        customer: Customer,
    },
    Two {
        other: u8,
        id: String,
        customer: Box<Customer>,
    },
    #[cfg(any())]
    Excluded {
        id: NoSuchType,
        customer: NoSuchType,
    },
}

#[event]
#[derive(Serialize, Deserialize)]
enum Marked {
    Tuple(#[key] u8, String),
    Named {
        #[key]
        id: u8,
    },
}

#[event]
#[route(key = "0")]
#[derive(Serialize, Deserialize)]
enum Indexed {
    One(u8),
    Two(String, u8),
}

#[event]
#[route(topic = "orders.{customer.id}.{kind}", key = "kind")]
#[derive(Serialize, Deserialize)]
struct Topical {
    kind: String,
    customer: Customer,
}

#[test]
fn texts() {
    let nested = Nested {
        customer: Box::new(customer()),
        r: None,
    };
    assert_eq!(key_of(&nested), "c-1\u{1f}80\u{1f}x");
    assert_eq!(
        key_paths::<Nested>(),
        ["customer.id", "customer.address.1", "customer.type", "r"]
    );
    assert_eq!(key_of(&Tuple(1, "a".into())), "a");
    assert_eq!(
        key_of(&MarkedTuple(-1, String::new(), true)),
        "-1\u{1f}true"
    );
    assert_eq!(key_paths::<MarkedTuple>(), ["0", "2"]);
    assert_eq!(key_of(&Raw { r#type: "t".into() }), "t");
    assert_eq!(key_paths::<Raw>(), ["type"]);
    let one = Named::One {
        id: 1,
        customer: customer(),
    };
    let two = Named::Two {
        other: 1,
        id: "2".into(),
        customer: Box::new(customer()),
    };
    assert_eq!(key_of(&one), "1\u{1f}c-1");
    assert_eq!(key_of(&two), "2\u{1f}c-1");
    assert_eq!(key_of(&Marked::Tuple(7, String::new())), "7");
    assert_eq!(key_of(&Marked::Named { id: 8 }), "8");
    assert_eq!(key_of(&Indexed::One(1)), "1");
    assert_eq!(key_of(&Indexed::Two("2".into(), 3)), "2");
    let topical = Topical {
        kind: "paid".into(),
        customer: customer(),
    };
    assert_eq!(key_of(&topical), "paid");
    assert_eq!(
        Topical::info().route().topic(),
        Some("orders.{customer.id}.{kind}")
    );
}
