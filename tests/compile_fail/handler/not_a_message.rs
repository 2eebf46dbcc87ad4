use catga::handler;

struct PlaceOrder;

#[handler]
async fn place(_order: PlaceOrder) {}

fn main() {}
