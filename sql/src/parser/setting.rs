//! SET, SHOW and RESET.

use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::option::{accept, accept_words, expect, option_name, peek};
use super::split::Failure;
use super::{SettingValue, Utility, transaction};
use crate::error::SyntaxError;

type Result<T> = std::result::Result<T, Failure>;

/// Reads a statement that begins with `first`.
pub(super) fn statement(parser: &mut Parser<'_>, first: &str) -> Result<Utility> {
    parser.advance_token();
    match first {
        "show" => Ok(Utility::Show(setting_or_all(parser)?)),
        "reset" => Ok(Utility::Reset(setting_or_all(parser)?)),
        _ => set(parser),
    }
}

fn set(parser: &mut Parser<'_>) -> Result<Utility> {
    if accept(parser, "constraints") {
        return Err(SyntaxError::unsupported("SET CONSTRAINTS").into());
    }
    if accept_words(parser, &["session", "characteristics", "as", "transaction"]) {
        return Ok(Utility::SetCharacteristics(transaction::modes(parser, true)?));
    }
    let local = accept(parser, "local");
    if !local {
        accept(parser, "session");
    }
    if accept(parser, "transaction") {
        if accept(parser, "snapshot") {
            if local {
                let feature = "SET LOCAL TRANSACTION SNAPSHOT is not implemented";
                return Err(SyntaxError::NotImplemented { feature }.into());
            }
            return Ok(Utility::SetSnapshot(parser.parse_literal_string()?));
        }
        return Ok(Utility::SetTransaction(transaction::modes(parser, true)?));
    }
    if accept_words(parser, &["time", "zone"]) {
        let values = if accept(parser, "default") || accept(parser, "local") {
            vec![]
        } else if peek(parser).as_deref() == Some("interval") {
            return Err(SyntaxError::unsupported("SET TIME ZONE INTERVAL").into());
        } else {
            vec![value(parser)?]
        };
        return Ok(Utility::Set { local, name: "timezone".to_owned(), values });
    }
    let special = [("names", "client_encoding"), ("role", "role"), ("schema", "search_path")];
    for (word, name) in special {
        let plain =
            matches!(
                &parser.peek_nth_token_ref(1).token,
                Token::Word(next) if !next.value.eq_ignore_ascii_case("to")
            ) || matches!(&parser.peek_nth_token_ref(1).token, Token::SingleQuotedString(_));
        if plain && accept(parser, word) {
            let values = if accept(parser, "default") { vec![] } else { vec![value(parser)?] };
            return Ok(Utility::Set { local, name: name.to_owned(), values });
        }
    }
    if accept(parser, "authorization") {
        return Err(SyntaxError::unsupported("SET SESSION AUTHORIZATION").into());
    }
    let name = setting_name(parser)?;
    if !parser.consume_token(&Token::Eq) {
        expect(parser, "to")?;
    }
    let values = if accept(parser, "default") { vec![] } else { values(parser)? };
    Ok(Utility::Set { local, name, values })
}

fn setting_or_all(parser: &mut Parser<'_>) -> Result<Option<String>> {
    if accept(parser, "all") {
        return Ok(None);
    }
    if accept_words(parser, &["time", "zone"]) {
        return Ok(Some("timezone".to_owned()));
    }
    if accept_words(parser, &["transaction", "isolation", "level"]) {
        return Ok(Some("transaction_isolation".to_owned()));
    }
    if accept_words(parser, &["session", "authorization"]) {
        return Ok(Some("session_authorization".to_owned()));
    }
    setting_name(parser).map(Some)
}

fn setting_name(parser: &mut Parser<'_>) -> Result<String> {
    if peek(parser)
        .is_some_and(|word| super::keyword::class(&word) == super::keyword::Class::Reserved)
    {
        return Ok(parser.expected_ref("a setting", parser.peek_token_ref())?);
    }
    let mut name = option_name(parser)?;
    while parser.consume_token(&Token::Period) {
        name.push('.');
        name.push_str(&option_name(parser)?);
    }
    Ok(name)
}

fn values(parser: &mut Parser<'_>) -> Result<Vec<SettingValue>> {
    let mut values = vec![value(parser)?];
    while parser.consume_token(&Token::Comma) {
        values.push(value(parser)?);
    }
    Ok(values)
}

/// A word, a string, or a number with its sign.
pub(super) fn value(parser: &mut Parser<'_>) -> Result<SettingValue> {
    let minus = parser.consume_token(&Token::Minus);
    let plus = !minus && parser.consume_token(&Token::Plus);
    let value = match &parser.peek_token_ref().token {
        Token::Number(digits, _) => {
            let sign = if minus { "-" } else { "" };
            SettingValue::Number(format!("{sign}{digits}"))
        }
        _ if minus || plus => {
            return Ok(parser.expected_ref("a number", parser.peek_token_ref())?);
        }
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            SettingValue::Text(text.clone())
        }
        Token::Word(word) if word.quote_style.is_some() => SettingValue::Word(word.value.clone()),
        Token::Word(word) => SettingValue::Word(word.value.to_ascii_lowercase()),
        _ => return Ok(parser.expected_ref("a value", parser.peek_token_ref())?),
    };
    parser.advance_token();
    Ok(value)
}
