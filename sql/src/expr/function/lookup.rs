//! Finding functions, operators, casts and aggregates.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::{AggregateFunction, Cast, Function, Operator};
use super::{casts::CASTS, operators::OPERATORS};
use crate::expr::aggregate::AGGREGATES;
use crate::types::{Datum, Oid, Type, TypeOrder};

/// Everything, by OID and by name. Built once; the tables themselves are constants.
struct Index {
    functions: Table<Function>,
    operators: Table<Operator>,
    aggregates: Table<AggregateFunction>,
    casts: HashMap<(Oid, Oid), &'static Cast>,
}

struct Table<T: 'static> {
    all: Vec<&'static T>,
    by_oid: HashMap<Oid, &'static T>,
    by_name: HashMap<&'static str, Vec<&'static T>>,
}

impl<T> Table<T> {
    fn new(
        entries: impl Iterator<Item = &'static T>,
        key: fn(&'static T) -> (Oid, &'static str),
    ) -> Table<T> {
        let mut table =
            Table { all: entries.collect(), by_oid: HashMap::new(), by_name: HashMap::new() };
        table.all.sort_by_key(|entry| key(entry).0);
        for entry in &table.all {
            let (oid, name) = key(entry);
            table.by_oid.insert(oid, entry);
            table.by_name.entry(name).or_default().push(entry);
        }
        table
    }

    fn named(&self, name: &str) -> &[&'static T] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}

static INDEX: LazyLock<Index> = LazyLock::new(|| Index {
    functions: Table::new(super::tables(), |function| (function.oid, function.name)),
    operators: Table::new(OPERATORS.iter(), |operator| (operator.oid, operator.name)),
    aggregates: Table::new(AGGREGATES.iter().copied().flatten(), |aggregate| {
        (aggregate.oid, aggregate.name)
    }),
    casts: CASTS.iter().map(|cast| ((cast.source.oid, cast.target.oid), cast)).collect(),
});

/// The function of an OID.
pub fn function(oid: Oid) -> Option<&'static Function> {
    INDEX.functions.by_oid.get(&oid).copied()
}

/// All functions of a name.
pub fn named(name: &str) -> &'static [&'static Function] {
    INDEX.functions.named(name)
}

/// Every function, by OID.
pub fn all_functions() -> &'static [&'static Function] {
    &INDEX.functions.all
}

/// The operator of an OID.
pub fn operator(oid: Oid) -> Option<&'static Operator> {
    INDEX.operators.by_oid.get(&oid).copied()
}

/// All operators of a symbol.
pub fn operators(symbol: &str) -> &'static [&'static Operator] {
    INDEX.operators.named(symbol)
}

/// Whether a function is that of an operator `=` (true) or `<>` (false).
pub(crate) fn equality(function: &Function) -> Option<bool> {
    static KNOWN: LazyLock<HashMap<Oid, bool>> = LazyLock::new(|| {
        let of = |symbol, equal| operators(symbol).iter().map(move |op| (op.function, equal));
        of("=", true).chain(of("<>", false)).collect()
    });
    KNOWN.get(&function.oid).copied()
}

/// Every operator, by OID.
pub fn all_operators() -> &'static [&'static Operator] {
    &INDEX.operators.all
}

/// The cast between two types, whatever their modifiers.
pub fn cast(source: Type, target: Type) -> Option<&'static Cast> {
    INDEX.casts.get(&(source.oid, target.oid)).copied()
}

/// Every cast.
pub fn casts() -> &'static [Cast] {
    CASTS
}

/// All aggregates of a name.
pub fn aggregates(name: &str) -> &'static [&'static AggregateFunction] {
    INDEX.aggregates.named(name)
}

/// Names of PostgreSQL's functions; those that have no entry in the tables are missing here.
const NAMES: &str = include_str!("unsupported.txt");

/// Whether PostgreSQL has functions of this name and there is none here.
pub fn is_unsupported(name: &str) -> bool {
    named(name).is_empty()
        && aggregates(name).is_empty()
        && NAMES.split_ascii_whitespace().any(|known| known == name)
}

/// The aggregate of an OID.
pub fn aggregate(oid: Oid) -> Option<&'static AggregateFunction> {
    INDEX.aggregates.by_oid.get(&oid).copied()
}

/// Every aggregate, by OID.
pub fn all_aggregates() -> &'static [&'static AggregateFunction] {
    &INDEX.aggregates.all
}

/// How values of a type compare: its b-tree operators, and the order they mean.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// `=`
    pub equal: &'static Operator,
    /// `<`
    pub less: &'static Operator,
    /// `<=`
    pub less_equal: &'static Operator,
    /// `>`
    pub greater: &'static Operator,
    /// `>=`
    pub greater_equal: &'static Operator,
    /// The same order without a call; NULL last.
    pub compare: fn(&Datum, &Datum) -> Ordering,
}

/// How values of `ty` compare; None when they do not.
pub fn comparison(ty: Type) -> Option<Comparison> {
    let operand = match ty.oid {
        oid if oid == Type::VARCHAR.oid || oid == Type::UNKNOWN.oid => Type::TEXT,
        oid if is_registered(oid) => Type::OID,
        _ if ty.element().is_some() => {
            comparison(ty.element()?)?;
            Type::ANYARRAY
        }
        _ => ty,
    };
    let find = |symbol| {
        let all = operators(symbol).iter();
        all.copied().find(|op| {
            op.left.is_some_and(|left| left.oid == operand.oid) && op.right.oid == operand.oid
        })
    };
    Some(Comparison {
        equal: find("=")?,
        less: find("<")?,
        less_equal: find("<=")?,
        greater: find(">")?,
        greater_equal: find(">=")?,
        compare: TypeOrder::of(ty).compare,
    })
}

/// The types that are an OID with a name.
fn is_registered(oid: Oid) -> bool {
    [
        Type::REGCLASS,
        Type::REGTYPE,
        Type::REGPROC,
        Type::REGPROCEDURE,
        Type::REGNAMESPACE,
        Type::REGROLE,
    ]
    .iter()
    .any(|ty| ty.oid == oid)
}
