//! Comparisons: the six operators of every pair of types and the function that sorts it.

use std::cmp::Ordering;

use super::declare::*;
use super::value::Argument;
use super::{Call, Function, Scalar};
use crate::error::{DataError, Result, TypeError};
use crate::types::{self, Datum, Type, TypeOrder};

/// A way to compare two arguments.
trait Order {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering>;
}

/// Both of one type, or of two that are held alike.
struct Same;

impl Order for Same {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        Ok(types::compare(left, right))
    }
}

/// `char(n)`: trailing blanks do not count.
struct Bpchar;

impl Order for Bpchar {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        Ok((TypeOrder::of(Type::BPCHAR).compare)(left, right))
    }
}

fn both<'a, T: Argument<'a> + Ord>(left: &'a Datum, right: &'a Datum) -> Result<Ordering> {
    match (T::of(left), T::of(right)) {
        (Some(left), Some(right)) => Ok(left.cmp(&right)),
        _ => Err(DataError::UnexpectedDatum { expected: T::NAME }.into()),
    }
}

/// Two `int4`, the most frequent pair.
struct Int4s;

impl Order for Int4s {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        both::<i32>(left, right)
    }
}

/// Two `int8`.
struct Int8s;

impl Order for Int8s {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        both::<i64>(left, right)
    }
}

/// Integers of two widths.
struct Integers;

impl Order for Integers {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        Ok(wide(left)?.cmp(&wide(right)?))
    }
}

fn wide(value: &Datum) -> Result<i64> {
    match value {
        Datum::Int2(value) => Ok(i64::from(*value)),
        Datum::Int4(value) => Ok(i64::from(*value)),
        Datum::Int8(value) => Ok(*value),
        _ => Err(DataError::UnexpectedDatum { expected: "an integer" }.into()),
    }
}

/// Floats of two widths.
struct Floats;

impl Order for Floats {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        let wide = |value: &Datum| match value {
            Datum::Float4(value) => Datum::Float8(f64::from(*value)),
            other => other.clone(),
        };
        Ok(types::compare(&wide(left), &wide(right)))
    }
}

/// Rows, whose fields must have the same types.
struct Records;

impl Order for Records {
    fn order(left: &Datum, right: &Datum) -> Result<Ordering> {
        let (Datum::Record(left), Datum::Record(right)) = (left, right) else {
            return Ok(types::compare(left, right));
        };
        for (at, (left, right)) in left.iter().zip(right.iter()).enumerate() {
            let is_known = !left.is_null() && !right.is_null();
            let (one, other) = (left.natural_type(), right.natural_type());
            if is_known && one != other {
                let (left, right) = (types::name(one), types::name(other));
                return Err(TypeError::RecordColumn { left, right, column: at + 1 }.into());
            }
            let order = Self::order(left, right)?;
            if order.is_ne() {
                return Ok(order);
            }
        }
        if left.len() == right.len() {
            Ok(Ordering::Equal)
        } else {
            Err(TypeError::RecordWidth.into())
        }
    }
}

type Named = (u32, &'static str);

/// `=`, `<>`, `<`, `<=`, `>`, `>=` and the sort function, in this order.
const fn pair<O: Order>(args: &'static [Type; 2], names: [Named; 7]) -> [Function; 7] {
    let [eq, ne, lt, le, gt, ge, cmp] = names;
    [
        one(eq, args, BOOL, |call| test::<O>(call, Ordering::is_eq)),
        one(ne, args, BOOL, |call| test::<O>(call, Ordering::is_ne)),
        one(lt, args, BOOL, |call| test::<O>(call, Ordering::is_lt)),
        one(le, args, BOOL, |call| test::<O>(call, Ordering::is_le)),
        one(gt, args, BOOL, |call| test::<O>(call, Ordering::is_gt)),
        one(ge, args, BOOL, |call| test::<O>(call, Ordering::is_ge)),
        one(cmp, args, INT4, |call| Ok(Datum::Int4(order::<O>(call)? as i32))),
    ]
}

const fn one((oid, name): Named, args: &'static [Type; 2], result: Type, body: Scalar) -> Function {
    immutable(oid, name, args, result, body)
}

fn order<O: Order>(call: &Call<'_>) -> Result<Ordering> {
    let [left, right] = call.args else {
        return Err(DataError::UnexpectedDatum { expected: "two arguments" }.into());
    };
    O::order(left, right)
}

fn test<O: Order>(call: &Call<'_>, is: fn(Ordering) -> bool) -> Result<Datum> {
    Ok(Datum::Bool(is(order::<O>(call)?)))
}

/// `pg_proc` of the comparisons.
pub(super) fn functions() -> impl Iterator<Item = &'static Function> {
    PAIRS.iter().flatten().chain(OTHERS)
}

static OTHERS: &[Function] = &[
    immutable(68, "xideq", &[XID, XID], BOOL, |call| test::<Same>(call, Ordering::is_eq)),
    immutable(3308, "xidneq", &[XID, XID], BOOL, |call| test::<Same>(call, Ordering::is_ne)),
];

static PAIRS: &[[Function; 7]] = &[
    pair::<Same>(
        &[BOOL, BOOL],
        [
            (60, "booleq"),
            (84, "boolne"),
            (56, "boollt"),
            (1691, "boolle"),
            (57, "boolgt"),
            (1692, "boolge"),
            (1693, "btboolcmp"),
        ],
    ),
    pair::<Same>(
        &[BYTEA, BYTEA],
        [
            (1948, "byteaeq"),
            (1953, "byteane"),
            (1949, "bytealt"),
            (1950, "byteale"),
            (1951, "byteagt"),
            (1952, "byteage"),
            (1954, "byteacmp"),
        ],
    ),
    pair::<Same>(
        &[CHAR, CHAR],
        [
            (61, "chareq"),
            (70, "charne"),
            (1246, "charlt"),
            (72, "charle"),
            (73, "chargt"),
            (74, "charge"),
            (358, "btcharcmp"),
        ],
    ),
    pair::<Same>(
        &[NAME, NAME],
        [
            (62, "nameeq"),
            (659, "namene"),
            (655, "namelt"),
            (656, "namele"),
            (657, "namegt"),
            (658, "namege"),
            (359, "btnamecmp"),
        ],
    ),
    pair::<Int8s>(
        &[INT8, INT8],
        [
            (467, "int8eq"),
            (468, "int8ne"),
            (469, "int8lt"),
            (471, "int8le"),
            (470, "int8gt"),
            (472, "int8ge"),
            (842, "btint8cmp"),
        ],
    ),
    pair::<Same>(
        &[INT2, INT2],
        [
            (63, "int2eq"),
            (145, "int2ne"),
            (64, "int2lt"),
            (148, "int2le"),
            (146, "int2gt"),
            (151, "int2ge"),
            (350, "btint2cmp"),
        ],
    ),
    pair::<Int4s>(
        &[INT4, INT4],
        [
            (65, "int4eq"),
            (144, "int4ne"),
            (66, "int4lt"),
            (149, "int4le"),
            (147, "int4gt"),
            (150, "int4ge"),
            (351, "btint4cmp"),
        ],
    ),
    pair::<Same>(
        &[TEXT, TEXT],
        [
            (67, "texteq"),
            (157, "textne"),
            (740, "text_lt"),
            (741, "text_le"),
            (742, "text_gt"),
            (743, "text_ge"),
            (360, "bttextcmp"),
        ],
    ),
    pair::<Same>(
        &[OID, OID],
        [
            (184, "oideq"),
            (185, "oidne"),
            (716, "oidlt"),
            (717, "oidle"),
            (1638, "oidgt"),
            (1639, "oidge"),
            (356, "btoidcmp"),
        ],
    ),
    pair::<Same>(
        &[OIDVECTOR, OIDVECTOR],
        [
            (679, "oidvectoreq"),
            (619, "oidvectorne"),
            (677, "oidvectorlt"),
            (678, "oidvectorle"),
            (681, "oidvectorgt"),
            (680, "oidvectorge"),
            (404, "btoidvectorcmp"),
        ],
    ),
    pair::<Same>(
        &[FLOAT4, FLOAT4],
        [
            (287, "float4eq"),
            (288, "float4ne"),
            (289, "float4lt"),
            (290, "float4le"),
            (291, "float4gt"),
            (292, "float4ge"),
            (354, "btfloat4cmp"),
        ],
    ),
    pair::<Same>(
        &[FLOAT8, FLOAT8],
        [
            (293, "float8eq"),
            (294, "float8ne"),
            (295, "float8lt"),
            (296, "float8le"),
            (297, "float8gt"),
            (298, "float8ge"),
            (355, "btfloat8cmp"),
        ],
    ),
    pair::<Bpchar>(
        &[BPCHAR, BPCHAR],
        [
            (1048, "bpchareq"),
            (1053, "bpcharne"),
            (1049, "bpcharlt"),
            (1050, "bpcharle"),
            (1051, "bpchargt"),
            (1052, "bpcharge"),
            (1078, "bpcharcmp"),
        ],
    ),
    pair::<Same>(
        &[DATE, DATE],
        [
            (1086, "date_eq"),
            (1091, "date_ne"),
            (1087, "date_lt"),
            (1088, "date_le"),
            (1089, "date_gt"),
            (1090, "date_ge"),
            (1092, "date_cmp"),
        ],
    ),
    pair::<Same>(
        &[TIME, TIME],
        [
            (1145, "time_eq"),
            (1106, "time_ne"),
            (1102, "time_lt"),
            (1103, "time_le"),
            (1104, "time_gt"),
            (1105, "time_ge"),
            (1107, "time_cmp"),
        ],
    ),
    pair::<Same>(
        &[TIMESTAMP, TIMESTAMP],
        [
            (2052, "timestamp_eq"),
            (2053, "timestamp_ne"),
            (2054, "timestamp_lt"),
            (2055, "timestamp_le"),
            (2057, "timestamp_gt"),
            (2056, "timestamp_ge"),
            (2045, "timestamp_cmp"),
        ],
    ),
    pair::<Same>(
        &[TIMESTAMPTZ, TIMESTAMPTZ],
        [
            (1152, "timestamptz_eq"),
            (1153, "timestamptz_ne"),
            (1154, "timestamptz_lt"),
            (1155, "timestamptz_le"),
            (1157, "timestamptz_gt"),
            (1156, "timestamptz_ge"),
            (1314, "timestamptz_cmp"),
        ],
    ),
    pair::<Same>(
        &[INTERVAL, INTERVAL],
        [
            (1162, "interval_eq"),
            (1163, "interval_ne"),
            (1164, "interval_lt"),
            (1165, "interval_le"),
            (1167, "interval_gt"),
            (1166, "interval_ge"),
            (1315, "interval_cmp"),
        ],
    ),
    pair::<Same>(
        &[NUMERIC, NUMERIC],
        [
            (1718, "numeric_eq"),
            (1719, "numeric_ne"),
            (1722, "numeric_lt"),
            (1723, "numeric_le"),
            (1720, "numeric_gt"),
            (1721, "numeric_ge"),
            (1769, "numeric_cmp"),
        ],
    ),
    pair::<Records>(
        &[RECORD, RECORD],
        [
            (2981, "record_eq"),
            (2982, "record_ne"),
            (2983, "record_lt"),
            (2985, "record_le"),
            (2984, "record_gt"),
            (2986, "record_ge"),
            (2987, "btrecordcmp"),
        ],
    ),
    pair::<Same>(
        &[ANYARRAY, ANYARRAY],
        [
            (744, "array_eq"),
            (390, "array_ne"),
            (391, "array_lt"),
            (393, "array_le"),
            (392, "array_gt"),
            (396, "array_ge"),
            (382, "btarraycmp"),
        ],
    ),
    pair::<Same>(
        &[UUID, UUID],
        [
            (2956, "uuid_eq"),
            (2959, "uuid_ne"),
            (2954, "uuid_lt"),
            (2955, "uuid_le"),
            (2958, "uuid_gt"),
            (2957, "uuid_ge"),
            (2960, "uuid_cmp"),
        ],
    ),
    pair::<Same>(
        &[NAME, TEXT],
        [
            (240, "nameeqtext"),
            (245, "namenetext"),
            (241, "namelttext"),
            (242, "nameletext"),
            (244, "namegttext"),
            (243, "namegetext"),
            (246, "btnametextcmp"),
        ],
    ),
    pair::<Integers>(
        &[INT8, INT2],
        [
            (1856, "int82eq"),
            (1857, "int82ne"),
            (1858, "int82lt"),
            (1860, "int82le"),
            (1859, "int82gt"),
            (1861, "int82ge"),
            (2193, "btint82cmp"),
        ],
    ),
    pair::<Integers>(
        &[INT8, INT4],
        [
            (474, "int84eq"),
            (475, "int84ne"),
            (476, "int84lt"),
            (478, "int84le"),
            (477, "int84gt"),
            (479, "int84ge"),
            (2189, "btint84cmp"),
        ],
    ),
    pair::<Integers>(
        &[INT2, INT8],
        [
            (1850, "int28eq"),
            (1851, "int28ne"),
            (1852, "int28lt"),
            (1854, "int28le"),
            (1853, "int28gt"),
            (1855, "int28ge"),
            (2192, "btint28cmp"),
        ],
    ),
    pair::<Integers>(
        &[INT2, INT4],
        [
            (158, "int24eq"),
            (164, "int24ne"),
            (160, "int24lt"),
            (166, "int24le"),
            (162, "int24gt"),
            (168, "int24ge"),
            (2190, "btint24cmp"),
        ],
    ),
    pair::<Integers>(
        &[INT4, INT8],
        [
            (852, "int48eq"),
            (853, "int48ne"),
            (854, "int48lt"),
            (856, "int48le"),
            (855, "int48gt"),
            (857, "int48ge"),
            (2188, "btint48cmp"),
        ],
    ),
    pair::<Integers>(
        &[INT4, INT2],
        [
            (159, "int42eq"),
            (165, "int42ne"),
            (161, "int42lt"),
            (167, "int42le"),
            (163, "int42gt"),
            (169, "int42ge"),
            (2191, "btint42cmp"),
        ],
    ),
    pair::<Same>(
        &[TEXT, NAME],
        [
            (247, "texteqname"),
            (252, "textnename"),
            (248, "textltname"),
            (249, "textlename"),
            (251, "textgtname"),
            (250, "textgename"),
            (253, "bttextnamecmp"),
        ],
    ),
    pair::<Floats>(
        &[FLOAT4, FLOAT8],
        [
            (299, "float48eq"),
            (300, "float48ne"),
            (301, "float48lt"),
            (302, "float48le"),
            (303, "float48gt"),
            (304, "float48ge"),
            (2194, "btfloat48cmp"),
        ],
    ),
    pair::<Floats>(
        &[FLOAT8, FLOAT4],
        [
            (305, "float84eq"),
            (306, "float84ne"),
            (307, "float84lt"),
            (308, "float84le"),
            (309, "float84gt"),
            (310, "float84ge"),
            (2195, "btfloat84cmp"),
        ],
    ),
];
