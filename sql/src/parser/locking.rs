//! Locking clauses and TABLE, spelled out as sqlparser can read them.
//!
//! sqlparser knows FOR UPDATE and FOR SHARE of one table. A list of tables becomes one clause a
//! table; FOR NO KEY UPDATE and FOR KEY SHARE put a mark in front of the table:
//!
//! ```text
//! FOR NO KEY UPDATE OF a, b NOWAIT
//! FOR UPDATE OF <no key>.a NOWAIT FOR UPDATE OF <no key>.b NOWAIT
//! ```

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// What no identifier of a text can be: an identifier has no NUL.
const WEAK: &str = "\0weak";

/// The tables of a clause and whether it is FOR NO KEY UPDATE or FOR KEY SHARE.
pub(crate) fn read_mark(of: &ObjectName) -> (bool, Option<ObjectName>) {
    let is_mark = |part: &ObjectNamePart| matches!(part, ObjectNamePart::Identifier(Ident { value, .. }) if value == WEAK);
    match of.0.split_first() {
        Some((first, rest)) if is_mark(first) => {
            (true, (!rest.is_empty()).then(|| ObjectName(rest.to_vec())))
        }
        _ => (false, Some(of.clone())),
    }
}

/// Spells out `TABLE t` at the start of a statement as `SELECT * FROM t`.
pub(super) fn spell_out_table(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let Some(first) = tokens.first().filter(|first| is(first, "table")) else { return tokens };
    let span = first.span;
    let word = |text: &str, keyword| {
        Token::Word(Word { value: text.to_owned(), quote_style: None, keyword })
    };
    let words = [word("SELECT", Keyword::SELECT), Token::Mul, word("FROM", Keyword::FROM)];
    tokens.splice(..1, words.into_iter().map(|token| TokenWithSpan { token, span }));
    tokens
}

/// Spells out the locking clauses of a statement.
pub(super) fn spell_out(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|token| is(token, "for")) {
        return tokens;
    }
    let mut result = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        match Clause::read(rest) {
            Some((clause, taken)) if clause.needs_spelling() => {
                clause.write(&mut result);
                rest = &rest[taken..];
            }
            _ => {
                result.push(first.clone());
                rest = behind;
            }
        }
    }
    result
}

/// `FOR [NO KEY] UPDATE | [KEY] SHARE [OF tables] [NOWAIT | SKIP LOCKED]`
struct Clause {
    head: TokenWithSpan,
    mode: TokenWithSpan,
    weak: bool,
    of: Option<TokenWithSpan>,
    tables: Vec<Vec<TokenWithSpan>>,
    wait: Vec<TokenWithSpan>,
}

impl Clause {
    /// Reads a clause at the start of `tokens`, and says how many tokens it takes.
    fn read(tokens: &[TokenWithSpan]) -> Option<(Clause, usize)> {
        let mut words = tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
            .peekable();
        let (_, head) = words.next().filter(|(_, token)| is(token, "for"))?;
        let (mut at, mut mode) = words.next()?;
        let mut weak = false;
        if is(mode, "no") {
            (at, mode) = words.next().filter(|(_, token)| is(token, "key"))?;
        }
        if is(mode, "key") {
            weak = true;
            (at, mode) = words.next()?;
        }
        if !is(mode, "update") && !is(mode, "share") {
            return None;
        }
        let mut clause = Clause {
            head: head.clone(),
            mode: mode.clone(),
            weak,
            of: None,
            tables: Vec::new(),
            wait: Vec::new(),
        };
        if let Some((_, of)) = words.next_if(|(_, token)| is(token, "of")) {
            clause.of = Some(of.clone());
            clause.tables.push(Vec::new());
            while let Some((place, token)) = words.next_if(|(_, token)| !is_end(token)) {
                at = place;
                match token.token {
                    Token::Comma => clause.tables.push(Vec::new()),
                    _ => clause.tables.last_mut()?.push(token.clone()),
                }
            }
        }
        while let Some((place, token)) =
            words.next_if(|(_, token)| ["nowait", "skip", "locked"].iter().any(|w| is(token, w)))
        {
            at = place;
            clause.wait.push(token.clone());
        }
        Some((clause, at + 1))
    }

    fn needs_spelling(&self) -> bool {
        self.weak || self.tables.len() > 1
    }

    fn write(&self, out: &mut Vec<TokenWithSpan>) {
        let none = [Vec::new()];
        let tables = if self.tables.is_empty() { &none[..] } else { &self.tables };
        let word = |text: &str, quote| Word {
            value: text.to_owned(),
            quote_style: quote,
            keyword: if quote.is_none() { Keyword::OF } else { Keyword::NoKeyword },
        };
        let at_head = |token| TokenWithSpan { token, span: self.head.span };
        for table in tables {
            out.extend([self.head.clone(), self.mode.clone()]);
            if self.weak || !table.is_empty() {
                let of = self.of.clone();
                out.push(of.unwrap_or_else(|| at_head(Token::Word(word("OF", None)))));
            }
            if self.weak {
                out.push(at_head(Token::Word(word(WEAK, Some('"')))));
                if !table.is_empty() {
                    out.push(at_head(Token::Period));
                }
            }
            out.extend(table.iter().cloned());
            out.extend(self.wait.iter().cloned());
        }
    }
}

/// Whether a table list has ended.
fn is_end(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::EOF | Token::RParen | Token::SemiColon)
        || ["nowait", "skip", "for", "limit", "offset", "fetch"].iter().any(|word| is(token, word))
}

fn is(token: &TokenWithSpan, expected: &str) -> bool {
    matches!(&token.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}
