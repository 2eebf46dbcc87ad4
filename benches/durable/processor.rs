//! The time that processes take on the processors: what a loaded machine changes least.

/// Ticks of the clock by which Linux counts a process's time, per second.
const TICKS: f64 = 100.0;

/// The seconds of a processor that a process has taken: the 14th and the 15th field of what Linux
/// tells of it, in ticks.
pub(crate) fn seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS
}

/// The microseconds that this program and a server take for each of so many parcels, after how
/// many of them there were per second.
pub(crate) async fn per_parcel(
    server: u32,
    count: u64,
    work: impl Future<Output = f64>,
) -> [f64; 3] {
    let processes = [std::process::id(), server];
    let before = processes.map(seconds);
    let rate = work.await;
    let after = processes.map(seconds);
    let each = |process: usize| (after[process] - before[process]) * 1e6 / count as f64;
    [rate, each(0), each(1)]
}
