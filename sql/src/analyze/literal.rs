//! Literals and parameters.

use sqlparser::ast::{Value, ValueWithSpan};

use super::Analyzer;
use super::analyzer::unsupported;
use crate::error::{Error, NameError, Result, SyntaxError};
use crate::expr::{Expr, ExprKind};
use crate::types::{self, Datum, Oid, Type};

impl Analyzer<'_> {
    /// A literal or `$n`; `negative` for a number behind a minus sign.
    pub(super) fn literal(&mut self, value: &ValueWithSpan, negative: bool) -> Result<Expr> {
        let position = self.position(value.span);
        let (datum, ty) = match &value.value {
            Value::Number(digits, _) => return self.number(digits, negative, position),
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::NationalStringLiteral(text) => (Datum::text(text), Type::UNKNOWN),
            Value::DollarQuotedString(text) => (Datum::text(&text.value), Type::UNKNOWN),
            Value::Boolean(value) => (Datum::Bool(*value), Type::BOOL),
            Value::Null => (Datum::Null, Type::UNKNOWN),
            Value::Placeholder(name) => return self.parameter(name, position),
            Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_) => {
                return Err(unsupported("a bit string", position));
            }
            _ => return Err(unsupported("this kind of literal", position)),
        };
        Ok(Expr { kind: ExprKind::Constant(datum), ty, position })
    }

    fn number(&self, digits: &str, negative: bool, position: Option<u32>) -> Result<Expr> {
        let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
        let (datum, ty) = if let Ok(value) = signed.parse::<i32>() {
            (Datum::Int4(value), Type::INT4)
        } else if let Ok(value) = signed.parse::<i64>() {
            (Datum::Int8(value), Type::INT8)
        } else {
            let value = types::input(&signed, Type::NUMERIC, self.around.formats);
            (value.map_err(|e| e.at(position))?, Type::NUMERIC)
        };
        Ok(Expr { kind: ExprKind::Constant(datum), ty, position })
    }

    fn parameter(&mut self, name: &str, position: Option<u32>) -> Result<Expr> {
        let number = name.trim_start_matches('$');
        let undefined = || {
            let error = NameError::UndefinedParameter { number: number.to_owned() };
            Error::from(error).at(position)
        };
        let n: usize = number.parse().map_err(|_| undefined())?;
        let n = n.checked_sub(1).filter(|n| *n < 65_535).ok_or_else(undefined)?;
        if n >= self.parameters.len() {
            if !self.around.infer_parameters {
                return Err(undefined());
            }
            self.parameters.resize(n + 1, None);
        }
        let ty = self.parameters[n].unwrap_or(Type::UNKNOWN);
        Ok(Expr { kind: ExprKind::Parameter(n), ty, position })
    }

    /// The value a literal's text has in a type.
    pub(super) fn read_literal(
        &self,
        text: &str,
        ty: Type,
        position: Option<u32>,
    ) -> Result<Datum> {
        let is_name = !text.bytes().all(|b| b.is_ascii_digit()) && text != "-";
        if ty.oid == Type::REGCLASS.oid && is_name {
            return self.relation_oid(text).map(Datum::Oid).map_err(|e| e.at(position));
        }
        if is_time(ty) && names_the_clock(text) {
            self.reads_clock.set(true);
        }
        types::input(text, ty, self.around.formats).map_err(|e| e.at(position))
    }

    /// The relation a `regclass` literal names.
    fn relation_oid(&self, text: &str) -> Result<Oid> {
        let mut names = split_name(text);
        let name = names.pop().unwrap_or_default();
        let schema = names.pop();
        if !names.is_empty() {
            names.extend(schema);
            names.push(name);
            return Err(SyntaxError::TooManyDots { name: names.join(".") }.into());
        }
        let found = self.around.lookup.relation(schema.as_deref(), &name)?;
        let undefined = || {
            let name = schema.map_or(name.clone(), |schema| format!("{schema}.{name}"));
            Error::from(NameError::UndefinedTable { name })
        };
        Ok(found.ok_or_else(undefined)?.oid())
    }
}

fn is_time(ty: Type) -> bool {
    let ty = ty.element().unwrap_or(ty);
    [Type::DATE, Type::TIME, Type::TIMESTAMP, Type::TIMESTAMPTZ].iter().any(|t| t.oid == ty.oid)
}

/// Whether the text of a date or time has a word in it that means another day tomorrow.
fn names_the_clock(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["now", "today", "tomorrow", "yesterday"].iter().any(|word| text.contains(word))
}

/// A dotted name with quotes, as its parts.
fn split_name(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                parts[last].push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c if quoted => parts[last].push(c),
            c => parts[last].push(c.to_ascii_lowercase()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn names_split_at_dots_outside_of_quotes() {
        assert_eq!(split_name("Public.\"A.b\"\"c\""), ["public", "A.b\"c"]);
    }
}
