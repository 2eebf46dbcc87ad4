//! A list of crates with one that has no handlers.

use catga::wiring::Problem;

catga::use_crates!(catga_tests_handlers, catga_tests_renamed, quiet);

#[test]
fn a_listed_crate_without_handlers_is_reported_and_the_others_are_not() {
    let problems = catga::wiring::check(|_| true).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.iter().count(), 1, "{text}");
    assert!(matches!(
        problems.iter().next(),
        Some(Problem::NoHandlers(used))
            if used.alias() == "quiet" && used.crate_name() == "catga_tests_silent"
    ));
    assert!(text.contains("main.rs:5: the crate `quiet`"), "{text}");
}
