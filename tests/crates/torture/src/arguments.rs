//! `--broker nats|redis --rounds N [--seed S]`

#[derive(Debug)]
pub struct Arguments {
    pub broker: Kind,
    pub rounds: u64,
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nats,
    Redis,
}

pub const USAGE: &str = "usage: torture --broker nats|redis --rounds N [--seed S]

--broker    what the cluster runs on
--rounds N  how many faults, one after the other
--seed S    which faults, in which order; by chance if it is left out. Odd seeds run on the
            oldest server that catga works with, the others on the newest";

impl Arguments {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut broker, mut rounds) = (None, None);
        let mut seed = fastrand::u64(..1_000_000);
        while let Some(argument) = arguments.next() {
            let value = arguments.next()?;
            match (argument.as_str(), value.as_str()) {
                ("--broker", "nats") => broker = Some(Kind::Nats),
                ("--broker", "redis") => broker = Some(Kind::Redis),
                ("--rounds", number) => rounds = Some(number.parse().ok()?),
                ("--seed", number) => seed = number.parse().ok()?,
                _ => return None,
            }
        }
        Some(Self {
            broker: broker?,
            rounds: rounds.filter(|rounds| *rounds > 0)?,
            seed,
        })
    }
}
