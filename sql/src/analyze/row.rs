//! Rows in expressions: `(a, b)` and `ROW(a, b)`, compared item by item.
//!
//! Only a row that is written out has items. Any other value of a row's type, `t` in
//! `SELECT t FROM t` among them, is one value with operators of its own.

use sqlparser::ast::{self, BinaryOperator};

use super::Analyzer;
use super::analyzer::unsupported;
use super::expression::{connect, connect_all, negate, symbol_of};
use super::query::{OuterReference, Query, QueryBody, QueryColumn, SublinkKind};
use super::select::conjuncts;
use crate::error::{Error, QueryError, Result, SyntaxError, TypeError};
use crate::expr::{CaseBranch, Expr, ExprKind, Quantifier};
use crate::parser::fold;
use crate::types::{self, Datum, Type};

/// The widest rows that are compared by order: each pair of values is a level of the comparison.
const ORDERED_PAIRS_MAX: usize = 250;

/// One side of a comparison.
pub(super) enum Operand {
    /// The items of a row that is written out; literals have no type yet.
    Row(Vec<Expr>, Option<u32>),
    Value(Expr),
}

/// A subquery with the items of a row that it is compared with.
struct Compared {
    left: Vec<Expr>,
    /// `SELECT ... FROM (subquery)`: its targets are the items to compare with.
    query: Query,
    outer: Vec<OuterReference>,
}

impl Analyzer<'_> {
    /// Analyzes one side of a comparison.
    pub(super) fn operand(&mut self, expr: &ast::Expr) -> Result<Operand> {
        match bare_row(expr) {
            ast::Expr::Tuple(items) => {
                let position = items.first().and_then(|item| self.start(item));
                self.check_row(items.len(), position)?;
                let items = items.iter().map(|item| self.expr(item)).collect::<Result<_>>()?;
                Ok(Operand::Row(items, position))
            }
            row @ ast::Expr::Function(call) if is_row(row) => {
                let (_, position) = self.function_name(&call.name)?;
                Ok(Operand::Row(self.row_arguments(call)?, position))
            }
            _ => self.expr(expr).map(Operand::Value),
        }
    }

    /// The same operand once more.
    pub(super) fn copied_operand(&self, operand: &Operand) -> Result<Operand> {
        Ok(match operand {
            Operand::Row(items, position) => {
                let items = items.iter().map(|item| self.copied(item));
                Operand::Row(items.collect::<Result<_>>()?, *position)
            }
            Operand::Value(value) => Operand::Value(self.copied(value)?),
        })
    }

    /// The value of an operand, as where it is not compared.
    pub(super) fn operand_value(&mut self, operand: Operand) -> Result<Expr> {
        match operand {
            Operand::Value(value) => Ok(value),
            Operand::Row(items, position) => {
                let items = items.into_iter().map(|item| self.resolve_unknown(item));
                let kind = ExprKind::Row(items.collect::<Result<_>>()?);
                Ok(Expr { kind, ty: Type::RECORD, position })
            }
        }
    }

    /// `left symbol right`
    pub(super) fn compare(
        &mut self,
        symbol: &str,
        left: Operand,
        right: Operand,
        position: impl Fn() -> Option<u32>,
    ) -> Result<Expr> {
        match (left, right) {
            (Operand::Row(left, _), Operand::Row(right, _)) => {
                self.compare_rows(symbol, left, right, position())
            }
            (left, right) => {
                let (left, right) = (self.operand_value(left)?, self.operand_value(right)?);
                self.binary(symbol, left, right, position)
            }
        }
    }

    /// The first operator of a chain over a row that is written out; None when its left side is none.
    pub(super) fn row_operator(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Result<Option<Expr>> {
        if !is_row(left) || matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            return Ok(None);
        }
        let position = self.operator_position(op, right);
        let symbol =
            symbol_of(op).ok_or_else(|| unsupported(format!("operator {op}"), position))?;
        if let ast::Expr::Subquery(query) = bare_row(right) {
            return self.row_and_subquery(left, &symbol, query, position).map(Some);
        }
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        self.compare(&symbol, left, right, || position).map(Some)
    }

    /// `(a, b) symbol (c, d)`
    fn compare_rows(
        &mut self,
        symbol: &str,
        left: Vec<Expr>,
        right: Vec<Expr>,
        position: Option<u32>,
    ) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(Error::from(QueryError::RowWidth).at(position));
        }
        let mut pairs = left.into_iter().zip(right);
        if pairs.len() == 1
            && let Some((left, right)) = pairs.next()
        {
            return self.binary(symbol, left, right, || position);
        }
        let mut result: Option<Expr> = None;
        match symbol {
            "=" | "<>" => {
                let compared =
                    pairs.map(|(left, right)| self.binary(symbol, left, right, || position));
                result = connect_all(symbol == "=", compared)?;
            }
            "<" | "<=" | ">" | ">=" if pairs.len() > ORDERED_PAIRS_MAX => {
                return Err(SyntaxError::TooDeep.into());
            }
            "<" | "<=" | ">" | ">=" => {
                let strict = &symbol[..1];
                // From the last pair: a < c OR (a = c AND the rest).
                for (left, right) in pairs.rev() {
                    let Some(rest) = result.take() else {
                        result = Some(self.binary(symbol, left, right, || position)?);
                        continue;
                    };
                    let again = (self.copied(&left)?, self.copied(&right)?);
                    let before = self.binary(strict, again.0, again.1, || position)?;
                    let equal = self.binary("=", left, right, || position)?;
                    result = Some(connect(false, before, connect(true, equal, rest)));
                }
            }
            _ => {
                for (left, right) in pairs {
                    let compared = self.binary(symbol, left, right, || position)?;
                    if compared.ty != Type::BOOL {
                        let found = types::name(compared.ty);
                        return Err(Error::from(TypeError::RowOperatorType { found }).at(position));
                    }
                }
                let error = QueryError::RowOperator { symbol: symbol.to_owned() };
                return Err(Error::from(error).at(position));
            }
        }
        result.ok_or_else(|| Error::from(QueryError::EmptyRows).at(position))
    }

    /// `left IS DISTINCT FROM right` of rows: some pair is.
    pub(super) fn distinct_rows(
        &mut self,
        left: Vec<Expr>,
        right: Vec<Expr>,
        position: Option<u32>,
    ) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(Error::from(QueryError::RowWidth).at(position));
        }
        let pairs = left.into_iter().zip(right);
        let differ = pairs.map(|(left, right)| self.distinct_values(left, right, position));
        Ok(connect_all(false, differ)?
            .unwrap_or_else(|| boolean(ExprKind::Constant(Datum::Bool(false)), position)))
    }

    /// `(a, b) symbol (SELECT ...)`: NULL without a row, an error with two.
    fn row_and_subquery(
        &mut self,
        left: &ast::Expr,
        symbol: &str,
        query: &ast::Query,
        position: Option<u32>,
    ) -> Result<Expr> {
        let Compared { left, mut query, outer } = self.compared(left, query, position)?;
        if let QueryBody::Select(select) = &mut query.body {
            let right = std::mem::take(&mut select.targets);
            select.targets = vec![self.compare_rows(symbol, left, right, position)?];
            select.visible = 1;
        }
        let name = "?column?".to_owned();
        query.columns = vec![QueryColumn { name, ty: Type::BOOL, origin: None }];
        Ok(self.sublink(SublinkKind::Scalar, query, outer, Type::BOOL, position))
    }

    /// `(a, b) symbol ANY (SELECT ...)`: true when it holds for a row, unknown when it may for one,
    /// else false. ALL is that of the opposite, negated.
    pub(super) fn row_quantified(
        &mut self,
        left: &ast::Expr,
        symbol: &str,
        query: &ast::Query,
        quantifier: Quantifier,
        position: Option<u32>,
    ) -> Result<Expr> {
        if quantifier == Quantifier::All {
            let opposite = opposite(symbol).ok_or_else(|| {
                let symbol = symbol.to_owned();
                Error::from(QueryError::RowOperator { symbol }).at(position)
            })?;
            let any = self.row_quantified(left, opposite, query, Quantifier::Any, position)?;
            return Ok(negate(any));
        }
        let holds = self.row_exists(left, symbol, query, position, false)?;
        let perhaps = self.row_exists(left, symbol, query, position, true)?;
        let constant = |value| boolean(ExprKind::Constant(value), position);
        let branches = vec![
            CaseBranch { condition: holds, value: constant(Datum::Bool(true)) },
            CaseBranch { condition: perhaps, value: constant(Datum::Null) },
        ];
        let otherwise = Box::new(constant(Datum::Bool(false)));
        Ok(boolean(ExprKind::Case { operand: None, branches, otherwise }, position))
    }

    /// EXISTS of a row in the subquery for which the comparison with the left one holds;
    /// `perhaps`: is not false.
    fn row_exists(
        &mut self,
        left: &ast::Expr,
        symbol: &str,
        query: &ast::Query,
        position: Option<u32>,
        perhaps: bool,
    ) -> Result<Expr> {
        let Compared { left, mut query, outer } = self.compared(left, query, position)?;
        if let QueryBody::Select(select) = &mut query.body {
            let right = std::mem::take(&mut select.targets);
            select.visible = 0;
            let condition = self.compare_rows(symbol, left, right, position)?;
            // A conjunction is not false when none of its parts is.
            select.conditions.extend(conjuncts(condition).into_iter().map(|part| {
                if !perhaps {
                    return part;
                }
                negate(boolean(ExprKind::IsTruth(Box::new(part), Some(false)), position))
            }));
        }
        query.columns.clear();
        Ok(self.sublink(SublinkKind::Exists, query, outer, Type::BOOL, position))
    }

    /// Analyzes a row and a subquery of as many columns.
    fn compared(
        &mut self,
        left: &ast::Expr,
        query: &ast::Query,
        position: Option<u32>,
    ) -> Result<Compared> {
        let left = match self.operand(left)? {
            Operand::Row(items, _) => items,
            Operand::Value(value) => vec![value],
        };
        let (inner, mut outer) = self.inner_query(query)?;
        if inner.columns.len() != left.len() {
            let error = QueryError::SubqueryWidth { many: inner.columns.len() > left.len() };
            return Err(Error::from(error).at(position));
        }
        let level = self.levels.len() - 1;
        for expr in &left {
            self.references(expr, level, &mut outer);
        }
        let query = self.over(inner);
        Ok(Compared { left, query, outer })
    }
}

/// Whether an expression is a row that is written out.
pub(super) fn is_row(expr: &ast::Expr) -> bool {
    match bare_row(expr) {
        ast::Expr::Tuple(_) => true,
        ast::Expr::Function(call) => match call.name.0.as_slice() {
            [ast::ObjectNamePart::Identifier(name)] => {
                let plain = call.over.is_none() && call.filter.is_none();
                plain && name.quote_style.is_none() && fold(name) == "row"
            }
            _ => false,
        },
        _ => false,
    }
}

/// What stands in parentheses.
pub(super) fn bare_row(expr: &ast::Expr) -> &ast::Expr {
    match expr {
        ast::Expr::Nested(inner) => bare_row(inner),
        _ => expr,
    }
}

/// The comparison that is true where this one is false.
fn opposite(symbol: &str) -> Option<&'static str> {
    match symbol {
        "=" => Some("<>"),
        "<>" => Some("="),
        "<" => Some(">="),
        "<=" => Some(">"),
        ">" => Some("<="),
        ">=" => Some("<"),
        _ => None,
    }
}

fn boolean(kind: ExprKind, position: Option<u32>) -> Expr {
    Expr { kind, ty: Type::BOOL, position }
}
