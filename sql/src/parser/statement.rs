//! What a statement is, by who carries it out.

use std::sync::Arc;

use reckon_mvcc::TableLock;
use sqlparser::ast;

use super::{Source, SystemTime};
use crate::copy::GivenOption;
use crate::settings::Level;

/// One statement of a query string.
#[derive(Debug)]
pub struct Statement {
    /// What it says.
    pub kind: Kind,
    /// Where it stands, in bytes of [`Source::text`].
    pub range: std::ops::Range<usize>,
    /// The query string it is part of; positions count in it.
    pub source: Arc<Source>,
    /// AS OF SYSTEM TIME, of a query.
    pub system_time: Option<Box<SystemTime>>,
}

/// The kinds of [`Statement`].
#[derive(Clone, Debug)]
pub enum Kind {
    /// SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE, with WITH or not: what has a plan.
    Query(Box<ast::Statement>),
    /// CREATE TABLE, CREATE INDEX, CREATE SCHEMA, ALTER TABLE and DROP.
    Definition(Box<ast::Statement>),
    /// EXPLAIN of a statement that has a plan.
    Explain(Explain),
    /// COPY.
    Copy(Box<Copy>),
    /// All others.
    Utility(Utility),
}

impl Clone for Statement {
    fn clone(&self) -> Statement {
        self.source.walk(|| Statement {
            kind: self.kind.clone(),
            range: self.range.clone(),
            source: Arc::clone(&self.source),
            system_time: self.system_time.clone(),
        })
    }
}

impl Statement {
    /// Where `$number` stands first.
    pub fn parameter_position(&self, number: usize) -> Option<u32> {
        let before = self.source.text().get(..self.range.start)?.chars().count();
        let start = u32::try_from(before).ok()? + 1;
        self.source.position_after(&format!("${number}"), Some(start))
    }
}

/// A name with its schema when that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The schema.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// 1-based character position of its first part.
    pub position: Option<u32>,
}

/// EXPLAIN.
#[derive(Clone, Debug)]
pub struct Explain {
    /// ANALYZE
    pub analyze: bool,
    /// VERBOSE
    pub verbose: bool,
    /// COSTS
    pub costs: bool,
    /// BUFFERS
    pub buffers: bool,
    /// TIMING; None: not said, on with ANALYZE.
    pub timing: Option<bool>,
    /// SUMMARY; None: not said, on with ANALYZE.
    pub summary: Option<bool>,
    /// The statement.
    pub statement: Box<Statement>,
}

/// COPY.
#[derive(Clone, Debug)]
pub struct Copy {
    /// What is copied.
    pub relation: CopyRelation,
    /// COPY FROM.
    pub from: bool,
    /// From or to where.
    pub endpoint: CopyEndpoint,
    /// Options in order, with both syntaxes made one.
    pub options: Vec<GivenOption>,
}

/// What COPY copies.
#[derive(Clone, Debug)]
pub enum CopyRelation {
    /// A table, and the columns when they were named.
    Table {
        /// The table.
        name: Name,
        /// The columns; empty: all.
        columns: Vec<String>,
    },
    /// The rows of a query.
    Query(Box<Statement>),
}

/// The other end of COPY.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CopyEndpoint {
    /// STDIN or STDOUT: the client.
    Client,
    /// A file of the server.
    File(String),
    /// A program of the server.
    Program(String),
}

/// ISOLATION LEVEL, READ ONLY | READ WRITE, \[NOT\] DEFERRABLE, AS OF SYSTEM TIME.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionModes {
    /// ISOLATION LEVEL
    pub isolation: Option<Level>,
    /// READ ONLY
    pub read_only: Option<bool>,
    /// DEFERRABLE
    pub deferrable: Option<bool>,
    /// AS OF SYSTEM TIME
    pub system_time: Option<Box<SystemTime>>,
}

/// One value of SET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SettingValue {
    /// A word.
    Word(String),
    /// A string.
    Text(String),
    /// A number as written, with its sign.
    Number(String),
}

impl Kind {
    /// Whether the statement has a plan of its own.
    pub fn is_plannable(&self) -> bool {
        matches!(self, Kind::Query(_))
    }

    /// Whether it is allowed in a failed block, because it ends the failure.
    pub fn ends_transaction(&self) -> bool {
        use Utility::{Commit, PrepareTransaction, Rollback, RollbackTo};
        matches!(
            self,
            Kind::Utility(Commit { .. } | PrepareTransaction(_) | Rollback { .. } | RollbackTo(_))
        )
    }
}

impl SettingValue {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        match self {
            SettingValue::Word(text) | SettingValue::Text(text) | SettingValue::Number(text) => {
                text
            }
        }
    }
}

/// What VACUUM and ANALYZE are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maintenance {
    /// Options that are on, in lower case: `full`, `freeze`, `verbose`, `analyze`...
    pub options: Vec<String>,
    /// Tables and columns; empty: all tables.
    pub tables: Vec<(Name, Vec<String>)>,
}

/// An option of CREATE DATABASE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseOption {
    /// Its name in lower case.
    pub name: String,
    /// Its value; None: DEFAULT.
    pub value: Option<SettingValue>,
    /// 1-based character position of the name.
    pub position: Option<u32>,
}

/// TRUNCATE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Truncate {
    /// The tables.
    pub tables: Vec<Name>,
    /// RESTART IDENTITY
    pub restart_identity: bool,
    /// CASCADE
    pub cascade: bool,
}

/// What DISCARD throws away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiscardTarget {
    /// ALL
    All,
    /// PLANS
    Plans,
    /// SEQUENCES
    Sequences,
    /// TEMP
    Temporary,
}

/// Statements without a plan.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the statement")]
pub enum Utility {
    /// BEGIN.
    Begin(TransactionModes),
    /// START TRANSACTION.
    Start(TransactionModes),
    /// COMMIT, END.
    Commit { chain: bool },
    /// ROLLBACK, ABORT.
    Rollback { chain: bool },
    /// PREPARE TRANSACTION.
    PrepareTransaction(String),
    /// COMMIT PREPARED.
    CommitPrepared(String),
    /// ROLLBACK PREPARED.
    RollbackPrepared(String),
    /// SAVEPOINT.
    Savepoint(String),
    /// RELEASE SAVEPOINT.
    Release(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// SET TRANSACTION.
    SetTransaction(TransactionModes),
    /// SET TRANSACTION SNAPSHOT.
    SetSnapshot(String),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION.
    SetCharacteristics(TransactionModes),
    /// SET; without values: to its default.
    Set { local: bool, name: String, values: Vec<SettingValue> },
    /// RESET; None: ALL.
    Reset(Option<String>),
    /// SHOW; None: ALL.
    Show(Option<String>),
    /// PREPARE.
    Prepare { name: String, types: Vec<ast::DataType>, statement: Box<Statement> },
    /// EXECUTE.
    Execute { name: String, arguments: Vec<ast::Expr> },
    /// DEALLOCATE; None: ALL.
    Deallocate(Option<String>),
    /// DISCARD.
    Discard(DiscardTarget),
    /// VACUUM.
    Vacuum(Maintenance),
    /// ANALYZE.
    Analyze(Maintenance),
    /// TRUNCATE.
    Truncate(Truncate),
    /// CREATE DATABASE.
    CreateDatabase { name: String, options: Vec<DatabaseOption> },
    /// DROP DATABASE.
    DropDatabase { name: String, if_exists: bool, force: bool },
    /// LOCK TABLE.
    Lock { tables: Vec<Name>, mode: TableLock, nowait: bool },
    /// CHECKPOINT.
    Checkpoint,
    /// LISTEN.
    Listen(String),
    /// UNLISTEN; None: all.
    Unlisten(Option<String>),
    /// NOTIFY.
    Notify { channel: String, payload: String },
}
