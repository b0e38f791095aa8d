//! How deep a statement may nest before anything recursive looks at it.
//!
//! Parentheses are limited by sqlparser's own counter. Chains of operators come out of it as trees
//! as deep as the chain is long, so their length is counted on the tokens: for each open
//! parenthesis the operators since the last comma.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Result, SyntaxError};

/// Nesting of parentheses, subqueries and calls.
pub(super) const NESTING_MAX: usize = 100;
/// Operators one after another; AND and OR become flat lists at once.
const CHAIN_MAX: u32 = 1_000;
const CONDITIONS_MAX: u32 = 5_000;

/// Refuses a statement whose tree would be too deep, with 54001.
pub(super) fn check_depth(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut open: Vec<(u32, u32)> = Vec::new();
    let (mut chain, mut conditions) = (0, 0);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => open.push((chain, conditions)),
            Token::RParen | Token::RBracket => {
                (chain, conditions) = open.pop().unwrap_or((chain, conditions));
            }
            Token::Comma => (chain, conditions) = (0, 0),
            Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR) => {
                conditions += 1;
                chain = 0;
            }
            Token::Word(word) if is_link(word.keyword) => chain += 1,
            Token::Word(_) | Token::Whitespace(_) | Token::Number(..) | Token::Period => {}
            Token::SingleQuotedString(_) | Token::Placeholder(_) => {}
            _ => chain += 1,
        }
        if chain > CHAIN_MAX || conditions > CONDITIONS_MAX {
            return Err(SyntaxError::TooDeep.into());
        }
    }
    Ok(())
}

fn is_link(keyword: Keyword) -> bool {
    use Keyword::{COLLATE, EXCEPT, ILIKE, IN, INTERSECT, IS, JOIN, LIKE, NOT, NOTNULL, UNION};
    matches!(
        keyword,
        COLLATE | EXCEPT | ILIKE | IN | INTERSECT | IS | JOIN | LIKE | NOT | NOTNULL | UNION
    )
}
