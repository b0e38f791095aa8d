//! Conversions between `numeric` and the other number types.

use bytes::BytesMut;

use bigdecimal::num_traits::ToPrimitive;

use super::super::{float, integer::Integer};
use super::{Numeric, rescaled};
use crate::error::{DataError, Result};

impl Numeric {
    /// Rounded to an integer type.
    pub(crate) fn to_integer<T: Integer>(&self) -> Result<T> {
        let value = match self {
            Numeric::NaN => "NaN",
            Numeric::Infinity | Numeric::NegativeInfinity => "infinity",
            Numeric::Finite(_) => "",
        };
        let Some((digits, scale)) = self.parts() else {
            return Err(DataError::CannotConvert { value, type_name: T::NAME }.into());
        };
        rescaled(&digits, scale, 0)
            .to_i64()
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| DataError::OutOfRange { type_name: T::NAME }.into())
    }

    /// The nearest float.
    pub(crate) fn to_float<T: float::Float>(&self) -> Result<T> {
        float::input(&self.to_text())
    }

    /// The nearest double; what is too large becomes infinite.
    pub(crate) fn to_double_saturating(&self) -> f64 {
        match self {
            Numeric::NaN => f64::NAN,
            _ => self.to_text().parse().unwrap_or(f64::INFINITY),
        }
    }

    /// A float as its type's sure digits say: fifteen for float8, six for float4.
    pub(crate) fn from_float<T: float::Float>(value: T) -> Result<Numeric> {
        let wide = value.wide();
        if wide.is_nan() {
            return Ok(Numeric::NaN);
        }
        if wide.is_infinite() {
            return Ok(if wide > 0.0 { Numeric::Infinity } else { Numeric::NegativeInfinity });
        }
        let mut text = BytesMut::new();
        float::output(value, 0, &mut text);
        Numeric::input(&String::from_utf8_lossy(&text))
    }
}
