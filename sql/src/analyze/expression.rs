//! Expressions: from sqlparser's tree to typed ones.

use sqlparser::ast::Spanned;
use sqlparser::ast::{self, BinaryOperator, UnaryOperator};

use super::Analyzer;
use super::analyzer::unsupported;
use super::coerce::bare;
use super::order::TARGETS_MAX;
use super::row::Operand;
use super::scope::Place;
use super::type_name::{place_type_error, type_name};
use crate::error::{Error, NameError, QueryError, Result, SyntaxError, TypeError};
use crate::expr::function::CastContext;
use crate::expr::{Expr, ExprKind, Quantifier};
use crate::parser::Source;
use crate::types::{self, Type};

impl Analyzer<'_> {
    /// The 1-based position of an expression's first token that sqlparser knows of.
    pub(super) fn start(&self, expr: &ast::Expr) -> Option<u32> {
        self.source.place_of(expr)
    }

    /// The position of a word before a place, or of the NOT before that word.
    pub(super) fn word_before(&self, word: &str, negated: bool, place: Option<u32>) -> Option<u32> {
        let word = self.source.position_before(word, place);
        if negated { self.source.position_before("not", word) } else { word }
    }

    /// Analyzes an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Result<Expr> {
        self.step()?;
        match expr {
            ast::Expr::Identifier(ident) => self.identifier(ident),
            ast::Expr::CompoundIdentifier(idents) => self.qualified_column(idents),
            ast::Expr::Value(value) => self.literal(value, false),
            ast::Expr::Nested(inner) => self.expr(inner),
            ast::Expr::BinaryOp { .. } => self.operators(expr),
            ast::Expr::UnaryOp { op, expr: operand } => self.unary(*op, operand),
            ast::Expr::Cast { kind, expr: operand, data_type, format } => {
                if format.is_some()
                    || !matches!(kind, ast::CastKind::Cast | ast::CastKind::DoubleColon)
                {
                    return Err(unsupported("this kind of cast", self.start(operand)));
                }
                self.written_cast(operand, data_type, *kind == ast::CastKind::DoubleColon)
            }
            ast::Expr::TypedString(ast::TypedString {
                data_type,
                value,
                uses_odbc_syntax: false,
            }) => {
                let to = self.type_of(data_type, self.position(value.span))?;
                let literal = self.literal(value, false)?;
                let position = literal.position;
                self.cast(literal, to, position)
            }
            ast::Expr::Interval(interval) => self.interval(interval),
            ast::Expr::Function(function) => self.function(function),
            ast::Expr::Case { .. } => self.case(expr),
            ast::Expr::Exists { .. } | ast::Expr::Subquery(_) | ast::Expr::InSubquery { .. } => {
                self.subquery_expression(expr)
            }
            ast::Expr::InList { expr: operand, list, negated } => {
                self.in_list(operand, list, *negated)
            }
            ast::Expr::AnyOp { left, compare_op, right, is_some: _ } => {
                self.quantified(left, compare_op, right, Quantifier::Any)
            }
            ast::Expr::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, right, Quantifier::All)
            }
            ast::Expr::Between { expr: operand, negated, low, high } => {
                self.between(operand, *negated, low, high)
            }
            ast::Expr::Tuple(items) => self.row(items),
            ast::Expr::Array(array) => self.array(&array.elem, None),
            ast::Expr::CompoundFieldAccess { root, access_chain } => {
                self.subscripts(root, access_chain)
            }
            ast::Expr::IsNull(_)
            | ast::Expr::IsNotNull(_)
            | ast::Expr::IsTrue(_)
            | ast::Expr::IsNotTrue(_)
            | ast::Expr::IsFalse(_)
            | ast::Expr::IsNotFalse(_)
            | ast::Expr::IsUnknown(_)
            | ast::Expr::IsNotUnknown(_)
            | ast::Expr::IsDistinctFrom(..)
            | ast::Expr::IsNotDistinctFrom(..) => self.test(expr),
            ast::Expr::Collate { expr: operand, collation } => self.collate(operand, collation),
            _ => self.syntax_function(expr),
        }
    }

    /// A bare name; DEFAULT is none outside of INSERT and UPDATE.
    fn identifier(&mut self, ident: &ast::Ident) -> Result<Expr> {
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default") {
            let error = Error::from(QueryError::DefaultNotAllowed);
            return Err(error.at(self.position(ident.span)));
        }
        if self.place() == Place::Default && self.levels.len() == 1 {
            let error = Error::from(QueryError::ColumnInDefault);
            return Err(error.at(self.position(ident.span)));
        }
        self.column(ident)
    }

    /// A type name; errors stand at the name, or else at `position`.
    pub(super) fn type_of(&self, name: &ast::DataType, position: Option<u32>) -> Result<Type> {
        type_name(name, self.source).map_err(|e| e.at(position))
    }

    fn written_cast(
        &mut self,
        operand: &ast::Expr,
        data_type: &ast::DataType,
        colons: bool,
    ) -> Result<Expr> {
        let source = self.source;
        let place = || cast_position(source, operand, colons);
        let to = type_name(data_type, source).map_err(|e| {
            let before = if colons {
                place()
            } else {
                source.position_after("as", source.place_of(operand))
            };
            place_type_error(e, source, source.position_behind(before))
        })?;
        let value = match (operand, to.element()) {
            (ast::Expr::Array(array), Some(element)) => {
                self.array(&array.elem, Some(element.with_modifier(-1)))?
            }
            _ => self.expr(operand)?,
        };
        let (from, position) = (value.ty, value.position);
        match self.coerce(value, to, CastContext::Explicit)? {
            Some(mut cast) => {
                cast.position = cast.position.or(position);
                Ok(cast)
            }
            None => {
                let (from, to) = (types::name(bare(from)), types::name(bare(to)));
                Err(Error::from(TypeError::CannotCast { from, to }).at(place()))
            }
        }
    }

    /// A chain of operators. Its left spine is walked in a loop, as it may be long.
    fn operators(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let mut spine = Vec::new();
        let mut first = expr;
        while let ast::Expr::BinaryOp { left, op, right } = first {
            if is_comparison(op)
                && matches!(left.as_ref(), ast::Expr::BinaryOp { op, .. } if is_comparison(op))
            {
                let position = self.operator_position(op, right);
                let near = Some(op.to_string());
                return Err(Error::from(SyntaxError::Syntax { near }).at(position));
            }
            spine.push((op, right.as_ref()));
            first = left;
        }
        if let Some((op, right)) = spine.last()
            && let Some(compared) = self.row_operator(first, op, right)?
        {
            spine.pop();
            return self.spine(compared, spine);
        }
        let first = self.expr(first)?;
        self.spine(first, spine)
    }

    fn spine(
        &mut self,
        first: Expr,
        mut spine: Vec<(&BinaryOperator, &ast::Expr)>,
    ) -> Result<Expr> {
        let mut left = first;
        while let Some((op, right)) = spine.pop() {
            left = match op {
                BinaryOperator::And | BinaryOperator::Or => {
                    let is_and = matches!(op, BinaryOperator::And);
                    let words = if is_and { "AND" } else { "OR" };
                    let left = self.boolean(left, words)?;
                    let right = self.expr(right)?;
                    let right = self.boolean(right, words)?;
                    connect(is_and, left, right)
                }
                _ => {
                    let symbol = symbol_of(op)
                        .ok_or_else(|| unsupported(format!("operator {op}"), left.position))?;
                    let right_expr = self.expr(right)?;
                    let source = self.source;
                    let place = || operator_position(source, op, right);
                    self.binary(&symbol, left, right_expr, place)?
                }
            };
        }
        Ok(left)
    }

    pub(super) fn operator_position(&self, op: &BinaryOperator, right: &ast::Expr) -> Option<u32> {
        operator_position(self.source, op, right)
    }

    fn unary(&mut self, op: UnaryOperator, operand: &ast::Expr) -> Result<Expr> {
        let symbol = op.to_string();
        let position = self.source.position_before(&symbol, self.start(operand));
        match op {
            UnaryOperator::Not => {
                let operand = self.expr(operand)?;
                let operand = self.boolean(operand, "NOT")?;
                Ok(negate(operand))
            }
            UnaryOperator::Minus if let Some((value, negative)) = signed_number(operand) => {
                let mut literal = self.literal(value, !negative)?;
                literal.position = position;
                Ok(literal)
            }
            UnaryOperator::PGPostfixFactorial => Err(unsupported("operator !", position)),
            _ => {
                let operand = self.expr(operand)?;
                self.prefix(&symbol, operand, position)
            }
        }
    }

    fn between(
        &mut self,
        operand: &ast::Expr,
        negated: bool,
        low: &ast::Expr,
        high: &ast::Expr,
    ) -> Result<Expr> {
        let value = self.operand(operand)?;
        let (low, symmetric) = match low {
            ast::Expr::Prior(low) => (low.as_ref(), true),
            low => (low, false),
        };
        let position = self.word_before("between", negated, self.start(low));
        let ends = (self.operand(low)?, self.operand(high)?);
        if !symmetric {
            return self.between_ends(value, ends, negated, position);
        }
        let again = (self.copied_operand(&ends.1)?, self.copied_operand(&ends.0)?);
        let first = self.between_ends(self.copied_operand(&value)?, ends, negated, position)?;
        let second = self.between_ends(value, again, negated, position)?;
        Ok(connect(negated, first, second))
    }

    fn between_ends(
        &mut self,
        value: Operand,
        (low, high): (Operand, Operand),
        negated: bool,
        position: Option<u32>,
    ) -> Result<Expr> {
        let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
        let again = self.copied_operand(&value)?;
        let low = self.compare(first, value, low, || position)?;
        let high = self.compare(second, again, high, || position)?;
        Ok(connect(!negated, low, high))
    }

    fn collate(&mut self, operand: &ast::Expr, name: &ast::ObjectName) -> Result<Expr> {
        let position = name.0.first().and_then(|part| self.position(part.span()));
        let position = self.source.position_before("collate", position);
        let written = name.to_string().trim_matches('"').to_owned();
        let bare = written.rsplit('.').next().unwrap_or_default().trim_matches('"');
        if ["C", "POSIX", "default", "ucs_basic"].contains(&bare) {
            let operand = self.expr(operand)?;
            if operand.ty != Type::UNKNOWN && !types::has_collation(operand.ty) {
                let type_name = types::name(operand.ty.with_modifier(-1));
                return Err(Error::from(NameError::NoCollation { type_name }).at(position));
            }
            return Ok(operand);
        }
        let error = NameError::UndefinedCollation { name: bare.to_owned() };
        Err(Error::from(error).at(position))
    }

    /// Refuses a row that is too wide.
    pub(super) fn check_row(&self, items: usize, position: Option<u32>) -> Result<()> {
        if items > TARGETS_MAX {
            return Err(Error::from(QueryError::RowTooWide { most: TARGETS_MAX }).at(position));
        }
        Ok(())
    }

    fn row(&mut self, items: &[ast::Expr]) -> Result<Expr> {
        let position = items.first().and_then(|item| self.start(item));
        self.check_row(items.len(), position)?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = self.expr(item)?;
            values.push(self.resolve_unknown(value)?);
        }
        Ok(Expr { kind: ExprKind::Row(values), ty: Type::RECORD, position })
    }
}

/// Comparisons do not associate: `1 < 2 < 3` is no expression.
fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | Gt | GtEq | Lt | LtEq | NotEq)
}

/// Where an operator stands: before its right side and that side's own signs.
fn operator_position(source: &Source, op: &BinaryOperator, right: &ast::Expr) -> Option<u32> {
    let text = match op {
        BinaryOperator::PGCustomBinaryOperator(_) => "operator".to_owned(),
        _ => op.to_string(),
    };
    let other = match op {
        BinaryOperator::NotEq => "!=",
        BinaryOperator::PGLikeMatch => "like",
        BinaryOperator::PGILikeMatch => "ilike",
        BinaryOperator::PGNotLikeMatch | BinaryOperator::PGNotILikeMatch => "not",
        _ => text.as_str(),
    };
    let before = |at| source.position_before(&text, at).max(source.position_before(other, at));
    let mut at = source.place_of(right);
    let mut operand = right;
    while let ast::Expr::UnaryOp { op: sign, expr } = operand {
        if sign.to_string() == text {
            at = before(at);
        }
        operand = expr;
    }
    before(at)
}

/// Where a cast stands: at its `::`, or at CAST.
fn cast_position(source: &Source, operand: &ast::Expr, colons: bool) -> Option<u32> {
    let mut position = source.place_of(operand);
    if colons {
        // Every :: of the operand stands before this one.
        let mut inside = 0;
        let _ = ast::visit_expressions(operand, |expr| {
            let is_cast = matches!(expr, ast::Expr::Cast { kind: ast::CastKind::DoubleColon, .. });
            inside += usize::from(is_cast);
            std::ops::ControlFlow::<()>::Continue(())
        });
        for _ in 0..=inside {
            position = source.position_after("::", position);
        }
        return position;
    }
    let mut inner = operand;
    loop {
        position = source.position_before("cast", position);
        inner = match inner {
            ast::Expr::Cast { kind: ast::CastKind::Cast, expr, .. } => expr,
            _ => return position,
        };
    }
}

/// A number behind minus signs and parentheses, and whether it is negative: the signs are part of
/// the literal and take part in deciding its type.
fn signed_number(mut expr: &ast::Expr) -> Option<(&ast::ValueWithSpan, bool)> {
    let mut negative = false;
    loop {
        expr = match expr {
            ast::Expr::Nested(inner) => inner,
            ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                negative = !negative;
                expr
            }
            ast::Expr::Value(value) => {
                let is_number = matches!(value.value, ast::Value::Number(..));
                return is_number.then_some((value, negative));
            }
            _ => return None,
        };
    }
}

/// The symbol of an operator in `pg_operator`; None when PostgreSQL has none of the kind.
pub(super) fn symbol_of(op: &BinaryOperator) -> Option<String> {
    match op {
        BinaryOperator::Overlaps => Some("OVERLAPS".to_owned()),
        BinaryOperator::Xor
        | BinaryOperator::DuckIntegerDivide
        | BinaryOperator::MyIntegerDivide
        | BinaryOperator::Match
        | BinaryOperator::Regexp
        | BinaryOperator::Glob
        | BinaryOperator::Assignment => None,
        BinaryOperator::PGCustomBinaryOperator(names) => match names.as_slice() {
            [symbol] => Some(symbol.clone()),
            [schema, symbol] if schema == "pg_catalog" => Some(symbol.clone()),
            _ => None,
        },
        _ => Some(op.to_string()),
    }
}

/// All of the parts connected; None without parts.
pub(super) fn connect_all(
    is_and: bool,
    parts: impl IntoIterator<Item = Result<Expr>>,
) -> Result<Option<Expr>> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next().transpose()? else { return Ok(None) };
    parts.try_fold(first, |all, part| Ok(connect(is_and, all, part?))).map(Some)
}

/// `a AND b` or `a OR b`, flat.
pub(super) fn connect(is_and: bool, left: Expr, right: Expr) -> Expr {
    let position = left.position;
    let parts = |side: Expr| match side.kind {
        ExprKind::And(inner) if is_and => inner,
        ExprKind::Or(inner) if !is_and => inner,
        kind => vec![Expr { kind, ..side }],
    };
    let mut all = parts(left);
    all.extend(parts(right));
    let kind = if is_and { ExprKind::And(all) } else { ExprKind::Or(all) };
    Expr { kind, ty: Type::BOOL, position }
}

/// `NOT operand`
pub(super) fn negate(operand: Expr) -> Expr {
    let position = operand.position;
    Expr { kind: ExprKind::Not(Box::new(operand)), ty: Type::BOOL, position }
}
