//! How deep a statement may nest before anything recursive looks at it.
//!
//! Parentheses are limited by sqlparser's own counter. Chains of operators come out of its loops as
//! trees as deep as the chain is long, so their length is counted on the tokens, from the inside to
//! the outside: what stands in parentheses, brackets or CASE ... END is a *group*, and is as deep as
//! its longest chain and the deepest group in it.
//!
//! ```text
//! 1 + (2 * (3 - 4) + 5) + 6      the inner group has 1 link, the one around it 2, the statement 2: 5
//! ```
//!
//! # Invariants
//!
//! 1. Each token that may put a level on top of what stands before it is a link. A chain ends only at
//!    what binds looser than all of its links: AND, OR, a comma, UNION and its kind.
//! 2. AND and OR become flat lists at once, and the arms of a set operation a loop: only the parser's
//!    own tree is as deep as they are many.
//! 3. A join may stand inside of the one before it: `a JOIN b JOIN c ON ... ON ...`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Result, SyntaxError};

/// Nesting of parentheses, subqueries and calls.
pub(super) const NESTING_MAX: usize = 100;
/// Operators one inside of another, and joins.
const CHAIN_MAX: u32 = 1_000;
/// Levels of the parser's tree: operators, joins, and ANDs, ORs and UNIONs.
pub(super) const LEVELS_MAX: u32 = 5_000;

/// The levels of the deepest tree in a query string; 54001 when it would be too deep.
pub(super) fn check_depth(tokens: &[TokenWithSpan]) -> Result<u32> {
    let mut deepest = 0;
    let mut open = vec![Group::default()];
    for token in tokens {
        match &token.token {
            Token::LParen => open.push(Group::default()),
            Token::LBracket => {
                link(&mut open);
                open.push(Group::default());
            }
            Token::RParen | Token::RBracket => while close(&mut open, true)? {},
            Token::Word(word) if word.quote_style.is_some() => {}
            Token::Word(word) => match word.keyword {
                Keyword::CASE => open.push(Group { is_case: true, ..Group::default() }),
                Keyword::END if open.last().is_some_and(|group| group.is_case) => {
                    close(&mut open, false)?;
                }
                keyword => within(&mut open).keyword(keyword),
            },
            Token::SemiColon => deepest = deepest.max(end(&mut open)?),
            Token::Comma => {
                let group = within(&mut open);
                (group.chain, group.conditions, group.joins) = (0, 0, 0);
            }
            Token::Whitespace(_) | Token::Number(..) | Token::Period => {}
            Token::SingleQuotedString(_) | Token::Placeholder(_) => {}
            _ => link(&mut open),
        }
    }
    Ok(deepest.max(end(&mut open)?))
}

/// The levels of a statement that ends here; the next one begins.
fn end(open: &mut Vec<Group>) -> Result<u32> {
    while open.len() > 1 {
        close(open, false)?;
    }
    let statement = std::mem::take(within(open));
    statement.check()?;
    Ok(statement.depth().1)
}

/// The part of a statement in one pair of parentheses, brackets, or CASE and END.
#[derive(Default)]
struct Group {
    is_case: bool,
    /// Links since the chain began.
    chain: u32,
    longest_chain: u32,
    /// ANDs and ORs since the last comma.
    conditions: u32,
    most_conditions: u32,
    /// JOINs since the last comma.
    joins: u32,
    most_joins: u32,
    /// UNION, INTERSECT and EXCEPT.
    set_operations: u32,
    /// Whether the next AND belongs to a BETWEEN.
    between: bool,
    /// The deepest groups inside: links, and levels of all kinds.
    inner: (u32, u32),
}

impl Group {
    fn keyword(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::AND if std::mem::take(&mut self.between) => self.link(),
            Keyword::AND | Keyword::OR => {
                self.conditions += 1;
                self.most_conditions = self.most_conditions.max(self.conditions);
                self.chain = 0;
            }
            Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => {
                self.set_operations += 1;
                (self.chain, self.conditions, self.joins) = (0, 0, 0);
            }
            Keyword::JOIN => {
                self.joins += 1;
                self.most_joins = self.most_joins.max(self.joins);
            }
            Keyword::BETWEEN => {
                self.between = true;
                self.link();
            }
            keyword if is_link(keyword) => self.link(),
            _ => {}
        }
    }

    fn link(&mut self) {
        self.chain += 1;
        self.longest_chain = self.longest_chain.max(self.chain);
    }

    /// Links, and levels of all kinds.
    fn depth(&self) -> (u32, u32) {
        let links = self.longest_chain + self.inner.0;
        let levels = self.longest_chain + self.most_conditions + self.most_joins;
        (links, levels + self.set_operations + self.inner.1 + 1)
    }

    fn check(&self) -> Result<()> {
        let (links, levels) = self.depth();
        if links.max(self.most_joins) > CHAIN_MAX || levels > LEVELS_MAX {
            return Err(SyntaxError::TooDeep.into());
        }
        Ok(())
    }
}

fn within(open: &mut Vec<Group>) -> &mut Group {
    if open.is_empty() {
        open.push(Group::default());
    }
    let last = open.len() - 1;
    &mut open[last]
}

fn link(open: &mut Vec<Group>) {
    within(open).link();
}

/// Closes the innermost group; true when it was a CASE without its END and `parenthesis` closes more.
fn close(open: &mut Vec<Group>, parenthesis: bool) -> Result<bool> {
    if open.len() < 2 {
        return Ok(false);
    }
    let Some(group) = open.pop() else { return Ok(false) };
    group.check()?;
    let (links, levels) = group.depth();
    let around = within(open);
    around.inner = (around.inner.0.max(links), around.inner.1.max(levels));
    Ok(parenthesis && group.is_case)
}

fn is_link(keyword: Keyword) -> bool {
    use Keyword::{
        AT, COLLATE, DIV, GLOB, ILIKE, IN, IS, LIKE, MATCH, MATCH_RECOGNIZE, MEMBER, NOT, NOTNULL,
        OPERATOR, OVERLAPS, PIVOT, REGEXP, RLIKE, SIMILAR, UNPIVOT, XOR,
    };
    match keyword {
        COLLATE | ILIKE | IN | IS | LIKE | NOT | NOTNULL | SIMILAR => true,
        // Operators that sqlparser's loops know of besides, and what they wrap a table in.
        AT | DIV | GLOB | MATCH | MEMBER | OPERATOR | OVERLAPS | REGEXP | RLIKE | XOR => true,
        MATCH_RECOGNIZE | PIVOT | UNPIVOT => true,
        _ => false,
    }
}
