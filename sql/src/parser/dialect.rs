//! The dialect sqlparser reads: its PostgreSQL, with PostgreSQL's own keyword tables and without
//! what PostgreSQL does not have.

use std::any::TypeId;

use sqlparser::ast::{DataType, Expr, Ident, ObjectName, ObjectNamePart, TypedString};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use super::keyword::{self, Class};

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

    fn is_custom_operator_part(&self, c: char) -> bool {
        INNER.is_custom_operator_part(c)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        INNER.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        INNER.prec_value(precedence)
    }

    fn is_reserved_for_identifier(&self, word: Keyword) -> bool {
        INNER.is_reserved_for_identifier(word)
    }

    fn is_column_alias(&self, word: &Keyword, _parser: &mut Parser<'_>) -> bool {
        keyword::word(*word).is_none_or(|word| keyword::is_bare_label(&word))
    }

    fn is_table_alias(&self, word: &Keyword, _parser: &mut Parser<'_>) -> bool {
        may_name_table(*word)
    }

    fn is_table_factor_alias(
        &self,
        _explicit: bool,
        word: &Keyword,
        _parser: &mut Parser<'_>,
    ) -> bool {
        may_name_table(*word)
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token_ref().token else { return None };
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
        let Token::SingleQuotedString(_) = next else { return None };
        if word.keyword != Keyword::NoKeyword && word.quote_style.is_none() && !is_type_word(word) {
            return None;
        }
        Some(typed_literal(parser))
    }

    answers! { true:
        supports_array_typedef_with_brackets, supports_bitwise_shift_operators,
        supports_create_index_with_clause, supports_create_table_like_parenthesized,
        supports_empty_projections, supports_exclude_constraint, allow_extract_custom,
        allow_extract_single_quotes, supports_filter_during_aggregation, supports_group_by_expr,
        supports_insert_table_alias, supports_interval_options, supports_nested_comments,
        supports_notnull_operator, supports_string_escape_constant,
        supports_unicode_string_literal, supports_alter_column_type_using,
        supports_order_by_using_operator,
    }

    answers! { false:
        supports_left_associative_joins_without_parens, supports_numeric_literal_underscores,
    }
}

fn may_name_table(word: Keyword) -> bool {
    let class = keyword::word(word).map_or(Class::Unreserved, |word| keyword::class(&word));
    matches!(class, Class::Unreserved | Class::ColumnName)
}

/// Types whose names are keywords to sqlparser but no syntax of their own.
fn is_type_word(word: &Word) -> bool {
    ["oid", "name", "regclass", "regtype", "regproc"].contains(&word.value.as_str())
}

/// `name 'text'` with a type that is no keyword.
fn typed_literal(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name: Ident = parser.parse_identifier()?;
    let data_type =
        DataType::Custom(ObjectName(vec![ObjectNamePart::Identifier(name)]), Vec::new());
    let value = parser.parse_value()?;
    Ok(Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false }))
}
