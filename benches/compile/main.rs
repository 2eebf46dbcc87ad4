//! What a handler and a call cost to build: 50 messages beside the same with handlers and calls.

mod elf;
mod generate;
mod program;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use catga_benches::figure::median;
use catga_benches::{Limits, Table};
use program::{Program, Sizes};

const HANDLERS: usize = 50;
const ROUNDS: usize = 3;

/// The milliseconds that a handler may add to a release build.
const MILLISECONDS: f64 = 100.0;
/// The kilobytes that a handler may add to the program.
const KILOBYTES: f64 = 20.0;

fn main() -> Result<(), Box<dyn Error>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let workspace = workspace(&repository);
    generate::workspace(&workspace, &repository, HANDLERS)?;

    let mut programs = [
        Program::new(&workspace, generate::MESSAGES),
        Program::new(&workspace, generate::HANDLERS),
        Program::new(&workspace, generate::SENDS),
    ];
    for program in &programs {
        // Also builds what they depend on, so that the rounds build the program alone.
        program.build()?;
    }
    for _ in 0..ROUNDS {
        for program in &mut programs {
            program.time_build()?;
        }
    }
    report(programs)
}

/// Kept between runs, so that the dependencies are built once.
fn workspace(repository: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || repository.join("target"),
        |directory| repository.join(directory),
    );
    target.join("compile-budget")
}

fn report(mut programs: [Program; 3]) -> Result<(), Box<dyn Error>> {
    let sizes = [
        programs[0].sizes()?,
        programs[1].sizes()?,
        programs[2].sizes()?,
    ];
    let build = programs
        .each_mut()
        .map(|program| median(&mut program.builds));
    let kilobytes =
        |size: fn(&Sizes) -> u64| sizes.each_ref().map(|sizes| size(sizes) as f64 / 1e3);
    let stripped = kilobytes(|sizes| sizes.stripped);

    let mut table = Table::new([
        "",
        "50 messages",
        "+ 50 handlers",
        "+ 50 sends",
        "per handler",
        "per send",
    ]);
    for (name, figures) in [
        ("release build, ms", build),
        ("code, KB", kilobytes(|sizes| sizes.code)),
        ("program stripped, KB", stripped),
        ("program, KB", kilobytes(|sizes| sizes.file)),
    ] {
        let [messages, handlers, sends] = figures;
        let cells = [
            messages,
            handlers,
            sends,
            per_handler(figures),
            per_send(figures),
        ];
        let [a, b, c, d, e] = cells.map(|cell| format!("{cell:.1}"));
        table.row([name.to_owned(), a, b, c, d, e]);
    }
    let mut limits = Limits::default();
    limits.at_most("build per handler, ms", per_handler(build), MILLISECONDS);
    limits.at_most(
        "program per handler, stripped, KB",
        per_handler(stripped),
        KILOBYTES,
    );

    println!("{table}");
    println!("{limits}");
    println!(
        "compile: {} rows, {} limits held, {} missed",
        table.len(),
        limits.held(),
        limits.missed()
    );
    Ok(())
}

fn per_handler([messages, handlers, _]: [f64; 3]) -> f64 {
    (handlers - messages) / HANDLERS as f64
}

fn per_send([_, handlers, sends]: [f64; 3]) -> f64 {
    (sends - handlers) / HANDLERS as f64
}

/// Leaves a file as it is when it has this text, so that nothing is built for nothing.
fn write_if_changed(path: &Path, text: &str) -> std::io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::write(path, text)
}
