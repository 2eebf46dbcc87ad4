//! Mistakes in a test are told at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Faults, Rule, Simulation};

#[test]
#[should_panic(expected = "no service `nope`; there are: `one`, `two`")]
fn a_service_that_does_not_exist_is_refused() {
    let _ = Simulation::new(1)
        .service("one", 1, |builder| builder.only(|_| false))
        .service("two", 1, |builder| builder.only(|_| false))
        .run(|world| async move {
            let _ = world.on("nope");
        });
}

#[test]
fn a_node_that_does_not_start_ends_the_simulation() {
    let worked = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&worked);
    let report = Simulation::new(1)
        .service("right", 1, |builder| builder.only(|_| false))
        .service("wrong", 2, |builder| {
            builder.only(|_| false).state(1_u32).state(2_u32)
        })
        .faults(Faults::all())
        .run(|_| async move { works.store(true, Ordering::Relaxed) });
    let [violation] = report.violations() else {
        panic!("one violation: {report}");
    };
    assert_eq!(violation.rule(), Rule::Progress);
    let text = violation.text();
    assert!(text.contains("`wrong` does not start"), "{text}");
    assert!(text.contains("a second state of type `u32`"), "{text}");
    assert!(!worked.load(Ordering::Relaxed));
    assert!(report.elapsed() < Duration::from_secs(60), "{report}");
}
