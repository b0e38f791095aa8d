//! From datums to Rust values and back, so that a function's body is about its meaning.
//!
//! An argument has the type its function declares (expression invariant 1); what has not is an
//! error in Reckon, reported as such.

use std::sync::Arc;

use super::Call;
use crate::error::{DataError, Result};
use crate::types::{self, Array, Datum, Interval, Numeric, Oid, Text, Type, Varlena};

/// A Rust value that an argument can be read as.
pub(super) trait Argument<'a>: Sized {
    const NAME: &'static str;
    fn of(datum: &'a Datum) -> Option<Self>;
}

/// A Rust value that can be a result.
pub(super) trait Answer {
    fn datum(self) -> Result<Datum>;
}

macro_rules! plain {
    ($($rust:ty, $variant:ident;)*) => {$(
        impl<'a> Argument<'a> for $rust {
            const NAME: &'static str = stringify!($variant);

            fn of(datum: &'a Datum) -> Option<Self> {
                match datum {
                    Datum::$variant(value) => Some(*value),
                    _ => None,
                }
            }
        }

        impl Answer for $rust {
            fn datum(self) -> Result<Datum> {
                Ok(Datum::$variant(self))
            }
        }
    )*};
}

plain! {
    bool, Bool;
    i16, Int2;
    i32, Int4;
    i64, Int8;
    Oid, Oid;
    f32, Float4;
    f64, Float8;
}

/// A `date`: days from 2000-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Date(pub(super) i32);

/// A `time`: microseconds of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Time(pub(super) i64);

/// A `timestamp`: microseconds from 2000-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Timestamp(pub(super) i64);

/// A `timestamptz`: microseconds from 2000-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Timestamptz(pub(super) i64);

macro_rules! wrapped {
    ($($wrapper:ident;)*) => {$(
        impl<'a> Argument<'a> for $wrapper {
            const NAME: &'static str = stringify!($wrapper);

            fn of(datum: &'a Datum) -> Option<Self> {
                match datum {
                    Datum::$wrapper(value) => Some($wrapper(*value)),
                    _ => None,
                }
            }
        }

        impl Answer for $wrapper {
            fn datum(self) -> Result<Datum> {
                Ok(Datum::$wrapper(self.0))
            }
        }
    )*};
}

wrapped! {
    Date;
    Time;
    Timestamp;
    Timestamptz;
}

macro_rules! shared {
    ($($rust:ty, $variant:ident;)*) => {$(
        impl<'a> Argument<'a> for &'a $rust {
            const NAME: &'static str = stringify!($variant);

            fn of(datum: &'a Datum) -> Option<Self> {
                match datum {
                    Datum::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
    )*};
}

shared! {
    Numeric, Numeric;
    Interval, Interval;
    Array, Array;
    Text, Text;
}

impl<'a> Argument<'a> for &'a str {
    const NAME: &'static str = "Text";

    fn of(datum: &'a Datum) -> Option<Self> {
        match datum {
            Datum::Text(value) => Some(value.as_str()),
            _ => None,
        }
    }
}

impl<'a> Argument<'a> for &'a [u8] {
    const NAME: &'static str = "Bytea";

    fn of(datum: &'a Datum) -> Option<Self> {
        match datum {
            Datum::Bytea(value) => Some(value.as_bytes()),
            _ => None,
        }
    }
}

impl<'a> Argument<'a> for &'a Datum {
    const NAME: &'static str = "any value";

    fn of(datum: &'a Datum) -> Option<Self> {
        Some(datum)
    }
}

macro_rules! answers {
    ($($rust:ty, $value:ident => $datum:expr;)*) => {$(
        impl Answer for $rust {
            fn datum(self) -> Result<Datum> {
                let $value = self;
                Ok($datum)
            }
        }
    )*};
}

answers! {
    Datum, value => value;
    Numeric, value => Datum::numeric(value);
    Interval, value => Datum::interval(value);
    Varlena, value => Datum::Bytea(value);
    [u8; 16], value => Datum::Uuid(Arc::new(value));
    &str, value => Datum::text(value);
    usize, value => Datum::Int4(i32::try_from(value).unwrap_or(i32::MAX));
}

impl Answer for Array {
    fn datum(self) -> Result<Datum> {
        self.checked().map(Datum::array)
    }
}

impl Answer for Vec<u8> {
    fn datum(self) -> Result<Datum> {
        types::check_length(self.len())?;
        Ok(Datum::Bytea(Varlena::new(&self)))
    }
}

impl Answer for String {
    fn datum(self) -> Result<Datum> {
        types::check_length(self.len())?;
        Ok(Datum::text(&self))
    }
}

impl<T: Answer> Answer for Result<T> {
    fn datum(self) -> Result<Datum> {
        self?.datum()
    }
}

/// None is NULL.
impl<T: Answer> Answer for Option<T> {
    fn datum(self) -> Result<Datum> {
        self.map_or(Ok(Datum::Null), T::datum)
    }
}

impl<'a> Call<'a> {
    /// An argument that is there and not NULL.
    pub(super) fn arg<T: Argument<'a>>(&self, at: usize) -> Result<T> {
        let unexpected = || DataError::UnexpectedDatum { expected: T::NAME }.into();
        self.args.get(at).and_then(T::of).ok_or_else(unexpected)
    }

    /// The text form of an argument, whatever its type.
    pub(super) fn text_of(&self, at: usize) -> Result<String> {
        let ty = self.arg_types.get(at).copied().unwrap_or(Type::TEXT);
        let value: &Datum = self.arg(at)?;
        types::checked_text(value, ty, self.environment.formats())
    }

    /// Stops when the statement is to stop. To be called every so often by what may take long.
    pub(super) fn check(&self) -> Result<()> {
        self.environment.check()
    }

    /// An argument that may have been left out; not NULL.
    pub(super) fn optional<T: Argument<'a>>(&self, at: usize) -> Result<Option<T>> {
        if at < self.args.len() { self.arg(at).map(Some) } else { Ok(None) }
    }
}

/// Calls `f` with the one argument.
pub(super) fn map<'a, A: Argument<'a>, R: Answer>(
    call: &Call<'a>,
    f: impl FnOnce(A) -> R,
) -> Result<Datum> {
    f(call.arg(0)?).datum()
}

/// Calls `f` with the two arguments.
pub(super) fn map2<'a, A: Argument<'a>, B: Argument<'a>, R: Answer>(
    call: &Call<'a>,
    f: impl FnOnce(A, B) -> R,
) -> Result<Datum> {
    f(call.arg(0)?, call.arg(1)?).datum()
}

/// Calls `f` with the three arguments.
pub(super) fn map3<'a, A, B, C, R>(call: &Call<'a>, f: impl FnOnce(A, B, C) -> R) -> Result<Datum>
where
    A: Argument<'a>,
    B: Argument<'a>,
    C: Argument<'a>,
    R: Answer,
{
    f(call.arg(0)?, call.arg(1)?, call.arg(2)?).datum()
}
