/// The name of the crate that the compiler was given as `alias`; the alias itself where its
/// arguments do not tell, as in an editor.
///
/// Cargo passes `--extern alias=/path/lib<crate name>-<hash>.rlib`, perhaps with options in front
/// of the alias: `--extern noprelude:alias=..`.
pub(crate) fn crate_name(alias: &str, arguments: &[String]) -> String {
    arguments
        .iter()
        .enumerate()
        .filter_map(
            |(index, argument)| match argument.strip_prefix("--extern") {
                Some("") => arguments.get(index + 1).map(String::as_str),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            },
        )
        .find_map(|value| {
            let (name, path) = value.split_once('=')?;
            let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
            (name == alias).then(|| file_to_crate_name(path)).flatten()
        })
        .unwrap_or(alias)
        .to_owned()
}

fn file_to_crate_name(path: &str) -> Option<&str> {
    let file = path.rsplit(['/', '\\']).next()?;
    let (stem, extension) = file.split_once('.')?;
    // A library for Windows has no prefix, and a crate's own name may begin with it.
    let stem = match extension {
        "dll" => stem,
        _ => stem.strip_prefix("lib")?,
    };
    let name = stem.split('-').next()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(alias: &str, arguments: &[&str]) -> String {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        crate_name(alias, &arguments)
    }

    #[test]
    fn all_forms_of_the_option() {
        let forms: [&[&str]; 4] = [
            &["--extern", "bus=/target/deps/libshop_orders-0f3a.rlib"],
            &["--extern=bus=/target/deps/libshop_orders-0f3a.rmeta"],
            &[
                "--extern",
                "priv,noprelude:bus=/target/deps/libshop_orders-0f3a.so",
            ],
            &["--extern", "bus=C:\\target\\deps\\shop_orders-0f3a.dll"],
        ];
        for arguments in forms {
            assert_eq!(name("bus", arguments), "shop_orders", "{arguments:?}");
        }
    }

    #[test]
    fn without_a_hash_and_with_a_prefix_of_its_own() {
        assert_eq!(name("a", &["--extern", "a=/x/liborders.rlib"]), "orders");
        assert_eq!(
            name("a", &["--extern", "a=/x/liblibrary-1.rlib"]),
            "library"
        );
    }

    #[test]
    fn otherwise_the_alias() {
        assert_eq!(name("orders", &[]), "orders");
        assert_eq!(name("orders", &["--extern"]), "orders");
        assert_eq!(name("orders", &["--extern", "orders"]), "orders");
        assert_eq!(
            name("orders", &["--extern", "other=/x/libother-1.rlib"]),
            "orders"
        );
        assert_eq!(
            name("orders", &["--external=orders=/x/libother-1.rlib"]),
            "orders"
        );
    }
}
