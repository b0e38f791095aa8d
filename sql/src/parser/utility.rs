//! Which parser reads a statement, decided by its first words.

use std::sync::Arc;

use reckon_mvcc::TableLock;
use sqlparser::ast;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::identifier::{fold, object_name};
use super::option::{accept, accept_words, expect, name, names, peek, word_at};
use super::split::Failure;
use super::{
    DatabaseOption, DiscardTarget, Kind, Maintenance, Name, Source, Statement, Truncate, Utility,
    copy, option, setting, transaction,
};
use crate::error::SyntaxError;

type Result<T> = std::result::Result<T, Failure>;

/// Statements of PostgreSQL that are not supported, by their first word.
const UNSUPPORTED: &[&str] = &[
    "call", "close", "cluster", "comment", "declare", "do", "fetch", "grant", "import", "load",
    "merge", "move", "reassign", "refresh", "reindex", "revoke", "security",
];

/// What may follow CREATE, ALTER and DROP in PostgreSQL and is not supported.
const UNSUPPORTED_OBJECTS: &[&str] = &[
    "access",
    "aggregate",
    "cast",
    "collation",
    "constraint",
    "conversion",
    "default",
    "domain",
    "event",
    "extension",
    "foreign",
    "function",
    "global",
    "group",
    "language",
    "large",
    "local",
    "materialized",
    "operator",
    "owned",
    "policy",
    "procedural",
    "procedure",
    "publication",
    "recursive",
    "role",
    "routine",
    "rule",
    "sequence",
    "server",
    "statistics",
    "subscription",
    "system",
    "tablespace",
    "temp",
    "temporary",
    "text",
    "transform",
    "trigger",
    "trusted",
    "type",
    "unlogged",
    "user",
    "view",
];

/// Reads one statement.
pub(super) fn statement(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Kind> {
    let Some(first) = peek(parser) else {
        if parser.peek_token_ref().token == Token::LParen {
            return query(parser);
        }
        return Ok(parser.expected_ref("a statement", parser.peek_token_ref())?);
    };
    let kind = match first.as_str() {
        "select" if parser.peek_nth_token_ref(1).token == Token::EOF => {
            parser.advance_token();
            return empty_select();
        }
        "select" | "values" | "with" | "table" => return query(parser),
        "insert" | "update" | "delete" => {
            let needed = match first.as_str() {
                "insert" => Some("into"),
                "delete" => Some("from"),
                _ => None,
            };
            if needed.is_some_and(|word| word_at(parser, 1).as_deref() != Some(word)) {
                return Ok(parser.expected_ref("INTO or FROM", parser.peek_nth_token_ref(1))?);
            }
            let statement = parser.parse_statement()?;
            return Ok(Kind::Query(Box::new(statement)));
        }
        "create" | "alter" | "drop" => return definition(parser, source),
        "explain" => {
            parser.advance_token();
            return Ok(Kind::Explain(option::explain(parser, source)?));
        }
        "copy" => {
            parser.advance_token();
            return Ok(Kind::Copy(Box::new(copy::copy(parser, source)?)));
        }
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            transaction::statement(parser, &first)?
        }
        "set" | "show" | "reset" => setting::statement(parser, &first)?,
        "prepare" | "execute" | "deallocate" | "discard" | "vacuum" | "analyze" | "analyse"
        | "truncate" | "lock" | "checkpoint" | "listen" | "unlisten" | "notify" => {
            parser.advance_token();
            utility(parser, source, &first)?
        }
        first if UNSUPPORTED.contains(&first) => {
            return Err(SyntaxError::unsupported(first.to_uppercase()).into());
        }
        _ => return Ok(parser.expected_ref("a statement", parser.peek_token_ref())?),
    };
    Ok(Kind::Utility(kind))
}

fn query(parser: &mut Parser<'_>) -> Result<Kind> {
    let query = parser.parse_query()?;

    Ok(Kind::Query(Box::new(ast::Statement::Query(query))))
}

/// `SELECT` alone: one row of no columns.
fn empty_select() -> Result<Kind> {
    let mut parser =
        Parser::new(&sqlparser::dialect::PostgreSqlDialect {}).try_with_sql("SELECT 1")?;
    let mut query = parser.parse_query()?;
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        select.projection.clear();
    }
    Ok(Kind::Query(Box::new(ast::Statement::Query(query))))
}

fn utility(parser: &mut Parser<'_>, source: &Arc<Source>, first: &str) -> Result<Utility> {
    match first {
        "prepare" => prepare(parser, source),
        "execute" => execute(parser),
        "deallocate" => {
            accept(parser, "prepare");
            if accept(parser, "all") {
                return Ok(Utility::Deallocate(None));
            }
            Ok(Utility::Deallocate(Some(name(parser)?)))
        }
        "discard" => discard(parser),
        "vacuum" => Ok(Utility::Vacuum(maintenance(parser, source, &["full", "freeze"])?)),
        "truncate" => truncate(parser, source),
        "lock" => lock(parser, source),
        "checkpoint" => Ok(Utility::Checkpoint),
        "listen" => Ok(Utility::Listen(name(parser)?)),
        "unlisten" => {
            let all = parser.consume_token(&Token::Mul);
            Ok(Utility::Unlisten(if all { None } else { Some(name(parser)?) }))
        }
        "notify" => {
            let channel = name(parser)?;
            let mut payload = String::new();
            if parser.consume_token(&Token::Comma) {
                if matches!(parser.peek_token_ref().token, Token::Word(_)) {
                    return Ok(parser.expected_ref("a string", parser.peek_token_ref())?);
                }
                payload = parser.parse_literal_string()?;
            }
            Ok(Utility::Notify { channel, payload })
        }
        _ => Ok(Utility::Analyze(maintenance(parser, source, &[])?)),
    }
}

fn prepare(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Utility> {
    let is_name = word_at(parser, 1).as_deref() == Some("as")
        || parser.peek_nth_token_ref(1).token == Token::LParen;
    if !is_name && accept(parser, "transaction") {
        return Ok(Utility::PrepareTransaction(transaction::identifier(parser)?));
    }
    let name = name(parser)?;
    let mut types = Vec::new();
    if parser.consume_token(&Token::LParen) {
        types = parser.parse_comma_separated(Parser::parse_data_type)?;
        parser.expect_token(&Token::RParen)?;
    }
    expect(parser, "as")?;
    let statement = Box::new(nested(parser, source)?);
    Ok(Utility::Prepare { name, types, statement })
}

/// The statement inside of PREPARE, EXPLAIN or COPY: one that has a plan.
pub(super) fn nested(parser: &mut Parser<'_>, source: &Arc<Source>) -> Result<Statement> {
    let offset = |span: sqlparser::tokenizer::Span| source.offset(span.start);
    let start = offset(parser.peek_token_ref().span).unwrap_or_else(|| source.len());
    let word = peek(parser);
    let planned = ["select", "values", "with", "table", "insert", "update", "delete"];
    let kind = match word.as_deref() {
        Some(word) if planned.contains(&word) => statement(parser, source)?,
        None if parser.peek_token_ref().token == Token::LParen => query(parser)?,
        _ => parser.expected_ref("a query", parser.peek_token_ref())?,
    };
    let end = offset(parser.peek_token_ref().span).unwrap_or_else(|| source.len());
    let bytes = source.byte(start)..source.byte(end);
    let trimmed = source.text().get(bytes.clone()).map_or(0, |text| text.trim_end().len());
    let range = bytes.start..bytes.start + trimmed;
    Ok(Statement { kind, range, source: Arc::clone(source), system_time: None })
}

fn execute(parser: &mut Parser<'_>) -> Result<Utility> {
    let name = name(parser)?;
    let mut arguments = Vec::new();
    if parser.consume_token(&Token::LParen) {
        arguments = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(Utility::Execute { name, arguments })
}

fn discard(parser: &mut Parser<'_>) -> Result<Utility> {
    let target = match peek(parser).as_deref() {
        Some("all") => DiscardTarget::All,
        Some("plans") => DiscardTarget::Plans,
        Some("sequences") => DiscardTarget::Sequences,
        Some("temp" | "temporary") => DiscardTarget::Temporary,
        _ => return Ok(parser.expected_ref("ALL", parser.peek_token_ref())?),
    };
    parser.advance_token();
    Ok(Utility::Discard(target))
}

/// VACUUM and ANALYZE: `words` are what the old syntax allows before VERBOSE.
fn maintenance(
    parser: &mut Parser<'_>,
    source: &Arc<Source>,
    words: &[&str],
) -> Result<Maintenance> {
    let mut options = Vec::new();
    if parser.peek_token_ref().token == Token::LParen {
        let statement = if words.is_empty() { "ANALYZE" } else { "VACUUM" };
        options = option::switches(parser, source, statement)?;
    } else {
        for word in words.iter().chain(&["verbose"]) {
            if accept(parser, word) {
                options.push((*word).to_owned());
            }
        }
        if !words.is_empty() && (accept(parser, "analyze") || accept(parser, "analyse")) {
            options.push("analyze".to_owned());
        }
    }
    let mut tables = Vec::new();
    if parser.peek_token_ref().token != Token::EOF {
        loop {
            let table = table_name(parser, source)?;
            let mut columns = Vec::new();
            if parser.consume_token(&Token::LParen) {
                columns = names(parser)?;
                parser.expect_token(&Token::RParen)?;
            }
            tables.push((table, columns));
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
    }
    Ok(Maintenance { options, tables })
}

/// A table's name with its schema.
pub(super) fn table_name(parser: &mut Parser<'_>, source: &Source) -> Result<Name> {
    let written = parser.parse_object_name(false)?;
    Ok(object_name(&written, source)?)
}

fn relations(parser: &mut Parser<'_>, source: &Source) -> Result<Vec<Name>> {
    accept(parser, "table");
    let mut tables = Vec::new();
    loop {
        accept(parser, "only");
        tables.push(table_name(parser, source)?);
        let _ = parser.consume_token(&Token::Mul);
        if !parser.consume_token(&Token::Comma) {
            return Ok(tables);
        }
    }
}

fn truncate(parser: &mut Parser<'_>, source: &Source) -> Result<Utility> {
    let tables = relations(parser, source)?;
    let restart_identity = accept_words(parser, &["restart", "identity"]);
    if !restart_identity {
        accept_words(parser, &["continue", "identity"]);
    }
    let cascade = accept(parser, "cascade");
    if !cascade {
        accept(parser, "restrict");
    }
    Ok(Utility::Truncate(Truncate { tables, restart_identity, cascade }))
}

/// Lock modes by their words, the longest first.
const LOCK_MODES: &[(&[&str], TableLock)] = &[
    (&["access", "share"], TableLock::AccessShare),
    (&["access", "exclusive"], TableLock::AccessExclusive),
    (&["row", "share"], TableLock::RowShare),
    (&["row", "exclusive"], TableLock::RowExclusive),
    (&["share", "update", "exclusive"], TableLock::ShareUpdateExclusive),
    (&["share", "row", "exclusive"], TableLock::ShareRowExclusive),
    (&["share"], TableLock::Share),
    (&["exclusive"], TableLock::Exclusive),
];

fn lock(parser: &mut Parser<'_>, source: &Source) -> Result<Utility> {
    let tables = relations(parser, source)?;
    let mut mode = TableLock::AccessExclusive;
    if accept(parser, "in") {
        let found = LOCK_MODES.iter().find(|(words, _)| accept_words(parser, words));
        let Some((_, found)) = found else {
            return Ok(parser.expected_ref("a lock mode", parser.peek_token_ref())?);
        };
        mode = *found;
        expect(parser, "mode")?;
    }
    let nowait = accept(parser, "nowait");
    Ok(Utility::Lock { tables, mode, nowait })
}

fn definition(parser: &mut Parser<'_>, source: &Source) -> Result<Kind> {
    let verb = peek(parser).unwrap_or_default();
    let object = word_at(parser, 1).unwrap_or_default();
    if object == "database" && verb != "alter" {
        parser.advance_token();
        parser.advance_token();
        return Ok(Kind::Utility(database(parser, source, &verb)?));
    }
    let replace = object == "or" && word_at(parser, 2).as_deref() == Some("replace");
    let object = if replace { word_at(parser, 3).unwrap_or_default() } else { object };
    let supported = match verb.as_str() {
        "create" => matches!(object.as_str(), "table" | "index" | "unique" | "schema") && !replace,
        "drop" => matches!(object.as_str(), "table" | "index" | "schema"),
        _ => object == "table",
    };
    if verb == "drop" && object == "index" && word_at(parser, 2).as_deref() == Some("concurrently")
    {
        return Err(SyntaxError::unsupported("DROP INDEX CONCURRENTLY").into());
    }
    if supported {
        let name = if object == "unique" { 6 } else { 5 };
        if word_at(parser, name - 1).as_deref() == Some("exists")
            && word_at(parser, name).as_deref() == Some("on")
        {
            // Nothing can be there already without a name.
            return Ok(parser.expected_ref("a name", parser.peek_nth_token_ref(name))?);
        }
        if verb == "create" && object == "table" {
            check_create_table(parser)?;
        }
        let statement = parser.parse_statement().or_else(|error| {
            refuse_clause(parser, &verb, &object)?;
            Err(Failure::from(error))
        })?;
        refuse_clause(parser, &verb, &object)?;
        return Ok(Kind::Definition(Box::new(statement)));
    }
    let known = UNSUPPORTED_OBJECTS.contains(&object.as_str())
        || matches!(object.as_str(), "table" | "index" | "schema" | "database");
    if known {
        let feature = format!("{} {}", verb.to_uppercase(), object.to_uppercase());
        return Err(SyntaxError::unsupported(feature).into());
    }
    parser.advance_token();
    Ok(parser.expected_ref("an object", parser.peek_token_ref())?)
}

/// Refuses a clause of PostgreSQL's at which sqlparser stopped.
fn refuse_clause(parser: &Parser<'_>, verb: &str, object: &str) -> Result<()> {
    let unsupported =
        ["compression", "nulls", "only", "set", "storage", "tablespace", "using", "without"];
    match peek(parser) {
        Some(word) if unsupported.contains(&word.as_str()) => {
            let feature = format!("{verb} {object} ... {word}").to_uppercase();
            Err(SyntaxError::unsupported(feature).into())
        }
        _ => Ok(()),
    }
}

/// Refuses `CREATE TABLE name` without anything behind, which sqlparser takes.
fn check_create_table(parser: &Parser<'_>) -> Result<()> {
    let mut at = 2;
    if word_at(parser, at).as_deref() == Some("if") {
        at += 3;
    }
    at += 1;
    while parser.peek_nth_token_ref(at).token == Token::Period {
        at += 2;
    }
    let next = parser.peek_nth_token_ref(at);
    if next.token == Token::EOF && parser.peek_nth_token_ref(at - 1).token != Token::EOF {
        return Ok(parser.expected_ref("columns", next)?);
    }
    Ok(())
}

fn database(parser: &mut Parser<'_>, source: &Source, verb: &str) -> Result<Utility> {
    if verb == "create" {
        let name = name(parser)?;
        accept(parser, "with");
        let mut options = Vec::new();
        while let Token::Word(_) = parser.peek_token_ref().token {
            let position = source.position(parser.peek_token_ref().span);
            let mut option = fold(&parser.parse_identifier()?);
            if option == "connection" {
                expect(parser, "limit")?;
                option.push_str(" limit");
            }
            let _ = parser.consume_token(&Token::Eq);
            let value =
                if accept(parser, "default") { None } else { Some(setting::value(parser)?) };
            options.push(DatabaseOption { name: option, value, position });
        }
        return Ok(Utility::CreateDatabase { name, options });
    }
    let if_exists = accept_words(parser, &["if", "exists"]);
    let name = name(parser)?;
    let mut force = false;
    let with = accept(parser, "with");
    if with || parser.peek_token_ref().token == Token::LParen {
        parser.expect_token(&Token::LParen)?;
        expect(parser, "force")?;
        while parser.consume_token(&Token::Comma) {
            expect(parser, "force")?;
        }
        parser.expect_token(&Token::RParen)?;
        force = true;
    }
    Ok(Utility::DropDatabase { name, if_exists, force })
}
