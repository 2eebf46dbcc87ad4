//! Every option has an effect.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use catga::delivery::retry::{Overrides, Policy};
use catga::routing::StrategyKind;
use catga::{Message, command, event, handler, query, route};
use serde::{Deserialize, Serialize};

const BEFORE_ACT: u32 = line!();
#[command(name = "options.act", version = 3, timeout = "250ms", idempotent)]
#[route(key = "0")]
#[derive(Serialize, Deserialize)]
struct Act(u8);

#[query(response = Vec<(u8, String)>, timeout = "2m", crate = ::catga)]
#[route(strategy = "least_loaded")]
#[derive(Serialize, Deserialize)]
struct Ask;

#[event(version = 2, crate = catga)]
#[derive(Serialize, Deserialize)]
struct Happened;

const BEFORE_HANDLER: u32 = line!();
#[handler(concurrency = 4, retry(max = 8, after = "50ms", cap = "1s"), serial)]
fn act(_: Act) {}

#[handler]
fn ask(_: Ask) -> Vec<(u8, String)> {
    Vec::new()
}

#[handler(broadcast, crate = ::catga)]
fn happened(_: Happened) {}

#[handler(retry(after = "1m"))]
fn happened_slowly(_: Happened) {}

#[handler(retry(max = 2))]
fn happened_twice(_: Happened) {}

#[test]
fn of_messages() {
    let act = Act::info();
    assert_eq!(act.name(), "options.act");
    assert_eq!(act.version(), 3);
    assert_eq!(act.timeout(), Duration::from_millis(250));
    assert!(act.is_idempotent());
    assert_eq!(act.origin().line(), BEFORE_ACT + 4);
    assert!(act.origin().file().ends_with("options.rs"));
    assert_eq!(act.origin().package(), "catga-tests");
    assert_eq!(Ask::info().timeout(), Duration::from_mins(2));
    assert_eq!(Ask::info().route().strategy(), StrategyKind::LeastLoaded);
    assert_eq!(Happened::info().version(), 2);
}

#[test]
fn of_handlers() {
    let handlers = super::handlers(module_path!());
    let [act, ask, happened, slowly, twice] = handlers.as_slice() else {
        panic!("{handlers:?}");
    };
    assert_eq!(act.concurrency(), NonZeroUsize::new(4));
    assert!(act.is_serial());
    let on_default = |overrides: &Overrides| overrides.on(Policy::DEFAULT);
    let policy = Policy::new(8, Duration::from_millis(50)).with_cap(Duration::from_secs(1));
    assert_eq!(act.retry().map(on_default), Some(policy));
    assert_eq!(ask.retry(), None);
    assert!(!ask.is_serial() && !ask.is_broadcast());
    assert!(happened.is_broadcast());
    assert_eq!(happened.retry(), None);
    let policy = Policy::new(5, Duration::from_mins(1)).with_cap(Duration::from_mins(1));
    assert_eq!(slowly.retry().map(on_default), Some(policy));
    let twice = twice.retry().unwrap();
    assert_eq!(twice.max_attempts().map(NonZeroU32::get), Some(2));
    assert_eq!((twice.after(), twice.cap()), (None, None));
    assert_eq!(act.origin().line(), BEFORE_HANDLER + 2);
}
