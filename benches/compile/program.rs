use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use crate::elf;

/// A generated program and how long it took to build.
pub(crate) struct Program {
    workspace: PathBuf,
    name: &'static str,
    /// Milliseconds, one per round.
    pub(crate) builds: Vec<f64>,
}

/// Bytes.
pub(crate) struct Sizes {
    /// The machine code.
    pub(crate) code: u64,
    /// What is loaded: the file without its symbols.
    pub(crate) stripped: u64,
    /// The file as it is.
    pub(crate) file: u64,
}

impl Program {
    pub(crate) fn new(workspace: &Path, name: &'static str) -> Self {
        Self {
            workspace: workspace.to_owned(),
            name,
            builds: Vec::new(),
        }
    }

    pub(crate) fn build(&self) -> Result<(), Box<dyn Error>> {
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build",
                "--release",
                "--offline",
                "--quiet",
                "--package",
                self.name,
            ])
            .arg("--target-dir")
            .arg(self.target())
            .current_dir(&self.workspace)
            .status()?;
        if !status.success() {
            return Err(format!("{} does not build", self.name).into());
        }
        Ok(())
    }

    /// Builds this program alone once more.
    pub(crate) fn time_build(&mut self) -> Result<(), Box<dyn Error>> {
        let source = self.workspace.join(self.name).join("src/main.rs");
        File::options()
            .append(true)
            .open(source)?
            .set_modified(SystemTime::now())?;
        let started = Instant::now();
        self.build()?;
        self.builds.push(started.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }

    pub(crate) fn sizes(&self) -> io::Result<Sizes> {
        let file = fs::read(self.target().join("release").join(self.name))?;
        let sections = elf::sections(&file)
            .ok_or_else(|| io::Error::other("sizes are read from 64-bit ELF programs only"))?;
        let loaded = |code_only: bool| {
            sections
                .iter()
                .filter(|section| {
                    if code_only {
                        section.code
                    } else {
                        section.loaded
                    }
                })
                .map(|section| section.size)
                .sum()
        };
        Ok(Sizes {
            code: loaded(true),
            stripped: loaded(false),
            file: file.len() as u64,
        })
    }

    fn target(&self) -> PathBuf {
        self.workspace.join("target")
    }
}
