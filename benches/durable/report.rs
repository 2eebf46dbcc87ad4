//! Two ways side by side.

use catga_benches::Table;
use catga_benches::figure::median;

/// What was measured of two ways, round by round.
pub(crate) struct Pair {
    name: String,
    unit: &'static str,
    rounds: Vec<(f64, f64)>,
}

impl Pair {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            unit,
            rounds: Vec::new(),
        }
    }

    /// The same, under other circumstances than its name says.
    pub(crate) fn with(mut self, circumstances: &str) -> Self {
        self.name = format!("{}, {circumstances}", self.name);
        self
    }

    /// One round: catga's figure, and the one of the loop by hand.
    pub(crate) fn add(&mut self, catga: f64, by_hand: f64) {
        self.rounds.push((catga, by_hand));
    }

    /// catga's figure in those of the loop by hand: the median of what each round says.
    pub(crate) fn ratio(&self) -> f64 {
        self.median(|(catga, by_hand)| catga / by_hand)
    }

    pub(crate) fn catga(&self) -> f64 {
        self.median(|(catga, _)| catga)
    }

    pub(crate) fn by_hand(&self) -> f64 {
        self.median(|(_, by_hand)| by_hand)
    }

    fn median(&self, figure: impl Fn((f64, f64)) -> f64) -> f64 {
        median(&mut self.rounds.iter().copied().map(figure).collect::<Vec<_>>())
    }

    /// `end to end, 1 node: catga 30000 msg/s, by hand 36000 msg/s, ratio 0.83`
    pub(crate) fn line(&self) -> String {
        let Self { name, unit, .. } = self;
        format!(
            "{name}: catga {} {unit}, by hand {} {unit}, ratio {:.2}",
            figure(self.catga()),
            figure(self.by_hand()),
            self.ratio()
        )
    }
}

/// With as many digits as say something.
fn figure(figure: f64) -> String {
    if figure < 100.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

pub(crate) fn table(pairs: &[Pair]) -> Table<5> {
    let mut table = Table::new(["", "unit", "catga", "by hand", "ratio"]);
    for pair in pairs {
        table.row([
            pair.name.clone(),
            pair.unit.to_owned(),
            figure(pair.catga()),
            figure(pair.by_hand()),
            format!("{:.2}", pair.ratio()),
        ]);
    }
    table
}

/// Measures two ways in turns, each of them first in every other round: a figure for each pair.
pub(crate) async fn rounds<const PAIRS: usize>(
    pairs: &mut [Pair; PAIRS],
    count: usize,
    catga: impl AsyncFn() -> [f64; PAIRS],
    by_hand: impl AsyncFn() -> [f64; PAIRS],
) {
    for round in 0..count {
        let (catga, by_hand) = if round % 2 == 0 {
            let catga = catga().await;
            (catga, by_hand().await)
        } else {
            let by_hand = by_hand().await;
            (catga().await, by_hand)
        };
        for ((pair, catga), by_hand) in pairs.iter_mut().zip(catga).zip(by_hand) {
            pair.add(catga, by_hand);
            eprintln!(
                "{}, round {}: {catga:.1}, {by_hand:.1}",
                pair.name,
                round + 1
            );
        }
    }
}
