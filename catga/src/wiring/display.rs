use std::fmt;

use super::Wiring;

const TITLES: [&str; 6] = [
    "message",
    "kind",
    "key",
    "strategy",
    "handler",
    "declared at",
];

impl fmt::Display for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 6]> = self.messages().iter().flat_map(rows).collect();
        let mut widths = TITLES.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line(f, &TITLES.map(str::to_owned), &widths)?;
        for row in &rows {
            f.write_str("\n")?;
            line(f, row, &widths)?;
        }
        Ok(())
    }
}

/// One row for each handler; the first one names the message.
fn rows(message: &super::WiredMessage) -> impl Iterator<Item = [String; 6]> {
    let info = message.info();
    let name = if info.version() == 1 {
        info.name().to_owned()
    } else {
        format!("{} v{}", info.name(), info.version())
    };
    let key = if info.route().is_keyed() {
        info.route().key().join(", ")
    } else {
        "-".to_owned()
    };
    let strategy = match info.route().topic() {
        Some(topic) => format!("{} {topic}", info.route().strategy()),
        None => info.route().strategy().to_string(),
    };
    let mut first = Some([name, info.kind().to_string(), key, strategy]);
    message.handlers().iter().map(move |handler| {
        let [name, kind, key, strategy] = first.take().unwrap_or_default();
        let mut path = format!("{}::{}", handler.module(), handler.name());
        for (marked, mark) in [
            (handler.is_broadcast(), " (broadcast)"),
            (handler.is_serial(), " (serial)"),
        ] {
            if marked {
                path.push_str(mark);
            }
        }
        [
            name,
            kind,
            key,
            strategy,
            path,
            handler.origin().to_string(),
        ]
    })
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[String; 6], widths: &[usize; 6]) -> fmt::Result {
    let text: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    f.write_str(text.join("  ").trim_end())
}
