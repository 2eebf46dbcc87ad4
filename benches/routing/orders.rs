//! Keyed messages, with keys of 16 bytes.

use std::hint::black_box;

use catga::{command, route};
use serde::{Deserialize, Serialize};

const COUNT: usize = 262_144;

#[command]
#[route(key = "order_id")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlaceOrder {
    pub(crate) order_id: String,
}

pub(crate) struct Orders(Vec<PlaceOrder>);

impl Orders {
    pub(crate) fn new() -> Self {
        let order_id = |number: usize| format!("order-{:010}", number * 7_919);
        Self(
            (0..COUNT)
                .map(|number| PlaceOrder {
                    order_id: order_id(number),
                })
                .collect(),
        )
    }

    /// Does it with one message after the other.
    pub(crate) fn each<'a, R>(
        &'a self,
        mut work: impl FnMut(&'a PlaceOrder) -> R + 'a,
    ) -> impl FnMut(u64) + 'a {
        move |calls| {
            let mut orders = self.0.iter().cycle();
            for _ in 0..calls {
                black_box(orders.next().map(|order| work(black_box(order))));
            }
        }
    }
}
