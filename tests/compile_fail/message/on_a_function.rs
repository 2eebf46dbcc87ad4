use catga::command;

#[command]
fn place_order() {}

fn main() {}
