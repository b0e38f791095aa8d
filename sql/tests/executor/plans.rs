//! Short words for plans and expressions.

use std::sync::Arc;

use reckon_mvcc::Direction;
use reckon_sql::catalog::Table;
use reckon_sql::expr::function::{Body, Function, Volatility};
use reckon_sql::expr::{Expr, ExprKind};
use reckon_sql::plan::{
    Bound, IndexProbe, Modify, Node, NodeKind, Operation, OutputColumn, SortKey,
};
use reckon_sql::types::{Datum, Oid, Type};

pub(crate) fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, position: None }
}

pub(crate) fn column(position: usize, ty: Type) -> Expr {
    expr(ExprKind::Column(position), ty)
}

pub(crate) fn outer(position: usize, ty: Type) -> Expr {
    expr(ExprKind::Outer(position), ty)
}

pub(crate) fn id() -> Expr {
    column(0, Type::INT4)
}

pub(crate) fn name() -> Expr {
    column(1, Type::TEXT)
}

pub(crate) fn size() -> Expr {
    column(2, Type::INT8)
}

pub(crate) fn int4(value: i32) -> Expr {
    expr(ExprKind::Constant(Datum::Int4(value)), Type::INT4)
}

pub(crate) fn int8(value: i64) -> Expr {
    expr(ExprKind::Constant(Datum::Int8(value)), Type::INT8)
}

pub(crate) fn text(value: &str) -> Expr {
    expr(ExprKind::Constant(Datum::text(value)), Type::TEXT)
}

pub(crate) fn null(ty: Type) -> Expr {
    expr(ExprKind::Constant(Datum::Null), ty)
}

pub(crate) fn call(function: &'static Function, args: Vec<Expr>) -> Expr {
    expr(ExprKind::Call { function, args }, function.result)
}

/// A function that is done in place by its name, so its body is never called.
const fn in_place(name: &'static str, result: Type) -> Function {
    Function {
        oid: Oid(0),
        name,
        args: &[],
        variadic: false,
        defaults: 0,
        result,
        strict: true,
        volatility: Volatility::Immutable,
        body: Body::Scalar(|_| Ok(Datum::Null)),
    }
}

pub(crate) static INT4_EQ: Function = in_place("int4eq", Type::BOOL);
pub(crate) static INT4_GT: Function = in_place("int4gt", Type::BOOL);
pub(crate) static INT4_LT: Function = in_place("int4lt", Type::BOOL);
pub(crate) static INT8_GT: Function = in_place("int8gt", Type::BOOL);
pub(crate) static INT8_EQ: Function = in_place("int8eq", Type::BOOL);
pub(crate) static TEXT_EQ: Function = in_place("texteq", Type::BOOL);
pub(crate) static INT4_NE: Function = in_place("int4ne", Type::BOOL);
pub(crate) static INT4_PLUS: Function = in_place("int4pl", Type::INT4);
pub(crate) static INT8_PLUS: Function = in_place("int8pl", Type::INT8);

pub(crate) fn node(kind: NodeKind, output: Vec<Type>) -> Node {
    let column = |ty| OutputColumn { name: "?column?".to_owned(), ty, origin: None };
    Node { kind, output: output.into_iter().map(column).collect(), rows: 1.0, cost: (0.0, 0.0) }
}

pub(crate) fn types(node: &Node) -> Vec<Type> {
    node.output.iter().map(|column| column.ty).collect()
}

const COLUMNS: [Type; 3] = [Type::INT4, Type::TEXT, Type::INT8];

pub(crate) fn scan(table: &Arc<Table>, filter: Option<Expr>) -> Node {
    let kind = NodeKind::SeqScan {
        table: Arc::clone(table),
        alias: "t".to_owned(),
        columns: vec![0, 1, 2],
        row_key: false,
        filter,
    };
    node(kind, COLUMNS.to_vec())
}

/// A scan whose rows can be changed.
pub(crate) fn scan_for_change(table: &Arc<Table>, filter: Option<Expr>) -> Node {
    let mut scan = scan(table, filter);
    if let NodeKind::SeqScan { row_key, .. } = &mut scan.kind {
        *row_key = true;
    }
    scan.output.push(OutputColumn { name: "key".to_owned(), ty: Type::BYTEA, origin: None });
    scan
}

pub(crate) fn index_scan(
    table: &Arc<Table>,
    index: u32,
    probe: IndexProbe,
    direction: Direction,
) -> Node {
    let kind = NodeKind::IndexScan {
        table: Arc::clone(table),
        alias: "t".to_owned(),
        index: Oid(index),
        columns: vec![0, 1, 2],
        row_key: false,
        probe,
        direction,
        only: false,
        filter: None,
    };
    node(kind, COLUMNS.to_vec())
}

pub(crate) fn bound(value: Expr, inclusive: bool) -> Option<Bound> {
    Some(Bound { value, inclusive })
}

pub(crate) fn values(rows: Vec<Vec<Expr>>, output: Vec<Type>) -> Node {
    node(NodeKind::Values(rows), output)
}

/// A row `(id, name, size)`.
pub(crate) fn row(id: i32, name: &str, size: i64) -> Vec<Expr> {
    vec![int4(id), text(name), int8(size)]
}

pub(crate) fn modify(table: &Arc<Table>, operation: Operation, returning: Vec<Expr>) -> Node {
    let output = returning.iter().map(|expr| expr.ty).collect();
    let (table, alias) = (Arc::clone(table), "t".to_owned());
    let modify = Modify { table, alias, operation, returning };
    node(NodeKind::ModifyTable(Box::new(modify)), output)
}

pub(crate) fn insert(table: &Arc<Table>, rows: Vec<Vec<Expr>>) -> Node {
    let input = values(rows, COLUMNS.to_vec());
    modify(table, Operation::Insert { input, conflict: None }, Vec::new())
}

pub(crate) fn update(
    table: &Arc<Table>,
    filter: Option<Expr>,
    assignments: Vec<(usize, Expr)>,
) -> Node {
    let input = scan_for_change(table, filter.clone());
    modify(table, Operation::Update { input, assignments, recheck: filter }, Vec::new())
}

pub(crate) fn delete(table: &Arc<Table>, filter: Option<Expr>) -> Node {
    let input = scan_for_change(table, filter.clone());
    modify(table, Operation::Delete { input, recheck: filter }, Vec::new())
}

pub(crate) fn project(input: Node, exprs: Vec<Expr>) -> Node {
    let output = exprs.iter().map(|expr| expr.ty).collect();
    node(NodeKind::Project { input: Box::new(input), exprs }, output)
}

pub(crate) fn sort(input: Node, keys: Vec<SortKey>, limit: Option<u64>) -> Node {
    let output = types(&input);
    node(NodeKind::Sort { input: Box::new(input), keys, limit }, output)
}

pub(crate) fn by(expr: Expr) -> SortKey {
    SortKey { expr, descending: false, nulls_first: false }
}

pub(crate) fn id_is(value: i32) -> Option<Expr> {
    Some(call(&INT4_EQ, vec![id(), int4(value)]))
}

/// Rows as text, to compare.
pub(crate) fn show(rows: &[Vec<Datum>]) -> Vec<String> {
    let value = |value: &Datum| match value {
        Datum::Null => "-".to_owned(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Text(text) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    let row = |row: &Vec<Datum>| row.iter().map(value).collect::<Vec<_>>().join(" ");
    rows.iter().map(row).collect()
}
