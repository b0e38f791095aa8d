//! Casts: rows of `pg_cast`.
//!
//! Between the integers and the OIDs PostgreSQL keeps the bits; their datums differ here, so those
//! go by function.

use super::declare::*;
use super::{Cast, CastContext, CastMethod};
use crate::types::Type;

const RELABEL: CastMethod = CastMethod::Relabel;

const fn by(function: u32) -> CastMethod {
    CastMethod::Function(oid(function))
}

const fn implicit(source: Type, target: Type, method: CastMethod) -> Cast {
    Cast { source, target, method, context: CastContext::Implicit }
}

const fn assignment(source: Type, target: Type, method: CastMethod) -> Cast {
    Cast { source, target, method, context: CastContext::Assignment }
}

const fn explicit(source: Type, target: Type, method: CastMethod) -> Cast {
    Cast { source, target, method, context: CastContext::Explicit }
}

pub(super) static CASTS: &[Cast] = &[
    explicit(BOOL, INT4, by(2558)),
    assignment(BOOL, TEXT, by(2971)),
    assignment(BOOL, BPCHAR, by(2971)),
    assignment(BOOL, VARCHAR, by(2971)),
    explicit(CHAR, INT4, by(77)),
    implicit(CHAR, TEXT, by(946)),
    assignment(CHAR, BPCHAR, by(860)),
    assignment(CHAR, VARCHAR, by(946)),
    implicit(NAME, TEXT, by(406)),
    assignment(NAME, BPCHAR, by(408)),
    assignment(NAME, VARCHAR, by(1401)),
    assignment(INT8, INT2, by(714)),
    assignment(INT8, INT4, by(480)),
    implicit(INT8, Type::REGPROC, by(1287)),
    implicit(INT8, OID, by(1287)),
    implicit(INT8, FLOAT4, by(652)),
    implicit(INT8, FLOAT8, by(482)),
    implicit(INT8, NUMERIC, by(1781)),
    implicit(INT8, Type::REGPROCEDURE, by(1287)),
    implicit(INT8, REGCLASS, by(1287)),
    implicit(INT8, REGTYPE, by(1287)),
    implicit(INT8, Type::REGNAMESPACE, by(1287)),
    implicit(INT8, Type::REGROLE, by(1287)),
    implicit(INT2, INT8, by(754)),
    implicit(INT2, INT4, by(313)),
    implicit(INT2, Type::REGPROC, by(1287)),
    implicit(INT2, OID, by(1287)),
    implicit(INT2, FLOAT4, by(236)),
    implicit(INT2, FLOAT8, by(235)),
    implicit(INT2, NUMERIC, by(1782)),
    implicit(INT2, Type::REGPROCEDURE, by(1287)),
    implicit(INT2, REGCLASS, by(1287)),
    implicit(INT2, REGTYPE, by(1287)),
    implicit(INT2, Type::REGNAMESPACE, by(1287)),
    implicit(INT2, Type::REGROLE, by(1287)),
    explicit(INT4, BOOL, by(2557)),
    explicit(INT4, CHAR, by(78)),
    implicit(INT4, INT8, by(481)),
    assignment(INT4, INT2, by(314)),
    implicit(INT4, Type::REGPROC, by(1287)),
    implicit(INT4, OID, by(1287)),
    implicit(INT4, FLOAT4, by(318)),
    implicit(INT4, FLOAT8, by(316)),
    implicit(INT4, NUMERIC, by(1740)),
    implicit(INT4, Type::REGPROCEDURE, by(1287)),
    implicit(INT4, REGCLASS, by(1287)),
    implicit(INT4, REGTYPE, by(1287)),
    implicit(INT4, Type::REGNAMESPACE, by(1287)),
    implicit(INT4, Type::REGROLE, by(1287)),
    assignment(Type::REGPROC, INT8, by(1288)),
    assignment(Type::REGPROC, INT4, by(1288)),
    implicit(Type::REGPROC, OID, RELABEL),
    implicit(Type::REGPROC, Type::REGPROCEDURE, RELABEL),
    assignment(TEXT, CHAR, by(944)),
    implicit(TEXT, NAME, by(407)),
    implicit(TEXT, BPCHAR, RELABEL),
    implicit(TEXT, VARCHAR, RELABEL),
    implicit(TEXT, REGCLASS, by(1079)),
    assignment(OID, INT8, by(1288)),
    assignment(OID, INT4, by(1288)),
    implicit(OID, Type::REGPROC, RELABEL),
    implicit(OID, Type::REGPROCEDURE, RELABEL),
    implicit(OID, REGCLASS, RELABEL),
    implicit(OID, REGTYPE, RELABEL),
    implicit(OID, Type::REGNAMESPACE, RELABEL),
    implicit(OID, Type::REGROLE, RELABEL),
    assignment(FLOAT4, INT8, by(653)),
    assignment(FLOAT4, INT2, by(238)),
    assignment(FLOAT4, INT4, by(319)),
    implicit(FLOAT4, FLOAT8, by(311)),
    assignment(FLOAT4, NUMERIC, by(1742)),
    assignment(FLOAT8, INT8, by(483)),
    assignment(FLOAT8, INT2, by(237)),
    assignment(FLOAT8, INT4, by(317)),
    assignment(FLOAT8, FLOAT4, by(312)),
    assignment(FLOAT8, NUMERIC, by(1743)),
    assignment(BPCHAR, CHAR, by(944)),
    implicit(BPCHAR, NAME, by(409)),
    implicit(BPCHAR, TEXT, by(401)),
    implicit(BPCHAR, VARCHAR, by(401)),
    assignment(VARCHAR, CHAR, by(944)),
    implicit(VARCHAR, NAME, by(1400)),
    implicit(VARCHAR, TEXT, RELABEL),
    implicit(VARCHAR, BPCHAR, RELABEL),
    implicit(VARCHAR, REGCLASS, by(1079)),
    implicit(DATE, TIMESTAMP, by(2024)),
    implicit(DATE, TIMESTAMPTZ, by(1174)),
    implicit(TIME, INTERVAL, by(1370)),
    assignment(TIMESTAMP, DATE, by(2029)),
    assignment(TIMESTAMP, TIME, by(1316)),
    implicit(TIMESTAMP, TIMESTAMPTZ, by(2028)),
    assignment(TIMESTAMPTZ, DATE, by(1178)),
    assignment(TIMESTAMPTZ, TIME, by(2019)),
    assignment(TIMESTAMPTZ, TIMESTAMP, by(2027)),
    assignment(INTERVAL, TIME, by(1419)),
    assignment(NUMERIC, INT8, by(1779)),
    assignment(NUMERIC, INT2, by(1783)),
    assignment(NUMERIC, INT4, by(1744)),
    implicit(NUMERIC, FLOAT4, by(1745)),
    implicit(NUMERIC, FLOAT8, by(1746)),
    assignment(Type::REGPROCEDURE, INT8, by(1288)),
    assignment(Type::REGPROCEDURE, INT4, by(1288)),
    implicit(Type::REGPROCEDURE, Type::REGPROC, RELABEL),
    implicit(Type::REGPROCEDURE, OID, RELABEL),
    assignment(REGCLASS, INT8, by(1288)),
    assignment(REGCLASS, INT4, by(1288)),
    implicit(REGCLASS, OID, RELABEL),
    assignment(REGTYPE, INT8, by(1288)),
    assignment(REGTYPE, INT4, by(1288)),
    implicit(REGTYPE, OID, RELABEL),
    assignment(Type::REGNAMESPACE, INT8, by(1288)),
    assignment(Type::REGNAMESPACE, INT4, by(1288)),
    implicit(Type::REGNAMESPACE, OID, RELABEL),
    assignment(Type::REGROLE, INT8, by(1288)),
    assignment(Type::REGROLE, INT4, by(1288)),
    implicit(Type::REGROLE, OID, RELABEL),
];
