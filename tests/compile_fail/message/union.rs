use catga::event;

#[event]
union Bits {
    _number: u32,
    _bytes: [u8; 4],
}

fn main() {}
