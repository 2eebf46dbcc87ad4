//! What the attributes of all macros have in common: how options are written and reported.

mod crate_path;
mod duration;
mod errors;
mod options;
mod suggestion;
mod value;

pub(crate) use crate_path::{CratePath, respan};
pub(crate) use duration::parse_duration;
pub(crate) use errors::Errors;
pub(crate) use options::Options;
pub(crate) use suggestion::{closest, did_you_mean, list};
pub(crate) use value::{parse_or, parse_positive, parse_text, parse_unquoted, take_to_comma};
