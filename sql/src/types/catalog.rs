//! The built-in types: rows of `pg_type`, and how each is held in memory.
//!
//! Adding a type is a line here and an arm in each of the matches over [`Family`].

use super::{Oid, Type};

/// How values of a type are held in a [`Datum`](super::Datum).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is the variant of Datum with that name")]
pub enum Family {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Uuid,
    Array,
    Record,
    Void,
    /// Only the resolver knows it: `any`, `anyarray` and the like have no values.
    None,
}

/// A row of `pg_type`. What is the same for all built-in types is left out.
#[derive(Clone, Copy, Debug)]
pub struct TypeEntry {
    /// `oid`
    pub oid: Oid,
    /// `typname`
    pub name: &'static str,
    /// What `format_type` prints.
    pub display: &'static str,
    /// `typlen`: bytes, -1 variable, -2 a C string.
    pub length: i16,
    /// `typbyval`
    pub by_value: bool,
    /// `typtype`: b or p.
    pub kind: char,
    /// `typcategory`
    pub category: char,
    /// `typispreferred`
    pub preferred: bool,
    /// `typarray`, 0 when there is none.
    pub array: Oid,
    /// `typelem`, 0 when this is no array.
    pub element: Oid,
    /// `typalign`
    pub align: char,
    /// `typstorage`
    pub storage: char,
    /// `typcollation`
    pub collation: Oid,
    /// `typinput`, `typoutput`, `typreceive`, `typsend`, `typmodin`, `typmodout`.
    pub functions: [Oid; 6],
    /// How its values are held.
    pub family: Family,
}

impl TypeEntry {
    /// The type without a modifier.
    pub fn ty(&self) -> Type {
        Type { oid: self.oid, modifier: -1 }
    }
}

/// The entry of a type.
pub fn by_oid(oid: Oid) -> Option<&'static TypeEntry> {
    TYPES.binary_search_by_key(&oid, |entry| entry.oid).ok().map(|at| &TYPES[at])
}

/// The entry of a type by its name in `pg_type` (`int4`, not `integer`).
pub fn by_name(name: &str) -> Option<&'static TypeEntry> {
    TYPES.iter().find(|entry| entry.name == name)
}

/// All entries, by OID.
pub fn all() -> &'static [TypeEntry] {
    TYPES
}

impl Type {
    /// How values of this type are held; [`Family::None`] when it is not built in.
    pub fn family(self) -> Family {
        match self.oid.0 {
            16 => Family::Bool,
            20 => Family::Int8,
            21 => Family::Int2,
            23 => Family::Int4,
            26 => Family::Oid,
            25 | 705 | 1042 | 1043 => Family::Text,
            1114 => Family::Timestamp,
            1184 => Family::Timestamptz,
            1700 => Family::Numeric,
            _ => by_oid(self.oid).map_or(Family::None, |entry| entry.family),
        }
    }

    /// The type of this array type's elements.
    pub fn element(self) -> Option<Type> {
        let element = by_oid(self.oid)?.element;
        (element.0 != 0 && self.family() == Family::Array)
            .then_some(Type { oid: element, modifier: self.modifier })
    }

    /// The type of arrays of this type.
    pub fn array(self) -> Option<Type> {
        let array = by_oid(self.oid)?.array;
        (array.0 != 0).then_some(Type { oid: array, modifier: -1 })
    }
}

type Identity = (u32, &'static str, &'static str);
type Shape = (i16, bool, char, char, bool);
type Links = (u32, u32, char, char, u32);

const fn entry(
    (oid, name, display): Identity,
    (length, by_value, kind, category, preferred): Shape,
    (array, element, align, storage, collation): Links,
    functions: [u32; 6],
    family: Family,
) -> TypeEntry {
    let [input, output, receive, send, modifier_in, modifier_out] = functions;
    TypeEntry {
        oid: Oid(oid),
        name,
        display,
        length,
        by_value,
        kind,
        category,
        preferred,
        array: Oid(array),
        element: Oid(element),
        align,
        storage,
        collation: Oid(collation),
        functions: [
            Oid(input),
            Oid(output),
            Oid(receive),
            Oid(send),
            Oid(modifier_in),
            Oid(modifier_out),
        ],
        family,
    }
}

/// By OID, ascending.
#[rustfmt::skip]
static TYPES: &[TypeEntry] = &[
    entry((16, "bool", "boolean"), (1, true, 'b', 'B', true),
        (1000, 0, 'c', 'p', 0), [1242, 1243, 2436, 2437, 0, 0], Family::Bool),
    entry((17, "bytea", "bytea"), (-1, false, 'b', 'U', false),
        (1001, 0, 'i', 'x', 0), [1244, 31, 2412, 2413, 0, 0], Family::Bytea),
    entry((18, "char", "\"char\""), (1, true, 'b', 'Z', false),
        (1002, 0, 'c', 'p', 0), [1245, 33, 2434, 2435, 0, 0], Family::Text),
    entry((19, "name", "name"), (64, false, 'b', 'S', false),
        (1003, 18, 'c', 'p', 950), [34, 35, 2422, 2423, 0, 0], Family::Text),
    entry((20, "int8", "bigint"), (8, true, 'b', 'N', false),
        (1016, 0, 'd', 'p', 0), [460, 461, 2408, 2409, 0, 0], Family::Int8),
    entry((21, "int2", "smallint"), (2, true, 'b', 'N', false),
        (1005, 0, 's', 'p', 0), [38, 39, 2404, 2405, 0, 0], Family::Int2),
    entry((22, "int2vector", "int2vector"), (-1, false, 'b', 'A', false),
        (1006, 21, 'i', 'p', 0), [40, 41, 2410, 2411, 0, 0], Family::Array),
    entry((23, "int4", "integer"), (4, true, 'b', 'N', false),
        (1007, 0, 'i', 'p', 0), [42, 43, 2406, 2407, 0, 0], Family::Int4),
    entry((24, "regproc", "regproc"), (4, true, 'b', 'N', false),
        (1008, 0, 'i', 'p', 0), [44, 45, 2444, 2445, 0, 0], Family::Oid),
    entry((25, "text", "text"), (-1, false, 'b', 'S', true),
        (1009, 0, 'i', 'x', 100), [46, 47, 2414, 2415, 0, 0], Family::Text),
    entry((26, "oid", "oid"), (4, true, 'b', 'N', true),
        (1028, 0, 'i', 'p', 0), [1798, 1799, 2418, 2419, 0, 0], Family::Oid),
    entry((28, "xid", "xid"), (4, true, 'b', 'U', false),
        (1011, 0, 'i', 'p', 0), [50, 51, 2440, 2441, 0, 0], Family::Oid),
    entry((29, "cid", "cid"), (4, true, 'b', 'U', false),
        (1012, 0, 'i', 'p', 0), [52, 53, 2442, 2443, 0, 0], Family::Oid),
    entry((30, "oidvector", "oidvector"), (-1, false, 'b', 'A', false),
        (1013, 26, 'i', 'p', 0), [54, 55, 2420, 2421, 0, 0], Family::Array),
    entry((194, "pg_node_tree", "pg_node_tree"), (-1, false, 'b', 'Z', false),
        (0, 0, 'i', 'x', 100), [195, 196, 197, 198, 0, 0], Family::Text),
    entry((700, "float4", "real"), (4, true, 'b', 'N', false),
        (1021, 0, 'i', 'p', 0), [200, 201, 2424, 2425, 0, 0], Family::Float4),
    entry((701, "float8", "double precision"), (8, true, 'b', 'N', true),
        (1022, 0, 'd', 'p', 0), [214, 215, 2426, 2427, 0, 0], Family::Float8),
    entry((705, "unknown", "unknown"), (-2, false, 'p', 'X', false),
        (0, 0, 'c', 'p', 0), [109, 110, 2416, 2417, 0, 0], Family::Text),
    entry((1000, "_bool", "boolean[]"), (-1, false, 'b', 'A', false),
        (0, 16, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1001, "_bytea", "bytea[]"), (-1, false, 'b', 'A', false),
        (0, 17, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1002, "_char", "\"char\"[]"), (-1, false, 'b', 'A', false),
        (0, 18, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1003, "_name", "name[]"), (-1, false, 'b', 'A', false),
        (0, 19, 'i', 'x', 950), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1005, "_int2", "smallint[]"), (-1, false, 'b', 'A', false),
        (0, 21, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1006, "_int2vector", "int2vector[]"), (-1, false, 'b', 'A', false),
        (0, 22, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1007, "_int4", "integer[]"), (-1, false, 'b', 'A', false),
        (0, 23, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1008, "_regproc", "regproc[]"), (-1, false, 'b', 'A', false),
        (0, 24, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1009, "_text", "text[]"), (-1, false, 'b', 'A', false),
        (0, 25, 'i', 'x', 100), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1011, "_xid", "xid[]"), (-1, false, 'b', 'A', false),
        (0, 28, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1012, "_cid", "cid[]"), (-1, false, 'b', 'A', false),
        (0, 29, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1013, "_oidvector", "oidvector[]"), (-1, false, 'b', 'A', false),
        (0, 30, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1014, "_bpchar", "character[]"), (-1, false, 'b', 'A', false),
        (0, 1042, 'i', 'x', 100), [750, 751, 2400, 2401, 2913, 2914], Family::Array),
    entry((1015, "_varchar", "character varying[]"), (-1, false, 'b', 'A', false),
        (0, 1043, 'i', 'x', 100), [750, 751, 2400, 2401, 2915, 2916], Family::Array),
    entry((1016, "_int8", "bigint[]"), (-1, false, 'b', 'A', false),
        (0, 20, 'd', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1021, "_float4", "real[]"), (-1, false, 'b', 'A', false),
        (0, 700, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1022, "_float8", "double precision[]"), (-1, false, 'b', 'A', false),
        (0, 701, 'd', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1028, "_oid", "oid[]"), (-1, false, 'b', 'A', false),
        (0, 26, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1033, "aclitem", "aclitem"), (12, false, 'b', 'U', false),
        (1034, 0, 'i', 'p', 0), [1031, 1032, 0, 0, 0, 0], Family::Text),
    entry((1034, "_aclitem", "aclitem[]"), (-1, false, 'b', 'A', false),
        (0, 1033, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1042, "bpchar", "character"), (-1, false, 'b', 'S', false),
        (1014, 0, 'i', 'x', 100), [1044, 1045, 2430, 2431, 2913, 2914], Family::Text),
    entry((1043, "varchar", "character varying"), (-1, false, 'b', 'S', false),
        (1015, 0, 'i', 'x', 100), [1046, 1047, 2432, 2433, 2915, 2916], Family::Text),
    entry((1082, "date", "date"), (4, true, 'b', 'D', false),
        (1182, 0, 'i', 'p', 0), [1084, 1085, 2468, 2469, 0, 0], Family::Date),
    entry((1083, "time", "time without time zone"), (8, true, 'b', 'D', false),
        (1183, 0, 'd', 'p', 0), [1143, 1144, 2470, 2471, 2909, 2910], Family::Time),
    entry((1114, "timestamp", "timestamp without time zone"), (8, true, 'b', 'D', false),
        (1115, 0, 'd', 'p', 0), [1312, 1313, 2474, 2475, 2905, 2906], Family::Timestamp),
    entry((1115, "_timestamp", "timestamp without time zone[]"), (-1, false, 'b', 'A', false),
        (0, 1114, 'd', 'x', 0), [750, 751, 2400, 2401, 2905, 2906], Family::Array),
    entry((1182, "_date", "date[]"), (-1, false, 'b', 'A', false),
        (0, 1082, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1183, "_time", "time without time zone[]"), (-1, false, 'b', 'A', false),
        (0, 1083, 'd', 'x', 0), [750, 751, 2400, 2401, 2909, 2910], Family::Array),
    entry((1184, "timestamptz", "timestamp with time zone"), (8, true, 'b', 'D', true),
        (1185, 0, 'd', 'p', 0), [1150, 1151, 2476, 2477, 2907, 2908], Family::Timestamptz),
    entry((1185, "_timestamptz", "timestamp with time zone[]"), (-1, false, 'b', 'A', false),
        (0, 1184, 'd', 'x', 0), [750, 751, 2400, 2401, 2907, 2908], Family::Array),
    entry((1186, "interval", "interval"), (16, false, 'b', 'T', true),
        (1187, 0, 'd', 'p', 0), [1160, 1161, 2478, 2479, 2903, 2904], Family::Interval),
    entry((1187, "_interval", "interval[]"), (-1, false, 'b', 'A', false),
        (0, 1186, 'd', 'x', 0), [750, 751, 2400, 2401, 2903, 2904], Family::Array),
    entry((1231, "_numeric", "numeric[]"), (-1, false, 'b', 'A', false),
        (0, 1700, 'i', 'x', 0), [750, 751, 2400, 2401, 2917, 2918], Family::Array),
    entry((1263, "_cstring", "cstring[]"), (-1, false, 'b', 'A', false),
        (0, 2275, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((1700, "numeric", "numeric"), (-1, false, 'b', 'N', false),
        (1231, 0, 'i', 'm', 0), [1701, 1702, 2460, 2461, 2917, 2918], Family::Numeric),
    entry((2202, "regprocedure", "regprocedure"), (4, true, 'b', 'N', false),
        (2207, 0, 'i', 'p', 0), [2212, 2213, 2446, 2447, 0, 0], Family::Oid),
    entry((2203, "regoper", "regoper"), (4, true, 'b', 'N', false),
        (2208, 0, 'i', 'p', 0), [2214, 2215, 2448, 2449, 0, 0], Family::Oid),
    entry((2204, "regoperator", "regoperator"), (4, true, 'b', 'N', false),
        (2209, 0, 'i', 'p', 0), [2216, 2217, 2450, 2451, 0, 0], Family::Oid),
    entry((2205, "regclass", "regclass"), (4, true, 'b', 'N', false),
        (2210, 0, 'i', 'p', 0), [2218, 2219, 2452, 2453, 0, 0], Family::Oid),
    entry((2206, "regtype", "regtype"), (4, true, 'b', 'N', false),
        (2211, 0, 'i', 'p', 0), [2220, 2221, 2454, 2455, 0, 0], Family::Oid),
    entry((2207, "_regprocedure", "regprocedure[]"), (-1, false, 'b', 'A', false),
        (0, 2202, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2208, "_regoper", "regoper[]"), (-1, false, 'b', 'A', false),
        (0, 2203, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2209, "_regoperator", "regoperator[]"), (-1, false, 'b', 'A', false),
        (0, 2204, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2210, "_regclass", "regclass[]"), (-1, false, 'b', 'A', false),
        (0, 2205, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2211, "_regtype", "regtype[]"), (-1, false, 'b', 'A', false),
        (0, 2206, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2249, "record", "record"), (-1, false, 'p', 'P', false),
        (2287, 0, 'd', 'x', 0), [2290, 2291, 2402, 2403, 0, 0], Family::Record),
    entry((2275, "cstring", "cstring"), (-2, false, 'p', 'P', false),
        (1263, 0, 'c', 'p', 0), [2292, 2293, 2500, 2501, 0, 0], Family::Text),
    entry((2276, "any", "\"any\""), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [2294, 2295, 0, 0, 0, 0], Family::None),
    entry((2277, "anyarray", "anyarray"), (-1, false, 'p', 'P', false),
        (0, 0, 'd', 'x', 0), [2296, 2297, 2502, 2503, 0, 0], Family::None),
    entry((2278, "void", "void"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [2298, 2299, 3120, 3121, 0, 0], Family::Void),
    entry((2279, "trigger", "trigger"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [2300, 2301, 0, 0, 0, 0], Family::None),
    entry((2281, "internal", "internal"), (8, true, 'p', 'P', false),
        (0, 0, 'd', 'p', 0), [2304, 2305, 0, 0, 0, 0], Family::None),
    entry((2283, "anyelement", "anyelement"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [2312, 2313, 0, 0, 0, 0], Family::None),
    entry((2287, "_record", "record[]"), (-1, false, 'p', 'P', false),
        (0, 2249, 'd', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((2776, "anynonarray", "anynonarray"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [2777, 2778, 0, 0, 0, 0], Family::None),
    entry((2950, "uuid", "uuid"), (16, false, 'b', 'U', false),
        (2951, 0, 'c', 'p', 0), [2952, 2953, 2961, 2962, 0, 0], Family::Uuid),
    entry((2951, "_uuid", "uuid[]"), (-1, false, 'b', 'A', false),
        (0, 2950, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((4089, "regnamespace", "regnamespace"), (4, true, 'b', 'N', false),
        (4090, 0, 'i', 'p', 0), [4084, 4085, 4087, 4088, 0, 0], Family::Oid),
    entry((4090, "_regnamespace", "regnamespace[]"), (-1, false, 'b', 'A', false),
        (0, 4089, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((4096, "regrole", "regrole"), (4, true, 'b', 'N', false),
        (4097, 0, 'i', 'p', 0), [4098, 4092, 4094, 4095, 0, 0], Family::Oid),
    entry((4097, "_regrole", "regrole[]"), (-1, false, 'b', 'A', false),
        (0, 4096, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((4191, "regcollation", "regcollation"), (4, true, 'b', 'N', false),
        (4192, 0, 'i', 'p', 0), [4193, 4194, 4196, 4197, 0, 0], Family::Oid),
    entry((4192, "_regcollation", "regcollation[]"), (-1, false, 'b', 'A', false),
        (0, 4191, 'i', 'x', 0), [750, 751, 2400, 2401, 0, 0], Family::Array),
    entry((5077, "anycompatible", "anycompatible"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [5086, 5087, 0, 0, 0, 0], Family::None),
    entry((5078, "anycompatiblearray", "anycompatiblearray"), (-1, false, 'p', 'P', false),
        (0, 0, 'd', 'x', 0), [5088, 5089, 5090, 5091, 0, 0], Family::None),
    entry((5079, "anycompatiblenonarray", "anycompatiblenonarray"), (4, true, 'p', 'P', false),
        (0, 0, 'i', 'p', 0), [5092, 5093, 0, 0, 0, 0], Family::None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_arrays_point_back() {
        assert!(TYPES.windows(2).all(|pair| pair[0].oid < pair[1].oid));
        for entry in TYPES.iter().filter(|entry| entry.array.0 != 0) {
            let array = by_oid(entry.array).expect("the array type is listed");
            assert_eq!(array.element, entry.oid, "{}", entry.name);
            assert_eq!(entry.ty().array().and_then(Type::element), Some(entry.ty()));
        }
    }

    #[test]
    fn the_fast_path_of_family_agrees_with_the_table() {
        for entry in TYPES {
            assert_eq!(entry.ty().family(), entry.family, "{}", entry.name);
        }
    }
}
