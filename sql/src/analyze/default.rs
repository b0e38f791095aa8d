//! A column's DEFAULT.
//!
//! What it says is read once, when it is defined; it is kept as a text that says the same whatever the settings are
//! of who inserts:
//!
//! ```text
//! with TimeZone 'Asia/Tokyo' and DateStyle 'DMY'    '1/2/2020 09:00'
//! is kept as                                        '2020-02-01 00:00:00+00'
//! ```
//!
//! # Invariants
//!
//! 1. A literal whose type's text depends on settings, on names or on the clock is kept in the form that
//!    [`Formats::default`] writes, and is read in that form.
//! 2. A string with a quote or a backslash in it is kept as `E'...'`.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Value, ValueWithSpan, VisitMut as _, VisitorMut};

use super::analyzer::{Surroundings, unsupported};
use super::scope::Place;
use super::standalone::standalone;
use crate::catalog::{Column, Lookup};
use crate::error::{Error, Result, TypeError};
use crate::expr::{Expr, ExprKind};
use crate::parser::{Source, parse_expression};
use crate::types::{self, Formats, Type};

/// A column's DEFAULT, from the text that is kept to an expression of the column's type.
///
/// # Errors
///
/// 42804 when the types do not go together, and what any expression may give.
pub(crate) fn default_value(
    sql: &str,
    column: &Column,
    lookup: &dyn Lookup,
    formats: &Formats,
) -> Result<Expr> {
    let kept = Formats { now: formats.now, names: formats.names.clone(), ..Formats::default() };
    let (expr, source) = parse_expression(sql).map_err(Error::without_position)?;
    check_default(&expr, &source, column, lookup, &kept).map_err(Error::without_position)
}

/// The text to keep of a DEFAULT in a statement that defines the column; errors stand in that statement.
///
/// # Errors
///
/// As [`default_value`].
pub(crate) fn lasting_default(
    expr: &ast::Expr,
    source: &Source,
    column: &Column,
    lookup: &dyn Lookup,
    formats: &Formats,
) -> Result<String> {
    let checked = check_default(expr, source, column, lookup, formats)?;
    let mut lasting = Lasting { source, read: Vec::new() };
    lasting.find(&checked);
    let mut expr = expr.clone();
    let ControlFlow::Continue(()) = expr.visit(&mut lasting);
    let text = expr.to_string();
    match default_value(&text, column, lookup, formats) {
        Ok(_) => Ok(text),
        Err(_) => Err(unsupported("this kind of DEFAULT", None)),
    }
}

fn check_default(
    expr: &ast::Expr,
    source: &Source,
    column: &Column,
    lookup: &dyn Lookup,
    formats: &Formats,
) -> Result<Expr> {
    let wrong =
        |expected, found| TypeError::DefaultType { column: column.name.clone(), expected, found };
    let around = Surroundings { lookup, formats, infer_parameters: false };
    standalone(expr, source, Place::Default, column.ty, around, wrong)
}

/// Writes strings so that they last.
struct Lasting<'s> {
    source: &'s Source,
    /// Literals as they were read, by where they stand.
    read: Vec<(u32, String)>,
}

impl Lasting<'_> {
    /// Finds the literals that other settings would read in another way.
    fn find(&mut self, expr: &Expr) {
        if let (ExprKind::Constant(value), Some(position)) = (&expr.kind, expr.position)
            && !value.is_null()
            && depends_on_session(expr.ty)
        {
            self.read.push((position, types::to_text(value, expr.ty, &Formats::default())));
        }
        expr.each_child(&mut |child| self.find(child));
    }
}

impl VisitorMut for Lasting<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Self::Break> {
        let text = match &value.value {
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::NationalStringLiteral(text) => text,
            Value::DollarQuotedString(text) => &text.value,
            _ => return ControlFlow::Continue(()),
        };
        let position = self.source.position(value.span);
        let read = self.read.iter().find(|(at, _)| Some(*at) == position);
        let text = read.map_or(text, |(_, read)| read).clone();
        value.value = if text.contains(['\'', '\\']) {
            Value::EscapedStringLiteral(text)
        } else {
            Value::SingleQuotedString(text)
        };
        ControlFlow::Continue(())
    }

    /// `type 'text'` takes no `E'...'`.
    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<Self::Break> {
        if let ast::Expr::TypedString(typed) = expr
            && matches!(typed.value.value, Value::EscapedStringLiteral(_))
        {
            let (value, data_type) = (typed.value.clone(), typed.data_type.clone());
            let (kind, value) = (ast::CastKind::Cast, Box::new(ast::Expr::Value(value)));
            *expr = ast::Expr::Cast { kind, expr: value, data_type, format: None };
        }
        ControlFlow::Continue(())
    }
}

/// Whether the text of a value means something else under other settings, later, or with other names.
fn depends_on_session(ty: Type) -> bool {
    let ty = ty.element().unwrap_or(ty);
    let dependent = [
        Type::DATE,
        Type::TIME,
        Type::TIMESTAMP,
        Type::TIMESTAMPTZ,
        Type::INTERVAL,
        Type::REGCLASS,
        // A constant of type regclass that was made an OID.
        Type::OID,
    ];
    dependent.iter().any(|one| one.oid == ty.oid)
}
