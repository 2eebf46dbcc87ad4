use std::time::Duration;

use fastrand::Rng;

/// What becomes of an operation on its way to the broker and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done, and its reply comes.
    Done,
    /// It does not reach the broker, and that is known.
    Failed,
    /// It is done, and its reply is lost.
    Lost,
    /// It fails, and is done this much later.
    Late(Duration),
    /// It is done, and its reply comes this much later.
    Slow(Duration),
    /// It is done this much later, whoever still waits for it, and its reply comes.
    Held(Duration),
    /// It is done, and once more this much later.
    Twice(Duration),
}

impl Fate {
    /// Of one operation in six something becomes that should not.
    pub(super) fn of_operation(chance: &mut Rng) -> Self {
        match chance.u8(..100) {
            0..3 => Self::Failed,
            3..6 => Self::Lost,
            6..8 => Self::Late(upto(chance, 6_000)),
            8..11 => Self::Slow(upto(chance, 4_000)),
            11..14 => Self::Twice(upto(chance, 6_000)),
            14..16 => Self::Held(upto(chance, 6_000)),
            _ => Self::Done,
        }
    }

    /// Of a frame between nodes; `Failed` and `Late` mean that it does not arrive.
    pub(super) fn of_frame(chance: &mut Rng) -> Self {
        match chance.u8(..100) {
            0..5 => Self::Lost,
            5..10 => Self::Slow(upto(chance, 2_000)),
            10..15 => Self::Twice(Duration::ZERO),
            _ => Self::Done,
        }
    }

    /// Of what comes out of a queue or a watch: `Failed` breaks the flow off.
    pub(super) fn of_flow(chance: &mut Rng) -> Self {
        match chance.u8(..100) {
            0..2 => Self::Failed,
            2..5 => Self::Lost,
            5..12 => Self::Slow(upto(chance, 3_000)),
            _ => Self::Done,
        }
    }
}

/// Short times mostly, long ones seldom.
fn upto(chance: &mut Rng, millis: u64) -> Duration {
    let share = chance.f64() * chance.f64();
    Duration::from_millis(millis).mul_f64(share)
}
