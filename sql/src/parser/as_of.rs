//! AS OF SYSTEM TIME, which is taken out of a statement before the rest is read.
//!
//! ```text
//! SELECT * FROM t AS OF SYSTEM TIME '-10s' WHERE a = 1
//! SELECT * FROM t FOR SYSTEM_TIME AS OF now() - interval '1 min' AS x
//! ```
//!
//! It stands at the top level of a query, once: one statement sees one time. These words in a row mean
//! nothing else in PostgreSQL.

use sqlparser::ast;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{CopyRelation, Kind, Source, Statement, Utility};
use crate::error::{Error, Result, SyntaxError};

/// The time a statement or a transaction reads at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemTime {
    /// An expression without columns: a `timestamptz`, or an `interval` from now.
    pub time: ast::Expr,
    /// Whether it has parameters.
    pub has_parameters: bool,
}

const FORMS: [&[&str]; 2] = [&["as", "of", "system", "time"], &["for", "system_time", "as", "of"]];

/// Reads the expression behind the words.
pub(super) fn time(parser: &mut Parser<'_>) -> std::result::Result<SystemTime, ParserError> {
    Ok(SystemTime { time: parser.parse_expr()?, has_parameters: false })
}

/// Takes the clause out of a query's tokens. Those of other statements are left alone.
pub(super) fn take(
    mut tokens: Vec<TokenWithSpan>,
    source: &Source,
    read: impl FnOnce(Vec<TokenWithSpan>) -> Result<(SystemTime, usize)>,
) -> Result<(Vec<TokenWithSpan>, Option<SystemTime>)> {
    let found = clauses(&tokens);
    let Some(first) = found.first() else { return Ok((tokens, None)) };
    let place = |clause: &Clause| source.position(tokens[clause.start].span);
    if let Some(nested) = found.iter().find(|clause| clause.depth != base_depth(&tokens)) {
        return Err(Error::from(SyntaxError::NestedSystemTime).at(place(nested)));
    }
    if let Some(second) = found.get(1) {
        return Err(Error::from(SyntaxError::SecondSystemTime).at(place(second)));
    }
    let (start, behind) = (first.start, first.end);
    let (mut clause, taken) = read(tokens[behind..].to_vec())?;
    let is_parameter = |token: TokenWithSpan| matches!(token.token, Token::Placeholder(_));
    let mut taken = tokens.drain(start..behind + taken);
    clause.has_parameters = taken.any(is_parameter);
    drop(taken);
    Ok((tokens, Some(clause)))
}

/// Gives the clause to the query it is of.
pub(super) fn give(statement: &mut Statement, clause: SystemTime) -> Result<()> {
    match &mut statement.kind {
        Kind::Query(query) if matches!(**query, ast::Statement::Query(_)) => {
            statement.system_time = Some(Box::new(clause));
            Ok(())
        }
        Kind::Explain(explain) => give(&mut explain.statement, clause),
        Kind::Copy(copy) => match &mut copy.relation {
            CopyRelation::Query(query) => give(query, clause),
            CopyRelation::Table { .. } => Err(SyntaxError::NestedSystemTime.into()),
        },
        Kind::Utility(Utility::Prepare { statement, .. }) => give(statement, clause),
        _ => Err(SyntaxError::NestedSystemTime.into()),
    }
}

/// Where the words stand, as places in the tokens.
struct Clause {
    start: usize,
    /// Behind the words.
    end: usize,
    /// Parentheses around.
    depth: usize,
}

fn clauses(tokens: &[TokenWithSpan]) -> Vec<Clause> {
    let words: Vec<usize> = places(tokens).collect();
    let mut found = Vec::new();
    if !starts_query(tokens) {
        return found;
    }
    let mut depth = 0_usize;
    for (at, start) in words.iter().enumerate() {
        match tokens[*start].token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_form = |form: &&&[&str]| {
            let here = words.get(at..at + form.len());
            here.is_some_and(|here| {
                here.iter().zip(**form).all(|(at, word)| is(&tokens[*at], word))
            })
        };
        if let Some(form) = FORMS.iter().find(is_form) {
            found.push(Clause { start: *start, end: words[at + form.len() - 1] + 1, depth });
        }
    }
    found
}

fn places(tokens: &[TokenWithSpan]) -> impl Iterator<Item = usize> {
    let is_word =
        |(_, token): &(usize, &TokenWithSpan)| !matches!(token.token, Token::Whitespace(_));
    tokens.iter().enumerate().filter(is_word).map(|(at, _)| at)
}

/// BEGIN, START and SET read the words themselves.
fn starts_query(tokens: &[TokenWithSpan]) -> bool {
    let first = places(tokens).next().map(|at| &tokens[at]);
    first.is_some_and(|first| !["begin", "start", "set"].iter().any(|word| is(first, word)))
}

/// A query inside of COPY stands in parentheses.
fn base_depth(tokens: &[TokenWithSpan]) -> usize {
    let mut words = places(tokens).map(|at| &tokens[at]);
    let copies = words.next().is_some_and(|first| is(first, "copy"));
    usize::from(copies && words.next().is_some_and(|second| second.token == Token::LParen))
}

fn is(token: &TokenWithSpan, expected: &str) -> bool {
    matches!(&token.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}
