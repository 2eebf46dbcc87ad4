use catga::{State, handler};

struct PlaceOrder;

#[handler]
async fn place(_order: PlaceOrder, State(count): State<u32>) -> Result<u32, std::io::Error> {
    Ok(count)
}

fn main() {}
