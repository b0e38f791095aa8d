//! The dialect sqlparser reads: its PostgreSQL, with PostgreSQL's own keyword tables and without
//! what PostgreSQL does not have.

use std::any::TypeId;

use sqlparser::ast::{
    ColumnOption, DataType, Expr, Function, FunctionArguments, Ident, Interval, ObjectName,
    ObjectNamePart, TypedString, UnaryOperator,
};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use super::keyword::{self, Class};
use super::limits::LEVELS_MAX;
use super::quantified::quantified;
use crate::stack;

/// The dialect, a wrapper of sqlparser's.
#[derive(Debug)]
pub(super) struct Postgres;

const INNER: PostgreSqlDialect = PostgreSqlDialect {};

/// Reserved words that begin an expression.
const EXPRESSION_STARTS: &[&str] = &[
    "all",
    "any",
    "array",
    "case",
    "cast",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "distinct",
    "false",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "select",
    "session_user",
    "some",
    "table",
    "true",
    "user",
    "variadic",
    "with",
];

/// Options of a column in other databases.
const FORGOTTEN_OPTIONS: &[&str] =
    &["as", "asc", "auto_increment", "autoincrement", "desc", "identity", "on", "srid"];

macro_rules! answers {
    ($answer:literal: $($name:ident),* $(,)?) => {
        $(fn $name(&self) -> bool {
            $answer
        })*
    };
}

impl Dialect for Postgres {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        INNER.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        INNER.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        INNER.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        INNER.is_identifier_part(c)
    }

    /// None: sqlparser would go on over the start of a comment and a sign. Longer operators are joined of
    /// its tokens (`join_operators`).
    fn is_custom_operator_part(&self, _: char) -> bool {
        false
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        INNER.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        INNER.prec_value(precedence)
    }

    fn is_reserved_for_identifier(&self, word: Keyword) -> bool {
        let is_reserved = |word: String| keyword::class(&word) == Class::Reserved;
        INNER.is_reserved_for_identifier(word) || keyword::word(word).is_some_and(is_reserved)
    }

    /// Stops at words of other databases that sqlparser would take and then forget.
    fn parse_column_option(
        &self,
        parser: &mut Parser<'_>,
    ) -> Result<Option<Result<Option<ColumnOption>, ParserError>>, ParserError> {
        if FORGOTTEN_OPTIONS.iter().any(|word| is_word(parser, 0, word)) {
            return parser.expected_ref("a column option", parser.peek_token_ref());
        }
        Ok(None)
    }

    fn is_column_alias(&self, word: &Keyword, _parser: &mut Parser<'_>) -> bool {
        keyword::word(*word).is_none_or(|word| keyword::is_bare_label(&word))
    }

    fn is_table_alias(&self, word: &Keyword, _parser: &mut Parser<'_>) -> bool {
        // `UPDATE t SET ...` has no alias.
        *word != Keyword::SET && may_name_table(*word)
    }

    fn is_table_factor_alias(
        &self,
        explicit: bool,
        word: &Keyword,
        _parser: &mut Parser<'_>,
    ) -> bool {
        (explicit || *word != Keyword::SET) && may_name_table(*word)
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let word = match &parser.peek_token_ref().token {
            Token::Minus => return Some(signed(parser, UnaryOperator::Minus)),
            Token::Plus => return Some(signed(parser, UnaryOperator::Plus)),
            Token::Tilde => return Some(prefixed(parser, UnaryOperator::BitwiseNot)),
            Token::AtSign => return Some(prefixed(parser, UnaryOperator::PGAbs)),
            Token::PGSquareRoot => return Some(prefixed(parser, UnaryOperator::PGSquareRoot)),
            Token::PGCubeRoot => return Some(prefixed(parser, UnaryOperator::PGCubeRoot)),
            Token::DoubleExclamationMark => {
                return Some(prefixed(parser, UnaryOperator::PGPrefixFactorial));
            }
            Token::LParen if is_word(parser, 1, "values") => return Some(values(parser)),
            Token::Word(word) => word,
            _ => return None,
        };
        let next = &parser.peek_nth_token_ref(1).token;
        if word.quote_style.is_none() {
            let lower = word.value.to_ascii_lowercase();
            let refused = match keyword::class(&lower) {
                Class::Reserved => EXPRESSION_STARTS.binary_search(&lower.as_str()).is_err(),
                Class::FunctionName => lower != "current_schema" && *next != Token::LParen,
                Class::ColumnName | Class::Unreserved => false,
            };
            if refused {
                return Some(parser.expected_ref("an expression", parser.peek_token_ref()));
            }
        }
        let is_role = is_word(parser, 0, "current_role");
        if is_role || is_word(parser, 0, "current_schema") && *next != Token::LParen {
            return Some(word_call(parser));
        }
        if word.keyword == Keyword::TRIM && *next == Token::LParen {
            return Some(trim(parser));
        }
        if word.keyword == Keyword::INTERVAL
            && word.quote_style.is_none()
            && *next == Token::LParen
            && let Some(precision) = interval_precision(parser)
        {
            return Some(precise_interval(parser, precision));
        }
        let Token::SingleQuotedString(_) = next else { return None };
        if word.keyword != Keyword::NoKeyword && word.quote_style.is_none() && !is_type_word(word) {
            return None;
        }
        Some(typed_literal(parser))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if let Some(comparison) = quantified(parser, expr) {
            return Some(comparison);
        }
        let negated = is_word(parser, 0, "not");
        let first = usize::from(negated);
        if let Some(list) = list_of_queries(parser, expr, negated) {
            return Some(list);
        }
        let symmetric =
            is_word(parser, first, "between") && is_word(parser, first + 1, "symmetric");
        let asymmetric =
            is_word(parser, first, "between") && is_word(parser, first + 1, "asymmetric");
        if !symmetric && !asymmetric {
            return None;
        }
        for _ in 0..first + 2 {
            parser.advance_token();
        }
        Some(between(parser, expr, negated, symmetric))
    }

    answers! { true:
        supports_array_typedef_with_brackets, supports_bitwise_shift_operators,
        supports_create_index_with_clause, supports_create_table_like_parenthesized,
        supports_empty_projections, supports_exclude_constraint, allow_extract_custom,
        allow_extract_single_quotes, supports_filter_during_aggregation, supports_group_by_expr,
        supports_insert_table_alias, supports_interval_options, supports_nested_comments,
        supports_notnull_operator, supports_string_escape_constant,
        supports_unicode_string_literal, supports_alter_column_type_using,
        supports_order_by_using_operator, supports_geometric_types,
        supports_bang_not_operator,
    }

    answers! { false:
        supports_left_associative_joins_without_parens, supports_numeric_literal_underscores,
    }
}

/// Binds tighter than every binary operator but subscripts, casts and dots.
const SIGN_PRECEDENCE: u8 = 125;

/// A sign and its operand.
fn signed(parser: &mut Parser<'_>, op: UnaryOperator) -> Result<Expr, ParserError> {
    parser.advance_token();
    let expr = Box::new(parser.parse_subexpr(SIGN_PRECEDENCE)?);
    Ok(Expr::UnaryOp { op, expr })
}

/// An operator in front of its operand, which binds like the operators without a precedence of
/// their own: `~ 1 + 1` is `~ (1 + 1)`.
fn prefixed(parser: &mut Parser<'_>, op: UnaryOperator) -> Result<Expr, ParserError> {
    parser.advance_token();
    let expr = Box::new(parser.parse_subexpr(INNER.prec_value(Precedence::PgOther))?);
    Ok(Expr::UnaryOp { op, expr })
}

/// `(VALUES ...)` as a value.
fn values(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    let query = parser.parse_query()?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Subquery(query))
}

/// A word that is a call without parentheses.
fn word_call(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let token = parser.next_token();
    let Token::Word(word) = token.token else { return parser.expected("a word", token) };
    Ok(Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(word.into_ident(token.span))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}

/// `TRIM([LEADING|TRAILING|BOTH] [characters] [FROM] text, ...)`
fn trim(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.advance_token();
    let side = ["leading", "trailing", "both"].iter().any(|side| is_word(parser, 0, side));
    let trim_where = if side { Some(parser.parse_trim_where()?) } else { None };
    let mut trim_what = None;
    let mut list = Vec::new();
    if !parser.parse_keyword(Keyword::FROM) {
        list = parser.parse_comma_separated(Parser::parse_expr)?;
        if let ([_], true) = (list.as_slice(), parser.parse_keyword(Keyword::FROM)) {
            trim_what = list.pop().map(Box::new);
        }
    }
    if list.is_empty() {
        list = parser.parse_comma_separated(Parser::parse_expr)?;
    }
    parser.expect_token(&Token::RParen)?;
    let rest = list.split_off(1);
    let Some(first) = list.pop() else {
        return parser.expected_ref("an expression", parser.peek_token_ref());
    };
    let trim_characters = (!rest.is_empty()).then_some(rest);
    Ok(Expr::Trim { trim_where, trim_what, expr: Box::new(first), trim_characters })
}

/// `[NOT] IN ((SELECT ...), ...)`: a list that begins with a subquery, which sqlparser takes for the
/// only one. None: it is no such list.
fn list_of_queries(
    parser: &mut Parser<'_>,
    expr: &Expr,
    negated: bool,
) -> Option<Result<Expr, ParserError>> {
    let first = usize::from(negated);
    let open = |n: usize| parser.peek_nth_token_ref(n).token == Token::LParen;
    if !is_word(parser, first, "in") || !open(first + 1) || !open(first + 2) {
        return None;
    }
    if !begins_with_query(parser, first + 2) {
        return None;
    }
    for _ in 0..first + 2 {
        parser.advance_token();
    }
    let list = parser.parse_comma_separated(Parser::parse_expr).and_then(|list| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::InList { expr: copied(expr), list, negated })
    });
    Some(list)
}

/// The left side of an operator, which the parser only lends.
pub(super) fn copied(expr: &Expr) -> Box<Expr> {
    stack::roomy(LEVELS_MAX, || Box::new(expr.clone()))
}

/// Whether a query in parentheses, `before` tokens on, is a part of an expression or of a list.
fn begins_with_query(parser: &mut Parser<'_>, before: usize) -> bool {
    let mut found = false;
    // Looking ahead is all: what fails is taken back.
    let _ = parser.maybe_parse(|parser| {
        for _ in 0..before {
            parser.advance_token();
        }
        let (mut open, mut is_query) = (0_usize, None);
        loop {
            parser.advance_token();
            match &parser.get_current_token().token {
                Token::LParen => open += 1,
                Token::RParen => open -= 1,
                Token::EOF => break,
                token => is_query = is_query.or_else(|| Some(starts_query(token))),
            }
            if open == 0 || is_query == Some(false) {
                break;
            }
        }
        found = is_query == Some(true) && !goes_on(&parser.peek_token_ref().token);
        parser.expected_ref::<()>("nothing", parser.peek_token_ref())
    });
    found
}

fn starts_query(token: &Token) -> bool {
    use Keyword::{SELECT, TABLE, VALUES, WITH};
    matches!(token, Token::Word(word) if matches!(word.keyword, SELECT | TABLE | VALUES | WITH))
}

/// Whether a query in parentheses ends at this token, or goes on as a larger one.
fn goes_on(token: &Token) -> bool {
    use Keyword::{EXCEPT, FETCH, FOR, INTERSECT, LIMIT, OFFSET, ORDER, UNION};
    match token {
        Token::RParen => true,
        Token::Word(word) => matches!(
            word.keyword,
            EXCEPT | FETCH | FOR | INTERSECT | LIMIT | OFFSET | ORDER | UNION
        ),
        _ => false,
    }
}

pub(super) fn is_word(parser: &Parser<'_>, n: usize, expected: &str) -> bool {
    matches!(&parser.peek_nth_token_ref(n).token,
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// `[NOT] BETWEEN [A]SYMMETRIC low AND high`, after those words. sqlparser's tree has no word for it:
/// PRIOR around the low end, which PostgreSQL does not have, says SYMMETRIC.
fn between(
    parser: &mut Parser<'_>,
    expr: &Expr,
    negated: bool,
    symmetric: bool,
) -> Result<Expr, ParserError> {
    let precedence = INNER.prec_value(Precedence::Between);
    let low = Box::new(parser.parse_subexpr(precedence)?);
    parser.expect_keyword(Keyword::AND)?;
    let high = Box::new(parser.parse_subexpr(precedence)?);
    let low = if symmetric { Box::new(Expr::Prior(low)) } else { low };
    Ok(Expr::Between { expr: copied(expr), negated, low, high })
}

fn may_name_table(word: Keyword) -> bool {
    let class = keyword::word(word).map_or(Class::Unreserved, |word| keyword::class(&word));
    matches!(class, Class::Unreserved | Class::ColumnName)
}

/// Types whose names are keywords to sqlparser but no syntax of their own.
fn is_type_word(word: &Word) -> bool {
    ["oid", "name", "regclass", "regtype", "regproc"].contains(&word.value.as_str())
}

/// The digits of `INTERVAL (digits) '...'`.
fn interval_precision(parser: &Parser<'_>) -> Option<u64> {
    let token = |n: usize| &parser.peek_nth_token_ref(n).token;
    let Token::Number(digits, _) = token(2) else { return None };
    let is_text = matches!(token(4), Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_));
    if *token(3) == Token::RParen && is_text { digits.to_string().parse().ok() } else { None }
}

/// `INTERVAL (digits) '...'`, whose digits sqlparser would forget.
fn precise_interval(parser: &mut Parser<'_>, precision: u64) -> Result<Expr, ParserError> {
    for _ in 0..4 {
        parser.advance_token();
    }
    let value = Box::new(Expr::Value(parser.parse_value()?));
    Ok(Expr::Interval(Interval {
        value,
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: Some(precision),
    }))
}

/// `name 'text'` with a type that is no keyword.
fn typed_literal(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name: Ident = parser.parse_identifier()?;
    let data_type =
        DataType::Custom(ObjectName(vec![ObjectNamePart::Identifier(name)]), Vec::new());
    let value = parser.parse_value()?;
    Ok(Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false }))
}
