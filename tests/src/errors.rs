use std::error::Error;

/// The text of an error and of each of its sources, outermost first.
pub fn texts(error: &(dyn Error + 'static)) -> Vec<String> {
    let chain = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| {
        (**error).source()
    });
    chain.map(ToString::to_string).collect()
}
