//! A query string cut into statements, and errors put in PostgreSQL's words.

use std::sync::Arc;

use sqlparser::ast;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::Postgres;
use super::lexical::{check_tokens, join_operators, join_strings, plain_words};
use super::limits::{NESTING_MAX, check_depth};
use super::locking::{spell_out, spell_out_table};
use super::{Kind, Source, Statement, SystemTime, as_of, utility};
use crate::error::{Error, Result, SyntaxError};

/// The parser goes on on a new stack when less is left: one of its levels may take that much.
const PARSER_STACK_BYTES: usize = 512 << 10;

/// Reads all statements of a query string. Empty ones are left out.
///
/// # Errors
///
/// 42601 with the place, 0A000 for what is not supported, 54001 for what nests too deep.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    let tokens = plain_words(join_operators(join_strings(tokenize(sql)?), sql));
    let levels = check_depth(&tokens)?;
    let source = Arc::new(Source::new(sql, &tokens, levels));
    check_tokens(&tokens, &source)?;
    let mut statements = Vec::new();
    for part in split(tokens) {
        let range = range_of(&part, &source);
        let (part, system_time) =
            as_of::take(part, &source, |rest| read_system_time(rest, &source))?;
        let mut parser = parser_of(spell_out_table(spell_out(part)));
        let kind = source.walk(|| parse_one(&mut parser, &source))?;
        let mut statement =
            Statement { kind, range, source: Arc::clone(&source), system_time: None };
        if let Some(clause) = system_time {
            as_of::give(&mut statement, clause)?;
        }
        statements.push(statement);
    }
    Ok(statements)
}

/// Reads a lone expression, as a column's DEFAULT is kept.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_expression(sql: &str) -> Result<(ast::Expr, Arc<Source>)> {
    let tokens = plain_words(join_operators(join_strings(tokenize(sql)?), sql));
    let levels = check_depth(&tokens)?;
    let source = Arc::new(Source::new(sql, &tokens, levels));
    let mut parser = parser_of(tokens);
    let read = |parser: &mut Parser<'_>| {
        let expr = parser.parse_expr()?;
        expect_end(parser)?;
        Ok(expr)
    };
    let expr = source.walk(|| read(&mut parser)).map_err(|error| translate(&error, &source))?;
    Ok((expr, source))
}

/// The expression at the start of `tokens`, and how many of them it takes.
fn read_system_time(tokens: Vec<TokenWithSpan>, source: &Source) -> Result<(SystemTime, usize)> {
    let mut parser = parser_of(tokens.clone());
    let clause = source.walk(|| as_of::time(&mut parser));
    let clause = clause.map_err(|error| translate(&error, source))?;
    let next = parser.peek_token_ref().span;
    let taken = tokens.iter().position(|token| {
        token.span.start == next.start && !matches!(token.token, Token::Whitespace(_))
    });
    let end = tokens.len().saturating_sub(1);
    Ok((clause, taken.unwrap_or(end)))
}

fn parser_of(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    recursive::set_minimum_stack_size(PARSER_STACK_BYTES);
    Parser::new(&Postgres).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(tokens)
}

fn parse_one(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Kind> {
    let kind = utility::statement(parser, source).map_err(|failure| failure.into_error(source))?;
    expect_end(parser).map_err(|error| translate(&error, source))?;
    Ok(kind)
}

fn expect_end(parser: &Parser<'_>) -> std::result::Result<(), ParserError> {
    let next = parser.peek_token_ref();
    if next.token == Token::EOF { Ok(()) } else { parser.expected_ref("the end", next) }
}

/// Why a statement parser stopped: sqlparser's error, or one of ours.
pub(super) enum Failure {
    Parser(ParserError),
    Ours(Error),
}

impl From<ParserError> for Failure {
    fn from(error: ParserError) -> Failure {
        Failure::Parser(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

impl From<SyntaxError> for Failure {
    fn from(error: SyntaxError) -> Failure {
        Failure::Ours(error.into())
    }
}

impl Failure {
    fn into_error(self, source: &Source) -> Error {
        match self {
            Failure::Parser(error) => translate(&error, source),
            Failure::Ours(error) => error,
        }
    }
}

/// The error a client sees for one of sqlparser's: its place alone is used.
fn translate(error: &ParserError, source: &Source) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => return SyntaxError::TooDeep.into(),
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    match location_in(message).and_then(|location| source.offset(location)) {
        Some(offset) => syntax_error_at(offset, source),
        None => syntax_error_at(source.len(), source),
    }
}

/// `syntax error at or near` the token at a character offset.
pub(super) fn syntax_error_at(offset: u32, source: &Source) -> Error {
    match source.token_at(offset) {
        Some((start, near)) if near != ";" || offset == start => {
            let error = Error::from(SyntaxError::Syntax { near: Some(near.to_owned()) });
            error.at(Some(start + 1))
        }
        _ => Error::from(SyntaxError::Syntax { near: None }).at(Some(source.len() + 1)),
    }
}

/// The place at the end of sqlparser's messages: ` at Line: 1, Column: 8`.
fn location_in(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    Tokenizer::new(&Postgres, sql).tokenize_with_location().map_err(|error| {
        let source = Source::new(sql, &[], 0);
        let offset = source.offset(error.location).unwrap_or(source.len());
        lexical_error(&error.message, offset, &source)
    })
}

fn lexical_error(message: &str, offset: u32, source: &Source) -> Error {
    if message.contains("encoded string")
        && let Some(error) = super::escape::error_in(source, offset)
    {
        return error;
    }
    let problem = if message.contains("comment") {
        "unterminated /* comment"
    } else if message.contains("dollar") {
        "unterminated dollar-quoted string"
    } else if message.contains("delimited") || message.contains("close delimiter") {
        "unterminated quoted identifier"
    } else if message.contains("nterminated") {
        "unterminated quoted string"
    } else {
        return syntax_error_at(offset, source);
    };
    let offset = super::escape::unterminated(source.text()).unwrap_or(offset);
    let near = source.slice(offset, source.len()).to_owned();
    Error::from(SyntaxError::Lexical { problem, near }).at(Some(offset + 1))
}

/// The tokens of each statement, each with an end token at its place.
fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    for token in tokens {
        let span = token.span;
        match token.token {
            Token::SemiColon => finish(&mut parts, &mut part, span),
            Token::EOF => {}
            Token::Whitespace(_) if part.is_empty() => {}
            _ => part.push(token),
        }
    }
    finish(&mut parts, &mut part, Span::empty());
    parts
}

fn finish(parts: &mut Vec<Vec<TokenWithSpan>>, part: &mut Vec<TokenWithSpan>, span: Span) {
    if part.is_empty() {
        return;
    }
    let mut done = std::mem::take(part);
    done.push(TokenWithSpan { token: Token::EOF, span });
    parts.push(done);
}

/// The bytes of a statement, white space at its ends left out.
fn range_of(part: &[TokenWithSpan], source: &Source) -> std::ops::Range<usize> {
    let words = || part.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    let start = words().next().and_then(|t| source.offset(t.span.start)).unwrap_or(0);
    let end = words().next_back().and_then(|t| source.offset(t.span.end)).unwrap_or(start);
    source.byte(start)..source.byte(end)
}
