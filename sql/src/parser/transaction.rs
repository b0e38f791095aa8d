//! BEGIN, COMMIT, ROLLBACK, savepoints and prepared transactions.

use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::option::{accept, accept_words, expect, name};
use super::split::Failure;
use super::{TransactionModes, Utility, as_of};
use crate::settings::Level;

type Result<T> = std::result::Result<T, Failure>;

/// Reads a statement that begins with `first`.
pub(super) fn statement(parser: &mut Parser<'_>, first: &str) -> Result<Utility> {
    parser.advance_token();
    match first {
        "start" => {
            expect(parser, "transaction")?;
            Ok(Utility::Start(modes(parser, false)?))
        }
        "begin" => {
            transaction_word(parser);
            Ok(Utility::Begin(modes(parser, false)?))
        }
        "commit" | "end" => {
            if first == "commit" && accept(parser, "prepared") {
                return Ok(Utility::CommitPrepared(identifier(parser)?));
            }
            transaction_word(parser);
            Ok(Utility::Commit { chain: chain(parser)? })
        }
        "savepoint" => Ok(Utility::Savepoint(name(parser)?)),
        "release" => {
            accept(parser, "savepoint");
            Ok(Utility::Release(name(parser)?))
        }
        _ => {
            if first == "rollback" && accept(parser, "prepared") {
                return Ok(Utility::RollbackPrepared(identifier(parser)?));
            }
            transaction_word(parser);
            if first == "rollback" && accept(parser, "to") {
                accept(parser, "savepoint");
                return Ok(Utility::RollbackTo(name(parser)?));
            }
            Ok(Utility::Rollback { chain: chain(parser)? })
        }
    }
}

fn transaction_word(parser: &mut Parser<'_>) {
    if !accept(parser, "work") {
        accept(parser, "transaction");
    }
}

/// The identifier of a prepared transaction: a string.
pub(super) fn identifier(parser: &mut Parser<'_>) -> Result<String> {
    if matches!(parser.peek_token_ref().token, Token::Word(_)) {
        return Ok(parser.expected_ref("a string", parser.peek_token_ref())?);
    }
    Ok(parser.parse_literal_string()?)
}

/// `AND [NO] CHAIN`
fn chain(parser: &mut Parser<'_>) -> Result<bool> {
    if !accept(parser, "and") {
        return Ok(false);
    }
    let chain = !accept(parser, "no");
    expect(parser, "chain")?;
    Ok(chain)
}

/// Transaction modes up to the end; `required`: at least one.
pub(super) fn modes(parser: &mut Parser<'_>, required: bool) -> Result<TransactionModes> {
    let mut modes = TransactionModes::default();
    let mut expected = required;
    loop {
        if accept_words(parser, &["isolation", "level"]) {
            modes.isolation = Some(isolation(parser)?);
        } else if accept_words(parser, &["read", "only"]) {
            modes.read_only = Some(true);
        } else if accept_words(parser, &["read", "write"]) {
            modes.read_only = Some(false);
        } else if accept(parser, "deferrable") {
            modes.deferrable = Some(true);
        } else if accept_words(parser, &["not", "deferrable"]) {
            modes.deferrable = Some(false);
        } else if accept_words(parser, &["as", "of", "system", "time"]) {
            modes.system_time = Some(Box::new(as_of::time(parser)?));
        } else if expected {
            return Ok(parser.expected_ref("a mode", parser.peek_token_ref())?);
        } else {
            return Ok(modes);
        }
        expected = parser.consume_token(&Token::Comma);
    }
}

fn isolation(parser: &mut Parser<'_>) -> Result<Level> {
    let known = |level: &&Level| {
        let words: Vec<_> = level.name().split(' ').collect();
        accept_words(parser, &words)
    };
    match Level::ALL.iter().find(known) {
        Some(level) => Ok(*level),
        None => Ok(parser.expected_ref("an isolation level", parser.peek_token_ref())?),
    }
}
