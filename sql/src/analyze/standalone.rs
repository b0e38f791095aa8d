//! Expressions outside of queries: the arguments of EXECUTE, the time of AS OF SYSTEM TIME.

use sqlparser::ast;

use super::analyzer::{Analyzer, Surroundings};
use super::coerce::bare;
use super::scope::{Level, Place};
use crate::catalog::Lookup;
use crate::error::{Error, Result, SnapshotError, TypeError};
use crate::expr::Expr;
use crate::expr::function::CastContext;
use crate::parser::Source;
use crate::types::{self, Formats, Type};

/// Argument `number` (from 1) of EXECUTE, of the type of the statement's parameter.
///
/// # Errors
///
/// 42804 when the types do not go together, and what any expression may give.
pub(crate) fn execute_argument(
    argument: &ast::Expr,
    ty: Type,
    number: usize,
    source: &Source,
    lookup: &dyn Lookup,
    formats: &Formats,
) -> Result<Expr> {
    let wrong = |expected, found| TypeError::ArgumentType { number, expected, found };
    let around = Surroundings { lookup, formats, infer_parameters: false };
    standalone(argument, source, Place::Execute, ty, around, wrong)
}

/// The time of AS OF SYSTEM TIME, as a `timestamptz`; an interval, or a string with a minus sign in front,
/// counts from now. `parameters` are the types that are known, and then all of them.
///
/// # Errors
///
/// 42804 for another type, 0A000 for a volatile function, and what any expression may give.
pub(crate) fn system_time(
    time: &ast::Expr,
    source: &Source,
    lookup: &dyn Lookup,
    formats: &Formats,
    parameters: &mut Vec<Option<Type>>,
) -> Result<Expr> {
    let around = Surroundings { lookup, formats, infer_parameters: true };
    let mut analyzer = Analyzer::new(source, around, parameters);
    analyzer.levels.push(Level { place: Place::SystemTime, ..Level::default() });
    let mut time = source.walk(|| time.clone());
    let is_span = is_negative(&time) || analyzer.expr(&time)?.ty == Type::INTERVAL;
    if is_span {
        time = from_now(time);
    }
    let value = analyzer.expr(&time)?;
    let (found, position) = (value.ty, value.position);
    if analyzer.volatile_calls > 0 {
        // It is evaluated by each step of the statement that has to know the time.
        return Err(Error::from(SnapshotError::VolatileSystemTime).at(position));
    }
    let coerced = analyzer.coerce(value, Type::TIMESTAMPTZ, CastContext::Implicit)?;
    coerced.ok_or_else(|| {
        let found = types::name(bare(found));
        Error::from(TypeError::SystemTimeType { found }).at(position)
    })
}

/// A string with a minus sign in front.
fn is_negative(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Nested(inner) => is_negative(inner),
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => text.trim_start().starts_with('-'),
            _ => false,
        },
        _ => false,
    }
}

/// `now() + span`
fn from_now(span: ast::Expr) -> ast::Expr {
    let name = ast::ObjectName::from(vec![ast::Ident::new("pg_catalog"), ast::Ident::new("now")]);
    let arguments =
        ast::FunctionArgumentList { duplicate_treatment: None, args: vec![], clauses: vec![] };
    let now = ast::Expr::Function(ast::Function {
        name,
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    });
    let span = ast::Expr::Cast {
        kind: ast::CastKind::DoubleColon,
        expr: Box::new(span),
        data_type: ast::DataType::Interval { fields: None, precision: None },
        format: None,
    };
    let (left, right) = (Box::new(now), Box::new(span));
    ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Plus, right }
}

/// An expression without columns, coerced as for storing.
pub(super) fn standalone(
    expr: &ast::Expr,
    source: &Source,
    place: Place,
    ty: Type,
    around: Surroundings<'_>,
    wrong: impl Fn(String, String) -> TypeError,
) -> Result<Expr> {
    let mut parameters = Vec::new();
    let mut analyzer = Analyzer::new(source, around, &mut parameters);
    analyzer.levels.push(Level { place, ..Level::default() });
    let value = analyzer.expr(expr)?;
    let (found, position) = (value.ty, value.position);
    let coerced = analyzer.coerce(value, ty, CastContext::Assignment)?;
    coerced.ok_or_else(|| {
        Error::from(wrong(types::name(bare(ty)), types::name(bare(found)))).at(position)
    })
}
