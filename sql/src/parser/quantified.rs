//! `LIKE ANY (...)` and `= ANY (VALUES ...)`, which sqlparser reads otherwise or not at all.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::dialect::{copied, is_word};

/// `[NOT] LIKE ANY|SOME|ALL (...)`, and a comparison with ANY, SOME or ALL of a VALUES list. None:
/// what follows is neither.
pub(super) fn quantified(
    parser: &mut Parser<'_>,
    left: &Expr,
) -> Option<Result<Expr, ParserError>> {
    let (compare_op, words) = pattern(parser).or_else(|| comparison(parser))?;
    let is_any = is_word(parser, words, "any") || is_word(parser, words, "some");
    if !is_any && !is_word(parser, words, "all") {
        return None;
    }
    if parser.peek_nth_token_ref(words + 1).token != Token::LParen {
        return None;
    }
    let is_pattern = matches!(&parser.peek_token_ref().token, Token::Word(_));
    if !is_pattern && !is_word(parser, words + 2, "values") {
        return None;
    }
    let is_some = is_word(parser, words, "some");
    for _ in 0..words + 2 {
        parser.advance_token();
    }
    Some(set(parser).map(|right| {
        let (left, right) = (copied(left), Box::new(right));
        if is_any {
            Expr::AnyOp { left, compare_op, right, is_some }
        } else {
            Expr::AllOp { left, compare_op, right }
        }
    }))
}

/// An array or a query, and the parenthesis behind it.
fn set(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let is_query = ["select", "with", "values"].iter().any(|word| is_word(parser, 0, word));
    let set = if is_query { Expr::Subquery(parser.parse_query()?) } else { parser.parse_expr()? };
    parser.expect_token(&Token::RParen)?;
    Ok(set)
}

/// The operator that LIKE or ILIKE is, and how many words it has.
fn pattern(parser: &Parser<'_>) -> Option<(BinaryOperator, usize)> {
    let negated = is_word(parser, 0, "not");
    let at = usize::from(negated);
    let op = match (is_word(parser, at, "like"), is_word(parser, at, "ilike"), negated) {
        (true, _, false) => BinaryOperator::PGLikeMatch,
        (true, _, true) => BinaryOperator::PGNotLikeMatch,
        (_, true, false) => BinaryOperator::PGILikeMatch,
        (_, true, true) => BinaryOperator::PGNotILikeMatch,
        _ => return None,
    };
    Some((op, at + 1))
}

fn comparison(parser: &Parser<'_>) -> Option<(BinaryOperator, usize)> {
    let op = match &parser.peek_token_ref().token {
        Token::Eq => BinaryOperator::Eq,
        Token::Neq => BinaryOperator::NotEq,
        Token::Lt => BinaryOperator::Lt,
        Token::LtEq => BinaryOperator::LtEq,
        Token::Gt => BinaryOperator::Gt,
        Token::GtEq => BinaryOperator::GtEq,
        _ => return None,
    };
    Some((op, 1))
}
