//! What PostgreSQL's lexer and grammar see in a row of tokens and sqlparser does not.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Whitespace};

use super::Source;
use super::keyword::{self, Class};
use super::split::syntax_error_at;
use crate::error::{Error, Result, SyntaxError};

/// Makes one string of strings with a line break between them.
pub(super) fn join_strings(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_string = |token: &TokenWithSpan| matches!(token.token, Token::SingleQuotedString(_));
    if tokens.iter().filter(|token| is_string(token)).count() < 2 {
        return tokens;
    }
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let (mut last_string, mut broken) = (None, false);
    for token in tokens {
        match &token.token {
            Token::SingleQuotedString(text) => {
                if let (Some(at), true) = (last_string, broken)
                    && let Some(TokenWithSpan { token: Token::SingleQuotedString(start), span }) =
                        joined.get_mut::<usize>(at)
                {
                    start.push_str(text);
                    span.end = token.span.end;
                    joined.truncate(at + 1);
                    continue;
                }
                (last_string, broken) = (Some(joined.len()), false);
            }
            Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }) => {
                broken = true;
            }
            Token::Whitespace(_) => {}
            _ => (last_string, broken) = (None, false),
        }
        joined.push(token);
    }
    joined
}

/// SIGNED and UNSIGNED are names: sqlparser would take them for parts of a type. ISNULL, where it is
/// none, is IS NULL.
pub(super) fn plain_words(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut words = Vec::with_capacity(tokens.len());
    let mut is_operand = false;
    for mut token in tokens {
        let before = is_operand;
        if !matches!(token.token, Token::Whitespace(_)) {
            is_operand = ends_operand(&token.token);
        }
        match &mut token.token {
            Token::Word(word) if matches!(word.keyword, Keyword::SIGNED | Keyword::UNSIGNED) => {
                word.keyword = Keyword::NoKeyword;
            }
            word if before && is(word, "isnull") => {
                let parts = ["is", "null"].map(Token::make_keyword);
                words.extend(parts.map(|part| TokenWithSpan { token: part, span: token.span }));
                continue;
            }
            _ => {}
        }
        words.push(token);
    }
    words
}

/// Whether ISNULL behind this token is an operator.
fn ends_operand(token: &Token) -> bool {
    let begins = ["current_", "local", "session_user", "isnull", "notnull"];
    ends_value(token)
        || matches!(token, Token::Word(word) if {
            let word = word.value.to_ascii_lowercase();
            begins.iter().any(|start| word.starts_with(start))
        })
}

/// Makes one operator of tokens that PostgreSQL's lexer does not part: `=== `, `^-`.
///
/// An operator is the longest run of operator characters; it ends in + or - only when it has
/// one of `~!@#%^&|`?` in it.
pub(super) fn join_operators(tokens: Vec<TokenWithSpan>, sql: &str) -> Vec<TokenWithSpan> {
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut reader = Reader::new(sql);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(mut first) = tokens.next() {
        if first.token == Token::DoubleEq {
            first.token = Token::CustomBinaryOperator("==".to_owned());
        }
        let mut run = vec![first];
        while is_operator(&run[run.len() - 1].token)
            && tokens.peek().is_some_and(|next| {
                is_operator(&next.token) && next.span.start == run[run.len() - 1].span.end
            })
        {
            run.extend(tokens.next());
        }
        if run.len() == 1 {
            joined.extend(run);
            continue;
        }
        let texts: Vec<String> = run.iter().map(|token| reader.text(token)).collect();
        let mut taken = run.len();
        if !texts.concat().contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) {
            while taken > 1 && texts[..taken].concat().ends_with(['+', '-']) {
                taken -= 1;
            }
        }
        let rest = run.split_off(taken);
        if let [first, .., last] = run.as_slice() {
            let span = Span { start: first.span.start, end: last.span.end };
            let token = Token::CustomBinaryOperator(texts[..taken].concat());
            joined.push(TokenWithSpan { token, span });
        } else {
            joined.extend(run);
        }
        joined.extend(rest);
    }
    joined
}

/// A text, and how far into it operators have been looked at.
struct Reader<'s> {
    rest: std::str::Chars<'s>,
    next: Location,
}

impl<'s> Reader<'s> {
    fn new(sql: &'s str) -> Reader<'s> {
        Reader { rest: sql.chars(), next: Location { line: 1, column: 1 } }
    }

    /// An operator as it was written: `!=` and `<>` are one token.
    fn text(&mut self, token: &TokenWithSpan) -> String {
        if token.token != Token::Neq {
            return token.token.to_string();
        }
        while self.next < token.span.start {
            match self.rest.next() {
                Some('\n') => self.next = Location { line: self.next.line + 1, column: 1 },
                Some(_) => self.next.column += 1,
                None => break,
            }
        }
        let is_bang = self.rest.as_str().starts_with('!');
        if is_bang { "!=" } else { "<>" }.to_owned()
    }
}

fn is_operator(token: &Token) -> bool {
    const CHARACTERS: &str = "+-*/<>=~!@#%^&|`?";
    match token {
        Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Placeholder(_)
        | Token::LParen
        | Token::RParen
        | Token::LBracket
        | Token::RBracket
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::Colon
        | Token::DoubleColon
        | Token::EOF => false,
        _ => {
            let text = token.to_string();
            !text.is_empty() && text.chars().all(|c| CHARACTERS.contains(c))
        }
    }
}

/// Refuses pairs of tokens that cannot stand together: `123abc`, two strings in one line, ORDER
/// and GROUP without BY.
pub(super) fn check_tokens(tokens: &[TokenWithSpan], source: &Source) -> Result<()> {
    for pair in tokens.windows(2) {
        if let [number, word] = pair
            && let (Token::Number(..), Token::Word(_)) = (&number.token, &word.token)
        {
            let start = source.offset(number.span.start).unwrap_or(0);
            let near = source.slice(start, source.offset(word.span.start).unwrap_or(start) + 1);
            let problem = "trailing junk after numeric literal";
            let error = Error::from(SyntaxError::Lexical { problem, near: near.to_owned() });
            return Err(error.at(Some(start + 1)));
        }
    }
    let is_empty = |t: &&TokenWithSpan| matches!(&t.token, Token::Word(word) if word.value.is_empty() && word.quote_style.is_some());
    if let Some(token) = tokens.iter().find(is_empty) {
        let start = source.offset(token.span.start);
        let (problem, near) = ("zero-length delimited identifier", "\"\"".to_owned());
        let error = Error::from(SyntaxError::Lexical { problem, near });
        return Err(error.at(start.map(|start| start + 1)));
    }
    for token in tokens.iter().filter(|t| matches!(t.token, Token::HexStringLiteral(_))) {
        // 0x10 is a number of PostgreSQL 16.
        let (start, end) = (source.offset(token.span.start), source.offset(token.span.end));
        let near = source.slice(start.unwrap_or(0), end.unwrap_or(0));
        if near.starts_with('0') {
            let problem = "trailing junk after numeric literal";
            let error = Error::from(SyntaxError::Lexical { problem, near: near.to_owned() });
            return Err(error.at(start.map(|start| start + 1)));
        }
    }
    let is_space = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let mut before = &Token::EOF;
    let mut words = tokens.iter().filter(is_space).peekable();
    while let Some(token) = words.next() {
        let next = words.peek().map(|next| &next.token);
        let refused = match (&token.token, next) {
            (Token::Number(..) | Token::Placeholder(_), Some(Token::SingleQuotedString(_)))
            | (Token::SingleQuotedString(_), Some(Token::SingleQuotedString(_))) => true,
            (word, next) if is(word, "order") => {
                ends_value(before) && !next.is_some_and(|next| is(next, "by"))
            }
            (word, next) if is(word, "group") => {
                let ended = matches!(next, Some(Token::RParen | Token::Comma));
                ends_value(before)
                    && !is(before, "within")
                    && !ended
                    && !next.is_some_and(|next| is(next, "by"))
            }
            _ => false,
        };
        if refused {
            let offset = words.peek().and_then(|next| source.offset(next.span.start));
            return Err(syntax_error_at(offset.unwrap_or_else(|| source.len()), source));
        }
        before = &token.token;
    }
    Ok(())
}

/// Whether a clause may follow this token: it ends a name or a value.
fn ends_value(before: &Token) -> bool {
    match before {
        Token::Word(word) if word.quote_style.is_none() => {
            let word = word.value.to_ascii_lowercase();
            let is_value = ["null", "true", "false", "end", "user"].contains(&word.as_str());
            keyword::class(&word) != Class::Reserved
                && !["create", "drop", "alter"].contains(&word.as_str())
                || is_value
        }
        Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::RParen
        | Token::RBracket
        | Token::Mul => true,
        _ => false,
    }
}

fn is(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

#[cfg(test)]
mod tests {
    use crate::parser::parse;

    fn problem(sql: &str) -> String {
        match parse(sql) {
            Ok(_) => "none".to_owned(),
            Err(error) => format!("{error} ({})", error.position().unwrap_or(0)),
        }
    }

    #[test]
    fn strings_on_two_lines_are_one() {
        assert_eq!(problem("select 'a'\n  'b'"), "none");
        assert_eq!(problem("select 'a' 'b'"), "syntax error at or near \"'b'\" (12)");
    }

    #[test]
    fn order_and_group_need_by() {
        assert_eq!(problem("select 1 order id"), "syntax error at or near \"id\" (16)");
        assert_eq!(problem("select 1 group"), "syntax error at end of input (15)");
        assert_eq!(problem("select 1 as order"), "none");
    }

    #[test]
    fn numbers_end_before_letters() {
        assert_eq!(
            problem("select 12ab"),
            "trailing junk after numeric literal at or near \"12a\" (8)"
        );
    }
}
