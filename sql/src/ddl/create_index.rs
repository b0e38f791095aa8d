//! CREATE INDEX.

use reckon_mvcc::TableLock;
use sqlparser::ast::{CreateIndex, IndexType, ObjectNamePart, Spanned};

use super::Edit;
use super::key::joined;
use super::syntax::{key_columns, names, refuse, unsupported};
use crate::catalog::{Index, Schema, Table};
use crate::error::{NameError, Result, SqlState};
use crate::parser::{fold, object_name};

impl Edit<'_> {
    /// CREATE INDEX, a b-tree's order. Writers of the table, and a second
    /// CREATE INDEX on it, wait until it commits.
    ///
    /// # Errors
    ///
    /// 42P07 when the name is taken, 23505 when it is unique and the rows are not, 0A000 for what
    /// is not supported.
    pub(crate) fn create_index(&mut self, statement: &CreateIndex) -> Result<()> {
        check_supported(statement)?;
        let table = self.lock_rows(
            &object_name(&statement.table_name, &self.source)?,
            TableLock::ShareRowExclusive,
        )?;
        let schema = Schema { oid: table.schema, name: table.schema_name.clone() };
        let keys = key_columns(&statement.columns)?;
        let columns = self.resolve_key(&table.columns, &keys, None)?;
        let include = names(&statement.include);
        let include = include
            .iter()
            .map(|name| {
                table.column(name).ok_or_else(|| {
                    NameError::UndefinedColumn { table: None, column: name.clone(), hint: None }
                        .into()
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let Some(name) = self.index_name(statement, &schema, &table, &joined(&keys))? else {
            return Ok(());
        };
        let index = Index {
            oid: self.oid()?,
            name,
            keyspace: self.new_keyspace()?,
            columns,
            include,
            unique: statement.unique,
            primary: false,
            valid: true,
        };
        self.fill_index(&table, &index)?;
        let mut changed = Table::clone(&table);
        changed.indexes.push(index);
        self.put(&changed)
    }

    /// The name given or made; None when it is there and that is fine.
    fn index_name(
        &mut self,
        statement: &CreateIndex,
        schema: &Schema,
        table: &Table,
        columns: &str,
    ) -> Result<Option<String>> {
        let Some(name) = &statement.name else {
            return self.free_name(schema, &table.name, columns, "idx", &[]).map(Some);
        };
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
            let first = name.0.first().map_or(name.span(), Spanned::span);
            return Err(self.source.error_after(first));
        };
        let name = fold(name);
        if self.claim(schema, &name)? {
            return Ok(Some(name));
        }
        let error = NameError::DuplicateTable { name };
        if !statement.if_not_exists {
            return Err(error.into());
        }
        self.skipping(SqlState::DUPLICATE_TABLE, error.to_string());
        Ok(None)
    }
}

fn check_supported(statement: &CreateIndex) -> Result<()> {
    refuse(statement.concurrently, "CREATE INDEX CONCURRENTLY")?;
    refuse(statement.predicate.is_some(), "a partial index")?;
    refuse(statement.nulls_distinct == Some(false), "NULLS NOT DISTINCT")?;
    let beyond = statement.r#async
        || !statement.with.is_empty()
        || !statement.index_options.is_empty()
        || !statement.alter_options.is_empty();
    refuse(beyond, "an index option")?;
    match &statement.using {
        None | Some(IndexType::BTree) => Ok(()),
        Some(other) => unsupported(format!("access method {other}")),
    }
}
