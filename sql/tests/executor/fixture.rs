//! A small database without a catalog: tables are made by hand, statements are plans.

use std::sync::Arc;

use reckon_mvcc::{Engine, Isolation, MemoryStore, Options, Snapshot, SyncMode, Transaction};
use reckon_sql::catalog::{Column, Index, IndexColumn, RowIdentity, Table};
use reckon_sql::error::Result;
use reckon_sql::exec::{Context, Execution, Limits, Relations, RowIds, Surroundings};
use reckon_sql::plan::Node;
use reckon_sql::types::{Datum, Formats, Oid, Type};

use crate::alone::Alone;

pub(crate) type Row = Vec<Datum>;

/// An engine and what the executor needs besides.
pub(crate) struct Database {
    pub(crate) engine: Engine,
    pub(crate) row_ids: RowIds,
    temporary: tempfile::TempDir,
    pub(crate) work_memory: usize,
}

/// One session.
pub(crate) struct Client<'d> {
    database: &'d Database,
    session: reckon_mvcc::Session,
    transaction: Option<Transaction>,
    pub(crate) affected: u64,
    /// How often a statement was started again.
    pub(crate) restarts: usize,
}

impl Database {
    pub(crate) fn new() -> Database {
        let options = Options { sync: SyncMode::Inline, ..Options::default() };
        Database {
            engine: Engine::open(Arc::new(MemoryStore::new()), options).unwrap(),
            row_ids: RowIds::default(),
            temporary: tempfile::tempdir().unwrap(),
            work_memory: 4 << 20,
        }
    }

    pub(crate) fn client(&self) -> Client<'_> {
        let session = self.engine.session();
        Client { database: self, session, transaction: None, affected: 0, restarts: 0 }
    }

    /// A table `(id int4, name text, size int8)`, clustered on `id` or not.
    pub(crate) fn table(&self, keyed: bool, indexes: Vec<Index>) -> Table {
        let keyspace = self.engine.allocate_keyspace().unwrap();
        let column = |name: &str, ty, not_null| Column {
            name: name.to_owned(),
            ty,
            not_null,
            default: None,
            dropped: false,
        };
        let primary = Index {
            oid: Oid(20_000),
            name: "t_pkey".to_owned(),
            keyspace,
            columns: vec![ascending(0)],
            include: Vec::new(),
            unique: true,
            primary: true,
            valid: true,
        };
        Table {
            oid: Oid(10_000),
            schema: Oid(2200),
            schema_name: "public".to_owned(),
            name: "t".to_owned(),
            owner: Oid(10),
            keyspace,
            identity: if keyed { RowIdentity::PrimaryKey(primary) } else { RowIdentity::RowId },
            columns: vec![
                column("id", Type::INT4, keyed),
                column("name", Type::TEXT, false),
                column("size", Type::INT8, false),
            ],
            indexes,
            constraints: Vec::new(),
            options: Vec::new(),
        }
    }

    pub(crate) fn index(&self, oid: u32, columns: &[IndexColumn], unique: bool) -> Index {
        Index {
            oid: Oid(oid),
            name: format!("i{oid}"),
            keyspace: self.engine.allocate_keyspace().unwrap(),
            columns: columns.to_vec(),
            include: Vec::new(),
            unique,
            primary: false,
            valid: true,
        }
    }
}

pub(crate) fn ascending(column: usize) -> IndexColumn {
    IndexColumn { column, descending: false, nulls_first: false }
}

pub(crate) fn descending(column: usize) -> IndexColumn {
    IndexColumn { column, descending: true, nulls_first: true }
}

impl Client<'_> {
    pub(crate) fn begin(&mut self, isolation: Isolation) {
        self.transaction = Some(self.session.begin(isolation, false));
    }

    pub(crate) fn commit(&mut self) {
        self.transaction.take().unwrap().commit().unwrap();
    }

    pub(crate) fn rollback(&mut self) {
        self.transaction.take().unwrap().rollback();
    }

    /// Runs a plan to its end, in the open transaction or in one of its own.
    pub(crate) fn run(&mut self, plan: Node) -> Result<Vec<Row>> {
        self.run_with(plan, &[])
    }

    pub(crate) fn run_with(&mut self, plan: Node, parameters: &[Datum]) -> Result<Vec<Row>> {
        let mut execution = Execution::start(&Arc::new(plan))?;
        self.execute(&mut execution, parameters)
    }

    /// Runs an execution as a session does: with a new snapshot, and again after a row moved.
    pub(crate) fn execute(
        &mut self,
        execution: &mut Execution,
        parameters: &[Datum],
    ) -> Result<Vec<Row>> {
        let alone = self.transaction.is_none();
        if alone {
            self.begin(Isolation::ReadCommitted);
        }
        let result = self.attempts(execution, parameters);
        self.affected = execution.rows_affected();
        match (alone, result.is_ok()) {
            (true, true) => self.commit(),
            (true, false) => self.rollback(),
            _ => {}
        }
        result
    }

    fn attempts(&mut self, execution: &mut Execution, parameters: &[Datum]) -> Result<Vec<Row>> {
        let mut transaction = self.transaction.take().unwrap();
        let savepoint = transaction.savepoint();
        let result = loop {
            let snapshot = transaction.snapshot();
            execution.restart();
            let result = self.attempt(&mut transaction, execution, snapshot, parameters);
            match result {
                Err(error) if error.wants_new_snapshot() => {
                    transaction.rollback_to(savepoint);
                    self.restarts += 1;
                }
                Err(error) => {
                    transaction.rollback_to(savepoint);
                    break Err(error);
                }
                done => break done,
            }
        };
        transaction.next_command();
        self.transaction = Some(transaction);
        result
    }

    fn attempt(
        &self,
        transaction: &mut Transaction,
        execution: &mut Execution,
        snapshot: Snapshot,
        parameters: &[Datum],
    ) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        with_context(self.database, &self.session, transaction, snapshot, parameters, |cx| {
            while execution.next(cx)? {
                rows.push(execution.row().to_vec());
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

pub(crate) fn with_context<R>(
    database: &Database,
    session: &reckon_mvcc::Session,
    transaction: &mut Transaction,
    snapshot: Snapshot,
    parameters: &[Datum],
    body: impl FnOnce(&mut Context<'_>) -> Result<R>,
) -> Result<R> {
    let mut surroundings = Alone { formats: Formats::default() };
    let mut relations = NoRelations;
    let interrupt = session.interrupt();
    let mut cx = Context::new(
        transaction,
        snapshot,
        parameters,
        Surroundings {
            environment: &mut surroundings,
            relations: &mut relations,
            interrupt: &interrupt,
            row_ids: &database.row_ids,
            limits: Limits {
                work_memory: database.work_memory,
                temporary: database.temporary.path(),
            },
        },
    );
    body(&mut cx)
}

struct NoRelations;

impl Relations for NoRelations {
    fn rows(
        &mut self,
        relation: &'static str,
        _transaction: &mut Transaction,
        _snapshot: &Snapshot,
    ) -> Result<Vec<Row>> {
        Ok(vec![vec![Datum::text(relation)]])
    }
}
