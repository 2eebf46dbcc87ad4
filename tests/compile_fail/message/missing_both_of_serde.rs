use catga::event;

#[event]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
