//! Aggregates, DISTINCT, set operations, subqueries and set-returning functions.

use std::sync::Arc;

use reckon_sql::error::Result;
use reckon_sql::expr::function::{Accumulator, AggregateFunction, Body, Function, Volatility};
use reckon_sql::expr::{Aggregate, CaseBranch, ExprKind, Quantifier, SubqueryKind};
use reckon_sql::plan::{Node, NodeKind, SetOperation};
use reckon_sql::types::{Datum, Oid, Type};

use crate::fixture::Database;
use crate::plans::*;

fn ints(rows: &[Option<i32>]) -> Node {
    let value = |value: &Option<i32>| vec![value.map_or(null(Type::INT4), int4)];
    values(rows.iter().map(value).collect(), vec![Type::INT4])
}

/// Strings its integers together.
#[derive(Default)]
struct Trace(String);

impl Accumulator for Trace {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        self.0.push_str(&show(&[args.to_vec()]).concat());
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(Datum::text(&self.0))
    }
}

static TRACE: AggregateFunction = AggregateFunction {
    oid: Oid(1),
    name: "trace",
    args: &[Type::INT4],
    result: Type::TEXT,
    start: |_| Box::<Trace>::default(),
};

fn trace(arg: reckon_sql::expr::Expr) -> Aggregate {
    let args = vec![arg];
    let (order, filter) = (Vec::new(), None);
    Aggregate { function: &TRACE, args, distinct: false, order, filter, ty: Type::TEXT }
}

static SERIES: Function = Function {
    oid: Oid(2),
    name: "generate_series",
    args: &[Type::INT4],
    variadic: false,
    defaults: 0,
    result: Type::INT4,
    strict: true,
    volatility: Volatility::Immutable,
    body: Body::Set(|call| {
        let Datum::Int4(last) = call.args[0] else { return Ok(Box::new(std::iter::empty())) };
        Ok(Box::new((1..=last).map(|n| Ok(Datum::Int4(n)))))
    }),
};

fn aggregate(input: Node, groups: usize, aggregates: Vec<Aggregate>, sorted: bool) -> Node {
    let groups = (0..groups).map(|n| column(n, Type::INT4)).collect::<Vec<_>>();
    let mut output = vec![Type::INT4; groups.len()];
    output.extend(aggregates.iter().map(|aggregate| aggregate.ty));
    let input = Box::new(input);
    node(NodeKind::Aggregate { input, groups, aggregates, having: None, sorted }, output)
}

fn pairs(rows: &[(i32, i32)]) -> Node {
    let rows = rows.iter().map(|(a, b)| vec![int4(*a), int4(*b)]).collect();
    values(rows, vec![Type::INT4; 2])
}

#[test]
fn groups_are_collected_by_hash_or_one_after_another() {
    let database = Database::new();
    let mut client = database.client();
    let rows = [(1, 1), (1, 2), (2, 3), (2, 4), (1, 5)];
    let hashed = aggregate(pairs(&rows), 1, vec![trace(column(1, Type::INT4))], false);
    assert_eq!(show(&client.run(hashed).unwrap()), ["1 125", "2 34"]);
    let sorted = aggregate(pairs(&rows[..4]), 1, vec![trace(column(1, Type::INT4))], true);
    assert_eq!(show(&client.run(sorted).unwrap()), ["1 12", "2 34"]);
    let plain = aggregate(ints(&[]), 0, vec![trace(id())], false);
    assert_eq!(show(&client.run(plain).unwrap()), [""]);
    assert!(client.run(aggregate(ints(&[]), 1, Vec::new(), false)).unwrap().is_empty());
}

#[test]
fn aggregates_take_distinct_order_and_filter() {
    let database = Database::new();
    let mut client = database.client();
    let rows = || ints(&[Some(3), Some(1), Some(3), Some(2)]);
    let distinct = Aggregate { distinct: true, ..trace(id()) };
    let mut downwards = by(id());
    downwards.descending = true;
    let ordered = Aggregate { order: vec![downwards], ..trace(id()) };
    let large = call(&INT4_GT, vec![id(), int4(1)]);
    let filtered = Aggregate { filter: Some(large), ..trace(id()) };
    let plan = aggregate(rows(), 0, vec![distinct, ordered, filtered], false);
    assert_eq!(show(&client.run(plan).unwrap()), ["123 3321 332"]);
}

#[test]
fn distinct_and_set_operations_count_null_as_a_value() {
    let database = Database::new();
    let mut client = database.client();
    let a = || Box::new(ints(&[Some(1), None, Some(1), Some(2), None, Some(2), Some(2)]));
    let b = || Box::new(ints(&[Some(2), None, Some(3), Some(2)]));
    let kind = NodeKind::Distinct { input: a(), on: None };
    let rows = client.run(node(kind, vec![Type::INT4])).unwrap();
    assert_eq!(show(&rows), ["1", "-", "2"]);
    let mut run = |operation, all| {
        let kind = NodeKind::SetOp { operation, all, left: a(), right: b() };
        show(&client.run(node(kind, vec![Type::INT4])).unwrap()).join("")
    };
    assert_eq!(run(SetOperation::Union, false), "1-23");
    assert_eq!(run(SetOperation::Intersect, false), "-2");
    assert_eq!(run(SetOperation::Intersect, true), "-22");
    assert_eq!(run(SetOperation::Except, false), "1");
    assert_eq!(run(SetOperation::Except, true), "11-2");
}

fn subquery(
    kind: SubqueryKind,
    plan: Node,
    outer: Vec<reckon_sql::expr::Expr>,
    ty: Type,
) -> reckon_sql::expr::Expr {
    expr(ExprKind::Subquery { kind, plan: Arc::new(plan), outer }, ty)
}

fn compare(quantifier: Quantifier, function: &'static Function) -> SubqueryKind {
    SubqueryKind::Compare { compare: function, arg: Box::new(id()), quantifier }
}

#[test]
fn subqueries_answer_in_three_values() {
    let database = Database::new();
    let mut client = database.client();
    let rows = || ints(&[Some(1), Some(2), None]);
    let mut ask = |kind: SubqueryKind, list: &[Option<i32>]| {
        let question = subquery(kind, ints(list), Vec::new(), Type::BOOL);
        let rows = client.run(project(rows(), vec![question])).unwrap();
        let letter = |row: &Vec<Datum>| match row[0] {
            Datum::Bool(true) => 't',
            Datum::Bool(false) => 'f',
            _ => '-',
        };
        rows.iter().map(letter).collect::<String>()
    };
    let any = || compare(Quantifier::Any, &INT4_EQ);
    let none = || compare(Quantifier::All, &INT4_NE);
    assert_eq!(ask(any(), &[Some(1), Some(3)]), "tf-");
    assert_eq!(ask(any(), &[Some(1), None]), "t--");
    assert_eq!(ask(any(), &[]), "fff");
    assert_eq!(ask(none(), &[Some(1), Some(3)]), "ft-");
    assert_eq!(ask(none(), &[Some(1), None]), "f--");
    assert_eq!(ask(none(), &[]), "ttt");
    assert_eq!(ask(compare(Quantifier::Any, &INT4_GT), &[Some(1), None]), "-t-");
    assert_eq!(ask(compare(Quantifier::All, &INT4_GT), &[Some(1)]), "ft-");
    assert_eq!(ask(SubqueryKind::Exists, &[None]), "ttt");
    assert_eq!(ask(SubqueryKind::Exists, &[]), "fff");
}

#[test]
fn a_correlated_subquery_runs_for_every_row() {
    let database = Database::new();
    let mut client = database.client();
    // (SELECT trace(x) FROM (1, 2, 3) WHERE x > outer)
    let larger = call(&INT4_GT, vec![id(), outer(0, Type::INT4)]);
    let input = Box::new(ints(&[Some(1), Some(2), Some(3)]));
    let filter = node(NodeKind::Filter { input, condition: larger }, vec![Type::INT4]);
    let plan = aggregate(filter, 0, vec![trace(id())], false);
    let value = subquery(SubqueryKind::Scalar, plan, vec![id()], Type::TEXT);
    let rows = client.run(project(ints(&[Some(0), Some(2), Some(1)]), vec![id(), value])).unwrap();
    assert_eq!(show(&rows), ["0 123", "2 3", "1 23"]);
    let two = subquery(SubqueryKind::Scalar, ints(&[None, None]), Vec::new(), Type::INT4);
    let error = client.run(project(ints(&[Some(0)]), vec![two])).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "21000");
}

#[test]
fn set_returning_calls_stand_side_by_side() {
    let database = Database::new();
    let mut client = database.client();
    let exprs = vec![id(), call(&SERIES, vec![id()]), call(&SERIES, vec![int4(2)])];
    let input = Box::new(ints(&[Some(3), None, Some(0)]));
    let plan = node(NodeKind::ProjectSet { input, exprs }, vec![Type::INT4; 3]);
    let rows = client.run(plan).unwrap();
    let expected = ["3 1 1", "3 2 2", "3 3 -", "- - 1", "- - 2", "0 - 1", "0 - 2"];
    assert_eq!(show(&rows), expected);
    let kind = NodeKind::FunctionScan {
        function: &SERIES,
        args: vec![int4(4)],
        alias: "g".to_owned(),
        ordinality: true,
        filter: Some(call(&INT4_GT, vec![id(), int4(2)])),
    };
    let rows = client.run(node(kind, vec![Type::INT4, Type::INT8])).unwrap();
    assert_eq!(show(&rows), ["3 3", "4 4"]);
}

#[test]
fn case_and_coalesce_compute_only_what_they_need() {
    let database = Database::new();
    let mut client = database.client();
    let overflow = || call(&INT4_PLUS, vec![int4(i32::MAX), int4(1)]);
    let error = client.run(project(ints(&[None]), vec![overflow()])).unwrap_err();
    assert_eq!(error.to_string(), "integer out of range");
    let branch = CaseBranch { condition: call(&INT4_EQ, vec![int4(1), int4(1)]), value: int4(7) };
    let case =
        ExprKind::Case { operand: None, branches: vec![branch], otherwise: Box::new(overflow()) };
    let coalesce = ExprKind::Coalesce(vec![null(Type::INT4), int4(8), overflow()]);
    let exprs = vec![expr(case, Type::INT4), expr(coalesce, Type::INT4)];
    assert_eq!(show(&client.run(project(ints(&[None]), exprs)).unwrap()), ["7 8"]);
}

#[test]
fn long_lists_of_constants_answer_as_short_ones_do() {
    let database = Database::new();
    let mut client = database.client();
    let list = |length: i32, with_null: bool| {
        let mut list = (0..length).map(|n| int4(n * 2)).collect::<Vec<_>>();
        list.extend(with_null.then(|| null(Type::INT4)));
        list
    };
    for length in [3, 50] {
        for with_null in [false, true] {
            let mut ask = |quantifier, compare| {
                let list = list(length, with_null);
                let kind = ExprKind::InList { compare, arg: Box::new(id()), list, quantifier };
                let rows = ints(&[Some(2), Some(3), None]);
                let truth = vec![expr(kind, Type::BOOL)];
                format!("{:?}", client.run(project(rows, truth)).unwrap())
            };
            let unknown = if with_null { "Null" } else { "Bool(false)" };
            let expected = format!("[[Bool(true)], [{unknown}], [Null]]");
            assert_eq!(ask(Quantifier::Any, &INT4_EQ), expected);
            let unknown = if with_null { "Null" } else { "Bool(true)" };
            let expected = format!("[[Bool(false)], [{unknown}], [Null]]");
            assert_eq!(ask(Quantifier::All, &INT4_NE), expected);
        }
    }
}
