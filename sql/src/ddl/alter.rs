//! ALTER TABLE.

use reckon_mvcc::TableLock;
use sqlparser::ast::{AlterTable, AlterTableOperation};

use super::Edit;
use super::create_table::table_key;
use super::syntax::{NewKey, refuse, unsupported};
use crate::catalog::{RowIdentity, Schema, Table};
use crate::error::{ConstraintError, DefinitionError, Result, SqlState};
use crate::parser::object_name;

impl Edit<'_> {
    /// ALTER TABLE: adds a primary key or a unique constraint.
    ///
    /// # Errors
    ///
    /// 42P16 for a second primary key, 23502 and 23505 when the rows are not as it wants, 0A000
    /// for what is not supported.
    pub(crate) fn alter_table(&mut self, statement: &AlterTable) -> Result<()> {
        let AlterTable {
            name,
            if_exists,
            only: _,
            operations,
            location,
            on_cluster,
            table_type,
            ..
        } = statement;
        let beyond = location.is_some() || on_cluster.is_some() || table_type.is_some();
        refuse(beyond, "a clause of this ALTER TABLE")?;
        let name = &object_name(name, &self.source)?;
        if *if_exists && self.find(name)?.is_none() {
            let message = format!("relation \"{}\" does not exist", name);
            self.skipping(SqlState::SUCCESSFUL_COMPLETION, message);
            return Ok(());
        }
        for operation in operations {
            let AlterTableOperation::AddConstraint { constraint, not_valid } = operation else {
                return unsupported(format!("ALTER TABLE ... {operation}"));
            };
            refuse(*not_valid, "NOT VALID")?;
            let key = table_key(constraint, &self.source)?;
            let table = self.lock_rows(name, TableLock::AccessExclusive)?;
            let schema = Schema { oid: table.schema, name: table.schema_name.clone() };
            if key.primary {
                self.add_primary_key(&schema, &table, &key)?;
            } else {
                self.add_unique(&schema, &table, &key)?;
            }
        }
        Ok(())
    }

    fn add_unique(&mut self, schema: &Schema, table: &Table, key: &NewKey) -> Result<()> {
        let mut changed = table.clone();
        let keyspace = self.new_keyspace()?;
        let index = self.add_key(schema, &mut changed, key, keyspace, &mut Vec::new())?;
        self.fill_index(&changed, &index)?;
        changed.indexes.push(index);
        self.put(&changed)
    }

    /// The rows get new keys, so the table and its indexes are written anew.
    fn add_primary_key(&mut self, schema: &Schema, table: &Table, key: &NewKey) -> Result<()> {
        for column in &key.columns {
            if table.column(&column.name).is_none() {
                let (table, column) = (table.name.clone(), column.name.clone());
                return Err(DefinitionError::UndefinedColumn { table, column }.into());
            }
        }
        if table.primary_key().is_some() {
            return Err(DefinitionError::SeveralPrimaryKeys { table: table.name.clone() }.into());
        }
        let mut changed = table.clone();
        changed.keyspace = self.new_keyspace()?;
        let keyspace = changed.keyspace;
        let index = self.add_key(schema, &mut changed, key, keyspace, &mut Vec::new())?;
        self.check_not_null(table, &changed)?;
        changed.identity = RowIdentity::PrimaryKey(index);
        self.fill_table(table, &changed)?;
        for position in 0..changed.indexes.len() {
            changed.indexes[position].keyspace = self.new_keyspace()?;
            let index = changed.indexes[position].clone();
            self.fill_index(&changed, &index)?;
        }
        for keyspace in table.keyspaces() {
            self.transaction.drop_keyspace(keyspace);
        }
        self.put(&changed)
    }

    /// Refuses NULLs in columns that are about to be NOT NULL.
    fn check_not_null(&mut self, before: &Table, after: &Table) -> Result<()> {
        let newly: Vec<usize> = (0..before.columns.len())
            .filter(|column| after.columns[*column].not_null && !before.columns[*column].not_null)
            .collect();
        if newly.is_empty() {
            return Ok(());
        }
        self.each_row(before, &mut |_, _, row| match newly
            .iter()
            .find(|column| row[**column].is_null())
        {
            None => Ok(()),
            Some(column) => Err(ConstraintError::ContainsNull {
                schema: before.schema_name.clone(),
                table: before.name.clone(),
                column: before.columns[*column].name.clone(),
            }
            .into()),
        })
    }
}
