//! Words, names and parenthesised options; and EXPLAIN, which is made of them.

use std::sync::Arc;

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::identifier::fold;
use super::keyword::{self, Class};
use super::split::Failure;
use super::{Explain, Source, setting, utility};
use crate::error::{Error, SyntaxError};

type Result<T> = std::result::Result<T, Failure>;

/// The next token as a lower-case word, unless it is quoted or no word.
pub(super) fn peek(parser: &Parser<'_>) -> Option<String> {
    word_at(parser, 0)
}

/// The token `n` places on as a lower-case word.
pub(super) fn word_at(parser: &Parser<'_>, n: usize) -> Option<String> {
    match &parser.peek_nth_token_ref(n).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_lowercase()),
        _ => None,
    }
}

/// Takes the next token when it is this word.
pub(super) fn accept(parser: &mut Parser<'_>, expected: &str) -> bool {
    accept_words(parser, &[expected])
}

/// Takes the next tokens when they are these words.
pub(super) fn accept_words(parser: &mut Parser<'_>, expected: &[&str]) -> bool {
    let matches =
        expected.iter().enumerate().all(|(n, word)| word_at(parser, n).as_deref() == Some(*word));
    if matches {
        for _ in expected {
            parser.advance_token();
        }
    }
    matches
}

/// Takes this word, or fails at what stands there.
pub(super) fn expect(parser: &mut Parser<'_>, expected: &str) -> Result<()> {
    if accept(parser, expected) {
        return Ok(());
    }
    Ok(parser.expected_ref(expected, parser.peek_token_ref())?)
}

/// A name that is no reserved word.
pub(super) fn name(parser: &mut Parser<'_>) -> Result<String> {
    if let Some(word) = peek(parser)
        && matches!(keyword::class(&word), Class::Reserved | Class::FunctionName)
    {
        return Ok(parser.expected_ref("a name", parser.peek_token_ref())?);
    }
    if !matches!(parser.peek_token_ref().token, Token::Word(_)) {
        return Ok(parser.expected_ref("a name", parser.peek_token_ref())?);
    }
    Ok(fold(&parser.parse_identifier()?))
}

/// Names with commas between them.
pub(super) fn names(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    let mut names = vec![name(parser)?];
    while parser.consume_token(&Token::Comma) {
        names.push(name(parser)?);
    }
    Ok(names)
}

/// The name of an option: any word.
pub(super) fn option_name(parser: &mut Parser<'_>) -> Result<String> {
    if !matches!(parser.peek_token_ref().token, Token::Word(_)) {
        return Ok(parser.expected_ref("an option", parser.peek_token_ref())?);
    }
    Ok(fold(&parser.parse_identifier()?))
}

/// An option in parentheses.
struct Given {
    name: String,
    value: Option<String>,
    position: Option<u32>,
}

/// `(name [value], ...)`
fn options(parser: &mut Parser<'_>, source: &Source) -> Result<Vec<Given>> {
    parser.expect_token(&Token::LParen)?;
    let mut found = Vec::new();
    loop {
        let position = source.position(parser.peek_token_ref().span);
        let name = option_name(parser)?;
        let done = matches!(parser.peek_token_ref().token, Token::Comma | Token::RParen);
        let value =
            if done { None } else { Some(setting::value(parser)?.as_str().to_ascii_lowercase()) };
        found.push(Given { name, value, position });
        if !parser.consume_token(&Token::Comma) {
            parser.expect_token(&Token::RParen)?;
            return Ok(found);
        }
    }
}

/// Whether an option is on.
fn switch(name: &str, value: Option<&str>) -> std::result::Result<bool, Error> {
    match value {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(_) => Err(SyntaxError::OptionNeedsBoolean { option: name.to_owned() }.into()),
    }
}

/// Options of VACUUM that ask for what is done anyway when they are on, and for something else
/// when they are off.
const ON_BY_DEFAULT: &[&str] = &["process_toast", "truncate"];

/// The options of VACUUM and ANALYZE that are on.
pub(super) fn switches(
    parser: &mut Parser<'_>,
    source: &Source,
    statement: &'static str,
) -> Result<Vec<String>> {
    let mut on = Vec::new();
    for Given { name, value, position } in options(parser, source)? {
        let value = value.as_deref();
        let of_vacuum = match name.as_str() {
            "verbose" | "skip_locked" => false,
            "analyze"
            | "freeze"
            | "full"
            | "disable_page_skipping"
            | "process_toast"
            | "truncate"
            | "index_cleanup"
            | "parallel" => true,
            _ => {
                let error = SyntaxError::UnknownStatementOption { statement, option: name };
                return Err(Error::from(error).at(position).into());
            }
        };
        if of_vacuum && statement != "VACUUM" {
            let error = SyntaxError::UnknownStatementOption { statement, option: name };
            return Err(Error::from(error).at(position).into());
        }
        let is_on = match name.as_str() {
            "parallel" => workers(value).map_err(|error| error.at(position))? == 0,
            "index_cleanup" => value == Some("auto") || switch(&name, value)?,
            _ => switch(&name, value)?,
        };
        let always = ["parallel", "index_cleanup"].contains(&name.as_str());
        if !is_on && (always || ON_BY_DEFAULT.contains(&name.as_str())) {
            let value = value.unwrap_or_default();
            let feature = format!("VACUUM ({} {value})", name.to_uppercase());
            return Err(SyntaxError::unsupported(feature).into());
        }
        on.retain(|known| *known != name);
        if is_on {
            on.push(name);
        }
    }
    Ok(on)
}

/// The workers of VACUUM (PARALLEL).
fn workers(value: Option<&str>) -> std::result::Result<u32, Error> {
    match value.map(str::parse) {
        None => Err(SyntaxError::WorkersMissing.into()),
        Some(Ok(workers @ 0..=1024)) => Ok(workers),
        Some(_) => Err(SyntaxError::WorkersRange.into()),
    }
}

/// EXPLAIN, after its first word.
pub(super) fn explain(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Explain> {
    let mut found = Vec::new();
    let is_list = parser.peek_token_ref().token == Token::LParen
        && !matches!(&parser.peek_nth_token_ref(1).token, Token::LParen | Token::EOF)
        && !matches!(
            &parser.peek_nth_token_ref(1).token,
            Token::Word(word) if matches!(
                word.keyword,
                Keyword::SELECT | Keyword::VALUES | Keyword::WITH | Keyword::TABLE
            )
        );
    if is_list {
        found = options(parser, source)?;
    } else {
        for word in ["analyze", "analyse", "verbose"] {
            if accept(parser, word) {
                found.push(Given { name: word.to_owned(), value: None, position: None });
            }
        }
    }
    for (word, feature) in
        [("execute", "EXPLAIN EXECUTE"), ("create", "EXPLAIN of CREATE TABLE AS")]
    {
        if peek(parser).as_deref() == Some(word) {
            return Err(SyntaxError::unsupported(feature).into());
        }
    }
    explain_with(&found, utility::nested(parser, source)?)
}

fn explain_with(options: &[Given], statement: super::Statement) -> Result<Explain> {
    let mut explain = Explain {
        analyze: false,
        verbose: false,
        costs: true,
        buffers: false,
        timing: None,
        summary: None,
        statement: Box::new(statement),
    };
    for Given { name, value, position } in options {
        let value = value.as_deref();
        match name.as_str() {
            "analyze" | "analyse" => explain.analyze = switch(name, value)?,
            "verbose" => explain.verbose = switch(name, value)?,
            "costs" => explain.costs = switch(name, value)?,
            "buffers" => explain.buffers = switch(name, value)?,
            "timing" => explain.timing = Some(switch(name, value)?),
            "summary" => explain.summary = Some(switch(name, value)?),
            "format" if value == Some("text") => {}
            "format" if !matches!(value, Some("xml" | "json" | "yaml")) => {
                let (option, value) = (name.clone(), value.unwrap_or_default().to_owned());
                let error = SyntaxError::OptionValue { option, value };
                return Err(Error::from(error).at(*position).into());
            }
            "format" => {
                let format = value.unwrap_or_default().to_uppercase();
                let feature = format!("EXPLAIN (FORMAT {format})");
                return Err(SyntaxError::unsupported(feature).into());
            }
            "settings" | "wal" if !switch(name, value)? => {}
            "settings" | "wal" => {
                let feature = format!("EXPLAIN ({})", name.to_uppercase());
                return Err(SyntaxError::unsupported(feature).into());
            }
            _ => {
                let (statement, option) = ("EXPLAIN", name.clone());
                let error = SyntaxError::UnknownStatementOption { statement, option };
                return Err(Error::from(error).at(*position).into());
            }
        }
    }
    if !explain.analyze && explain.timing == Some(true) {
        return Err(SyntaxError::ExplainNeedsAnalyze.into());
    }
    Ok(explain)
}
