//! Publishers that call verbs of all kinds on all nodes.

use std::cell::Cell;
use std::time::Duration;

use catga::testing::{Client, World};
use catga::{MessageId, Options};
use fastrand::Rng;
use futures_util::future::{join, join_all};
use tokio::time::sleep;

use crate::messages::{Archive, Book, Booked, Fate, Freeze, Merge, Tidied, Tidy};
use crate::operators;

const PUBLISHERS: usize = 5;
const MESSAGES: usize = 25;
pub const ACCOUNTS: u32 = 10;

/// Well within the two minutes in which an id is known again.
const REPEATS: Duration = Duration::from_secs(80);

pub async fn run(world: World) {
    let mut chance = Rng::with_seed(!world.seed());
    let publishers = (0..PUBLISHERS).map(|_| publish(&world, chance.fork()));
    let publishers = join_all(publishers.collect::<Vec<_>>());
    let over = Cell::new(false);
    let publishers = async {
        publishers.await;
        over.set(true);
    };
    join(publishers, operators::run(&world, chance.fork(), &over)).await;
}

async fn publish(world: &World, mut chance: Rng) {
    for _ in 0..MESSAGES {
        // In bursts: most follow at once.
        if chance.u8(..3) == 0 {
            sleep(Duration::from_millis(chance.u64(..9_000))).await;
        }
        let message = Message::draw(&mut chance);
        let options = Options::new().timeout(Duration::from_secs(chance.u64(2..20)));
        if chance.u8(..4) > 0 {
            let _ = message.call(client(world, &mut chance, options)).await;
            continue;
        }
        // Under an id of its own, until it is acknowledged, and maybe once more.
        let id = MessageId::new();
        let (began, again) = (world.elapsed(), chance.bool());
        let mut acknowledged = 0;
        while acknowledged <= usize::from(again) && world.elapsed() - began < REPEATS {
            let client = client(world, &mut chance, options.clone().id(id));
            if message.call(client).await {
                acknowledged += 1;
            }
            sleep(Duration::from_millis(chance.u64(..500))).await;
        }
    }
}

fn client(world: &World, chance: &mut Rng, options: Options) -> Client {
    let client = match chance.u8(..3) {
        0 => world.on("invoices"),
        _ => world.any(),
    };
    client.with(options)
}

#[derive(Clone)]
enum Message {
    Book(Book),
    Booked(Booked),
    Tidy(Tidy),
    Tidied(Tidied),
    Freeze(Freeze),
    Merge(Merge),
    Archive(Archive),
}

impl Message {
    fn draw(chance: &mut Rng) -> Self {
        // Half of all are for two accounts: much waits there.
        let accounts = if chance.bool() { 2 } else { ACCOUNTS };
        let (account, fate) = (chance.u32(..accounts), Fate::draw(chance));
        match chance.u8(..20) {
            0..7 => Self::Book(Book { account, fate }),
            7..14 => Self::Booked(Booked { account, fate }),
            14 => Self::Freeze(Freeze { account, fate }),
            15 => Self::Merge(Merge { account, fate }),
            16 => Self::Archive(Archive { fate }),
            17 => Self::Tidy(Tidy { fate }),
            _ => Self::Tidied(Tidied { fate }),
        }
    }

    /// Whether it was acknowledged.
    async fn call(&self, client: Client) -> bool {
        match self.clone() {
            Self::Book(command) => client.enqueue(command).await.is_ok(),
            Self::Tidy(command) => client.enqueue(command).await.is_ok(),
            Self::Freeze(command) => client.enqueue(command).await.is_ok(),
            Self::Merge(command) => client.enqueue(command).await.is_ok(),
            Self::Archive(command) => client.enqueue(command).await.is_ok(),
            Self::Booked(event) => client.publish(event).await.is_ok(),
            Self::Tidied(event) => client.publish(event).await.is_ok(),
        }
    }
}
