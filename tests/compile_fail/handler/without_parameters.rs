use catga::handler;

#[handler]
async fn place() {}

fn main() {}
