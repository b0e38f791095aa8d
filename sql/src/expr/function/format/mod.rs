//! Formatting by pictures: to_char, to_date, to_timestamp and to_number.
//!
//! A picture is taken apart into pieces ([`picture`]): patterns and what stands for itself. Dates
//! and numbers have patterns of their own.

mod date_picture;
mod moment;
mod number_picture;
mod number_read;
mod picture;
mod read;
mod write;

use super::Function;

/// Every table of functions with pictures.
pub(super) static TABLES: &[&[Function]] =
    &[number_picture::FUNCTIONS, number_read::FUNCTIONS, read::FUNCTIONS, write::FUNCTIONS];
