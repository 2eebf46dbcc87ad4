//! What the macros refuse, and how: one mistake a file, and exactly one error for it.
//!
//! The cases are in `tests/compile_fail/<macro>/<what is wrong>.rs`; `TRYBUILD=overwrite` writes
//! the expected errors beside them, to be read like any other text for users.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_mistake_is_refused() {
    trybuild::TestCases::new().compile_fail("compile_fail/*/*.rs");
}

#[test]
fn every_mistake_is_one_error_with_its_place() {
    let expected = files("stderr");
    let sources = files("rs");
    assert!(sources.len() >= 25, "only {} cases", sources.len());
    let stems = |files: &[PathBuf]| -> Vec<_> {
        files.iter().map(|file| file.with_extension("")).collect()
    };
    assert_eq!(stems(&sources), stems(&expected));
    let mut wrong = Vec::new();
    for file in &expected {
        let text = fs::read_to_string(file).expect("an expectation is text");
        let errors = text
            .lines()
            .filter(|line| line.starts_with("error"))
            .count();
        let source = file.with_extension("rs");
        let source = source.file_name().expect("a file has a name");
        if errors != 1 || !has_place(&text, &source.to_string_lossy()) {
            wrong.push((file, errors));
        }
    }
    assert!(wrong.is_empty(), "not one error with a place: {wrong:#?}");
}

/// Whether the first place in the text is `<source>:<line>:<column>`.
fn has_place(text: &str, source: &str) -> bool {
    let place = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("--> "));
    place.is_some_and(|place| {
        let mut parts = place.rsplitn(3, ':');
        let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
        is_number(parts.next())
            && is_number(parts.next())
            && parts.next().is_some_and(|path| path.ends_with(source))
    })
}

/// All files of the cases with an extension, sorted.
fn files(extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_fail");
    let mut files = Vec::new();
    for folder in fs::read_dir(&root).expect("the cases are there") {
        let folder = folder.expect("readable").path();
        for file in fs::read_dir(folder).expect("a folder for each macro") {
            let file = file.expect("readable").path();
            if file.extension().is_some_and(|found| found == extension) {
                files.push(file);
            }
        }
    }
    files.sort();
    files
}
