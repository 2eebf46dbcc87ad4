use catga::handler;

#[handler]
fn place(_order: String) -> u32 {
    1
}

fn main() {}
