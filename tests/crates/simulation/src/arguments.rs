//! `--seeds N [--from S] [--twice]`

#[derive(Debug)]
pub struct Arguments {
    pub seeds: u64,
    pub from: u64,
    /// Run each seed twice and compare.
    pub twice: bool,
}

pub const USAGE: &str = "usage: simulate --seeds N [--from S] [--twice]

--seeds N   how many seeds
--from S    the first one, 0 if it is left out
--twice     run each twice: both runs must be equal";

impl Arguments {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self {
            seeds: 0,
            from: 0,
            twice: false,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seeds" => parsed.seeds = arguments.next()?.parse().ok()?,
                "--from" => parsed.from = arguments.next()?.parse().ok()?,
                "--twice" => parsed.twice = true,
                _ => return None,
            }
        }
        (parsed.seeds > 0).then_some(parsed)
    }
}
