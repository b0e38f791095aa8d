//! min and max.

use std::cmp::Ordering;

use super::{Accumulator, AggregateFunction, Type, aggregate};
use crate::error::Result;
use crate::types::{Datum, TypeOrder};

/// The first or the last value in the type's order. Of equal values, which may look different as
/// 1.0 and 1.00 do, it is the one that came last, but of `bpchar` the one that came first.
struct Extreme {
    value: Datum,
    order: TypeOrder,
    better: Ordering,
    keeps_first: bool,
}

impl Extreme {
    fn replaces(&self, value: &Datum) -> bool {
        let order = (self.order.compare)(value, &self.value);
        order == self.better || (order == Ordering::Equal && !self.keeps_first)
    }
}

impl Accumulator for Extreme {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let [value] = args else { return Ok(()) };
        if !value.is_null() && (self.value.is_null() || self.replaces(value)) {
            self.value = value.clone();
        }
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(self.value.clone())
    }
}

fn start(types: &[Type], better: Ordering) -> Box<dyn Accumulator> {
    let ty = types.first().copied().unwrap_or(Type::TEXT);
    let keeps_first = ty.oid == Type::BPCHAR.oid;
    Box::new(Extreme { value: Datum::Null, order: TypeOrder::of(ty), better, keeps_first })
}

const fn max(oid: u32, args: &'static [Type; 1]) -> AggregateFunction {
    aggregate(oid, "max", args, args[0], |types| start(types, Ordering::Greater))
}

const fn min(oid: u32, args: &'static [Type; 1]) -> AggregateFunction {
    aggregate(oid, "min", args, args[0], |types| start(types, Ordering::Less))
}

pub(super) static AGGREGATES: &[AggregateFunction] = &[
    max(2050, &[Type::ANYARRAY]),
    max(2115, &[Type::INT8]),
    max(2116, &[Type::INT4]),
    max(2117, &[Type::INT2]),
    max(2118, &[Type::OID]),
    max(2119, &[Type::FLOAT4]),
    max(2120, &[Type::FLOAT8]),
    max(2122, &[Type::DATE]),
    max(2123, &[Type::TIME]),
    max(2126, &[Type::TIMESTAMP]),
    max(2127, &[Type::TIMESTAMPTZ]),
    max(2128, &[Type::INTERVAL]),
    max(2129, &[Type::TEXT]),
    max(2130, &[Type::NUMERIC]),
    max(2244, &[Type::BPCHAR]),
    min(2051, &[Type::ANYARRAY]),
    min(2131, &[Type::INT8]),
    min(2132, &[Type::INT4]),
    min(2133, &[Type::INT2]),
    min(2134, &[Type::OID]),
    min(2135, &[Type::FLOAT4]),
    min(2136, &[Type::FLOAT8]),
    min(2138, &[Type::DATE]),
    min(2139, &[Type::TIME]),
    min(2142, &[Type::TIMESTAMP]),
    min(2143, &[Type::TIMESTAMPTZ]),
    min(2144, &[Type::INTERVAL]),
    min(2145, &[Type::TEXT]),
    min(2146, &[Type::NUMERIC]),
    min(2245, &[Type::BPCHAR]),
];
