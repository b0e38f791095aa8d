//! Outlines: texts that differ in their integers only have the same one.
//!
//! ```text
//! SELECT a FROM t WHERE b = 17      outline  SELECT a FROM t WHERE b = ␁      integers 17
//! SELECT a FROM t WHERE b = 4       the same                                  integers 4
//! ```
//!
//! An integer that is an `int8` has another mark than an `int4`, so that an outline also tells the
//! types of its integers.
//!
//! [`lift`] puts parameters in the place of a statement's integers, but only where an integer is a
//! value and nothing else: beside a column in a condition, as a value of VALUES or SET, or added to a
//! column there. A statement with any other integer in it (LIMIT, ORDER BY 1, varchar(10), a select
//! list...) is left as it is.
//!
//! # Invariants
//!
//! 1. Strings and quoted names are part of the outline; a text with other things in which digits are no
//!    numbers (comments, `$`, escapes, characters beyond ASCII) has none.
//! 2. A number with a point, an exponent or more than 18 digits, and 2147483648, whose type
//!    depends on a sign, have no outline either.

use smallvec::SmallVec;
use sqlparser::ast::{self, BinaryOperator, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use super::{Kind, Source, Statement};
use crate::types::{Datum, Type};

/// The longest text worth an outline, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// Digits that always fit an `int8`.
const DIGITS_MAX: usize = 18;
/// `int4` with a minus sign, `int8` without.
const AMBIGUOUS: i64 = 1 << 31;
/// What stands for an `int4` and an `int8` in an outline.
const MARKS: [char; 2] = ['\u{1}', '\u{2}'];

/// A text without its integers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) text: String,
    integers: SmallVec<[Integer; 8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Integer {
    value: i64,
    /// Character offset of its first digit.
    start: u32,
}

/// For each integer of an outline, whether a minus sign belongs to it.
pub(crate) type Signs = SmallVec<[bool; 8]>;

impl Integer {
    fn is_narrow(self) -> bool {
        self.value < AMBIGUOUS
    }
}

impl Outline {
    /// The outline of a text that has integers.
    pub(crate) fn of(sql: &str) -> Option<Outline> {
        let bytes = sql.as_bytes();
        if bytes.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut outline =
            Outline { text: String::with_capacity(sql.len()), integers: SmallVec::new() };
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = &bytes[at..];
            let length = match byte {
                b'0'..=b'9' => {
                    let length = outline.number(rest, at)?;
                    at += length;
                    continue;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => word(rest)?,
                b'\'' | b'"' => quoted(rest)?,
                b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => return None,
                b'-' if rest.get(1) == Some(&b'-') => return None,
                b'/' if rest.get(1) == Some(&b'*') => return None,
                b'$' | b'\\' | b'`' | 0..=8 | 14..=31 | 127.. => return None,
                _ => 1,
            };
            outline.text.push_str(sql.get(at..at + length)?);
            at += length;
        }
        (!outline.integers.is_empty()).then_some(outline)
    }

    /// Takes a number at the start of `rest`; its length.
    fn number(&mut self, rest: &[u8], at: usize) -> Option<usize> {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let behind = rest.get(digits).copied().unwrap_or(b' ');
        if digits > DIGITS_MAX || behind == b'.' || is_of_word(behind) {
            return None;
        }
        let value =
            rest[..digits].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        let integer = Integer { value, start: u32::try_from(at).ok()? };
        if value == AMBIGUOUS {
            return None;
        }
        self.text.push(MARKS[usize::from(!integer.is_narrow())]);
        self.integers.push(integer);
        Some(digits)
    }

    /// The types of its integers.
    pub(crate) fn types(&self) -> impl Iterator<Item = Type> {
        self.integers
            .iter()
            .map(|integer| if integer.is_narrow() { Type::INT4 } else { Type::INT8 })
    }

    /// The values of its integers.
    pub(crate) fn values(&self, signs: &Signs) -> Vec<Datum> {
        let value = |(integer, negative): (&Integer, &bool)| {
            let value = if *negative { -integer.value } else { integer.value };
            i32::try_from(value).map_or(Datum::Int8(value), Datum::Int4)
        };
        self.integers.iter().zip(signs).map(value).collect()
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 128
}

/// Length of a word; none before a quote, which then is not one of a plain string.
fn word(rest: &[u8]) -> Option<usize> {
    let length = rest.iter().take_while(|byte| is_of_word(**byte)).count();
    let plain = !rest[..length].iter().any(|byte| *byte == b'$' || *byte >= 128);
    let quote = matches!(rest.get(length), Some(b'\'' | b'&'));
    (plain && !quote).then_some(length)
}

/// Length of a string or a quoted name. A doubled quote begins another one, which is as good.
fn quoted(rest: &[u8]) -> Option<usize> {
    let quote = rest[0];
    let inside = rest[1..].iter().position(|byte| *byte == quote)?;
    let plain = rest[1..=inside].iter().all(|byte| byte.is_ascii() && *byte != b'\\' && *byte != 0);
    plain.then_some(inside + 2)
}

/// Puts parameters in the place of all integers, if each is only a value. The statement is changed
/// either way.
pub(crate) fn lift(statement: &mut Statement, outline: &Outline) -> Option<Signs> {
    let Kind::Query(query) = &mut statement.kind else { return None };
    let signs = SmallVec::from_elem(None, outline.integers.len());
    let mut lifter = Lifter { source: &statement.source, outline, signs };
    match &mut **query {
        ast::Statement::Query(query) => {
            if let ast::SetExpr::Select(select) = &mut *query.body {
                lifter.filter(select.selection.as_mut());
            }
        }
        ast::Statement::Insert(insert) => {
            if let Some(source) = &mut insert.source
                && let ast::SetExpr::Values(values) = &mut *source.body
            {
                let rows = values.rows.iter_mut();
                rows.flat_map(|row| &mut row.content).for_each(|value| lifter.value(value));
            }
        }
        ast::Statement::Update(update) => {
            update.assignments.iter_mut().for_each(|set| lifter.value(&mut set.value));
            lifter.filter(update.selection.as_mut());
        }
        ast::Statement::Delete(delete) => lifter.filter(delete.selection.as_mut()),
        _ => {}
    }
    lifter.signs.into_iter().collect()
}

struct Lifter<'a> {
    source: &'a Source,
    outline: &'a Outline,
    /// None: not lifted.
    signs: SmallVec<[Option<bool>; 8]>,
}

impl Lifter<'_> {
    fn filter(&mut self, condition: Option<&mut ast::Expr>) {
        if let Some(condition) = condition {
            self.condition(condition);
        }
    }

    /// Comparisons of a column with an integer, under AND and OR.
    fn condition(&mut self, expr: &mut ast::Expr) {
        use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
        match expr {
            ast::Expr::Nested(inner) => self.condition(inner),
            ast::Expr::BinaryOp { left, op: And | Or, right } => {
                self.condition(left);
                self.condition(right);
            }
            ast::Expr::BinaryOp { left, op: Eq | NotEq | Lt | LtEq | Gt | GtEq, right } => {
                if is_column(left) {
                    self.integer(right);
                } else if is_column(right) {
                    self.integer(left);
                }
            }
            ast::Expr::Between { expr, low, high, .. } if is_column(expr) => {
                self.integer(low);
                self.integer(high);
            }
            _ => {}
        }
    }

    /// An integer, or one that is added to a column.
    fn value(&mut self, expr: &mut ast::Expr) {
        use BinaryOperator::{Minus, Multiply, Plus};
        match expr {
            ast::Expr::Nested(inner) => self.value(inner),
            ast::Expr::BinaryOp { left, op: Plus | Minus | Multiply, right } if is_column(left) => {
                self.integer(right);
            }
            other => self.integer(other),
        }
    }

    fn integer(&mut self, expr: &mut ast::Expr) {
        let (span, negative) = match &*expr {
            ast::Expr::Value(value) => (number(value), false),
            ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
                ast::Expr::Value(value) => (number(value), true),
                _ => return,
            },
            _ => return,
        };
        let Some(span) = span else { return };
        let Some(start) = self.source.offset(span.start) else { return };
        let found = self.outline.integers.binary_search_by_key(&start, |integer| integer.start);
        let Ok(place) = found else { return };
        self.signs[place] = Some(negative);
        let value = Value::Placeholder(format!("${}", place + 1));
        *expr = ast::Expr::Value(ast::ValueWithSpan { value, span });
    }
}

fn number(value: &ast::ValueWithSpan) -> Option<Span> {
    matches!(value.value, Value::Number(..)).then_some(value.span)
}

fn is_column(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser;

    fn lifted(sql: &str) -> Option<Vec<Datum>> {
        let outline = Outline::of(sql)?;
        let mut statement = parser::parse(sql).expect("a statement").remove(0);
        let signs = lift(&mut statement, &outline)?;
        Some(outline.values(&signs))
    }

    fn integers(sql: &str) -> Option<Vec<i64>> {
        let value = |value: &Datum| match value {
            Datum::Int4(value) => i64::from(*value),
            Datum::Int8(value) => *value,
            other => panic!("{other:?}"),
        };
        lifted(sql).map(|values| values.iter().map(value).collect())
    }

    #[test]
    fn values_beside_columns_are_lifted() {
        assert_eq!(integers("SELECT abalance FROM accounts WHERE aid = 17;"), Some(vec![17]));
        assert_eq!(
            integers("UPDATE accounts SET abalance = abalance + -5 WHERE aid = 3000000000"),
            Some(vec![-5, 3_000_000_000])
        );
        assert_eq!(
            integers("INSERT INTO h (a, b, c, t) VALUES (1, 2, -3, 'x4'), (5, 6, 7, now())"),
            Some(vec![1, 2, -3, 5, 6, 7])
        );
        assert_eq!(
            integers("DELETE FROM t1 WHERE (a > 1 OR 2 > b) AND c BETWEEN 3 AND 4"),
            Some(vec![1, 2, 3, 4])
        );
    }

    #[test]
    fn integers_that_are_more_than_values_stay() {
        for sql in [
            "SELECT a FROM t WHERE a = 1 LIMIT 5",
            "SELECT a FROM t WHERE a = 1 ORDER BY 1",
            "SELECT a, 2 FROM t WHERE a = 1",
            "SELECT a + 1 FROM t GROUP BY a + 1",
            "SELECT a FROM t WHERE a = '5'::varchar(3)",
            "SELECT a FROM t WHERE a = interval '1' day(3)",
            "SELECT a FROM t WHERE f(1) = a",
            "UPDATE t SET a = 5 / 2",
            "INSERT INTO t SELECT 1",
            "SELECT a FROM (SELECT 1 AS a) s WHERE a = 1",
            "SELECT a FROM t WHERE a = 5::int8",
        ] {
            assert_eq!(integers(sql), None, "{sql}");
        }
    }

    #[test]
    fn digits_that_are_no_integers_have_no_outline() {
        for sql in [
            "SELECT 1.5",
            "SELECT .5",
            "SELECT 1e5",
            "SELECT 2147483648",
            "SELECT $1 + 1",
            "SELECT 1 -- 2",
            "SELECT /* 1 */ 2",
            "SELECT E'1', 2",
            "SELECT U&'1', 2",
            "SELECT 'é', 1",
            "SELECT $$1$$, 2",
            "SELECT 1234567890123456789",
            "SELECT 0x1F",
            "SELECT a",
            "SELECT 'a 1",
        ] {
            assert_eq!(Outline::of(sql), None, "{sql}");
        }
    }

    #[test]
    fn an_outline_tells_types_and_keeps_strings() {
        let outline = |sql: &str| Outline::of(sql).expect("an outline").text;
        assert_eq!(outline("a = 1 and b = 'it''s 2'"), "a = \u{1} and b = 'it''s 2'");
        assert_eq!(outline("a = 1"), outline("a = 0002147483647"));
        assert_ne!(outline("a = 1"), outline("a = 2147483649"));
        assert_eq!(outline("\"a 1\" = 1 and t2.b3=4"), "\"a 1\" = \u{1} and t2.b3=\u{1}");
    }
}
