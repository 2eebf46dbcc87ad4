use std::collections::BTreeMap;

/// What a broker does and does not say.
///
/// Some of it is noticed and made good by whoever reads; the rest must make tests fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// Acknowledgements are answered and have no effect; of a dead letter, the release.
    AcksLost,
    /// Appends are answered and nothing is stored.
    AppendsLost,
    /// There is no room for any of a call.
    AppendsRefused,
    /// Two neighbours of one call, of one key where there are such, are stored in each other's
    /// place.
    AppendsSwapped,
    /// Two neighbours of one partition are received in each other's place.
    ReadsSwapped,
    /// A batch on its way to an intake vanishes.
    BatchLost,
    /// An entry in the middle of a batch on its way to an intake vanishes.
    MiddleLost,
    /// The second half of a batch on its way to an intake vanishes.
    TailLost,
    /// A batch is received twice, the second time under new numbers.
    ReadTwice,
    /// Generations that are destroyed go on: they read, and their acknowledgements have effect.
    GenerationsIgnored,
    /// What is handed to an intake is acknowledged before anybody runs it.
    AckedBeforeRun,
    /// A partition that is empty counts its positions from 1 again, and its stream is the same.
    NumbersFromOne,
    /// Writes of records and marks are done whatever they expect.
    ConditionsIgnored,
    /// The store is split: each line has owners of partitions of its own.
    OwnersSplit,
    /// Records and marks stay: their removals are answered, and they never run out.
    RemovalsLost,
    /// With a claim, all records return to what they were with the claim before. Their versions
    /// rise, and the store is the same.
    RecordsFellBack,
}

/// Which lies are told, and how often.
#[derive(Debug, Default)]
pub(super) struct Lies(BTreeMap<Lie, Told>);

#[derive(Debug)]
struct Told {
    every: u64,
    occasions: u64,
    told: u64,
}

impl Lies {
    pub(super) fn set(&mut self, lie: Lie, every: u64) {
        let told = Told {
            every: every.max(1),
            occasions: 0,
            told: 0,
        };
        self.0.insert(lie, told);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn told(&self, lie: Lie) -> u64 {
        self.0.get(&lie).map_or(0, |told| told.told)
    }

    pub(super) fn has(&self, lie: Lie) -> bool {
        self.0.contains_key(&lie)
    }

    /// Whether the lie is told on this occasion.
    pub(super) fn tell(&mut self, lie: Lie) -> bool {
        let Some(told) = self.0.get_mut(&lie) else {
            return false;
        };
        told.occasions += 1;
        let now = told.occasions % told.every == 0;
        told.told += u64::from(now);
        now
    }
}
