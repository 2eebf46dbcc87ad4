use std::fmt;

/// Where in the source something was declared.
///
/// Its [`Display`](fmt::Display) is `file:line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Origin {
    /// The path of the source file, as the compiler was given it.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
    /// The module, such as `orders::billing`.
    pub module: &'static str,
    /// The package, as its `Cargo.toml` names it.
    pub package: &'static str,
}

impl Origin {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        file: &'static str,
        line: u32,
        module: &'static str,
        package: &'static str,
    ) -> Self {
        Self {
            file,
            line,
            module,
            package,
        }
    }

    /// The crate: the first segment of the module.
    #[must_use]
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
