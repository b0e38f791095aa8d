//! The words in which the tables of functions are written.

use super::{Body, Call, Function, Rows, Scalar, Volatility};
use crate::types::{Oid, Type};

pub(super) const ANY: Type = Type::ANY;
pub(super) const ANYARRAY: Type = Type::ANYARRAY;
pub(super) const ANYCOMPATIBLE: Type = Type::ANYCOMPATIBLE;
pub(super) const ANYCOMPATIBLEARRAY: Type = Type::ANYCOMPATIBLEARRAY;
pub(super) const ANYELEMENT: Type = Type::ANYELEMENT;
pub(super) const ANYNONARRAY: Type = Type::ANYNONARRAY;
pub(super) const BOOL: Type = Type::BOOL;
pub(super) const BPCHAR: Type = Type::BPCHAR;
pub(super) const BYTEA: Type = Type::BYTEA;
pub(super) const CHAR: Type = Type::CHAR;
pub(super) const CSTRING: Type = Type::CSTRING;
pub(super) const DATE: Type = Type::DATE;
pub(super) const FLOAT4: Type = Type::FLOAT4;
pub(super) const FLOAT8: Type = Type::FLOAT8;
pub(super) const INT2: Type = Type::INT2;
pub(super) const INT4: Type = Type::INT4;
pub(super) const INT4_ARRAY: Type = Type::INT4_ARRAY;
pub(super) const INT8: Type = Type::INT8;
pub(super) const INTERVAL: Type = Type::INTERVAL;
pub(super) const NAME: Type = Type::NAME;
pub(super) const NAME_ARRAY: Type = Type::NAME_ARRAY;
pub(super) const NUMERIC: Type = Type::NUMERIC;
pub(super) const OID: Type = Type::OID;
pub(super) const OIDVECTOR: Type = Type::OIDVECTOR;
pub(super) const RECORD: Type = Type::RECORD;
pub(super) const REGCLASS: Type = Type::REGCLASS;
pub(super) const REGTYPE: Type = Type::REGTYPE;
pub(super) const TEXT: Type = Type::TEXT;
pub(super) const TEXT_ARRAY: Type = Type::TEXT_ARRAY;
pub(super) const TIME: Type = Type::TIME;
pub(super) const TIMESTAMP: Type = Type::TIMESTAMP;
pub(super) const TIMESTAMPTZ: Type = Type::TIMESTAMPTZ;
pub(super) const UUID: Type = Type::UUID;
pub(super) const VARCHAR: Type = Type::VARCHAR;
pub(super) const VOID: Type = Type::VOID;
pub(super) const XID: Type = Type::XID;

pub(super) const fn oid(oid: u32) -> Oid {
    Oid(oid)
}

/// A strict function whose result depends on its arguments alone.
pub(super) const fn immutable(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    body: Scalar,
) -> Function {
    declare(oid, name, args, result, Volatility::Immutable, Body::Scalar(body))
}

/// A strict function whose result may differ between statements.
pub(super) const fn stable(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    body: Scalar,
) -> Function {
    declare(oid, name, args, result, Volatility::Stable, Body::Scalar(body))
}

/// A strict function whose result may differ between calls.
pub(super) const fn volatile(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    body: Scalar,
) -> Function {
    declare(oid, name, args, result, Volatility::Volatile, Body::Scalar(body))
}

/// A strict, immutable function that returns a set.
pub(super) const fn set(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    body: fn(&mut Call<'_>) -> crate::error::Result<Rows>,
) -> Function {
    declare(oid, name, args, result, Volatility::Immutable, Body::Set(body))
}

const fn declare(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    volatility: Volatility,
    body: Body,
) -> Function {
    Function {
        oid: Oid(oid),
        name,
        args,
        variadic: false,
        defaults: 0,
        result,
        strict: true,
        volatility,
        body,
    }
}

impl Function {
    /// Called with NULLs too.
    pub(super) const fn takes_nulls(mut self) -> Function {
        self.strict = false;
        self
    }

    /// The last argument may be repeated.
    pub(super) const fn variadic(mut self) -> Function {
        self.variadic = true;
        self
    }

    /// This many trailing arguments may be left out; the body sees fewer.
    pub(super) const fn defaults(mut self, count: usize) -> Function {
        self.defaults = count;
        self
    }

    /// A set whose rows may differ between statements.
    pub(super) const fn varies_by_statement(mut self) -> Function {
        self.volatility = Volatility::Stable;
        self
    }
}
