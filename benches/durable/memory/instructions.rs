//! Instructions and allocations per parcel: the same whatever else the machine does.

use std::error::Error;
use std::process::Command;

use catga_benches::allocations;
use tokio::runtime::Builder;

use super::node;
use crate::way::{Way as _, end_to_end};

const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

/// Runs this program twice with different counts of parcels; the difference is theirs.
pub(crate) fn instructions() -> Result<(), Box<dyn Error>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions per parcel: not counted, `valgrind` is not there");
        return Ok(());
    }
    let each = |few: f64, many: f64| (many - few) / (MANY - FEW) as f64;
    let instructions = each(counted(FEW)?, counted(MANY)?);
    let allocations = each(allocated(FEW)?, allocated(MANY)?);
    println!(
        "instructions per parcel, enqueue to ack: {instructions:.0}; allocations: {allocations:.2}"
    );
    Ok(())
}

fn allocated(parcels: u64) -> Result<f64, Box<dyn Error>> {
    let mut outcome = Ok(());
    let count = allocations::count(|| outcome = alone(Some(&parcels.to_string())));
    outcome.map(|()| count as f64)
}

fn counted(parcels: u64) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["alone", &parcels.to_string()])
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = told
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind does not tell: {told}").into())
}

/// What is counted: a node, and parcels that it stores and handles.
pub(crate) fn alone(parcels: Option<&str>) -> Result<(), Box<dyn Error>> {
    let parcels = parcels.ok_or("how many parcels?")?.parse()?;
    // The clock stands still while there is anything to do: under valgrind everything takes fifty
    // times as long, and what is for slow handlers would be counted for these.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let node = node("alone").await;
        // Tables have their size.
        end_to_end(&node, 1_000).await;
        end_to_end(&node, parcels).await;
        node.received().take_times();
        node.shutdown().await;
    });
    Ok(())
}
