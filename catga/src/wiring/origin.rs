use std::fmt;

/// Where in the source something was declared.
///
/// Its [`Display`](fmt::Display) is `file:line`.
///
/// # Examples
///
/// ```
/// use catga::{Message, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = u32)]
/// #[derive(Serialize, Deserialize)]
/// struct Count;
///
/// let origin = Count::info().origin();
/// assert_eq!(origin.module(), module_path!());
/// assert_eq!(origin.to_string(), format!("{}:{}", origin.file(), origin.line()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    file: &'static str,
    line: u32,
    module: &'static str,
    package: &'static str,
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

    /// The path of the source file, as the compiler was given it.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// The module, such as `orders::billing`.
    #[must_use]
    pub const fn module(&self) -> &'static str {
        self.module
    }

    /// The package, as its `Cargo.toml` names it.
    #[must_use]
    pub const fn package(&self) -> &'static str {
        self.package
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
