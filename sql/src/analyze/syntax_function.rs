//! Functions with a syntax of their own: CASE, COALESCE, EXTRACT, LIKE, `current_date`...

use sqlparser::ast;

use super::Analyzer;
use super::analyzer::unsupported;
use super::expression::{connect_all, negate};
use super::operator;
use super::query::Meaning;
use super::row::Operand;
use crate::error::{Error, NameError, QueryError, Result, SyntaxError};
use crate::expr::function::{Body, Volatility};
use crate::expr::{CaseBranch, Expr, ExprKind};
use crate::types::{self, Datum, Type};

/// Words that stand for a call, and the function and the type it is cast to.
const WORDS: &[(&str, &str, Option<Type>)] = &[
    ("current_catalog", "current_database", None),
    ("current_date", "now", Some(Type::DATE)),
    ("current_role", "current_user", None),
    ("current_schema", "current_schema", None),
    ("current_timestamp", "now", None),
    ("current_user", "current_user", None),
    ("localtime", "now", Some(Type::TIME)),
    ("localtimestamp", "now", Some(Type::TIMESTAMP)),
    ("session_user", "session_user", None),
    ("user", "current_user", None),
];

impl Analyzer<'_> {
    /// `current_date` and its kind; None for any other word.
    pub(super) fn word_call(&mut self, word: &str, position: Option<u32>) -> Result<Option<Expr>> {
        let Some((_, function, ty)) = WORDS.iter().find(|(known, ..)| *known == word) else {
            return Ok(None);
        };
        let call = self.call(function, Vec::new(), position)?;
        match ty {
            Some(ty) => self.cast(call, *ty, position).map(Some),
            None => Ok(Some(call)),
        }
    }

    /// `current_timestamp(n)` and its kind.
    pub(super) fn precise_word(
        &mut self,
        (word, ty): (&'static str, Type),
        args: &[Expr],
        position: Option<u32>,
    ) -> Result<Expr> {
        let [Expr { kind: ExprKind::Constant(Datum::Int4(digits @ 0..)), .. }] = args else {
            let error = Error::from(SyntaxError::Syntax { near: Some("(".to_owned()) });
            return Err(error.at(self.source.position_after("(", position)));
        };
        let now = self.word_call(word, position)?;
        let now = now.ok_or_else(|| unsupported(word, position))?;
        self.cast(now, ty.with_modifier((*digits).min(6)), position)
    }

    /// COALESCE, GREATEST, LEAST, NULLIF and ROW, which are no functions in `pg_proc`.
    pub(super) fn special_call(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        position: Option<u32>,
    ) -> Result<Result<Expr, Vec<Expr>>> {
        let (kind, ty) = match name {
            "coalesce" | "greatest" | "least" if args.is_empty() => {
                let error = Error::from(SyntaxError::Syntax { near: Some(")".to_owned()) });
                return Err(error.at(self.source.position_after(")", position)));
            }
            "coalesce" => {
                refuse_sets(&args, "COALESCE")?;
                let (args, ty) = self.unify(args, "COALESCE")?;
                (ExprKind::Coalesce(args), ty)
            }
            "greatest" | "least" => {
                let words = if name == "greatest" { "GREATEST" } else { "LEAST" };
                let (args, ty) = self.unify(args, words)?;
                (ExprKind::Extreme(name == "greatest", args), ty)
            }
            "nullif" => match <[Expr; 2]>::try_from(args) {
                Ok([left, right]) => return self.nullif(left, right, position).map(Ok),
                Err(args) => return Ok(Err(args)),
            },
            "row" => {
                self.check_row(args.len(), position)?;
                let args = args.into_iter().map(|arg| self.resolve_unknown(arg));
                (ExprKind::Row(args.collect::<Result<_>>()?), Type::RECORD)
            }
            _ => return Ok(Err(args)),
        };
        Ok(Ok(Expr { kind, ty, position }))
    }

    fn nullif(&mut self, left: Expr, right: Expr, position: Option<u32>) -> Result<Expr> {
        let equal = operator::binary("=", left.ty, right.ty).map_err(|e| e.at(position))?;
        let left = self.to(left, equal.left)?;
        let right = self.to(right, equal.right)?;
        let ty = left.ty;
        let kind = ExprKind::NullIf {
            equal: equal.function,
            left: Box::new(left),
            right: Box::new(right),
        };
        Ok(Expr { kind, ty, position })
    }

    /// CASE.
    pub(super) fn case(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let ast::Expr::Case { case_token, end_token: _, operand, conditions, else_result } = expr
        else {
            return Err(unsupported("this expression", self.start(expr)));
        };
        let position = self.position(case_token.0.span);
        let operand = operand.as_deref().map(|operand| self.expr(operand)).transpose()?;
        let operand = operand.map(|operand| self.resolve_unknown(operand)).transpose()?;
        // What each WHEN compares with.
        let again = operand.as_ref().map(|operand| self.case_operand(operand));
        let mut tests = Vec::with_capacity(conditions.len());
        // PostgreSQL looks at ELSE first when it chooses the type.
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for ast::CaseWhen { condition, result } in conditions {
            let place = self.source.position_before("when", self.start(condition));
            let test = self.expr(condition)?;
            tests.push(match &again {
                Some(operand) => self.binary("=", self.copied(operand)?, test, || place)?,
                None => self.boolean(test, "CASE/WHEN")?,
            });
            values.push(self.expr(result)?);
        }
        values.insert(
            0,
            match else_result {
                Some(result) => self.expr(result)?,
                None => Expr {
                    kind: ExprKind::Constant(Datum::Null),
                    ty: Type::UNKNOWN,
                    position: None,
                },
            },
        );
        refuse_sets(operand.iter().chain(&tests).chain(&values), "CASE")?;
        let types = super::unify::types_of(&values);
        let ty = self.common_type_of(&types, "CASE")?;
        let ty = ty.with_modifier(super::unify::common_modifier(&types, ty));
        let values = values.into_iter().enumerate().map(|(n, value)| {
            self.coerce_common(value, ty, if n == 0 { "CASE/ELSE" } else { "CASE/WHEN" })
        });
        let mut values = values.collect::<Result<Vec<_>>>()?.into_iter();
        let otherwise = values.next().map(Box::new);
        let branches = tests.into_iter().zip(values);
        let branches = branches.map(|(condition, value)| CaseBranch { condition, value }).collect();
        let otherwise = otherwise.ok_or_else(|| unsupported("an empty CASE", position))?;
        let kept = matches!(&again, Some(Expr { kind: ExprKind::CaseOperand, .. }));
        let operand = operand.filter(|_| kept).map(Box::new);
        Ok(Expr { kind: ExprKind::Case { operand, branches, otherwise }, ty, position })
    }

    /// The operand of a simple CASE as its conditions read it: the value that was computed once,
    /// or the operand itself where that is as good.
    fn case_operand(&self, operand: &Expr) -> Expr {
        let mut reads = false;
        super::equal::columns(operand, &mut |_| reads = true);
        let is_sublink = |id: usize| matches!(self.meanings.get(id), Some(Meaning::Sublink(_)));
        let again = match &operand.kind {
            ExprKind::Column(id) => !is_sublink(*id),
            _ => !reads && !calls_volatile(operand),
        };
        let kind = if again { operand.kind.clone() } else { ExprKind::CaseOperand };
        Expr { kind, ty: operand.ty, position: operand.position }
    }

    /// IS NULL, IS TRUE, IS DISTINCT FROM and their kind.
    pub(super) fn test(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let (operand, truth, negated, clause) = match expr {
            ast::Expr::IsNull(operand) => return self.null_test(operand, false),
            ast::Expr::IsNotNull(operand) => return self.null_test(operand, true),
            ast::Expr::IsDistinctFrom(left, right) => return self.distinct(left, right, false),
            ast::Expr::IsNotDistinctFrom(left, right) => return self.distinct(left, right, true),
            ast::Expr::IsTrue(operand) => (operand, Some(true), false, "IS TRUE"),
            ast::Expr::IsNotTrue(operand) => (operand, Some(true), true, "IS NOT TRUE"),
            ast::Expr::IsFalse(operand) => (operand, Some(false), false, "IS FALSE"),
            ast::Expr::IsNotFalse(operand) => (operand, Some(false), true, "IS NOT FALSE"),
            ast::Expr::IsUnknown(operand) => (operand, None, false, "IS UNKNOWN"),
            ast::Expr::IsNotUnknown(operand) => (operand, None, true, "IS NOT UNKNOWN"),
            _ => return Err(unsupported("this test", self.start(expr))),
        };
        let operand = self.expr(operand)?;
        let operand = self.boolean(operand, clause)?;
        let position = operand.position;
        let kind = ExprKind::IsTruth(Box::new(operand), truth);
        let test = Expr { kind, ty: Type::BOOL, position };
        Ok(if negated { negate(test) } else { test })
    }

    fn null_test(&mut self, operand: &ast::Expr, negated: bool) -> Result<Expr> {
        let (fields, position) = match self.operand(operand)? {
            Operand::Row(fields, position) => (fields, position),
            Operand::Value(row) if row.ty == Type::RECORD && negated => {
                let position = row.position;
                let kind = ExprKind::AllPresent(Box::new(row));
                return Ok(Expr { kind, ty: Type::BOOL, position });
            }
            Operand::Value(value) => return Ok(is_null(value, negated)),
        };
        // A row IS [NOT] NULL when all of its fields are.
        let tests = fields.into_iter().map(|field| {
            let field = self.resolve_unknown(field)?;
            self.field_null_test(field, negated, position)
        });
        let empty = Expr { kind: ExprKind::Constant(Datum::Bool(true)), ty: Type::BOOL, position };
        Ok(connect_all(true, tests)?.unwrap_or(empty))
    }

    /// IS NULL of a field: one that is a row itself is not looked into.
    fn field_null_test(
        &mut self,
        field: Expr,
        negated: bool,
        position: Option<u32>,
    ) -> Result<Expr> {
        if field.ty != Type::RECORD {
            return Ok(is_null(field, negated));
        }
        let kind = ExprKind::Constant(Datum::Null);
        let null = Expr { kind, ty: Type::RECORD, position: None };
        let differs = self.distinct_values(field, null, position)?;
        Ok(if negated { differs } else { negate(differs) })
    }

    fn distinct(&mut self, left: &ast::Expr, right: &ast::Expr, negated: bool) -> Result<Expr> {
        let position = self.source.position_before("is", self.start(right));
        let test = match (self.operand(left)?, self.operand(right)?) {
            (Operand::Row(left, _), Operand::Row(right, _)) => {
                self.distinct_rows(left, right, position)?
            }
            (left, right) => {
                let (left, right) = (self.operand_value(left)?, self.operand_value(right)?);
                self.distinct_values(left, right, position)?
            }
        };
        Ok(if negated { negate(test) } else { test })
    }

    /// `left IS DISTINCT FROM right`; `position` is that of IS.
    pub(super) fn distinct_values(
        &mut self,
        left: Expr,
        right: Expr,
        position: Option<u32>,
    ) -> Result<Expr> {
        let equal = operator::binary("=", left.ty, right.ty).map_err(|e| e.at(position))?;
        let place = left.position;
        let left = Box::new(self.to(left, equal.left)?);
        let right = Box::new(self.to(right, equal.right)?);
        let kind = ExprKind::Distinct { equal: equal.function, left, right };
        Ok(Expr { kind, ty: Type::BOOL, position: place })
    }

    /// `INTERVAL '...' [field]`
    pub(super) fn interval(&mut self, interval: &ast::Interval) -> Result<Expr> {
        let ast::Interval {
            value,
            leading_field,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        } = interval;
        let literal = self.expr(value)?;
        let position = literal.position;
        let fields = match (leading_field, last_field) {
            (None, None) if fractional_seconds_precision.is_none() => {
                return self.cast(literal, Type::INTERVAL, position);
            }
            (None, None) => None,
            (Some(first), Some(last)) => Some(format!("{first} to {last}")),
            (Some(field), None) | (None, Some(field)) => Some(field.to_string()),
        };
        let precision = leading_precision.or(*fractional_seconds_precision);
        let precision = precision.map(|digits| i32::try_from(digits.min(6)).unwrap_or(6));
        let modifier =
            types::interval_modifier_of(fields.as_deref(), precision).ok_or_else(|| {
                unsupported(format!("interval {}", fields.unwrap_or_default()), position)
            })?;
        self.cast(literal, Type::INTERVAL.with_modifier(modifier), position)
    }

    /// What sqlparser has a node of its own for.
    pub(super) fn syntax_function(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let position = self.start(expr);
        let before = |word: &str| self.source.position_before(word, position).or(position);
        match expr {
            ast::Expr::Extract { field, syntax: ast::ExtractSyntax::From, expr: from } => {
                let place = before("extract");
                let field = field.to_string().trim_matches('\'').to_ascii_lowercase();
                let field = text(&field, place);
                let from = self.expr(from)?;
                self.call("extract", vec![field, from], place)
            }
            ast::Expr::Position { expr, r#in } => {
                let place = before("position");
                let (part, whole) = (self.expr(expr)?, self.expr(r#in)?);
                self.call("position", vec![whole, part], place)
            }
            ast::Expr::Substring { expr, substring_from, substring_for, special: _, shorthand } => {
                let place = before(if *shorthand { "substr" } else { "substring" });
                let mut args = vec![self.expr(expr)?];
                if let Some(from) = substring_from {
                    args.push(self.expr(from)?);
                } else if substring_for.is_some() {
                    args.push(Expr {
                        kind: ExprKind::Constant(Datum::Int4(1)),
                        ty: Type::INT4,
                        position: None,
                    });
                }
                if let Some(length) = substring_for {
                    args.push(self.expr(length)?);
                }
                self.call(if *shorthand { "substr" } else { "substring" }, args, place)
            }
            ast::Expr::Trim { expr, trim_where, trim_what, trim_characters } => {
                let place = before("trim");
                let name = match trim_where {
                    None | Some(ast::TrimWhereField::Both) => "btrim",
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                };
                let mut args = vec![self.expr(expr)?];
                let what = trim_what.as_deref().into_iter();
                for what in what.chain(trim_characters.iter().flatten()) {
                    args.push(self.expr(what)?);
                }
                self.call(name, args, place)
            }
            ast::Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let place = before("overlay");
                let mut args =
                    vec![self.expr(expr)?, self.expr(overlay_what)?, self.expr(overlay_from)?];
                if let Some(length) = overlay_for {
                    args.push(self.expr(length)?);
                }
                self.call("overlay", args, place)
            }
            ast::Expr::Ceil { expr, field } => self.rounded("ceil", expr, field, before("ceil")),
            ast::Expr::Floor { expr, field } => self.rounded("floor", expr, field, before("floor")),
            ast::Expr::AtTimeZone { timestamp, time_zone } => {
                let place = self.source.position_before("at", self.start(time_zone));
                let (time, zone) = (self.expr(timestamp)?, self.expr(time_zone)?);
                self.call("timezone", vec![zone, time], place)
            }
            ast::Expr::Like { .. } | ast::Expr::ILike { .. } | ast::Expr::SimilarTo { .. } => {
                self.pattern(expr)
            }
            _ => Err(unsupported("this expression", position)),
        }
    }

    fn rounded(
        &mut self,
        name: &str,
        expr: &ast::Expr,
        field: &ast::CeilFloorKind,
        position: Option<u32>,
    ) -> Result<Expr> {
        if !matches!(field, ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime)) {
            let signature = format!("{name}(numeric, integer)");
            return Err(Error::from(NameError::UndefinedFunction { signature }).at(position));
        }
        let arg = self.expr(expr)?;
        self.call(name, vec![arg], position)
    }

    /// LIKE, ILIKE and SIMILAR TO.
    fn pattern(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let (negated, operand, pattern, escape, words, symbols) = match expr {
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                (*negated, expr, pattern, escape_char, "like", ("~~", "!~~"))
            }
            ast::Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                (*negated, expr, pattern, escape_char, "ilike", ("~~*", "!~~*"))
            }
            ast::Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                (*negated, expr, pattern, escape_char, "similar", ("~", "!~"))
            }
            _ => return Err(unsupported("LIKE ANY", self.start(expr))),
        };
        let position = self.word_before(words, negated, self.start(pattern));
        let operand = self.expr(operand)?;
        let mut pattern = self.expr(pattern)?;
        let escape = escape.as_deref().map(|escape| self.expr(escape)).transpose()?;
        if words == "similar" {
            let args = std::iter::once(pattern).chain(escape).collect();
            pattern = self.call("similar_to_escape", args, position)?;
        } else if let Some(escape) = escape {
            pattern = self.call("like_escape", vec![pattern, escape], position)?;
        }
        let symbol = if negated { symbols.1 } else { symbols.0 };
        self.binary(symbol, operand, pattern, || position)
    }
}

/// Refuses set-returning functions, which would give the construct several values.
fn refuse_sets<'e>(
    exprs: impl IntoIterator<Item = &'e Expr>,
    construct: &'static str,
) -> Result<()> {
    match exprs.into_iter().find_map(first_set) {
        Some(set) => Err(Error::from(QueryError::SetInside { construct }).at(set.position)),
        None => Ok(()),
    }
}

fn first_set(expr: &Expr) -> Option<&Expr> {
    if let ExprKind::Call { function, .. } = &expr.kind
        && matches!(function.body, Body::Set(_))
    {
        return Some(expr);
    }
    let mut found = None;
    expr.each_child(&mut |child| found = found.or_else(|| first_set(child)));
    found
}

/// Whether an expression calls a volatile function, subqueries apart.
pub(super) fn calls_volatile(expr: &Expr) -> bool {
    let mut found = matches!(
        &expr.kind,
        ExprKind::Call { function, .. } if function.volatility == Volatility::Volatile
    );
    expr.each_child(&mut |child| found |= calls_volatile(child));
    found
}

/// The word of `current_timestamp(n)` and its kind.
pub(super) fn precision_word(name: &str, args: &[Expr]) -> Option<(&'static str, Type)> {
    let ty = match name {
        "current_timestamp" => Type::TIMESTAMPTZ,
        "localtimestamp" => Type::TIMESTAMP,
        "localtime" => Type::TIME,
        _ => return None,
    };
    let (word, ..) = WORDS.iter().find(|(word, ..)| *word == name)?;
    (args.len() == 1).then_some((word, ty))
}

fn is_null(operand: Expr, negated: bool) -> Expr {
    let position = operand.position;
    let test = Expr { kind: ExprKind::IsNull(Box::new(operand)), ty: Type::BOOL, position };
    if negated { negate(test) } else { test }
}

fn text(value: &str, position: Option<u32>) -> Expr {
    Expr { kind: ExprKind::Constant(Datum::text(value)), ty: Type::TEXT, position }
}
