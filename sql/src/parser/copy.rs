//! COPY, with the options in parentheses and the older words without.

use std::sync::Arc;

use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::option::{accept, accept_words, expect, names, option_name, peek};
use super::split::Failure;
use super::{Copy, CopyEndpoint, CopyRelation, Source, setting, utility};
use crate::copy::{GivenOption, OptionValue};
use crate::error::SyntaxError;

type Result<T> = std::result::Result<T, Failure>;

/// COPY, after its first word.
pub(super) fn copy(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Copy> {
    let mut options = Vec::new();
    let relation = if parser.consume_token(&Token::LParen) {
        let query = utility::nested(parser, source)?;
        parser.expect_token(&Token::RParen)?;
        CopyRelation::Query(Box::new(query))
    } else {
        if accept(parser, "binary") {
            let (name, value) = ("format".to_owned(), OptionValue::Text("binary".to_owned()));
            options.push(GivenOption { name, value, position: None });
        }
        let name = utility::table_name(parser, source)?;
        let mut columns = Vec::new();
        if parser.consume_token(&Token::LParen) {
            columns = names(parser)?;
            parser.expect_token(&Token::RParen)?;
        }
        CopyRelation::Table { name, columns }
    };
    let from = matches!(relation, CopyRelation::Table { .. }) && accept(parser, "from");
    if !from {
        expect(parser, "to")?;
    }
    let endpoint = endpoint(parser)?;
    if accept_words(parser, &["using", "delimiters"]) || accept(parser, "delimiters") {
        let (name, value) = ("delimiter".to_owned(), text(parser)?);
        options.push(GivenOption { name, value, position: None });
    }
    accept(parser, "with");
    if parser.consume_token(&Token::LParen) {
        listed(parser, source, &mut options)?;
    } else {
        worded(parser, source, &mut options)?;
    }
    if peek(parser).as_deref() == Some("where") {
        return Err(SyntaxError::unsupported("COPY FROM ... WHERE").into());
    }
    Ok(Copy { relation, from, endpoint, options })
}

fn endpoint(parser: &mut Parser<'_>) -> Result<CopyEndpoint> {
    if accept(parser, "stdin") || accept(parser, "stdout") {
        return Ok(CopyEndpoint::Client);
    }
    let program = accept(parser, "program");
    let OptionValue::Text(name) = text(parser)? else {
        return Ok(parser.expected_ref("a file", parser.peek_token_ref())?);
    };
    Ok(if program { CopyEndpoint::Program(name) } else { CopyEndpoint::File(name) })
}

/// A string.
fn text(parser: &mut Parser<'_>) -> Result<OptionValue> {
    match &parser.peek_token_ref().token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            let text = text.clone();
            parser.advance_token();
            Ok(OptionValue::Text(text))
        }
        _ => Ok(parser.expected_ref("a string", parser.peek_token_ref())?),
    }
}

/// `name [value], ...)`
fn listed(parser: &mut Parser<'_>, source: &Source, options: &mut Vec<GivenOption>) -> Result<()> {
    loop {
        let position = source.position(parser.peek_token_ref().span);
        let name = option_name(parser)?;
        let value = match &parser.peek_token_ref().token {
            Token::Comma | Token::RParen => OptionValue::Bare,
            Token::Mul => {
                parser.advance_token();
                OptionValue::Star
            }
            Token::LParen => {
                parser.advance_token();
                let listed = names(parser)?;
                parser.expect_token(&Token::RParen)?;
                OptionValue::Names(listed)
            }
            _ => OptionValue::Text(setting::value(parser)?.as_str().to_owned()),
        };
        options.push(GivenOption { name, value, position });
        if !parser.consume_token(&Token::Comma) {
            parser.expect_token(&Token::RParen)?;
            return Ok(());
        }
    }
}

/// The options of the older syntax, without commas.
fn worded(parser: &mut Parser<'_>, source: &Source, options: &mut Vec<GivenOption>) -> Result<()> {
    while let Some(word) = peek(parser) {
        let position = source.position(parser.peek_token_ref().span);
        let (name, value) = match word.as_str() {
            "binary" | "csv" => {
                parser.advance_token();
                ("format", OptionValue::Text(word.clone()))
            }
            "freeze" | "header" => {
                parser.advance_token();
                (word.as_str(), OptionValue::Bare)
            }
            "delimiter" | "null" | "quote" | "escape" | "encoding" => {
                parser.advance_token();
                accept(parser, "as");
                (word.as_str(), text(parser)?)
            }
            "force" => {
                parser.advance_token();
                force(parser)?
            }
            _ => return Ok(()),
        };
        options.push(GivenOption { name: name.to_owned(), value, position });
    }
    Ok(())
}

fn force(parser: &mut Parser<'_>) -> Result<(&'static str, OptionValue)> {
    let name = if accept(parser, "quote") {
        "force_quote"
    } else if accept_words(parser, &["not", "null"]) {
        "force_not_null"
    } else {
        expect(parser, "null")?;
        "force_null"
    };
    let star = name == "force_quote" && parser.consume_token(&Token::Mul);
    let columns = if star { OptionValue::Star } else { OptionValue::Names(names(parser)?) };
    Ok((name, columns))
}
