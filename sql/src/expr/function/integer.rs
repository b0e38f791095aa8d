//! Arithmetic, bits and casts of the integer types.

use super::declare::*;
use super::value::{map, map2};
use super::{Call, Function};
use crate::error::{DataError, Result};
use crate::types::{Datum, Oid};

/// An integer type that reports what it cannot hold.
pub(super) trait Checked: Copy + Sized + Ord + Default {
    /// The type's name in messages.
    const NAME: &'static str;
    fn plus(self, other: Self) -> Option<Self>;
    fn minus(self, other: Self) -> Option<Self>;
    fn times(self, other: Self) -> Option<Self>;
    fn over(self, other: Self) -> Option<Self>;
    /// The remainder; zero where the quotient overflows.
    fn rest(self, other: Self) -> Self;
    /// From a wider one.
    fn narrow(value: i64) -> Option<Self>;
    fn widen(self) -> i64;
}

macro_rules! checked {
    ($($rust:ty, $name:literal;)*) => {$(
        impl Checked for $rust {
            const NAME: &'static str = $name;
            fn plus(self, other: Self) -> Option<Self> {
                self.checked_add(other)
            }
            fn minus(self, other: Self) -> Option<Self> {
                self.checked_sub(other)
            }
            fn times(self, other: Self) -> Option<Self> {
                self.checked_mul(other)
            }
            fn over(self, other: Self) -> Option<Self> {
                self.checked_div(other)
            }
            fn rest(self, other: Self) -> Self {
                self.wrapping_rem(other)
            }
            fn narrow(value: i64) -> Option<Self> {
                value.try_into().ok()
            }
            fn widen(self) -> i64 {
                i64::from(self)
            }
        }
    )*};
}

checked! {
    i16, "smallint";
    i32, "integer";
    i64, "bigint";
}

fn fits<T: Checked>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| DataError::OutOfRange { type_name: T::NAME }.into())
}

fn add<T: Checked>(a: impl Into<T>, b: impl Into<T>) -> Result<T> {
    fits(a.into().plus(b.into()))
}

fn subtract<T: Checked>(a: impl Into<T>, b: impl Into<T>) -> Result<T> {
    fits(a.into().minus(b.into()))
}

fn multiply<T: Checked>(a: impl Into<T>, b: impl Into<T>) -> Result<T> {
    fits(a.into().times(b.into()))
}

fn divide<T: Checked>(a: impl Into<T>, b: impl Into<T>) -> Result<T> {
    let b = b.into();
    if b == T::default() {
        return Err(DataError::DivisionByZero.into());
    }
    fits(a.into().over(b))
}

fn remainder<T: Checked>(a: T, b: T) -> Result<T> {
    if b == T::default() { Err(DataError::DivisionByZero.into()) } else { Ok(a.rest(b)) }
}

fn negate<T: Checked>(a: T) -> Result<T> {
    fits(T::default().minus(a))
}

fn absolute<T: Checked>(a: T) -> Result<T> {
    if a < T::default() { negate(a) } else { Ok(a) }
}

fn narrow<T: Checked>(value: impl Into<i64>) -> Result<T> {
    fits(T::narrow(value.into()))
}

fn greatest_common_divisor<T: Checked>(a: T, b: T) -> Result<T> {
    let (mut a, mut b) = (a.widen().unsigned_abs(), b.widen().unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    fits(i64::try_from(a).ok().and_then(T::narrow))
}

fn least_common_multiple<T: Checked>(a: T, b: T) -> Result<T> {
    if a == T::default() || b == T::default() {
        return Ok(T::default());
    }
    let divisor = greatest_common_divisor(a, b)?;
    absolute(fits((a.over(divisor)).and_then(|a| a.times(b)))?)
}

/// `oid(int8)`. Also what makes an OID of the narrower integers, whose datums are not OIDs'.
fn to_oid(call: &mut Call<'_>) -> Result<Datum> {
    let oid = match call.arg::<&Datum>(0)? {
        // As PostgreSQL, the OID with the same bits.
        Datum::Int2(value) => i32::from(*value).cast_unsigned(),
        Datum::Int4(value) => value.cast_unsigned(),
        other => match other {
            Datum::Int8(value) => {
                u32::try_from(*value).map_err(|_| DataError::OutOfRange { type_name: "OID" })?
            }
            _ => return Err(DataError::UnexpectedDatum { expected: "an integer" }.into()),
        },
    };
    Ok(Datum::Oid(Oid(oid)))
}

/// `int8(oid)`. Also what makes an `int4` of an OID, by its bits.
fn from_oid(call: &mut Call<'_>) -> Result<Datum> {
    let oid: Oid = call.arg(0)?;
    Ok(if call.result.oid == INT4.oid {
        Datum::Int4(oid.0.cast_signed())
    } else {
        Datum::Int8(i64::from(oid.0))
    })
}

/// Shifts count within the width, as the hardware does.
fn shift(by: i32) -> u32 {
    by.cast_unsigned()
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(176, "int2pl", &[INT2, INT2], INT2, |call| {
        map2(call, |a: i16, b: i16| add::<i16>(a, b))
    }),
    immutable(180, "int2mi", &[INT2, INT2], INT2, |call| {
        map2(call, |a: i16, b: i16| subtract::<i16>(a, b))
    }),
    immutable(152, "int2mul", &[INT2, INT2], INT2, |call| {
        map2(call, |a: i16, b: i16| multiply::<i16>(a, b))
    }),
    immutable(153, "int2div", &[INT2, INT2], INT2, |call| {
        map2(call, |a: i16, b: i16| divide::<i16>(a, b))
    }),
    immutable(177, "int4pl", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, b: i32| add::<i32>(a, b))
    }),
    immutable(181, "int4mi", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, b: i32| subtract::<i32>(a, b))
    }),
    immutable(141, "int4mul", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, b: i32| multiply::<i32>(a, b))
    }),
    immutable(154, "int4div", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, b: i32| divide::<i32>(a, b))
    }),
    immutable(463, "int8pl", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| add::<i64>(a, b))
    }),
    immutable(464, "int8mi", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| subtract::<i64>(a, b))
    }),
    immutable(465, "int8mul", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| multiply::<i64>(a, b))
    }),
    immutable(466, "int8div", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| divide::<i64>(a, b))
    }),
    immutable(178, "int24pl", &[INT2, INT4], INT4, |call| {
        map2(call, |a: i16, b: i32| add::<i32>(a, b))
    }),
    immutable(182, "int24mi", &[INT2, INT4], INT4, |call| {
        map2(call, |a: i16, b: i32| subtract::<i32>(a, b))
    }),
    immutable(170, "int24mul", &[INT2, INT4], INT4, |call| {
        map2(call, |a: i16, b: i32| multiply::<i32>(a, b))
    }),
    immutable(172, "int24div", &[INT2, INT4], INT4, |call| {
        map2(call, |a: i16, b: i32| divide::<i32>(a, b))
    }),
    immutable(179, "int42pl", &[INT4, INT2], INT4, |call| {
        map2(call, |a: i32, b: i16| add::<i32>(a, b))
    }),
    immutable(183, "int42mi", &[INT4, INT2], INT4, |call| {
        map2(call, |a: i32, b: i16| subtract::<i32>(a, b))
    }),
    immutable(171, "int42mul", &[INT4, INT2], INT4, |call| {
        map2(call, |a: i32, b: i16| multiply::<i32>(a, b))
    }),
    immutable(173, "int42div", &[INT4, INT2], INT4, |call| {
        map2(call, |a: i32, b: i16| divide::<i32>(a, b))
    }),
    immutable(841, "int28pl", &[INT2, INT8], INT8, |call| {
        map2(call, |a: i16, b: i64| add::<i64>(a, b))
    }),
    immutable(942, "int28mi", &[INT2, INT8], INT8, |call| {
        map2(call, |a: i16, b: i64| subtract::<i64>(a, b))
    }),
    immutable(943, "int28mul", &[INT2, INT8], INT8, |call| {
        map2(call, |a: i16, b: i64| multiply::<i64>(a, b))
    }),
    immutable(948, "int28div", &[INT2, INT8], INT8, |call| {
        map2(call, |a: i16, b: i64| divide::<i64>(a, b))
    }),
    immutable(837, "int82pl", &[INT8, INT2], INT8, |call| {
        map2(call, |a: i64, b: i16| add::<i64>(a, b))
    }),
    immutable(838, "int82mi", &[INT8, INT2], INT8, |call| {
        map2(call, |a: i64, b: i16| subtract::<i64>(a, b))
    }),
    immutable(839, "int82mul", &[INT8, INT2], INT8, |call| {
        map2(call, |a: i64, b: i16| multiply::<i64>(a, b))
    }),
    immutable(840, "int82div", &[INT8, INT2], INT8, |call| {
        map2(call, |a: i64, b: i16| divide::<i64>(a, b))
    }),
    immutable(1278, "int48pl", &[INT4, INT8], INT8, |call| {
        map2(call, |a: i32, b: i64| add::<i64>(a, b))
    }),
    immutable(1279, "int48mi", &[INT4, INT8], INT8, |call| {
        map2(call, |a: i32, b: i64| subtract::<i64>(a, b))
    }),
    immutable(1280, "int48mul", &[INT4, INT8], INT8, |call| {
        map2(call, |a: i32, b: i64| multiply::<i64>(a, b))
    }),
    immutable(1281, "int48div", &[INT4, INT8], INT8, |call| {
        map2(call, |a: i32, b: i64| divide::<i64>(a, b))
    }),
    immutable(1274, "int84pl", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, b: i32| add::<i64>(a, b))
    }),
    immutable(1275, "int84mi", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, b: i32| subtract::<i64>(a, b))
    }),
    immutable(1276, "int84mul", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, b: i32| multiply::<i64>(a, b))
    }),
    immutable(1277, "int84div", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, b: i32| divide::<i64>(a, b))
    }),
    immutable(155, "int2mod", &[INT2, INT2], INT2, |call| map2(call, remainder::<i16>)),
    immutable(156, "int4mod", &[INT4, INT4], INT4, |call| map2(call, remainder::<i32>)),
    immutable(945, "int8mod", &[INT8, INT8], INT8, |call| map2(call, remainder::<i64>)),
    immutable(940, "mod", &[INT2, INT2], INT2, |call| map2(call, remainder::<i16>)),
    immutable(941, "mod", &[INT4, INT4], INT4, |call| map2(call, remainder::<i32>)),
    immutable(947, "mod", &[INT8, INT8], INT8, |call| map2(call, remainder::<i64>)),
    immutable(213, "int2um", &[INT2], INT2, |call| map(call, negate::<i16>)),
    immutable(212, "int4um", &[INT4], INT4, |call| map(call, negate::<i32>)),
    immutable(462, "int8um", &[INT8], INT8, |call| map(call, negate::<i64>)),
    immutable(1911, "int2up", &[INT2], INT2, |call| map(call, |a: i16| a)),
    immutable(1912, "int4up", &[INT4], INT4, |call| map(call, |a: i32| a)),
    immutable(1910, "int8up", &[INT8], INT8, |call| map(call, |a: i64| a)),
    immutable(1253, "int2abs", &[INT2], INT2, |call| map(call, absolute::<i16>)),
    immutable(1251, "int4abs", &[INT4], INT4, |call| map(call, absolute::<i32>)),
    immutable(1230, "int8abs", &[INT8], INT8, |call| map(call, absolute::<i64>)),
    immutable(1398, "abs", &[INT2], INT2, |call| map(call, absolute::<i16>)),
    immutable(1397, "abs", &[INT4], INT4, |call| map(call, absolute::<i32>)),
    immutable(1396, "abs", &[INT8], INT8, |call| map(call, absolute::<i64>)),
    immutable(766, "int4inc", &[INT4], INT4, |call| map(call, |a: i32| add::<i32>(a, 1))),
    immutable(1219, "int8inc", &[INT8], INT8, |call| map(call, |a: i64| add::<i64>(a, 1))),
    immutable(770, "int2larger", &[INT2, INT2], INT2, |call| map2(call, |a: i16, b: i16| a.max(b))),
    immutable(771, "int2smaller", &[INT2, INT2], INT2, |call| {
        map2(call, |a: i16, b: i16| a.min(b))
    }),
    immutable(768, "int4larger", &[INT4, INT4], INT4, |call| map2(call, |a: i32, b: i32| a.max(b))),
    immutable(769, "int4smaller", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, b: i32| a.min(b))
    }),
    immutable(1236, "int8larger", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| a.max(b))
    }),
    immutable(1237, "int8smaller", &[INT8, INT8], INT8, |call| {
        map2(call, |a: i64, b: i64| a.min(b))
    }),
    immutable(5044, "gcd", &[INT4, INT4], INT4, |call| map2(call, greatest_common_divisor::<i32>)),
    immutable(5045, "gcd", &[INT8, INT8], INT8, |call| map2(call, greatest_common_divisor::<i64>)),
    immutable(5046, "lcm", &[INT4, INT4], INT4, |call| map2(call, least_common_multiple::<i32>)),
    immutable(5047, "lcm", &[INT8, INT8], INT8, |call| map2(call, least_common_multiple::<i64>)),
    immutable(1892, "int2and", &[INT2, INT2], INT2, |call| map2(call, |a: i16, b: i16| a & b)),
    immutable(1893, "int2or", &[INT2, INT2], INT2, |call| map2(call, |a: i16, b: i16| a | b)),
    immutable(1894, "int2xor", &[INT2, INT2], INT2, |call| map2(call, |a: i16, b: i16| a ^ b)),
    immutable(1895, "int2not", &[INT2], INT2, |call| map(call, |a: i16| !a)),
    immutable(1896, "int2shl", &[INT2, INT4], INT2, |call| {
        map2(call, |a: i16, by: i32| i32::from(a).wrapping_shl(shift(by)) as i16)
    }),
    immutable(1897, "int2shr", &[INT2, INT4], INT2, |call| {
        map2(call, |a: i16, by: i32| i32::from(a).wrapping_shr(shift(by)) as i16)
    }),
    immutable(1898, "int4and", &[INT4, INT4], INT4, |call| map2(call, |a: i32, b: i32| a & b)),
    immutable(1899, "int4or", &[INT4, INT4], INT4, |call| map2(call, |a: i32, b: i32| a | b)),
    immutable(1900, "int4xor", &[INT4, INT4], INT4, |call| map2(call, |a: i32, b: i32| a ^ b)),
    immutable(1901, "int4not", &[INT4], INT4, |call| map(call, |a: i32| !a)),
    immutable(1902, "int4shl", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, by: i32| a.wrapping_shl(shift(by)))
    }),
    immutable(1903, "int4shr", &[INT4, INT4], INT4, |call| {
        map2(call, |a: i32, by: i32| a.wrapping_shr(shift(by)))
    }),
    immutable(1904, "int8and", &[INT8, INT8], INT8, |call| map2(call, |a: i64, b: i64| a & b)),
    immutable(1905, "int8or", &[INT8, INT8], INT8, |call| map2(call, |a: i64, b: i64| a | b)),
    immutable(1906, "int8xor", &[INT8, INT8], INT8, |call| map2(call, |a: i64, b: i64| a ^ b)),
    immutable(1907, "int8not", &[INT8], INT8, |call| map(call, |a: i64| !a)),
    immutable(1908, "int8shl", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, by: i32| a.wrapping_shl(shift(by)))
    }),
    immutable(1909, "int8shr", &[INT8, INT4], INT8, |call| {
        map2(call, |a: i64, by: i32| a.wrapping_shr(shift(by)))
    }),
    immutable(314, "int2", &[INT4], INT2, |call| map(call, |a: i32| narrow::<i16>(a))),
    immutable(714, "int2", &[INT8], INT2, |call| map(call, |a: i64| narrow::<i16>(a))),
    immutable(313, "int4", &[INT2], INT4, |call| map(call, |a: i16| i32::from(a))),
    immutable(480, "int4", &[INT8], INT4, |call| map(call, |a: i64| narrow::<i32>(a))),
    immutable(754, "int8", &[INT2], INT8, |call| map(call, |a: i16| i64::from(a))),
    immutable(481, "int8", &[INT4], INT8, |call| map(call, |a: i32| i64::from(a))),
    immutable(1288, "int8", &[OID], INT8, from_oid),
    immutable(1287, "oid", &[INT8], OID, to_oid),
    immutable(2558, "int4", &[BOOL], INT4, |call| map(call, |a: bool| i32::from(a))),
    immutable(2557, "bool", &[INT4], BOOL, |call| map(call, |a: i32| a != 0)),
    immutable(1319, "xideqint4", &[XID, INT4], BOOL, |call| {
        map2(call, |a: Oid, b: i32| a.0 == b.cast_unsigned())
    }),
    immutable(3309, "xidneqint4", &[XID, INT4], BOOL, |call| {
        map2(call, |a: Oid, b: i32| a.0 != b.cast_unsigned())
    }),
];
