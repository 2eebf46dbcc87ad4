//! `#[derive(Fault)]` on every kind of type.

use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("gone")]
#[permanent]
struct Gone;

#[derive(Debug, thiserror::Error, Fault)]
#[error("busy with {0}")]
#[transient(max = 3)]
struct Busy(u8);

#[derive(Debug, thiserror::Error, Fault)]
#[error("unknown")]
struct Unmarked;

#[derive(Debug, thiserror::Error, Fault)]
enum Mixed {
    #[error("unit")]
    #[permanent]
    Unit,
    #[error("tuple {0}")]
    #[transient(after = "2s")]
    Tuple(u8),
    #[error("named {field}")]
    #[transient]
    Named { field: u8 },
    #[error("rest")]
    Rest,
    #[cfg(any())]
    #[error("excluded")]
    #[permanent]
    Excluded(NoSuchType),
}

#[derive(Debug, thiserror::Error, Fault)]
enum Never {}

#[derive(Debug, thiserror::Error, Fault)]
enum AllMarked {
    #[error("one")]
    #[permanent]
    One,
    #[error("other")]
    #[permanent]
    Other,
}

#[test]
fn classified() {
    let transient = Fault::transient;
    assert_eq!(Fault::of(&Gone), Fault::Permanent);
    assert_eq!(Fault::of(&Busy(1)), transient(None, Some(3)));
    assert_eq!(Fault::of(&Unmarked), Fault::UNDECLARED);
    assert_eq!(Fault::of(&Mixed::Unit), Fault::Permanent);
    assert_eq!(Fault::of(&Mixed::Tuple(1)), transient(Some(2_000), None));
    assert_eq!(Fault::of(&Mixed::Named { field: 1 }), Fault::UNDECLARED);
    assert_eq!(Fault::of(&Mixed::Rest), Fault::UNDECLARED);
    assert_eq!(Fault::of(&AllMarked::One), Fault::Permanent);
    assert_eq!(Fault::of(&AllMarked::Other), Fault::Permanent);
    assert_eq!(size_of::<Never>(), 0);
}
